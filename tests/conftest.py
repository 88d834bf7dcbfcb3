"""What holds for all tests."""

import gc
import importlib.util
import os
import sys
import unittest.mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if "PYTEST_XDIST_WORKER" in os.environ:  # one process for each core
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ["COLUMNS"] = "200"  # what the command prints is not wrapped where a test looks for it

import keras  # noqa: E402
import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402

# Two parts of one CPU, for what trains on several devices; all else stays on the first.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

pytest_plugins = ["fidelity", "recording"]


@pytest.fixture
def without_torchvision(monkeypatch):
    """torch-fidelity imports it for its data sets, which are not used here."""
    if importlib.util.find_spec("torchvision"):
        return
    for part in ("", ".datasets", ".transforms", ".transforms.functional", ".models"):
        monkeypatch.setitem(sys.modules, f"torchvision{part}", unittest.mock.MagicMock())


@pytest.fixture(autouse=True, scope="module")
def swept():
    """Models point to themselves: what a module has left is freed before the next begins."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)
