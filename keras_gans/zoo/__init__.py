"""The zoo: `names()`, `entry(name)`, `get(name)`, and one file per family."""

# Each import registers the family's entries.
from keras_gans.zoo import acgan as _acgan  # noqa: F401
from keras_gans.zoo import animegan as _animegan  # noqa: F401
from keras_gans.zoo import began as _began  # noqa: F401
from keras_gans.zoo import bigan as _bigan  # noqa: F401
from keras_gans.zoo import biggan as _biggan  # noqa: F401
from keras_gans.zoo import cartoongan as _cartoongan  # noqa: F401
from keras_gans.zoo import cdcgan as _cdcgan  # noqa: F401
from keras_gans.zoo import cgan as _cgan  # noqa: F401
from keras_gans.zoo import context_encoder as _context_encoder  # noqa: F401
from keras_gans.zoo import cut as _cut  # noqa: F401
from keras_gans.zoo import cyclegan as _cyclegan  # noqa: F401
from keras_gans.zoo import dcgan as _dcgan  # noqa: F401
from keras_gans.zoo import discogan as _discogan  # noqa: F401
from keras_gans.zoo import dragan as _dragan  # noqa: F401
from keras_gans.zoo import dualgan as _dualgan  # noqa: F401
from keras_gans.zoo import ebgan as _ebgan  # noqa: F401
from keras_gans.zoo import esrgan as _esrgan  # noqa: F401
from keras_gans.zoo import gan as _gan  # noqa: F401
from keras_gans.zoo import infogan as _infogan  # noqa: F401
from keras_gans.zoo import inpainting as _inpainting  # noqa: F401
from keras_gans.zoo import lsgan as _lsgan  # noqa: F401
from keras_gans.zoo import pix2pix as _pix2pix  # noqa: F401
from keras_gans.zoo import pix2pixhd as _pix2pixhd  # noqa: F401
from keras_gans.zoo import r3gan as _r3gan  # noqa: F401
from keras_gans.zoo import rdn as _rdn  # noqa: F401
from keras_gans.zoo import reacgan as _reacgan  # noqa: F401
from keras_gans.zoo import realesrgan as _realesrgan  # noqa: F401
from keras_gans.zoo import sagan as _sagan  # noqa: F401
from keras_gans.zoo import sngan as _sngan  # noqa: F401
from keras_gans.zoo import sngan_projection as _sngan_projection  # noqa: F401
from keras_gans.zoo import spade as _spade  # noqa: F401
from keras_gans.zoo import srgan as _srgan  # noqa: F401
from keras_gans.zoo import stargan as _stargan  # noqa: F401
from keras_gans.zoo import stylegan2 as _stylegan2  # noqa: F401
from keras_gans.zoo import vid2vid as _vid2vid  # noqa: F401
from keras_gans.zoo import wgan as _wgan  # noqa: F401
from keras_gans.zoo import wgan_gp as _wgan_gp  # noqa: F401
from keras_gans.zoo._presets import from_preset, save_to_preset
from keras_gans.zoo._registry import ZooEntry, entry, get, load, names, register, weights_file
from keras_gans.zoo._starting import start_from

__all__ = [
    "ZooEntry",
    "entry",
    "from_preset",
    "get",
    "load",
    "names",
    "register",
    "save_to_preset",
    "start_from",
    "weights_file",
]
