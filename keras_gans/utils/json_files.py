"""JSON from outside: read within bounds, and looked at before anything is made of it."""

import json

from keras_gans.utils.files import UnfitFileError, open_plain

_DEEPEST = 64  # objects and lists inside each other
_MOST = 2**20  # bytes, where not said otherwise


def read_json(path, shape=object, *, most=_MOST, follow=False):
    """What a file of JSON holds, if it is of the shape it must have.

    Args:
        path: of the file.
        shape: what it must hold. A type; `None`; `[shape]`, a list of such; `{str: shape}`, an
            object of such under any names; `{"name": shape, "other?": shape}`, an object with these
            names, those with a ? where they are there; a tuple, one of its shapes. Whole numbers
            are no truth values; `float` is any number.
        most: bytes the file may have.
        follow: as of `open_plain`.

    Raises:
        UnfitFileError: for what is no plain file, no JSON, or of another shape; says where.
        OSError: where there is no such file, or it cannot be read.
    """
    with open_plain(path, most, follow=follow) as file:
        return parse_json(file.read(most + 1), path, shape)


def parse_json(content, source, shape=object):
    """The same of text or bytes; `source` is named in messages."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnfitFileError(f"{source} is no readable JSON: {error}.") from None
    if _depth(value) > _DEEPEST:
        raise UnfitFileError(f"{source} is no JSON of ours: it is nested too deep.")
    check_shape(value, source, shape)
    return value


def check_shape(value, source, shape):
    """Refuses what was read where it is of another shape."""
    if wrong := _mismatch(value, shape, ""):
        raise UnfitFileError(f"{source} is damaged: {wrong}.")


def _depth(value):
    """How deep lists and objects lie inside each other; one more than the bound where deeper."""
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        depth += 1
    return depth


def _mismatch(value, shape, place):
    """What is not as it must be, in words, or None."""
    if isinstance(shape, tuple):
        wrong = [_mismatch(value, one, place) for one in shape]
        return None if None in wrong else wrong[0]
    if isinstance(shape, list) and isinstance(value, list):
        parts = [(one, shape[0], f"{place}[{number}]") for number, one in enumerate(value)]
    elif isinstance(shape, dict) and isinstance(value, dict):
        parts = _named_parts(value, shape, place)
    else:
        return None if _is(value, shape) else _said(value, shape, place or "it")
    return next(filter(None, (_mismatch(*part) for part in parts)), None)


def _said(value, shape, place):
    return f"{place} is {_kind(value)}, not {_word(shape)}"


_ABSENT = object()


def _named_parts(value, shape, place):
    """`(value, shape, place)` of each member of an object that is to be looked at."""
    if str in shape:
        return [(one, shape[str], _at(place, name)) for name, one in value.items()]
    return [
        (value.get(name.rstrip("?"), _ABSENT), one, _at(place, name.rstrip("?")))
        for name, one in shape.items()
        if not name.endswith("?") or name[:-1] in value
    ]


def _at(place, name):
    return f"{place}.{name}" if place else str(name)[:80]


def _is(value, shape):
    if shape is None:
        return value is None
    if not isinstance(shape, type) or value is _ABSENT:
        return False
    if isinstance(value, bool):
        return shape in (bool, object)
    return isinstance(value, (int, float) if shape is float else shape)


_WORDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "null",
    object: "anything",
}


def _word(shape):
    return _WORDS[shape if isinstance(shape, type) else type(shape)]


def _kind(value):
    return "missing" if value is _ABSENT else _WORDS[type(value)]
