"""The export room: SavedModel, ONNX and TFLite files, each proven equal to Keras.

    manifest = keras_gans.export.export(model, "exported/")
    manifest = keras_gans.export.Manifest.read("exported/")

`formats/base.py` is the contract of a format, `saved_model.py`, `onnx_format.py` and
`tflite_format.py` beside it are the formats, `network.py` the form all of them are written from,
`parity.py` the proof, `manifest.py` the description, `report.py` shows and measures the files.
"""

from keras_gans.export.export_api import export, export_sampling_network, formats
from keras_gans.export.formats.base import ExportError, UnsupportedOps
from keras_gans.export.manifest import FileRecord, Manifest, TensorRecord
from keras_gans.export.parity import ParityError
from keras_gans.export.report import Measurement, report

__all__ = [
    "ExportError",
    "FileRecord",
    "Manifest",
    "Measurement",
    "ParityError",
    "TensorRecord",
    "UnsupportedOps",
    "export",
    "export_sampling_network",
    "formats",
    "report",
]
