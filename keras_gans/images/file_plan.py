"""Which files become which: names that keep a folder's structure and replace no source."""

import collections
import pathlib
from collections.abc import Callable

from keras_gans.data.account import Account
from keras_gans.data.decode import FORMAT_NAMES, SUFFIXES, UnreadableError
from keras_gans.data.walking import walk
from keras_gans.utils.text import plain_line

#: Pairs on a sheet, at most.
SHEET_ROWS = 16
#: Name of the sheet among what is written.
SHEET = "sheet.png"
#: What a file of one picture may be called; all others are folders.
WRITTEN = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})


def _png(path: pathlib.Path) -> str:
    return ".png"


def plan(
    path,
    output,
    overwrite=False,
    sheet=False,
    account=None,
    *,
    made="translation",
    suffix_of: Callable[[pathlib.Path], str] = _png,
    suffixes=SUFFIXES,
    written=WRITTEN,
):
    """Which files will become which; nothing is written.

    Args:
        path: a file, or a folder, looked through with all it holds but `output`, where that lies
            inside.
        output: folder for what is made, which keeps the files' names with another suffix, in place
            of their own or, where two would have one name, after it; or, of one file, the file
            itself, where it is named like one.
        overwrite: replace files that are there already.
        sheet: a sheet will lie beside them, see `sheet_beside`.
        account: an `Account`, of what of the folder is left out.
        made: the word for what a file becomes.
        suffix_of: what the suffix of a file's result is; raises `UnreadableError` for one that has
            none, which is left out of a folder.
        suffixes: of the files that are looked for in a folder.
        written: suffixes by which `output` is a file.

    Returns:
        A list of (source, target) paths.

    Raises:
        ValueError: if there is no picture, two would have one name, or a picture would be replaced.
        FileExistsError: if a target exists and `overwrite` is not set.
    """
    path, output = pathlib.Path(path), pathlib.Path(output)
    account = Account() if account is None else account
    is_file = is_file_name(output, written)
    if path.is_dir():
        if is_file:
            raise ValueError(
                f"{output} is named like a picture, but the {made}s of {path} are many: give "
                "a folder as --output."
            )
        files = _named(_pictures(path, output, account, suffixes), suffix_of, account)
        pairs = _into(output, path, files)
    elif path.is_file():
        try:
            suffix = suffix_of(path)
        except UnreadableError as error:
            raise ValueError(f"{path} cannot be used: {plain_line(error)}.") from None
        pairs = [(path, output if is_file else output / f"{path.stem}{suffix}")]
    elif path.exists() or path.is_symlink():
        raise ValueError(f"{path} is neither a picture nor a folder of pictures.")
    else:
        raise ValueError(f"There is no file or folder {path}.")
    if not pairs:
        raise ValueError(f"{path} holds no pictures ({FORMAT_NAMES}). {account.listing()}".rstrip())
    _check_targets(pairs, overwrite, made)
    if sheet:
        _check_sheet(pairs, sheet_beside(output, written), overwrite, made)
    return pairs


def _named(files, suffix_of, account):
    """`{file: suffix of its result}` of the files that have one."""
    found = {}
    for file in files:
        try:
            found[file] = suffix_of(file)
        except UnreadableError as error:
            account.leave_out(str(file), str(error))
    return found


def _into(output, root, files):
    """The target of each file below `root`."""
    short = [output / file.relative_to(root).with_suffix(suffix) for file, suffix in files.items()]
    count = collections.Counter(short)
    return [
        (file, target if count[target] == 1 else target.with_name(file.name + suffix))
        for (file, suffix), target in zip(files.items(), short, strict=True)
    ]


def is_file_name(output, written=WRITTEN):
    """Whether a place for what is made is a file, by its name."""
    return output.suffix.lower() in written and not output.is_dir()


def sheet_beside(output, written=WRITTEN):
    """Path of the sheet: among what is made, or beside the only one."""
    return (output.parent if is_file_name(output, written) else output) / SHEET


def _pictures(path, output, account, suffixes):
    """The pictures below a folder, without what was made in a folder inside it."""
    root, out = path.resolve(), output.resolve()
    files = [pathlib.Path(file.path) for file in walk(path, path, account, suffixes=suffixes)]
    if out != root and out.is_relative_to(root):
        files = [file for file in files if not file.parent.resolve().is_relative_to(out)]
    return files


def _check_targets(pairs, overwrite, made):
    taken: dict[pathlib.Path, pathlib.Path] = {}
    sources = {source.resolve(): source for source, _ in pairs}
    for source, target in pairs:
        if target in taken:
            raise ValueError(
                plain_line(f"{taken[target]} and {source} would both become {target}.")
                + " Rename one of them."
            )
        if replaced := sources.get(target.resolve()):
            by = f"its {made}" if replaced == source else f"the {made} of {source}"
            raise ValueError(
                f"{plain_line(f'{replaced} would be replaced by {by}')}: use another --output."
            )
        if target.exists() and not overwrite:
            raise FileExistsError(f"{plain_line(target)} exists. Use --overwrite to replace it.")
        taken[target] = source


def _check_sheet(pairs, sheet, overwrite, made):
    for source, target in pairs:
        if sheet.resolve() in (source.resolve(), target.resolve()):
            raise ValueError(
                f"The sheet would replace {sheet}, {plain_line(source)} or its {made}. Rename "
                f"{plain_line(source)}, or leave out --sheet."
            )
    if sheet.exists() and not overwrite:
        raise FileExistsError(f"{sheet} exists. Use --overwrite to replace it.")
