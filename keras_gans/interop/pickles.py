"""Reads pickles, the programs that Python's `pickle` writes, without running what is in them.

Python's unpickler runs the program of a file. `Program` here knows the few instructions that a dict
of numbers needs. It looks nothing up, calls nothing of the file's choosing and sets no attribute;
everything else is refused by name. A reader of a format derives from it and names what the format
needs besides: `keras_gans.interop.torch_files`, `keras_gans.interop.network_pickles`.

`Program` is not a subclass of `pickle.Unpickler`, because an allow-list in `find_class` is not
enough. The C unpickler hashes nested tuples until the stack overflows (a file of a megabyte kills
the process) or for ever, grows its memo to any index a file names (32 GB from ten bytes), lets
BUILD set attributes of the very functions the list allows, and takes objects that somebody else's
unpickling left in copyreg's extension cache without asking `find_class`.
"""

import dataclasses
import pickletools
from collections.abc import Callable
from typing import Any

_MAX_ITEMS = 100_000  # of all dicts made from lists, which a few bytes can repeat

NOTHING_RUN = "a checkpoint of weights needs nothing of the kind: refused, nothing was run."


class Refusal(Exception):
    """Why a file is not read: what follows its path in the message."""


@dataclasses.dataclass(frozen=True)
class Global:
    """Stands for a name in a pickle. It holds the name and nothing else."""

    name: str


class Program:
    """Runs the pickle of a dict: strings, numbers, lists, dicts, no more.

    Keys of dicts must be strings, names must be in `names` or `calls`, and the state that BUILD
    would give an object (a state_dict's `_metadata`) is dropped.

    Attributes:
        names: what a file may name without calling it.
        calls: `{name: function of ours}` that the instruction REDUCE may call.
        literals: instructions whose argument is their value.
        actions: `{instruction: function of the program and the argument}`.
    """

    names: frozenset[str] = frozenset()
    calls: dict[str, Callable] = {}
    # The last two are how Python 2 writes strings.
    literals: frozenset[str] = frozenset(
        "BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE SHORT_BINUNICODE "
        "BINSTRING SHORT_BINSTRING".split()
    )
    actions: dict[str, Callable[..., Any]]

    def __init__(self):
        self.stack, self.marks, self.memo = [], [], {}
        self.copied = 0

    def run(self, stream):
        """Result of the pickle at the stream's position, which moves behind it."""
        while self.step(stream) != "STOP":
            pass
        return self.pop()

    def step(self, stream):
        """Takes one instruction and returns its name."""
        code = stream.read(1)
        if code not in _INSTRUCTIONS:
            raise Refusal("is damaged: its pickle breaks off, or is none.")
        instruction = _INSTRUCTIONS[code]
        name = instruction.name
        if name not in self.actions and name not in self.literals and name not in _IGNORED:
            raise Refusal(f"uses the pickle instruction {name}; {NOTHING_RUN}")
        argument = self.argument(instruction, stream)
        if name in self.literals:
            self.stack.append(argument)
        elif name in self.actions:
            self.actions[name](self, argument)
        return name

    def argument(self, instruction, stream):
        """What follows an instruction in the stream; None where nothing does."""
        return instruction.arg.reader(stream) if instruction.arg else None

    def pop(self):
        if not self.stack:
            raise Refusal("is damaged: its pickle takes what it has not put.")
        return self.stack.pop()

    def pop_many(self, count):
        return tuple(reversed([self.pop() for _ in range(count)]))

    def top(self, kind, *others):
        if not self.stack or not isinstance(self.stack[-1], (kind, *others)):
            raise Refusal(f"is damaged: its pickle needs a {kind.__name__} where none is.")
        return self.stack[-1]

    def since_mark(self):
        if not self.marks:
            raise Refusal("is damaged: its pickle lacks a mark.")
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def mark(self, _):
        self.marks.append(len(self.stack))

    def remember(self, index):
        if self.stack:
            self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def recall(self, index):
        if index not in self.memo:
            raise Refusal("is damaged: its pickle recalls what it has not kept.")
        self.stack.append(self.memo[index])

    def append(self, _):
        value = self.pop()
        self.top(list).append(value)

    def extend(self, _):
        values = self.since_mark()
        self.top(list).extend(values)

    def set_item(self, _):
        pair = self.pop_many(2)
        self.top(dict).update([self.pair(pair)])

    def set_items(self, _):
        flat = self.since_mark()
        pairs = zip(flat[::2], flat[1::2], strict=True)
        self.top(dict).update(self.pair(pair) for pair in pairs)

    def name(self, argument):
        self.stack.append(self.allowed(argument.replace(" ", ".", 1)))

    def name_from_stack(self, _):
        names = self.pop_many(2)
        if not all(isinstance(part, str) for part in names):
            raise Refusal("is damaged: its pickle names something by no name.")
        self.stack.append(self.allowed(".".join(names)))

    def instance(self, argument):
        found = self.allowed(argument.replace(" ", ".", 1))
        raise Refusal(f"makes an instance of {found.name}; {NOTHING_RUN}")

    def call(self, _):
        called, arguments = self.pop_many(2)
        if not isinstance(arguments, tuple) or not isinstance(called, Global):
            raise Refusal("is damaged: its pickle calls what cannot be called.")
        if called.name not in self.calls:
            raise Refusal(f"calls {called.name}; {NOTHING_RUN}")
        self.copied += sum(len(one) for one in arguments if isinstance(one, (list, tuple)))
        if self.copied > _MAX_ITEMS:
            raise Refusal(f"copies more than {_MAX_ITEMS} items; {NOTHING_RUN}")
        self.stack.append(self.calls[called.name](*arguments))

    def set_state(self, _):
        self.pop()
        self.top(dict)

    def allowed(self, name):
        """Stands for a name that the format needs."""
        if name not in self.names and name not in self.calls:
            raise Refusal(f"asks for {short(name, quoted=False)}; {NOTHING_RUN}")
        return Global(name)

    @staticmethod
    def pair(pair):
        """A key and its value, if the key may be one."""
        key, value = pair
        if not isinstance(key, str):
            raise Refusal(f"has a key of type {kind(key)} where the name of a tensor belongs.")
        return key, value


