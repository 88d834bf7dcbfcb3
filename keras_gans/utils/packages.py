"""Where installed packages lie, without importing them."""

import importlib.util
import pathlib


def folder_of(package):
    """The folder of an installed package, nothing of which is run; None where there is none."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return None
    return pathlib.Path(found.origin).parent
