"""From a model to files: check what is asked, write, prove, describe, put in place."""

import dataclasses
import fnmatch
import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_gans.core.model import GAN
from keras_gans.core.scaling import up_to_multiple
from keras_gans.core.signature import Clip, Image, clips_of, images_of, upscaling_network
from keras_gans.export import calibration, parity
from keras_gans.export import manifest as manifests
from keras_gans.export._quiet import quiet
from keras_gans.export.formats.base import ExportError
from keras_gans.export.formats.onnx_format import OnnxExporter
from keras_gans.export.formats.saved_model import SavedModelExporter
from keras_gans.export.formats.tflite_format import TFLiteExporter
from keras_gans.export.manifest import FileRecord, Manifest, TensorRecord
from keras_gans.export.network import ExportNetwork
from keras_gans.utils.checks import check_positive
from keras_gans.utils.files import remove, resolve, staged
from keras_gans.utils.text import did_you_mean
from keras_gans.utils.versions import versions

#: Of the page `report` writes beside the files.
REPORT_NAME = "report.html"

# What TensorFlow writes of networks without files of their own.
_OF_SAVED_MODELS = (
    "assets",
    "fingerprint.pb",
    "saved_model.pb",
    "variables",
    "variables/variables.data-*",
    "variables/variables.index",
)

_EXPORTERS = {
    exporter.name: exporter for exporter in (SavedModelExporter(), OnnxExporter(), TFLiteExporter())
}


def formats():
    """Names of the formats there are."""
    return tuple(_EXPORTERS)


def export(
    model: GAN,
    directory: str | os.PathLike[str],
    *,
    formats: Sequence[str] | str = ("saved_model", "onnx", "tflite"),
    precisions: Sequence[str] | str = ("float32",),
    layout: str = "NHWC",
    batch_size: int | None = None,
    image_size: int | tuple[int, int] | None = None,
    stochastic: bool = False,
    examples: Iterable[Any] | None = None,
    overwrite: bool = False,
    classes: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    attributes: Sequence[str] | None = None,
) -> Manifest:
    """Writes the networks worth shipping in every format, each file proven equal to Keras.

    The folder appears when all of it is proven, or not at all:

        exported/manifest.json           how to feed each file, see `keras_gans.export.manifest`
        exported/generator_saved_model/  a SavedModel
        exported/generator.onnx
        exported/generator.tflite

    Args:
        model: a `keras_gans.GAN`.
        directory: folder to make.
        formats: one or several of "saved_model", "onnx" and "tflite".
        precisions: one or several of those the formats have, or "all"; each is written in every
            format that has it.
        layout: of pictures going in and out, "NHWC" or, in ONNX, "NCHW".
        batch_size: a fixed one (1 gives the leanest files for phones and browsers), or None for
            a free one.
        image_size: side, or (height, width), of the pictures a translator takes; None leaves it
            as the network has it. Of models that upscale, of the tiles a file takes: None leaves
            it free in ONNX and SavedModel, and TFLite files take the model's own `tile`, one at
            a time.
        stochastic: ship what the model draws from when it samples, with its dropout's masks as
            inputs (`pix2pix`); False ships it with dropout off.
        examples: iterable of batches as `data.load` gives them, best held out: what files are
            tried on and integers learn their ranges from. Networks fed with latents need none,
            and those that upscale are tried on patches of the bundled photographs without.
        overwrite: replace an earlier export.
        classes: names of the classes, one for each label, for the manifest; of several heads
            `{name of the head: names of its classes}`, in their order.
        attributes: names of the attributes, for the manifest.

    Returns:
        The `Manifest`.

    Raises:
        ValueError: for an unknown format, precision or layout, sizes that are not the networks', or
            a model without a stochastic form.
        ImportError: for a package a format needs, before anything is written.
        FileExistsError: if `directory` holds something, or, with `overwrite`, something that is
            not an export.
        ParityError: if a file differs from Keras, or its pictures are too unlike Keras'.
        UnsupportedOps: if a network needs operations a format does not have.
    """
    exporters = _chosen(formats, precisions, layout)
    target = resolve(directory)
    refuse_folder(target, overwrite)
    tensors = _described(model, classes, attributes)
    asked = _Asked(model, tensors, batch_size, image_size, stochastic)
    shipments = list(_shipments(asked, examples, exporters))
    with placing(target, overwrite) as folder:
        folder.mkdir()
        files = []
        for network, trial, exporter, precision in shipments:
            path = folder / exporter.file_name(network.name, precision)
            files.append(_ship(network, path, exporter, precision, tensors, trial))
        manifest = Manifest(_model_record(model), versions(), tuple(files))
        manifest.write(folder)
    return manifest


