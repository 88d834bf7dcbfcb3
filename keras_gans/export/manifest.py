"""`manifest.json`: how to feed every exported file, for programs that never heard of Keras.

The file is one JSON object:

    "format"          always "keras_gans.export"
    "format_version"  1; readers refuse what they do not know
    "model"           {"name", "class", "config"}: what was exported
    "versions"        {"keras_gans", "keras", "tensorflow"} that made it
    "page"            only in the folder of a page (`keras_gans.web`), see below
    "files"           a list, one object for each file:

        "path"            relative to the manifest
        "network"         which of the model's networks it is
        "format"          "saved_model", "onnx" or "tflite"
        "precision"       "float32", "float16", "int8" ...; inputs and outputs may stay float32
        "size", "sha256"  bytes, and their hash; for a folder see `fingerprint`
        "signature"       name of the signature to call (SavedModel, TFLite), or null
        "opset"           (ONNX), or null
        "order"           {"inputs": names, "outputs": names}, the order in which the file itself
                          lists its tensors, for runtimes that feed and fetch by number (of TFLite
                          the interpreter's own order; by the signature all go by name); null where
                          there is none (SavedModel)
        "inputs"          a list of tensors, to be fed by name: see "order"
        "outputs"         a list of tensors
        "ops"             {operation: how many}, what a runtime must have
        "max_difference"  largest absolute difference from Keras measured
        "tolerance"       largest that was allowed, or null where pictures were judged instead
        "psnr", "ssim"    of its pictures against Keras', over at least 32 examples, or null
        "floor"           {"psnr", "ssim"}, the lowest that were allowed, or null
        "examples"        {"real", "proving", "calibrating"}: whether pictures among the inputs it
                          was tried on came from data, and how many of them it was judged by and
                          learned its ranges from
        "kept"            layers left in float32, because the pictures were too poor without or
                          because integers would take longer; those that Keras named are numbered
                          from their network's first
        "batch_sizes"     it was measured at
        "runtime"         it was measured in, with its version
        "oldest_runtime"  that reads such a file, by what the file says of itself; of a SavedModel
                          the TensorFlow that wrote it, as older ones promise nothing
        "signatures"      other signatures of the file, {name: {tensor: {"dtype", "value_range"}}}:
                          what differs there of the tensors above

A tensor has "name", "dtype", "shape" (null where the size is free: batch first) and what the
model says of it: for pictures "kind": "image", "layout": "NHWC" or "NCHW", the order of the shape
(of all with four axes in the file),
"value_range" and, where sides must be one, "multiple_of" (pad by reflection, crop what comes out),
"smallest", what sides must be at least (likewise), and "trained", the height and width the
network was trained at (scale to it and back, unless it enlarges, by "scale" of its output); of
what enlarges also "tile", [height, width] of the tiles that larger pictures are cut into, which
the shape says again where it is fixed, and "overlap", how many pixels neighbouring tiles share
(drop the outer 3/8 of these, and fade the tiles into each other across the quarter between);
what is always filled in at the same place has "hole", [top, left, bottom, right] of it in pixels of
the file's shape, the last two behind it (of a picture of another size the pixels that lie in it
when scaled are hidden under grey before, and nothing else is taken of the result);
for masks (N, height, width, 1), of the pictures' height and width, "kind": "mask", "layout" and
"value_range" [0, 1]: 1 in the holes that are to be filled in, 0 where the picture is known, whose
pixels come back unchanged (a mask is scaled and padded as its picture is; where it is scaled, 1 is
all that lies within 2 pixels of the hole, which the pictures' filter mixes in);
for label maps (N, height, width), whole numbers of classes, "kind": "label_map", "value_range"
(both ends included), "palette", a colour "#rrggbb" for each class, in which people paint maps,
"classes", their names, where they are known, and "multiple_of", "smallest" and "trained" as
pictures have them (a map is scaled by taking the nearest pixel, what comes out as pictures are);
for latents "kind": "latent" and "distribution", "normal" with "mean" and "stddev" or "uniform" in
"value_range"; for labels "kind": "label", "value_range" (both ends included) and, where known,
"classes", and "head", what one of several labels is about; for attributes (N, attributes) "kind":
"attributes", "value_range" [0, 1] and, where known, "names"; for styles (N, places, size), which
one network gives and another takes, "kind": "styles" and, where known, "directions", a list of
unit vectors that are added to styles to change images, and "spread", the standard deviation of
styles along each; for psi (N, 1), which moves styles towards their mean, "kind": "psi",
"value_range" and "default"; for what is drawn besides "kind": "noise" and "distribution",
"bernoulli" being zeros and, with "probability", ones.
Pictures to draw may have "drawing": what drawings of their kind look like, with colours as values
of the tensor, one for each channel: "background", "stroke", "palette", a list of colours, and
"width", of a line in pixels.

"page" has "title"; "made_of", {"model", "page"}, sha256 of what it was made from, or null;
"runtime", {"package", "version"} of what computes; "examples", {network: list of paths} of
pictures to translate; and "files", a list of {"path", "size", "sha256"}, all else in the folder.
"""

