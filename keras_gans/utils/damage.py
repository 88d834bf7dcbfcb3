"""What readers raise when a file is not what it says; none of it is a sentence for people."""

import csv
import struct
import zlib

#: Errors of files that are damaged, or made to be; `OSError` and `ValueError` are others' too.
DAMAGE = (
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,  # of keys and places
    MemoryError,
    RecursionError,
    csv.Error,
    struct.error,
    zlib.error,
)
