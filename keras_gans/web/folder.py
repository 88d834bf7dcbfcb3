"""The folder of a page: the page, what it computes with, networks, and pictures to try."""

import dataclasses
import shutil
from pathlib import Path

from keras_gans import __version__
from keras_gans.core.signature import label_map_of, takes_clips, translates, upscaling_network
from keras_gans.export import calibration, export_api
from keras_gans.export import manifest as manifests
from keras_gans.images import grids
from keras_gans.utils.files import resolve
from keras_gans.web import drawing, runtime

_PAGE = Path(__file__).parent / "page"
_EXAMPLES = 12  # of each network at most
_PHOTOGRAPHS, _PHOTOGRAPH = 4, (180, 240)  # to enlarge: how many, and their height and width


def write(
    model,
    directory,
    *,
    precisions=("float32",),
    examples=None,
    runtime_path=None,
    image_size=None,
    overwrite=False,
    classes=None,
    attributes=None,
    made_of=None,
):
    """Writes a page that draws, translates or fills holes in the browser.

    Any web server can host the folder. The networks are ONNX files of batch 1, proven equal to
    Keras. Nothing in the folder needs a network, Python or a server that computes. `manifest.json`
    is all the page reads to know what it shows; it refuses files whose hash is another one.

        page/index.html ...         the page
        page/ort/                   onnxruntime-web
        page/generator.onnx
        page/examples/              pictures to try, for translators
        page/manifest.json

    Args:
        model: a `keras_gans.GAN`.
        directory: folder to make.
        precisions: as in `keras_gans.export.export`; where there are several the page offers them.
        examples: as in `keras_gans.export.export`; of translators the page also shows the first of
            them to try, and a person's drawings get their colours and lines. Models that
            upscale are tried on photographs.
        runtime_path: folder or .tgz of onnxruntime-web, see `runtime.find`.
        image_size: as in `keras_gans.export.export`; where not given, translators take pictures
            of the size they were trained with, and models that upscale photographs of any size,
            tile by tile.
        overwrite: replace an earlier page or export.
        classes: as in `keras_gans.export.export`.
        attributes: as in `keras_gans.export.export`.
        made_of: file of the model, by which `is_current` knows later whether the page is of it;
            None for a model that comes from none.

    Returns:
        The `Manifest`.

    Raises:
        ValueError: as `keras_gans.export.export`; if `runtime_path` is not onnxruntime-web; for a
            model of clips, which the page does not play, or of label maps, which it cannot paint.
        FileExistsError: as `keras_gans.export.export`.
        RuntimeError: if onnxruntime-web is not here and cannot be fetched.
    """
    if takes_clips(model):
        raise ValueError(
            f"{model.name} makes clips frame by frame, which the page does not show: use "
            "`keras_gans.export.export`, whose manifest says what the network is fed "
            "(keras-gans export)."
        )
    if label_map_of(model) is not None:
        raise ValueError(
            f"{model.name} paints pictures from label maps, and the page has no brush of classes. "
            "Paint maps in another program in the colours of the manifest's palette, and use "
            "`keras-gans translate`, or `keras-gans export` and export/python."
        )
    batches = None if examples is None else list(examples)
    target = resolve(directory)
    export_api.refuse_folder(target, overwrite)
    ort = runtime.find(runtime_path)
    with export_api.placing(target, overwrite) as folder:
        manifest = export_api.export(
            model,
            folder,
            formats="onnx",
            precisions=precisions,
            batch_size=1,
            examples=batches,
            image_size=_fixed_size(model, image_size),
            classes=classes,
            attributes=attributes,
        )
        enlarges = upscaling_network(model) is not None
        pictures = {} if enlarges else calibration.collect(model, batches)
        shutil.copytree(_PAGE, folder, dirs_exist_ok=True)
        (folder / "ort").mkdir()
        for name in runtime.FILES:
            shutil.copyfile(ort / name, folder / "ort" / name)
        page = {
            "title": model.name,
            "made_of": _source(made_of),
            "runtime": {"package": runtime.PACKAGE, "version": runtime.VERSION},
            "examples": _write_photographs(folder, manifest)
            if enlarges
            else _write_examples(folder, manifest, pictures),
            "files": _hashed(folder, {record.path for record in manifest.files}),
        }
        files = tuple(_with_look(record, pictures) for record in manifest.files)
        manifest = dataclasses.replace(manifest, files=files, page=page)
        manifest.write(folder)
    return manifest


