"""Time and memory of the metrics of features, against torch-fidelity's and prdc's.

    python benchmarks/metrics.py [--count 10000] [--dimension 1280]

Without the network that sees the pictures: features are random numbers, as many for each picture
as lite0 has. Seconds from the first feature to the result, ours and the other's in one process; and
the most memory of ours when shown `--count` vectors of each kind and four times as many. Rivals are
left out where they are not installed (`pip install torch-fidelity prdc`, with PyTorch). Features of
theirs stay float32 in KID, ours are float64.
"""

import argparse
import sys
import time
import tracemalloc
import unittest.mock

import numpy as np

from keras_gans.evaluation import metrics

BATCH = 250


def batches(count, dimension, seed):
    random = np.random.default_rng(seed)
    for _ in range(count // BATCH):
        yield np.maximum(random.standard_normal((BATCH, dimension), np.float32), 0)


def ours(make, real, fake):
    """Shows a metric both kinds, batch by batch; its result."""
    metric = make()
    for kind, shown in (("real", real), ("fake", fake)):
        for batch in shown:
            metric.update(**{kind: batch})
    return metric.result()


def rivals():
    """`{name: function of real and generated features}`."""
    for part in ("", ".datasets", ".transforms", ".transforms.functional", ".models"):
        # Imported with the data sets of torch-fidelity, which are not used here.
        sys.modules.setdefault(f"torchvision{part}", unittest.mock.MagicMock())
    try:
        import prdc
        from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
        from torch_fidelity.metric_kid import kid_features_to_metric
    except ImportError as error:
        print(f"without rivals: {error}")
        return {}
    import torch

    def fid(real, fake):
        both = (fid_features_to_statistics(torch.from_numpy(kind)) for kind in (real, fake))
        return fid_statistics_to_metric(*both, verbose=False)

    def kid(real, fake):
        both = map(torch.from_numpy, (real, fake))
        return kid_features_to_metric(*both, verbose=False, kid_subsets=100, kid_subset_size=1000)

    def neighbours(real, fake):
        return prdc.compute_prdc(real, fake, nearest_k=5)

    return {"FID": fid, "KID": kid, "DensityCoverage": neighbours, "PrecisionRecall": neighbours}


def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak(make, count, dimension):
    """Most MiB of a metric that is shown so many vectors of each kind."""
    tracemalloc.start()
    ours(make, *(batches(count, dimension, seed) for seed in (0, 1)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 2**20


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000, help="vectors of each kind")
    parser.add_argument("--dimension", type=int, default=1280)
    arguments = parser.parse_args()
    size = arguments.count, arguments.dimension
    others, total = rivals(), 0.0
    made = {name: getattr(metrics, name) for name in ("FID", "KID")}
    made |= {"PrecisionRecall": lambda: metrics.PrecisionRecall(3)}
    made |= {"DensityCoverage": lambda: metrics.DensityCoverage(5)}
    for name, make in made.items():
        shown = [list(batches(*size, seed)) for seed in (0, 1)]
        taken = seconds(lambda make=make, shown=shown: ours(make, *shown))
        total += taken
        line = f"{name:16s} {taken:6.1f} s"
        if name in others:
            both = [np.concatenate(kind) for kind in shown]
            theirs = seconds(lambda name=name, both=both: others[name](*both))
            line += f"   the other's {theirs:6.1f} s   ratio {taken / theirs:.2f}"
        most, of_more = peak(make, *size), peak(make, 4 * size[0], size[1])
        print(f"{line}   memory {most:.0f} MiB, of four times as many {of_more:.0f}", flush=True)
    print(f"all of ours: {total:.0f} s")


if __name__ == "__main__":
    main()
