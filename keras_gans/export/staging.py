"""Nothing half-written is ever seen: write beside the target, then rename."""

import contextlib
import os
import secrets
import shutil
from pathlib import Path


@contextlib.contextmanager
def staged(target):
    """Yields a path to write to; it becomes `target` if the block succeeds, else vanishes.

    The path has the target's name, in a hidden folder beside the target and so on the same disk,
    where a rename is atomic. What was at the target stays until the new one is complete.

    Args:
        target: absolute path of a file or folder.

    Raises:
        OSError: if nothing can be written there, saying so.
    """
    created = []
    workspace = target.parent / f".{target.name}.partial-{secrets.token_hex(4)}"
    try:
        try:
            _make_parents(target, created)
            workspace.mkdir()  # not by tempfile, whose folders nobody else may read
        except OSError as error:
            raise type(error)(
                f"Cannot write to {target.parent}: {error.strerror}. Choose another place."
            ) from None
        yield workspace / target.name
        _swap(workspace / target.name, target, workspace / "replaced")
    except BaseException:
        shutil.rmtree(workspace, ignore_errors=True)
        for folder in reversed(created):
            with contextlib.suppress(OSError):  # somebody else uses it by now
                folder.rmdir()
        raise
    shutil.rmtree(workspace, ignore_errors=True)


def resolve(path):
    """Absolute path; a link is followed, so that what it points to is replaced, not the link."""
    return Path(path).expanduser().resolve()


def remove(path):
    """Removes a file or a folder with all it holds."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _make_parents(target, created):
    for folder in reversed(target.parents):
        if not folder.exists():
            folder.mkdir()
            created.append(folder)


def _swap(new, target, replaced):
    if not target.is_dir():
        os.replace(new, target)
        return
    try:
        os.rename(target, replaced)  # a full folder cannot be renamed over
        os.rename(new, target)
    except BaseException:
        if replaced.exists() and not target.exists():
            os.rename(replaced, target)
        raise
