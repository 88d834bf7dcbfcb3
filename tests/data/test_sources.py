import pathlib

import pytest

from keras_gans import data
from keras_gans.data.sources import open_source


@pytest.mark.parametrize(
    "source, suggestion",
    [
        ("fashion_mnist", "'bundled:fashion_mnist'"),
        ("imagenet:foo", None),
        ("mnist", None),
        ("folders:/tmp", "'folder:/tmp'"),
        ("tdfs:mnist", "'tfds:mnist'"),
        ("folder:", None),
        (":", None),
        ("", None),
    ],
)
def test_an_unknown_form_is_refused_with_all_forms(source, suggestion):
    with pytest.raises(ValueError) as refused:
        open_source(source)
    message = str(refused.value)
    for form in ("bundled:NAME", "fashion_mnist", "folder:PATH", "tfds:NAME", repr(source)):
        assert form in message
    assert ("Did you mean" in message) == (suggestion is not None)
    assert suggestion is None or suggestion in message


@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_a_bare_path_is_told_what_it_is(kind, tmp_path):
    with pytest.raises(ValueError, match=f"Did you mean 'folder:{tmp_path}'"):
        open_source(kind(tmp_path))


@pytest.mark.parametrize("argument", ["data_dir", "manual_dir"])
def test_arguments_for_tfds_are_refused_elsewhere(argument):
    with pytest.raises(ValueError, match="are for 'tfds:' sources"):
        open_source("bundled:fashion_mnist", **{argument: "/tmp"})


def test_class_names(tmp_path, save):
    assert data.class_names("bundled:fashion_mnist")[9] == "Ankle boot"
    save(tmp_path / "plain" / "1.png", 0)
    save(tmp_path / "classes" / "dog" / "1.png", 0)
    save(tmp_path / "classes" / "cat" / "1.png", 0)
    assert data.class_names(f"folder:{tmp_path / 'plain'}") is None
    assert data.class_names(f"folder:{tmp_path / 'classes'}") == ("cat", "dog")


def test_what_translators_learn_from_has_no_class_names(tmp_path, save):
    for name in ("pairs/A", "pairs/B", "domains/trainA", "domains/trainB", "side by side"):
        save(tmp_path / name / "1.png", 0)
    for source in (
        "bundled:emoji/edges",
        "bundled:emoji/styles",
        f"folder:{tmp_path / 'pairs'}",
        f"folder:{tmp_path / 'domains'}",
        f"folder:{tmp_path / 'side by side'}",
    ):
        assert data.class_names(source) is None
