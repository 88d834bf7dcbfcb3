"""The benchmark of all families at one cost: its clock, its choice of entries, and its table."""

import importlib.util
import json
import pathlib
import types

import numpy as np
import pytest
from fabrication import tiny

PATH = pathlib.Path(__file__).parent.parent / "benchmarks" / "zoo.py"
spec = importlib.util.spec_from_file_location("zoo_benchmark", PATH)
benchmark = importlib.util.module_from_spec(spec)
spec.loader.exec_module(benchmark)


class Clock:
    """Processor time by hand: each look costs a second."""

    def __init__(self):
        self.now = 100.0

    def process_time(self):
        self.now += 0.5
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(benchmark, "time", types.SimpleNamespace(process_time=clock.process_time))
    return clock


def trained(folder, seconds, clock, batches=200, epochs=1, measured=None):
    model = tiny("gan")
    measured = [] if measured is None else measured

    def measure(model):
        clock.now += 1_000  # which costs nothing
        measured.append(int(model.images_shown))
        return {"kid": 0.5}

    callback = benchmark.ProcessorTime(lambda: folder, seconds, measure)
    shape = model.batch_spec(4).shape
    pictures = np.zeros((4 * batches, *shape[1:]), "float32")
    model.compile()
    model.fit(pictures, batch_size=4, epochs=epochs, callbacks=[callback], verbose=0)
    return model, callback, measured


def test_training_stops_at_its_time_and_is_measured_on_the_way(tmp_path, clock):
    model, callback, measured = trained(tmp_path, 16, clock)
    assert 16 <= callback.used < 17.1  # it looks once a batch
    assert [point["seconds"] for point in callback.curve] == [2, 4, 8, 16]
    assert measured == [point["images"] for point in callback.curve]
    assert measured[-1] == int(model.images_shown) < 800
    assert all(point["kid"] == 0.5 for point in callback.curve)


def test_the_clock_goes_on_where_it_stopped(tmp_path, clock):
    trained(tmp_path, 16, clock, batches=12)
    kept = json.loads((tmp_path / "processor.json").read_text())
    assert 6 <= kept["used"] < 8 and len(kept["curve"]) == 2
    _, callback, measured = trained(tmp_path, 16, clock)
    assert len(callback.curve) == 4 and len(measured) == 2
    assert callback.used < 17.1


def test_entries_are_those_that_draw_pictures_like_the_data():
    names = benchmark.entries_of("bundled:avatars")
    assert {"dcgan_avatars", "r3gan_avatars", "stylegan2_avatars", "cdcgan_avatars"} <= set(names)
    assert not {"stargan_avatars", "inpainting_avatars", "dcgan_fashion", "dcgan"} & set(names)
    assert "dcgan_fashion" in benchmark.entries_of("bundled:fashion_mnist")


def line(entry, fid, **changes):
    figures = {"kid": 0.1, "precision": 0.5, "recall": 0.4, "density": 0.3, "coverage": 0.2}
    return {
        **{"entry": entry, "source": "bundled:avatars", "seed": 0, "minutes": 20.0, "fid": fid},
        **figures,
        **{"agreement": None, "images": 12_000, "seconds_per_kimg": 1.5, "parameters": 1_000},
        **{"int8": 2_000, "curve": [{"seconds": 60, "kid": 0.2}]},
        **changes,
    }


def test_the_table_is_of_what_was_asked(tmp_path):
    lines = [
        line("gan", 90.0),
        line("cgan", 30.0, agreement=0.5, int8="refused"),
        line("other", 1.0, minutes=5.0),
        line("another", 1.0, source="bundled:fashion_mnist"),
    ]
    path = tmp_path / "zoo.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    results = benchmark.read_results(path, "bundled:avatars", 20.0)
    head, rule, first, second = benchmark.table(results).splitlines()
    assert first.startswith(
        "| `cgan` | 0 | 30.0 | 0.1000 | 0.50 | 0.40 | 0.30 | 0.20 | 50.0% | 12 |"
    )
    assert first.endswith("| refused |") and second.endswith("| 1,000 | 2 |")
    assert head.count("|") == rule.count("|") == first.count("|") == second.count("|")


def test_the_plot_has_a_line_for_each_entry(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    results = {(name, 0): line(name, 1.0) for name in ("gan", "cgan")}
    benchmark.plot(results, tmp_path / "zoo.png")
    assert (tmp_path / "zoo.png").stat().st_size > 1_000


def test_agreement_is_of_models_with_labels():
    assert benchmark.agreement_of(tiny("gan"), "bundled:fashion_mnist") is None


def test_the_size_in_integers_is_that_of_a_file_or_a_refusal(monkeypatch):
    model = tiny("gan")
    monkeypatch.setattr(
        benchmark.export,
        "export_sampling_network",
        lambda model, path, *how, **more: path.write_bytes(b"abc"),
    )
    assert benchmark.int8_size(model) == 3

    def refuse(*how, **more):
        raise benchmark.export.ParityError("too unlike")

    monkeypatch.setattr(benchmark.export, "export_sampling_network", refuse)
    assert benchmark.int8_size(model) == "refused"
