"""Pickles of plain data, read without running them and written as Python 2 wrote them.

CIFAR's batches are pickles. Unpickling a stranger's file runs whatever it asks for, so this
reads the opcodes itself, knows texts, numbers, lists, dictionaries and byte arrays, and calls
nothing.
"""

from __future__ import annotations

import pickletools
import struct
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.errors import ExportError, SourceError

_ARRAY = ("_reconstruct", "_frombuffer")


class Placed(int):
    """A number below 256 with the place of its byte in the pickle."""

    at: int


@dataclass(slots=True)
class _Called:
    """What a pickle would call, and the state that it would give the result."""

    function: str
    arguments: tuple[Any, ...]
    state: Any = None


@dataclass(slots=True)
class _Machine:
    """The stack that opcodes work on; a mark keeps the values below it apart."""

    stack: list[Any] = field(default_factory=list)
    marks: list[list[Any]] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def above_mark(self) -> list[Any]:
        above, self.stack = self.stack, self.marks.pop()
        return above

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise ValueError("too few values for a tuple")
        cut = len(self.stack) - count
        self.stack[cut:] = [tuple(self.stack[cut:])]

    def set_items(self, items: Sequence[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise ValueError("items for what is no dictionary")
        target.update(zip(map(_text, items[::2]), items[1::2], strict=True))

    def append(self, values: Sequence[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise ValueError("values for what is no list")
        self.stack[-1].extend(values)

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def call(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(function) is not _Called or type(arguments) is not tuple:
            raise ValueError("a call of what is no function")
        self.stack.append(_Called(function.function, arguments))

    def build(self) -> None:
        state = self.stack.pop()
        if type(self.stack[-1]) is not _Called:
            raise ValueError("a state for what was not called")
        self.stack[-1].state = state

    def name(self, module: Any, name: Any) -> None:
        self.stack.append(_Called(_text(name), ()))


_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda m, arg: None,
    "FRAME": lambda m, arg: None,
    "MARK": lambda m, arg: m.mark(),
    "EMPTY_DICT": lambda m, arg: m.stack.append({}),
    "EMPTY_LIST": lambda m, arg: m.stack.append([]),
    "EMPTY_TUPLE": lambda m, arg: m.stack.append(()),
    "NONE": lambda m, arg: m.stack.append(None),
    "NEWTRUE": lambda m, arg: m.stack.append(True),
    "NEWFALSE": lambda m, arg: m.stack.append(False),
    "TUPLE": lambda m, arg: m.push(tuple(m.above_mark())),
    "TUPLE1": lambda m, arg: m.tuple_of(1),
    "TUPLE2": lambda m, arg: m.tuple_of(2),
    "TUPLE3": lambda m, arg: m.tuple_of(3),
    "APPEND": lambda m, arg: m.append([m.stack.pop()]),
    "APPENDS": lambda m, arg: m.append(m.above_mark()),
    "SETITEM": lambda m, arg: m.set_items([m.stack.pop(-2), m.stack.pop()]),
    "SETITEMS": lambda m, arg: m.set_items(m.above_mark()),
    "BINPUT": lambda m, arg: m.memo.__setitem__(arg, m.stack[-1]),
    "LONG_BINPUT": lambda m, arg: m.memo.__setitem__(arg, m.stack[-1]),
    "MEMOIZE": lambda m, arg: m.memo.__setitem__(len(m.memo), m.stack[-1]),
    "BINGET": lambda m, arg: m.stack.append(m.memo[arg]),
    "LONG_BINGET": lambda m, arg: m.stack.append(m.memo[arg]),
    "GLOBAL": lambda m, arg: m.name(*arg.split(" ", 1)),
    "STACK_GLOBAL": lambda m, arg: m.name(m.stack.pop(-2), m.stack.pop()),
    "REDUCE": lambda m, arg: m.call(),
    "BUILD": lambda m, arg: m.build(),
}
_VALUES = frozenset(
    (
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "SHORT_BINSTRING", "BINSTRING"),
        *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES"),
        *("BINBYTES8", "BYTEARRAY8"),
    )
)


def read_pickle(data: bytes, name: str) -> dict[str, Any]:
    """The dictionary in a pickle.

    Parameters
    ----------
    data : bytes
        A pickle of protocol 2 or later.
    name : str
        What to call it in messages.

    Returns
    -------
    dict
        Keys as text. Values are texts, numbers (:class:`Placed` where they take one byte),
        lists of them, or arrays of uint8.

    Raises
    ------
    SourceError
        If it is damaged or holds anything else.
    """
    machine = _Machine()
    try:
        with warnings.catch_warnings():
            # Python only warns of an unknown escape in a text, which nothing writes: it is damage.
            warnings.simplefilter("error", DeprecationWarning)
            steps = list(pickletools.genops(data))
        for code, argument, position in steps:
            if code.name == "STOP":
                break
            if code.name == "BININT1":
                number = Placed(argument or 0)
                number.at = int(position or 0) + 1
                machine.stack.append(number)
            elif code.name in _VALUES:
                machine.stack.append(argument)
            else:
                _STEPS[code.name](machine, argument)
        (content,) = machine.stack
        if type(content) is not dict or machine.marks:
            raise ValueError("it holds no dictionary")
        return {key: _resolved(value) for key, value in content.items()}
    except KeyError as error:
        detail = f"it holds {error}, which plain data does not need"
    # The many ways in which the opcodes of a damaged file do not fit together.
    except (
        ValueError, IndexError, TypeError, AttributeError, OverflowError, MemoryError,
        DeprecationWarning,
    ) as error:  # fmt: skip
        detail = str(error) or "it is cut short"
    except RecursionError:
        detail = "it is nested too deeply"
    raise SourceError(
        f"Expected {name} to be a pickled dictionary of lists and arrays: {detail}.",
        hint="Copy or download it again.",
    )


def write_pickle(content: Mapping[str, Any]) -> bytes:
    """A dictionary as Python 2 pickled it, which every version of NumPy and torchvision loads.

    Raises
    ------
    ExportError
        For a value other than those that :func:`read_pickle` gives.
    """
    parts = [b"\x80\x02}("]
    for key, value in content.items():
        parts += [_bytes(key), *_written(key, value)]
    return b"".join([*parts, b"u."])


def _text(value: Any) -> str:
    if type(value) is _Called and value.function == "encode":
        value = value.arguments[0]
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if type(value) is not str:
        raise ValueError("a name that is no text")
    return value


def _raw(value: Any) -> bytes:
    """Bytes, which Python 2 and the older protocols of Python 3 wrote as text."""
    if type(value) is _Called and value.function == "encode":
        value = value.arguments[0]
    if isinstance(value, str):
        return value.encode("latin-1")
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise ValueError("an array without bytes")


def _resolved(value: Any) -> Any:
    if type(value) is bytes:
        return value.decode("latin-1")
    if type(value) is list:
        texts = (bytes, _Called)
        return [_text(each) if type(each) in texts else each for each in value]
    if type(value) is not _Called:
        return value
    if value.function == "encode":
        return _text(value)
    if value.function not in _ARRAY:
        raise ValueError(f"it asks to call {value.function[:80]!r}")
    if value.function == "_frombuffer":
        data, kind, shape, order = value.arguments
        fortran = order == "F"
    else:
        _, shape, kind, fortran, data = value.state
    if type(kind) is not _Called or kind.arguments[0] not in ("u1", "uint8", "|u1"):
        raise ValueError("an array of other values than bytes")
    raw = np.frombuffer(_raw(data), np.uint8)
    return raw.reshape(tuple(map(int, shape)), order="F" if fortran else "C")


def _bytes(text: str) -> bytes:
    data = text.encode("latin-1", "replace")
    if len(data) < 256:
        return b"U" + bytes((len(data),)) + data
    return b"T" + struct.pack("<i", len(data)) + data


def _written(key: str, value: Any) -> list[bytes]:
    if isinstance(value, str):
        return [_bytes(value)]
    if isinstance(value, int):
        return [_number(value)]
    if isinstance(value, list) and all(type(each) in (int, Placed, str) for each in value):
        return [b"](", *(b"".join(_written(key, each)) for each in value), b"e"]
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        return _array(value)
    raise ExportError(
        f"Expected texts, numbers and lists in the source's pickle, got {type(value).__name__} at "
        f"{key!r}, which cannot be written back.",
        hint="Export as imagefolder.",
    )


def _number(value: int) -> bytes:
    if 0 <= value < 256:
        return b"K" + bytes((value,))
    return b"J" + struct.pack("<i", value)


def _array(array: NDArray[np.uint8]) -> list[bytes]:
    data = np.ascontiguousarray(array).tobytes()
    shape = b"".join(map(_number, array.shape))
    return [
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR",
        b"(K\x01(" + shape + b"t",
        b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
        b"\x89T" + struct.pack("<i", len(data)) + data + b"tb",
    ]
