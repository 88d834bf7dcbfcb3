"""The benchmark of one way or both: its table, and what counts as finished."""

import importlib.util
import json
import pathlib

from keras_gans import zoo

PATH = pathlib.Path(__file__).parent.parent / "benchmarks" / "unpaired.py"
spec = importlib.util.spec_from_file_location("unpaired_benchmark", PATH)
benchmark = importlib.util.module_from_spec(spec)
spec.loader.exec_module(benchmark)


def line(row, source="bundled:emoji/styles", **figures):
    return {
        **{"row": row, "source": source, "minutes": 8.0, "steps": 1_200, "milliseconds": 40.5},
        **{"memory": 300, "half": {"kid": 0.2}, "whole": {"kid": 0.1, **figures}},
    }


def test_the_table_is_of_what_was_asked(tmp_path):
    path = tmp_path / "unpaired.jsonl"
    lines = [line("cut"), line("cyclegan", l1=0.5, ssim=0.25), line("fastcut", source="other")]
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    results = benchmark.read_results(path, "bundled:emoji/styles", 8.0)
    assert benchmark.table(results.values()).splitlines()[2:] == [
        "| `cut` | 0.2000 | 0.1000 |  |  | 1,200 | 40.5 | 300 |",
        "| `cyclegan` | 0.2000 | 0.1000 | 0.500 | 0.250 | 1,200 | 40.5 | 300 |",
    ]
    assert not benchmark.read_results(tmp_path / "none", "bundled:emoji/styles", 8.0)


def test_the_generators_are_of_one_size():
    counts = {name: zoo.get(name, **benchmark._SMALL) for name in ("cyclegan", "cut", "fastcut")}
    sizes = {counts["cut"].generator.count_params(), counts["fastcut"].generator.count_params()}
    assert sizes == {counts["cyclegan"].generator_ab.count_params()}
