"""The door of the room: `load`."""

import dataclasses
import random
import warnings
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from keras_gans.core.resuming import NumberedDataset
from keras_gans.data import clips, labels, paired, pictures, unpaired, upscaled
from keras_gans.data.account import Account
from keras_gans.data.degradations import Degradation, named
from keras_gans.data.examples import Order
from keras_gans.data.image_converter import FITS
from keras_gans.data.sources import open_source
from keras_gans.data.upscaled import PATCHES
from keras_gans.utils.checks import check_choice, is_whole

# One file for each kind of batch, with `FIT`, `accepts(model)` and
# `open_batches(request, model)`, a function from a request to its dataset.
_KINDS = (pictures, upscaled, paired, unpaired, clips)


@dataclasses.dataclass(frozen=True)
class Request:
    """What the caller of `load` asked for, checked."""

    source: str
    split: str
    order: Order
    shuffle: bool | None
    repeat: bool
    flip: bool
    jitter: bool | None
    fit: str | None  # None where the source decides
    degradation: str | Degradation | None
    heads: Sequence[str] | str | None
    attributes: Sequence[str] | str | None
    data_dir: str | None
    manual_dir: str | None
    cache_dir: str | None
    account: Account
    label_names: dict[str, Any]  # of what the model learns; a kind of batch with labels fills it in

    def opened(self, openers):
        """The source, opened by those of a kind of batch; see `sources.open_source`."""
        return open_source(
            self.source,
            self.split,
            openers,
            data_dir=self.data_dir,
            manual_dir=self.manual_dir,
            cache_dir=self.cache_dir,
            account=self.account,
        )

    def check_count(self, name, count, model, what="pictures"):
        """Refuses a source of fewer examples than a batch; an epoch of it would be empty."""
        size, steps = self.order.batch_size, model.discriminator_steps
        if count >= size or (count and not self.order.drop_remainder):
            self._note_remainder(count, what)
            return
        shared = f" ({size // steps} for each of {steps} discriminator steps)" if steps > 1 else ""
        fix = f"Use batch_size={count // steps} or less, or more {what}."
        if count < steps:
            fix = f"It needs at least {steps}."
        raise ValueError(
            f"{name} has {count} {what} in split {self.split!r}, fewer than one batch of "
            f"{size}{shared}. {fix}"
        )

    def _note_remainder(self, count, what):
        """Says how many examples of a person's own are not shown in a pass."""
        rest = count % self.order.batch_size
        if rest and self.order.drop_remainder and not self.source.startswith("bundled:"):
            others = ", others each time" if self.order.shuffle else ""
            self.account.remark(
                f"In each epoch {rest} of {count} {what} are not shown{others}, because they do "
                f"not fill a batch of {self.order.batch_size}."
            )

    def counted(self, batches, count):
        """The finished dataset: of known length, read ahead."""
        length = self.order.num_batches(count)
        if self.order.first_pass is not None and length:
            length = tf.data.INFINITE_CARDINALITY
        batches = batches.apply(tf.data.experimental.assert_cardinality(length))
        return batches.prefetch(tf.data.AUTOTUNE)

    def from_pass(self, number):
        """The same request, for all passes from this one on."""
        return dataclasses.replace(
            self, order=dataclasses.replace(self.order, first_pass=int(number))
        )


class LoadedDataset(NumberedDataset):
    """What `load` returns: batches of numbered passes, and an account of their source.

    Args:
        dataset: as of `NumberedDataset`.
        from_pass: as of `NumberedDataset`.
        account: the `Account` of what of the source was left out or changed.
        label_names: as of `NumberedDataset`.
    """

    def __init__(self, dataset, from_pass, account, label_names=None):
        super().__init__(dataset, from_pass, label_names)
        self.account = account


