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


# === What importers refuse ===


def check_overrides(path, sizes, overrides):
    """Refuses arguments that a file determines otherwise.

    Args:
        path: of the file.
        sizes: constructor arguments read off it.
        overrides: those that were asked for.

    Raises:
        ValueError: naming the first that differs.
    """
    for argument, value in sizes.items():
        if argument in overrides and overrides[argument] != value:
            raise ValueError(
                f"{path} determines `{argument}`, {value!r}: leave it out. Received: "
                f"{argument}={overrides[argument]!r}"
            )


def check_only_generator(name, network):
    """Refuses any other network than the generator where files hold no other.

    Raises:
        ValueError: naming what was asked for.
    """
    if network not in (None, "generator", ["generator"]):
        raise ValueError(
            f"Only the generator is imported for {name}. Received: network={network!r}"
        )


def refuse_misfits(sentence, missing, unexpected, wrong):
    """Refuses a file whose tensors do not fit; each list has a text for each tensor.

    Raises:
        ValueError: the sentence, and a line for each kind that there is.
    """
    kinds = {
        "Missing": missing,
        "Unexpected": unexpected,
        "Of another shape or type": wrong,
    }
    lines = [f"{kind}: {listed(tensors, '; ')}." for kind, tensors in kinds.items() if tensors]
    if lines:
        raise ValueError("\n".join([sentence, *lines]))


def refuse_not_finite(path, broken):
    """Refuses a file by the names of its tensors that are not finite; without any it does nothing.

    Raises:
        ValueError: naming them.
    """
    if broken:
        raise ValueError(
            f"{path} holds NaN or infinite numbers: its training diverged. Take an earlier "
            f"checkpoint. They are in: {listed(broken)}."
        )
