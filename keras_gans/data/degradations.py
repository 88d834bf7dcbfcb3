"""Low resolution as photographs have it: the second-order degradations of Real-ESRGAN.

    x -> sharpen -> [blur -> resize -> noise -> JPEG] -> [blur -> resize -> noise -> (resize to the
    small size, sinc filter, JPEG in one of two orders)] -> 256 levels

Source: Wang et al., 2021, https://arxiv.org/abs/2107.10833 (section 3, appendix A), and the
authors' code, whose probabilities and ranges are the defaults of `Stage` and `Degradation`.

All that is random about a picture is a function of its seed, which is its own: the result does not
depend on the batch it is in. The authors degrade on an accelerator, where all pictures of a batch
share the sizes they are resized to, and draw batches from a pool of 180 pairs to mix them; here no
pool is needed.

Departures: the whole patch is degraded, reflected at its borders (authors: 400 pixels, of which
256 are cut out); JPEG is libjpeg's, of integer quality, with halved chroma (authors: a
differentiable one); TensorFlow's bicubic kernel has a = -0.5 (PyTorch: -0.75).
"""

import dataclasses
import math

import tensorflow as tf

from keras_gans.core.filters import reflected, usm_sharpen
from keras_gans.data import blur_kernels
from keras_gans.utils.checks import check_choice, is_number

#: The blur kernels a stage chooses from, apart from the sinc filter.
KERNELS = (
    *("isotropic", "anisotropic", "generalized_isotropic", "generalized_anisotropic"),
    *("plateau_isotropic", "plateau_anisotropic"),
)
_SIZES = tuple(range(7, 22, 2))  # pixels of the kernels' sides
_METHODS = ("area", "bilinear", "bicubic")


def _check_probability(name, value):
    if not is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be a probability, from 0 to 1. Received: {value!r}")


def _check_probabilities(name, values, count):
    if (
        len(values) != count
        or not all(is_number(value) and value >= 0 for value in values)
        or abs(sum(values) - 1) > 1e-6
    ):
        raise ValueError(f"`{name}` must be {count} probabilities of sum 1. Received: {values!r}")


def _check_range(name, value, least, most, middle=None):
    low, high = value if len(value) == 2 else (math.nan, math.nan)
    around = f" around {middle:g}" if middle else ""
    if (
        not (is_number(low) and is_number(high) and least <= low <= high <= most)
        or middle is not None
        and not low <= middle <= high
    ):
        raise ValueError(
            f"`{name}` must be a range{around}, (low, high) from {least} to {most}. "
            f"Received: {value!r}"
        )


@dataclasses.dataclass(frozen=True)
class Stage:
    """One order of degradation; ranges are drawn from uniformly. The defaults are the first's.

    Attributes:
        blur: probability of a blur.
        sinc: probability that it is a sinc filter.
        kernels: probabilities of `KERNELS`, of the other blurs.
        sigma: range of the Gaussians' standard deviations, in pixels.
        generalized_shape: range of the exponent of generalized Gaussians: one half of them is drawn
            below 1, the other above.
        plateau_shape: likewise of plateau-shaped kernels.
        resize: probabilities of enlarging, of reducing and of keeping the size.
        resize_scale: the smallest and the largest scale; of the last stage relative to the small
            picture that comes out, else to the picture that came in.
        gaussian: probability of Gaussian noise; it is Poisson noise else.
        grey_noise: probability that the noise is the same in all channels.
        gaussian_sigma: range of the Gaussian noise's standard deviation, in levels of 255.
        poisson_scale: range of the factor of the Poisson noise.
        jpeg_quality: range of the JPEG quality, 1 to 100.

    Raises:
        ValueError: for probabilities and ranges that cannot be.
    """

    blur: float = 1.0
    sinc: float = 0.1
    kernels: tuple[float, ...] = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
    sigma: tuple[float, float] = (0.2, 3.0)
    generalized_shape: tuple[float, float] = (0.5, 4.0)
    plateau_shape: tuple[float, float] = (1.0, 2.0)
    resize: tuple[float, float, float] = (0.2, 0.7, 0.1)
    resize_scale: tuple[float, float] = (0.15, 1.5)
    gaussian: float = 0.5
    grey_noise: float = 0.4
    gaussian_sigma: tuple[float, float] = (1.0, 30.0)
    poisson_scale: tuple[float, float] = (0.05, 3.0)
    jpeg_quality: tuple[int, int] = (30, 95)

    def __post_init__(self):
        for name in ("blur", "sinc", "gaussian", "grey_noise"):
            _check_probability(f"Stage.{name}", getattr(self, name))
        _check_probabilities("Stage.kernels", self.kernels, len(KERNELS))
        _check_probabilities("Stage.resize", self.resize, 3)
        _check_range("Stage.sigma", self.sigma, 0.1, 20.0)
        _check_range("Stage.generalized_shape", self.generalized_shape, 0.1, 10.0, middle=1.0)
        _check_range("Stage.plateau_shape", self.plateau_shape, 0.1, 10.0, middle=1.0)
        _check_range("Stage.resize_scale", self.resize_scale, 0.01, 4.0, middle=1.0)
        _check_range("Stage.gaussian_sigma", self.gaussian_sigma, 0.0, 255.0)
        _check_range("Stage.poisson_scale", self.poisson_scale, 0.0, 100.0)
        _check_range("Stage.jpeg_quality", self.jpeg_quality, 1, 100)


