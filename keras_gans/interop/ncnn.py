"""Reads networks that were converted for ncnn: a text of layers, and their numbers.

    layers = read_network("realesrgan-x4plus.param", "realesrgan-x4plus.bin")

The text has a line for each layer: type, name, how many blobs go in and come out, their names, and
`key=value` pairs of its parameters (a key of -23300 - k is parameter k with a list). The numbers
lie one after the other in the order of the lines, without names; those of a kernel begin with a tag
that says how they are stored. Nothing in either file is run, sizes are bounded, and every byte must
belong to a layer.

Reference: Tencent/ncnn, docs/developer-guide, "param and model file structure"
"""

import dataclasses
import math
import pathlib

import numpy as np

_MAGIC = "7767517"
_LARGEST_TEXT = 2 * 2**20
_LARGEST_NUMBERS = 2 * 2**30
_MOST_LAYERS = 20_000
_LIST_KEY = -23300

_FLOAT32_TAGS = (0x00000000, 0x0002C056)
_FLOAT16_TAG = 0x01306B47
_INT8_TAG = 0x000D4B38

# Parameters of ncnn's layers, by their keys.
OUTPUTS, KERNEL_WIDTH, DILATION, STRIDE, PAD, HAS_BIAS, WEIGHTS = 0, 1, 2, 3, 4, 5, 6
ACTIVATION, ACTIVATION_PARAMETERS, KERNEL_HEIGHT = 9, 10, 11


@dataclasses.dataclass(frozen=True)
class Layer:
    """A line of the text, with its numbers.

    Attributes:
        type: "Convolution", "PReLU" and so on.
        name: of the layer.
        inputs: names of the blobs that go in.
        outputs: names of those that come out.
        parameters: `{key: int, float, or a tuple of them}`.
        arrays: "kernel" (outputs, inputs, height, width) and "bias" of a convolution, "slope" of a
            PReLU; float32.
    """

    type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: dict
    arrays: dict = dataclasses.field(default_factory=dict)


def read_network(text, numbers):
    """Reads a network.

    Args:
        text: path of the `.param` file.
        numbers: path of the `.bin` file.

    Returns:
        A list of `Layer`, in the order of the file.

    Raises:
        ValueError: if a file is missing, too large, damaged, of another form, or holds numbers of
            a layer that is not known here.
    """
    layers = _read_text(pathlib.Path(text))
    path = pathlib.Path(numbers)
    data = _read(path, _LARGEST_NUMBERS)
    reader = _Numbers(path, data)
    found = [dataclasses.replace(one, arrays=reader.arrays_of(one)) for one in layers]
    reader.check_end()
    return found


def _read(path, most):
    if not path.is_file():
        raise ValueError(f"{path} is not a file.")
    if (size := path.stat().st_size) > most:
        raise ValueError(f"{path} has {size} bytes; more than {most} are not read.")
    return path.read_bytes()


# === The text ===


def _read_text(path):
    data = _read(path, _LARGEST_TEXT)
    try:
        lines = data.decode("ascii").splitlines()
    except UnicodeDecodeError:
        lines = []
    if not lines or lines[0].strip() != _MAGIC:
        raise ValueError(
            f"{path} is not a text of ncnn's layers (.param): it does not begin with {_MAGIC}."
        )
    lines = [line for line in lines[2:] if line.strip()]
    if len(lines) > _MOST_LAYERS:
        raise ValueError(f"{path} has {len(lines)} layers; more than {_MOST_LAYERS} are not read.")
    return [_parsed(path, line) for line in lines]


def _parsed(path, line):
    words = line.split()
    try:
        kind, name, taken, made = words[0], words[1], int(words[2]), int(words[3])
        blobs, rest = words[4 : 4 + taken + made], words[4 + taken + made :]
        if min(taken, made) < 0 or len(blobs) != taken + made:
            raise ValueError("blobs are missing")
        parameters = dict(_parameter(word) for word in rest)
    except (IndexError, ValueError) as error:
        raise ValueError(f"{path} has a line that is no layer: {line[:80]!r} ({error}).") from None
    return Layer(kind, name, tuple(blobs[:taken]), tuple(blobs[taken:]), parameters)


