"""Pictures from what `keras_gans.export` wrote, by its manifest alone: no TensorFlow, no Keras.

python client.py sample exported --label Dress --label 3 --attribute Smiling --output sheet.png
python client.py translate exported photos --network generator_ba --output translated
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
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

RUNTIMES = {"onnx": "onnxruntime", "tflite": "ai_edge_litert"}  # {format: package}, best first
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
BATCH = 16  # pictures at a time, where the file leaves it free
MOST = 10_000  # pictures drawn at once: they are held in memory, and lie on one sheet
LONGEST = 65_535  # side of a picture
MOST_MANIFEST = 2**26  # bytes of a manifest
EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"  # to ONNX Runtime


class Network:
    """One network of an export, from the file that suits best.

    Args:
        folder: that holds `manifest.json`.
        network: its name; the first in the manifest where None.
        format: "onnx" or "tflite"; of those installed, the first of `RUNTIMES` where None.
        precision: "float32", "float16" ...; float32 where None and there is one.

    Raises:
        FileNotFoundError: if there is no manifest, or not the file it names.
        ValueError: if the manifest cannot be read here or has no such file, or if a file is not
            the one the manifest describes or cannot be loaded.
        ImportError: if the runtime of the file is missing.
    """

    def __init__(self, folder, network=None, format=None, precision=None):
        folder = Path(folder).resolve()
        self.record = choose(read_manifest(folder), network, format, precision)
        content = read_file(folder, self.record)
        try:
            self.run = load(self.record, content)
        except Exception as error:  # each runtime has its own classes
            raise ValueError(f"{self.record['path']} cannot be loaded: {error}") from error
        self.output = self.record["outputs"][0]

    def inputs(self, *kinds):
        """The manifest's records of the inputs of these kinds."""
        return [tensor for tensor in self.record["inputs"] if tensor.get("kind") in kinds]

    @property
    def source(self):
        """The manifest's record of the picture that is translated."""
        for tensor in self.inputs("image"):
            return tensor
        raise ValueError(f"{self.record['network']} takes no pictures: use `sample`.")

    def __call__(self, feeds):
        """Pictures, uint8 (N, H, W, C), of `{input name: float32 or int array (N, ...)}`.

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
        """Pictures, uint8 (size, H, W, C), of one batch."""
        try:
            pictures = decoded(self.run(feeds)[self.output["name"]], self.output)
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
        if len(heads + latents + self.inputs("attributes")) != len(self.record["inputs"]):
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
        for number, head in enumerate(heads):
            feeds[head["name"]] = np.repeat([one[number] for one in asked], count)
        return self({**feeds, **switched(self.inputs("attributes"), attributes, total)})

    def translate(self, picture, seed=0):
        """A picture's translation, both uint8 (H, W, C), of any size.

        `seed` is of the masks of a stochastic network's dropout.

        Sides that must be a multiple of something are padded by reflection and cropped back; what a
        network enlarges stays larger. Where the file's sides are fixed, the picture is scaled to
        them, and stays so.
        """
        source = self.source
        height, width = (
            own or free for own, free in zip(nhwc(source)[1:3], picture.shape[:2], strict=True)
        )
        if picture.shape[:2] != (height, width):
            scaled = image_of(picture).resize((width, height), Image.Resampling.BICUBIC)
            picture = np.asarray(scaled).reshape(height, width, -1)
        missing = [(0, -side % source.get("multiple_of", 1)) for side in (height, width)]
        padded = np.pad(picture, (*missing, (0, 0)), mode="reflect")
        random = np.random.default_rng(seed)
        feeds = {tensor["name"]: drawn(tensor, 1, random) for tensor in self.inputs("noise")}
        feeds[source["name"]] = encoded(padded[None], source)
        scale = self.output.get("scale", 1)
        return self(feeds)[0, : height * scale, : width * scale]


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
    expect(kind == "image", f"what {record['path']} gives is {kind!r}, not 'image'")


def check_tensor(tensor):
    """Refuses the record of a tensor from which no array could be made, or no picture."""
    name, kind, shape = tensor["name"], tensor.get("kind"), tensor["shape"]
    expect(isinstance(name, str), f"a tensor's name is {name!r}")
    numbers = isinstance(tensor["dtype"], str) and np.dtype(tensor["dtype"]).kind in "bfiu"
    expect(numbers, f"{name} is of {tensor['dtype']!r}")
    sides = isinstance(shape, list) and shape and all(s is None or is_whole(s) for s in shape)
    expect(sides, f"{name} has the shape {shape!r}")
    if kind == "image":
        expect(len(shape) == 4 and nhwc(tensor)[3] in (1, 3), f"{name} has the shape {shape}")
        multiple = tensor.get("multiple_of", 1)
        expect(is_whole(multiple) and multiple <= LONGEST, f"{name}: multiple_of is {multiple!r}")
    else:
        fixed = None not in shape[1:] and (kind != "attributes" or len(shape) == 2)
        expect(fixed, f"{name} has the shape {shape}")
    for key in ("classes", "names"):
        words = tensor.get(key, [])
        known = isinstance(words, list) and all(isinstance(word, str) for word in words)
        expect(known, f"{key} of {name} are not texts")
    check_numbers(tensor)


def check_numbers(tensor):
    """Refuses a range and a distribution nothing can be drawn from, or scaled by."""
    name, kind = tensor["name"], tensor.get("kind")
    if "value_range" in tensor or kind in ("image", "label"):
        low, high = tensor["value_range"]
        kinds = int if kind == "label" else (int, float)
        numbers = all(is_number(end) and isinstance(end, kinds) for end in (low, high))
        # Of labels both ends are included, so that they may be the same.
        ordered = numbers and (low < high or (kind == "label" and low == high))
        expect(ordered, f"{name} has the value_range [{low}, {high}]")
    keys = ["probability"] if tensor.get("distribution") == "bernoulli" else []
    for key in keys + [key for key in ("mean", "stddev") if key in tensor]:
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


def choose(files, network, format, precision):
    """The record of the file to run."""
    asked = {"network": network or files[0]["network"], "format": format, "precision": precision}
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
    """The number of a class or attribute given by number or by name."""
    known = {name.lower(): first + number for number, name in enumerate(names)}
    number = int(word) if word.isdecimal() else known.get(word.lower(), last + 1)
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


def encoded(pixels, tensor):
    """uint8 (N, H, W, C) in the manifest's range and layout."""
    low, high = tensor["value_range"]
    values = low + pixels * ((high - low) / 255.0)
    return values.transpose(0, 3, 1, 2) if tensor["layout"] == "NCHW" else values


