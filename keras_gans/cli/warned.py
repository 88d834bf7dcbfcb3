"""How the command shows warnings."""

import contextlib
import warnings

from keras_gans.cli.common import complaints, say
from keras_gans.utils.text import plain


@contextlib.contextmanager
def plain_warnings():
    """Shows what is warned of in the block as sentences, each once, without lines of Python.

    Pillow's own warnings name no file, and what is wrong with a file is told otherwise.
    """
    told = set()

    def show(message, category, filename, lineno, file=None, line=None):
        if str(message) not in told:
            told.add(str(message))
            say(f"Note: {plain(message)}", complaints)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        warnings.simplefilter("default", UserWarning, append=True)
        warnings.showwarning = show
        yield
