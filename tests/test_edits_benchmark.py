"""The benchmark of edits: its distances, and its labels."""

import csv
import pathlib
import sys

import numpy as np
import pytest
from fabrication import tiny
from PIL import Image

sys.path.append(str(pathlib.Path(__file__).parent.parent / "benchmarks"))
import edits

NAMES = {"heads": {"hair_color": ["black", "pink"]}, "attributes": ["glasses"]}


def test_distances_tell_the_changed_pixels_from_the_others():
    source = np.zeros((2, 4, 4, 3), "float32")
    true = source.copy()
    true[:, :2] = 1.0
    edited = source.copy()
    edited[:, :2] = 0.5
    edited[:, 2:] = -0.2
    assert edits.distances(edited, true, source) == pytest.approx((0.25, 0.5, 0.1))
    assert edits.distances(true, true, source) == pytest.approx((0.0, 0.5, 0.0))
    with pytest.raises(ValueError, match="must change some pixels"):
        edits.distances(source, source, source)


def written(folder, hair_color, glasses, level):
    folder.mkdir()
    with (folder / "attributes.csv").open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(["file", "hair_color", "glasses"])
        for number in range(3):
            pixels = np.full((32, 32, 3), 40 * number, "uint8")
            pixels[:8] += np.uint8(level)
            Image.fromarray(pixels).save(folder / f"{number}.png")
            writer.writerow([f"{number}.png", hair_color, glasses])


def test_an_edit_is_measured_against_the_true_one(tmp_path):
    written(tmp_path / "source", "black", 0, 0)
    written(tmp_path / "glasses", "black", 1, 100)
    model = tiny("stargan", num_classes=2, num_attributes=1)
    model.label_names = NAMES

    class Classifier:
        """Sees black hair, and glasses, everywhere."""

        def predict(self, images, *how, **more):
            count = len(images)
            return [np.tile([1.0, 0.0], (count, 1)), np.tile([0.0, 1.0], (count, 1))]

    asked = []
    model.translate = lambda images, **how: asked.append(how) or images
    figures = edits.measured(model, Classifier(), tmp_path, "glasses")
    assert figures == pytest.approx((100 / 255, 100 / 255, 0.0, 1.0, 1.0, 1.0), abs=1e-5)
    np.testing.assert_array_equal(asked[0]["source_labels"], [[0, 0]] * 3)
    np.testing.assert_array_equal(asked[0]["attributes"], [[1]] * 3)
    np.testing.assert_array_equal(asked[0]["labels"], [0] * 3)