def export_sampling_network(
    model: GAN,
    filepath: str | os.PathLike[str],
    format: str = "saved_model",
    *,
    precision: str = "float32",
    layout: str = "NHWC",
    batch_size: int | None = None,
    image_size: int | tuple[int, int] | None = None,
    stochastic: bool = False,
    examples: Iterable[Any] | None = None,
    overwrite: bool = False,
) -> FileRecord:
    """Writes the network that makes the pictures to one file, proven equal to Keras.

    Args:
        model: a `keras_gans.GAN`; the first of its `networks_to_export` is written.
        filepath: of the file ('.onnx', '.tflite') or folder (SavedModel) to make.
        format: "saved_model", "onnx" or "tflite".
        precision: one of those the format has.
        layout: as in `export`.
        batch_size: as in `export`.
        image_size: as in `export`.
        stochastic: as in `export`.
        examples: as in `export`.
        overwrite: replace an earlier file.

    Returns:
        The `FileRecord`, how to feed the file.

    Raises:
        ValueError: as `export`, and for a suffix that is not the format's.
        ImportError: as `export`.
        FileExistsError: if `filepath` exists and `overwrite` is not set, or, with it, a folder that
            is not a SavedModel, or not only.
        ParityError: if the file differs from Keras.
        UnsupportedOps: if the network needs operations the format does not have.
    """
    ((chosen, precision),) = _chosen((format,), (precision,), layout)
    chosen.check_suffix(filepath)
    target = resolve(filepath)
    _refuse_file(target, chosen, overwrite)
    tensors = _described(model)
    asked = _Asked(model, tensors, batch_size, image_size, stochastic)
    network, trial, *_ = next(_shipments(asked, examples, [(chosen, precision)]))
    ask = functools.partial(_refuse_file, target, chosen, overwrite)
    with staged(target, replace=overwrite, ask=ask) as path:
        return _ship(network, path, chosen, precision, tensors, trial)


@dataclasses.dataclass(frozen=True)
class _Asked:
    """What is to be exported: a model, what is said of its tensors, and in which form."""

    model: GAN
    tensors: dict[str, dict]
    batch_size: int | None
    image_size: int | tuple[int, int] | None
    stochastic: bool

    def in_form_for(self, exporter):
        """The same, in the form that a format wants: of what upscales one tile of one size."""
        if not exporter.fixes_tiles or upscaling_network(self.model) is None:
            return self
        tile = next((about["tile"] for about in self.tensors.values() if "tile" in about), None)
        size = self.image_size if tile is None or self.image_size is not None else tuple(tile)
        return dataclasses.replace(self, batch_size=self.batch_size or 1, image_size=size)

    @functools.cached_property
    def form(self):
        """Hashable: equal forms of a model are equal networks."""
        return self.batch_size, _pair(self.image_size)

    def networks(self):
        """Its `ExportNetwork`s."""
        return export_networks(self.model, self.batch_size, self.image_size, self.stochastic)


@dataclasses.dataclass(frozen=True)
class _Trial:
    """What a network's files are tried on: `parity.probes`, and examples with Keras' answers."""

    probes: dict[int, parity.Probe]
    gallery: parity.Probe
    examples: calibration.Examples


def _shipments(asked, batches, exporters):
    """Yields (`ExportNetwork`, its `_Trial`, exporter, precision): a network's files in a row.

    What is wrong with a form or with the examples is said before the first.
    """
    forms: dict[tuple, tuple] = {}
    for exporter, _ in exporters:
        one = asked.in_form_for(exporter)
        forms.setdefault(one.form, (one, one.networks()))
    collected = calibration.collect(asked.model, batches)
    trials: dict[tuple, list[_Trial]] = {}
    for form, (one, networks) in forms.items():
        how = [pair for pair in exporters if asked.in_form_for(pair[0]).form == form]
        trials[form] = _trials(one, networks, collected, how)
    for place in range(len(next(iter(trials.values())))):
        for exporter, precision in exporters:
            form = asked.in_form_for(exporter).form
            yield forms[form][1][place], trials[form][place], exporter, precision


def _trials(asked, networks, collected, exporters):
    """A `_Trial` of each network, for files of these `[(exporter, precision)]`."""
    size = picture_size(asked.model, asked.image_size)
    trials = []
    for network in networks:
        found = calibration.examples(network, asked.tensors, collected.get(network.name, {}), size)
        for one, precision in exporters:
            if precision in one.calibrated:
                calibration.check_real(network, found, one.title, precision)
        probes = parity.probes(network, asked.tensors, size)
        trials.append(_Trial(probes, parity.gallery(network, found.proving), found))
    return trials


