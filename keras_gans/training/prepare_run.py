"""Model and data of a run, built and checked before anything is written."""

import pathlib
import warnings
from typing import Any

import keras
import tensorflow as tf

from keras_gans import zoo
from keras_gans.core.saving import constructor_arguments
from keras_gans.core.signature import translates
from keras_gans.training import distribution
from keras_gans.training.options import Options
from keras_gans.training.run_data import load, with_split
from keras_gans.training.run_folder import open_run

_FEW, _FEW_PAIRS = 500, 100  # examples below which a run is advised


def prepare(options: Options, begins: bool = True) -> tuple[Any, tf.data.Dataset]:
    """Model and data of a run, built and checked; nothing is written.

    Args:
        options: `Options`.
        begins: whether the model takes the weights of `start_from`; a run that goes on has its own.

    Returns:
        The compiled model and the `tf.data.Dataset` it will be fitted on.

    Raises:
        ValueError: for anything in the options that cannot be.
    """
    return prepared(options, begins)[1:]


def prepared(options, begins=True):
    """`(options, model, dataset)`: the options with the split that is learned from."""
    if options.source is None:
        raise ValueError(
            f"{options.model} has no default data. Name a source: --data folder:PATH, "
            "--data tfds:NAME or --data bundled:fashion_mnist."
        )
    keras.utils.set_random_seed(options.seed)
    if options.deterministic:
        tf.config.experimental.enable_op_determinism()
    with distribution.strategy(options.devices, options.workers).scope():
        model = _model(options)
        if options.start_from and begins:
            _start(model, options.start_from)
        if options.freeze_discriminator:
            _freeze(model, options)
        if options.split is None:
            options = with_split(options, model)
        dataset = load(
            options,
            model,
            batch_size=options.batch_size,
            seed=options.seed,
            flip=options.flip,
            jitter=options.jitter,
            cache_dir=options.cache_dir,
        )
        if not {"constant_steps", "decay_steps"} & set(options.overrides):
            # The paper's schedules, laid over the images of this run.
            steps = (options.steps_per_epoch or len(dataset)) * options.epochs
            size = options.batch_size or model.batch_size
            images = steps * size * model.discriminator_steps
            model.compile(images=images, batch_size=size, jit_compile=options.jit_compile)
    _advise_on_few(options, model, dataset)
    return options, model, dataset


def _advise_on_few(options, model, dataset):
    """Says so where there are too few pictures for what a game usually needs, and what helps."""
    size = (options.batch_size or model.batch_size) * model.discriminator_steps
    count, least = len(dataset) * size, _FEW_PAIRS if translates(model) else _FEW
    if count >= least or not distribution.is_chief():
        return
    help_ = [
        "more pictures",
        "weights trained on others (`start_from`, with `freeze_discriminator`)",
    ]
    if "augment" in constructor_arguments(type(model)) and not model.get_config().get("augment"):
        help_.append('augmenting them (augment=["color", "translation"])')
    warnings.warn(
        f"{options.source} has about {count} examples to learn from. Of fewer than {least} the "
        f"discriminator soon knows each by heart, and pictures stop getting better. What helps: "
        f"{'; '.join(help_)}.",
        stacklevel=3,
    )


def _model(options):
    chosen = {"num_attributes": len(options.attributes)} if options.attributes else {}
    model = zoo.get(
        options.model,
        precision=options.precision,
        **{"seed": options.seed, **chosen, **options.overrides},
    )
    if options.jit_compile:
        model.compile(jit_compile=True)
    if options.sync_batch_norm:
        distribution.synchronise_batch_norm(model)
    return model


def _freeze(model, options):
    """Freezes the layers of every discriminator that are nearest to the picture (FreezeD)."""
    if not options.start_from:
        raise ValueError(
            "`freeze_discriminator` keeps what D has learned elsewhere, and here it begins anew: "
            "give `start_from`, or leave it out."
        )
    frozen = {}
    for name in model.players.get("discriminator", ()):
        able = model.able_to_learn(name)
        if options.freeze_discriminator >= len(able):
            raise ValueError(
                f"`freeze_discriminator` must leave a layer of {name} to learn, which has "
                f"{len(able)} with weights. Received: {options.freeze_discriminator}"
            )
        frozen[name] = able[: options.freeze_discriminator]
    if not frozen:
        raise ValueError(f"{model.name} has no discriminator to freeze layers of.")
    model.freeze(frozen)


def _start(model, source):
    """Begins with the weights of another run, of a file or of an entry, and says so."""
    is_run = (pathlib.Path(source) / "options.json").exists()
    said = zoo.start_from(model, open_run(source).load_model() if is_run else source)
    if distribution.is_chief():
        print(f"{source}: {said}" if is_run else said)
