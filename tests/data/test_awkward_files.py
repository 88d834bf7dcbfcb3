"""A folder of awkward files: every one of them is used, named or counted, and nothing ends it."""

import os
import resource
import warnings

import awkward_files
import pytest

from keras_gans import data
from keras_gans.data import decode, examples


def accounted(account):
    """Names that are left out, and folders of them."""
    passed = [name for names in account.passed_over.values() for name in names]
    return [*account.left_out, *passed]


def files_below(folder):
    """What a walk that knows nothing of pictures finds: files, links, and folders by a slash."""
    for top, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(top, name))]
        yield from (os.path.relpath(os.path.join(top, name), folder) for name in [*names, *links])


@pytest.mark.parametrize(
    ("largest", "when"),
    [
        (600, "up front"),
        pytest.param(8000, "up front", marks=pytest.mark.large),
        pytest.param(8000, "while training", marks=pytest.mark.large),
    ],
)
def test_every_file_is_used_named_or_counted(tmp_path, make_model, monkeypatch, largest, when):
    count = awkward_files.make(tmp_path / "in", largest)
    assert count > 200
    if when == "while training":
        monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        batches = data.load(
            f"folder:{tmp_path / 'in'}", make_model(16, 3), drop_remainder=False, shuffle=False
        )
        pictures = sum(len(batch) for batch in batches)
    assert any("Left out" in str(warning.message) for warning in told)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < (decode.DECODING_BYTES * 1.5 if largest > 1000 else 2**28)
    left_out = accounted(batches.account)
    folders = tuple(name for name in left_out if name.endswith("/"))
    inside = [name for name in files_below(tmp_path / "in") if name.startswith(folders)]
    assert pictures + len(left_out) - len(folders) + len(inside) == count
    assert all("\x1b" not in line and "\n" not in line for line in batches.account.lines())
    for name in ("cut-png.png", "empty-jpg.jpg", "text-gif.gif", "bomb.png", "to-itself.png"):
        assert name in batches.account.left_out or when == "while training"
