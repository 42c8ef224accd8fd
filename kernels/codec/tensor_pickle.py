"""The pickles in which PyTorch keeps what refers to its tensors, read as data.

A pickle is a program for a stack machine. This one knows the instructions and the names that
``torch.save`` writes for numbers, texts, containers and tensors; nothing in it can call or import
anything. A tensor becomes the description of where its values stand
(``pytorch:torch/_utils.py`` ``_rebuild_tensor_v2``, ``torch/serialization.py`` ``persistent_id``).

PyTorch's own loader of weights alone is built the same way, but allows functions that take memory
(``bytearray``, ``Tensor``, encodings), copies of large objects, and, before version 2.10, storages
longer than the file. Files of strangers make use of that.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO


class CheckpointError(ValueError):
    """A checkpoint that cannot be used: what was expected, what was found."""

    def __init__(self, expected: str, found: str) -> None:
        self.expected = expected
        self.found = found
        super().__init__(f"expected {expected}, found {found}")


@dataclass(frozen=True)
class Name:
    """A class or function that the pickle refers to ("torch FloatStorage")."""

    text: str


@dataclass(frozen=True)
class Storage:
    """A run of ``length`` numbers; ``kind`` is the first word of its class ("Float")."""

    kind: str
    key: str
    length: int

    @property
    def nbytes(self) -> int:
        """Its size in the file."""
        return self.length * SIZES[self.kind]


@dataclass(frozen=True)
class TensorRecord:
    """Where the values of a tensor stand: all in numbers of its storage, none below 0."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Unknown:
    """Stands where a checkpoint has what is neither number, text, container nor tensor."""


SIZES = {
    "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1,
    "Byte": 1, "Bool": 1,
}  # fmt: skip
"""Bytes of a number by the kind of its storage."""

_REBUILT = {
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_parameter",
}
_INERT = {
    # States of optimisers and schedulers: learning rates as NumPy numbers, milestones, sizes.
    "numpy.core.multiarray scalar", "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray scalar", "numpy._core.multiarray _reconstruct",
    "numpy dtype", "numpy ndarray", "_codecs encode", "collections Counter",
    "collections defaultdict", "builtins set", "__builtin__ set", "torch Size", "torch device",
}  # fmt: skip
_DTYPES = {
    f"torch {name}"
    for name in ("float16", "float32", "float64", "bfloat16", "uint8", "int8", "int16", "int32",
                 "int64", "bool")
}  # fmt: skip
_NAMES = (
    _REBUILT
    | _INERT
    | _DTYPES
    | {f"torch {kind}Storage" for kind in SIZES}
    | {"collections OrderedDict"}
)
MOST_INSTRUCTIONS = 200_000
"""Instructions of one pickle; a tensor takes some 35, and the state of its optimiser 70."""

_LONGEST_SHAPE = 16
_LONGEST_STORAGE = 1 << 48


def read_pickle(stream: BinaryIO) -> Any:
    """The value of one pickle; ``stream`` stands behind it afterwards.

    Returns
    -------
    Dictionaries (keys that are no text or number are left out), lists, tuples, ``int``, ``float``,
    ``bool``, ``str``, ``bytes``, None, :class:`TensorRecord`, and :class:`Unknown` for the little
    else that trainers keep. Containers may be shared, and may hold themselves.

    Raises
    ------
    CheckpointError
        For pickles that are damaged or refer to anything but tensors.

    Cost
    ----
    Some 3 us for an instruction, at most :data:`MOST_INSTRUCTIONS`; memory is that of the value.
    """
    machine = _Machine()
    try:
        for code, argument, _ in islice(pickletools.genops(stream), MOST_INSTRUCTIONS):
            machine.step(code.name, argument)
            if code.name == "STOP":
                return machine.stack.pop()
        raise CheckpointError(f"at most {MOST_INSTRUCTIONS:,} instructions in a pickle", "more")
    except CheckpointError:
        raise
    except Exception as error:  # short arguments, unknown instructions, empty stacks, broken texts
        shown = " ".join(str(error).split())[:100]
        raise CheckpointError("a whole pickle", shown or "a damaged one") from None


