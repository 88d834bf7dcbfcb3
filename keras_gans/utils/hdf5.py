"""Files of weights from elsewhere: a look through all of HDF5 that could lead or fill anything."""

import math

import h5py

_MOST_OBJECTS = 100_000  # groups and arrays; the largest models have thousands
_MOST_CHUNK = 2**20  # bytes that HDF5 unpacks at once, of an array that has fewer
_SLACK = 2**24  # bytes a file of weights may have beyond the weights
_FILTERS = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE)


def most_of_file(size):
    """Bytes of variables that a file of weights of this size warrants; float16 is half."""
    return 4 * size + _SLACK


def most_in_file(variables):
    """Bytes that a file of these variables may have at most."""
    return sum(math.prod(variable.shape) * 8 for variable in variables) + _SLACK


def check(file, most):
    """Refuses what no file of weights has: links, anything twice, arrays that fill the memory.

    Args:
        file: of HDF5, its path or opened.
        most: bytes all arrays together may have.

    Returns:
        How many arrays there are.

    Raises:
        ValueError: what is wrong with it.
    """
    arrays = total = 0
    with h5py.File(file, "r") as opened:
        seen = {_address(opened)}
        groups = [opened["/"]]
        while groups:
            group = groups.pop()
            _check_attributes(group)
            for name in group:
                item = _member(group, name, seen)
                if isinstance(item, h5py.Group):
                    groups.append(item)
                    continue
                _check_attributes(item)
                _check_array(item)
                arrays, total = arrays + 1, total + item.nbytes
                if total > most:
                    raise ValueError(f"its arrays take more than {most} bytes")
    return arrays


def _address(item):
    return h5py.h5o.get_info(item.id).addr


def _member(group, name, seen):
    """What a group has under a name, seen for the first time."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{group.name}/{name} is a link to elsewhere")
    item = group[name]
    if not isinstance(item, (h5py.Group, h5py.Dataset)):
        raise ValueError(f"{item.name} is neither a group nor an array")
    if _address(item) in seen:
        raise ValueError(f"{item.name} is there twice")
    seen.add(_address(item))
    if len(seen) > _MOST_OBJECTS:
        raise ValueError(f"it holds more than {_MOST_OBJECTS} groups and arrays")
    return item


def _check_array(item):
    if item.is_virtual or item.external:
        raise ValueError(f"{item.name} lies in another file")
    if item.dtype.kind not in "biuf":  # texts and lists take what they like, wherever it lies
        raise ValueError(f"{item.name} holds {item.dtype}, not numbers")
    how = item.id.get_create_plist()
    filters = [how.get_filter(number)[0] for number in range(how.get_nfilters())]
    if len(set(filters)) < len(filters) or not set(filters) <= set(_FILTERS):
        raise ValueError(f"{item.name} is packed in a way in which no weights are written")
    # A chunk is unpacked whole, however small the array in it is.
    chunk = math.prod(item.chunks or ()) * item.dtype.itemsize
    if filters and chunk > max(item.nbytes, _MOST_CHUNK):
        raise ValueError(f"{item.name} is packed into a chunk of {chunk} bytes")


def _check_attributes(item):
    """Refuses attributes other than single short values, which is what Keras writes."""
    for name in item.attrs:
        attribute = item.attrs.get_id(name)
        if math.prod(attribute.shape or ()) > 1:
            raise ValueError(f"the attribute {name!r} of {item.name} is no single value")