@dataclasses.dataclass(frozen=True)
class Degradation:
    """How large pictures become small ones. The defaults are Real-ESRGAN's.

    Attributes:
        stages: one after the other, at least one. The last resizes relative to the small picture
            and ends with it.
        final_sinc: probability of a sinc filter beside the last resize.
        sharpen: whether the large picture is sharpened first, see `filters.usm_sharpen`.

    Raises:
        ValueError: without a stage, or for a probability that cannot be.
    """

    stages: tuple[Stage, ...] = (
        Stage(),
        Stage(
            blur=0.8,
            sigma=(0.2, 1.5),
            resize=(0.3, 0.4, 0.3),
            resize_scale=(0.3, 1.2),
            gaussian_sigma=(1.0, 25.0),
            poisson_scale=(0.05, 2.5),
        ),
    )
    final_sinc: float = 0.8
    sharpen: bool = True

    def __post_init__(self):
        if not self.stages:
            raise ValueError("`Degradation.stages` must hold at least one Stage. Received: ()")
        _check_probability("Degradation.final_sinc", self.final_sinc)


#: Of small networks: one stage of weaker blur, noise and compression, and no ringing at the end.
LIGHT = Degradation(
    stages=(
        Stage(
            sigma=(0.2, 2.0),
            resize=(0.3, 0.4, 0.3),
            resize_scale=(0.5, 1.2),
            gaussian_sigma=(1.0, 10.0),
            poisson_scale=(0.05, 1.0),
            jpeg_quality=(60, 95),
        ),
    ),
    final_sinc=0.0,
)

#: An antialiased bicubic filter alone.
BICUBIC = "bicubic"
_PRESETS = {"realesrgan": Degradation(), "light": LIGHT}
#: Degradations by name.
NAMES = (BICUBIC, *_PRESETS)


def named(degradation):
    """The `Degradation` of a name, or the one given; None for "bicubic".

    Raises:
        ValueError: for an unknown name.
    """
    if isinstance(degradation, Degradation):
        return degradation
    check_choice("degradation", degradation, NAMES)
    return _PRESETS.get(degradation)


def degrade(images, seeds, sides, degradation):
    """Small pictures of large ones, each degraded in its own way.

    Args:
        images: (N, H, W, C) float in [-1, 1], C 1 or 3.
        seeds: int32 or int64 (N, 2); equal seeds and pictures give equal results.
        sides: height and width of the small pictures.
        degradation: a `Degradation`.

    Returns:
        uint8 (N, *sides, C)
    """
    if degradation.sharpen:
        images = usm_sharpen(images)
    images = tf.clip_by_value((images + 1.0) / 2.0, 0.0, 1.0)
    shape = (*sides, images.shape[-1])
    return tf.map_fn(
        lambda one: _degraded(one[0], one[1], sides, degradation),
        (images, seeds),
        fn_output_signature=tf.TensorSpec(shape, tf.uint8),
    )