def decoded(values, tensor):
    """The reverse of `encoded`."""
    low, high = tensor["value_range"]
    values = values.transpose(0, 2, 3, 1) if tensor["layout"] == "NCHW" else values
    if values.ndim != 4 or values.shape[3] not in (1, 3) or np.isnan(values).any():
        raise ValueError(f"{tensor['name']} of the shape {list(values.shape)} holds no pictures")
    return np.clip(np.rint((values - low) * (255.0 / (high - low))), 0, 255).astype("uint8")


# === Files ===


def read_picture(path, channels):
    """A picture file as uint8 (H, W, channels): upright, transparency on white."""
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip to 8
        image = Image.fromarray(np.round(np.asarray(image) / 257.0).astype("uint8"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB")  # grey by the colours' weights, not through alpha
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


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
    """Writes a PNG, whole or not at all; what came to its place meanwhile is asked for again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        image_of(pixels).save(unfinished, format="PNG")
        refuse(path, overwrite)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def refuse(target, overwrite):
    """Refuses to replace a file without being told to."""
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists. Use --overwrite to replace it.")


def translate_files(network, path, output, overwrite=False):
    """Translates a picture, or all in a folder, into `output`; yields (source, target or None).

    Files that are no pictures are left out, with None for a target.

    Raises:
        ValueError: if there is no picture, or two would get one name.
        FileExistsError: if a target exists and `overwrite` is not set.
    """
    root = path if path.is_dir() else path.parent
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    sources = [file for file in found if file.is_file() and file.suffix.lower() in SUFFIXES]
    targets = [output / source.relative_to(root).with_suffix(".png") for source in sources]
    if not sources:
        raise ValueError(f"No pictures at {path} ({', '.join(sorted(SUFFIXES))}).")
    if len(set(targets)) < len(targets):
        raise ValueError(f"Two pictures in {path} differ by suffix only: rename one of them.")
    channels = nhwc(network.source)[3]
    for source, target in zip(sources, targets, strict=True):
        if source.resolve() == target.resolve():
            raise ValueError(f"{source} would be replaced: use another --output.")
        refuse(target, overwrite)
    for source, target in zip(sources, targets, strict=True):
        try:
            picture = read_picture(source, channels)
        except Exception:  # Pillow's parsers raise nearly anything on a damaged file
            yield source, None
            continue
        save(network.translate(picture), target, overwrite)
        yield source, target


# === The command ===


def main(arguments=None):
    """Runs the command; mistakes get one sentence and exit code 2."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    sample = verbs.add_parser("sample", help="draw pictures from random latents")
    translate = verbs.add_parser("translate", help="translate a picture, or a folder of them")
    for verb in (sample, translate):
        verb.add_argument("folder", type=Path, help="that holds manifest.json")
        verb.add_argument("--network", help="the first in the manifest where not given")
        verb.add_argument("--format", choices=list(RUNTIMES), help="what is installed otherwise")
        verb.add_argument("--precision", help="float32 where not given")
        verb.add_argument("--overwrite", action="store_true", help="replace what is there")
    sample.add_argument("--count", type=int, help="pictures, of each label where there are labels")
    sample.add_argument("--seed", type=int, default=0, help="of the latents")
    sample.add_argument("--label", action="append", default=[], help="name or number; repeated")
    sample.add_argument("--attribute", action="append", default=[], help="NAME or !NAME; repeated")
    sample.add_argument("--output", type=Path, default=Path("sheet.png"), help="PNG to write")
    translate.add_argument("path", type=Path, help="a picture, or a folder of pictures")
    translate.add_argument("--output", type=Path, default=Path("translated"), help="folder")
    given = parser.parse_args(arguments)
    try:
        network = Network(given.folder, given.network, given.format, given.precision)
        (draw if given.verb == "sample" else translate_all)(network, given)
    except (ValueError, OSError, ImportError, MemoryError) as error:
        sentence = " ".join(str(error).split()) or "There is not enough memory."
        parser.exit(2, f"Error: {sentence}\n")


def draw(network, given):
    """`sample`: one sheet, a row for each label."""
    refuse(given.output, given.overwrite)
    pictures = network.sample(given.count, given.seed, given.label, given.attribute)
    columns = given.count or (10 if network.inputs("label") else int(np.ceil(len(pictures) ** 0.5)))
    save(sheet(pictures, columns), given.output, given.overwrite)
    print(f"{len(pictures)} pictures of {network.record['path']} on {given.output}")


def translate_all(network, given):
    """`translate`: a PNG for each picture."""
    for source, target in translate_files(network, given.path, given.output, given.overwrite):
        print(f"{source} -> {target}" if target else f"{source} is left out: no picture")


if __name__ == "__main__":
    main()
