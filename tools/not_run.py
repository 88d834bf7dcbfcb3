"""Names the tests that did not run.

    python tools/not_run.py RECORD...

Each RECORD is what a run of pytest with `-o record=RECORD` wrote, were it killed or not. A test
that one run skipped and another ran did run. The exit status is 1 where a test failed: a run that
is killed for its time has no exit status of its own to say so.
"""

import argparse
import json
import pathlib
import sys

# What is remembered of a test that several runs speak of is what stands furthest to the right.
RANKS = ("chosen", "skipped", "ran", "failed")


def merged(paths):
    """What became of each test: its id, and what happened with the reason, if it was skipped."""
    tests = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                what, test, why = json.loads(line)
            except json.JSONDecodeError:  # the last line of a run that was killed while it wrote
                continue
            if test not in tests or RANKS.index(what) > RANKS.index(tests[test][0]):
                tests[test] = what, why
    # A module that one environment skips as a whole has tests in another.
    ran = [test for test, (what, _) in tests.items() if what in ("ran", "failed")]
    modules = {test.split("::")[0] for test in ran}
    return {
        test: became
        for test, became in tests.items()
        if became[0] != "skipped" or "::" in test or test not in modules
    }


def report(tests):
    """The lines to print."""
    ran = sum(what in ("ran", "failed") for what, _ in tests.values())
    missing = {test: became for test, became in tests.items() if became[0] in ("chosen", "skipped")}
    yield f"{ran} tests ran, {len(missing)} did not{':' if missing else '.'}"
    for test, (what, why) in missing.items():
        reason = f"skipped: {' '.join(why.split())}" if what == "skipped" else "not reached"
        yield f"  {test} ({reason})"
    for test, (what, _) in tests.items():
        if what == "failed":
            yield f"FAILED {test}"


def main(arguments=None):
    """Prints what did not run, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", metavar="RECORD", nargs="+", type=pathlib.Path)
    tests = merged(parser.parse_args(arguments).records)
    print(*report(tests), sep="\n")
    return int(any(what == "failed" for what, _ in tests.values()))


if __name__ == "__main__":
    sys.exit(main())
