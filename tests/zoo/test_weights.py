"""Weights that ship with entries, and presets: what is written is read, and nothing else."""

import importlib.util
import json
import pathlib
import sys
import types

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import SOME, by_default, fabricated, same, snapshot, tiny

from keras_gans import zoo
from keras_gans.core.model import GAN
from keras_gans.utils import files
from keras_gans.utils.memory import no_larger_than
from keras_gans.zoo import _registry as registry
from keras_gans.zoo import _weights as weights


def changed(name, **overrides):
    """A model whose weights are no longer those it begins with; faster than training one."""
    model = tiny(name, **overrides)
    random = np.random.default_rng(0)
    for network in model.networks.values():
        for weight in network.weights:
            if "float" in weight.dtype:
                weight.assign(weight + random.uniform(0, 0.1, weight.shape))
    return model


def networks(model):
    return {name: snapshot(network.weights) for name, network in model.networks.items()}


def close(first, second, tolerance):
    for name, values in first.items():
        for one, other in zip(values, second[name], strict=True):
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=1e-6)


@pytest.fixture
def shipping(tmp_path, monkeypatch):
    """Ships a tiny model's weights from a folder in the place of the package's."""
    folder = tmp_path / "pretrained"
    folder.mkdir()
    monkeypatch.setattr(weights, "_FOLDER", folder)
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    weights.shipped.cache_clear()

    def ship(name, trained=False, **overrides):
        model = tiny(name, **overrides) if trained else changed(name, **overrides)
        if trained:
            model.fit(fabricated(model), verbose=0)
        config = {**registry.entry(name).config, **registry.entry(name).tiny, **overrides}
        zoo.register(
            "mine", type(model), task=registry.entry(name).task, paper="x", tiny={}, **config
        )
        path = folder / "mine.weights.h5"
        weights.write_half(model, path)
        line = {"file": path.name, "sha256": files.sha256(path)}
        (folder / "manifest.json").write_text(json.dumps({"mine": line}))
        weights.shipped.cache_clear()
        return model, path

    yield ship
    weights.shipped.cache_clear()


@pytest.mark.parametrize("name", by_default(SOME))
def test_what_ships_is_what_was_trained(name, shipping):
    model, path = shipping(name)
    again = zoo.get("mine", pretrained=True)
    close(networks(model), networks(again), 1e-3)
    assert again.compiled and int(again.step) == 0
    with h5py.File(path) as file:
        kinds = set()
        file.visititems(
            lambda _, item: kinds.add(item.dtype.str) if isinstance(item, h5py.Dataset) else None
        )
    assert "<f4" not in kinds and "<f2" in kinds


def test_averaged_weights_ship_with_statistics_of_their_own(shipping):
    model, _ = shipping("dcgan", trained=True, ema_decay=0.5)
    again = zoo.get("mine", pretrained=True)
    np.testing.assert_allclose(model.sample(4, seed=0), again.sample(4, seed=0), atol=5e-3)


def test_damaged_weights_are_named_by_their_hash(shipping):
    _, path = shipping("gan")
    expected = files.sha256(path)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=f"damaged: the sha256 .* expected {expected}"):
        zoo.get("mine", pretrained=True)
    path.unlink()
    with pytest.raises(ValueError, match="as it is missing"):
        zoo.get("mine", pretrained=True)


def test_arguments_that_make_other_networks_are_refused(shipping):
    shipping("gan")
    with pytest.raises(ValueError, match="weights of mine with these arguments"):
        zoo.get("mine", pretrained=True, latent_dim=9)
    assert zoo.get("mine", pretrained=True, precision="mixed_bfloat16").compiled


def test_weights_that_do_not_fit_float16_are_refused(tmp_path):
    model = tiny("gan")
    weight = model.generator.weights[0]
    weight.assign(np.full(weight.shape, 1e6))
    with pytest.raises(ValueError, match="float16 cannot hold"):
        weights.write_half(model, tmp_path / "x.weights.h5")
    assert not list(tmp_path.iterdir())


