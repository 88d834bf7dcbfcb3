"""Limits on what models from elsewhere take of the memory."""

import contextlib
import pathlib

import tensorflow as tf

#: Variables of a model from elsewhere; the largest of the zoo have a tenth of it.
MOST_VARIABLES = 4000


@contextlib.contextmanager
def no_larger_than(most, variables=MOST_VARIABLES):
    """Refuses to make variables of more bytes together, before they take any memory.

    Args:
        most: bytes.
        variables: how many may be made, as each takes time however small it is.

    Raises:
        ValueError: where more is asked for.
    """
    total = made = 0

    def counted(make, **kwargs):
        nonlocal total, made
        total, made = total + _size_of(kwargs["initial_value"]), made + 1
        if total > most:
            raise ValueError(f"its weights take more than {most} bytes")
        if made > variables:
            raise ValueError(f"it has more than {variables} variables")
        return make(**kwargs)

    with tf.variable_creator_scope(counted):
        yield


def _size_of(value):
    """Bytes of an initial value, or of what a function of no arguments returns; not computed."""
    if not callable(value):
        return tf.convert_to_tensor(value).shape.num_elements() * tf.as_dtype(value.dtype).size
    try:
        with tf.Graph().as_default():
            made = tf.convert_to_tensor(value())
    except RuntimeError:  # it reads other variables, which in a graph only functions can
        made = tf.function(value).get_concrete_function().outputs[0]
    return made.shape.num_elements() * made.dtype.size


def available():
    """Bytes a process may still take; None where the system does not say."""
    try:
        lines = pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    except (OSError, ValueError):
        return None
    return min(found, default=None)
