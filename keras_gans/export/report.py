"""What each exported file costs and shows: one HTML page that needs nothing else.

    measurements = keras_gans.export.report(model, "exported/")

Every file is run in a process of its own (`_measure_file.py`), which knows its runtime and nothing
of Keras: that is how a user will meet it.
"""

import base64
import dataclasses
import html
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_gans.export import calibration, export_api, parity
from keras_gans.export._quiet import quiet
from keras_gans.export.manifest import FileRecord, Manifest
from keras_gans.images import grids
from keras_gans.utils.files import resolve, staged

_MEASURED_ALONE = Path(__file__).with_name("_measure_file.py")
_SHOWN = 8
_TIME_LIMIT = 600  # seconds for one file, which takes a few
_TILE = 96  # pixels, at least, to look at
_COUNTED = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MatMul")


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What one file costs, at batch size 1, or at its own where that is fixed.

    Attributes:
        record: its `FileRecord`.
        parameters: numbers the network has learned.
        macs: multiplications with addition, of convolutions and dense layers.
        latency: median seconds of a warm run.
        runs: how many the median is of.
        threads: the runtime was given.
        memory: most bytes the process held; None where the system does not tell.
        runtime_memory: of these, bytes it held before the file was opened.
    """

    record: FileRecord
    parameters: int
    macs: int
    latency: float
    runs: int
    threads: int
    memory: int | None
    runtime_memory: int | None


def report(model, directory, *, examples=None, image_size=None, threads=2):
    """Measures the files of an export and writes `report.html` beside them.

    The same eight inputs go through Keras and through every file; of translators these are the
    first of `examples`.

    Args:
        model: the `keras_gans.GAN` that was exported.
        directory: folder of the export.
        examples: as in `export`; without, translators are shown noise.
        image_size: as it was in `export`.
        threads: for each runtime.

    Returns:
        A list of `Measurement`, in the manifest's order.

    Raises:
        FileNotFoundError: if `directory` holds no export.
        ValueError: if its files are not what was exported, or not of this model.
        RuntimeError: if a file cannot be run.
    """
    directory = resolve(directory)
    manifest = Manifest.read(directory)
    manifest.verify(directory)
    size = export_api.picture_size(model, image_size)
    collected = calibration.collect(model, examples)
    measurements, sections = [], []
    for network in _networks(model, manifest, size):
        records = [record for record in manifest.files if record.network == network.name]
        inputs = _inputs(model, network, collected.get(network.name, {}), size)
        found = [_measure(directory, record, network, inputs, threads) for record in records]
        measurements += found
        sections.append(_section(directory, network, inputs, found))
    page = _page(manifest, measurements, sections)
    with staged(directory / export_api.REPORT_NAME) as path:
        path.write_text(page, encoding="utf-8")
    return measurements


def _networks(model, manifest, size):
    """The model's `ExportNetwork`s, in the form and of the sizes that were exported."""
    networks = model.networks_to_export()
    strangers = sorted({record.network for record in manifest.files} - set(networks))
    if strangers:
        raise ValueError(
            f"The export holds {', '.join(strangers)}, which {model.name} does not have. Report on "
            "it with the model it was made from."
        )
    # Of models that upscale some files leave the sides free, and others take one tile: all are
    # measured at the tile.
    record = min(manifest.files, key=lambda record: _free_sides(record))
    plain = {tensor.name for tensor in networks[record.network].inputs}
    stochastic = {tensor.name for tensor in record.inputs} != plain
    batch_size = record.inputs[0].shape[0] or 1
    return export_api.export_networks(model, batch_size, _side(record, size), stochastic)


def _side(record, size):
    """(height, width) of the pictures a network takes; None where it takes none."""
    for tensor in record.inputs:
        if len(tensor.shape) == 4:
            height, width = _sides(tensor)
            return (height or size[0], width or size[1])
    return None


def _free_sides(record):
    """How many sides a file leaves free of the pictures it takes."""
    return sum(_sides(tensor).count(None) for tensor in record.inputs if len(tensor.shape) == 4)


def _sides(tensor):
    """(height, width) of a `TensorRecord` of pictures, None where free."""
    return tensor.shape[2:] if tensor.about.get("layout") == "NCHW" else tensor.shape[1:3]


def _as_fed(array, layout):
    """An array (N, H, W, C) in the layout of a file; others as they are."""
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 and layout == "NCHW" else array


def _inputs(model, network, collected, size):
    return calibration.examples(network, model.describe_tensors(), collected, size).proving


# === Costs ===


def _measure(directory, record, network, inputs, threads):
    batch_size = network.inputs[0].shape[0]
    first = {name: array[:batch_size] for name, array in inputs.items()}
    with quiet():
        told = _measured_alone(directory / record.path, record, first, threads)
        macs = _macs(network)
    return Measurement(record, network.model.count_params(), macs, threads=threads, **told)


def _measured_alone(path, record, inputs, threads):
    """What `_measure_file.py` prints of a file."""
    with tempfile.TemporaryDirectory() as folder:
        fed = Path(folder) / "inputs.npz"
        np.savez(fed, **{t.name: _as_fed(inputs[t.name], record.layout) for t in record.inputs})
        command = [sys.executable, str(_MEASURED_ALONE)]
        command += [record.format, str(path), str(fed), str(threads)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIME_LIMIT)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RuntimeError(f"{path} cannot be run by itself: {last[0]}")
    return json.loads(done.stdout.splitlines()[-1])


