"""Fine-tuning: a model that begins with weights that were trained before."""

import os
import warnings
from typing import Any

from keras_gans.core.model import GAN
from keras_gans.core.weight_files import keys_of, unlike
from keras_gans.utils.damage import DAMAGE
from keras_gans.zoo._registry import entry, get, load, names

_NAMED = 5  # variables that stay as they were


def start_from(model: Any, source: Any) -> str:
    """Gives a model the weights of another: what fits is taken, the rest stays as it is.

    Optimizers, pools and counters are not taken: training begins anew.

        model = zoo.get("cdcgan_fashion", num_classes=3, generator_learning_rate=5e-5)
        print(zoo.start_from(model, "cdcgan_fashion"))
        model.fit(...)

    Args:
        model: a `keras_gans.GAN`.
        source: another model of the same family, a `.keras` or `.weights.h5` file, or the name of
            an entry with pretrained weights. Of a model with other classes, or of another size,
            the layers that have other shapes stay as they are.

    Returns:
        A sentence: how much was taken, and the first variables that were not.

    Raises:
        ValueError: for a source that is none of these, is of another family, or fits nowhere.
    """
    left: list[str] = []
    said = source
    if str(source).endswith(".weights.h5"):
        other, left = _of_weights(model, source)
    elif isinstance(source, GAN):
        other, said = source, source.name
    else:
        other = _opened(source)
    if type(other) is not type(model):
        raise ValueError(
            f"{said} is a {type(other).__name__}, and the model to train is a "
            f"{type(model).__name__}, whose networks mean other things. Use weights of a "
            f"{type(model).__name__}."
        )
    pairs = []
    for name, network in model.networks.items():
        fitting, others = _matched(network, _counterpart(other, name))
        pairs += fitting
        left += others
    if not any(len(variable.shape) > 1 for variable, _ in pairs):  # no kernel, biases at most
        raise ValueError(
            f"Nothing in {said} fits the model to train; the first that differ: "
            f"{', '.join(left[:_NAMED])}. Use the image size and widths it was trained with."
        )
    for variable, value in pairs:
        variable.assign(value)
    total = sum(len(network.weights) for network in model.networks.values())
    return _sentence(said, total, left)


def _opened(source: str | os.PathLike[str]):
    if str(source).endswith(".keras"):
        return load(source)
    known = [name for name in names() if entry(name).weights]
    if str(source) in known:
        return get(str(source), pretrained=True)
    raise ValueError(
        "Weights to start from are a .keras or .weights.h5 file, or the name of an entry with "
        f"pretrained weights ({', '.join(known)}). Received: {source}"
    )


def _counterpart(other, name):
    """The other model's network of a name; for an averaged one that it lacks, the plain one."""
    found = other.networks
    return found.get(name) or found.get(name.removesuffix("_ema"))


def _matched(network, other):
    """Pairs of variables that fit, layer by layer, in the order of each class within the network.

    Returns:
        `[(variable, value)]`, and the variables that are left, as text.
    """
    layers = dict(keys_of(other)) if other is not None else {}
    pairs, left = [], []
    for key, layer in keys_of(network):
        theirs = layers[key].weights if key in layers else []
        for number, variable in enumerate(layer.weights):
            if number < len(theirs) and theirs[number].shape == variable.shape:
                pairs.append((variable, theirs[number]))
                continue
            found = tuple(theirs[number].shape) if number < len(theirs) else "none"
            place = f"{network.name}/{key}/{variable.name}"
            left.append(f"{place} {tuple(variable.shape)} (there {found})")
    return pairs, left


def _sentence(source, total, left):
    text = f"Started from {source}: {total - len(left)} of {total} arrays of weights."
    if left:
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        text += f" New, as their shapes differ: {', '.join(left[:_NAMED])}{more}."
    return text


def _of_weights(model, path):
    """A model like the given one with the weights in a file, and what of them did not fit.

    Another model, since the file holds counters and optimizers too.
    """
    other = type(model).from_config(model.get_config())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what differs is told by whoever asked
            other.load_weights(path, skip_mismatch=True)
    except (OSError, ValueError, RuntimeError, *DAMAGE) as error:
        raise ValueError(f"{path} does not hold weights that can be read: {error}") from error
    return other, unlike(path, other.networks)
