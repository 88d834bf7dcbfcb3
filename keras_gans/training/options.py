"""Everything that decides how a run goes, and what of it may be another when it goes on."""

import dataclasses
import json

from keras_gans import zoo
from keras_gans.data import degradations
from keras_gans.evaluation.evaluator import check_names
from keras_gans.training.callbacks.checkpoints import LEARNING_RATES
from keras_gans.utils.checks import check_choice, check_positive

#: What may be another when a run goes on.
_MAY_CHANGE = LEARNING_RATES.union(
    {
        "epochs",
        "devices",
        "workers",
        "on_divergence",
        "sheet_every",
        "sheet_kimg",
        "checkpoint_kimg",
        "metrics",
        "metrics_every",
        "extractor",
        "data_dir",
        "manual_dir",
        "cache_dir",
    }
)


@dataclasses.dataclass(frozen=True)
class Options:
    """Everything that decides how a run goes.

    Attributes:
        model: name in the zoo.
        data: source for `keras_gans.data.load`; the entry's own where None.
        overrides: constructor arguments that replace the entry's.
        heads: names of the heads to learn, for data that has more of them.
        attributes: names of the attributes to learn; sets `num_attributes` where `overrides` does
            not.
        split: part of the source; where None "train", or of a folder of a hundred pictures and more
            without a split "test" "train[:95%]", whose rest the run is measured by.
        epochs: passes over the data; those of the entry's recipe, or 20, where None.
        steps_per_epoch: batches in a pass; all of them where None.
        batch_size: images per update, of all devices together; the recipe's, or the paper's, where
            None.
        devices: GPUs, or parts of a CPU, to share batches among.
        workers: machines to share batches among, see `keras_gans.distribution.strategy`.
        sync_batch_norm: batch norm over the whole batch instead of each device's share.
        seed: of weights, noise and order.
        deterministic: same seed, same weights at the end, to the bit; slower.
        jit_compile: XLA, for accelerators; slower on CPU.
        precision: what networks compute in, "float32", "mixed_bfloat16" or "mixed_float16".
        on_divergence: "stop", or "rollback" to the last checkpoint, where a loss or weight is no
            longer finite.
        flip: mirror pictures at random; as the recipe does, or not, where None.
        jitter: for translators: scale, crop and mirror pictures at random, see
            `keras_gans.data.load`; as the recipe does, or as there, where None.
        fit: how pictures are fitted to the model's size, see `keras_gans.data.load`; as there where
            None.
        degradation: for models that upscale: how small pictures are made of large ones, a name of
            `keras_gans.data.degradations.NAMES`; as the model says where None.
        data_dir: where TensorFlow Datasets keeps prepared data.
        manual_dir: where archives lie that TensorFlow Datasets shall not download.
        cache_dir: where decoded pictures of large folders are kept, see `keras_gans.data.load`.
        sheet_every: epochs from one sample sheet to the next.
        sheet_kimg: thousands of images shown from one sample sheet to the next, instead of epochs.
        checkpoint_kimg: thousands of images shown from one checkpoint to the next within an epoch;
            ten minutes where None.
        metrics: names of `keras_gans.evaluation.METRICS` that are worked out while training, on
            pictures the run does not learn from, as `evaluate` finds them.
        metrics_every: epochs from one evaluation to the next.
        extractor: whose features they compare, as `keras_gans.evaluation.features.get` takes it.
        start_from: weights to begin with, as `keras_gans.zoo.start_from` takes them, or the folder
            of another run; drawn at random where None.
        freeze_discriminator: how many layers with weights of every discriminator, from the picture
            on, stay as `start_from` has them: for few pictures of another kind (Mo et al., 2020,
            https://arxiv.org/abs/2002.10964, "FreezeD").
    """

    model: str
    data: str | None = None
    overrides: dict = dataclasses.field(default_factory=dict)
    heads: list[str] | None = None
    attributes: list[str] | None = None
    split: str | None = None
    epochs: int = None  # type: ignore[assignment]  # as `__post_init__` finds it
    steps_per_epoch: int | None = None
    batch_size: int | None = None
    devices: int | None = None
    workers: int | None = None
    sync_batch_norm: bool = False
    seed: int = 0
    deterministic: bool = False
    jit_compile: bool = False
    precision: str = "float32"
    on_divergence: str = "stop"
    flip: bool = None  # type: ignore[assignment]
    jitter: bool | None = None
    fit: str | None = None
    degradation: str | None = None
    data_dir: str | None = None
    manual_dir: str | None = None
    cache_dir: str | None = None
    sheet_every: int = 1
    sheet_kimg: float | None = None
    checkpoint_kimg: float | None = None
    metrics: list[str] | None = None
    metrics_every: int = 5
    extractor: str = "lite0"
    start_from: str | None = None
    freeze_discriminator: int = 0

    @property
    def source(self):
        """Where the data comes from: `data`, or the entry's own; None where neither is."""
        return self.data or zoo.entry(self.model).data

    def on(self, source):
        """The same with other data; where sets of TensorFlow Datasets lie is of such alone."""
        if source.startswith("tfds:"):
            return dataclasses.replace(self, data=source)
        return dataclasses.replace(self, data=source, data_dir=None, manual_dir=None)

    def __post_init__(self):
        recipe = {"epochs": 20, "flip": False, **zoo.entry(self.model).recipe}
        for name in ("epochs", "batch_size", "flip", "jitter"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, recipe.get(name))
        if self.source == zoo.entry(self.model).data and not self.heads and not self.attributes:
            # Of other data the labels have other names.
            for name in ("heads", "attributes"):
                object.__setattr__(self, name, recipe.get(name))
        for name in (
            "epochs",
            "steps_per_epoch",
            "batch_size",
            "workers",
            "sheet_every",
            "metrics_every",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {value}")
        for name in ("sheet_kimg", "checkpoint_kimg"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be more than 0. Received: {value}")
        check_positive("freeze_discriminator", self.freeze_discriminator, least=0)
        check_names(self.metrics or ())
        if self.degradation is not None:
            check_choice("degradation", self.degradation, degradations.NAMES)
        if self.on_divergence not in ("stop", "rollback"):
            raise ValueError(
                f"`on_divergence` must be 'stop' or 'rollback'. Received: {self.on_divergence!r}"
            )


def read(saved):
    """`Options` of a run's record, `{name: value}`.

    What an earlier version left open, the entry's recipe did not yet fill: it is what it was then.
    """
    row = zoo.entry(saved["model"])
    then = {"batch_size": row.cls.batch_size, "jitter": True}
    left_open = {
        name: value
        for name, value in then.items()
        if name in row.recipe and saved.get(name) is None
    }
    return Options(**{**saved, **left_open})


#: What options are in JSON, as `keras_gans.utils.json_files.read_json` takes it.
OPTIONS_SHAPE = {
    **{
        "model": str,
        "data?": (str, None),
        "degradation?": (str, None),
        "overrides?": dict,
        "split?": (str, None),
        "precision?": str,
    },
    **dict.fromkeys(("heads?", "attributes?", "metrics?"), ([str], None)),
    **dict.fromkeys(("steps_per_epoch?", "batch_size?", "devices?", "workers?"), (int, None)),
    **dict.fromkeys(("epochs?", "seed?", "sheet_every?", "metrics_every?"), int),
    "freeze_discriminator?": int,
    **dict.fromkeys(("sync_batch_norm?", "deterministic?", "jit_compile?", "flip?"), bool),
    **dict.fromkeys(("data_dir?", "manual_dir?", "cache_dir?", "start_from?", "fit?"), (str, None)),
    **dict.fromkeys(("sheet_kimg?", "checkpoint_kimg?"), (float, None)),
    **{"jitter?": (bool, None), "on_divergence?": str, "extractor?": str},
}


def changes(before, now):
    """What differs and may not."""
    if now.split is None:  # whatever the run has found
        now = dataclasses.replace(now, split=before.split)
    was, new = _fixed(before), _fixed(now)
    return [
        f"`{name}` was {was.get(name)!r}, and is {new.get(name)!r}"
        for name in {**was, **new}
        if was.get(name) != new.get(name)
    ]


def _fixed(options):
    """What of a run's options may not change, with overrides by name."""
    fixed = json.loads(json.dumps(dataclasses.asdict(options)))
    for name, value in fixed.pop("overrides").items():
        if fixed.get(name) is None:  # an option of the same name, such as `degradation`, holds
            fixed[name] = value
    return {key: value for key, value in fixed.items() if key not in _MAY_CHANGE}
