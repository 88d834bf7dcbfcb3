"""Label maps: pictures of class numbers, and the palettes in which people see and paint them.

A map is int (N, H, W), a class from 0 for each pixel. Between two classes lies no third one, so
maps are scaled by taking the nearest pixel, never by mixing.
"""

from __future__ import annotations

import colorsys
import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from keras_gans.utils.text import plain_line

#: Classes of a map, at most: one byte holds the number of a class.
MOST_CLASSES = 256

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_TURN = 0.618034  # of the circle of hues from class to class: neighbours differ, none comes again
_SOFT = 8  # colours of no class that are more than a slip of a brush
_NAMED = 3


class UnknownClassesError(ValueError):
    """A map has colours or numbers of no class; the message says how many, and the nearest."""


@dataclasses.dataclass(frozen=True)
class Palette:
    """The colour of each class and, where they are known, its name.

    Attributes:
        colors: "#rrggbb", one for each class from 0, no two the same.
        names: one for each class; empty where they are not known.

    Raises:
        ValueError: for other colours or names, or fewer than two classes.
    """

    colors: tuple[str, ...]
    names: tuple[str, ...] = ()

    def __post_init__(self):
        if not 2 <= len(self.colors) <= MOST_CLASSES:
            raise ValueError(
                f"A palette has from 2 to {MOST_CLASSES} colours. Received: {len(self.colors)}."
            )
        for color in self.colors:
            if not isinstance(color, str) or not _COLOR.fullmatch(color):
                raise ValueError(
                    "A colour of a palette is '#rrggbb', two hexadecimal digits each of red, green "
                    f"and blue. Received: {color!r:.60}"
                )
        lower = [color.lower() for color in self.colors]
        twice = [color for n, color in enumerate(self.colors) if lower[n] in lower[:n]]
        if twice:
            raise ValueError(
                f"Two classes of a palette have the colour {twice[0]}, so that a map does not say "
                "which is meant. Give each class a colour of its own."
            )
        if self.names and len(self.names) != len(self.colors):
            raise ValueError(
                f"A palette names all of its {len(self.colors)} classes or none. Received: "
                f"{len(self.names)} names."
            )

    @classmethod
    def usual(cls, classes: int) -> Palette:
        """Colours of classes of which nothing is known: far apart, the same every time."""
        found: dict[str, None] = {}
        turn = 0
        while len(found) < classes:
            light = (0.55, 0.85, 0.35)[turn % 3]
            red, green, blue = colorsys.hls_to_rgb(turn * _TURN % 1.0, light, 0.65)
            levels = [round(255 * level) for level in (red, green, blue)]
            found["#{:02x}{:02x}{:02x}".format(*levels)] = None
            turn += 1
        return cls(tuple(found))

    @classmethod
    def from_json(cls, value: Any) -> Palette:
        """The reverse of `to_json`.

        Raises:
            ValueError: for what is no palette.
        """
        given: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        colors, names = given.get("colors"), given.get("names", ())
        if not isinstance(colors, (list, tuple)) or not isinstance(names, (list, tuple)):
            raise ValueError(
                "A palette is {'colors': ['#rrggbb', ...], 'names': [...]}. Received: "
                f"{value!r:.100}"
            )
        return cls(tuple(colors), tuple(map(str, names)))

    def to_json(self) -> dict[str, list[str]]:
        """Plain JSON, `{"colors": ["#rrggbb", ...], "names": [...]}`."""
        return {"colors": list(self.colors), "names": list(self.names)}

    @property
    def levels(self) -> np.ndarray:
        """The colours as uint8 (classes, 3)."""
        return np.array([list(bytes.fromhex(color[1:])) for color in self.colors], "uint8")

    def named(self, number: int) -> str:
        """What messages call a class."""
        return plain_line(self.names[number]) if self.names else f"class {number}"

    def shown(self, maps) -> np.ndarray:
        """Maps (..., H, W) as pictures, float32 (..., H, W, 3) in [-1, 1]."""
        return self.levels[np.asarray(maps)].astype("float32") / np.float32(127.5) - 1

    def numbers(self, pixels: np.ndarray) -> np.ndarray:
        """The classes of a picture's colours.

        Args:
            pixels: uint8 (H, W, 3).

        Returns:
            uint8 (H, W).

        Raises:
            UnknownClassesError: for colours that are not in the palette.
        """
        found = _packed(pixels)
        known = _packed(self.levels)
        order = np.argsort(known)
        places = np.searchsorted(known[order], found).clip(max=len(known) - 1)
        numbers = order[places]
        strange = known[numbers] != found
        if strange.any():
            raise UnknownClassesError(self._strangers(pixels[strange], strange.size))
        return numbers.astype("uint8")

    def _strangers(self, pixels, total):
        """What is wrong with pixels (n, 3) of colours that are in no palette."""
        colors, counts = np.unique(pixels, axis=0, return_counts=True)
        shown = []
        for place in np.argsort(-counts, kind="stable")[:_NAMED]:
            color = colors[place].astype(int)
            distances = ((self.levels.astype(int) - color) ** 2).sum(axis=1)
            near = int(distances.argmin())
            shown.append(
                "#{:02x}{:02x}{:02x}".format(*color)
                + f" ({counts[place]} pixels; the nearest is {self.colors[near]}, "
                f"{self.named(near)})"
            )
        more = f" and {len(colors) - len(shown)} more" if len(colors) > len(shown) else ""
        message = (
            f"{len(pixels)} of its {total} pixels have {len(colors)} colours that the palette does "
            f"not know: {', '.join(shown)}{more}"
        )
        if len(colors) > _SOFT:
            message += (
                ". So many look like a map that was resized smoothly, or saved as JPEG: resize it "
                "by nearest neighbour, and save it as PNG"
            )
        return message


