"""The sentence that helps with a misspelt name."""

import difflib


def did_you_mean(name, known, *, cutoff=0.6, ignore_case=False):
    """The sentence " Did you mean 'x'?" for the nearest known name; empty where none is near.

    Args:
        name: what was given.
        known: the names there are.
        cutoff: how near it must be, from 0 to 1 for equal.
        ignore_case: whether "A" and "a" are equal.
    """
    shown = {str(one).lower() if ignore_case else str(one): str(one) for one in known}
    given = str(name).lower() if ignore_case else str(name)
    near = difflib.get_close_matches(given, list(shown), n=1, cutoff=cutoff)
    return f" Did you mean {shown[near[0]]!r}?" if near else ""


def plain(text):
    """A text that a terminal shows letter for letter: what controls it, or is none, is escaped.

    Names of files may hold escape sequences, line breaks, or bytes that are not UTF-8.
    """
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode()
        for one in str(text)
    )
