"""Readers of foreign files."""

from keras_gans.interop import junyanz as junyanz
from keras_gans.interop import torch_files as torch_files
