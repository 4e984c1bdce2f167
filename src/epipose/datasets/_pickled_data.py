"""What a pickle holds, as inert records, and how checked arrays are made of those."""

import math
from typing import Any, Literal

import numpy as np
from numpy import ndarray

_PLAIN_KINDS = frozenset("biufcSU")


class Inert:
    """What a pickle calls something with, and what it wants to tell it then; nothing is called.

    That all of these classes have `__setstate__` also keeps pickles from changing the classes themselves.
    """

    def __init__(self, *args: Any) -> None:
        self.args = args
        self.state: Any = ()

    def __setstate__(self, state: Any) -> None:
        self.state = state


class Kind(Inert):
    """A class that is named, such as the kind of an array."""


class Dtype(Inert):
    """The type of an array."""


class Array(Inert):
    """An array, whose state is version, shape, type, order and bytes."""


class Buffer(Inert):
    """An array in a newer pickle: bytes, type, shape and order."""


class Scalar(Inert):
    """A number of NumPy's: type and bytes."""


class Bytes(Inert):
    """Bytes that Python 3 hid in text for Python 2's sake."""


class Record(Inert):
    """An object of a class that is known to hold data, whose attributes are its state."""


class OldRecord(Inert):
    """The same in an older pickle, which names the class first."""


def plain(value: Any) -> Any:
    """Return the data with arrays for the records of arrays; raises ValueError for what does not fit together."""
    return _Making().of(value)


class _Making:
    """Makes every part once, however often it is mentioned."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}

    def of(self, value: Any) -> Any:
        if value is None or type(value) in (bool, int, float, complex, str, bytes):
            return value
        if id(value) not in self._made:
            # While it is being made it stands for itself, so that data that hold themselves are found out.
            self._made[id(value)] = _Making
            self._made[id(value)] = self._new(value)
        if self._made[id(value)] is _Making:
            raise ValueError("data that hold themselves")
        return self._made[id(value)]

    def _new(self, value: Any) -> Any:
        if type(value) is dict:
            return {self._key(key): self.of(part) for key, part in value.items()}
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(self.of(part) for part in value)
        if isinstance(value, bytearray):
            return bytes(value)
        return self._from_record(value)

    def _from_record(self, value: Any) -> Any:
        match value:
            case Array(state=(*_, shape, about, fortran, data)):
                return self._array(shape, about, data, "F" if fortran else "C")
            case Buffer(args=(data, about, shape, order)):
                return self._array(shape, about, data, "F" if order == "F" else "C")
            case Scalar(args=(about, data)):
                return self._array((), about, data, "C")[()]
            case Bytes(args=()):
                return b""
            case Bytes(args=(str(text), "latin1")):
                return text.encode("latin1")
            case Record(state=state):
                return self.of(state)
            case OldRecord(args=(kind, *_), state=state) if kind is Record:
                return self.of(state)
        raise TypeError(f"no data: {type(value).__name__}")

    def _key(self, key: Any) -> Any:
        made = self.of(key)
        return made.item() if isinstance(made, np.generic) else made

    def _array(self, shape: Any, about: Any, data: Any, order: Literal["C", "F"]) -> ndarray:
        dtype, shape = _dtype(about), tuple(map(int, shape))
        count = math.prod(shape)
        if dtype.hasobject:
            if not isinstance(data, list) or len(data) != count:
                raise ValueError("an array of objects of another size")
            array = np.empty(count, object)
            for index, part in enumerate(data):
                array[index] = self.of(part)
            return array.reshape(shape, order=order)
        data = self.of(data)
        raw = data.encode("latin1") if isinstance(data, str) else bytes(data)
        if min(shape, default=0) < 0 or len(raw) != count * dtype.itemsize:
            raise ValueError("an array of another size")
        return np.frombuffer(raw, dtype, count).reshape(shape, order=order)


def _dtype(about: Any) -> np.dtype[Any]:
    """Return the type that a record describes: objects, plain numbers, text, or named parts of the latter."""
    if not isinstance(about, Dtype):
        raise TypeError("an array without a type")
    code = about.args[0].decode("latin1") if isinstance(about.args[0], bytes) else str(about.args[0])
    if code[:1] == "V":
        _, _, part, names, fields, size, *_ = about.state
        return _compound(part, names, fields, size)
    if code[:1] == "O":
        return np.dtype(object)
    if code[:1] not in _PLAIN_KINDS or not code[1:].isdecimal():
        raise TypeError(f"an array of type {code!r}")
    order = about.state[1] if len(about.state) > 1 else "="
    return np.dtype(code).newbyteorder(">" if order == ">" else "<" if order == "<" else "=")


def _compound(part: Any, names: Any, fields: Any, size: Any) -> np.dtype[Any]:
    """Return the type of a small array, `part`, or of a row with names; NumPy checks that offsets lie within."""
    if part is not None:
        dtype = np.dtype((_dtype(part[0]), part[1]))
    else:
        layout = {
            "names": [str(name) for name in names],
            "formats": [_dtype(fields[name][0]) for name in names],
            "offsets": [int(fields[name][1]) for name in names],
            "itemsize": int(size),
        }
        dtype = np.dtype(layout)  # type: ignore[call-overload]
    if dtype.hasobject:
        raise TypeError("objects in a row")
    return dtype
