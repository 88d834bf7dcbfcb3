"""Pictures from what `keras_gans.export` wrote, by its manifest alone: no TensorFlow, no Keras.

python client.py sample exported --label Dress --label 3 --attribute Smiling --output sheet.png
python client.py translate exported photos --network generator_ba --output translated
python client.py translate exported photo.png --mask hole.png --output filled.png
python client.py translate exported map.png --output painted.png
python client.py upscale exported photos --output upscaled
"""

import argparse
import hashlib
import importlib.util
import itertools
import json
import math
import os
import stat
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

RUNTIMES = {"onnx": "onnxruntime", "tflite": "ai_edge_litert"}  # {format: package}, best first
# What Pillow may take a file for, whatever its name: it reads some others by foreign programs.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM")
SUFFIXES = {".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
SUFFIXES |= {".avif", ".pbm", ".pgm", ".ppm"}
# Folders and files of other systems, in small letters; hidden ones are passed over anyway.
LITTER = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"}
BATCH = 16  # pictures at a time, where the file leaves it free
MOST = 10_000  # pictures drawn at once: they are held in memory, and lie on one sheet
LONGEST = 65_535  # side of a picture
MOST_PIXELS = 2**28  # of an upscaled picture
MOST_MANIFEST = 2**26  # bytes of a manifest
EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"  # to ONNX Runtime
DECODING = 2**30  # bytes that decoding a picture may take
SOFT = 8  # colours of no class that are more than a slip of a brush
SCANS = 100  # of a JPEG, each of which is decoded over the whole picture


class Network:
    """One network of an export, from the file that suits best; with `psi`, two in a row.

    Args:
        folder: that holds `manifest.json`.
        network: its name. Default: the first in the manifest that makes images by itself.
        format: "onnx" or "tflite"; of those installed, the first of `RUNTIMES` where None.
        precision: "float32", "float16" ...; float32 where None and there is one.
        psi: truncation of the styles, from 0 (the mean image) to 1. If given, the images are made
            by two networks: one maps latents to styles, the other makes images of styles.

    Raises:
        FileNotFoundError: if there is no manifest, or not the file it names.
        ValueError: if the manifest cannot be read here or has no such file, or if a file is not
            the one the manifest describes or cannot be loaded.
        ImportError: if the runtime of the file is missing.
    """

    def __init__(self, folder, network=None, format=None, precision=None, psi=None):
        folder, self.psi = Path(folder).resolve(), psi
        files = read_manifest(folder)
        if psi is None:
            self.record = choose(files, network, format, precision)
            self.run = opened(folder, self.record)
        elif network is not None:
            raise ValueError("psi chooses two networks by what they take: leave the network out.")
        else:
            pair = choose_pair(files, format, precision)
            check_psi(psi, pair[0])
            self.record = joined(*pair)
            self.run = one_after_the_other(pair, [opened(folder, record) for record in pair])
        self.output = self.record["outputs"][0]

    def inputs(self, *kinds):
        """The manifest's records of the inputs of these kinds."""
        return [tensor for tensor in self.record["inputs"] if tensor.get("kind") in kinds]

    @property
    def source(self):
        """The manifest's record of the picture, or the label map, that is translated."""
        for tensor in self.inputs("image", "label_map"):
            return tensor
        raise ValueError(f"{self.record['network']} takes no pictures: use `sample`.")

    def __call__(self, feeds):
        """Pictures, uint8 (N, H, W, C), of `{input name: float32 or int array (N, ...)}`.

        Raises:
            ValueError: as `levels`.
        """
        return rounded(self.levels(feeds))

    def levels(self, feeds):
        """Pictures as `__call__` gives them, float from 0 to 255.

        Raises:
            ValueError: if the file cannot be run, or does not give pictures.
        """
        total = len(next(iter(feeds.values())))
        size = self.record["inputs"][0]["shape"][0] or min(total, BATCH)
        dtypes = {tensor["name"]: tensor["dtype"] for tensor in self.record["inputs"]}
        batches = []
        for start in range(0, total, size):
            rows = np.arange(start, start + size) % total  # a last batch that is short is filled
            batches.append(
                self.answer({n: a[rows].astype(dtypes[n]) for n, a in feeds.items()}, size)
            )
        return np.concatenate(batches)[:total]

    def answer(self, feeds, size):
        """Pictures, float (size, H, W, C) from 0 to 255, of one batch."""
        try:
            pictures = levels_of(self.run(feeds)[self.output["name"]], self.output)
        except Exception as error:  # each runtime has its own classes
            raise ValueError(f"{self.record['path']} cannot be run: {error}") from error
        if len(pictures) != size:
            raise ValueError(
                f"{self.record['path']} gives {len(pictures)} pictures where {size} were asked for."
            )
        return pictures

    def sample(self, count=None, seed=0, labels=(), attributes=()):
        """Pictures, uint8 (N, H, W, C), from random latents.

        Args:
            count: how many, of each label where there are labels; 64, or 10 of each, where None.
            seed: of the latents; the same seed, the same pictures.
            labels: classes by name or number, of several heads with commas between; all, in
                every combination, where empty.
            attributes: names of those that are on; with a ! before the name, or not given, off.
        """
        heads, latents = self.inputs("label"), self.inputs("latent", "noise")
        others = self.inputs("attributes", "psi")
        if len(heads + latents + others) != len(self.record["inputs"]):
            raise ValueError(f"{self.record['network']} translates pictures: use `translate`.")
        asked = [numbers_of(label, heads) for label in labels]
        ranges = [range(low, high + 1) for low, high in (head["value_range"] for head in heads)]
        count = (10 if heads else 64) if count is None else count
        if count < 1:
            raise ValueError(f"The count must be at least 1. Received: {count}.")
        total = count * (len(asked) or math.prod(map(len, ranges)))
        if total > MOST:
            raise ValueError(f"{total} pictures are too many at once: {MOST} are the most.")
        if heads and not asked:
            asked = list(itertools.product(*ranges))
        random = np.random.default_rng(seed)
        feeds = {tensor["name"]: drawn(tensor, total, random) for tensor in latents}
        for tensor in self.inputs("psi"):
            psi = tensor.get("default", 1.0) if self.psi is None else self.psi
            feeds[tensor["name"]] = np.full((total, 1), psi)
        for number, head in enumerate(heads):
            feeds[head["name"]] = np.repeat([one[number] for one in asked], count)
        return self({**feeds, **switched(self.inputs("attributes"), attributes, total)})

    def size_of_translation(self, sides, size=None):
        """The (height, width) at which pictures of these sides are translated.

        A file's own sides where they are fixed. Else, by `size`, those the network was "trained" at
        or the picture's "own"; where None "trained", and "own" for networks that enlarge.

        Raises:
            ValueError: if the file does not take pictures of their own size.
        """
        fixed, trained = sides_of(self.source), self.source.get("trained")
        if None not in fixed:
            if size == "own" and list(sides) != fixed:
                raise ValueError(f"{self.record['path']} takes {fixed[1]} x {fixed[0]} pixels only")
            return tuple(fixed)
        if size == "own" or trained is None or (size is None and self.output.get("scale", 1) > 1):
            return tuple(own or free for own, free in zip(fixed, sides, strict=True))
        return tuple(own or free for own, free in zip(fixed, trained, strict=True))

    def labels(self, count, label=None, attributes=()):
        """Labels that pictures to translate are to have, `{input name: int (count, ...)}`.

        Args:
            count: of the pictures.
            label: class by name or number, of several heads with commas between.
            attributes: as of `sample`.

        Raises:
            ValueError: for labels the network does not know or take, or does not get.
        """
        heads, feeds = self.inputs("label"), {}
        if label is not None and not heads:
            raise ValueError("The model has no labels: leave them out.")
        if label is None and heads:
            known = "; ".join(", ".join(head.get("classes", ())) for head in heads)
            raise ValueError(
                f"{self.record['network']} takes a label, what a picture is to become: give a "
                f"number from 0, or a name ({known or 'none are known'})."
            )
        if heads:
            for head, number in zip(heads, numbers_of(label, heads), strict=True):
                feeds[head["name"]] = np.full(count, number)
        return {**feeds, **switched(self.inputs("attributes"), attributes, count)}

    def check_mask(self, mask):
        """Refuses a mask that the network does not take, and the lack of one that it needs.

        Raises:
            ValueError: which of the two.
        """
        takes = bool(self.inputs("mask"))
        if takes and mask is None:
            raise ValueError(
                f"{self.record['network']} fills holes and must be told where they are: give a "
                "mask, white in the hole and black elsewhere."
            )
        if mask is not None and not takes:
            raise ValueError(f"{self.record['network']} takes no mask: leave it out.")

    def translate(self, picture, seed=0, size=None, label=None, attributes=(), mask=None):
        """A picture's translation, both uint8 (H, W, C), of any size.

        `seed` is of the masks of a stochastic network's dropout; for `size` see
        `size_of_translation`. `label` and `attributes` are all that the picture is to have, of
        networks that take such, see `labels`: nothing here knows what it has. `mask`, bool (H, W)
        and True in the hole, is of networks that fill holes; all else stays as it was. Of networks
        that paint label maps, `picture` is a map as `read_map` gives it, (H, W).

        A picture that is scaled is scaled back. Else sides that must be a multiple of something, or
        longer, are padded by reflection and cropped back. What a network enlarges stays larger.
        """
        self.check_mask(mask)
        source, sides = self.source, picture.shape[:2]
        if mask is not None and mask.shape != sides:
            raise ValueError(
                f"it has {sides[1]} x {sides[0]} pixels and the mask "
                f"{' x '.join(map(str, mask.shape[::-1]))}: a mask must have its picture's size"
            )
        if "hole" in source:  # always the same: hidden, and filled in
            mask = hole_of(source, sides)
            picture = np.where(mask[..., None], 127.5, picture)
        height, width = self.size_of_translation(sides, size)
        least, multiple = source.get("smallest", 1), source.get("multiple_of", 1)
        wanted = [-(-max(side, least) // multiple) * multiple for side in (height, width)]
        missing = [(0, want - side) for want, side in zip(wanted, (height, width), strict=True)]
        inner = resized(picture, (height, width))
        padded = np.pad(inner, [*missing, (0, 0)][: inner.ndim], mode="reflect")
        random = np.random.default_rng(seed)
        feeds = {tensor["name"]: drawn(tensor, 1, random) for tensor in self.inputs("noise")}
        is_map = source["kind"] == "label_map"
        feeds |= {
            source["name"]: padded[None] if is_map else encoded(padded[None], source),
            **self.labels(1, label, attributes),
        }
        for tensor in self.inputs("mask"):
            hole = np.pad(fitted(mask, (height, width)), missing, mode="reflect")[None, ..., None]
            feeds[tensor["name"]] = hole.transpose(0, 3, 1, 2) if is_nchw(tensor) else hole
        scale = self.output.get("scale", 1)
        made = self.levels(feeds)[0, : height * scale, : width * scale]
        made = rounded(resized(made, (sides[0] * scale, sides[1] * scale)))
        return made if mask is None else rounded(np.where(mask[..., None], made, picture))

    def upscale(self, picture, tile=None, done=None):
        """A picture enlarged by the network's own scale, both uint8 (H, W, C), of any size.

        It goes through the network in tiles that overlap and are faded into each other, so that
        memory is bounded: what the network, a row of tiles and the result take.

        Args:
            picture: to enlarge.
            tile: side of the tiles where the file leaves it free; the manifest's where None.
            done: called after each tile with how many are done, and how many there are.

        Raises:
            ValueError: if the manifest does not say how tiles are joined; for another `tile` than
                the file takes, or one of less than two overlaps; if the result would be too large.
        """
        height, width = picture.shape[:2]
        scale = self.output.get("scale", 1)
        if height * width * scale**2 > MOST_PIXELS:
            raise ValueError(
                f"{width} x {height} pixels enlarged {scale} times are more than {MOST_PIXELS}"
            )
        down, across = self.cut(picture.shape[:2], tile)
        total = len(down.starts) * len(across.starts)
        large = np.empty((height * scale, width * scale, picture.shape[2]), "uint8")
        faded = np.zeros((0, *large.shape[1:]), "float32")
        for row, start in enumerate(down.starts):
            first, stop, weights = down.part(row)
            band = np.zeros((down.tile * scale, *large.shape[1:]), "float32")
            for column, left in enumerate(across.starts):
                begin, end, shares = across.part(column)
                made = self.tile_of(picture, start, left, down.tile, across.tile)
                band[:, begin:end] += made[:, begin - left * scale : end - left * scale] * shares
                if done is not None:
                    done(row * len(across.starts) + column + 1, total)
            band = band[first - start * scale : stop - start * scale] * weights[:, None]
            band[: len(faded)] += faded
            finished = down.part(row + 1)[0] if row + 1 < len(down.starts) else stop
            large[first:finished] = rounded(band[: finished - first])
            faded = band[finished - first :]
        return large

    def tile_of(self, picture, top, left, height, width):
        """One tile, enlarged, float32 of levels; reflected where it ends behind the picture."""
        part = picture[top : top + height, left : left + width]
        missing = [(0, height - part.shape[0]), (0, width - part.shape[1])]
        part = np.pad(part, (*missing, (0, 0)), mode="reflect")
        scale = self.output["scale"]
        made = self.levels({self.source["name"]: encoded(part[None], self.source)})[0]
        if made.shape[:2] != (height * scale, width * scale):
            raise ValueError(f"{self.record['path']} does not enlarge {scale} times")
        return made.astype("float32")

    def cut(self, sides, tile=None):
        """The two `Side`s of a picture of these (height, width), down and across.

        Raises:
            ValueError: as `upscale`.
        """
        source, scale, path = self.source, self.output.get("scale", 1), self.record["path"]
        overlap, fixed = source.get("overlap"), nhwc(source)[1:3]
        if scale < 2 or overlap is None or len(self.record["inputs"]) > 1:
            raise ValueError(
                f"The manifest says no scale above 1 and no overlap of tiles for {path}: it does "
                "not upscale, or was exported by an earlier version and must be exported again."
            )
        if tile is not None and any(side not in (None, tile) for side in fixed):
            raise ValueError(f"{path} takes tiles of {fixed[1]} x {fixed[0]} pixels only.")
        multiple, usual = source.get("multiple_of", 1), source.get("tile", [128, 128])
        tiles = [own or tile or side for own, side in zip(fixed, usual, strict=True)]
        least = -(-max(2 * overlap, 2 * multiple, source.get("smallest", 1)) // multiple) * multiple
        if tile is not None and not least <= tile <= LONGEST:
            raise ValueError(f"A tile must have at least {least} pixels a side. Received: {tile}.")
        return [
            Side(side, length, overlap, scale, multiple, source.get("smallest", 1), bool(own))
            for side, length, own in zip(sides, tiles, fixed, strict=True)
        ]


class Side:
    """Cuts one side of a picture into tiles of one length, as `keras_gans.core.tiling` does.

    The outer 3/8 of what neighbours share is taken from the other one, and they are faded into each
    other across the quarter between.

    Args:
        length: of the side, in pixels.
        tile: of a tile; shorter sides are one tile, of their own length unless it is `fixed`.
        overlap: pixels that neighbouring tiles share at least.
        scale: how many times as long the network makes the side.
        multiple: what a tile must be a multiple of.
        smallest: what it must be at least.
        fixed: whether the network takes `tile` and nothing else.
    """

    def __init__(self, length, tile, overlap, scale, multiple, smallest, fixed):
        whole = -(-max(length, smallest, tile if fixed else 1) // multiple) * multiple
        self.length, self.scale = length, scale
        self.tile = min(max(tile, smallest) // multiple * multiple, whole)
        step = max((self.tile - overlap) // multiple, 1) * multiple
        rest = whole - self.tile
        last = -(-rest // step)
        self.starts = [
            round(number * rest / last / multiple) * multiple if last else 0
            for number in range(last + 1)
        ]
        self.fade = max(overlap * scale / 4, 1e-3)

    def part(self, number):
        """(first, stop, weights): pixels of the larger side that a tile adds to, and its share."""
        first = self.starts[number] * self.scale
        places = np.arange(first, first + self.tile * self.scale) + 0.5
        weights = self.after(number, places) * (1 - self.after(number + 1, places))
        weights = weights[: self.length * self.scale - first]
        inside = np.flatnonzero(weights)
        begin, stop = int(inside[0]), int(inside[-1]) + 1
        return first + begin, first + stop, weights[begin:stop, None].astype("float32")

    def after(self, number, places):
        """Share of tile `number` and those behind it at these places."""
        if number == 0:
            return np.ones(len(places))
        if number == len(self.starts):
            return np.zeros(len(places))
        middle = (self.starts[number] + self.starts[number - 1] + self.tile) * self.scale / 2
        return np.clip((places - middle) / self.fade + 0.5, 0.0, 1.0)


# === Which file, and whether it is the right one ===


def read_manifest(folder):
    """The manifest's records of its files, looked through: the rest of the client trusts them."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise FileNotFoundError(f"No manifest at {path}: give the folder of an export.")
    try:
        content = json.loads(read_plain(path, MOST_MANIFEST))
        kind, version = content["format"], content["format_version"]
        if (kind, version) != ("keras_gans.export", 1):
            raise ValueError(f"it is {kind!r} of version {version!r}, not 'keras_gans.export' 1")
        if not content["files"]:
            raise ValueError("it names no files")
        for record in content["files"]:
            check_record(record)
    except KeyError as error:
        raise ValueError(f"{path} cannot be used: it lacks {error}.") from None
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be used: {error}.") from None
    return content["files"]


def check_record(record):
    """Refuses the record of a file that is not as the manifest's format has it."""
    for key in ("path", "network", "format", "precision", "sha256"):
        expect(isinstance(record[key], str), f"{key} {record[key]!r} is no text")
    expect(is_whole(record["size"]), f"size {record['size']!r} is no number of bytes")
    expect(isinstance(record["signature"], str | None), "a signature is no text")
    for side in ("inputs", "outputs"):
        expect(record[side], f"{record['path']} has no {side}")
        for tensor in record[side]:
            check_tensor(tensor)
    kind = record["outputs"][0].get("kind")
    known = kind in ("image", "styles")
    expect(known, f"what {record['path']} gives is {kind!r}, neither 'image' nor 'styles'")


def check_tensor(tensor):
    """Refuses the record of a tensor from which no array could be made, or no picture."""
    name, kind, shape = tensor["name"], tensor.get("kind"), tensor["shape"]
    expect(isinstance(name, str), f"a tensor's name is {name!r}")
    numbers = isinstance(tensor["dtype"], str) and np.dtype(tensor["dtype"]).kind in "bfiu"
    expect(numbers, f"{name} is of {tensor['dtype']!r}")
    sides = isinstance(shape, list) and shape and all(s is None or is_whole(s) for s in shape)
    expect(sides, f"{name} has the shape {shape!r}")
    if kind == "image":
        single = tensor.get("frames", 1) == 1 and "fed_by" not in tensor
        expect(single, f"{name} takes frames of a clip, and this program translates pictures")
    if kind in ("image", "label_map"):
        pictures = kind == "image" and len(shape) == 4 and nhwc(tensor)[3] in (1, 3)
        is_map = kind == "label_map" and len(shape) == 3
        expect(pictures or is_map, f"{name} has the shape {shape}")
        multiple = tensor.get("multiple_of", 1)
        expect(is_whole(multiple) and multiple <= LONGEST, f"{name}: multiple_of is {multiple!r}")
        sides = [tensor.get("smallest", 1), *tensor.get("trained", [1, 1])]
        known = len(sides) == 3 and all(is_whole(side) and side <= LONGEST for side in sides)
        expect(known, f"{name}: smallest and trained are {sides}")
        cut = [tensor.get("scale", 1), *tensor.get("tile", [1, 1]), tensor.get("overlap", 0) + 1]
        known = len(cut) == 4 and all(is_whole(side) and side <= LONGEST for side in cut)
        expect(known, f"{name}: scale, tile and overlap + 1 are {cut}")
        if "hole" in tensor:
            check_hole(tensor)
        if kind == "label_map":
            check_label_map(tensor)
    elif kind == "mask":
        expect(len(shape) == 4 and nhwc(tensor)[3] == 1, f"{name} has the shape {shape}")
    else:
        fixed = None not in shape[1:] and (kind != "attributes" or len(shape) == 2)
        fixed = fixed and len(shape) == {"styles": 3, "psi": 2}.get(kind, len(shape))
        expect(fixed and (kind != "psi" or shape[1] == 1), f"{name} has the shape {shape}")
    for key in ("classes", "names"):
        words = tensor.get(key, [])
        known = isinstance(words, list) and all(isinstance(word, str) for word in words)
        expect(known, f"{key} of {name} are not texts")
    check_numbers(tensor)


def check_label_map(tensor):
    """Refuses a label map whose classes have no colours."""
    name, palette = tensor["name"], tensor.get("palette")
    known = isinstance(palette, list) and len(palette) > 1 and all(map(is_color, palette))
    expect(known and len({*palette}) == len(palette), f"{name}: palette is {palette!r:.60}")
    last = len(palette) - 1
    expect(tensor["value_range"] == [0, last] and last < 256, f"{name} has other classes")
    expect(np.dtype(tensor["dtype"]).kind in "iu", f"{name} is of {tensor['dtype']!r}")
    names = tensor.get("classes", palette)
    expect(isinstance(names, list) and len(names) == len(palette), f"{name}: classes are {names!r}")


def is_color(value):
    """Whether a value of the manifest is a colour, "#rrggbb" in small letters or large ones."""
    digits = value[1:] if isinstance(value, str) and value[:1] == "#" else ""
    return len(digits) == 6 and all(digit in "0123456789abcdefABCDEF" for digit in digits)


def check_hole(tensor):
    """Refuses a hole that is not inside of pictures of one size."""
    hole, (height, width) = tensor["hole"], nhwc(tensor)[1:3]
    known = isinstance(hole, list) and len(hole) == 4 and all(type(one) is int for one in hole)
    inside = known and None not in (height, width)
    inside = inside and 0 <= hole[0] < hole[2] <= height and 0 <= hole[1] < hole[3] <= width
    expect(inside, f"{tensor['name']}: hole is {hole!r}")


def check_numbers(tensor):
    """Refuses a range and a distribution nothing can be drawn from, or scaled by."""
    name, kind = tensor["name"], tensor.get("kind")
    if "value_range" in tensor or kind in ("image", "label", "label_map", "psi"):
        low, high = tensor["value_range"]
        kinds = int if kind in ("label", "label_map") else (int, float)
        numbers = all(is_number(end) and isinstance(end, kinds) for end in (low, high))
        # Of labels both ends are included, so that they may be the same.
        ordered = numbers and (low < high or (kind == "label" and low == high))
        expect(ordered, f"{name} has the value_range [{low}, {high}]")
    keys = ["probability"] if tensor.get("distribution") == "bernoulli" else []
    for key in keys + [key for key in ("mean", "stddev", "default") if key in tensor]:
        expect(is_number(tensor[key]), f"{key} of {name} is {tensor[key]!r}")


def is_whole(value):
    """Whether a value of the manifest is a whole number from 1."""
    return type(value) is int and value >= 1


def is_number(value):
    """Whether a value of the manifest is a number, and a finite one."""
    return type(value) in (int, float) and math.isfinite(value)


def expect(condition, problem):
    """Refuses what does not hold."""
    if not condition:
        raise ValueError(problem)


def takes(record, kind):
    """Whether a network takes tensors of this kind."""
    return any(tensor.get("kind") == kind for tensor in record["inputs"])


def gives(record, kind):
    """Whether a network gives tensors of this kind."""
    return record["outputs"][0].get("kind") == kind


def choose(files, network, format, precision):
    """The record of the file to run, of a network that makes images by itself."""
    able = [record for record in files if gives(record, "image") and not takes(record, "styles")]
    names = {record["network"]: None for record in able}
    if network is None and not names:
        raise ValueError("No network of the export makes images by itself: give psi to join two.")
    if network not in names and any(record["network"] == network for record in files):
        raise ValueError(
            f"{network} takes or gives styles: leave the network out, or give psi to run the two "
            "networks of the styles."
        )
    return preferred(files, next(iter(names)) if network is None else network, format, precision)


def choose_pair(files, format, precision):
    """The records of two files: from latents to styles, and from styles to images."""
    mappings = [r for r in files if gives(r, "styles") and takes(r, "psi")]
    syntheses = [
        r for r in files if gives(r, "image") and takes(r, "styles") and len(r["inputs"]) == 1
    ]
    if not mappings or not syntheses:
        names = ", ".join(dict.fromkeys(r["network"] for r in files))
        raise ValueError(
            "psi is for exports of models with styles, of which one network gives styles and "
            f"another takes them. There are: {names}."
        )
    synthesis = preferred(syntheses, syntheses[0]["network"], format, precision)
    alike = synthesis["format"], synthesis["precision"]
    mapping = preferred(mappings, mappings[0]["network"], *alike)
    (given, *_), (taken,) = mapping["outputs"], synthesis["inputs"]
    if (given["name"], given["shape"][1:]) != (taken["name"], taken["shape"][1:]):
        raise ValueError(f"{synthesis['path']} does not take what {mapping['path']} gives.")
    return mapping, synthesis


def joined(mapping, synthesis):
    """Two records that follow each other as one, as far as `Network` reads it."""
    names = {key: f"{mapping[key]} and {synthesis[key]}" for key in ("network", "path")}
    return {**names, "inputs": mapping["inputs"], "outputs": synthesis["outputs"]}


def one_after_the_other(records, runs):
    """`run` of two networks, as `load` returns it of one."""
    (styles,) = records[1]["inputs"]
    name, dtype = styles["name"], styles["dtype"]
    return lambda feeds: runs[1]({name: runs[0](feeds)[name].astype(dtype)})


def check_psi(psi, record):
    """Refuses a psi outside the range of the network."""
    for tensor in record["inputs"]:
        if tensor.get("kind") != "psi":
            continue
        low, high = tensor["value_range"]
        if not low <= psi <= high:
            raise ValueError(f"psi must be from {low} to {high}. Received: {psi}.")


def opened(folder, record):
    """`load` of a file of the export."""
    content = read_file(folder, record)
    try:
        return load(record, content)
    except Exception as error:  # each runtime has its own classes
        raise ValueError(f"{record['path']} cannot be loaded: {error}") from error


def preferred(files, network, format, precision):
    """The record of the file of a network that suits best."""
    asked = {"network": network, "format": format, "precision": precision}
    fitting = [
        record
        for record in files
        if all(value in (None, record[key]) for key, value in asked.items())
    ]
    usable = [record for record in fitting if record["format"] in RUNTIMES]
    if not usable:
        have = "; ".join(f"{r['network']} {r['format']} {r['precision']}" for r in files)
        wanted = ", ".join(f"{key} {value}" for key, value in asked.items() if value)
        raise ValueError(
            f"No file of {wanted} to run as {' or '.join(RUNTIMES)}. There are: {have}."
        )
    able = [r for r in usable if importlib.util.find_spec(RUNTIMES[r["format"]])]
    if not able:
        packages = " or ".join(dict.fromkeys(RUNTIMES[r["format"]] for r in usable))
        raise ImportError(f"No runtime for these files. Install {packages.replace('_', '-')}.")
    order = list(RUNTIMES)
    return min(able, key=lambda r: (r["precision"] != "float32", order.index(r["format"])))


def read_file(folder, record):
    """The bytes of a file, those that were hashed and no others."""
    path = (folder / record["path"]).resolve()
    if not path.is_relative_to(folder):
        raise ValueError(f"Path {record['path']!r} leads out of the export: do not trust it.")
    content = read_plain(path, record["size"])
    if hashlib.sha256(content).hexdigest() != record["sha256"]:
        raise ValueError(f"{path} has changed since it was exported. Export the model again.")
    return content


def read_plain(path, most):
    """The bytes of a file that is plain and not too large: others may be waited for, or endless."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{path} is no plain file: do not trust the export.")
    if found.st_size > most:
        raise ValueError(f"{path} has {found.st_size} bytes where {most} are the most.")
    with path.open("rb") as file:
        return file.read(most + 1)


def load(record, content):
    """`run({input name: array}) -> {output name: array}`."""
    if record["format"] == "tflite":
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(model_content=content).get_signature_runner(record["signature"])
        details = runner.get_output_details()
        check_outputs(
            record,
            # -1 stands for sides that are free.
            {n: [s if s >= 0 else None for s in d["shape_signature"]] for n, d in details.items()},
        )
        # What a runner returns is overwritten by its next call.
        return lambda feeds: {name: array.copy() for name, array in runner(**feeds).items()}
    import onnxruntime

    with tempfile.TemporaryDirectory() as empty:
        # Weights that lie in files of their own, which no export has, are looked for in an empty
        # folder: none but the bytes that were hashed is read.
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry(EXTERNAL_FOLDER, empty)
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    shapes = {
        tensor.name: [side if type(side) is int else None for side in tensor.shape]
        for tensor in session.get_outputs()
    }
    check_outputs(record, shapes)
    names = [tensor["name"] for tensor in record["outputs"]]
    return lambda feeds: dict(zip(names, session.run(names, feeds), strict=True))


def check_outputs(record, shapes):
    """Refuses a file whose outputs, `{name: shape}`, are of other sizes than the manifest says.

    What it gives is only known when it is there, and may fill the memory.
    """
    for tensor in record["outputs"]:
        found = shapes.get(tensor["name"])
        said = tensor["shape"]
        fits = found is not None and len(found) == len(said)
        if not fits or any(a is not None and a != b for a, b in zip(found, said, strict=True)):
            raise ValueError(f"{tensor['name']} is of the shape {found}; the manifest says {said}")


# === What goes in and comes out, as the manifest says ===


def drawn(tensor, count, random):
    """Latents of the manifest's distribution."""
    shape = (count, *tensor["shape"][1:])
    distribution = tensor.get("distribution", "normal")
    if distribution == "uniform":
        return random.uniform(*tensor.get("value_range", (-1.0, 1.0)), shape)
    if distribution == "bernoulli":
        return random.random(shape) < tensor["probability"]
    if distribution != "normal":
        raise ValueError(
            f"{tensor['name']} is drawn from {distribution!r}: normal, uniform, bernoulli known."
        )
    return tensor.get("mean", 0.0) + tensor.get("stddev", 1.0) * random.standard_normal(shape)


def numbers_of(label, heads):
    """Numbers of a label's classes, one for each head."""
    words = [word.strip() for word in str(label).split(",")]
    if len(words) != len(heads):
        raise ValueError(f"A label is {len(heads)} classes, commas between. Received: {label!r}.")
    return [
        number_of(word, head.get("classes", ()), *head["value_range"])
        for word, head in zip(words, heads, strict=True)
    ]


def number_of(word, names, first, last):
    """The number of a class or attribute given by name or, where none is called so, by number."""
    known = {name.lower(): first + number for number, name in reversed([*enumerate(names)])}
    known |= {name: first + number for number, name in reversed([*enumerate(names)])}
    number = known.get(word, known.get(word.lower(), last + 1))
    if number > last and word.isdecimal():
        number = int(word)
    if not first <= number <= last:
        named = f", or one of: {', '.join(names)}" if names else ""
        raise ValueError(f"Unknown: {word!r}. Give a number from {first} to {last}{named}.")
    return number


def switched(tensors, words, count):
    """`{input name: 0 or 1 (count, attributes)}`."""
    if words and not tensors:
        raise ValueError("The model has no attributes: leave them out.")
    feeds = {}
    for tensor in tensors:
        size = tensor["shape"][1]
        feeds[tensor["name"]] = np.zeros((count, size), int)
        for word in words:
            name = word.removeprefix("!")
            number = number_of(name, tensor.get("names", ()), 0, size - 1)
            feeds[tensor["name"]][:, number] = name == word
    return feeds


def nhwc(tensor):
    """The shape of pictures, whatever their layout, as (N, H, W, C)."""
    if tensor["layout"] not in ("NHWC", "NCHW"):
        raise ValueError(f"{tensor['name']} is {tensor['layout']}: NHWC and NCHW are known.")
    return [tensor["shape"][tensor["layout"].index(axis)] for axis in "NHWC"]


def sides_of(tensor):
    """[height, width] of pictures or label maps, whatever their layout."""
    return tensor["shape"][1:3] if tensor.get("kind") == "label_map" else nhwc(tensor)[1:3]


def is_nchw(tensor):
    """Whether a tensor of four axes has its channels first."""
    return tensor.get("layout") == "NCHW"


def encoded(pixels, tensor):
    """uint8 (N, H, W, C) in the manifest's range and layout."""
    low, high = tensor["value_range"]
    values = low + pixels * ((high - low) / 255.0)
    return values.transpose(0, 3, 1, 2) if tensor["layout"] == "NCHW" else values


def levels_of(values, tensor):
    """The reverse of `encoded`, float (N, H, W, C) from 0 to 255."""
    low, high = tensor["value_range"]
    values = values.transpose(0, 2, 3, 1) if tensor["layout"] == "NCHW" else values
    if values.ndim != 4 or values.shape[3] not in (1, 3) or np.isnan(values).any():
        raise ValueError(f"{tensor['name']} of the shape {list(values.shape)} holds no pictures")
    return np.clip((values - low) * (255.0 / (high - low)), 0, 255)


def rounded(levels):
    """Levels from 0 to 255 as uint8."""
    return np.rint(levels).astype("uint8")


# === Files ===


def read_picture(path, channels):
    """A picture file as uint8 (H, W, channels): upright, transparency on white.

    Raises:
        ValueError: for what is no picture, or too large; Pillow raises nearly anything besides.
    """
    with Image.open(path, formats=FORMATS) as file:
        check_size(file)
        image = ImageOps.exif_transpose(file)
    if image.mode == "F":
        raise ValueError("its numbers have no known black and white (floating point)")
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip to 8
        levels = np.asarray(image)
        if not 0 <= levels.min() <= levels.max() <= 65_535:
            raise ValueError("its numbers are of more than 16 bits")
        image = Image.fromarray(np.round(levels / 257.0).astype("uint8"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB")  # grey by the colours' weights, not through alpha
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


def check_size(image):
    """Refuses an opened picture whose decoding would take too much memory, or too long."""
    layered = image.has_transparency_data or image.mode[0] in "IF"
    needed = image.width * image.height * (20 if layered else 8)
    if needed > DECODING:
        raise ValueError(f"{image.width} x {image.height} pixels are too many")
    if image.format in ("JPEG", "MPO"):
        position = image.fp.tell()
        image.fp.seek(0)
        scans = image.fp.read().count(b"\xff\xda")
        image.fp.seek(position)
        if scans > SCANS:
            raise ValueError(f"a JPEG of {scans} scans takes too long to decode")


def resized(picture, size):
    """A picture (H, W, C) of levels, of another (height, width) and then float32 from 0 to 255."""
    if picture.shape[:2] == tuple(size):
        return picture
    if picture.ndim == 2:  # a label map: no pixel may be mixed of others
        image = Image.fromarray(picture.astype("uint8"))
        return np.asarray(image.resize(size[::-1], Image.Resampling.NEAREST))
    planes = [
        Image.fromarray(np.ascontiguousarray(plane, "float32")).resize(
            size[::-1], Image.Resampling.BICUBIC
        )
        for plane in np.moveaxis(picture, -1, 0)
    ]
    return np.clip(np.stack([np.asarray(plane) for plane in planes], axis=-1), 0, 255)


def fitted(mask, size):
    """A mask, bool (H, W), of another (height, width), float32.

    It grows by what the scaling of pictures, which sees 2 pixels to each side, mixes into others.
    """
    if mask.shape == tuple(size):
        return mask.astype("float32")
    scaled = Image.fromarray(np.uint8(mask) * 255)
    if any(new > old for new, old in zip(size, mask.shape, strict=True)):
        scaled = scaled.filter(ImageFilter.MaxFilter(5))
    scaled = Image.fromarray(np.uint8(touched(scaled, size)) * 255)
    if any(new < old for new, old in zip(size, mask.shape, strict=True)):
        scaled = scaled.filter(ImageFilter.MaxFilter(5))
    return np.float32(np.asarray(scaled) > 0)


def touched(mask, size):
    """The pixels of another (height, width), bool, that something of a mask falls in."""
    return np.asarray(mask.convert("F").resize(size[::-1], Image.Resampling.BOX)) > 0


def hole_of(tensor, sides):
    """The part of a picture of these sides, bool (H, W), that a network always fills in."""
    top, left, bottom, right = tensor["hole"]
    mask = np.zeros(nhwc(tensor)[1:3], "uint8")
    mask[top:bottom, left:right] = 255
    return touched(Image.fromarray(mask), sides)


def read_mask(path):
    """A mask, bool (H, W), True in the hole, of a file that is white there and black elsewhere.

    Raises:
        ValueError: for what is no picture, has other colours, or no hole.
    """
    try:
        levels = read_picture(path, 1)[..., 0]
    except Exception as error:  # Pillow's parsers have their own classes
        raise ValueError(f"{path} cannot be read as a mask: {error}") from None
    if not np.isin(levels, (0, 255)).all():
        raise ValueError(
            f"{path} has other values than white (255) in the hole and black (0) elsewhere. Draw "
            "it without soft edges, and save it as PNG."
        )
    if not levels.any():
        raise ValueError(f"{path} is black: a mask without a hole. Paint the hole white.")
    return levels > 0


def read_map(path, tensor):
    """A label map, uint8 (H, W) of class numbers.

    In a grey picture the value of a pixel is the number of its class, in another the palette of the
    manifest says which class a colour is.

    Args:
        path: of a picture file.
        tensor: the manifest's record of the map.

    Raises:
        ValueError: for what is no picture, and for numbers or colours of no class.
    """
    with Image.open(path, formats=FORMATS) as file:
        check_size(file)
        is_grey = file.mode in ("1", "L", "I", "I;16", "I;16B", "I;16L")
        if is_grey and file.format == "JPEG":
            raise ValueError("a JPEG in grey, whose blurred edges would be classes of their own")
        numbers = np.asarray(ImageOps.exif_transpose(file)) if is_grey else None
    last = len(tensor["palette"]) - 1
    if numbers is None:
        return classes_of(read_picture(path, 3), tensor)
    strange = (numbers < 0) | (numbers > last)
    if strange.any():
        raise ValueError(
            f"{strange.sum()} of {strange.size} pixels of a label map have numbers of no class; "
            f"classes are 0 to {last}"
        )
    return numbers.astype("uint8")


def classes_of(pixels, tensor):
    """Class numbers, uint8 (H, W), of colours, uint8 (H, W, 3), by the manifest's palette."""
    palette = np.array([list(bytes.fromhex(color[1:])) for color in tensor["palette"]])
    packed, known = (colors @ np.array([1 << 16, 1 << 8, 1]) for colors in (pixels, palette))
    order = np.argsort(known)
    numbers = order[np.searchsorted(known[order], packed).clip(max=len(known) - 1)]
    strange = known[numbers] != packed
    if strange.any():
        colors, counts = np.unique(pixels[strange], axis=0, return_counts=True)
        most = colors[counts.argmax()].astype(int)
        near = int(((palette - most) ** 2).sum(axis=1).argmin())
        name = tensor.get("classes", tensor["palette"])[near]
        soft = " They look resized smoothly, or saved as JPEG." if len(colors) > SOFT else ""
        raise ValueError(
            f"{strange.sum()} of {strange.size} pixels have {len(colors)} colours that the palette "
            f"does not know, most of them #{bytes(most.tolist()).hex()}; the nearest is "
            f"{tensor['palette'][near]} ({name}).{soft}"
        )
    return numbers.astype("uint8")


def image_of(pixels):
    """A `PIL.Image.Image` of uint8 (H, W, 1 or 3)."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def sheet(pictures, columns):
    """Pictures (N, H, W, C) side by side, row after row, as one (H, W, C)."""
    count, height, width, channels = pictures.shape
    rows, height, width = -(-count // columns), height + 2, width + 2
    tiles = np.full((rows * columns, height, width, channels), 255, "uint8")
    tiles[:count, 1:-1, 1:-1] = pictures
    tiles = tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return tiles.reshape(rows * height, columns * width, channels)


def save(pixels, path, overwrite=False):
    """Writes a picture, whole or not at all: a PNG, unless its suffix says otherwise.

    What came to its place meanwhile is asked for again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        formats = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP"}
        image_of(pixels).save(unfinished, format=formats.get(path.suffix.lower(), "PNG"))
        refuse(path, overwrite)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def refuse(target, overwrite):
    """Refuses to replace a file without being told to."""
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists. Use --overwrite to replace it.")


def is_file_name(output):
    """Whether a place for translations is a file, by its name."""
    return (
        output.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp", ".bmp"} and not output.is_dir()
    )


def look_through(folder):
    """The pictures below a folder, sorted, and `{why: how many}` of what is left out.

    Links out of the folder are not followed: an unpacked archive may link to anything.
    """
    found, left_out, root = [], {}, folder.resolve()

    def leave_out(why):
        left_out[why] = left_out.get(why, 0) + 1

    def visit(top):
        try:
            entries = sorted(os.scandir(top), key=lambda entry: entry.name)
        except OSError:
            return leave_out("folders that cannot be opened")
        for entry in entries:
            name = entry.name.lower()
            if name.startswith(".") or name in LITTER:
                leave_out("hidden or of other systems")
            elif entry.is_symlink() and not leads_inside(entry.path, root):
                leave_out("links out of the folder, or to folders")
            elif not entry.is_symlink() and entry.is_dir():
                visit(entry.path)
            elif Path(name).suffix not in SUFFIXES or not entry.is_file():
                leave_out("not named like pictures")
            else:
                found.append(Path(entry.path))
        return None

    visit(folder)
    return found, left_out


def leads_inside(link, root):
    """Whether a link leads to a file in the folder `root`."""
    try:
        real = Path(link).resolve(strict=True)
    except (OSError, RuntimeError):  # to nothing, or to itself
        return False
    return real.is_file() and real.is_relative_to(root)


def plan(path, output, overwrite=False):
    """`[(picture, file of its translation)]`, and `{why: how many}` of what is left out.

    Raises:
        ValueError: if there is no picture, or two would get one name.
        FileExistsError: if a target exists and `overwrite` is not set.
    """
    sources, left_out = look_through(path) if path.is_dir() else ([path], {})
    if not path.exists():
        raise ValueError(f"No pictures at {path}: there is no such file or folder.")
    if path.is_dir() and is_file_name(output):
        raise ValueError(f"{output} is named like a picture: give a folder as --output.")
    if not path.is_dir() and is_file_name(output):
        targets = [output]
    else:
        root = path if path.is_dir() else path.parent
        targets = [output / source.relative_to(root).with_suffix(".png") for source in sources]
        count = Counter(targets)  # pictures that differ by suffix only keep it
        targets = [
            target if count[target] == 1 else target.with_name(f"{source.name}.png")
            for source, target in zip(sources, targets, strict=True)
        ]
    if not sources:
        raise ValueError(f"No pictures at {path} ({', '.join(sorted(SUFFIXES))}).")
    if len(set(targets)) < len(targets):
        raise ValueError(f"Two translations of {path} would have one name: rename a picture.")
    taken = {source.resolve() for source in sources}
    for target in targets:
        if target.resolve() in taken:
            raise ValueError(f"{target} would be replaced: use another --output.")
        refuse(target, overwrite)
    return list(zip(sources, targets, strict=True)), left_out


def write_all(network, pairs, make, overwrite=False):
    """Makes a picture of each of the pairs of `plan`.

    Args:
        network: that makes them.
        pairs: (source, target), files.
        make: function from uint8 (H, W, C) to the same of other sides.
        overwrite: replace what is there.

    Yields:
        (source, target, None or what is wrong)
    """
    tensor = network.source
    for source, target in pairs:
        try:
            if tensor["kind"] == "label_map":
                picture = make(read_map(source, tensor))
            else:
                picture = make(read_picture(source, nhwc(tensor)[3]))
        except Exception as error:  # Pillow's parsers and each runtime have their own classes
            yield source, target, str(error).split("\n")[0] or type(error).__name__
            continue
        save(picture, target, overwrite)
        yield source, target, None


def plain(text):
    """A text that a terminal shows letter for letter: names may hold escape sequences."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode()
        for one in str(text)
    )


# === The command ===


def main(arguments=None):
    """Runs the command; mistakes get one sentence and exit code 2."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    sample = verbs.add_parser("sample", help="draw pictures from random latents")
    translate = verbs.add_parser("translate", help="translate a picture, or a folder of them")
    upscale = verbs.add_parser("upscale", help="enlarge a picture, or a folder of them")
    for verb in (sample, translate, upscale):
        verb.add_argument("folder", type=Path, help="that holds manifest.json")
        verb.add_argument(
            "--network", help="Default: the first in the manifest that makes images by itself"
        )
        verb.add_argument("--format", choices=list(RUNTIMES), help="what is installed otherwise")
        verb.add_argument("--precision", help="float32 where not given")
        verb.add_argument("--overwrite", action="store_true", help="replace what is there")
    sample.add_argument("--count", type=int, help="pictures, of each label where there are labels")
    sample.add_argument("--seed", type=int, default=0, help="of the latents")
    sample.add_argument("--label", action="append", default=[], help="name or number; repeated")
    sample.add_argument("--attribute", action="append", default=[], help="NAME or !NAME; repeated")
    sample.add_argument(
        "--psi", type=float, help="truncation of models with styles: 0, the mean image, to 1"
    )
    sample.add_argument("--output", type=Path, default=Path("sheet.png"), help="PNG to write")
    translate.add_argument("--label", help="class to have, by name or number")
    translate.add_argument(
        "--attribute", action="append", default=[], help="NAME or !NAME; repeated; others are off"
    )
    translate.add_argument(
        "--mask", type=Path, help="picture of the same size, white in the hole that is to be filled"
    )
    upscale.add_argument(
        "--tile", type=int, help="side of the tiles, in pixels, where the file leaves it free"
    )
    for verb in (translate, upscale):
        verb.add_argument("path", type=Path, help="a picture, or a folder of pictures")
    upscale.add_argument(
        "--output", type=Path, default=Path("upscaled"), help="folder; of one picture also a file"
    )
    translate.add_argument(
        "--output", type=Path, default=Path("translated"), help="folder; of one picture also a file"
    )
    translate.add_argument(
        "--size",
        choices=["trained", "own"],
        help="that pictures are translated at: the network's, and scaled back, or their own",
    )
    given = parser.parse_args(arguments)
    try:
        psi = given.psi if given.verb == "sample" else None
        network = Network(given.folder, given.network, given.format, given.precision, psi)
        {"sample": draw, "translate": translate_all, "upscale": upscale_all}[given.verb](
            network, given
        )
    except (ValueError, OSError, ImportError, MemoryError) as error:
        sentence = plain(" ".join(str(error).split())) or "There is not enough memory."
        parser.exit(2, f"Error: {sentence}\n")


def draw(network, given):
    """`sample`: one sheet, a row for each label."""
    refuse(given.output, given.overwrite)
    pictures = network.sample(given.count, given.seed, given.label, given.attribute)
    columns = given.count or (10 if network.inputs("label") else int(np.ceil(len(pictures) ** 0.5)))
    save(sheet(pictures, columns), given.output, given.overwrite)
    print(f"{len(pictures)} pictures of {network.record['path']} on {given.output}")


def translate_all(network, given):
    """`translate`: a file for each picture; exit code 1 where some could not be translated."""
    network.labels(1, given.label, given.attribute)  # refused before the first picture
    network.check_mask(given.mask)
    mask = None if given.mask is None else read_mask(given.mask)
    pairs, left_out = plan(given.path, given.output, given.overwrite)
    height, width = network.size_of_translation((None, None), given.size)
    if height and width:
        print(f"Pictures are scaled to {width} x {height} pixels, and translations back.")
    asked = {"size": given.size, "label": given.label, "attributes": given.attribute, "mask": mask}
    write_and_tell(
        network, pairs, left_out, given, lambda picture: network.translate(picture, **asked)
    )


def upscale_all(network, given):
    """`upscale`: a file for each picture; exit code 1 where some could not be upscaled."""
    network.cut((1, 1), given.tile)  # what the manifest lacks is said before the first picture
    pairs, left_out = plan(given.path, given.output, given.overwrite)
    write_and_tell(
        network, pairs, left_out, given, lambda picture: network.upscale(picture, given.tile)
    )


def write_and_tell(network, pairs, left_out, given, make):
    """`write_all`, a line for each picture."""
    done = 0
    for source, target, problem in write_all(network, pairs, make, given.overwrite):
        done += problem is None
        print(plain(f"{source} is left out: {problem}" if problem else f"{source} -> {target}"))
    for why, count in left_out.items():
        print(f"{count} left out: {why}")
    if not done:
        raise ValueError(f"No picture of {given.path} could be {given.verb}d.")
    if done < len(pairs):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
