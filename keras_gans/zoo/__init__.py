"""The zoo: `names()`, `entry(name)`, `get(name)`, and one file per family."""

from keras_gans.zoo import dcgan as _dcgan  # noqa: F401  registers its entries
from keras_gans.zoo.registry import TASKS, ZooEntry, entry, get, names, register

__all__ = ["TASKS", "ZooEntry", "entry", "get", "names", "register"]
