"""One file a format: what it can hold, how it is written, run and inspected."""
