"""The family to copy is complete: what every family promises holds of it as it stands."""

import subprocess
import sys

# In a process of its own: importing the file adds an entry to the zoo.
PROMISES = """
import math, sys, keras
import numpy as np
from fabrication import fabricated, tiny
from keras_gans import export, zoo
from keras_gans.zoo import _template

row = zoo.entry("template")
full = row.cls.from_config({"name": "template", **row.config})
counts = {
    name: sum(math.prod(variable.shape) for variable in network.trainable_variables)
    for name, network in full.networks.items()
}
assert counts == row.parameters, counts
model = tiny("template")
history = model.fit(fabricated(model), verbose=0).history
assert set(history) == set(model.logged)
assert model.sample(3, seed=1).shape == (3, 16, 16, 3)
model.save(sys.argv[1] + "/model.keras")
loaded = zoo.load(sys.argv[1] + "/model.keras")
np.testing.assert_array_equal(model.sample(2, seed=1), loaded.sample(2, seed=1))
tiny("template", objective="hinge", r1=0.1, ema_decay=0.9).fit(fabricated(model), verbose=0)
manifest = export.export(model, sys.argv[1] + "/exported", formats=["tflite"])
assert manifest.files[0].max_difference < 1e-4
"""


def test_the_template_keeps_what_every_family_promises(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ":".join(p for p in sys.path if p))
    command = [sys.executable, "-c", PROMISES, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_template_is_not_in_the_zoo():
    from keras_gans import zoo

    assert "template" not in zoo.names()
