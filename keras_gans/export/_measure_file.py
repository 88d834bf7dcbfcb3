"""Runs one exported file by itself, and prints what it costs as a line of JSON.

    python _measure_file.py FORMAT FILE INPUTS.npz THREADS

A program, not a module: what it imports counts into the memory it measures, so that it may know the
runtime and NumPy only.
"""

import json
import pathlib
import statistics
import sys
import time

_WARM, _FEWEST, _MOST, _SECONDS = 3, 5, 200, 1.5


def onnx(path, inputs, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    base = memory()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return base, lambda: session.run(None, inputs)


def tflite(path, inputs, threads):
    from ai_edge_litert.interpreter import Interpreter

    base = memory()
    runner = Interpreter(model_path=path, num_threads=threads).get_signature_runner()
    return base, lambda: runner(**inputs)


def saved_model(path, inputs, threads):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    base = memory()
    with tf.device("CPU:0"):
        loaded = tf.saved_model.load(path)
        fed = {name: tf.constant(array) for name, array in inputs.items()}
    # `loaded` is held by this closure: a signature does not keep its weights alive.
    return base, lambda: next(iter(loaded.signatures["serving_default"](**fed).values())).numpy()


RUNTIMES = {"onnx": onnx, "tflite": tflite, "saved_model": saved_model}


def memory():
    """Most bytes this process has held, where Linux tells; `getrusage` counts the parent's too."""
    try:
        status = pathlib.Path("/proc/self/status").read_text()
    except OSError:
        return None
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main(kind, path, fed, threads):
    import numpy as np

    with np.load(fed, allow_pickle=False) as arrays:
        inputs = dict(arrays)
    base, run = RUNTIMES[kind](path, inputs, int(threads))
    for _ in range(_WARM):
        run()
    seconds: list[float] = []
    while len(seconds) < _FEWEST or (len(seconds) < _MOST and sum(seconds) < _SECONDS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    told = {
        "latency": statistics.median(seconds),
        "runs": len(seconds),
        "memory": memory(),
        "runtime_memory": base,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
