"""The one way in which files and folders are written, and what is asked of them."""

import hashlib
import os
import pathlib
import re

import pytest

from keras_gans.utils import files, text, versions

PACKAGE = pathlib.Path(files.__file__).parent.parent


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    files.write_whole(path, lambda unfinished: unfinished.write_text("new"))
    assert path.read_text() == "new" and os.listdir(path.parent) == ["a.txt"]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def broken(unfinished):
        unfinished.write_text("half")
        raise RuntimeError("in between")

    with pytest.raises(RuntimeError, match="in between"):
        files.write_whole(path, broken)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_where_a_link_points_to_is_replaced(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "a.txt")
    files.write_whole(tmp_path / "link", lambda unfinished: unfinished.write_text("new"))
    assert (tmp_path / "link").is_symlink() and (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.parametrize("to_disk", [True, False])
def test_a_folder_replaces_another(tmp_path, to_disk):
    for content in ("old", "new"):
        with files.staged(tmp_path / "folder", to_disk=to_disk) as folder:
            (folder / "deep").mkdir(parents=True)
            (folder / "deep" / content).write_text(content)
    assert os.listdir(tmp_path) == ["folder"]
    assert os.listdir(tmp_path / "folder" / "deep") == ["new"]


def test_what_was_abandoned_goes_by_the_names_of_targets(tmp_path):
    for name in (".a.png.partial-12", ".b.png.partial-12", ".b.txt.partial-12"):
        (tmp_path / name / "replaced").mkdir(parents=True)
    (tmp_path / "b.png").mkdir()
    files.remove_abandoned(tmp_path, "*.png")
    assert sorted(os.listdir(tmp_path)) == [".b.txt.partial-12", "a.png", "b.png"]


def test_hash_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"bytes")
    assert files.sha256(tmp_path / "a") == hashlib.sha256(b"bytes").hexdigest()


def test_the_nearest_name():
    assert text.did_you_mean("dcgn", ["dcgan", "wgan"]) == " Did you mean 'dcgan'?"
    assert text.did_you_mean("x", ["dcgan"]) == ""
    assert text.did_you_mean("DRES", ["Dress"]) == ""
    assert text.did_you_mean("DRES", ["Dress"], ignore_case=True) == " Did you mean 'Dress'?"


def test_versions():
    assert set(versions.versions()) == {"keras_gans", "keras", "tensorflow"}


@pytest.mark.parametrize(
    ("what", "place"),
    [
        (r"os\.(replace|rename)\(|\.rename\(", "utils/files.py"),
        (r"\bflock\(", "utils/files.py"),
        (r"file_digest\(\w+, .sha256", "utils/files.py"),
        (r"get_close_matches", "utils/text.py"),
        (r"tf\.__version__", "utils/versions.py"),
    ],
)
def test_each_thing_is_done_in_one_place(what, place):
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(what, path.read_text(encoding="utf-8"))
    }
    assert found == {place}