def _ship(network, path, exporter, precision, tensors, trial):
    """Writes one file and proves it; returns its record."""
    with quiet():
        found, proof, kept = _write(network, path, exporter, precision, trial)
    sha256, size = manifests.fingerprint(path)
    return FileRecord(
        path=path.name,
        network=network.name,
        format=exporter.name,
        precision=precision,
        size=size,
        sha256=sha256,
        inputs=_records(network.inputs, tensors, exporter.layout),
        outputs=_records(network.outputs, tensors, exporter.layout),
        **dataclasses.asdict(proof),
        examples={
            "real": trial.examples.real,
            "proving": _count(parity.judged(trial.gallery, exporter.precisions[precision]).inputs),
            "calibrating": _count(trial.examples.calibrating)
            if precision in exporter.calibrated
            else 0,
        },
        kept=kept,
        batch_sizes=tuple(trial.probes),
        runtime=exporter.runtime_version(),
        **found,
    )


def _write(network, path, exporter, precision, trial):
    """Writes one file with as few layers left in float32 as its pictures allow.

    Returns:
        (what `inspect` found, `parity.Proof`, names of the layers kept)
    """
    calibration = trial.examples.calibrating if precision in exporter.calibrated else None
    poor: parity.PoorPictures | None = None
    for kept in exporter.layers_to_keep(network, precision, calibration):
        exporter.write(network, path, precision, calibration=calibration, kept=kept)
        found = exporter.inspect(path)
        try:
            proof = parity.prove(exporter, path, network, trial.probes, precision, trial.gallery)
            exporter.prove_others(path, network, trial.gallery)
            return found, proof, tuple(kept)
        except parity.PoorPictures as error:
            poor = error
            remove(path)
    if poor is None:
        raise RuntimeError(f"{exporter.title} names no layers to try in {precision}.")
    raise poor


def _count(inputs):
    return len(next(iter(inputs.values())))


# === What is asked for ===


def _chosen(formats, precisions, layout):
    """`[(exporter, precision)]`: every precision in every format that has it, all installed."""
    formats = (formats,) if isinstance(formats, str) else tuple(formats)
    precisions = (precisions,) if isinstance(precisions, str) else tuple(precisions)
    for argument, given in (("formats", formats), ("precisions", precisions)):
        if not given:
            raise ValueError(f"`{argument}` is empty: nothing would be exported.")
    exporters = _in_layout(list(dict.fromkeys(map(exporter, formats))), layout)
    everything = [precision for one in exporters for precision in one.precisions]
    precisions = everything if "all" in precisions else list(dict.fromkeys(precisions))
    chosen = [
        (one, precision)
        for one in exporters
        for precision in dict.fromkeys(precisions)
        if precision in one.precisions
    ]
    _refuse_unused(exporters, precisions, chosen)
    for one in exporters:
        one.check_installed()
    return chosen


def _in_layout(exporters, layout):
    """The exporters for one layout, refused by name where a format does not have it."""
    lacking = [one.title for one in exporters if layout not in one.layouts]
    if lacking:
        having = [one.title for one in _EXPORTERS.values() if layout in one.layouts]
        raise ValueError(
            f"{' and '.join(lacking)} cannot be written in layout {layout!r}"
            + (f"; {', '.join(having)} can." if having else "; NHWC and NCHW are layouts.")
        )
    return [one.in_layout(layout) for one in exporters]


def _refuse_unused(exporters, precisions, chosen):
    """Refuses formats and precisions of which nothing would be written, as they go unnoticed."""
    have = "; ".join(f"{e.title}: {', '.join(e.precisions)}" for e in exporters)
    for precision in precisions:
        if all(precision != written for _, written in chosen):
            raise ValueError(f"No precision {precision!r} in the formats asked for. {have}.")
    for exporter in exporters:
        if all(exporter is not written for written, _ in chosen):
            raise ValueError(
                f"{exporter.title} has none of the precisions {', '.join(precisions)}. {have}."
            )


def exporter(name):
    """The `Exporter` of a format.

    Raises:
        ValueError: for an unknown name, with the nearest one.
    """
    known = {}
    for one in _EXPORTERS.values():
        known.update(dict.fromkeys((one.name, *one.aliases), one))
    if name in known:
        return known[name]
    suggestion = did_you_mean(name, known, cutoff=0.5, ignore_case=True)
    raise ValueError(
        f"Unknown export format: {name!r}.{suggestion} Available formats: {', '.join(_EXPORTERS)}."
    )


