"""Messages of the library, which name arguments as Python does, in the spelling of the command."""

import re

#: Arguments of the library that the command's options have other names for.
_NAMES = {"source": "data", "names": "metrics", "overrides": "settings", "heads": "head"}
_NAMES |= {"attributes": "attribute", "labels": "label"}

_CALL = re.compile(r"`?zoo\.get\(\.\.\., (\w+=(?:\([^)]*\)|\[[^\]]*\]|[^()\s]*))\)`?")
_VALUE = re.compile(
    r"(?<![\w.-])(?<!--set )(\w+)=(\([^)]*\)|\[[^\]]*\]|'[^']*'|[^\s,;:()`]*[^\s,;:()`.])"
)
_NAME = re.compile(r"`(\w+)`")


_running: dict[str, str] = {}


def of_verb(parameters):
    """Notes the options of the verb that runs.

    Args:
        parameters: of its command, each with `name` and `opts`.
    """
    options = {parameter.name: max(parameter.opts, key=len) for parameter in parameters}
    _running.clear()
    _running.update({n: option for n, option in options.items() if option.startswith("--")})
    _running.update({ours: _running[t] for ours, t in _NAMES.items() if t in _running})


def as_options(text):
    """A message with options in place of Python's arguments: `--batch-size`, `--set packing=2`.

    What is an option of the verb that runs becomes that, arguments of models become `--set`, where
    the verb takes it; all else stays.
    """
    of_models = _arguments_of_models() if "settings" in _running else ()

    def spelled(name, value=None):
        if name in _running:
            return _running[name] if value is None else f"{_running[name]} {value}"
        if name in of_models:
            return f"--set {name}" if value is None else f"--set {name}={value}"
        return None

    if of_models:
        text = _CALL.sub(lambda found: f"--set {found[1]}", text)
    text = _VALUE.sub(lambda found: spelled(found[1], found[2]) or found[0], text)
    return _NAME.sub(lambda found: (new := spelled(found[1])) and f"`{new}`" or found[0], text)


def _arguments_of_models():
    from keras_gans import zoo
    from keras_gans.core.saving import constructor_arguments

    classes = {zoo.entry(name).cls for name in zoo.names()}
    return {argument for cls in classes for argument in constructor_arguments(cls)} - {"name"}
