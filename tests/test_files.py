"""The one way in which files and folders are written, and what is asked of them."""

import errno
import hashlib
import os
import pathlib
import re
import socket

import pytest

from keras_gans.utils import files, text, versions
from keras_gans.utils.json_files import parse_json, read_json

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


def test_a_folder_replaces_another(tmp_path):
    for content in ("old", "new"):
        with files.staged(tmp_path / "folder") as folder:
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


def leave_behind(folder, name):
    """What a killed process leaves."""
    workspace = folder / f".{name}.partial-0123abcd"
    workspace.mkdir()
    (workspace / name).write_text("half")
    return workspace


def test_what_was_abandoned_goes_with_the_next_writing_of_whatever_name(tmp_path):
    leave_behind(tmp_path, "a.keras")
    (tmp_path / ".mine.partial-notes").mkdir()
    alive = files.staged(tmp_path / "alive")
    alive.__enter__().mkdir()
    files.write_whole(tmp_path / "b", lambda new: new.write_text("b"))
    alive.__exit__(None, None, None)
    assert sorted(os.listdir(tmp_path)) == [".mine.partial-notes", "alive", "b"]


def test_what_looks_like_a_leftover_is_not_waited_for_nor_put_in_place(tmp_path):
    """In a folder from elsewhere."""
    os.mkfifo(tmp_path / ".a.partial-0123abcd")
    (tmp_path / "there").mkdir()
    (tmp_path / ".b.partial-0123abcd").symlink_to(tmp_path / "there")
    (tmp_path / ".log.csv.partial-0123abcd").mkdir()
    (tmp_path / ".log.csv.partial-0123abcd" / "replaced").symlink_to(tmp_path / "diary.txt")
    before = {*os.listdir(tmp_path), "c"}
    files.write_whole(tmp_path / "c", lambda new: new.write_text("c"))
    assert set(os.listdir(tmp_path)) == before


def test_what_is_written_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda one: (done.append("fsync"), fsync(one)))
    monkeypatch.setattr(os, "replace", lambda *two: (done.append("replace"), replace(*two)))
    files.write_whole(tmp_path / "a", lambda new: new.write_text("a"))
    assert done == ["fsync", "replace", "fsync"]


# === What came to be meanwhile ===


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_appears_meanwhile_is_kept(tmp_path, is_folder):
    target = tmp_path / "out"
    with pytest.raises(FileExistsError, match="out exists: it was made while"):
        with files.staged(target, replace=False) as new:
            new.mkdir() if is_folder else new.write_text("new")
            target.mkdir() if is_folder else target.write_text("mine")
            if is_folder:
                (target / "mine.txt").write_text("mine")
    kept = target / "mine.txt" if is_folder else target
    assert kept.read_text() == "mine" and os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_is_new_is_put_in_an_empty_place(tmp_path, is_folder):
    if is_folder:
        (tmp_path / "out").mkdir()
    with files.staged(tmp_path / "out", replace=False) as new:
        new.mkdir() if is_folder else new.write_text("new")
        if is_folder:
            (new / "a").write_text("new")
    assert (tmp_path / "out" / "a" if is_folder else tmp_path / "out").read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]


def test_file_systems_without_hard_links_are_written_to(tmp_path, monkeypatch):
    def no_links(*paths):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    files.write_whole(tmp_path / "a", lambda new: new.write_text("a"), replace=False)
    with pytest.raises(FileExistsError, match="a exists"):
        files.write_whole(tmp_path / "a", lambda new: new.write_text("b"), replace=False)
    assert (tmp_path / "a").read_text() == "a" and os.listdir(tmp_path) == ["a"]


def test_what_may_be_replaced_is_asked_in_the_end(tmp_path):
    (tmp_path / "out").mkdir()

    def ask():
        assert not list((tmp_path / "out").iterdir()), "not empty"

    with pytest.raises(AssertionError, match="not empty"):
        with files.staged(tmp_path / "out", ask=ask) as new:
            new.mkdir()
            (tmp_path / "out" / "mine.txt").write_text("mine")
    assert os.listdir(tmp_path / "out") == ["mine.txt"]


