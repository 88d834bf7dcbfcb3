"""Converters talk; their users should hear errors only."""

import contextlib
import logging
import os
import re
import sys
import tempfile
import warnings

from keras_gans.export.formats.base import ExportError

_LOGGERS = ("absl", "tensorflow", "tf2onnx")
# How TensorFlow's and TFLite's C++ mark what is less than an error.
_CHATTER = re.compile(rb"[IW]\d{4} |INFO: |WARNING: |fully_quantize: ")


@contextlib.contextmanager
def quiet():
    """Holds back warnings and notes of converters and runtimes, in Python and in C++.

    Whatever else is written to the standard error meanwhile is passed on when the block ends. If
    it fails, all of it is, unless the reason is one of our own sentences, which says it better.
    """
    with _loggers_at(logging.ERROR), warnings.catch_warnings(), _stderr_held() as show:
        warnings.simplefilter("ignore")
        try:
            yield
        except ExportError:
            show(lambda line: False)
            raise
        except Exception:
            show(lambda line: True)
            raise


@contextlib.contextmanager
def _loggers_at(level):
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(level)
        yield
    finally:
        for logger, level_before in zip(loggers, before, strict=True):
            logger.setLevel(level_before)


@contextlib.contextmanager
def _stderr_held():
    """Holds file descriptor 2, where C++ writes; yields what takes the choice of lines to show."""
    choices = [lambda line: not _CHATTER.match(line)]
    try:
        sys.stderr.flush()
        own = os.dup(2)
    except (AttributeError, OSError, ValueError):  # there is no standard error
        yield choices.append
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield choices.append
        finally:
            with contextlib.suppress(AttributeError, OSError, ValueError):
                sys.stderr.flush()
            os.dup2(own, 2)
            held.seek(0)
            for line in held:
                if choices[-1](line):
                    os.write(own, line)
            os.close(own)
