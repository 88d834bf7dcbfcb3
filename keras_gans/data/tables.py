"""Labels beside the pictures of a folder: `attributes.csv` or `attributes.json`.

attributes.csv          a header `file,NAME,NAME...`, then a line for each picture
attributes.json         {file: {NAME: value}}
list_attr_celeba.txt    as CelebA is published: the count, the names of the attributes, then a line
                        for each picture, with spaces between; or list_attr_celeba.csv

`file` (or `image_id` and its like) is a picture's path inside the folder, or its name alone where
no other picture has it. Semicolons or tabs may stand for commas. Texts are UTF-8, UTF-16 with its
mark, or else Windows-1252. A column of 0 and 1, or of -1 and 1, is an attribute; a column without
numbers is a head, whose classes are its words. Only columns that are learned need to be one or the
other. Rows of pictures that are not in the folder are passed over and counted.
"""

import array
import codecs
import csv
import io
import json
import pathlib
import re

import numpy as np

from keras_gans.utils.text import plain_line

#: Of no larger table; CelebA's, of 202,599 pictures and 40 attributes, takes a third of it.
LARGEST = 2**26

NAMES = ("attributes.csv", "attributes.json", "list_attr_celeba.txt", "list_attr_celeba.csv")

# How the column of pictures may be called, in small letters.
_FILE = ("file", "image_id", "filename", "file_name", "image", "path")
_DELIMITERS = ",;\t"
# Cells of a table at most: CelebA has 8 million.
_MOST_CELLS = 2**25
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?")
_NAMED = 3
_SHOWN = 10


def find(root, name):
    """The table in a folder, a path; None where there is none.

    Args:
        root: the folder, a path.
        name: of the folder, for messages.

    Raises:
        ValueError: for two, or a link that leaves the folder.
    """
    found = [root / table for table in NAMES if (root / table).is_file()]
    if len(found) > 1:
        both = " and ".join(path.name for path in found)
        raise ValueError(f"{name} has both {both}. Keep the one that is right.")
    for path in found:
        if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
            raise ValueError(f"{name}: {path.name} is a link that leaves the folder. Copy it.")
    return found[0] if found else None


def not_read(root):
    """A sentence on tables in or just below a folder that have another name or place, or ""."""
    others = [path for path in (*root.glob("*.[ct]sv"), *root.glob("*/*")) if _is_like(path)]
    if not others:
        return ""
    shown = plain_line(", ".join(str(path.relative_to(root)) for path in sorted(others)[:_NAMED]))
    return f" {shown} is not read: tables lie in the folder itself, under that name."


def _is_like(path):
    return path.suffix in (".csv", ".tsv") or path.name in NAMES