import dataclasses
import hashlib
import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from keras_gans.utils.files import UnfitFileError, sha256
from keras_gans.utils.json_files import check_shape, read_json

FILE_NAME = "manifest.json"
_FORMAT = "keras_gans.export"
_FORMAT_VERSION = 1
_LARGEST = 2**26  # bytes
# Written on one line each. A text in JSON has no line breaks, so that none is taken for a list.
_LIST_OF_NUMBERS = re.compile(r"\[(?:\n\s*[-+.\deE]+,?)+\n\s*\]")

# What a manifest holds, as `read_json` takes it; what is not named is passed on as it is.
_TENSOR = {"name": str, "dtype": str, "shape": [(int, None)]}
_FILE = {
    **dict.fromkeys(("path", "network", "format", "precision", "sha256", "runtime"), str),
    **{"size": int, "signature": (str, None), "opset": (int, None), "ops": {str: int}},
    **{"inputs": [_TENSOR], "outputs": [_TENSOR], "kept": [str], "batch_sizes": [int]},
    **{"max_difference": float, "examples": dict, "floor": ({str: float}, None)},
    **dict.fromkeys(("tolerance", "psnr", "ssim"), (float, None)),
    "signatures?": dict,
    "oldest_runtime?": str,
    "order?": ({"inputs": [str], "outputs": [str]}, None),
}
_PAGE = {
    "files": [{"path": str, "size": int, "sha256": str}],
    "title?": str,
    "made_of?": (dict, None),
    "examples?": {str: [str]},
    "runtime?": dict,
}
_SHAPE = {"model": dict, "versions": {str: str}, "files": [_FILE], "page?": (_PAGE, None)}


@dataclasses.dataclass(frozen=True)
class TensorRecord:
    """A tensor of a file.

    Attributes:
        name: to feed or fetch it by.
        dtype: "float32", "int32" ...
        shape: None where the size is free.
        about: what `GAN.describe_tensors` says of it.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]
    about: dict[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self):
        """Plain JSON, with `about` beside the rest."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "shape": list(self.shape),
            **self.about,
        }

    @classmethod
    def from_json(cls, record):
        """The reverse of `to_json`."""
        about = {
            key: value for key, value in record.items() if key not in ("name", "dtype", "shape")
        }
        return cls(record["name"], record["dtype"], tuple(record["shape"]), about)


#: Fields that manifests of earlier versions may lack.
_ADDED = ("signatures", "oldest_runtime", "order")


