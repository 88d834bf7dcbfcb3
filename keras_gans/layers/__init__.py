"""Layers the papers need and Keras does not have, or not as fast."""

from keras_gans.layers.attention import Attention2D, LearnedGain
from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.bicubic import BicubicShrink2D
from keras_gans.layers.bilinear import BilinearUpsample2D
from keras_gans.layers.blur import BlurDown, BlurUp
from keras_gans.layers.clip import ClipInInference
from keras_gans.layers.dropout import Dropout
from keras_gans.layers.equalized import EqualizedConv2D, EqualizedDense
from keras_gans.layers.fill_holes import FillHoles
from keras_gans.layers.fir import FIRUpsample2D
from keras_gans.layers.image_pool import ImagePool
from keras_gans.layers.instance_norm import InstanceNorm
from keras_gans.layers.is_empty import IsEmpty
from keras_gans.layers.label_columns import LabelColumns
from keras_gans.layers.label_maps import LabelMaps
from keras_gans.layers.layer_norm import LayerNorm2D
from keras_gans.layers.learned_basis import LearnedBasis
from keras_gans.layers.maxout import Maxout
from keras_gans.layers.minibatch_stddev import MinibatchStdDev
from keras_gans.layers.mix import Mix
from keras_gans.layers.modulated_conv import ModulatedConv2D, NoiseInjection
from keras_gans.layers.narrow_conv import NarrowConv2D
from keras_gans.layers.one_hot_maps import OneHotMaps
from keras_gans.layers.pixel_shuffle import PixelShuffle2D, PixelUnshuffle2D
from keras_gans.layers.reflection_padding import ReflectionPadding2D
from keras_gans.layers.spectral_norm import SpectralConv2D, SpectralDense
from keras_gans.layers.stochastic_dropout import StochasticDropout
from keras_gans.layers.styles import (
    ConstantInput,
    ConstantNoise,
    PixelNorm,
    RepeatStyle,
    StyleAt,
    Truncation,
)
from keras_gans.layers.torch_conv_transpose import TorchConvTranspose2D
from keras_gans.layers.upsample import Upsample2D
from keras_gans.layers.warp import Warp

__all__ = [
    "Attention2D",
    "BatchNorm",
    "BicubicShrink2D",
    "BilinearUpsample2D",
    "BlurDown",
    "BlurUp",
    "ClipInInference",
    "ConstantInput",
    "ConstantNoise",
    "Dropout",
    "EqualizedConv2D",
    "EqualizedDense",
    "FIRUpsample2D",
    "FillHoles",
    "ImagePool",
    "InstanceNorm",
    "IsEmpty",
    "LabelColumns",
    "LabelMaps",
    "LayerNorm2D",
    "LearnedBasis",
    "LearnedGain",
    "Maxout",
    "MinibatchStdDev",
    "Mix",
    "ModulatedConv2D",
    "NarrowConv2D",
    "NoiseInjection",
    "OneHotMaps",
    "PixelNorm",
    "PixelShuffle2D",
    "PixelUnshuffle2D",
    "ReflectionPadding2D",
    "RepeatStyle",
    "SpectralConv2D",
    "SpectralDense",
    "StochasticDropout",
    "StyleAt",
    "TorchConvTranspose2D",
    "Truncation",
    "Upsample2D",
    "Warp",
]
