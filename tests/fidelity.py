"""Tests that compare with other packages, which the library does without.

`@pytest.mark.fidelity` names the packages: PyTorch where it names none. The test imports them
itself, so that a package that is there and broken is an error and no skip.
"""

import importlib.util

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--require-references",
        action="store_true",
        help="fail, and do not skip, a fidelity test whose packages are not installed",
    )


def pytest_runtest_setup(item):
    marker = item.get_closest_marker("fidelity")
    packages = (marker.args or ("torch",)) if marker else ()
    missing = [name for name in packages if not importlib.util.find_spec(name)]
    if missing:
        reason = f"needs {', '.join(missing)}: make test-fidelity"
        if item.config.getoption("--require-references"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
