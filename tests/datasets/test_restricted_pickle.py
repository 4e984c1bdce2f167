"""Pickles without code: what data come out, and that nothing else ever runs."""

import collections
import io
import os
import pickle
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from epipose.datasets import _restricted_pickle as restricted
from epipose.errors import InputError

NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.booleans(), st.none())
ARRAYS = hnp.arrays(
    st.sampled_from(["<f4", "<f8", ">f4", "<i2", "|u1", "|b1", "<U3", "|S4", "<c16"]), hnp.array_shapes(min_dims=0)
)
TABLE = np.zeros(3, [("frame", "<i2"), ("points", ">f4", (2, 3)), ("inner", [("a", "i1"), ("b", "<U2")])])
TABLE["frame"], TABLE["inner"]["b"] = [1, 2, 3], "xy"
DATA = st.recursive(
    st.one_of(NUMBERS, st.text(max_size=5), st.binary(max_size=5), ARRAYS, ARRAYS.map(np.asfortranarray)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=4), st.tuples(inner, inner)
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    else:
        assert one == other


@given(data=DATA, protocol=st.sampled_from(range(6)))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_data_come_back_as_they_were(data: Any, protocol: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("pickles") / "data.pkl"
    file.write_bytes(pickle.dumps(data, protocol))
    same(restricted.read_pickle(file), data)


@pytest.mark.parametrize("protocol", range(6))
def test_tables_scalars_and_shared_parts_come_back(protocol: int, tmp_path: Path) -> None:
    shared = np.arange(3.0)
    data = {"table": TABLE, "number": np.float32(1.5), "key": {np.int64(3): shared}, "again": [shared] * 2,
            "objects": np.array([{"a": shared}, None], object), "ordered": collections.OrderedDict(a=1)}  # fmt: skip
    file = tmp_path / "data.pkl"
    file.write_bytes(pickle.dumps(data, protocol))
    read = restricted.read_pickle(file)
    same(read["table"], TABLE)
    same(read["number"], np.float32(1.5))
    same(read["key"][3], shared)
    assert read["again"][0] is read["again"][1]
    same(read["objects"][0]["a"], shared)
    assert read["objects"][1] is None
    assert read["ordered"] == {"a": 1}


def test_object_arrays_in_archives_come_back(tmp_path: Path) -> None:
    held = {"S1": {"Walking": np.zeros((2, 3), np.float32)}}
    np.savez(tmp_path / "a.npz", plain=TABLE["frame"], objects=np.array(held, object), row=np.array([1, "a"], object))
    np.save(tmp_path / "b.npy", np.array(held, object))
    read = restricted.read_object_arrays(tmp_path / "a.npz")
    same(read["plain"], TABLE["frame"])
    same(read["objects"], held)
    assert read["row"].tolist() == [1, "a"]
    same(restricted.read_object_arrays(tmp_path / "b.npy")[""], held)


class Runs:
    """What becomes a call when it is unpickled."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call = call, arguments

    def __reduce__(self) -> Any:
        return self.call


def hostile(mark: Path) -> dict[str, bytes]:
    """Pickles that would make the file `mark`, or try other tricks."""
    touch = f"open({str(mark)!r}, 'w')"
    return {
        "wide": pickle.dumps(Runs(bytes, 10**15)),
        "system": pickle.dumps(Runs(os.system, f"touch {mark}")),
        "eval": pickle.dumps([1, {"a": Runs(eval, touch)}]),
        "open": pickle.dumps(Runs(open, str(mark), "w")),
        "old": pickle.dumps(Runs(os.system, f"touch {mark}"), 0),
        "load": pickle.dumps(Runs(np.load, str(mark))),
        "getattr": pickle.dumps(Runs(getattr, "a", "upper")),
        "class": pickle.dumps(Path),
        "persistent": b"Pa name\n.",
        "extension": b"\x82\x01.",
        # Names with dots reach into what a module imported: numpy.core's os, for one.
        "dotted": b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.",
        "other codec": pickle.dumps(Runs(__import__("_codecs").encode, "x", "rot13")),
    }


@pytest.mark.parametrize("kind", sorted(hostile(Path("mark"))))
def test_a_pickle_that_asks_for_more_than_data_is_refused(kind: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    content = hostile(mark)[kind]
    (tmp_path / "bad.pkl").write_bytes(content)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    (tmp_path / "bad.npy").write_bytes(header.getvalue() + content)
    np.savez(tmp_path / "bad.npz", good=np.zeros(2))
    with zipfile.ZipFile(tmp_path / "bad.npz", "a") as archive:
        archive.writestr("bad.npy", header.getvalue() + content)
    for name in ("bad.pkl", "bad.npy", "bad.npz"):
        read = restricted.read_pickle if name == "bad.pkl" else restricted.read_object_arrays
        with pytest.raises(InputError, match=rf"{name} (was not opened: it asks|is cut short or damaged)"):
            read(tmp_path / name)
    assert not mark.exists()


def test_a_refusal_names_what_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(Runs(os.system, "true")))
    with pytest.raises(InputError, match=r"asks to run (posix|nt)\.system, which data never need"):
        restricted.read_pickle(tmp_path / "bad.pkl")


class Held:
    """An object of somebody's program."""

    def __init__(self) -> None:
        self.numbers, self.name = np.arange(3.0), "a"


@pytest.mark.parametrize("protocol", range(6))
def test_objects_of_a_known_class_become_their_attributes(protocol: int, tmp_path: Path) -> None:
    file = tmp_path / "held.pkl"
    file.write_bytes(pickle.dumps([Held()], protocol))
    (read,) = restricted.read_pickle(file, frozenset({f"{__name__}.Held"}))
    same(read, {"numbers": np.arange(3.0), "name": "a"})
    with pytest.raises(InputError, match=rf"asks to run {__name__}\.Held"):
        restricted.read_pickle(file)


def arrayed(shape: Any, code: str, data: Any, state: Any = (3, "<", None, None, None, -1, -1, 0)) -> bytes:
    """A pickle of an array with numbers of somebody's choice."""

    class Dtype:
        def __reduce__(self) -> Any:
            return np.dtype, (code, False, True), state

    class Array:
        def __reduce__(self) -> Any:
            return np._core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), (1, shape, Dtype(), False, data)

    return pickle.dumps(Array())


@pytest.mark.parametrize(
    "content",
    [
        arrayed((10**6,), "f8", b"\0" * 8),
        arrayed((2,), "f8", b"\0" * 24),
        arrayed((-1, -1), "f8", b"\0" * 8),
        arrayed((2,), "O8", b"\0" * 16),
        arrayed((3,), "O8", [1, 2]),
        # A row of four bytes that claims a part which lies beyond it.
        arrayed((1,), "V4", b"\0" * 4, (3, "|", None, ("a",), {"a": (np.dtype("f8"), 4096)}, 4, 1, 0)),
        arrayed((1,), "V8", b"\0" * 8, (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)),
        arrayed((1,), "M8", b"\0" * 8),
    ],
)
def test_arrays_that_do_not_fit_their_numbers_are_damaged(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.pkl").write_bytes(content)
    with pytest.raises(InputError, match="cut short or damaged"):
        restricted.read_pickle(tmp_path / "bad.pkl")


def test_data_that_hold_themselves_are_damaged(tmp_path: Path) -> None:
    circle: list[Any] = []
    circle.append(circle)
    (tmp_path / "circle.pkl").write_bytes(pickle.dumps(circle))
    with pytest.raises(InputError, match="damaged"):
        restricted.read_pickle(tmp_path / "circle.pkl")
    deep: list[Any] = []
    for _ in range(40):
        deep = [deep, deep]  # two to the power of forty parts, if each were made anew
    (tmp_path / "deep.pkl").write_bytes(pickle.dumps(deep))
    assert len(restricted.read_pickle(tmp_path / "deep.pkl")) == 2


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damage_is_refused_or_harmless(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("damage")
    np.savez(folder / "whole.npz", a=np.array({"table": TABLE, "b": [np.arange(4.0)]}, object))
    whole = {".npz": (folder / "whole.npz").read_bytes(), ".pkl": pickle.dumps({"a": TABLE, "b": [np.arange(4.0)]})}
    suffix = data.draw(st.sampled_from(sorted(whole)))
    content = bytearray(whole[suffix])
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for place in data.draw(st.lists(st.integers(0, max(len(content) - 1, 0)), max_size=3)):
        if content:
            content[place] = data.draw(st.integers(0, 255))
    file = folder / f"damaged{suffix}"
    file.write_bytes(content)
    with suppress(InputError):
        restricted.read_object_arrays(file) if suffix == ".npz" else restricted.read_pickle(file)