def export_networks(model, batch_size, image_size, stochastic):
    """An `ExportNetwork` of each network worth shipping, in the form asked for.

    Raises:
        ValueError: for sizes that cannot be, or a model without a stochastic form.
    """
    if batch_size is not None:
        check_positive("batch_size", batch_size)
    size = _pair(image_size)
    tensors = model.describe_tensors()
    _check_multiples(tensors, size)
    # Of a stochastic network all sides are fixed already, and its masks have others.
    chosen = model.stochastic_networks_to_export(size) if stochastic else model.networks_to_export()
    networks = [
        ExportNetwork(
            name,
            network,
            batch_size=batch_size,
            image_size=None if stochastic else size,
            tensors=tensors,
            usual_size=picture_size(model),
        )
        for name, network in chosen.items()
    ]
    for network in networks:
        _check_image_size(network, size)
    return networks


def _pair(image_size):
    if image_size is None:
        return None
    sides = tuple(image_size) if isinstance(image_size, (tuple, list)) else (image_size,) * 2
    if len(sides) != 2:
        raise ValueError(
            "`image_size` must be a side, or a pair of height and width. "
            f"Received: image_size={image_size!r}"
        )
    for side in sides:
        check_positive("image_size", side)
    return sides


def _check_multiples(tensors, size):
    """Refuses a size the networks cannot halve as often as they do, with the next that works."""
    for about in tensors.values():
        step = about.get("multiple_of", 1)
        if size is not None and any(side % step for side in size):
            works = tuple(up_to_multiple(side, step) for side in size)
            raise ExportError(
                f"The sides of the pictures must be multiples of {step}. Received: image_size="
                f"{size}; {works} would do."
            )


def _check_image_size(network, size):
    """Refuses another size of pictures than the one a network without pictures to take makes."""
    if size is None or any(tensor.is_picture for tensor in network.inputs):
        return
    for tensor in network.outputs:
        if tensor.is_picture and tensor.shape[1:3] != size:
            height, width = tensor.shape[1:3]
            raise ExportError(
                f"The {network.name} makes pictures of {height} x {width} and no others. Received: "
                f"image_size={size}. Leave `image_size` out."
            )


def picture_size(model, image_size=None):
    """(height, width) of `image_size` or, where not given, of the training's pictures, or None."""
    if image_size is not None:
        return _pair(image_size)
    roles: list[Image | Clip] = [*images_of(model).values(), *clips_of(model).values()]
    for role in roles:
        if None not in (role.height, role.width):
            return role.height, role.width
    return None


def _described(model, classes=None, attributes=None):
    if not isinstance(model, GAN):
        raise ValueError(
            f"Only a keras_gans.GAN can be exported. Received: {type(model).__name__}. For a plain "
            "Keras model use its own `export`."
        )
    tensors = model.describe_tensors()
    if model.label_names is not None:
        classes = model.label_names["heads"] or None if classes is None else classes
        attributes = model.label_names["attributes"] or None if attributes is None else attributes
    named = {}
    if classes is not None:
        named.update(_with_classes(model, _of_kind(tensors, "label"), classes))
    if attributes is not None:
        named.update(_with_names(model, _of_kind(tensors, "attributes"), attributes))
    return {**tensors, **{name: {**tensors[name], **about} for name, about in named.items()}}


def _of_kind(tensors, kind):
    return {name: about for name, about in tensors.items() if about.get("kind") == kind}


def _with_classes(model, labels, classes):
    """`{input name: what is to be added}`."""
    if not labels:
        raise ValueError(f"{model.name} takes no labels: leave `classes` out.")
    heads = classes if isinstance(classes, dict) else {None: classes}
    if len(heads) != len(labels):
        raise ValueError(
            f"`classes` must name the classes of {len(labels)} heads ({', '.join(labels)}), as "
            f"{{name of the head: names of its classes}}. Received: {len(heads)}."
        )
    named: dict[str, dict] = {}
    for (name, about), (head, names) in zip(labels.items(), heads.items(), strict=True):
        first, last = about["value_range"]
        if len(names) != last - first + 1:
            of_head = f" for {head!r}" if len(heads) > 1 else ""
            raise ValueError(
                f"`classes` must name {last - first + 1} classes{of_head}, one for each label from "
                f"{first} to {last}. Received: {len(names)}."
            )
        named[name] = {"classes": [str(one) for one in names]}
        if len(heads) > 1:
            named[name]["head"] = str(head)
    return named


def _with_names(model, inputs, names):
    """`{input name: what is to be added}`."""
    if not inputs:
        raise ValueError(f"{model.name} takes no attributes: leave `attributes` out.")
    count = model.conditions.num_attributes
    if len(names) != count:
        raise ValueError(f"`attributes` must name {count} attributes. Received: {len(names)}.")
    return {name: {"names": [str(one) for one in names]} for name in inputs}


