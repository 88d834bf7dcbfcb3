"""Readers of foreign files."""

from keras_gans.interop import dcgan as dcgan
from keras_gans.interop import esrgan as esrgan
from keras_gans.interop import junyanz as junyanz
from keras_gans.interop import ncnn as ncnn
from keras_gans.interop import rdn as rdn
from keras_gans.interop import stylegan2 as stylegan2
from keras_gans.interop import tfjs as tfjs
from keras_gans.interop import torch_files as torch_files
from keras_gans.interop.identify import Look as Look
from keras_gans.interop.identify import identify as identify
from keras_gans.interop.importing import import_checkpoints as import_checkpoints
