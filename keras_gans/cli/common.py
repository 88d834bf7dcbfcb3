"""What the verbs share: how they complain, what they take, what they open."""

import ast
import contextlib
import os
import pathlib
import re
import signal
import sys
import warnings
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keras_gans.cli.spelling import as_options
from keras_gans.utils.damage import DAMAGE
from keras_gans.utils.text import plain

# TensorFlow and everything that imports it is imported inside functions, so that --help is quick.

console = Console()
complaints = Console(stderr=True)

Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback for errors.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="Constructor argument, `key=value`.")
]
Runtime = Annotated[
    pathlib.Path | None,
    typer.Option(
        help="Folder or .tgz of onnxruntime-web, for a page; fetched with npm where not given."
    ),
]
Figures = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        help="fid, kid, precision_recall, density_coverage, inception_score, modes, path_length, "
        "pairs, perceptual: names with commas between.",
    ),
]
ExtractorName = Annotated[
    str,
    typer.Option(
        "--extractor", help="Whose features metrics compare: `lite0`, or `inception:PATH`."
    ),
]
Truncation = Annotated[
    float | None,
    typer.Option(
        help="Less variety, fewer failures. Latents' numbers beyond this are drawn again: 2 cuts "
        "little, 0.5 much. Of StyleGAN2 it is psi: 1 changes nothing, 0.5 much."
    ),
]
Trained = Annotated[
    pathlib.Path,
    typer.Argument(
        help="Folder of a run, a .keras file, or an entry of the zoo with pretrained weights."
    ),
]