class Table:
    """What a table says of the pictures of a folder.

    Attributes:
        remark: what `rows_of` passed over, a sentence; "" for nothing.

    Args:
        path: of the table.
        name: of the folder, for messages.

    Raises:
        ValueError: for a table that cannot be read, naming the line.
    """

    def __init__(self, path, name):
        self.name, self._path = f"{name}: {path.name}", path
        self._rows: dict = {}
        self._lines: list = []
        self._columns: dict = {}
        self.remark = ""
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{self.name} takes more than {LARGEST // 2**20} MiB.")
        text = self._decoded(path.read_bytes())
        self._read_json(text) if path.suffix == ".json" else self._read_csv(text)
        if not self._rows:
            raise ValueError(f"{self.name} says nothing of any picture.")

    @property
    def columns(self):
        """The names of all columns."""
        return tuple(self._columns)

    @property
    def heads(self):
        """`{name: its classes, sorted}` of the columns without numbers."""
        return {
            name: tuple(sorted(column.words))
            for name, column in self._columns.items()
            if not any(map(_is_number, column.words))
        }

    @property
    def attributes(self):
        """The names of the columns with numbers."""
        return tuple(
            name for name, column in self._columns.items() if any(map(_is_number, column.words))
        )

    def head(self, name, rows):
        """The numbers of the classes of pictures, int32 (N,).

        Raises:
            ValueError: for a picture without one, naming the line.
        """
        column = self._columns[name]
        if "" in column.words:
            raise self._error(column.first(""), f"{name!r} is empty. Give it a class")
        order = {word: number for number, word in enumerate(sorted(column.words))}
        return column.values(order)[rows]

    def attribute(self, name, rows):
        """0 or 1 for each picture, int32 (N,).

        Raises:
            ValueError: for other values, naming the line.
        """
        column = self._columns[name]
        values = {word: float(word) for word in column.words if _is_number(word)}
        for word in column.words:
            if values.get(word) not in (-1, 0, 1):
                raise self._error(
                    column.first(word),
                    f"{name!r} is {word!r}. An attribute is 0 or 1, or -1 or 1; a column of "
                    "classes has no numbers",
                )
        if {-1, 0} <= set(values.values()):
            word = next(word for word, value in values.items() if value == -1)
            raise self._error(
                column.first(word), f"{name!r} is {word}, but 0 elsewhere. Use 0 and 1 throughout"
            )
        return column.values({word: int(value == 1) for word, value in values.items()})[rows]

    def rows_of(self, pictures, others=()):
        """The row of each picture.

        Args:
            pictures: paths inside the folder, with forward slashes.
            others: further pictures the table may speak of.

        Returns:
            int64 (N,)

        Raises:
            ValueError: for a picture without a row, naming some; and where no row has a picture.
        """
        known = {*pictures, *others}
        places = _by_name(known)
        found: dict = {}
        without = []
        for picture, row in self._rows.items():
            place = picture if picture in known else places.get(picture)
            if place is None:
                without.append(picture)
            elif place in found:
                first = self._lines[found[place]]
                raise self._error(row, f"{picture!r} was on line {first} already. Keep one of them")
            else:
                found[place] = row
        if not found:
            raise self._error(
                0,
                f"there is no picture {without[0]!r} in the folder, and no other of this table's. "
                "Paths are those inside the folder, such as 'faces/1.png'",
            )
        if without:
            self.remark = (
                f"{self._path.name} has {len(without)} of {len(self._rows)} rows without a picture "
                f"in the folder ({plain_line(', '.join(without[:_NAMED]))}"
                f"{', ...' if len(without) > _NAMED else ''})."
            )
        missing = [picture for picture in pictures if picture not in found]
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            raise ValueError(
                f"{self.name} has no row for {', '.join(missing[:_NAMED])}{more}. Add "
                f"{'it' if len(missing) == 1 else 'them'} after line {max(self._lines)}, or move "
                "the pictures elsewhere."
            )
        return np.array([found[picture] for picture in pictures], np.int64)

    # === Reading ===

    def _decoded(self, content):
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encodings = ["utf-16"]
        else:
            encodings = ["utf-8-sig", "cp1252"]
        for encoding in encodings:
            try:
                return content.decode(encoding)
            except UnicodeDecodeError as error:
                line = content[: error.start].count(b"\n") + 1
        raise self._error_at(line, f"not {' or '.join(encodings)}. Save it as UTF-8")

    def _read_csv(self, text):
        if self._path.suffix == ".txt":
            text = _as_csv(text)
        first = text[: text.find("\n")] if "\n" in text else text
        delimiter = max(_DELIMITERS, key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
        try:
            header = next(reader, [])
            self._begin([name.strip() for name in header])
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise self._error_at(
                        reader.line_num, f"{len(cells)} values under {len(header)} headings"
                    )
                self._add(reader.line_num, cells[0], [cell.strip() for cell in cells[1:]])
        except csv.Error as error:
            raise self._error_at(reader.line_num, f"not CSV ({error})") from None

    def _begin(self, header):
        if not header or header[0].lower() not in _FILE or len(header) < 2:
            raise self._error_at(
                1,
                f"the first line must be the heading {_FILE[0]!r} (or {', '.join(_FILE[1:])}) and "
                f"the names of the columns, with commas between. Received: "
                f"{','.join(header)[:80]!r}",
            )
        seen = set()
        for name in header:
            if not name or name in seen:
                raise self._error_at(1, f"the heading {name!r} is empty or there twice")
            seen.add(name)
        self._columns = {name: _Column() for name in header[1:]}

    def _read_json(self, text):
        # What is parsed takes fifty times as much as its text where names are short.
        if text.count(":") > _MOST_CELLS // 8:
            raise ValueError(
                f"{self.name} has more than {_MOST_CELLS // 8} values. Write it as {NAMES[0]}."
            )
        try:
            pairs = json.loads(text, object_pairs_hook=_Pairs)
        except json.JSONDecodeError as error:
            raise self._error_at(error.lineno, f"not JSON ({error.msg})") from None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{self.name} is not JSON that can be read: {error}.") from None
        if not isinstance(pairs, _Pairs) or not all(isinstance(v, _Pairs) for _, v in pairs):
            raise ValueError(
                f'{self.name} must be an object of objects: {{"1.png": {{"smiling": 1}}, ...}}.'
            )
        places = _Places(text)
        self._columns = {name: _Column() for name, _ in (pairs[0][1] if pairs else ())}
        for picture, values in pairs:
            line = places.line_of(picture)
            named = dict(values)
            if not named or len(named) < len(values) or set(named) != set(self._columns):
                has = _some([name for name, _ in values])
                raise self._error_at(
                    line,
                    f"{picture!r} has {has or 'nothing'}. Every picture must have once each: "
                    f"{_some(self._columns)}",
                )
            cells = [_as_cell(named[name]) for name in self._columns]
            if None in cells:
                name = list(self._columns)[cells.index(None)]
                raise self._error_at(line, f"{name!r} of {picture!r} is no number and no text")
            self._add(line, picture, cells)

    def _add(self, line, picture, cells):
        if (len(self._lines) + 1) * len(self._columns) > _MOST_CELLS:
            raise self._error_at(line, f"more than {_MOST_CELLS} values. Leave columns out")
        path = pathlib.PurePosixPath(picture.strip())
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise self._error_at(line, f"{picture!r} is not a path inside the folder")
        if str(path) in self._rows:
            first = self._lines[self._rows[str(path)]]
            raise self._error_at(line, f"{picture!r} was on line {first} already. Keep one of them")
        self._rows[str(path)] = len(self._lines)
        self._lines.append(line)
        for column, cell in zip(self._columns.values(), cells, strict=True):
            column.add(cell)

    def _error(self, row, text):
        return self._error_at(self._lines[row], text)

    def _error_at(self, line, text):
        return ValueError(f"{self.name}, line {line}: {plain_line(text)}.")


class _Column:
    """One column, each of its words kept once."""

    def __init__(self):
        self.words = {}  # and their numbers, in order of appearance
        self._numbers = array.array("i")

    def add(self, word):
        self._numbers.append(self.words.setdefault(word, len(self.words)))

    def first(self, word):
        """The first row that has a word."""
        return self._numbers.index(self.words[word])

    def values(self, value_of):
        """int32 (rows,), by the value of each word."""
        values = np.array([value_of[word] for word in self.words], np.int32)
        return values[np.frombuffer(self._numbers, np.int32)]


class _Pairs(list):
    """A JSON object as its pairs, so that what is there twice is seen."""


class _Places:
    """The lines of a JSON text on which its outer keys stand, asked for in their order."""

    _FURTHEST = 2**16  # from one key to the next; looking on for ever would take for ever

    def __init__(self, text):
        self._text, self._at, self._line = text, 0, 1

    def line_of(self, key):
        """The line of a key, or of the last one found where it is written in an unusual way."""
        end = self._at + self._FURTHEST
        forms = (json.dumps(key, ensure_ascii=escaped) for escaped in (False, True))
        found = [at for form in forms if (at := self._text.find(form, self._at, end)) >= 0]
        if found:
            self._line += self._text.count("\n", self._at, min(found))
            self._at = min(found) + 1
        return self._line


def _as_csv(text):
    """CelebA's list as CSV: a count of pictures, names of attributes, a line for each picture."""
    lines = text.splitlines()
    # In the place of the count, so that lines keep their numbers.
    header = ["file", *(lines[1].split() if len(lines) > 1 else ())]
    rows = [header, [], *(line.split() for line in lines[2:])]
    return "\n".join(map(",".join, rows))


def _by_name(paths):
    """`{name: path}` of the pictures whose name no other has."""
    places: dict = {}
    for path in paths:
        name = path.rsplit("/", 1)[-1]
        places[name] = None if name in places else path
    return places


def _some(names):
    """The first names of many."""
    names = list(names)
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _as_cell(value):
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (int, float, str)):
        return str(value).strip()
    return None


def _is_number(word):
    return bool(_NUMBER.fullmatch(word))
