"""Pictures for people: grids, and files translated from one folder to another."""

from keras_gans.images import grids as grids
from keras_gans.images import translate_files as translate_files