def _packed(colors):
    """Colours (..., 3) as single numbers."""
    return np.asarray(colors, "int64") @ np.array([1 << 16, 1 << 8, 1])


def check_classes(numbers, classes: int):
    """Refuses numbers of no class.

    Args:
        numbers: integers of any shape.
        classes: how many there are.

    Raises:
        UnknownClassesError: what came, what was expected.
    """
    numbers = np.asarray(numbers)
    strange = (numbers < 0) | (numbers >= classes)
    if not strange.any():
        return
    low, high = int(numbers[strange].min()), int(numbers[strange].max())
    came = f"from {low} to {high}" if low != high else str(low)
    raise UnknownClassesError(
        f"{int(strange.sum())} of {strange.size} pixels of a label map have the number {came}; "
        f"classes are 0 to {classes - 1}"
    )


def checked(maps, classes: int) -> np.ndarray:
    """Maps as networks take them.

    Args:
        maps: integers (N, H, W), or one map (H, W).
        classes: how many there are.

    Returns:
        int32 (N, H, W).

    Raises:
        ValueError: for another shape or dtype, or numbers of no class.
    """
    maps = np.asarray(maps)
    if maps.ndim not in (2, 3) or not np.issubdtype(maps.dtype, np.integer) or not maps.size:
        raise ValueError(
            "Label maps must have shape (N, H, W) or (H, W), a class number for each pixel, as "
            f"integers. Received: {maps.dtype} {maps.shape}."
        )
    check_classes(maps, classes)
    return np.asarray(maps if maps.ndim == 3 else maps[None], "int32")


def resized(label_map: np.ndarray, size) -> np.ndarray:
    """A map (H, W) at another size, (height, width): each pixel the nearest one of the map."""
    if label_map.shape == tuple(size):
        return label_map
    image = Image.fromarray(np.asarray(label_map, "uint8"))
    scaled = image.resize((size[1], size[0]), Image.Resampling.NEAREST)
    return np.asarray(scaled).astype(label_map.dtype)