# === Disks that refuse ===


@pytest.mark.parametrize("raised", [OSError, RuntimeError])
def test_a_full_disk_is_named_with_what_to_do(tmp_path, raised):
    def full(new):
        raise raised(f"somewhere: {os.strerror(errno.ENOSPC)}")

    if raised is OSError:

        def full(new):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    said = f"Cannot write to {tmp_path}: No space left on device. Make room there"
    with pytest.raises(OSError, match=re.escape(said)):
        files.write_whole(tmp_path / "a", full)
    assert not os.listdir(tmp_path)


def test_a_file_that_may_not_be_written_is_told_from_one_that_may_not_be_read(tmp_path):
    def fail(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with pytest.raises(PermissionError, match=f"Cannot write to {tmp_path}: Permission denied"):
        files.write_whole(tmp_path / "a", fail)
    with pytest.raises(PermissionError, match="Permission denied: '/elsewhere'"):
        files.write_whole(tmp_path / "a", lambda new: fail("/elsewhere"))


# === Files from outside ===


def make_link(path):
    path.with_name("there").write_text("x")
    path.symlink_to(path.with_name("there"))


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(path))


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (make_link, "a link"),
        (lambda path: path.symlink_to(path), "a link"),
        (lambda path: path.symlink_to("/dev/zero"), "a link"),
        (os.mkfifo, "a FIFO"),
        (pathlib.Path.mkdir, "a folder"),
        (make_socket, "a socket"),
    ],
)
def test_what_is_no_plain_file_is_not_opened(tmp_path, monkeypatch, make, kind):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "a")
    with pytest.raises(files.UnfitFileError, match=f"a is {kind}, where a plain file must be"):
        files.open_plain(tmp_path / "a")


def test_a_link_that_a_person_names_is_followed_to_a_plain_file_only(tmp_path):
    make_link(tmp_path / "a")
    with files.open_plain(tmp_path / "a", follow=True) as file:
        assert file.read() == b"x"
    (tmp_path / "zero").symlink_to("/dev/zero")
    with pytest.raises(files.UnfitFileError, match="zero is a device"):
        files.open_plain(tmp_path / "zero", follow=True)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with open(tmp_path / "a", "wb") as file:
        file.truncate(2**33)
    with pytest.raises(files.UnfitFileError, match="8589934592 bytes; .* no more than 1048576"):
        read_json(tmp_path / "a")


SHAPE = {"a": int, "b?": {str: [float]}, "c?": (str, None)}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no readable JSON"),
        ("{", "no readable JSON"),
        (b"\xff\xff", "no readable JSON"),
        ("[" * 100_000, "no readable JSON"),
        ("[" * 100 + "]" * 100, "nested too deep"),
        ("null", "it is null, not an object"),
        ("[]", "it is a list, not an object"),
        ("{}", "a is missing, not a whole number"),
        ('{"a": true}', "a is true or false, not a whole number"),
        ('{"a": 1, "b": {"x": [1, "y"]}}', r"b.x\[1\] is a text, not a number"),
        ('{"a": 1, "c": 5}', "c is a whole number, not a text"),
    ],
)
def test_json_of_another_shape_is_refused(content, said):
    with pytest.raises(files.UnfitFileError, match=f"^it.json is .*{said}"):
        parse_json(content, "it.json", SHAPE)


def test_json_of_the_shape_is_read(tmp_path):
    (tmp_path / "a").write_text('{"a": 1, "b": {"x": [1, 0.5]}, "c": null, "more": [{}]}')
    assert read_json(tmp_path / "a", SHAPE)["b"] == {"x": [1, 0.5]}


def test_a_terminal_obeys_nothing_of_a_text():
    obeyed, kept = "a\x1b]0;owned\x07\u202e", "b\n\tc é 猫 \u200d"
    assert text.plain(obeyed + kept) == "a\\x1b]0;owned\\x07\\u202e" + kept


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
        (r"\bflock\(", "utils/locks.py"),
        (r"file_digest\(\w+, .sha256", "utils/plain_files.py"),
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
