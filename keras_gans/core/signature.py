"""Roles: what a tensor stands for. Rooms around a model dispatch on these and on nothing else.

A batch is described by `GAN.batch_roles()`, what the generating networks take and give by
`GAN.signature()`:

    dcgan      batch {"image": Image(64, 64, 3)}
               {"generator": Signature({"latent": Latent(100)}, {"image": Image(64, 64, 3)})}
    pix2pix    batch {"source": Image(256, 256, 3), "target": Image(256, 256, 3)}
               {"generator": Signature({"source": Image(None, None, 3, multiple_of=256)}, ...)}
    cyclegan   batch {"a": Image(..., domain="a"), "b": Image(..., domain="b")}
    stargan    batch {"source": Image(128, 128, 3), "attributes": Labels(...)}
               {"generator": Signature({"source": Image(...), "attributes": Attributes(5)}, ...)}
    inpainting batch {"source": Image(256, 256, 3)}
               {"generator": Signature({"source": Image(...), "mask": Mask(...)}, ...)}
    of clips   batch {"source": Clip(6, 64, 64, 3), "flow": Flow(6, 64, 64), "target": Clip(...)}
               {"generator": Signature({"source": Image(None, None, 9, frames=3),
                                        "previous": Image(None, None, 6, frames=2,
                                                          fed_by="target")}, ...)}
    spade      batch {"source": LabelMap(256, 256, classes=151), "target": Image(256, 256, 3)}
               {"generator": Signature({"source": LabelMap(None, None, ...)}, ...)}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from keras_gans.core.conditioning import Conditions
from keras_gans.core.label_maps import Palette

_PICTURE = {"kind": "image", "layout": "NHWC", "value_range": [-1.0, 1.0]}


class Role:
    """What a tensor stands for; the base of all below."""

    def spec(self, size: int | None, name: str) -> tf.TensorSpec:
        """`tf.TensorSpec` of a batch of `size` such tensors."""
        raise NotImplementedError(f"{type(self).__name__} is no part of a batch.")

    def describe(self) -> dict[str, Any]:
        """What a program that feeds an exported network must know of it, plain JSON."""
        raise NotImplementedError(f"{type(self).__name__} is not fed to an exported network.")


@dataclasses.dataclass(frozen=True)
class Image(Role):
    """Pictures, float32 (N, height, width, channels) in [-1, 1].

    Attributes:
        height: in pixels; None where any will do.
        width: likewise.
        channels: 3 for colour, 1 for grey.
        multiple_of: what height and width must be multiples of.
        smallest: what height and width must be at least.
        trained: of an input whose sides are free, the height and width it was trained at.
        scale: of an output, how many times as large as the picture that went in; of a target, as
            its source.
        domain: name of the set the pictures come from, where a batch holds pictures of sets that
            do not belong together row by row; None where they do.
        degradation: of the small picture beside a target of a larger `scale`, how it is made of
            the target: "bicubic", or another name of `keras_gans.data.degradations.NAMES`.
        tile: of an input that larger pictures go through in tiles, height and width of these
            where a program need not choose them; None where pictures go through whole.
        overlap: of the same, pixels that neighbouring tiles share. A network that sees no further
            than 3/8 of it to each side makes the same of tiles as of the whole picture.
        hole: of an input whose same part is always hidden and filled in, the part: (top, left,
            bottom, right) in pixels, the last two behind it; None where nothing is, or masks say.
        frames: of an input that takes several frames of a clip, how many lie one behind the other
            in the channels, the oldest first.
        fed_by: of an input that takes the frames which the network gave before, the name of the
            output that they come from; zeros where there are none yet. None of others.
    """

    height: int | None
    width: int | None
    channels: int
    multiple_of: int = 1
    scale: int = 1
    domain: str | None = None
    smallest: int = 1
    trained: tuple[int, int] | None = None
    degradation: str = "bicubic"
    tile: tuple[int, int] | None = None
    overlap: int | None = None
    hole: tuple[int, int, int, int] | None = None
    frames: int = 1
    fed_by: str | None = None

    @property
    def sides(self) -> tuple[int, int] | None:
        """Height and width; None where any will do."""
        if self.height is None or self.width is None:
            return None
        return self.height, self.width

    def spec(self, size, name):
        return tf.TensorSpec((size, self.height, self.width, self.channels), tf.float32, name)

    def describe(self):
        about: dict[str, Any] = dict(_PICTURE)
        if self.multiple_of > 1:
            about["multiple_of"] = self.multiple_of
        if self.smallest > 1:
            about["smallest"] = self.smallest
        if self.trained is not None:
            about["trained"] = list(self.trained)
        if self.scale > 1:
            about["scale"] = self.scale
        if self.tile is not None:
            about["tile"] = list(self.tile)
        if self.overlap is not None:
            about["overlap"] = self.overlap
        if self.hole is not None:
            about["hole"] = list(self.hole)
        if self.frames > 1:
            about["frames"] = self.frames
        if self.fed_by is not None:
            about["fed_by"] = self.fed_by
        return about


@dataclasses.dataclass(frozen=True)
class LabelMap(Image):
    """Pictures of class numbers, int32 (N, height, width): what is to be seen at each pixel.

    Attributes:
        classes: how many there are.
        palette: in which people see and paint maps; the usual one where None.
    """

    channels: int = 1
    classes: int = dataclasses.field(kw_only=True)
    palette: Palette | None = dataclasses.field(default=None, kw_only=True)

    @property
    def colors(self) -> Palette:
        """The palette."""
        return self.palette or Palette.usual(self.classes)

    def spec(self, size, name):
        return tf.TensorSpec((size, self.height, self.width), tf.int32, name)

    def describe(self):
        about = super().describe()
        for key in ("kind", "layout", "value_range"):
            del about[key]
        names = {"classes": list(self.colors.names)} if self.colors.names else {}
        return {
            "kind": "label_map",
            "value_range": [0, self.classes - 1],
            **names,
            "palette": list(self.colors.colors),
            **about,
        }


@dataclasses.dataclass(frozen=True)
class Clip(Role):
    """Clips, float32 (N, frames, height, width, channels) in [-1, 1].

    Attributes:
        frames: of each clip of a batch.
        height: in pixels.
        width: likewise.
        channels: 3 for colour, 1 for grey.
    """

    frames: int
    height: int
    width: int
    channels: int

    def spec(self, size, name):
        shape = (size, self.frames, self.height, self.width, self.channels)
        return tf.TensorSpec(shape, tf.float32, name)


@dataclasses.dataclass(frozen=True)
class Flow(Role):
    """Where each pixel of the clips beside it was in the frame before, (N, frames, H, W, 3).

    Across, as a share of the width, and down, as a share of the height, from its place; then 1
    where that is known for sure, else 0 or less. Nothing is known of the first frame of a clip.

    Attributes:
        frames: of each clip of a batch.
        height: in pixels.
        width: likewise.
    """

    frames: int
    height: int
    width: int

    def spec(self, size, name):
        return tf.TensorSpec((size, self.frames, self.height, self.width, 3), tf.float32, name)


@dataclasses.dataclass(frozen=True)
class Mask(Role):
    """Holes in the pictures beside it, float32 (N, height, width, 1) of their height and width.

    1 is in the hole, 0 where the picture is known.

    Attributes:
        height: in pixels; None where any will do.
        width: likewise.
    """

    height: int | None
    width: int | None

    def describe(self):
        return {"kind": "mask", "layout": "NHWC", "value_range": [0.0, 1.0]}


@dataclasses.dataclass(frozen=True)
class Latent(Role):
    """What pictures are drawn from, float32 (N, size).

    Attributes:
        size: length of a latent.
        distribution: "normal", N(0, 1), or "uniform", U(-1, 1).
    """

    size: int
    distribution: str = "normal"

    def describe(self):
        if self.distribution == "uniform":
            said: dict[str, Any] = {"distribution": "uniform", "value_range": [-1.0, 1.0]}
        else:
            said = {"distribution": "normal", "mean": 0.0, "stddev": 1.0}
        return {"kind": "latent", **said}


@dataclasses.dataclass(frozen=True)
class Labels(Role):
    """Classes of one head or several, and binary attributes, in one tensor: see `Conditions`."""

    conditions: Conditions

    def spec(self, size, name):
        return self.conditions.spec(size)


@dataclasses.dataclass(frozen=True)
class Label(Role):
    """A class for each picture, int32 (N,), as an exported network takes it.

    Attributes:
        classes: how many there are.
    """

    classes: int

    def describe(self):
        return {"kind": "label", "value_range": [0, self.classes - 1]}


@dataclasses.dataclass(frozen=True)
class Attributes(Role):
    """Binary attributes, int32 (N, count) of 0 and 1, as an exported network takes them.

    Attributes:
        count: how many there are.
    """

    count: int

    def describe(self):
        return {"kind": "attributes", "value_range": [0, 1]}


@dataclasses.dataclass(frozen=True)
class Noise(Role):
    """Random numbers beside the latents: masks of dropout, noise of single layers.

    Attributes:
        distribution: "bernoulli" or "normal".
        probability: of a 1, of "bernoulli".
    """

    distribution: str = "normal"
    probability: float | None = None

    def describe(self):
        about = {"kind": "noise", "distribution": self.distribution}
        return about if self.probability is None else {**about, "probability": self.probability}


@dataclasses.dataclass(frozen=True)
class Styles(Role):
    """What a mapping network makes of latents and a synthesis network draws, (N, places, size).

    Attributes:
        places: styles of one picture, from the coarsest layer to the finest.
        size: length of a style.
        directions: unit vectors of length `size` along which programs move styles, the strongest
            first.
        spread: for each direction, the standard deviation of the styles along it.
    """

    places: int
    size: int
    directions: tuple[tuple[float, ...], ...] = ()
    spread: tuple[float, ...] = ()

    def describe(self):
        about = {"kind": "styles", "distribution": "normal", "mean": 0.0, "stddev": 1.0}
        if not self.directions:
            return about
        return {
            **about,
            "directions": [list(direction) for direction in self.directions],
            "spread": list(self.spread),
        }


@dataclasses.dataclass(frozen=True)
class Psi(Role):
    """How far styles lie from their mean, float32 (N, 1): 0 at it, 1 as they are drawn."""

    def describe(self):
        return {"kind": "psi", "value_range": [0.0, 1.0], "default": 1.0}


@dataclasses.dataclass(frozen=True)
class Signature:
    """What one generating network takes and gives, roles by the names of its tensors."""

    inputs: Mapping[str, Role]
    outputs: Mapping[str, Role]

    def of(self, kind: type) -> dict[str, Any]:
        """Inputs of one kind of role, by name."""
        return {name: role for name, role in self.inputs.items() if isinstance(role, kind)}

    def describe(self) -> dict[str, dict[str, Any]]:
        """What a program that feeds the network must know, by name of input or output."""
        return {name: role.describe() for name, role in {**self.inputs, **self.outputs}.items()}


def label_roles(conditions: Conditions) -> dict[str, Role]:
    """Roles of the labels an exported generator takes, by the names of its inputs."""
    heads = zip(conditions.head_names, conditions.heads, strict=True)
    roles: dict[str, Role] = {name: Label(size) for name, size in heads}
    if conditions.num_attributes:
        roles["attributes"] = Attributes(conditions.num_attributes)
    return roles


# === Questions that rooms ask of a model ===


def translates(model) -> bool:
    """Whether the model makes pictures from pictures."""
    return any(signature.of(Image) for signature in model.signature().values())


def edits(model) -> bool:
    """Whether the model changes pictures to labels they are asked to have."""
    return translates(model) and bool(model.conditions)


def completes(model) -> bool:
    """Whether the model fills holes in pictures, and learns from pictures without any."""
    return translates(model) and len(model.batch_roles()) == len(images_of(model)) == 1


def takes_clips(model) -> bool:
    """Whether the model learns from clips, and makes clips of clips frame by frame."""
    return bool(clips_of(model))


def takes_masks(model) -> bool:
    """Whether the model is told where the holes are that it fills."""
    return any(signature.of(Mask) for signature in model.signature().values())


def label_map_of(model) -> LabelMap | None:
    """The label map of a batch; None of models that take none."""
    maps = [role for role in model.batch_roles().values() if isinstance(role, LabelMap)]
    return maps[0] if maps else None


def shown(role: Role, values) -> Any:
    """Values of a batch as people look at them: of label maps the colours of their palette."""
    return role.colors.shown(values) if isinstance(role, LabelMap) else np.asarray(values)


def has_truth(model) -> bool:
    """Whether each translation of a batch can be compared with its true picture."""
    return translates(model) and not domains(model) and not edits(model)


def upscaling_network(model) -> str | None:
    """Name of the network that makes larger pictures from pictures; None where there is none."""
    for name, signature in model.signature().items():
        if signature.of(Image) and any(role.scale > 1 for role in _pictures(signature.outputs)):
            return name
    return None


def draws(model) -> bool:
    """Whether the model makes pictures from latents."""
    return any(signature.of(Latent) for signature in model.signature().values())


def has_styles(model) -> bool:
    """Whether the model draws pictures from styles, which programs can mix and move."""
    return any(signature.of(Styles) for signature in model.signature().values())


def domains(model) -> tuple[str, ...]:
    """Names of the sets a batch's pictures come from; none where they belong together."""
    roles = model.batch_roles().values()
    return tuple(role.domain for role in roles if isinstance(role, Image) and role.domain)