@dataclasses.dataclass(frozen=True)
class FileRecord:
    """One exported file, or SavedModel folder. The module's docstring explains the fields."""

    path: str
    network: str
    format: str
    precision: str
    size: int
    sha256: str
    signature: str | None
    opset: int | None
    inputs: tuple[TensorRecord, ...]
    outputs: tuple[TensorRecord, ...]
    ops: dict[str, int]
    max_difference: float
    tolerance: float | None
    psnr: float | None
    ssim: float | None
    floor: dict[str, float] | None
    examples: dict[str, Any]
    kept: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    runtime: str
    oldest_runtime: str = ""
    signatures: dict[str, Any] = dataclasses.field(default_factory=dict)
    order: dict[str, list[str]] | None = None

    @property
    def layout(self):
        """Of its pictures, going in and out."""
        tensors = (*self.inputs, *self.outputs)
        return next((t.about["layout"] for t in tensors if "layout" in t.about), "NHWC")

    def to_json(self):
        """Plain JSON."""
        record = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        record["inputs"] = [tensor.to_json() for tensor in self.inputs]
        record["outputs"] = [tensor.to_json() for tensor in self.outputs]
        record["batch_sizes"], record["kept"] = list(self.batch_sizes), list(self.kept)
        return record

    @classmethod
    def from_json(cls, record):
        """The reverse of `to_json`; keys of later versions are passed over."""
        known = {
            field.name: record[field.name]
            for field in dataclasses.fields(cls)
            if field.name not in _ADDED or field.name in record
        }
        known["inputs"] = tuple(map(TensorRecord.from_json, record["inputs"]))
        known["outputs"] = tuple(map(TensorRecord.from_json, record["outputs"]))
        known["batch_sizes"], known["kept"] = tuple(record["batch_sizes"]), tuple(record["kept"])
        return cls(**known)


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What an export holds.

    Attributes:
        model: `{"name", "class", "config"}`.
        versions: `{"keras_gans", "keras", "tensorflow"}`.
        files: one `FileRecord` for each file.
        page: what else the folder of a page holds; None elsewhere.
    """

    model: dict[str, Any]
    versions: dict[str, str]
    files: tuple[FileRecord, ...]
    page: dict[str, Any] | None = None

    @property
    def hashes(self):
        """`{path: sha256}` of all the folder holds besides the manifest."""
        page = self.page["files"] if self.page else []
        return {
            **{record.path: record.sha256 for record in self.files},
            **{file["path"]: file["sha256"] for file in page},
        }

    @property
    def sizes(self):
        """`{path: bytes}` of the same."""
        page = self.page["files"] if self.page else []
        return {
            **{record.path: record.size for record in self.files},
            **{file["path"]: file["size"] for file in page},
        }

    def to_json(self):
        """Plain JSON."""
        return {
            "format": _FORMAT,
            "format_version": _FORMAT_VERSION,
            "model": self.model,
            "versions": self.versions,
            **({"page": self.page} if self.page else {}),
            "files": [record.to_json() for record in self.files],
        }

    def write(self, directory):
        """Writes `manifest.json` into `directory`."""
        text = json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        text = _LIST_OF_NUMBERS.sub(lambda found: f"[{' '.join(found[0][1:-1].split())}]", text)
        (Path(directory) / FILE_NAME).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path):
        """Reads a manifest.

        Args:
            path: of the manifest, or of the folder that holds it.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it is not a manifest of ours, is of a later version, or is damaged.
        """
        path = Path(path)
        path = path / FILE_NAME if path.is_dir() else path
        if not path.is_file():
            raise FileNotFoundError(
                f"No manifest at {path}. `keras_gans.export.export(model, directory)` writes one."
            )
        try:
            content = read_json(path, most=_LARGEST, follow=True)
        except UnfitFileError as error:
            raise ValueError(f"{error} Export the model again.") from None
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError(f"{path} is not the manifest of a keras_gans export.")
        if content.get("format_version") != _FORMAT_VERSION:
            raise ValueError(
                f"{path} is of version {content.get('format_version')!r}; this keras_gans reads "
                f"version {_FORMAT_VERSION}. Update keras_gans, or export the model again."
            )
        try:
            check_shape(content, path, _SHAPE)
            page = content.get("page")
            for file in (*content["files"], *(page["files"] if page else ())):
                _check_inside(path, file["path"])
        except UnfitFileError as error:
            raise ValueError(f"{error} Export the model again.") from None
        files = tuple(map(FileRecord.from_json, content["files"]))
        return cls(content["model"], content["versions"], files, page)

    def verify(self, directory):
        """Hashes every file again.

        Args:
            directory: that holds the files.

        Raises:
            ValueError: naming the files that are missing or have changed since they were proven.
        """
        wrong = []
        sizes = self.sizes
        for name, expected in self.hashes.items():
            path = Path(directory) / name
            if not path.exists():
                wrong.append(f"{name} is missing")
            elif not _is(path, expected, sizes[name]):
                wrong.append(f"{name} has changed")
        if wrong:
            raise ValueError(
                f"{directory} is not what was exported: {', '.join(wrong)}. Export the model again."
            )


def _check_inside(source, name):
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise UnfitFileError(f"{source} is damaged: path {name!r} leads out of the export.")


def _is(path, expected, size):
    """Whether a file or folder has the hash it should; what is neither has none."""
    if path.is_file() and path.stat().st_size != size:
        return False  # which may have no end that one could wait for
    try:
        return fingerprint(path)[0] == expected
    except UnfitFileError:
        return False


def fingerprint(path):
    r"""Hash and size of a file, or of everything in a folder.

    The hash of a folder is the sha256 of one line for each file in it, sorted by path:
    `<sha256 of the file>  <path relative to the folder, with forward slashes>\n`, which is what
    `find -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum | sha256sum` prints inside it.

    Returns:
        (sha256 in hexadecimal, size in bytes)
    """
    path = Path(path)
    if not path.is_dir():
        return sha256(path), path.stat().st_size
    total, lines = 0, []
    for name in sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()):
        digest, size = fingerprint(path / name)
        lines.append(f"{digest}  {name}\n")
        total += size
    return hashlib.sha256("".join(lines).encode()).hexdigest(), total
