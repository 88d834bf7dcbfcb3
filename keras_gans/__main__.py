"""`python -m keras_gans` is the `keras-gans` command."""

from keras_gans.cli import main

main()
