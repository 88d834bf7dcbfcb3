"""What callers tell apart from a source that cannot be read."""


class NoSuchSplitError(ValueError):
    """A source does not have the split it is asked for; nothing is wrong with those it has."""
