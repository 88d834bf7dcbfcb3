"""What `import keras_gans` imports, and that its order among other imports does not matter."""

import pathlib
import subprocess
import sys

import pytest
from fabrication import by_default

import keras_gans

FILE = pathlib.Path(__file__).parent / "golden" / "earlier" / "gan.keras"


def python(script):
    """What a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


@pytest.mark.parametrize(
    "imports",
    [
        ("import keras_gans", "import keras"),
        ("import keras", "import keras_gans"),
        ("import keras_gans", "import tensorflow as tf", "tf.keras", "import keras"),
        ("import tensorflow as tf", "tf.keras", "import keras_gans", "import keras"),
        ("import tensorflow as tf", "import keras_gans", "tf.keras", "import keras"),
    ],
    ids=", ".join,
)
def test_keras_loads_our_models_in_any_order_of_imports(imports):
    load = f"print(type(keras.saving.load_model({str(FILE)!r})).__name__)"
    assert python("\n".join([*imports, load])) == "VanillaGAN"


def test_tf_keras_loads_our_models():
    script = "import keras_gans, tensorflow as tf\n"
    script += f"print(type(tf.keras.models.load_model({str(FILE)!r})).__name__)"
    assert python(script) == "VanillaGAN"


@pytest.mark.parametrize("module", ["keras_gans", "keras_gans.cli"])
def test_importing_it_waits_for_nothing(module):
    """`keras-gans --help` answers at once."""
    script = f"import sys, {module}\nprint(sorted({{'keras', 'tensorflow'}} & set(sys.modules)))"
    assert python(script) == "[]"


# Of every room, and of rooms that are empty themselves one module.
FIRST = sorted(
    {f"keras_gans.{room}" for room in keras_gans.__all__ if room not in ("GAN", "core", "games")}
    | {"keras_gans.core.conditioning", "keras_gans.core.model", "keras_gans.games.adversarial"}
    | {"keras_gans.losses.labels", "keras_gans.utils.checks", "keras_gans.layers.blur"}
)
SOME = ("keras_gans.export", "keras_gans.data", "keras_gans.core.conditioning")
SOME += ("keras_gans.losses.labels", "keras_gans.utils.checks")


@pytest.mark.parametrize("module", by_default(SOME, FIRST))
def test_any_module_may_be_imported_first(module):
    room, name = module.rsplit(".", 1)
    assert python(f"from {room} import {name}\nprint({name}.__name__)") == module
    script = f"import {module}, keras\nfrom keras_gans import zoo\nprint(len(zoo.names()) > 50)"
    assert python(script) == "True"


@pytest.mark.parametrize(
    "module", by_default(SOME[:1], ["keras_gans.export", "keras_gans.data", "keras_gans.web"])
)
def test_a_room_brings_the_zoo_with_it(module):
    load = f"import {module}, keras\n"
    load += f"print(type(keras.saving.load_model({str(FILE)!r})).__name__)"
    assert python(load) == "VanillaGAN"