def load(
    source: str,
    model: Any,
    *,
    split: str = "train",
    batch_size: int | None = None,
    shuffle: bool | None = None,
    repeat: bool = True,
    seed: int | None = None,
    flip: bool = False,
    jitter: bool | None = None,
    fit: str | None = None,
    degradation: str | Degradation | None = None,
    heads: Sequence[str] | str | None = None,
    attributes: Sequence[str] | str | None = None,
    drop_remainder: bool = True,
    data_dir: str | None = None,
    manual_dir: str | None = None,
    cache_dir: str | None = None,
) -> LoadedDataset:
    """Batches for `model.fit`, shaped as the model's `batch_spec()` says; see `keras_gans.data`.

    Args:
        source: "bundled:NAME"; "folder:PATH", pictures or one folder of them for each class;
            "idx:PATH", the folder of an MNIST-like set's four files; or "tfds:NAME[/CONFIG]". For
            pairs a folder holds both in one file, A on the left, or of equal names in A/ and B/;
            label maps are grey, with class numbers, or have the colours of `palette.json` or
            `palette.csv` beside them.
            Domains lie in trainA/ and trainB/ (testA/, testB/), or are splits of these names, as
            of "tfds:cycle_gan/CONFIG".
        model: a `keras_gans.GAN`.
        split: "train", "test" or what else the source has; for TFDS in TFDS' language. Of a
            folder the subfolders train/ and test/ (of pairs also val/), else all is "train".
        batch_size: pictures per update of the discriminator, the model's where not given; a
            batch holds `model.discriminator_steps` times as many.
        shuffle: another order in every epoch; the source's order where False. On where not given,
            but for domains that belong together row by row ("bundled:emoji/styles", "test").
        repeat: of two domains, whether the smaller one starts over until the larger one has been
            shown. Where False an epoch ends with the smaller: for measuring.
        seed: of order and flips: equal seeds give equal batches, epoch by epoch. Drawn (from
            Python's generator, so `keras.utils.set_random_seed` fixes it) where not given.
        flip: mirror half of the pictures, left to right, drawn anew in every epoch.
        jitter: for translators: scale to 286/256 of the model's size, crop at a random place and
            mirror half of them, drawn anew in every epoch; both pictures of a pair alike. Where
            not given, on for a split that begins with "train".
        fit: "crop" covers the model's size and cuts off what sticks out; "stretch" distorts;
            "pad" puts white around; "patches", for models that upscale, cuts squares of the
            model's size out of photographs at their own resolution, as many an epoch as fit into
            each, 64 at most: at random places, half of them reduced to down to half the scale and
            half of them mirrored where pictures jitter, else at fixed places. Where not given
            "crop", "stretch" for translators, as their papers do, and "patches" for models that
            upscale from a folder or "bundled:photos".
        degradation: for models that upscale: how small pictures are made of large ones, "bicubic",
            "light" or "realesrgan", or a `keras_gans.data.degradations.Degradation`; what the
            model asks for where not given. Where pictures do not jitter, each is degraded in the
            same way in every epoch, whatever the seed.
        heads: names of the heads to learn, for sources that have more of them.
        attributes: names of the attributes to learn, for sources that have more of them.
        drop_remainder: leave out the pictures that do not fill a batch.
        data_dir: for TFDS, where prepared data lies.
        manual_dir: for TFDS, where downloaded archives lie, for machines without a network.
        cache_dir: for folders: a folder on a fast disk for the decoded pictures that do not fit in
            memory, until the process ends. They are decoded in every epoch where not given.

    What of the source is left out or changed is told in a warning, by kind, and kept in
    `data.account`: `data.account.lines()` names every file. `data.label_names` holds the names of
    the labels, which `fit` gives to the model.

    Returns:
        A `LoadedDataset`: a `tf.data.Dataset` whose length is known. Each iteration is a pass, in
        an order of its own; `data.from_pass(n)` is the dataset of pass n and, without an end, of
        those that follow, which is how `fit` reads it: what a pass shows depends on its number and
        the seed alone.

    Raises:
        ValueError: if the arguments, the source and the model do not go together.
        keras_gans.data.NoSuchSplitError: a ValueError, if the source does not have that split.
        ImportError: for "tfds:" where TensorFlow Datasets is not installed.
        ConnectionError: for "tfds:" where a download is needed and fails.
    """
    kind = _kind_of(model)
    order = _order(model, batch_size, shuffle, seed, drop_remainder)
    fit = kind.FIT if fit is None else fit
    if fit is not None:
        check_choice("fit", fit, (*FITS, PATCHES))
    _refuse_labels(model, heads, attributes)
    _check_degradation(model, degradation, kind)
    request = Request(
        *(source, split, order, shuffle, repeat, flip, jitter, fit, degradation),
        *(heads, attributes, data_dir, manual_dir, cache_dir, Account(), {}),
    )
    batches = kind.open_batches(request, model)
    _tell(source, request.account)
    return _numbered(batches, request)


def _refuse_labels(model, heads, attributes):
    if (heads or attributes) and labels.of_model(model) is None:
        raise ValueError(
            f"`heads` and `attributes` name labels; {type(model).__name__} learns none. Leave them "
            "out, or use a class-conditional model."
        )


def _check_degradation(model, degradation, kind):
    if degradation is None:
        return
    if kind is not upscaled:
        raise ValueError(
            "`degradation` says how small pictures are made of large ones; "
            f"{type(model).__name__} does not upscale. Leave it out, or use a model such as "
            "srresnet."
        )
    named(degradation)


def _numbered(batches, request):
    """The dataset of the first pass, which knows those of all others."""
    return LoadedDataset(
        batches(request),
        lambda number: batches(request.from_pass(number)),
        request.account,
        request.label_names,
    )


def _tell(source, account):
    """Warns of what is left out and changed, one by one: what a run loads again it says once."""
    for sentence in filter(None, (account.summary(), *account.remarks)):
        warnings.warn(f"{source}: {sentence}", stacklevel=3)


def _kind_of(model):
    """The module that makes such a model's batches."""
    kind = next((kind for kind in _KINDS if kind.accepts(model)), None)
    if kind is None:
        raise ValueError(
            "`data.load` makes batches of pictures, of pictures and labels, of two pictures, or of "
            "two clips and their flow; "
            f"{type(model).__name__} learns from {model.batch_roles()}. Make a tf.data.Dataset of "
            "such batches."
        )
    return kind


def _order(model, batch_size, shuffle, seed, drop_remainder):
    """The order of the batches, its numbers checked."""
    size = model.batch_size if batch_size is None else batch_size
    if not is_whole(size) or size < 1:
        raise ValueError(f"`batch_size` must be a positive integer. Received: {size!r}")
    seed = random.randrange(2**31) if seed is None else seed
    if not is_whole(seed) or seed < 0:
        raise ValueError(f"`seed` must be an integer, 0 or more. Received: {seed!r}")
    size = int(size) * model.discriminator_steps
    return Order(size, shuffle is None or shuffle, int(seed), drop_remainder)
