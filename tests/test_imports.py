"""What `import keras_gans` imports, and that its order among other imports does not matter."""

import pathlib
import subprocess
import sys

import pytest

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
