"""Real-ESRGAN: enlarges pictures that were blurred, resized, made noisy and compressed.

The game is ESRGAN's with other losses, on pairs whose small picture s was made of the large one by
a random chain of blurs, resizings, noises and JPEG (`keras_gans.data`, "realesrgan"):

    D: min  mean softplus(-D(x)) + mean softplus(D(G(s)))                  a logit for every pixel
    G: min  |x' - G(s)| + |F(x') - F(G(s))| + 0.1 mean softplus(-D(G(s)))  x' = x, sharpened

Before it come updates of G alone, on |x' - G(s)| (Real-ESRNet).

Networks

    G   ESRGAN's with 23 blocks ("rrdb"; the anime form has 6), or the compact one ("srvgg") for
        phones and video: 3x3 64, PReLU -> `num_convs` x [3x3 64, PReLU] -> 3x3 to 3 * 4 * 4
        channels -> pixel shuffle by 4, + s enlarged by repetition. Its forms for scales 2 and 3
        are that for 4, reduced by a bicubic filter, as they were published.
    D   3x3 64 -> 4x4 stride 2 to 128, 256, 512 -> 3 x [bilinear x2, 3x3, + what D had at that size]
        -> 3x3 64 twice -> 3x3 1; leaky ReLU 0.2; spectral norm and no bias but at both ends

Training: batches of 48, large pictures of 256 x 256 pixels, Adam, beta_1 0.9, beta_2 0.99; a
million updates on pixels at 2e-4, 400,000 of the game at 1e-4.

Paper: Wang et al., 2021, https://arxiv.org/abs/2107.10833 (sections 3 and 4.1)
Reference: xinntao/Real-ESRGAN, realesrgan_model.py, srvgg_arch.py, discriminator_arch.py

Departures: those of ESRGAN; every picture is degraded in its own way, so that no pool of pairs is
needed; the target is sharpened after it was cropped; the weights are not averaged. Kernels of the
compact network begin with He's deviation for PReLU, those of the last convolution near 0: with
PyTorch's default, which the reference leaves, activations fall by half with every layer, and 4,500
updates of 8 patches taught it nothing.
"""

import dataclasses

import keras
from keras import layers

from keras_gans import losses
from keras_gans.core.filters import usm_sharpen
from keras_gans.core.upscaling import OVERLAP
from keras_gans.games.loss import Loss
from keras_gans.layers import BicubicShrink2D, PixelShuffle2D, SpectralConv2D, spectral_norm
from keras_gans.utils.checks import check_choice, check_multiple, check_positive
from keras_gans.zoo._registry import register
from keras_gans.zoo.esrgan import ESRGAN, TINY, TINY_GAME, conv, ended

NETWORKS = ("rrdb", "srvgg")
_HE = keras.initializers.VarianceScaling(2.0 / (1.0 + 0.25**2), "fan_in", "untruncated_normal")
_NEAR_ZERO = keras.initializers.VarianceScaling(1e-2, "fan_in", "untruncated_normal")
_INNER = 4  # the factor of the compact network's published forms, whatever their scale
_SHRINKS = {2: (1, 2), 3: (3, 4)}


def srvgg(channels, scale, filters, num_convs, inner_scale):
    """The compact generator: pictures (N, H, W, channels) -> (N, scale H, scale W, channels).

    Args:
        channels: of the pictures.
        scale: how many times as large they become.
        filters: feature maps.
        num_convs: convolutions between the first and the last.
        inner_scale: by how much the network itself enlarges; what is more than `scale` is shrunk.
    """
    source = keras.Input((None, None, channels), name="source")
    unit = layers.Rescaling(0.5, 0.5, name="unit_range")(source)
    x = unit
    for number in range(num_convs + 1):
        x = conv(filters, f"conv_{number}", _HE)(x)
        x = layers.PReLU(
            alpha_initializer=keras.initializers.Constant(0.25),
            shared_axes=(1, 2),
            name=f"prelu_{number}",
        )(x)
    x = conv(channels * inner_scale**2, "conv_last", _NEAR_ZERO)(x)
    x = PixelShuffle2D(inner_scale, name="shuffle")(x)
    repeated = layers.UpSampling2D(inner_scale, interpolation="nearest", name="repeated")(unit)
    x = layers.Add(name="sum")([x, repeated])
    if inner_scale != scale:
        x = BicubicShrink2D(*_SHRINKS[scale], name="shrunk")(x)
    return ended(source, x)


def discriminator(channels, filters):
    """Large pictures (N, H, W, channels) in [-1, 1] -> a logit for every pixel, (N, H, W, 1)."""
    image = keras.Input((None, None, channels), name="image")
    unit = layers.Rescaling(0.5, 0.5, name="unit_range")(image)
    x = _leaky(conv(filters, "conv0")(unit))
    seen = [x]
    for number, width in enumerate((2, 4, 8), 1):
        x = layers.ZeroPadding2D(1, name=f"conv{number}_pad")(x)
        x = _leaky(_spectral(width * filters, f"conv{number}", 4, 2)(x))
        seen.append(x)
    for number, width in enumerate((4, 2, 1), 4):
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"doubled{number}")(x)
        x = _leaky(_spectral(width * filters, f"conv{number}")(x))
        x = layers.Add(name=f"skip{number}")([x, seen[6 - number]])
    for number in (7, 8):
        x = _leaky(_spectral(filters, f"conv{number}")(x))
    return keras.Model(image, conv(1, "conv9", dtype="float32")(x), name="discriminator")


def _spectral(width, name, kernel_size=3, strides=1):
    padding = "same" if strides == 1 else "valid"
    return SpectralConv2D(
        width, kernel_size, strides=strides, padding=padding, use_bias=False, name=name
    )


def _leaky(x):
    return layers.LeakyReLU(0.2)(x)