def is_current(directory, model_path):
    """Whether a folder holds a page, whole and unchanged, that this version made of a file.

    Args:
        directory: of the page; need not be there.
        model_path: the file named when it was made; None for a model of no file, of which no
            page is known to be current.
    """
    if model_path is None:
        return False
    try:
        manifest = manifests.Manifest.read(directory)
        manifest.verify(directory)
    except (FileNotFoundError, ValueError):
        return False
    if manifest.page is None or foreign(manifest) is not None:
        return False
    same_version = manifest.versions.get("keras_gans") == __version__
    return same_version and manifest.page.get("made_of") == _source(model_path)


def foreign(manifest):
    """The first of the page's own files, or of its runtime, that a manifest names another; or None.

    A hash in a manifest says that a file is the one of its maker, not that it is ours.
    """
    own = {path.name: manifests.fingerprint(path)[0] for path in _PAGE.iterdir()}
    own.update({f"ort/{name}": sha256 for name, (_, sha256) in runtime.FILES.items()})
    programs = (".html", ".mjs", ".js", ".css", ".wasm", ".svg")
    for name, found in manifest.hashes.items():
        if name.endswith(programs) and own.get(name) != found:
            return name
    missing = sorted(own.keys() - manifest.hashes.keys())
    return missing[0] if missing else None


def _source(model_path):
    if model_path is None:
        return None
    return {
        "model": manifests.fingerprint(model_path)[0],
        "page": manifests.fingerprint(_PAGE)[0],
    }


def _fixed_size(model, image_size):
    """Sides of the pictures a translator takes; None for models that take none, or any."""
    if image_size is None and translates(model) and upscaling_network(model) is None:
        return export_api.picture_size(model)
    return image_size


def _write_examples(folder, manifest, pictures):
    """Writes the first pictures each network takes; returns `{network: paths}`."""
    paths: dict[str, list[str]] = {}
    for record in manifest.files:
        for tensor in _drawn(record, pictures):
            if record.network not in paths:
                found = pictures[record.network][tensor.name][:_EXAMPLES]
                paths[record.network] = [
                    _write_picture(folder, f"{record.network}-{number:02d}.png", picture)
                    for number, picture in enumerate(found, start=1)
                ]
    return paths


def _write_photographs(folder, manifest):
    """Writes small photographs to enlarge; returns `{network: paths}`."""
    paths = {}
    for record in manifest.files:
        (tensor,) = record.inputs
        found = calibration.photographs(_PHOTOGRAPHS, _PHOTOGRAPH, tensor.shape[-1])
        paths[record.network] = [
            _write_picture(folder, f"photograph-{number:02d}.png", picture)
            for number, picture in enumerate(found, start=1)
        ]
    return paths


def _write_picture(folder, name, picture):
    path = folder / "examples" / name
    path.parent.mkdir(exist_ok=True)
    grids.from_pixels(grids.to_uint8(picture)).save(path)
    return path.relative_to(folder).as_posix()


def _with_look(record, pictures):
    """The record of a file, its pictures to draw with the look of the examples."""
    drawn = {
        tensor.name: drawing.look(pictures[record.network][tensor.name])
        for tensor in _drawn(record, pictures)
    }
    inputs = tuple(
        dataclasses.replace(tensor, about={**tensor.about, "drawing": drawn[tensor.name]})
        if tensor.name in drawn
        else tensor
        for tensor in record.inputs
    )
    return dataclasses.replace(record, inputs=inputs)


def _drawn(record, pictures):
    """Those of a file's inputs that are pictures there are examples of."""
    known = pictures.get(record.network, {})
    return [
        tensor
        for tensor in record.inputs
        if tensor.about.get("kind") == "image" and tensor.name in known
    ]


def _hashed(folder, known):
    """Path, size and hash of all files in the folder but the known ones."""
    files = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in known and name != manifests.FILE_NAME:
            sha256, size = manifests.fingerprint(path)
            files.append({"path": name, "size": size, "sha256": sha256})
    return files
