"""The proof: the file, run in its own runtime, gives what Keras gives.

Files in float32 give the same numbers; files in less give pictures that are alike, by PSNR and SSIM
(Wang et al., 2004, https://doi.org/10.1109/TIP.2003.819861), as TensorFlow computes them.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_gans.core import masks as holes
from keras_gans.export.formats.base import ExportError, Tolerance

_SEED = 20140610
_FREE_BATCHES = (1, 3)  # two, because a batch size baked in by a converter shows only at the second
FREE_SIDES = (64, 64)
_FINEST = 100.0  # dB; PSNR of equal pictures is infinite, which JSON does not know
_TURN = 8  # examples at a time, where any number would do
_SAME = 4  # examples to find a difference of numbers with, which shows in any
_SSIM_SIDE = 11  # the paper's window
_AREA = 8  # pixels of a side of what is of one class in a label map
_FAINTEST = 0.1  # of the largest output; below, the rounding of values near 1 counts


class ParityError(ExportError):
    """A file does not give what Keras gives.

    Attributes:
        network: name of the network.
        format: name of the format.
        difference: largest absolute difference; None where outputs could not be compared.
        tolerance: the largest allowed; None likewise.
    """

    def __init__(self, message, *, network=None, format=None, difference=None, tolerance=None):
        super().__init__(message)
        self.network, self.format = network, format
        self.difference, self.tolerance = difference, tolerance


@dataclasses.dataclass(frozen=True)
class Probe:
    """Seeded inputs of a network, and what Keras makes of them."""

    inputs: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]

    def first(self, count):
        """The first examples of it."""
        return Probe(
            {name: array[:count] for name, array in self.inputs.items()},
            {name: array[:count] for name, array in self.expected.items()},
        )


def probes(network, tensors, picture_size=None):
    """Inputs as the network will meet them, at two batch sizes where the batch is free.

    Args:
        network: an `ExportNetwork`.
        tensors: what `GAN.describe_tensors` says of its inputs.
        picture_size: (height, width) that suits the network, where it leaves them free.

    Returns:
        `{batch size: Probe}`

    Raises:
        ExportError: for an input nothing is said of.
        ParityError: if Keras itself gives values that are not finite.
    """
    fixed = network.inputs[0].shape[0]
    height, width = picture_size or FREE_SIDES
    found = {}
    for turn, batch_size in enumerate(_FREE_BATCHES if fixed is None else (fixed,)):
        # Twice as wide at the second turn: free sides must not be baked in either, nor mixed up.
        sides = (height, width * (turn + 1))
        rng = np.random.default_rng(_SEED + turn)
        inputs = {
            tensor.name: draw(tensor, tensors.get(tensor.name), batch_size, sides, rng)
            for tensor in network.inputs
        }
        found[batch_size] = Probe(inputs, network(inputs))
        for name, values in found[batch_size].expected.items():
            if not np.isfinite(values).all():
                raise ParityError(
                    f"The {network.name} gives values that are not finite in Keras itself "
                    f"(output {name!r}): its weights have diverged. Export an earlier checkpoint.",
                    network=network.name,
                )
    return found


@dataclasses.dataclass(frozen=True)
class Proof:
    """What was measured of a file, and what it was held to.

    Attributes:
        max_difference: largest absolute difference from Keras.
        tolerance: the largest allowed; None where pictures were judged instead.
        psnr: mean PSNR of its pictures against Keras', dB, at most 100; None where not judged.
        ssim: mean SSIM, likewise.
        floor: `{"psnr", "ssim"}`, the lowest allowed; None likewise.
    """

    max_difference: float
    tolerance: float | None = None
    psnr: float | None = None
    ssim: float | None = None
    floor: dict[str, float] | None = None


class PoorPictures(ParityError):
    """Pictures of a file of less than float32 that are too unlike Keras'."""


