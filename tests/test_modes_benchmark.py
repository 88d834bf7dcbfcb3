"""The benchmark of mode coverage: its metric, and that every row trains."""

import importlib.util
import json
import pathlib
import sys

import numpy as np
import pytest
from fabrication import by_default

_PATH = pathlib.Path(__file__).parent.parent / "benchmarks" / "modes.py"
_SPEC = importlib.util.spec_from_file_location("modes_benchmark", _PATH)
modes = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(modes)

TASKS = {"ring": 8, "grid": 25}


@pytest.mark.parametrize("task", TASKS)
class TestCountModes:
    def test_points_at_all_centres_find_all_modes(self, task):
        assert modes.count_modes(modes.centres(task), task) == (TASKS[task], 1.0)

    def test_points_at_one_centre_find_one_mode(self, task):
        points = np.repeat(modes.centres(task)[2:3], 100, axis=0)
        assert modes.count_modes(points, task) == (1, 1.0)

    def test_three_standard_deviations_are_the_edge(self, task):
        centres, spread = modes.centres(task).astype("float64"), modes.SPREADS[task]
        inside = modes.count_modes(centres + [0.0, 2.99 * spread], task)
        outside = modes.count_modes(centres + [0.0, 3.01 * spread], task)
        assert inside == (TASKS[task], 1.0) and outside == (0, 0.0)

    def test_a_point_of_low_quality_finds_no_mode(self, task):
        centres = modes.centres(task).copy()
        centres[0] += 0.5
        assert modes.count_modes(centres, task) == (TASKS[task] - 1, 1.0 - 1.0 / TASKS[task])

    def test_real_points_are_of_high_quality(self, task):
        batch = next(iter(modes.real_points(task, 5_000, seed=0))).numpy()
        found, quality = modes.count_modes(batch, task)
        assert found == TASKS[task]
        assert quality == pytest.approx(1.0 - np.exp(-4.5), abs=0.006)


def test_centres_are_as_stated():
    np.testing.assert_allclose(np.linalg.norm(modes.centres("ring"), axis=1), 2.0, rtol=1e-6)
    assert set(modes.centres("grid").ravel()) == {-4.0, -2.0, 0.0, 2.0, 4.0}
    assert len(np.unique(modes.centres("grid"), axis=0)) == 25


#: What only this game has: points packed and pooled, schedules over all steps. The rows' tricks are
#: tried on pictures in `tests/games`.
QUICK = ("gan", "packing_4", "replay", "best")


@pytest.mark.parametrize("row", by_default(QUICK, modes.ROWS))
def test_every_row_trains_with_finite_losses(row):
    model, losses = modes.train(row, "ring", seed=0, steps=20, batch_size=8, width=8)
    assert int(model.step) == 20
    assert np.isfinite(list(losses.values())).all()
    assert np.isfinite(model.sample(5, seed=0)).all()


def test_results_of_other_settings_do_not_count(tmp_path):
    line = {"row": "r1", "task": "ring", "seed": 0, "steps": 7, "settings": modes.ROWS["r1"]}
    line |= {"modes": 8, "high_quality": 0.5, "finite": True}
    others = [line | {"seed": 1, "steps": 8}, line | {"seed": 2, "settings": {}}]
    path = tmp_path / "results.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in [line, *others]))
    results = modes.read_results(path, steps=7)
    assert list(results) == [("r1", "ring", 0)]
    assert "| `r1` | 7 | 8.0 | 50.0% | - | - |" in modes.table(results)


def _line(row, task, seed, found=8, quality=0.5):
    points = np.random.default_rng(seed).normal(size=(20, 2)).tolist()
    steps = 7 * modes.LONGER.get(row, 1)
    line = {"row": row, "task": task, "seed": seed, "steps": steps, "points": points}
    line |= {"settings": modes.ROWS[row], "modes": found, "high_quality": quality}
    return line | {"finite": True}


def test_several_seeds_are_told_by_their_mean_and_their_worst():
    lines = [_line("best", "grid", 0, 25, 0.97), _line("best", "grid", 1, 24, 0.93)]
    table = modes.table({("best", "grid", line["seed"]): line for line in lines})
    assert "| 24.5 (24 at least, 2 seeds) | 95.0% (93.0% at least) |" in table


def test_runs_that_diverged_are_told():
    line = _line("r1", "grid", 0, 0, 0.0) | {"finite": False}
    assert "| 0.0 | 0.0%, 1 of 1 diverged |" in modes.table({("r1", "grid", 0): line})


def test_rows_that_tell_the_best_recipe_apart_differ_from_it_in_one_thing():
    best, shallow, deeper = (
        modes.ROWS[row] for row in ("best", "best_shallow", "gan_deeper_longer")
    )
    assert best == shallow | deeper and not shallow.keys() & deeper.keys()
    names = ("best", "best_shallow", "gan_deeper_longer", "gan_longer")
    assert len({modes.LONGER[row] for row in names}) == 1


def test_the_plot_is_of_the_first_seed_of_each_row_and_mixture(tmp_path):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    first = {key: _line(*key) for key in [("gan", "ring", 0), ("best", "grid", 3)]}
    second = {key: _line(*key) for key in [("gan", "ring", 1), ("best", "grid", 4)]}
    pictures = []
    for name, results in {"first": first, "second": second, "both": second | first}.items():
        modes.plot(results, tmp_path / f"{name}.png")
        pictures.append(pyplot.imread(tmp_path / f"{name}.png"))
    np.testing.assert_array_equal(pictures[2], pictures[0])
    assert (pictures[1] != pictures[0]).any()


def test_the_plot_says_what_is_missing_for_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    modes.plot({}, tmp_path / "plot.png")
    assert "pip install matplotlib" in capsys.readouterr().out
    assert not (tmp_path / "plot.png").exists()
