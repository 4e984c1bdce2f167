"""Points of C3D files: as another program writes them, as whole numbers, and damaged."""

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.c3d_files import read_c3d

NAMES = ("right_ankle", "pelvis", "head")


def points() -> ndarray:
    return np.random.default_rng(0).normal(size=(5, 3, 3))


def write_with_ezc3d(path: Path, unit: str, values: ndarray, *, analog: bool = False) -> Path:
    ezc3d = pytest.importorskip("ezc3d", reason="the extra c3d is not installed")
    document = ezc3d.c3d()
    point = document["parameters"]["POINT"]
    point["RATE"]["value"], point["UNITS"]["value"], point["LABELS"]["value"] = [59.94], [unit], list(NAMES)
    document.add_parameter("POINT", "SKEL", ["some_body"])
    document["data"]["points"] = values.transpose(2, 1, 0)
    if analog:
        document["parameters"]["ANALOG"]["RATE"]["value"] = [2 * 59.94]
        document["parameters"]["ANALOG"]["LABELS"]["value"] = ["force"]
        document["data"]["analogs"] = np.arange(10.0).reshape(1, 1, 10)
    document.write(str(path))
    return path


@pytest.mark.parametrize("analog", [False, True])
@pytest.mark.parametrize(("unit", "metres"), [("mm", 0.001), ("cm", 0.01), ("m", 1.0)])
def test_what_another_program_wrote_is_read_in_metres(unit: str, metres: float, analog: bool, tmp_path: Path) -> None:
    found = read_c3d(write_with_ezc3d(tmp_path / "a.c3d", unit, points() / metres, analog=analog))
    assert found.names == NAMES
    assert found.frame_rate == 59.94
    np.testing.assert_allclose(found.positions, points(), atol=1e-6)


def test_whole_numbers_and_missing_points_are_read(tmp_path: Path) -> None:
    """As older programs store points: 16 bits each, times a scale; put together by the format's description."""

    def parameter(name: str, kind: int, sizes: tuple[int, ...], data: bytes) -> bytes:
        body = struct.pack("bB", kind, len(sizes)) + bytes(sizes) + data + b"\0"
        return struct.pack("bb", len(name), 1) + name.encode() + struct.pack("<H", 2 + len(body)) + body

    group = struct.pack("bb", -5, -1) + b"POINT" + struct.pack("<H", 3) + b"\0"
    texts = parameter("LABELS", -1, (6, 2), b"left  right ") + parameter("UNITS", -1, (2,), b"mm")
    parameters = b"\0\0\x01\x54" + texts + parameter("RATE", 4, (), struct.pack("<f", 50)) + group + b"\0\0"
    values = np.array([[[100, -200, 300, 0], [1, 2, 3, -1]], [[7, 8, 9, 257], [4, 5, 6, 0]]], "<i2")
    head = struct.pack("<BB5HfHHf", 2, 0x50, 2, 1, 11, 12, 0, 0.5, 3, 1, 50.0)
    frames = b"".join(frame.tobytes() + struct.pack("<h", 99) for frame in values)
    (tmp_path / "a.c3d").write_bytes(head.ljust(512, b"\0") + parameters.ljust(512, b"\0") + frames)
    found = read_c3d(tmp_path / "a.c3d")
    assert (found.names, found.frame_rate) == (("left", "right"), 50)
    expected = [[[0.05, -0.1, 0.15], [np.nan] * 3], [[0.0035, 0.004, 0.0045], [0.002, 0.0025, 0.003]]]
    np.testing.assert_allclose(found.positions, expected)


@given(
    changes=st.lists(st.tuples(st.integers(0, 2600), st.integers(0, 255)), max_size=4),
    kept=st.one_of(st.none(), st.integers(0, 3000)),
)
@settings(max_examples=200, deadline=1000)
def test_a_damaged_file_is_read_or_refused_soon(
    changes: list[tuple[int, int]], kept: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where the library that wrote it would end the program."""
    file = write_with_ezc3d(tmp_path_factory.mktemp("c3d") / "a.c3d", "mm", points())
    content = bytearray(file.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    file.write_bytes(content[:kept])
    with suppress(InputError):
        read_c3d(file)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda data: data[:300], "does not begin with a C3D header"),
        (lambda data: data[:-512], "ends before its last frame"),
        (lambda data: data.replace(b"pelvis", b"\xff\xfe\xfd\xfc\xfb\xfa"), "decode"),
        (lambda data: data[:515] + b"\x55" + data[516:], "order of bytes of old computers"),
        (lambda data: data[:12] + struct.pack("<f", float("nan")) + data[16:], "say different things"),
        (lambda data: data[:2] + struct.pack("<H", 9) + data[4:], "say different things"),
        (lambda data: data.replace(b"RATE", b"HATE"), "'RATE'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(change: object, complaint: str, tmp_path: Path) -> None:
    file = write_with_ezc3d(tmp_path / "walk.c3d", "mm", points())
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(
        InputError, match=rf"walk\.c3d is not a usable C3D file: .*{complaint}.*; get or export it again"
    ):
        read_c3d(file)
    with pytest.raises(InputError, match=r"there is no C3D file .*none\.c3d"):
        read_c3d(tmp_path / "none.c3d")