def prove(exporter, path, network, probes, precision, gallery):
    """Runs a file in its own runtime and compares it with Keras.

    Args:
        exporter: the file's `Exporter`.
        path: of the file.
        network: the `ExportNetwork` it was written from.
        probes: `{batch size: Probe}`.
        precision: it was written in.
        gallery: a `Probe` of what the network will be fed with, of any number of examples.

    Returns:
        `Proof`.

    Raises:
        ParityError: naming network, format, difference and tolerance.
        PoorPictures: naming network, format, PSNR, SSIM and their floors.
    """
    context = {"network": network.name, "format": exporter.name}
    subject = f"The {network.name} written as {exporter.name} in {precision}"
    run = _attempt(lambda: exporter.load(path), f"{subject} cannot be loaded", context)
    answers = []
    for batch_size, probe in probes.items():
        at = f"{subject}, at batch size {batch_size},"
        given = _attempt(lambda p=probe: run(p.inputs), f"{at} cannot be run", context)
        _check_form(given, probe.expected, at, context)
        answers.append((given, probe.expected))
    batch_size, promise = network.inputs[0].shape[0], exporter.precisions[precision]
    gallery = judged(gallery, promise)
    given = _attempt(
        lambda: in_turns(run, gallery.inputs, batch_size), f"{subject} cannot be run", context
    )
    _check_form(given, gallery.expected, subject, context)
    if isinstance(promise, Tolerance):
        return _same(promise, [*answers, (given, gallery.expected)], subject, context)
    proof = _alike(promise, network, given, gallery.expected, subject, context)
    for size in probes if batch_size is None else ():
        _check_batch(promise, network, run, gallery.inputs, given, size, subject, context)
    return proof


def judged(gallery, promise):
    """The part of a gallery that a file is judged by which was promised to keep `promise`."""
    return gallery.first(_SAME) if isinstance(promise, Tolerance) else gallery


def gallery(network, inputs):
    """A `Probe` of `inputs`, computed in turns where the network's batch is fixed."""
    return Probe(inputs, in_turns(network, inputs, network.inputs[0].shape[0]))


def in_turns(run, inputs, batch_size):
    """Runs any number of examples through a network of a fixed batch, or of 8 at a time."""
    size = batch_size or _TURN
    parts = [run(turn) for turn in turns(inputs, size)]
    filled = -len(next(iter(inputs.values()))) % size
    return {
        name: np.concatenate([part[name] for part in parts])[: -filled or None] for name in parts[0]
    }


def turns(inputs, size):
    """Cuts `{input name: array}` into batches of `size`, the last one filled from the first."""
    total = len(next(iter(inputs.values())))
    for start in range(0, total, size):
        rows = np.arange(start, start + size) % total
        yield {name: array[rows] for name, array in inputs.items()}


def _same(promise, answers, subject, context):
    difference, peak = 0.0, 0.0
    for given, expected in answers:
        difference = max(difference, _largest_difference(given, expected))
        peak = max(peak, _peak(expected))
    tolerance = promise.difference * peak_of_pictures(peak)
    if difference > tolerance:
        raise ParityError(
            f"{subject} differs from Keras by up to {difference:.3g}; {tolerance:.3g} is allowed. "
            "It was not kept, because it would not show the pictures the model makes.",
            difference=difference,
            tolerance=tolerance,
            **context,
        )
    return Proof(difference, tolerance)


def _check_batch(promise, network, run, inputs, answers, batch_size, subject, context):
    """Refuses a file that makes other pictures of the same inputs at another batch size.

    Compared with the file's own: the mean over a few pictures may lie below the floor where that
    over the whole gallery does not.
    """
    few = {name: array[: max(_FREE_BATCHES)] for name, array in inputs.items()}
    at = f"{subject}, at batch size {batch_size},"
    given = _attempt(lambda: in_turns(run, few, batch_size), f"{at} cannot be run", context)
    expected = {name: array[: max(_FREE_BATCHES)] for name, array in answers.items()}
    _check_form(given, expected, at, context)
    psnr, ssim = _likeness(given, expected)
    floor = promise.of(network)
    if psnr < floor["psnr"] or ssim < floor["ssim"]:
        raise ParityError(
            f"{at} gives other pictures than of the same inputs {_TURN} at a time: their PSNR is "
            f"{psnr:.1f} dB, their SSIM {ssim:.3f}. It was not kept.",
            **context,
        )


def _alike(promise, network, given, expected, subject, context):
    floor = promise.of(network)
    psnr, ssim = _likeness(given, expected)
    if psnr < floor["psnr"] or ssim < floor["ssim"]:
        raise PoorPictures(
            f"{subject} gives pictures of PSNR {psnr:.1f} dB and SSIM {ssim:.3f} against Keras'; "
            f"{floor['psnr']:.0f} dB and {floor['ssim']} are the least. It was not kept.",
            **context,
        )
    return Proof(_largest_difference(given, expected), None, psnr, ssim, floor)


