"""Parts of a folder's splits."""

import numpy as np
import pytest
from PIL import Image

from keras_gans.data import NoSuchSplitError, slices, sources


@pytest.fixture
def flat(tmp_path):
    for number in range(300):
        Image.new("L", (4, 4), number % 256).save(tmp_path / f"{number}.png")
    return tmp_path


def files(path, split, openers=sources.PICTURES):
    return sources.open_source(f"folder:{path}", split, openers)._found


def test_parts_are_disjoint_and_together_the_whole(flat):
    learned, held_out = files(flat, "train[:95%]"), files(flat, "train[95%:]")
    assert {*learned} | {*held_out} == {*files(flat, "train")} and not {*learned} & {*held_out}
    assert 5 <= len(held_out) <= 30
    middle = files(flat, "train[20%:60%]")
    assert {*middle} <= {*files(flat, "train[:60%]")} and 80 <= len(middle) <= 160


def test_added_pictures_move_no_others(flat):
    before = {file.path for file in files(flat, "train[95%:]")}
    for number in range(300, 400):
        Image.new("L", (4, 4)).save(flat / f"{number}.png")
    after = {file.path for file in files(flat, "train[95%:]")}
    assert before <= after and len(after) > len(before)


def test_both_pictures_of_a_pair_are_of_one_part(tmp_path):
    for side in "AB":
        (tmp_path / side).mkdir()
        for number in range(100):
            Image.new("RGB", (4, 4)).save(tmp_path / side / f"{number}.png")
    held_out = files(tmp_path, "train[90%:]", sources.PAIRS)
    assert held_out and all(a.path.split("/A/")[1] == b.path.split("/B/")[1] for a, b in held_out)


def test_domains_have_parts(tmp_path):
    for side in "AB":
        (tmp_path / f"train{side}").mkdir()
        for number in range(100):
            Image.new("RGB", (4, 4)).save(tmp_path / f"train{side}" / f"{number}.png")
    source = sources.open_source(f"folder:{tmp_path}", "train[:50%]", sources.DOMAINS)
    assert all(20 <= len(domain._found) <= 80 for domain in source.domains)


@pytest.mark.parametrize(
    "split", ["train[", "train[:200%]", "train[50%:50%]", "train[-5%:]", "[:5%]"]
)
def test_slices_that_are_none_are_refused(split, flat):
    with pytest.raises(ValueError, match="given in percent, such as 'train"):
        files(flat, split)


def test_an_empty_part_says_how_many_there_are(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    part = next(
        f"train[{n}%:{n + 1}%]"
        for n in range(100)
        if not slices.parsed(f"t[{n}%:{n + 1}%]").holds("a.png")
    )
    with pytest.raises(NoSuchSplitError, match="None of 1 pictures is in"):
        files(tmp_path, part)


def test_names_decide_alike_everywhere():
    part = slices.parsed("train[:10%]")
    held = [part.holds(f"{number}.png") for number in range(2000)]
    assert 0.07 < np.mean(held) < 0.13
    assert slices.parsed("test").is_whole
