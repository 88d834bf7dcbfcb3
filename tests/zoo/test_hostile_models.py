"""Models, presets and checkpoints from elsewhere: read rightly, or refused in a sentence."""

import json
import shutil
import zipfile

import h5py
import hostile
import numpy as np
import pytest
from fabrication import fabricated, tiny

from keras_gans import zoo
from keras_gans.core import weight_files
from keras_gans.training.callbacks import Checkpoints, checkpoints
from keras_gans.utils import hdf5

QUICK, LARGE = range(6), range(6, 300)
SEEDS = [
    pytest.param(QUICK, id="quick"),
    pytest.param(LARGE, id="large", marks=pytest.mark.large),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Folder with a model, a preset and the checkpoints of a game."""
    folder = tmp_path_factory.mktemp("sound")
    model = tiny("gan")
    kept = Checkpoints(folder / "checkpoints", print_fn=str)
    model.fit(fabricated(model), verbose=0, callbacks=[kept])
    model.save(folder / "model.keras")
    zoo.save_to_preset(model, folder / "preset")
    return folder


@pytest.fixture
def model_path(sound, tmp_path):
    return tmp_path / "model.keras"


def config_of(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


def with_weights(source, target, change):
    """A .keras file whose weights `change(path)` has changed, all checksums right."""
    weights = target.with_name("w.weights.h5")
    with zipfile.ZipFile(source) as archive:
        weights.write_bytes(archive.read("model.weights.h5"))
    change(weights)
    hostile.repacked(source, target, model_weights_h5=weights.read_bytes())


# === By chance ===


@pytest.mark.parametrize("seeds", SEEDS)
def test_models_of_changed_bytes(sound, model_path, seeds):
    content = (sound / "model.keras").read_bytes()
    for seed in seeds:
        model_path.write_bytes(hostile.bytes_of(content, seed))
        with hostile.harmless():
            zoo.load(model_path)


@pytest.mark.parametrize("seeds", SEEDS)
def test_models_of_changed_arguments(sound, model_path, seeds):
    config = config_of(sound / "model.keras")
    for seed in seeds:
        changed = json.dumps(hostile.json_of(config, seed))
        hostile.repacked(sound / "model.keras", model_path, config_json=changed)
        with hostile.harmless():
            zoo.load(model_path)


@pytest.mark.parametrize("seeds", SEEDS)
def test_models_of_changed_weights(sound, model_path, seeds):
    for seed in seeds:

        def turn(path, seed=seed):
            path.write_bytes(hostile.bytes_of(path.read_bytes(), seed))

        with_weights(sound / "model.keras", model_path, turn)
        with hostile.harmless():
            zoo.load(model_path)


@pytest.mark.parametrize("seeds", SEEDS)
def test_presets(sound, tmp_path, seeds):
    preset = shutil.copytree(sound / "preset", tmp_path / "preset")
    config = json.loads((preset / "config.json").read_text())
    weights = (preset / "model.weights.h5").read_bytes()
    for seed in seeds:
        (preset / "config.json").write_text(json.dumps(hostile.json_of(config, seed)))
        with hostile.harmless():
            zoo.from_preset(preset)
        (preset / "config.json").write_text(json.dumps(config))
        (preset / "model.weights.h5").write_bytes(hostile.bytes_of(weights, seed))
        with hostile.harmless():
            zoo.from_preset(preset)
        (preset / "model.weights.h5").write_bytes(weights)


def newest(folder):
    return checkpoints.found_in(folder)[-1]


def forge(path, state):
    """Writes the state of a checkpoint, with the hashes of what is there."""
    checkpoints._write(path / "state.json", {**state, "weights_sha256": checkpoints._hash(path)})


def goes_on(folder):
    model = tiny("gan")
    kept = Checkpoints(folder, print_fn=str)
    model.fit(fabricated(model), epochs=2, verbose=0, callbacks=[kept])


@pytest.mark.parametrize("seeds", SEEDS)
def test_checkpoints(sound, tmp_path, seeds):
    for seed in seeds:
        folder = shutil.copytree(sound / "checkpoints", tmp_path / str(seed))
        path = newest(folder)
        state = json.loads((path / "state.json").read_text())["state"]
        if seed % 2:
            changed = hostile.json_of(state, seed)
            if isinstance(changed, dict):
                checkpoints._write(path / "state.json", changed)
        else:
            file = path / "state.weights.h5"
            file.write_bytes(hostile.bytes_of(file.read_bytes(), seed))
            forge(path, state)
        with hostile.harmless():
            goes_on(folder)


# === By design ===


@pytest.mark.parametrize("harm", hostile.HARM, ids=lambda harm: harm.__name__)
def test_arrays_that_lead_or_fill_anything(sound, tmp_path, model_path, harm):
    """The same in a model, a preset and a checkpoint: none of it is loaded."""

    def change(path):
        place = next(name for name in arrays(path) if name.startswith("discriminator/"))
        with h5py.File(path, "r+") as file:
            shape = file[place].shape
            del file[place]
            harm(file, place, shape)

    preset = shutil.copytree(sound / "preset", tmp_path / "preset")
    change(preset / "model.weights.h5")
    folder = shutil.copytree(sound / "checkpoints", tmp_path / "checkpoints")
    change(newest(folder) / "state.weights.h5")
    forge(newest(folder), json.loads((newest(folder) / "state.json").read_text())["state"])
    with_weights(sound / "model.keras", model_path, change)
    for read in (
        lambda: zoo.load(model_path),
        lambda: zoo.from_preset(preset),
        lambda: goes_on(folder),
    ):
        with hostile.harmless():
            with pytest.raises(ValueError):
                read()


def arrays(path):
    found: list = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
        )
    return found


def test_a_chunk_that_unpacks_to_more_than_its_array_is_not_unpacked(tmp_path):
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        hostile.pack_chunk(file, "x", (8, 1))
    with hostile.harmless():
        with pytest.raises(ValueError, match="x is packed into a chunk of 67108864 bytes"):
            hdf5.check(path, 2**20)


@pytest.mark.parametrize("options", [{"scaleoffset": 2}, {"fletcher32": True}])
def test_other_packings_are_refused(tmp_path, options):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=np.zeros(1000, "i4"), **options)
    with pytest.raises(ValueError, match="x is packed in a way in which no weights are written"):
        hdf5.check(tmp_path / "a.h5", 2**20)


def test_what_keras_and_the_zoo_pack_is_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=np.zeros(9, "f2"), compression="gzip", shuffle=True)
        file["deep/y"], file["z"] = np.zeros((2, 3)), np.bool_(True)
    assert hdf5.check(tmp_path / "a.h5", 2**20) == 3


def test_a_model_of_more_variables_than_its_file_has_arrays_is_not_built(tmp_path):
    model = tiny("cyclegan")
    model.save(tmp_path / "a.keras")
    zoo.save_to_preset(model, tmp_path / "preset")
    config = config_of(tmp_path / "a.keras")
    config["config"].update(num_blocks=3000, filters=1)
    text = json.dumps(config)
    hostile.repacked(tmp_path / "a.keras", tmp_path / "b.keras", config_json=text)
    (tmp_path / "preset" / "config.json").write_text(text)
    for read, name in ((zoo.load, "b.keras"), (zoo.from_preset, "preset")):
        with hostile.harmless():
            with pytest.raises(ValueError, match="cannot be built: it has more than .* variables"):
                read(tmp_path / name)


@pytest.mark.parametrize("value", [float("nan"), -1.5, "16", None, [16], 2**70, True])
def test_arguments_of_other_kinds_are_refused(tmp_path, value):
    tiny("cdcgan").save(tmp_path / "a.keras")
    config = config_of(tmp_path / "a.keras")
    config["config"]["image_size"] = value
    hostile.repacked(tmp_path / "a.keras", tmp_path / "b.keras", config_json=json.dumps(config))
    with hostile.harmless():
        with pytest.raises(ValueError, match="b.keras"):
            zoo.load(tmp_path / "b.keras")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    model = tiny("gan")
    kernel = model.generator.weights[0]
    kernel.assign(np.full(kernel.shape, np.inf))
    model.save(tmp_path / "a.keras")
    zoo.save_to_preset(model, tmp_path / "preset")
    for read, name in ((zoo.load, "a.keras"), (zoo.from_preset, "preset")):
        with pytest.raises(ValueError, match="holds NaN or infinite numbers, in generator:"):
            read(tmp_path / name)


@pytest.mark.parametrize("kind", ["fifo", "zero"])
def test_what_never_ends_is_not_read(tmp_path, kind):
    import os

    path = tmp_path / "a.keras"
    os.mkfifo(path) if kind == "fifo" else path.symlink_to("/dev/zero")
    with hostile.harmless():
        with pytest.raises(ValueError, match="where a plain file must be"):
            zoo.load(path)


# === In time ===


def test_an_archive_is_not_read_again_and_again(sound):
    """HDF5 goes back and forth in a file; to go back in an archive is to read it from its start."""

    class Counting:
        total = 0

        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def readinto(self, buffer):
            found = self.file.readinto(buffer)
            self.total += found
            return found

    with open(sound / "model.keras", "rb") as file, zipfile.ZipFile(file) as archive:
        entry = archive.getinfo("model.weights.h5")
        counting = Counting(file)
        assert hdf5.check(weight_files.stored(counting, entry), 2**30)
    assert counting.total < 2 * entry.file_size