def _likeness(given, expected):
    """(PSNR, SSIM) of the output that is least alike."""
    spread = 2.0 * peak_of_pictures(_peak(expected))
    return (
        min(_psnr(given[name], expected[name], spread) for name in expected),
        min(_ssim(given[name], expected[name], spread) for name in expected),
    )


def peak_of_pictures(peak):
    """What differences are measured against: an untrained network's pictures are nearly grey.

    Held to the tolerance of pictures that fill [-1, 1], any other grey would pass for them.
    """
    return min(max(peak, _FAINTEST), 1.0)


def _peak(arrays):
    return max(float(np.abs(array).max(initial=0.0)) for array in arrays.values())


def _largest_difference(given, expected):
    return max(float(np.abs(given[name] - expected[name]).max(initial=0.0)) for name in expected)


def _psnr(given, expected, spread):
    return float(np.minimum(tf.image.psnr(given, expected, spread), _FINEST).mean())


def _ssim(given, expected, spread):
    if expected.ndim != 4:  # no pictures
        return 1.0
    side = min(_SSIM_SIDE, *expected.shape[1:3])
    return float(np.mean(tf.image.ssim(given, expected, spread, filter_size=side)))


def _attempt(action, failure, context):
    try:
        return action()
    except Exception as error:  # each runtime has its own classes
        raise ParityError(f"{failure}: {error}", **context) from error


def _check_form(given, expected, subject, context):
    if set(given) != set(expected):
        raise ParityError(
            f"{subject} gives the outputs {sorted(given)}; Keras gives {sorted(expected)}.",
            **context,
        )
    for name, array in expected.items():
        if given[name].shape != array.shape or given[name].dtype != array.dtype:
            raise ParityError(
                f"{subject} gives {name!r} as {given[name].dtype}{list(given[name].shape)}; "
                f"Keras gives {array.dtype}{list(array.shape)}.",
                **context,
            )
        if not np.isfinite(given[name]).all():
            raise ParityError(f"{subject} gives values that are not finite in {name!r}.", **context)


# === Inputs of the right distribution ===


def draw(tensor, description, batch_size, sides, rng):
    """Inputs of the distribution `describe_tensors` says, of the tensor's dtype.

    Raises:
        ExportError: for an input nothing is said of.
    """
    kind = (description or {}).get("kind")
    if kind not in _DRAWS:
        raise ExportError(
            f"`describe_tensors` must say of input {tensor.name!r} which `kind` it is: "
            f"{', '.join(_DRAWS)}. Received: {description!r}."
        )
    shape = [batch_size, *tensor.shape[1:]]
    if tensor.has_sides:
        shape[1:3] = [own or free for own, free in zip(shape[1:3], sides, strict=True)]
    values = _DRAWS[kind](rng, shape, description)
    return values.astype(tf.as_dtype(tensor.dtype).as_numpy_dtype)


def _noise(rng, shape, description):
    if description.get("distribution") == "bernoulli":
        return rng.uniform(size=shape) < description["probability"]
    if description.get("distribution", "normal") == "uniform":
        return rng.uniform(*description.get("value_range", (-1.0, 1.0)), shape)
    return rng.normal(description.get("mean", 0.0), description.get("stddev", 1.0), shape)


def _label(rng, shape, description):
    return rng.integers(*description["value_range"], shape, endpoint=True)


def _between(rng, shape, description):
    return rng.uniform(*description.get("value_range", (-1.0, 1.0)), shape)


def _mask(rng, shape, description):
    """Holes as models that fill them have learned from."""
    count, height, width, _ = shape
    return np.asarray(holes.draw(count, height, width, rng.integers(2**31, size=2)))


def _label_map(rng, shape, description):
    """Maps of few large areas, as people paint them: stripes both ways, of random classes."""
    count, height, width = shape
    low, high = description["value_range"]
    down = rng.integers(low, high, (count, -(-height // _AREA), 1), endpoint=True)
    across = rng.integers(low, high, (count, 1, -(-width // _AREA)), endpoint=True)
    areas = low + (down + across) % (high - low + 1)
    return areas.repeat(_AREA, axis=1).repeat(_AREA, axis=2)[:, :height, :width]


_DRAWS = {
    "latent": _noise,
    "noise": _noise,
    "label": _label,
    "attributes": _label,
    "image": _between,
    "mask": _mask,
    "label_map": _label_map,
    "styles": _noise,
    "psi": _between,
}