def _macs(network):
    """Half of the floating-point operations TensorFlow's profiler counts."""
    profiler = tf.compat.v1.profiler
    options = dict(
        profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
        .with_empty_output()
        .build(),
        account_type_regexes=list(_COUNTED),
    )
    graph = network.function.get_concrete_function().graph
    return profiler.profile(graph, cmd="op", options=options).total_float_ops // 2


# === The page ===


def _section(directory, network, inputs, measurements):
    """Eight pictures through Keras and through every file."""
    shown = {name: array[:_SHOWN] for name, array in inputs.items()}
    rows = [("in", shown[tensor.name]) for tensor in network.inputs if tensor.is_picture]
    (output,) = [tensor.name for tensor in network.outputs if tensor.is_picture][:1] or [None]
    if output is None:
        return ""
    rows.append(("Keras", parity.gallery(network, shown).expected[output]))
    for measured in measurements:
        given = _run(directory, measured.record, shown)[output]
        rows.append((measured.record.path, given))
    lines = [f"<h2>{html.escape(network.name)}</h2>", '<table class="pictures">']
    for title, pictures in rows:
        cell = f'<img alt="{html.escape(title)}" src="{_strip(pictures)}">'
        lines.append(f"<tr><th>{html.escape(title)}</th><td>{cell}</td></tr>")
    return "\n".join([*lines, "</table>"])


def _run(directory, record, inputs):
    exporter = export_api.exporter(record.format).in_layout(record.layout)
    with quiet():
        return parity.in_turns(
            exporter.load(directory / record.path), inputs, record.inputs[0].shape[0]
        )


def _strip(pictures):
    """Pictures (N, H, W, C) in a row, as a data URI."""
    pixels = grids.to_uint8(pictures)
    times = max(1, -(-_TILE // pixels.shape[1]))
    strip = np.concatenate(list(pixels.repeat(times, 1).repeat(times, 2)), axis=1)
    buffer = io.BytesIO()
    grids.from_pixels(strip).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


HEADINGS = (
    "file",
    "precision",
    "size",
    "params",
    "MACs",
    "latency",
    "memory",
    "error",
    "held to",
)


def cells(measured):
    """A `Measurement` as text, under `HEADINGS`."""
    record = measured.record
    return (
        record.path,
        record.precision,
        f"{record.size / 1e6:.2f} MB",
        f"{measured.parameters / 1e6:.2f} M",
        f"{measured.macs / 1e6:,.0f} M",
        f"{measured.latency * 1e3:.1f} ms",
        "not told" if measured.memory is None else f"{measured.memory / 2**20:.0f} MiB",
        error(record),
        held_to(record),
    )


def error(record):
    """How far a file's pictures are from Keras', as text."""
    return f"{record.max_difference:.1e}" if record.floor is None else f"{record.psnr:.1f} dB"


def held_to(record):
    """What a file was held to, as text."""
    return f"{record.tolerance:.0e}" if record.floor is None else f"{record.floor['psnr']:.0f} dB"


def _page(manifest, measurements, sections):
    name = html.escape(str(manifest.model["name"]))
    threads, rows = measurements[0].threads, []
    for measured in measurements:
        rows.append("".join(f"<td>{html.escape(cell)}</td>" for cell in cells(measured)))
    kept = [
        f"<li>{html.escape(m.record.path)}: {html.escape(', '.join(m.record.kept))}</li>"
        for m in measurements
        if m.record.kept
    ]
    versions = ", ".join(f"{key} {value}" for key, value in manifest.versions.items())
    runtimes = ", ".join(dict.fromkeys(m.record.runtime for m in measurements))
    body = [
        f"<h1>{name}, exported</h1>",
        '<div class="wide"><table>',
        "<tr>" + "".join(f"<th>{heading}</th>" for heading in HEADINGS) + "</tr>",
        *(f"<tr>{row}</tr>" for row in rows),
        "</table></div>",
        f"<p>Latency: median of at least {min(m.runs for m in measurements)} warm runs at batch "
        f"{measurements[0].record.inputs[0].shape[0] or 1} with {threads} threads on the machine "
        "that made this page. Peak memory: of a process that holds the runtime and the file. "
        "Error: largest absolute difference from Keras, pictures being from -1 to 1; or PSNR "
        f"against Keras' pictures over {calibration.PROVING} inputs.</p>",
        *(["<p>Layers kept in float32:</p><ul>", *kept, "</ul>"] if kept else []),
        *sections,
        f"<p class='versions'>{html.escape(versions)}; {html.escape(runtimes)}</p>",
    ]
    return _FRAME.format(title=name, style=_STYLE, body="\n".join(body))


_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}, exported</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""  # noqa: E501

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
table { border-collapse: collapse; }
.wide { overflow-x: auto; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; font-weight: 600; }
tr + tr { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
.pictures { width: 100%; }
.pictures td { width: 100%; }
.pictures img { display: block; max-width: 100%; image-rendering: pixelated; }
.versions { opacity: .7; font-size: .85rem; }
"""
