"""`recording.py`, `fidelity.py`, `tools/not_run.py`: tests that do not run are named."""

import json
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

HERE = pathlib.Path(__file__).parent

SUITE = """
    import os, pathlib, signal, pytest

    def test_passes(): pass

    @pytest.mark.skip(reason="no disk")
    def test_is_skipped(): pass

    @pytest.fixture
    def program(): pytest.skip("no compiler")

    @pytest.mark.parametrize("size", [1, 2])
    def test_wants_a_fixture(program, size): pass

    @pytest.mark.xfail(strict=True)
    def test_is_known_to_fail(): assert False

    @pytest.mark.skipif("BROKEN" not in os.environ, reason="only where something is broken")
    def test_fails(): assert False

    @pytest.mark.skipif("KILLED" not in os.environ, reason="only where the run is killed")
    def test_kills_the_run():
        shared = "PYTEST_XDIST_WORKER" in os.environ  # then the parent is what writes the record
        os.kill(os.getppid() if shared else os.getpid(), signal.SIGKILL)

    def test_comes_last(): pass
"""


@pytest.fixture
def suite(tmp_path):
    (tmp_path / "test_suite.py").write_text(textwrap.dedent(SUITE))
    (tmp_path / "test_other.py").write_text("import pytest\npytest.importorskip('nowhere')\n")
    return tmp_path


def recorded(folder, *options, **environment):
    """Runs the suite and returns its record, which is a new one for each environment."""
    record = folder / f"record{''.join(environment)}"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment = inherited | {"PYTHONPATH": str(HERE)} | environment
    command = [sys.executable, "-m", "pytest", "-p", "recording", "-o", f"record={record}"]
    command += ["-p", "fidelity", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert record.exists(), done.stdout + done.stderr
    return record


def listed(*records):
    command = [sys.executable, HERE.parent / "tools" / "not_run.py", *records]
    return subprocess.run(command, capture_output=True, text=True)


SKIPPED = [
    "  test_other.py (skipped: could not import 'nowhere': No module named 'nowhere')",
    "  test_suite.py::test_fails (skipped: only where something is broken)",
    "  test_suite.py::test_is_skipped (skipped: no disk)",
    "  test_suite.py::test_kills_the_run (skipped: only where the run is killed)",
    "  test_suite.py::test_wants_a_fixture[1] (skipped: no compiler)",
    "  test_suite.py::test_wants_a_fixture[2] (skipped: no compiler)",
]


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one process", "two"])
def test_skipped_tests_are_named(suite, options):
    record = recorded(suite, *options)
    done = listed(record)
    assert done.returncode == 0
    head, *names = done.stdout.splitlines()
    assert head == "3 tests ran, 6 did not:"
    assert sorted(names) == SKIPPED


def test_a_run_that_is_killed_names_what_it_did_not_reach(suite):
    done = listed(recorded(suite, "-p", "no:xdist", KILLED="1"))
    assert done.returncode == 0
    head, *names = done.stdout.splitlines()
    assert head == "2 tests ran, 7 did not:"
    assert names[-2:] == [
        "  test_suite.py::test_kills_the_run (not reached)",
        "  test_suite.py::test_comes_last (not reached)",
    ]


def test_a_run_of_several_processes_that_is_killed(suite):
    """What they last did may not have come to the one that writes, but what they were to do has."""
    record = recorded(suite, "-n", "1", KILLED="1")
    chosen = {test for what, test, _ in map(json.loads, record.read_text().splitlines())}
    assert len(chosen) == 9
    assert "  test_suite.py::test_comes_last (not reached)" in listed(record).stdout


def test_a_test_that_was_only_chosen_is_named(suite):
    done = listed(recorded(suite, "--collect-only", "-n", "2"))
    assert done.returncode == 0
    assert done.stdout.count("(not reached)") == 8


def test_a_failure_is_named_and_fails(suite):
    done = listed(recorded(suite, BROKEN="1"))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "FAILED test_suite.py::test_fails"


def write(path, *lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_test_that_another_run_ran_did_run(tmp_path):
    one = write(
        tmp_path / "one",
        ("chosen", "test_a.py::test", ""),
        ("skipped", "test_a.py::test", "needs torch"),
        ("skipped", "test_b.py", "needs torch"),
    )
    other = write(
        tmp_path / "other",
        ("ran", "test_a.py::test", ""),
        ("chosen", "test_b.py::test", ""),
        ("ran", "test_b.py::test", ""),
    )
    for records in ((one, other), (other, one)):
        assert listed(*records).stdout == "2 tests ran, 0 did not.\n"
    assert listed(one).stdout.splitlines() == [
        "0 tests ran, 2 did not:",
        "  test_a.py::test (skipped: needs torch)",
        "  test_b.py (skipped: needs torch)",
    ]


def test_a_record_that_breaks_off(tmp_path):
    record = write(tmp_path / "record", ("chosen", "test_a.py::test", ""))
    record.write_text(record.read_text() + '["ran", "test_')
    assert "test_a.py::test (not reached)" in listed(record).stdout


def test_a_fidelity_test_without_its_package(tmp_path):
    """Is skipped with the way to run it, and fails where it is required."""
    (tmp_path / "test_suite.py").write_text(
        "import pytest\n\n@pytest.mark.fidelity('nowhere')\ndef test_of_it(): import nowhere\n"
    )
    assert "(skipped: needs nowhere: make test-fidelity)" in listed(recorded(tmp_path)).stdout
    done = listed(recorded(tmp_path, "--require-references"))
    assert done.returncode == 1 and "FAILED test_suite.py::test_of_it" in done.stdout