# === One picture, float32 (H, W, C) in [0, 1] ===


def _degraded(picture, seed, sides, degradation):
    *earlier, last = degradation.stages
    seeds = tf.random.split(seed, 1 + len(degradation.stages))
    for stage, own in zip(earlier, tf.unstack(seeds[1:-1]), strict=True):
        draws, noise_seed = _seeded(own)
        picture = _spoiled(picture, stage, draws, noise_seed, tf.shape(picture)[:2])
        picture = _jpeg(picture, draws.between(*stage.jpeg_quality))
    draws, noise_seed = _seeded(seeds[-1])
    picture = _spoiled(picture, last, draws, noise_seed, tf.constant(sides))
    return _levels(_ended(picture, last, draws, sides, degradation.final_sinc))


def _seeded(seed):
    """The draws of a stage, and the seed of its noise."""
    first, second = tf.unstack(tf.random.split(seed, 2))
    return _Draws(first), second


class _Draws:
    """Random numbers of one stage of one picture: drawn at once, taken one after the other."""

    _MOST = 32  # a stage takes fewer

    def __init__(self, seed):
        self._left = iter(tf.unstack(tf.random.stateless_uniform((self._MOST,), seed)))

    def between(self, low, high):
        """A number from a range."""
        return low + (high - low) * next(self._left)

    def happens(self, probability):
        """Whether something of this probability happens."""
        return next(self._left) < probability

    def choice(self, probabilities):
        """A place among things of these probabilities, int32."""
        # The last limit is left out: its sum may fall short of 1.
        limits = tf.cumsum(tf.constant(probabilities, tf.float32))[:-1]
        return tf.reduce_sum(tf.cast(next(self._left) >= limits, tf.int32))

    def around_one(self, low, high):
        """A number from below 1 or above 1, of one half each."""
        low, high = self.between(low, 1.0), self.between(1.0, high)
        return tf.where(self.happens(0.5), low, high)


def _spoiled(picture, stage, draws, noise_seed, sides):
    """What all stages have in common: blur, resize relative to `sides`, noise."""
    kernel, blurs = _kernel(stage, draws), draws.happens(stage.blur)
    picture = _filtered(picture, kernel, blurs)
    smallest, largest = stage.resize_scale
    scales = tf.stack([draws.between(1.0, largest), draws.between(smallest, 1.0), 1.0])
    scale = scales[draws.choice(stage.resize)]
    sides = tf.maximum(tf.cast(tf.cast(sides, tf.float32) * scale, tf.int32), 1)
    picture = _resized(picture, sides, _method(draws))
    noise = _noise(picture, stage, draws, noise_seed)
    return tf.clip_by_value(picture + noise, 0.0, 1.0)


def _ended(picture, stage, draws, sides, final_sinc):
    """Resize to the small size with a sinc filter, and JPEG, in one of two orders."""
    quality, method = draws.between(*stage.jpeg_quality), _method(draws)
    kernel = blur_kernels.sinc(_size(draws), draws.between(math.pi / 3, math.pi))
    rings, compressed_last = draws.happens(final_sinc), draws.happens(0.5)

    def reduced(picture):
        return _filtered(_resized(picture, sides, method), kernel, rings)

    return tf.cond(
        compressed_last,
        lambda: _jpeg(reduced(picture), quality),
        lambda: reduced(_jpeg(picture, quality)),
    )


