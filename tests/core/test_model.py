"""What every model promises of its arguments and its pictures."""

import json

import numpy as np
import pytest
from fabrication import tiny


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_seeds_tensorflow_cannot_take_are_refused(seed):
    with pytest.raises(ValueError, match="`seed` must be a whole number from 0"):
        tiny("dcgan", seed=seed)


def test_numpy_s_numbers_make_the_same_model():
    model = tiny("pix2pix", image_size=np.int64(64), l1_weight=np.float32(2.0))
    assert json.loads(json.dumps(model.get_config())) == model.get_config()
    assert model.image_size == 64


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("pix2pix", {"image_size": "64"}, "must be a whole number of at least 1. Received: '64'"),
        ("pix2pix", {"l1_weight": -1}, "`l1_weight` must be a finite number"),
        ("pix2pix", {"decay_steps": 0}, "`decay_steps` must be a whole number of at least 1"),
        ("cyclegan", {"cycle_weight": "x"}, "`cycle_weight` must be a finite number"),
        ("cyclegan", {"identity_weight": float("nan")}, "`identity_weight` must be"),
        ("dcgan", {"latent_dim": 0}, "`latent_dim` must be a whole number of at least 1"),
        ("dcgan", {"image_size": 2000}, "the next that works is 2048"),
        ("cdcgan", {"image_size": 1793}, "the next that works is 2048"),
        ("r3gan", {"image_size": 2}, "at least"),
        ("sngan", {"spectral": "generators"}, "Received: 'generators'"),
        ("wgan_gp", {"decay_steps": 0}, "`decay_steps` must be"),
    ],
)
def test_arguments_that_cannot_be_are_refused_when_the_model_is_made(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny(name, **arguments)


def test_one_player_may_be_named_without_a_tuple():
    assert tiny("sngan", spectral="generator").spectral == ("generator",)


@pytest.mark.parametrize("count", [0, -1, 1.5])
@pytest.mark.parametrize("name", ["dcgan", "gan", "cdcgan"])
def test_no_pictures_cannot_be_sampled(name, count):
    with pytest.raises(ValueError):
        tiny(name).sample(count)


@pytest.mark.parametrize("name", ["dcgan", "wgan_gp"])
def test_latents_say_how_many_pictures(name):
    model = tiny(name)
    latents = model.draw_latents(2, seed=0)
    assert len(model.sample(latents=latents)) == len(model.sample(2, latents=latents)) == 2
    assert len(model.sample()) == 16
    with pytest.raises(ValueError, match="must agree.*3 and 2"):
        model.sample(3, latents=latents)