class _Machine:
    """The stack, the stacks below it, and what was put aside by number."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def step(self, code: str, argument: Any) -> None:
        if code in _PUSHED:
            self.stack.append(argument)
        elif code in _MADE:
            self.stack.append(_MADE[code]())
        elif code in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif code in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif code == "MARK":
            self.below.append(self.stack)
            self.stack = []
        elif code in _JOINED:
            count = _JOINED[code]
            self.stack[-count:] = [self._last(count)]
        elif code in _AFTER_MARK:
            items, self.stack = self.stack, self.below.pop()
            _AFTER_MARK[code](self.stack, items)
        elif code in _CALLED:
            _CALLED[code](self.stack)
        elif code == "GLOBAL":
            self.stack.append(_name(argument))
        elif code not in ("PROTO", "STOP"):
            raise CheckpointError("a pickle as PyTorch writes them", f"instruction {code}")

    def _last(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise CheckpointError("a whole pickle", "a stack that is too short")
        return tuple(self.stack[-count:])


def _name(text: str) -> Name:
    if text not in _NAMES:
        shown = text.replace(" ", ".")[:100]
        raise CheckpointError("a checkpoint of tensors only", f"a reference to {shown}")
    return Name(text)


def _append(stack: list[Any], items: list[Any]) -> None:
    if isinstance(stack[-1], list):
        stack[-1].extend(items)
    elif not isinstance(stack[-1], Unknown):
        raise CheckpointError("a list to append to", type(stack[-1]).__name__)


def _set(stack: list[Any], items: list[Any]) -> None:
    target = stack[-1]
    if not isinstance(target, dict | Unknown) or len(items) % 2:
        raise CheckpointError("a dictionary and pairs", type(target).__name__)
    if isinstance(target, dict):
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, str | int | float | bytes):
                target[key] = value


def _append_one(stack: list[Any]) -> None:
    item = stack.pop()
    _append(stack, [item])


def _set_one(stack: list[Any]) -> None:
    value, key = stack.pop(), stack.pop()
    _set(stack, [key, value])


def _call(stack: list[Any]) -> None:
    arguments, function = stack.pop(), stack.pop()
    if not isinstance(function, Name) or not isinstance(arguments, tuple):
        raise CheckpointError("a checkpoint of tensors only", "a call")
    stack.append(_called(function.text, arguments))


def _called(function: str, arguments: tuple[Any, ...]) -> Any:
    if function == "collections OrderedDict" and not arguments:
        return {}
    if function == "torch._utils _rebuild_parameter" and arguments:
        return arguments[0]
    if function in _REBUILT:
        return _tensor(*arguments[:4])
    return Unknown()


def _tensor(*arguments: Any) -> TensorRecord:
    match arguments:
        case (Storage() as storage, int(offset), tuple(shape), tuple(strides)):
            numbers = (offset, *shape, *strides)
            whole = all(type(number) is int and 0 <= number < 1 << 62 for number in numbers)
            if whole and len(shape) == len(strides) <= _LONGEST_SHAPE:
                return TensorRecord(storage, offset, shape, strides)
    raise CheckpointError("a tensor of a storage", "other arguments")


def _refer(stack: list[Any]) -> None:
    """A storage: ("storage", class, key, device, length), long ago with a view of another."""
    match stack.pop():
        case ("storage", Name(text), str(key), str(), int(length), *rest) if (
            text.endswith("Storage") and 0 <= length < _LONGEST_STORAGE and rest in ([], [None])
        ):
            stack.append(Storage(text.removeprefix("torch ").removesuffix("Storage"), key, length))
        case _:
            raise CheckpointError("storages of numbers", "another kind of reference")


def _build(stack: list[Any]) -> None:
    """Attributes of what was made are of no interest."""
    stack.pop()
    if not isinstance(stack[-1], dict | Unknown | TensorRecord):
        raise CheckpointError("a checkpoint of tensors only", "an object with a state")


_PUSHED = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING",
    "SHORT_BINBYTES", "BINBYTES", "SHORT_BINUNICODE",
}  # fmt: skip
_MADE: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": Unknown,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
_JOINED = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_AFTER_MARK: dict[str, Callable[[list[Any], list[Any]], None]] = {
    "TUPLE": lambda stack, items: stack.append(tuple(items)),
    "APPENDS": _append,
    "SETITEMS": _set,
}
_CALLED: dict[str, Callable[[list[Any]], None]] = {
    "APPEND": _append_one, "SETITEM": _set_one, "REDUCE": _call, "NEWOBJ": _call,
    "BINPERSID": _refer, "BUILD": _build,
}  # fmt: skip