def _kernel(stage, draws):
    """The kernel of a stage's blur, (21, 21)."""
    size, is_sinc = _size(draws), draws.happens(stage.sinc)
    # The cut-off of a small filter is not so low that its ripples would not fit.
    lowest = tf.where(size < 13, math.pi / 3, math.pi / 5)
    cutoff = draws.between(lowest, math.pi)
    kind = draws.choice(stage.kernels)
    sigma_x, sigma_y = draws.between(*stage.sigma), draws.between(*stage.sigma)
    angle = draws.between(-math.pi, math.pi)
    generalized = draws.around_one(*stage.generalized_shape)
    plateau = draws.around_one(*stage.plateau_shape)
    shape = tf.stack([1.0, generalized, plateau])[kind // 2]
    sigma_y = tf.where(kind % 2 == 0, sigma_x, sigma_y)
    return tf.cond(
        is_sinc,
        lambda: blur_kernels.sinc(size, cutoff),
        lambda: blur_kernels.gaussian(size, sigma_x, sigma_y, angle, shape, plateau=kind >= 4),
    )


def _size(draws):
    return tf.constant(_SIZES)[draws.choice([1 / len(_SIZES)] * len(_SIZES))]


def _filtered(picture, kernel, is_on):
    """A picture, filtered with a kernel where `is_on`, reflected at its borders."""
    return tf.cond(is_on, lambda: _convolved(picture, kernel), lambda: picture)


def _convolved(picture, kernel):
    """Multiplies Fourier transforms: a quarter of the time of a convolution of 21 x 21 pixels."""
    height, width, _ = tf.unstack(tf.shape(picture))
    margin = blur_kernels.SIDE // 2
    padded = tf.gather(picture, reflected(height, margin), axis=0)
    padded = tf.gather(padded, reflected(width, margin), axis=1)
    # Lengths of small factors are fast; what is longer than the padded picture is not seen.
    length = tf.stack([height + 2 * margin, width + 2 * margin])
    length = (length + 15) // 16 * 16
    spectra = tf.signal.rfft2d(tf.transpose(padded, (2, 0, 1)), length)
    spectra *= tf.math.conj(tf.signal.rfft2d(kernel, length))
    filtered = tf.signal.irfft2d(spectra, length)[:, :height, :width]
    return tf.ensure_shape(tf.transpose(filtered, (1, 2, 0)), picture.shape)


def _method(draws):
    return draws.choice([1 / len(_METHODS)] * len(_METHODS))


def _resized(picture, sides, method):
    """A picture of other sides, without antialiasing but for `area`."""

    def by(name):
        return lambda: tf.image.resize(picture, sides, name)

    return tf.switch_case(method, [by(name) for name in _METHODS])


def _noise(picture, stage, draws, seed):
    """What is added to a picture of this stage."""
    sigma = draws.between(*stage.gaussian_sigma) / 255.0
    factor = draws.between(*stage.poisson_scale)
    is_grey = draws.happens(stage.grey_noise)

    def gaussian():
        noise = sigma * tf.random.stateless_normal(tf.shape(picture), seed)
        return tf.where(is_grey, noise[..., :1], noise)

    def poisson():
        return factor * tf.cond(
            is_grey,
            lambda: tf.broadcast_to(_shot_noise(_grey(picture), seed), tf.shape(picture)),
            lambda: _shot_noise(picture, seed),
        )

    return tf.cond(draws.happens(stage.gaussian), gaussian, poisson)


def _grey(picture):
    return tf.image.rgb_to_grayscale(picture) if picture.shape[-1] == 3 else picture


def _shot_noise(picture, seed):
    """Poisson noise, as of as many photons at white as the picture has levels.

    The number of levels is rounded up to a power of two.
    """
    levels = _levels(picture)
    counts = tf.math.bincount(tf.reshape(tf.cast(levels, tf.int32), (-1,)), minlength=256)
    powers = tf.constant([2**power for power in range(9)])
    place = tf.searchsorted(powers, tf.math.count_nonzero(counts, keepdims=True, dtype=tf.int32))
    photons = tf.cast(tf.gather(powers, place[0]), tf.float32)
    exact = tf.cast(levels, tf.float32) / 255.0
    drawn = tf.random.stateless_poisson(tf.shape(picture), seed, exact * photons, tf.float32)
    return drawn / photons - exact


def _jpeg(picture, quality):
    """A picture, written as JPEG and read again."""
    # Rounded here: TensorFlow cuts fractions off, which darkens pictures by half a level.
    levels = _levels(picture)
    quality = tf.cast(tf.round(quality), tf.int32)
    levels = tf.image.adjust_jpeg_quality(levels, quality, dct_method="INTEGER_ACCURATE")
    return tf.ensure_shape(tf.cast(levels, tf.float32) / 255.0, picture.shape)


def _levels(picture):
    """A picture of 256 levels, uint8."""
    return tf.cast(tf.round(tf.clip_by_value(picture, 0.0, 1.0) * 255.0), tf.uint8)