def test_every_shipped_file_is_within_its_bounds_and_loads():
    shipped = {n: line for n, line in weights.shipped().items() if not zoo.entry(n).published}
    sizes = {
        name: (weights._FOLDER / line["file"]).stat().st_size for name, line in shipped.items()
    }
    assert all(size <= 9_000_000 for size in sizes.values()) and sum(sizes.values()) <= 37_000_000
    for name in shipped:
        assert zoo.entry(name).weights == f"{name}.weights.h5"
        assert zoo.get(name, pretrained=True).compiled


def test_every_shipped_file_has_its_licence():
    text = (weights._FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    missing = [name for name, line in weights.shipped().items() if f"`{name}`" not in text]
    missing = [name for name in missing if not zoo.entry(name).published]
    assert not missing


PUBLISHED = [name for name in zoo.names() if zoo.entry(name).published]


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_file_is_the_one_that_was_looked_at(name):
    line = weights.shipped()[name]
    package = line.get("package")
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    model = zoo.get(name, pretrained=True)
    made = model.translate(np.zeros((8, 8, 3), "float32"))
    assert made.shape == (8 * model.scale, 8 * model.scale, 3)
    assert np.abs(made).mean() < 0.1  # grey stays grey
    assert line["licence"] == "BSD-3-Clause" and zoo.weights_file(name).is_file()


# === Presets ===


@pytest.mark.parametrize("name", by_default(SOME))
def test_a_preset_is_the_model(name, tmp_path):
    model = changed(name)
    zoo.save_to_preset(model, tmp_path / "preset", license="mit", figures={"kid_lite0": 0.0123})
    again = zoo.from_preset(tmp_path / "preset")
    assert type(again) is type(model) and again.get_config() == model.get_config()
    assert all(same(values, again.networks[n].weights) for n, values in networks(model).items())
    assert sorted(path.name for path in (tmp_path / "preset").iterdir()) == [
        *("README.md", "config.json", "metadata.json", "model.weights.h5")
    ]
    card = (tmp_path / "preset" / "README.md").read_text()
    assert "license: mit" in card and "kid_lite0 | 0.0123" in card
    with pytest.raises(FileExistsError, match="exists"):
        zoo.save_to_preset(model, tmp_path / "preset")


@pytest.fixture
def preset(tmp_path):
    zoo.save_to_preset(tiny("gan"), tmp_path / "preset")
    return tmp_path / "preset"


def edit(preset, **changes):
    config = json.loads((preset / "config.json").read_text())
    (preset / "config.json").write_text(json.dumps({**config, **changes}))


def test_the_class_is_looked_up_by_name_and_never_by_module(preset, monkeypatch):
    evil = types.ModuleType("evil")
    monkeypatch.setitem(sys.modules, "evil", evil)
    edit(preset, module="evil", class_name="Anything")
    assert type(zoo.from_preset(preset)).__name__ == "VanillaGAN"
    edit(preset, registered_name="evil>Anything")
    with pytest.raises(ValueError, match="names 'evil>Anything'"):
        zoo.from_preset(preset)
    edit(preset, registered_name="keras_gans>VanillaGAN", config={"run_me": "os.system"})
    with pytest.raises(ValueError, match="arguments run_me"):
        zoo.from_preset(preset)
    (preset / "config.json").write_text("[]")
    with pytest.raises(ValueError, match="not an object"):
        zoo.from_preset(preset)
    (preset / "config.json").write_text("{")
    with pytest.raises(ValueError, match="no readable JSON"):
        zoo.from_preset(preset)


def test_links_and_missing_files_are_refused(preset, tmp_path):
    for name in ("model.weights.h5", "config.json"):
        path = preset / name
        elsewhere = path.rename(tmp_path / name)
        with pytest.raises(ValueError, match=f"no file {name}"):
            zoo.from_preset(preset)
        path.symlink_to(elsewhere)
        with pytest.raises(ValueError, match="a link in its place"):
            zoo.from_preset(preset)
        path.unlink()
        elsewhere.rename(path)
    assert zoo.from_preset(preset).compiled


def test_oversized_files_are_refused_before_reading(preset, monkeypatch):
    with (preset / "model.weights.h5").open("ab") as file:
        file.truncate(2**30)
    monkeypatch.setattr(GAN, "load_weights", None)  # reading would fail
    with pytest.raises(ValueError, match="1073741824 bytes; .* no more than"):
        zoo.from_preset(preset)
    with (preset / "config.json").open("ab") as file:
        file.truncate(2**21)
    with pytest.raises(ValueError, match="2097152 bytes"):
        zoo.from_preset(preset)


def test_small_files_of_large_arrays_and_links_inside_are_refused(preset, tmp_path):
    path = preset / "model.weights.h5"
    with h5py.File(path, "a") as file:
        file.create_dataset("bomb", (2**28,), "f4", compression="gzip", fillvalue=0)
    with pytest.raises(ValueError, match="arrays take more than"):
        zoo.from_preset(preset)
    with h5py.File(path, "a") as file:
        del file["bomb"]
        file["elsewhere"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
    with pytest.raises(ValueError, match="/elsewhere is a link to elsewhere"):
        zoo.from_preset(preset)


def nested(file, levels):
    """Groups that are each linked twice to the one before: 2**levels ways through them."""
    group = file.create_group("level0")
    for level in range(1, levels):
        above = file.create_group(f"level{level}")
        above["a"], above["b"] = group, group
        group = above


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: nested(file, 40), "is there twice"),
        (lambda file: file.create_group("loop").update({"self": file["/"]}), "is there twice"),
        (lambda file: file.update({"again": file["vars"]}), "is there twice"),
        (lambda file: file.update({"type": np.dtype("f4")}), "neither a group nor an array"),
    ],
)
def test_files_one_could_walk_for_ever_are_refused(preset, change, message):
    with h5py.File(preset / "model.weights.h5", "a") as file:
        change(file)
    with pytest.raises(ValueError, match=message):
        zoo.from_preset(preset)


