"""Names that Keras gives to layers, which count how many of a class the process has made."""

import collections
import contextlib

from keras.src.backend.common import global_state

_COUNTS = "object_name_uids"  # where Keras counts


@contextlib.contextmanager
def counted_anew(beside=()):
    """Layers made inside are numbered from their first, whatever was made before.

    Args:
        beside: layers and operations whose names are not given again: those of a network that is
            built on inside.
    """
    counts: dict[str, int] = collections.defaultdict(int)
    for operation in beside:
        stem, _, number = operation.name.rpartition("_")
        if not number.isdecimal():
            stem, number = operation.name, "0"
        counts[stem] = max(counts[stem], int(number) + 1)
    before = global_state.get_global_attribute(_COUNTS)
    global_state.set_global_attribute(_COUNTS, counts or None)
    try:
        yield
    finally:
        global_state.set_global_attribute(_COUNTS, before)