def images_of(model) -> dict[str, Image]:
    """The pictures of a batch, by name, in the order they come in."""
    roles = model.batch_roles()
    return {name: role for name, role in roles.items() if isinstance(role, Image)}


def clips_of(model) -> dict[str, Clip]:
    """The clips of a batch, by name, in the order they come in."""
    roles = model.batch_roles()
    return {name: role for name, role in roles.items() if isinstance(role, Clip)}


def directions(model) -> tuple[str, ...]:
    """The ways a model of two pictures translates: "ab", or "ab" and "ba"; none of others.

    "ab" makes the second picture of a batch from the first.
    """
    if not translates(model):
        return ()
    if len(domains(model)) == 2:
        return tuple(
            "".join(role.domain or "" for role in (*s.of(Image).values(), *_pictures(s.outputs)))
            for s in model.signature().values()
        )
    first = next(iter(images_of(model) or clips_of(model)))
    (signature,) = model.signature().values()
    return ("ab",) if first in signature.inputs else ("ba",)


def _pictures(roles):
    return [role for role in roles.values() if isinstance(role, Image)]


def source_of(batch, direction: str):
    """The pictures of a batch that go in, in this direction; where there are no others these."""
    return as_parts(batch)[0 if direction == "ab" else -1]


def target_of(batch, direction: str):
    """The pictures of a batch that a translation is compared with, in this direction."""
    return as_parts(batch)[-1 if direction == "ab" else 0]


