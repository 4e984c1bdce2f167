"""DeepLabCut's CSV and HDF5 files, also as Lightning Pose and Anipose write them.

Columns have three or four names: scorer, (individual,) bodypart, and coordinate x, y or likelihood; rows are numbered
by frame. HDF5 files are pandas' data frames in its "table" (DeepLabCut's) or "fixed" layout, read here without pandas.
Individuals become people; body parts that only the individual "single" has belong to nobody and are left out. Without
a likelihood (labels by hand) a point that is there has score 1. DeepLabCut counts pixels from the first pixel's
centre, as we do; coordinates are taken as they are.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.hdf5 import HDF5_SUFFIXES, hdf5_file, plain_lists, whole
from epipose.io.keypoint_files import Hints, KeypointFormat
from epipose.io.keypoint_files._assembly import named_keypoints
from epipose.pose.keypoints import Keypoints

_LEVELS = (["scorer", "bodyparts", "coords"], ["scorer", "individuals", "bodyparts", "coords"])


class _Table(NamedTuple):
    columns: Sequence[tuple[str, ...]]
    """Scorer, (individual,) bodypart, coordinate."""
    values: Float[ndarray, "frames columns"]
    frame_numbers: Float[ndarray, "frames"]


class _DeepLabCut(KeypointFormat):
    def recognises(self, path: Path) -> bool:
        if path.suffix.lower() == ".csv" and path.is_file():
            with path.open("rb") as file:
                return file.read(10).removeprefix(b"\xef\xbb\xbf").startswith(b"scorer")
        if path.suffix.lower() in HDF5_SUFFIXES and path.is_file():
            with hdf5_file(path) as file:
                return any("pandas_type" in group.attrs for group in file.values())
        return False

    def read(self, path: Path, hints: Hints) -> Keypoints:
        table = _read_csv(path) if path.suffix.lower() == ".csv" else _read_hdf5(path)
        names, points = _people(path, table)
        return named_keypoints(path, names, points, table.frame_numbers, hints)


def _read_csv(path: Path) -> _Table:
    rows: list[Float[ndarray, "columns"]] = []
    header: list[list[str]] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file)
            while len(header) < 4 and (not header or header[-1][:1] != ["coords"]):
                header.append(next(lines))
            if [line[0] for line in header if line] not in _LEVELS or len({len(line) for line in header}) != 1:
                raise InputError(f"{path} does not start with scorer, bodyparts and coords; export it from DeepLabCut")
            rows.extend(_numbers(path, lines.line_num, line, len(header[0])) for line in lines if line)
    except StopIteration:
        raise InputError(f"{path} ends before its first frame; export it again") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a whole CSV file; export it again") from error
    table = np.array(rows).reshape(-1, len(header[0]))
    return _Table(list(zip(*(line[1:] for line in header), strict=True)), table[:, 1:], table[:, 0])


def _numbers(path: Path, line_number: int, cells: list[str], length: int) -> Float[ndarray, "columns"]:
    try:
        if len(cells) == length and cells[0]:
            return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        pass
    raise InputError(f"line {line_number} of {path} is not a frame number and {length - 1} numbers; export it again")


def _read_hdf5(path: Path) -> _Table:
    with hdf5_file(path) as file:
        frame = next(group for group in file.values() if "pandas_type" in group.attrs)
        columns, values, numbers = _table_layout(frame) if "table" in frame else _fixed_layout(frame)
        if values.shape != (len(numbers), len(columns)):
            raise ValueError("the data frame holds something else than coordinates")
        named = [tuple(str(name) for name in column) for column in columns]
        return _Table(named, values.astype(float), numbers.astype(float))


def _table_layout(frame: Any) -> tuple[Sequence[Any], ndarray, ndarray]:
    """Return column names, values and row numbers of a data frame written with format="table"."""
    columns, table = plain_lists(bytes(frame["table"].attrs["values_block_0_kind"])), whole(frame["table"])
    if table.dtype.names != ("index", "values_block_0"):
        raise ValueError("the data frame has columns of several types")
    return columns, table["values_block_0"], table["index"]


def _fixed_layout(frame: Any) -> tuple[Sequence[Any], ndarray, ndarray]:
    """Return column names, values and row numbers of a data frame written with format="fixed"."""
    names = []
    for level in range(frame.attrs["block0_items_nlevels"]):
        texts = [text.decode("utf-8") for text in whole(frame[f"block0_items_level{level}"]).tolist()]
        names.append([texts[code] for code in whole(frame[f"block0_items_label{level}"])])
    if "block1_values" in frame:
        raise ValueError("the data frame has columns of several types")
    return list(zip(*names, strict=True)), whole(frame["block0_values"]), whole(frame["axis1"])


def _people(path: Path, table: _Table) -> tuple[list[str], Float[ndarray, "frames people joints 3"]]:
    """Return the body parts, and x, y and likelihood of each individual's (NaN where there is no such column)."""
    parts: dict[str, list[str]] = {}
    place: dict[tuple[str, str, str], int] = {}
    for position, column in enumerate(table.columns):
        if len(column) not in (3, 4) or column[-1] not in ("x", "y", "likelihood"):
            raise InputError(
                f"{path} has a column {'/'.join(column)!r}; only x, y and likelihood of body parts are read"
            )
        individual, part, coordinate = column[1] if len(column) == 4 else "", column[-2], column[-1]
        if (individual, part, coordinate) in place:
            raise InputError(f"{path} has two columns {'/'.join(column)!r}; keep one scorer's")
        place[individual, part, coordinate] = position
        if part not in parts.setdefault(individual, []):
            parts[individual].append(part)
    if len(parts) > 1 and not any(set(parts.get("single", [])) & set(p) for i, p in parts.items() if i != "single"):
        parts.pop("single", None)
    names = list(dict.fromkeys(part for some in parts.values() for part in some))
    padded = np.concatenate([table.values, np.full((len(table.values), 1), np.nan), np.ones((len(table.values), 1))], 1)
    nowhere = {"x": -2, "y": -2, "likelihood": -1}
    columns = [
        [[place.get((individual, part, c), nowhere[c]) for c in ("x", "y", "likelihood")] for part in names]
        for individual in parts
    ]
    return names, padded[:, np.array(columns, dtype=int).reshape(len(parts), len(names), 3)]


PLUGIN = _DeepLabCut()
