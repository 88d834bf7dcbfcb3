"""Time and size of exported generators, against what others export, as ratios of medians.

    python benchmarks/export.py [--only cyclegan pix2pix dcgan dcgan_64 stylegan2_avatars]
                               [--rounds 15] [--cpu]
                               [--profile] [--leave-out int16x8]

Rows: `cyclegan` (ResNet, 9 blocks, 256 px) and `pix2pix` (U-Net, 256 px) at batch 1, `dcgan`
(64 px) at batch 1 and, as `dcgan_64`, at batch 64, `stylegan2_avatars` (64 px, latents and labels
in, mapping and synthesis in one file) at batch 1. Files of each:

- ours in ONNX and TFLite, in every precision the formats have, of fixed size;
- `keras`: `keras.Model.export(format="onnx")` of the same network of Keras' own layers, where these
  suffice;
- `torch`: `torch.onnx.export` of the same network in PyTorch; left out where torch or onnxscript is
  not installed.

All run in this process, turn about, with two threads each; every round runs each file once (for
0.2 seconds, where once is shorter), in another order, so that a machine that slows down slows all.
A further row runs only if named: `convolution`, one of `cyclegan`'s inner convolutions (3x3, 256 to
256 features, 64 px) by itself, ours only: what integers save in each runtime on this processor
where there is nothing else to do. `--profile` adds what ONNX Runtime spends on each kind
of operation.

`--cpu` counts the processor's seconds of one thread instead, for machines that others use.

Weights are random but for batch norm's, which are unlike their defaults, and integers learn their
ranges from blurred noise: what pictures are worth is not measured here but by every export (`psnr`
and `ssim` in its manifest). With `--run` the networks are those of a trained run, and their rivals
are left out.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import statistics
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests"))  # the twins
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests" / "export"))

import keras
import numpy as np
import stock_networks
import tensorflow as tf
from export_models import as_if_trained

from keras_gans import training, zoo
from keras_gans.export._quiet import quiet
from keras_gans.export.formats.onnx_format import OnnxExporter
from keras_gans.export.formats.tflite_format import TFLiteExporter
from keras_gans.export.network import ExportNetwork

LEAST_SECONDS = 0.2
CALIBRATING = 8
ROWS = {
    "cyclegan": 1,
    "pix2pix": 1,
    "dcgan": 1,
    "dcgan_64": 64,
    "stylegan2_avatars": 1,
    "convolution": 1,
}
STOCK = {
    "cyclegan": stock_networks.resnet,
    "pix2pix": stock_networks.unet,
    "dcgan": stock_networks.dcgan,
}
CODE = 21  # length of `stylegan2_avatars`' labels in PyTorch
RIVALS = (*STOCK, "stylegan2_avatars")
#: What is to be faster or smaller than what, and by how much.
TARGETS = [
    ("onnx float32", "keras", "time", 0.80),
    ("onnx float32", "torch", "time", 1.00),
    ("onnx int8", "onnx float32", "time", 0.55),
    ("tflite float32", "onnx float32", "time", 1.30),
    ("tflite int8", "tflite float32", "time", 0.35),
    ("onnx float16", "onnx float32", "size", 0.50),
    ("onnx int8", "onnx float32", "size", 0.27),
    ("tflite float16", "tflite float32", "size", 0.50),
    ("tflite int8", "tflite float32", "size", 0.27),
]


def export_network(name, batch_size, run=None):
    if name == "convolution":
        inputs = keras.Input((64, 64, 256), name="source")
        outputs = keras.layers.Conv2D(256, 3, padding="same", name="target")(inputs)
        return ExportNetwork(name, keras.Model(inputs, outputs), batch_size=1, image_size=(64, 64))
    model = run.load_model() if run else zoo.get(name)
    networks = model.networks_to_export()
    key = next(iter(networks))
    if not run:
        as_if_trained(networks[key])
    takes_pictures = len(networks[key].inputs[0].shape) == 4
    size = (model.image_size,) * 2 if takes_pictures else None
    return ExportNetwork(key, networks[key], batch_size=batch_size, image_size=size)


def inputs_of(network, count, seed=0):
    """Random inputs; pictures are smooth, as pictures are."""
    rng = np.random.default_rng(seed)
    inputs = {}
    for tensor in network.inputs:
        shape = (count, *tensor.shape[1:])
        if tensor.is_picture:
            coarse = rng.uniform(-1, 1, (count, 8, 8, shape[-1]))
            inputs[tensor.name] = tf.image.resize(coarse, shape[1:3], "bicubic").numpy()
        elif tensor.dtype == "float32":
            inputs[tensor.name] = rng.normal(size=shape).astype("float32")
        else:
            inputs[tensor.name] = np.zeros(shape, tensor.dtype)
    return inputs


def our_files(network, folder, left_out):
    """`{"format precision": path}`, of everything that can be written but some precisions."""
    calibration = inputs_of(network, max(CALIBRATING, network.inputs[0].shape[0]), seed=1)
    files = {}
    for exporter in (OnnxExporter(), TFLiteExporter()):
        for precision in (one for one in exporter.precisions if one not in left_out):
            path = folder / exporter.file_name("ours", precision)
            needed = calibration if precision in exporter.calibrated else None
            with quiet():
                exporter.write(network, path, precision, calibration=needed)
            files[f"{exporter.name} {precision}"] = path
    return files


def file_of_keras(name, folder):
    network = as_if_trained(STOCK[name]())
    network(keras.ops.zeros((1, *network.inputs[0].shape[1:])))  # or Keras does not export it
    with quiet():
        network.export(folder / "keras.onnx", format="onnx", verbose=False)
    return folder / "keras.onnx"


def file_of_torch(name, batch_size, folder):
    try:
        import onnxscript  # noqa: F401
        import torch
        import torch_steps
        import torch_twins
    except ImportError as error:
        print(f"{name}: without torch, because {error.name} is not installed.")
        return None
    made = {
        "cyclegan": lambda: (torch_twins.resnet(9), (3, 256, 256)),
        "pix2pix": lambda: (torch_twins.Unet(8), (3, 256, 256)),
        "dcgan": lambda: (torch_twins.dcgan_generator(), (100, 1, 1)),
        "stylegan2_avatars": lambda: (torch_steps.stylegan2_generator(name), (128,), (CODE,)),
    }
    network, *shapes = made[name]()
    if name in STOCK:
        torch_twins.initialise(network)
    network.eval()
    path = folder / "torch.onnx"
    with quiet():
        torch.onnx.export(
            network,
            tuple(torch.zeros(batch_size, *shape) for shape in shapes),
            path,
            external_data=False,
            verbose=False,
        )
    return path


def as_torch_takes_them(inputs):
    """Labels as one code, all 0, behind the latents."""
    given = {name: array for name, array in inputs.items() if array.dtype == "float32"}
    if len(given) < len(inputs):
        given["code"] = np.zeros((len(inputs["latent"]), CODE), "float32")
    return given


def runner(path, inputs, threads):
    """A function that runs a file once on `inputs`, in its runtime."""
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        loaded = Interpreter(model_path=str(path), num_threads=threads)
        signature = loaded.get_signature_runner()
        return lambda: signature(**inputs)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    fed = {}
    if path.name == "torch.onnx":
        inputs = as_torch_takes_them(inputs)
    for tensor, array in zip(session.get_inputs(), inputs.values(), strict=True):
        if array.ndim == 4 and tensor.shape[1] == array.shape[-1]:  # PyTorch's
            array = np.ascontiguousarray(array.transpose(0, 3, 1, 2))
        fed[tensor.name] = array.reshape(array.shape + (1,) * (len(tensor.shape) - array.ndim))
    return lambda: session.run(None, fed)


def raced(files, inputs, rounds, cpu):
    """`{file: seconds}` of one run, medians of rounds."""
    clock, threads = (time.process_time, 1) if cpu else (time.perf_counter, 2)
    runners = {label: runner(path, inputs, threads) for label, path in files.items()}
    return raced_runners(runners, rounds, clock)


def raced_runners(runners, rounds, clock=time.perf_counter):
    """`{name: seconds}` of one run of each function, turn about, medians of rounds."""
    turns = {}
    for label, run in runners.items():
        run()
        started = clock()
        run()
        turns[label] = max(1, round(LEAST_SECONDS / max(clock() - started, 1e-4)))
    seconds = {label: [] for label in runners}
    order = random.Random(0)
    for _ in range(rounds):
        for label in order.sample(list(runners), len(runners)):
            started = clock()
            for _ in range(turns[label]):
                runners[label]()
            seconds[label].append((clock() - started) / turns[label])
    return {label: statistics.median(times) for label, times in seconds.items()}


def profiled(path, inputs, threads, runs_of_it=5):
    """`{kind of operation: share of the time}` of an ONNX file, largest first."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    options.enable_profiling, options.profile_file_prefix = True, str(path)
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for _ in range(runs_of_it):
        session.run(None, inputs)
    events = json.loads(pathlib.Path(session.end_profiling()).read_text(encoding="utf-8"))
    spent = collections.Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            spent[event["args"]["op_name"]] += event["dur"]
    return {kind: time / spent.total() for kind, time in spent.most_common()}


