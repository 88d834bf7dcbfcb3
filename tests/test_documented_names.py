"""Every name that documents, docstrings and messages give resolves after `import keras_gans`."""

import ast
import json
import pathlib
import re
import subprocess
import sys

HOME = pathlib.Path(__file__).parent.parent
NAME = re.compile(r"\bkeras_gans(?:\.[A-Za-z_]\w*)+")

# Names are resolved one by one, each as if it were the first: the import of one module makes
# others attributes of their packages.
RESOLVE = """
import json, sys

import keras

names, broken = json.load(sys.stdin), []
for name in names:
    for module in [m for m in sys.modules if m.split(".")[0] == "keras_gans"]:
        del sys.modules[module]
    import keras_gans

    found = keras_gans
    try:
        for part in name.split(".")[1:]:
            found = getattr(found, part)
    except AttributeError as error:
        broken.append(f"{name}: {error}")
print("BROKEN", json.dumps(broken))
"""


def documents():
    """(file, its text for readers): documents as they are, of code the strings."""
    for path in [HOME / "README.md", *sorted((HOME / "docs").glob("*.md"))]:
        yield path, path.read_text(encoding="utf-8")
    for path in sorted((HOME / "keras_gans").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        strings = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        yield path, "\n".join(strings)


def test_documented_names_resolve():
    places = {}
    for path, text in documents():
        for name in NAME.findall(re.sub(r"(?m)^\s*(from|import) keras_gans.*$", "", text)):
            places.setdefault(name, str(path.relative_to(HOME)))
    assert "keras_gans.data.load" in places
    done = subprocess.run(
        [sys.executable, "-c", RESOLVE],
        input=json.dumps(sorted(places)),
        capture_output=True,
        text=True,
        cwd=HOME,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    broken = json.loads(done.stdout.rpartition("BROKEN ")[2])
    assert not broken, "\n".join(f"{places[line.partition(':')[0]]}: {line}" for line in broken)
