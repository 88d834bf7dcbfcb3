"""What becomes of the files of a source: which are left out, and which pictures are changed.

Every loader and translator keeps one `Account`, and says what is in it once, in a sentence for each
kind; the folder of a run holds the whole of it.
"""

import collections
import os

from keras_gans.utils.text import plain_line

#: Kinds of files that are passed over because of their names.
HIDDEN = "hidden"
LITTER = "litter of other systems"
OTHER = "not named like pictures"
SPECIAL = "neither files nor folders"
BESIDE = "beside the folders that are read"

_NAMED = 10


class Account:
    """Files that were left out, pictures that were changed, and remarks.

    Attributes:
        left_out: `{name: reason}` of those that are named one by one.
        passed_over: `{kind: names}` of those that are counted.
        changed: `{kind of change: names of pictures}`.
        remarks: further sentences.
        understood: sentences that say how the source was read, for those who ask.
    """

    def __init__(self):
        self.left_out = {}
        self.passed_over = collections.defaultdict(list)
        self.changed = collections.defaultdict(list)
        self.remarks = []
        self.understood = []

    def leave_out(self, name, reason):
        """Notes a file that cannot be used, by name."""
        self.left_out[plain_line(name)] = plain_line(reason)

    def pass_over(self, kind, name):
        """Notes a file that is not looked at, by kind."""
        if name not in self.passed_over[kind]:
            self.passed_over[kind].append(name)

    def change(self, name, kinds):
        """Notes what is changed of a picture."""
        for kind in kinds:
            self.changed[kind].append(plain_line(name))

    def remark(self, sentence):
        """Notes a sentence, once."""
        if sentence not in self.remarks:
            self.remarks.append(sentence)

    def listing(self):
        """Says in a sentence what was left out and why; nothing where nothing was."""
        total = len(self.left_out) + sum(map(len, self.passed_over.values()))
        if not total:
            return ""
        named = [f"{name} ({why})" for name, why in list(self.left_out.items())[:_NAMED]]
        more = len(self.left_out) - len(named)
        parts = [", ".join(named) + (f" and {more} more" if more else "")] if named else []
        parts += [
            f"{len(names)} {kind}{_examples(kind, names)}"
            for kind, names in self.passed_over.items()
            if names
        ]
        return f"Left out {total}: {'; '.join(parts)}."

    def changes(self):
        """Says in a sentence how many pictures were changed and how; nothing where none was."""
        if not self.changed:
            return ""
        pictures = {name for names in self.changed.values() for name in names}
        kinds = "; ".join(f"{len(names)} {kind}" for kind, names in self.changed.items())
        return f"Changed {len(pictures)}: {kinds}."

    def summary(self):
        """What was left out and changed, in two sentences; nothing where nothing was."""
        return " ".join(filter(None, (self.listing(), self.changes())))

    def lines(self):
        """All of it, a line for each file."""
        told = [f"{name}: left out, {reason}" for name, reason in self.left_out.items()]
        for kind, names in self.passed_over.items():
            told += [f"{plain_line(name)}: left out, {kind}" for name in names]
        for kind, names in self.changed.items():
            told += [f"{name}: {kind}" for name in names]
        return [*told, *self.remarks]


def _examples(kind, names):
    """Which names a count is of: for files of other kinds their suffixes will do."""
    if kind == OTHER:
        shown = [os.path.splitext(name)[1].lower() or os.path.basename(name) for name in names]
    else:
        shown = [os.path.basename(name.rstrip("/")) for name in names]
    shown = list(dict.fromkeys(map(plain_line, shown)))
    return f" ({', '.join(shown[:_NAMED])}{', ...' if len(shown) > _NAMED else ''})"