@contextlib.contextmanager
def one_sentence(debug, *given):
    """Turns the errors of users into one sentence and exit code 2, and warnings into a sentence.

    Args:
        debug: let them through.
        *given: files and folders the command reads, named where one of them is damaged.
    """
    try:
        with _told_warnings():
            yield
    except typer.Exit:  # a RuntimeError to Python
        raise
    except (*_USERS, *DAMAGE, *_op_errors()) as error:
        text = _damage(error, given) or _sentence(error)
        if debug or text is None:
            raise
        text = plain(as_options(text))
        complaints.print(Text.assemble(("Error:", "bold red"), " ", text), soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # impatience would be told as a traceback
        complaints.print("Stopped.")
        raise typer.Exit(130) from None


#: What is raised with a sentence for people.
_USERS = (ValueError, TypeError, OSError, ImportError, RuntimeError)


@contextlib.contextmanager
def _told_warnings():
    """Tells warnings as sentences, each once, without lines of the program they come from.

    Pillow's own name no file, and what is wrong with a file is told otherwise.
    """
    told = set()

    def tell(message, category, filename, lineno, file=None, line=None):
        if str(message) not in told:
            told.add(str(message))
            say(f"Warning: {as_options(str(message))}", complaints)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        warnings.simplefilter("default", UserWarning, append=True)
        warnings.showwarning = tell
        yield


def _damage(error, given):
    """What an error without a sentence means to whoever gave the files; None of others."""
    if isinstance(error, _exhausted()):
        wrong = "it takes more memory than there is"
    elif isinstance(error, DAMAGE) and not isinstance(error, ValueError):
        wrong = "it seems damaged"
    else:
        return None
    what = ", ".join(map(str, given)) or "What was read"
    return f"{what} cannot be used; {wrong} ({type(error).__name__}). --debug shows where."


def _exhausted():
    """What is raised where there is not enough memory."""
    if "tensorflow" not in sys.modules:
        return (MemoryError,)
    import tensorflow as tf

    return (MemoryError, tf.errors.ResourceExhaustedError)


def _op_errors():
    """What TensorFlow raises; nothing where it was not loaded, which --help must not do."""
    if "tensorflow" not in sys.modules:
        return ()
    import tensorflow as tf

    return (tf.errors.OpError,)


def _sentence(error):
    """What an error says; None of TensorFlow's own, which say nothing without their traceback."""
    if not isinstance(error, _op_errors()):
        return str(error).strip() or type(error).__name__
    # What data refuses while training is raised inside a dataset, and comes with all the calls
    # it went through: "... ParallelMapV2: RefusedError: SENTENCE\nTraceback ...".
    raised, traceback, _ = str(error).partition("\nTraceback (most recent call last)")
    found = re.search(r"\b\w*Error: (.+)", raised, re.DOTALL) if traceback else None
    return found and found[1].strip()


def load_tensorflow():
    """Loads TensorFlow, which takes seconds in which a person may stop the command."""
    with one_sentence(debug=False):
        _load_tensorflow()


def _load_tensorflow():
    """Loads it with oneDNN and without the notes its C++ writes at the start.

    What Python raises comes through; `TF_CPP_MIN_LOG_LEVEL=0` in the environment shows all.
    """
    # TensorFlow leaves oneDNN's kernels off on some processors on which DCGAN takes half the time
    # with them (docs/speed.md).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    own, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()  # looks for GPUs, and says so where there are none
    finally:
        os.dup2(own, 2)
        os.close(own)
        os.close(nowhere)


def read_settings(pairs):
    """`{key: value}` of `key=value`; what is no Python literal is a word."""
    settings = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ValueError(
                f"--set takes key=value, such as `--set latent_dim=64`. Received: {pair!r}"
            )
        try:
            settings[key.strip()] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            settings[key.strip()] = value.strip()
    return settings


def read_names(text):
    """Names with commas between, or None."""
    return [name.strip() for name in text.split(",")] if text else None


def say(text, to=console):
    """Prints what may hold paths: letter for letter, and unbroken, so that they can be copied."""
    to.print(plain(text), markup=False, emoji=False, highlight=False, soft_wrap=True)


def refuse_existing(path, overwrite, or_else=", or another --output"):
    """Refuses to write over a file; says what else the verb has to offer."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists. Use --overwrite to replace it{or_else}.")


def opened_model(path):
    """(run, or None of a .keras file; its model; what exports say of its labels)."""
    from keras_gans import zoo

    if path.suffix == ".keras":
        model = zoo.load(path)
        return None, model, _said(model.label_names)
    run, model, ships = trained_run(path)
    return None if ships else run, model, _said(run.label_names)


def _said(names):
    """What exports say of labels, of their names."""
    if names is None:
        return {}
    return {"classes": names["heads"] or None, "attributes": names["attributes"] or None}


def trained_run(path):
    """(run, its model, whether it is none but a .keras file or an entry of the zoo)."""
    from keras_gans import data, training, zoo
    from keras_gans.core.label_names import unnamed

    if path.suffix == ".keras":
        model = zoo.load(path)
        no_options: Any = None  # for its names alone
        names = model.label_names or unnamed(model.conditions)
        return training.Run(path, no_options, names), model, True
    if not is_entry(path):
        run = training.open_run(path)
        return run, run.load_model(), False
    name = str(path)
    model = zoo.get(name, pretrained=True)
    source = zoo.entry(name).data  # None of weights from elsewhere, whose data did not come along
    options = training.Options(name)
    learned = {"heads": options.heads, "attributes": options.attributes}
    names = unnamed(model.conditions)
    if source is not None:
        names = data.label_names(source, model, **learned)
    return training.Run(path, options, names), model, True


def is_entry(path):
    """Whether a path names an entry with pretrained weights, and not a run's folder of its name."""
    from keras_gans import zoo

    known = str(path) in zoo.names() and zoo.entry(str(path)).weights
    return bool(known) and not (path / "options.json").exists()


def model_file(path):
    """The file that the model of a run, a .keras file or an entry is read from."""
    from keras_gans import zoo

    if is_entry(path):
        return zoo.weights_file(str(path))
    return path if path.suffix == ".keras" else path / "model.keras"


def place_for(what, path, folder=""):
    """Where a verb writes what it makes of a model, where no place is named.

    Args:
        what: name of the file or folder.
        path: of the run, in whose folder it goes; or of a .keras file, beside which, or name of an
            entry, with which it goes here: "NAME-what" then.
        folder: of the run's folder.
    """
    if path.suffix == ".keras" or is_entry(path):
        return path.with_name(f"{path.stem}-{what}")
    return path / folder / what


def print_table(title, headings, rows):
    """Without lines, as file names are long and terminals 80 characters wide."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "file" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console.print(table)