@keras.saving.register_keras_serializable("keras_gans")
class RealESRGAN(ESRGAN):
    """Real-ESRGAN, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the large pictures in training, a multiple of `scale` and of 8.
        image_channels: 3 for colour, 1 for grey.
        network: G: "rrdb", or "srvgg", the compact one.
        scale: how many times as large pictures become: 1, 2 or 4; of "srvgg" 1 to 4.
        num_convs: of "srvgg", convolutions between the first and the last.
        inner_scale: of "srvgg", by how much it enlarges before it shrinks to `scale`: `scale`, or
            4 as in the published forms of scales 2 and 3.
        degradation: how small pictures are made in training: "realesrgan", "light" (one round of
            it, for small networks) or "bicubic", see `keras_gans.data.load`.
        sharpen: whether pixels and features are compared with the target sharpened.
        **kwargs: those of `ESRGAN`.

    Raises:
        ValueError: for a size, scale or weight that cannot be.
    """

    batch_size = 48
    pixel_rates = (2e-4, ())
    adversarial_rates = (1e-4, ())
    _discriminator_multiple = 8

    def __init__(
        self,
        image_size=256,
        image_channels=3,
        *,
        network="rrdb",
        scale=4,
        num_convs=16,
        inner_scale=None,
        degradation="realesrgan",
        sharpen=True,
        pixel_weight=1.0,
        adversarial_weight=0.1,
        **kwargs,
    ):
        check_choice("network", network, NETWORKS)
        check_positive("num_convs", num_convs)
        self.network, self.num_convs, self.inner_scale = network, num_convs, inner_scale
        super().__init__(
            image_size,
            image_channels,
            scale=scale,
            pixel_weight=pixel_weight,
            adversarial_weight=adversarial_weight,
            **kwargs,
        )
        self.degradation, self.sharpen = degradation, sharpen
        self.source = dataclasses.replace(self.source, degradation=degradation)

    def _check_size(self, image_size, scale):
        if self.network == "rrdb":
            return super()._check_size(image_size, scale)
        check_choice("scale", scale, (1, 2, 3, 4))
        if self.inner_scale not in (None, scale) and (
            self.inner_scale != _INNER or scale not in _SHRINKS
        ):
            raise ValueError(
                f"`inner_scale` must be `scale`, or {_INNER} where `scale` is 2 or 3. Received: "
                f"inner_scale={self.inner_scale}, scale={scale}"
            )
        check_multiple("image_size", image_size, scale, f"small pictures are 1/{scale} of it")
        check_multiple("image_size", image_size, 8, "the discriminator halves it 3 times")

    def _generator(self):
        if self.network == "rrdb":
            return super()._generator()
        inner = self.inner_scale or self.scale
        return srvgg(self.image_channels, self.scale, self.filters, self.num_convs, inner)

    def _discriminator(self):
        return discriminator(self.image_channels, self.discriminator_filters)

    @property
    def stride(self):  # type: ignore[override]
        return super().stride if self.network == "rrdb" else 1

    @property
    def overlap(self):  # type: ignore[override]
        return super().overlap if self.network == "rrdb" else OVERLAP

    def discriminator_loss(self, source, target, fake):
        spectral_norm.power_iteration(self.discriminator)
        real_logits, fake_logits = self.judge(target), self.judge(fake)
        return Loss(losses.logistic(real_logits, fake_logits), real_logits, fake_logits)

    def adversarial_loss(self, target, fake):
        return losses.non_saturating(self.judge(fake))

    def wanted(self, target):
        return usm_sharpen(target) if self.sharpen else target


_ENTRY: dict = {
    "task": "upscaling",
    "paper": "Wang et al., 2021, https://arxiv.org/abs/2107.10833",
}
_RRDB: dict = {**_ENTRY, "tiny": TINY}
_SRVGG: dict = {
    **_ENTRY,
    "network": "srvgg",
    "tiny": {"image_size": 24, "filters": 4, "num_convs": 1, **TINY_GAME},
}
_D = 4_376_897

register(
    "realesrgan_x4",
    RealESRGAN,
    parameters={"generator": 16_697_987, "discriminator": _D},
    **_RRDB,
)
register(
    "realesrgan_x2",
    RealESRGAN,
    parameters={"generator": 16_703_171, "discriminator": _D},
    **_RRDB,
    scale=2,
)
register(
    "realesrgan_anime",
    RealESRGAN,
    parameters={"generator": 4_467_779, "discriminator": _D},
    **_RRDB,
    num_blocks=6,
)
register(
    "realesrgan_general",
    RealESRGAN,
    parameters={"generator": 1_213_296, "discriminator": _D},
    **_SRVGG,
    num_convs=32,
)
for _scale, _form in (
    (2, {"scale": 2, "inner_scale": _INNER}),
    (3, {"scale": 3, "inner_scale": _INNER, "image_size": 264}),  # 256 is no multiple of 3
    (4, {}),
):
    register(
        f"realesrgan_video_x{_scale}",
        RealESRGAN,
        parameters={"generator": 621_424, "discriminator": _D},
        **{**_SRVGG, **_form},
    )

_SMALL: dict = {
    **_SRVGG,
    "parameters": {"generator": 272_160, "discriminator": 274_001},
    "image_size": 96,
    "filters": 48,
    "num_convs": 12,
    "discriminator_filters": 16,
    "degradation": "light",
    "pixel_steps": 4_000,
    "adversarial_steps": 2_000,
    "generator_learning_rate": 5e-4,
}

register("realesrgan_small", RealESRGAN, **_SMALL)
register(
    "realesrgan_photos",
    RealESRGAN,
    **_SMALL,
    data="bundled:photos",
    recipe={"epochs": 116, "batch_size": 8},
)
