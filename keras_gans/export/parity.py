"""The proof: the file, run in its own runtime, gives what Keras gives."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_gans.export.exporter import ExportError

_SEED = 20140610
_FREE_BATCHES = (1, 3)  # two, because a batch size baked in by a converter shows only at the second
_FREE_SIDE = 64
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


def probes(network, tensors, picture_size=None):
    """Inputs as the network will meet them, at two batch sizes where the batch is free.

    Args:
        network: a `Servable`.
        tensors: what `GAN.describe_tensors` says of its inputs.
        picture_size: (height, width) that suits the network, where it leaves them free.

    Returns:
        `{batch size: Probe}`

    Raises:
        ExportError: for an input nothing is said of.
        ParityError: if Keras itself gives values that are not finite.
    """
    fixed = network.inputs[0].shape[0]
    height, width = picture_size or (_FREE_SIDE, _FREE_SIDE)
    found = {}
    for turn, batch_size in enumerate(_FREE_BATCHES if fixed is None else (fixed,)):
        # Twice as wide at the second turn: free sides must not be baked in either, nor mixed up.
        sides = (height, width * (turn + 1))
        rng = np.random.default_rng(_SEED + turn)
        inputs = {
            tensor.name: _draw(tensor, tensors.get(tensor.name), batch_size, sides, rng)
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


def prove(exporter, path, network, probes, precision):
    """Runs a file in its own runtime and compares it with Keras.

    Args:
        exporter: the file's `Exporter`.
        path: of the file.
        network: the `Servable` it was written from.
        probes: `{batch size: Probe}`.
        precision: it was written in.

    Returns:
        (largest absolute difference, largest allowed)

    Raises:
        ParityError: naming network, format, difference and tolerance.
    """
    context = {"network": network.name, "format": exporter.name}
    subject = f"The {network.name} written as {exporter.name}"
    run = _attempt(lambda: exporter.load(path), f"{subject} cannot be loaded", context)
    difference, peak = 0.0, 0.0
    for batch_size, probe in probes.items():
        at = f"{subject}, at batch size {batch_size},"
        given = _attempt(lambda p=probe: run(p.inputs), f"{at} cannot be run", context)
        _check_form(given, probe.expected, at, context)
        for name, expected in probe.expected.items():
            difference = max(difference, float(np.abs(given[name] - expected).max(initial=0.0)))
            peak = max(peak, float(np.abs(expected).max(initial=0.0)))
    # An untrained network's pictures are nearly grey. Held to the tolerance of pictures that
    # fill [-1, 1], any other grey would pass for them.
    tolerance = exporter.tolerances[precision] * min(max(peak, _FAINTEST), 1.0)
    if difference > tolerance:
        raise ParityError(
            f"{subject} differs from Keras by up to {difference:.3g}; {tolerance:.3g} is allowed. "
            "It was not kept, because it would not show the pictures the model makes.",
            difference=difference,
            tolerance=tolerance,
            **context,
        )
    return difference, tolerance


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


def _draw(tensor, description, batch_size, sides, rng):
    kind = (description or {}).get("kind")
    if kind not in _DRAWS:
        raise ExportError(
            f"`describe_tensors` must say of input {tensor.name!r} which `kind` it is: "
            f"{', '.join(_DRAWS)}. Received: {description!r}."
        )
    shape = [batch_size, *tensor.shape[1:]]
    if tensor.is_picture:
        shape[1:3] = [own or free for own, free in zip(shape[1:3], sides, strict=True)]
    values = _DRAWS[kind](rng, shape, description)
    return values.astype(tf.as_dtype(tensor.dtype).as_numpy_dtype)


def _noise(rng, shape, description):
    if description.get("distribution", "normal") == "uniform":
        return rng.uniform(description.get("low", -1.0), description.get("high", 1.0), shape)
    return rng.normal(description.get("mean", 0.0), description.get("stddev", 1.0), shape)


def _label(rng, shape, description):
    return rng.integers(*description["value_range"], shape, endpoint=True)


def _image(rng, shape, description):
    return rng.uniform(*description.get("value_range", (-1.0, 1.0)), shape)


_DRAWS = {
    "latent": _noise,
    "noise": _noise,
    "label": _label,
    "attributes": _label,
    "image": _image,
}