def print_profiles(files, inputs, threads):
    for label, path in files.items():
        if label.startswith("onnx"):
            shares = profiled(path, inputs, threads)
            kinds = ", ".join(f"{kind} {share:.0%}" for kind, share in list(shares.items())[:7])
            print(f"  {label}: {kinds}")


def compare(row, arguments, run=None):
    rounds, cpu, left_out = arguments.rounds, arguments.cpu, arguments.leave_out
    batch_size = ROWS.get(row, 1)
    name = row.removesuffix("_64")
    network = export_network(name, batch_size, run)
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        files = our_files(network, folder, left_out)
        if name in STOCK and not run:
            files["keras"] = file_of_keras(name, folder)
        if name in RIVALS and not run:
            files["torch"] = file_of_torch(name, batch_size, folder)
        files = {label: path for label, path in files.items() if path is not None}
        times = raced(files, inputs_of(network, batch_size), rounds, cpu)
        sizes = {label: path.stat().st_size for label, path in files.items()}
        report(f"{row}, batch {batch_size}, {'one thread' if cpu else 'two threads'}", times, sizes)
        if arguments.profile:
            print_profiles(files, inputs_of(network, batch_size), 1 if cpu else 2)


def report(title, times, sizes):
    print(f"\n{title}")
    print(f"  {'file':22s} {'ms':>9s} {'of onnx float32':>16s} {'MB':>8s}")
    for label, seconds in times.items():
        ratio = seconds / times["onnx float32"]
        print(f"  {label:22s} {seconds * 1e3:9.1f} {ratio:16.2f} {sizes[label] / 1e6:8.2f}")
    for ours, theirs, kind, target in TARGETS:
        measured = times if kind == "time" else sizes
        if ours in measured and theirs in measured:
            ratio = measured[ours] / measured[theirs]
            print(f"  {kind} of {ours} / {theirs} = {ratio:.3f} (target: at most {target:.2f})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=ROWS, nargs="*", help="of the rows")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cpu", action="store_true", help="processor time of one thread")
    parser.add_argument(
        "--leave-out",
        nargs="*",
        default=[],
        help="precisions, such as int16x8: slow",
    )
    parser.add_argument("--profile", action="store_true", help="time by kind of operation, ONNX")
    parser.add_argument("--run", type=pathlib.Path, help="a trained run instead of the rows")
    arguments = parser.parse_args()
    if arguments.run:
        opened = training.open_run(arguments.run)
        compare(opened.path.name, arguments, opened)
    else:
        for row in arguments.only or [row for row in ROWS if row != "convolution"]:
            compare(row, arguments)
