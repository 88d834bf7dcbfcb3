"""Freezes the numbers of the zoo: what every network puts out and how three steps of training go.

    python tests/golden/make_numbers.py FILE.npz [CASE ...]

A case is an entry in its tiny form, with or without tricks, or the weights that ship with one at
full size. Weights, data and the states of random generators are set here, by name and place, so
that no number depends on the order in which a model builds its networks. The steps run eagerly, on
one thread and with AVX2 at most: on one machine the numbers are equal to the bit.

`tests/test_golden_numbers.py` compares a run of this file with `numbers.npz`.
"""

import os
import sys

os.environ.update(
    TF_CPP_MIN_LOG_LEVEL="2",
    TF_NUM_INTRAOP_THREADS="1",
    TF_NUM_INTEROP_THREADS="1",
    ONEDNN_MAX_CPU_ISA="AVX2",
    CUDA_VISIBLE_DEVICES="-1",
)

import json  # noqa: E402
import math  # noqa: E402
import pathlib  # noqa: E402
import zlib  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from fabrication import fabricate  # noqa: E402

from keras_gans import zoo  # noqa: E402

_KEPT = 96  # values of an output, evenly spread over it
_STEPS = 3
_BATCH = 4

# Tricks and switches, each on a tiny form: `(entry, arguments)`.
VARIANTS = {
    "dcgan+smoothed_flipped": ("dcgan", {"label_smoothing": 0.1, "label_flipping": 0.2}),
    "dcgan+noise": ("dcgan", {"instance_noise": 0.1, "instance_noise_steps": 10}),
    "dcgan+replay": ("dcgan", {"replay": 8}),
    "dcgan+packing": ("dcgan", {"packing": 2}),
    "dcgan+augment": ("dcgan", {"augment": ["color", "translation", "cutout"]}),
    "dcgan+ada": ("dcgan", {"augment": ["color", "translation"], "ada_target": 0.6}),
    "dcgan+together": ("dcgan", {"batch_norm": "together"}),
    "dcgan+balance": ("dcgan", {"balance": 0.6}),
    "dcgan+ema": ("dcgan", {"ema_decay": 0.99}),
    "dcgan+r1_r2": ("dcgan", {"r1": 0.5, "r2": 0.25, "discriminator_norm": "none"}),
    "dcgan+lazy_r1": ("dcgan", {"r1": 0.5, "penalty_interval": 2, "discriminator_norm": "none"}),
    "dcgan+dragan": ("dcgan", {"dragan": 10.0}),
    "dcgan+gp": ("dcgan", {"gradient_penalty": 10.0, "discriminator_norm": "layer"}),
    "dcgan+clip": ("dcgan", {"clip": 0.01}),
    "dcgan+uniform": ("dcgan", {"latent_distribution": "uniform"}),
    "dcgan+sgd": ("dcgan", {"discriminator_optimizer": "sgd"}),
    "dcgan+rates": (
        "dcgan",
        {"generator_learning_rate": 1e-4, "discriminator_learning_rate": 4e-4},
    ),
    "dcgan+steps": ("dcgan", {"discriminator_steps": 3}),
    "dcgan+minimax": ("dcgan", {"objective": "minimax"}),
    "dcgan+hinge": ("dcgan", {"objective": "hinge"}),
    "dcgan+wasserstein": ("dcgan", {"objective": "wasserstein"}),
    "dcgan+relativistic": ("dcgan", {"objective": "relativistic_pairing"}),
    "dcgan+all": (
        "dcgan",
        {
            "replay": 8,
            "packing": 2,
            "augment": ["color", "translation"],
            "ada_target": 0.6,
            "instance_noise": 0.1,
            "label_smoothing": 0.1,
            "ema_decay": 0.9,
            "r1": 0.1,
            "discriminator_norm": "none",
        },
    ),
    "gan+minimax_steps": ("gan", {"objective": "minimax", "discriminator_steps": 2}),
    "wgan_gp+relativistic": ("wgan_gp", {"objective": "relativistic_pairing"}),
    "wgan_gp+replay_ema": ("wgan_gp", {"replay": 8, "ema_decay": 0.99}),
    "sngan+both": ("sngan", {"spectral": ["generator", "discriminator"], "augment": ["color"]}),
    "r3gan+gp": ("r3gan", {"gradient_penalty": 1.0}),
    "r3gan+steps": ("r3gan", {"discriminator_steps": 2, "penalty_interval": 2}),
    "cdcgan+replay": ("cdcgan", {"replay": 8}),
    "cdcgan+r1_relativistic": ("cdcgan", {"r1": 0.1, "objective": "relativistic_pairing"}),
    "cdcgan+heads": ("cdcgan", {"num_classes": (3, 4), "num_attributes": 2, "replay": 8}),
    "cdcgan+attributes": ("cdcgan", {"num_classes": 0, "num_attributes": 3, "ema_decay": 0.9}),
    "cgan+steps": ("cgan", {"discriminator_steps": 2, "num_classes": (3, 2)}),
    "pix2pix+augment": ("pix2pix", {"augment": ["color", "translation"]}),
    "pix2pix+ba": ("pix2pix", {"direction": "ba", "source_channels": 1}),
    "cyclegan+no_identity": ("cyclegan", {"identity_weight": 0.0, "a_channels": 1}),
    "cyclegan+no_pool": ("cyclegan", {"pool_size": 0}),
}


