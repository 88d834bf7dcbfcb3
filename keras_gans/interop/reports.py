"""What importers share: where they write, and how they say what they took."""

import dataclasses
import pathlib

_MAX_LISTED = 5  # tensors of a kind in an error; the others are counted


@dataclasses.dataclass(frozen=True)
class Imported:
    """Where a network's weights come from.

    Attributes:
        path: of the checkpoint.
        guessed: whether the file's name left open which network it holds.
        tensors: how many were copied.
        ignored: names of bookkeeping tensors that were not.
        notes: what was made up for, in words, as the file lacks it.
    """

    path: str
    guessed: bool
    tensors: int
    ignored: tuple[str, ...]
    notes: tuple[str, ...] = ()


def checked_output(output, overwrite):
    """The path of a `.keras` file that may be written, or None."""
    if output is None:
        return None
    output = pathlib.Path(output)
    if output.suffix != ".keras":
        raise ValueError(f"`output` must end in .keras. Received: {output}")
    if output.is_dir() or (output.exists() and not overwrite):
        raise FileExistsError(f"{output} exists. Choose another, or replace it: `overwrite=True`.")
    return output


def listed(names, between=", "):
    """The first few of the names, and how many there are besides."""
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return between.join(map(_plain, names[:_MAX_LISTED])) + more


def _plain(text):
    """A file's text for a terminal: nothing in it is obeyed, and it ends somewhere."""
    return repr(str(text))[1:-1][:300]
