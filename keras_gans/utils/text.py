"""The sentence that helps with a misspelt name."""

import difflib


def did_you_mean(name, known):
    """The sentence " Did you mean 'x'?" for the nearest known name; empty where none is near."""
    near = difflib.get_close_matches(str(name), [str(candidate) for candidate in known], n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