def frozen_entries():
    """Entries that were there when the numbers were frozen, by the shape of their tiny form."""
    forms = {}
    for name in zoo.names():
        row = zoo.entry(name)
        arguments = json.dumps({**row.config, **row.tiny}, sort_keys=True)
        forms.setdefault((row.cls, arguments), name)
    return sorted(forms.values())


def cases():
    """`{case: function that makes its compiled model}`."""
    made = {}
    for name in frozen_entries():
        made[name] = lambda name=name: _tiny(name)
    for case, (name, arguments) in VARIANTS.items():
        made[case] = lambda name=name, arguments=arguments: _tiny(name, **arguments)
    for name in zoo.names():
        if zoo.entry(name).weights:
            made[f"{name}@pretrained"] = lambda name=name: zoo.get(name, pretrained=True, seed=3)
    return made


def _tiny(name, **arguments):
    model = zoo.get(name, **{**zoo.entry(name).tiny, "seed": 3, **arguments})
    for network_name, network in model.networks.items():
        generator = _generator(network_name.removesuffix("_ema"))
        for variable in network.weights:
            variable.assign(_values(generator, variable))
    return model


def _generator(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def _values(generator, variable):
    shape, leaf = tuple(variable.shape), variable.path.rsplit("/", 1)[-1]
    values = generator.normal(size=shape)
    if leaf == "moving_variance":
        return 0.5 + np.abs(values)
    if leaf == "u":  # of spectral norm: a vector of length 1
        return values / np.linalg.norm(values)
    if leaf == "gamma":
        return 1.0 + 0.1 * values
    if len(shape) < 2:
        return 0.1 * values
    return values * math.sqrt(2.0 / math.prod(shape[:-1]))


def _fix_random_states(model):
    number = 0
    for layer in model._flatten_layers():
        for generator in layer._seed_generators:
            generator.state.assign(np.array([number, 17], generator.state.dtype))
            number += 1


def numbers(model):
    """`{name: float array}`: outputs, logs, norms of gradients and of weights, pictures."""
    _fix_random_states(model)
    found = {}
    for name, network in model.networks.items():
        generator = _generator(f"inputs of {name}")
        inputs = [_input(generator, i, model) for i in network.inputs]
        output = network(inputs if len(inputs) > 1 else inputs[0], training=False)
        for number, tensor in enumerate(tf.nest.flatten(output)):
            found[f"output/{name}/{number}"] = _thinned(tensor)
    norms = []
    apply = model.apply_gradients

    def recorded(player, gradients):
        norms.append(math.sqrt(math.fsum(_squares(g) for g in gradients)))
        apply(player, gradients)

    model.apply_gradients = recorded
    for step in range(_STEPS):
        for metric in model.metrics:
            metric.reset_state()
        logs = model.train_step(tf.nest.map_structure(tf.constant, fabricate(model, _BATCH, step)))
        found[f"step_{step}/logs"] = np.array([float(logs[name]) for name in sorted(logs)])
        found[f"step_{step}/gradients"] = np.array(norms)
        norms.clear()
    model.apply_gradients = apply
    for name, network in model.networks.items():
        found[f"weights/{name}"] = np.array([math.sqrt(_squares(w)) for w in network.weights])
    found["pictures"] = _thinned(_pictures(model))
    return found


def _input(generator, tensor, model):
    shape = (_BATCH, *(side or model.image_size for side in tensor.shape[1:]))
    if "int" in str(tensor.dtype):
        limits = model.conditions.limits
        high = limits if model.conditions.in_columns else limits[0]
        return generator.integers(0, high, shape).astype("int32")
    return generator.uniform(-1, 1, shape).astype("float32")


def _pictures(model):
    spec = tf.nest.flatten(model.batch_spec())
    if len(spec) > 1 and spec[1].dtype.is_floating:
        batch = fabricate(model, 2, 9)
        return model.translate(batch[0 if getattr(model, "direction", "ab") == "ab" else 1])
    return model.sample(4, seed=1)


def _squares(tensor):
    return math.fsum(np.square(np.asarray(tensor, np.float64)).ravel())


def _thinned(tensor):
    values = np.asarray(tensor, np.float32).ravel()
    return values[:: max(1, len(values) // _KEPT)][:_KEPT]


def main(path, *chosen):
    """Writes the numbers of the chosen cases, of all where none is chosen."""
    arrays = {}
    for case, make in cases().items():
        if chosen and case not in chosen:
            continue
        keras.utils.set_random_seed(0)
        for name, values in numbers(make()).items():
            arrays[f"{case}/{name}"] = values
        print(case, flush=True)
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
