"""Text for people: the sentence that helps with a misspelt name, and what a terminal obeys."""

import difflib
import unicodedata

# What turns the order of letters; what joins them, as scripts need, stays.
_TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def plain(text):
    """Text of which a terminal obeys nothing but the ends of its lines.

    Names in files may hold what moves its cursor, sets its title or turns the order of letters;
    such characters are written as Python writes them.
    """
    return "".join(repr(letter)[1:-1] if _is_obeyed(letter) else letter for letter in str(text))


def plain_line(text):
    """The same on one line: names of files may hold line breaks, or bytes that are not UTF-8."""
    return plain(text).replace("\n", "\\n").replace("\t", "\\t")


def _is_obeyed(letter):
    if letter in "\n\t":
        return False
    is_control = unicodedata.category(letter) in ("Cc", "Cs")
    return is_control or unicodedata.bidirectional(letter) in _TURNING


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