_INSTRUCTIONS = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
_IGNORED = frozenset({"PROTO", "FRAME", "STOP"})
Program.actions = {
    "NONE": lambda program, _: program.stack.append(None),
    "NEWTRUE": lambda program, _: program.stack.append(True),
    "NEWFALSE": lambda program, _: program.stack.append(False),
    "EMPTY_TUPLE": lambda program, _: program.stack.append(()),
    "EMPTY_LIST": lambda program, _: program.stack.append([]),
    "EMPTY_DICT": lambda program, _: program.stack.append({}),
    "TUPLE": lambda program, _: program.stack.append(tuple(program.since_mark())),
    "TUPLE1": lambda program, _: program.stack.append(program.pop_many(1)),
    "TUPLE2": lambda program, _: program.stack.append(program.pop_many(2)),
    "TUPLE3": lambda program, _: program.stack.append(program.pop_many(3)),
    "MARK": Program.mark,
    "BINPUT": Program.remember,
    "LONG_BINPUT": Program.remember,
    "MEMOIZE": Program.remember,
    "BINGET": Program.recall,
    "LONG_BINGET": Program.recall,
    "APPEND": Program.append,
    "APPENDS": Program.extend,
    "SETITEM": Program.set_item,
    "SETITEMS": Program.set_items,
    "GLOBAL": Program.name,
    "STACK_GLOBAL": Program.name_from_stack,
    "INST": Program.instance,
    "REDUCE": Program.call,
    "BUILD": Program.set_state,
}


def kind(value):
    """Name of a value's type, for a message."""
    return type(value).__name__.strip("_")


def short(name, quoted=True):
    """The name for a message: of bounded length, and nothing in it a terminal would obey."""
    text = repr(name[:200])
    return text if quoted else text[1:-1]