def _parameter(word):
    key, _, value = word.partition("=")
    number = int(key)
    if number > _LIST_KEY:
        return number, _number(value)
    count, *values = value.split(",")
    if int(count) != len(values):
        raise ValueError(f"{word} is no list of {count}")
    return _LIST_KEY - number, tuple(_number(one) for one in values)


def _number(word):
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word} is no number")
    return int(value) if value.is_integer() and "." not in word and "e" not in word else value


# === The numbers ===


class _Numbers:
    """The second file, read from its beginning to its end."""

    def __init__(self, path, data):
        self._path, self._data, self._at = path, data, 0

    def arrays_of(self, layer):
        """The arrays of a layer, none where it has none."""
        if layer.type in ("Convolution", "ConvolutionDepthWise"):
            return self._convolution(layer)
        if layer.type == "PReLU":
            return {"slope": self._plain(layer, layer.parameters.get(0, 0))}
        if layer.type in _WITHOUT_NUMBERS:
            return {}
        raise ValueError(
            f"{self._path} belongs to a network with a layer {layer.type} ({layer.name}), which "
            f"is not read here. Known: {', '.join(sorted({*_WITHOUT_NUMBERS, *_WITH_NUMBERS}))}."
        )

    def check_end(self):
        """Refuses numbers of no layer."""
        if self._at != len(self._data):
            raise ValueError(
                f"{self._path} has {len(self._data)} bytes, and its layers {self._at}: it belongs "
                "to another .param file, or is damaged."
            )

    def _convolution(self, layer):
        said = layer.parameters
        outputs, total = said.get(OUTPUTS, 0), said.get(WEIGHTS, 0)
        width = said.get(KERNEL_WIDTH, 0)
        height = said.get(KERNEL_HEIGHT, width)
        whole = all(isinstance(n, int) and n > 0 for n in (outputs, total, width, height))
        if not whole or total % (outputs * width * height):
            raise ValueError(f"{self._path}: {layer.name} has a kernel of no size: {said}.")
        kernel = self._tagged(layer, total).reshape(outputs, -1, height, width)
        bias = {"bias": self._plain(layer, outputs)} if said.get(HAS_BIAS) else {}
        return {"kernel": kernel, **bias}

    def _tagged(self, layer, count):
        tag = int.from_bytes(self._take(layer, 4), "little")
        if tag == _FLOAT16_TAG:
            values = np.frombuffer(self._take(layer, 2 * count), "<f2")
            self._take(layer, -2 * count % 4)  # numbers begin at multiples of four bytes
            return values.astype("float32")
        if tag in _FLOAT32_TAGS:
            return self._plain(layer, count)
        form = "8-bit integers" if tag == _INT8_TAG else f"a form with the tag {tag:#010x}"
        raise ValueError(
            f"{self._path} stores {layer.name} as {form}; float16 and float32 are read."
        )

    def _plain(self, layer, count):
        return np.frombuffer(self._take(layer, 4 * count), "<f4").copy()

    def _take(self, layer, count):
        start, self._at = self._at, self._at + count
        if not isinstance(count, int) or count < 0 or self._at > len(self._data):
            raise ValueError(
                f"{self._path} ends before the numbers of {layer.name}: it belongs to another "
                ".param file, or is damaged."
            )
        return self._data[start : self._at]


_WITH_NUMBERS = frozenset({"Convolution", "ConvolutionDepthWise", "PReLU"})
_WITHOUT_NUMBERS = frozenset(
    {
        *("BinaryOp", "Concat", "Eltwise", "Input", "Interp", "PixelShuffle", "ReLU", "Reorg"),
        *("Split", "Crop", "Padding", "Noop", "UnaryOp", "Sigmoid", "Clip", "TanH"),
    }
)