# === What is in the way ===


def placing(target, overwrite):
    """`staged`, for a folder; what may be replaced is asked again when it is complete.

    An export may take minutes, in which anything can come to its place.
    """
    ask = functools.partial(refuse_folder, target, overwrite)
    return staged(target, replace=overwrite, ask=ask)


def refuse_folder(target, overwrite):
    """Refuses a folder that holds something, or with `overwrite` something not an export's."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        _refuse_immovable(target)
        return
    if not overwrite:
        raise FileExistsError(
            f"{target} exists. Choose another folder, or replace it with `overwrite=True` "
            "(`--overwrite`)."
        )
    strangers = _strangers(target)
    if strangers:
        raise FileExistsError(
            f"{target} is not an export, or not only: it holds {strangers}. Nothing that "
            "keras_gans did not write is overwritten. Choose another folder, or empty this one."
        )
    _refuse_immovable(target)


def _strangers(target):
    """What would be lost at `target` that is not an export's, as text, or None."""
    if not target.is_dir():
        return "a file"
    try:
        files = Manifest.read(target).hashes
    except FileNotFoundError:
        return f"no {manifests.FILE_NAME}"
    except ValueError:
        return f"a {manifests.FILE_NAME} of something else"
    known = {manifests.FILE_NAME, REPORT_NAME, *files}
    others = sorted(
        path.as_posix()
        for path in _leaves(target)
        if not known.intersection(part.as_posix() for part in (path, *path.parents))
    )
    return others[0] if others else None


def _leaves(target):
    """Files and empty folders inside a folder, relative to it."""
    for path in target.rglob("*"):
        if not (path.is_dir() and any(path.iterdir())):
            yield path.relative_to(target)


def _refuse_immovable(target):
    """Refuses a folder that cannot be replaced by another, which is how an export appears."""
    if target == Path.cwd() or target in Path.cwd().parents or os.path.ismount(target):
        raise ExportError(
            f"{target} cannot be replaced as a whole, because it is in use. Export to a folder "
            f"inside it: {target / 'exported'}"
        )


def _refuse_file(target, exporter, overwrite):
    if not target.exists():
        return
    kinds = {True: "a folder", False: "a file"}
    if target.is_dir() != (not exporter.suffix):
        raise FileExistsError(
            f"{target} is {kinds[target.is_dir()]}; {exporter.title} makes "
            f"{kinds[not target.is_dir()]}. Choose another name."
        )
    if target.is_dir():
        _refuse_immovable(target)
        if not any(target.iterdir()):
            return
    if not overwrite:
        raise FileExistsError(
            f"{target} exists. Choose another name, or replace it with `overwrite=True` "
            "(`--overwrite`)."
        )
    if target.is_dir():
        _refuse_strangers_to_saved_models(target)


def _refuse_strangers_to_saved_models(target):
    """Refuses a folder that is no SavedModel, or holds what would be lost with one."""
    if not (target / "saved_model.pb").is_file():
        raise FileExistsError(
            f"{target} is not a SavedModel: it holds no saved_model.pb. Choose another name."
        )
    others = sorted(
        path.as_posix()
        for path in _leaves(target)
        if not any(fnmatch.fnmatchcase(path.as_posix(), known) for known in _OF_SAVED_MODELS)
    )
    if others:
        raise FileExistsError(
            f"{target} is not only a SavedModel: it holds {others[0]}. Nothing that keras_gans did "
            "not write is overwritten. Choose another name, or empty the folder."
        )


# === What the manifest says ===


def _records(tensors, about, layout):
    records = []
    for tensor in tensors:
        shape, said = tensor.shape, about.get(tensor.name, {})
        if len(shape) == 4 and layout == "NCHW":
            shape = tuple(shape[axis] for axis in (0, 3, 1, 2))
        if "layout" in said:
            said = {**said, "layout": layout}
        if "tile" in said:
            said = {**said, **_tiled(tensor, said)}
        records.append(TensorRecord(tensor.name, tensor.dtype, shape, said))
    return tuple(records)


def _tiled(tensor, said):
    """Tile and overlap of an input: a tile is what the file takes, where that is fixed."""
    tile = [own or usual for own, usual in zip(tensor.shape[1:3], said["tile"], strict=True)]
    return {"tile": tile, "overlap": min(said["overlap"], *(side // 2 for side in tile))}


def _model_record(model):
    return {
        "name": model.name,
        "class": f"{type(model).__module__}.{type(model).__qualname__}",
        "config": model.get_config(),
    }
