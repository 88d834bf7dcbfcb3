"""Names that Keras gives to layers, which count how many of a class the process has made."""

import contextlib

from keras.src.backend.common import global_state

_COUNTS = "object_name_uids"  # where Keras counts


@contextlib.contextmanager
def counted_anew():
    """Layers made inside are numbered from their first, whatever was made before."""
    before = global_state.get_global_attribute(_COUNTS)
    global_state.set_global_attribute(_COUNTS, None)
    try:
        yield
    finally:
        global_state.set_global_attribute(_COUNTS, before)
