"""The arrows between the rooms: who may import whom."""

import ast
import pathlib
import re

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "keras_gans"
MODULES = sorted(PACKAGE.rglob("*.py"))

# What each room may import of ours besides itself, lowest first. Some arrows point up and are
# documented, see `UPWARDS`; and `utils`, `web` and `cli` read the package's version.
ALLOWED = {
    "utils": {"version"},
    "layers": {"utils"},
    "losses": set(),
    "penalties": {"losses"},
    "augment": {"utils"},
    "latent": set(),
    "optimizers": {"utils"},
    "core": {"utils", "layers", "export"},
    "games": {"utils", "core", "layers", "losses", "penalties", "augment", "latent"},
    "zoo": {
        *("utils", "core", "games", "layers", "losses", "penalties", "augment", "optimizers"),
        *("latent", "interop", "evaluation"),
    },
    "data": {"utils", "core"},
    "images": {"utils", "core", "data", "latent"},
    "interop": {"utils", "core", "layers", "zoo"},
    "evaluation": {"utils", "core", "data", "interop", "latent"},
    "export": {"utils", "core", "layers", "images", "data"},
    "web": {"utils", "core", "export", "images", "version"},
    "training": {
        *("utils", "core", "layers", "zoo", "data", "images", "evaluation", "export"),
    },
    # The names by which users know what lives in other rooms.
    "callbacks": {"training"},
    "distribution": {"training"},
    "metrics": {"evaluation"},
    "cli": {
        *("zoo", "data", "training", "images", "export", "interop", "evaluation", "web"),
        *("utils", "version"),
        "core",
    },
    "__main__": {"cli"},
    "__init__": {"zoo", "core"},
}


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def ours(path):
    """Rooms a module imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "keras_gans":
                room = parts[1] if len(parts) > 1 else "version"
                yield "version" if room == "__version__" else room


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrows_point_one_way(path):
    room = room_of(path)
    assert room in ALLOWED, f"{room} is a new room: say here what it may know"
    assert set(ours(path)) - {room} <= ALLOWED[room]


# Papers that define themselves as a change of another's game, and keep its networks; EBGAN's and
# ReACGAN's keep the generator.
CHANGES = {
    "dragan": {"dcgan"},
    "ebgan": {"dcgan", "generator"},
    "lsgan": {"dcgan"},
    "reacgan": {"biggan", "generator"},
    "realesrgan": {"esrgan"},
    "wgan": {"dcgan"},
}


@pytest.mark.parametrize("path", sorted((PACKAGE / "zoo").glob("*.py")), ids=lambda p: p.name)
def test_no_family_imports_another(path):
    if path.name == "__init__.py":
        return
    families = {p.stem for p in (PACKAGE / "zoo").glob("*.py")}
    families = {name for name in families if not name.startswith("_")}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("keras_gans.zoo"):
            named = {node.module.split(".")[-1], *(alias.name for alias in node.names)}
            assert not named & (families - {path.stem} - CHANGES.get(path.stem, set()))


# === Modules ===


def module_of(path):
    """A file's dotted name; a package's is that of its `__init__.py`."""
    parts = ("keras_gans", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


BY_NAME = {module_of(path): path for path in MODULES}

# Imports inside a function that may point up, and why.
UPWARDS = {
    # Keras users expect `model.export`.
    ("keras_gans.core.model", "keras_gans.export"),
    # Weights that others have published are read by the readers of others' files.
    ("keras_gans.zoo._weights", "keras_gans.interop.esrgan"),
    # A perceptual loss looks through networks that figures are made with.
    ("keras_gans.zoo._perceptual", "keras_gans.evaluation.features"),
}


def imported(path):
    """(module, name or None) of every import of ours, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "keras_gans":
                    yield alias.name, None
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "keras_gans":
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield (full, None) if full in BY_NAME else (node.module, alias.name)


def imports_between_modules():
    """`{module: modules it imports}`."""
    return {
        name: {
            other
            for other, _ in imported(path)
            if other in BY_NAME and other != name and (name, other) not in UPWARDS
        }
        for name, path in BY_NAME.items()
    }


def circles(graph):
    """Modules that import each other in a circle, sorted; none where there is no circle."""
    left = {name: set(others) for name, others in graph.items()}
    while True:
        ends = {name for name, others in left.items() if not others}
        ends |= set(left) - set().union(*left.values())
        if not ends:
            return sorted(left)
        left = {name: others - ends for name, others in left.items() if name not in ends}


def test_no_modules_import_each_other_in_a_circle():
    """An import inside a function only hides a circle."""
    assert circles(imports_between_modules()) == []


def test_a_circle_would_be_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": set(), "d": {"a"}}) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": set()}) == ["b", "c"]


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_what_is_private_stays_in_its_room(path):
    for module, name in imported(path):
        parts = module.split(".")
        if len(parts) > 1 and parts[1] != room_of(path):
            private = [part for part in (*parts, name or "") if is_private(part)]
            assert not private, f"{module} is another room's own: {private[0]}"


# Modules that ask objects what they have, and whose objects these are: never another room's.
PROBES = {
    "__init__.py": "modules, whether they are half imported; a specification may lack the mark",
    "core/batches.py": "tensors of TensorFlow and PyTorch",
    "core/feeding.py": "whatever a person gives `fit`",
    "core/label_names.py": "arrays and tensors",
    "core/monitoring.py": "callbacks of Keras and of others",
    "core/players.py": "optimizers of Keras",
    "core/saving.py": "the constructor's arguments as attributes of its own",
    "data/decode.py": "images of Pillow",
    "data/tfds.py": "builders of TensorFlow Datasets",
    "export/formats/tflite_format.py": "layers of Keras",
    "export/network.py": "models of Keras",
    "layers/image_pool.py": "variables of TensorFlow's strategies",
    "layers/torch_conv_transpose.py": "stores of Keras",
    "penalties/second_order.py": "models of Keras",
    "training/callbacks/checkpoints.py": "errors of the system",
    "utils/checks.py": "arrays and tensors",
    "web/serving.py": "errors of the system",
}


def probes(path):
    """Whether a module asks by `hasattr`, or by `getattr` for a name that it spells out."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("hasattr", "getattr")
        and (node.func.id == "hasattr" or isinstance(node.args[1], ast.Constant))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_rooms_declare_what_they_ask_each_other_for():
    found = {path.relative_to(PACKAGE).as_posix() for path in MODULES if probes(path)}
    assert found == set(PROBES)


def test_torch_is_never_imported():
    for path in MODULES:
        assert not re.search(r"import torch\b", path.read_text(encoding="utf-8"))