@pytest.mark.parametrize(
    "sizes", [{"generator_units": 10**6}, {"discriminator_units": 10**5}, {"latent_dim": 10**7}]
)
def test_models_larger_than_their_file_are_not_built(preset, sizes):
    config = json.loads((preset / "config.json").read_text())["config"]
    edit(preset, config={**config, **sizes})
    with pytest.raises(ValueError, match="cannot be built: its weights take more than"):
        zoo.from_preset(preset)


def test_variables_are_counted_before_they_are_made():
    computed = []

    def values(shape, dtype=None):
        computed.append(tf.executing_eagerly())
        return tf.zeros(shape, dtype)

    with no_larger_than(4000):
        keras.Variable(values, (1000,), "float32")
    assert computed == [False, True]
    with pytest.raises(ValueError, match="more than 4000 bytes"), no_larger_than(4000):
        keras.Variable(values, (1001,), "float32")
    assert computed == [False, True, False]


def test_weights_of_another_entry_are_refused(preset, tmp_path):
    zoo.save_to_preset(tiny("dcgan"), tmp_path / "other")
    (tmp_path / "other" / "model.weights.h5").replace(preset / "model.weights.h5")
    with pytest.raises(ValueError, match="does not hold weights of gan"):
        zoo.from_preset(preset)


def test_weights_that_are_missing_are_not_left_as_they_were(preset):
    with h5py.File(preset / "model.weights.h5", "a") as file:
        group = next(
            name for name in file if name not in ("vars", "_layer_checkpoint_dependencies")
        )
        del file[group]
    with pytest.raises(ValueError, match="does not hold weights of gan"):
        zoo.from_preset(preset)


def test_presets_of_a_hub_are_pinned(monkeypatch, preset):
    commit, asked = "0123456789" * 4, []
    for source in ("hf://me/model", "hf://me/model@main", f"hf://../model@{commit}x"):
        with pytest.raises(ValueError, match="40 digits"):
            zoo.from_preset(source)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match="keras-gans\\[hub\\]"):
        zoo.from_preset(f"hf://me/model@{commit}")

    def download(repo, name, revision, local_dir):
        asked.append((repo, name, revision))
        pathlib.Path(local_dir, name).write_bytes((preset / name).read_bytes())

    hub = types.SimpleNamespace(hf_hub_download=download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    model = zoo.from_preset(f"hf://me/model@{commit}")
    assert type(model).__name__ == "VanillaGAN"
    assert asked == [("me/model", name, commit) for name in ("config.json", "model.weights.h5")]