def inputs_from(batch, model) -> dict[str, dict[str, Any]]:
    """What a batch of data holds for the generating networks to be tried on.

    Returns:
        `{network: {input name: (N, ...)}}`; empty where networks are fed with latents and labels
        alone, which are drawn.
    """
    roles = model.batch_roles()
    parts = dict(zip(roles, as_parts(batch), strict=True))
    found: dict[str, dict[str, Any]] = {}
    for network, signature in model.signature().items():
        for name, role in signature.of(Image).items():
            part = role.fed_by or name
            if isinstance(roles.get(part), Clip):
                found.setdefault(network, {})[name] = _first_frames(parts[part], role.frames)
            elif name in parts:
                found.setdefault(network, {})[name] = parts[name]
            elif role.domain in parts:
                found.setdefault(network, {})[name] = parts[role.domain]
    return found


def _first_frames(clips, count):
    """The first frames of clips (N, T, H, W, C), one behind the other in the channels."""
    return np.concatenate([clips[:, number] for number in range(count)], axis=-1)


def frames_of(clips):
    """All frames of clips (N, T, H, W, C) as pictures (N * T, H, W, C); pictures as they are."""
    clips = np.asarray(clips)
    return clips.reshape(-1, *clips.shape[2:]) if clips.ndim == 5 else clips


def as_parts(batch) -> tuple:
    """A batch as a tuple of its parts: one where it is not a tuple."""
    return tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
