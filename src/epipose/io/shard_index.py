"""What is known of the crops in shards: a table with one row for each (`index.parquet`), and what they have in common.

Columns, in metres, seconds and pixels; a number that is not known is NaN, a word "":

- `key`, `shard`, `offset`, `length`: the crop's name, its tar file in the folder, and where in it the JPEG is (bytes).
- `recording`, `subject`, `action`, `take`, `view`, `frame`, `person`, `time_s`: where it comes from.
- `pixels` (joints 2), `box` (x0 y0 x1 y1) of the joints, `picture_wh`: in the picture it was cut from, also beyond its
  edges. `crop_from_px` (2 3): the affine map from there to the crop. `head_px`: length of the head, if a data set says
  it.
- `weight` (joints): how much each counts, 0 to 1; 0 where it is not known or out of the picture. `visible` (joints).
- `metres` (joints 3): in the camera's axes. `lens`, `lens_parameters` (fx fy cx cy and its coefficients), and
  `cam_from_world` (3 4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Fisheye, Human36mLens, Lens, Pinhole
from epipose.geometry.rigid import Rigid
from epipose.plugins import missing_extra

# What pyarrow raises on damaged files: its own errors are kinds of these.
_DAMAGE = (OSError, ValueError, TypeError, LookupError, NotImplementedError, MemoryError, RuntimeError, ArithmeticError)

LENSES: dict[str, type[Lens]] = {
    "pinhole": Pinhole,
    "brown_conrady": BrownConrady,
    "human36m": Human36mLens,
    "fisheye": Fisheye,
}
Table = Any
"""Of pyarrow, which is optional and says nothing of its types."""


@dataclass(frozen=True, eq=False)
class CropLabels:
    """What is known of one crop; see the columns above."""

    recording: str
    view: str
    frame: int
    picture_wh: tuple[int, int]
    crop_from_px: Float[ndarray, "2 3"]
    pixels: Float[ndarray, "joints 2"]
    weight: Float[ndarray, "joints"]
    visible: Bool[ndarray, "joints"]
    box: Float[ndarray, "4"]
    name: str = ""
    """Of this crop alone, where a data set has one."""
    person: int = 0
    time_s: float = float("nan")
    about: Mapping[str, str | int] = field(default_factory=dict)
    """Subject, action and take, where a data set has them."""
    metres: Float[ndarray, "joints 3"] | None = None
    camera: Camera | None = None
    head_px: float = float("nan")

    @property
    def key(self) -> str:
        """What its files are called in a shard; without dots, which begin a suffix there."""
        name = self.name or f"{self.recording}_{self.view}_{self.frame:06d}_{self.person}"
        return name.replace(".", "-").replace("/", "-")

    def as_row(self) -> dict[str, Any]:
        """Return it as the row of a table, but for where its picture is."""
        nowhere = np.full((len(self.weight), 3), np.nan)
        camera = self.camera
        motion = np.full((3, 4), np.nan) if camera is None else camera.cam_from_world.matrix
        return {
            "key": self.key,
            "recording": self.recording,
            **{name: str(self.about.get(name, "")) for name in ("subject", "action", "take")},
            "view": self.view,
            "frame": self.frame,
            "person": self.person,
            "time_s": self.time_s,
            "picture_wh": list(self.picture_wh),
            "crop_from_px": self.crop_from_px.ravel().tolist(),
            "pixels": _short(self.pixels),
            "box": _short(self.box),
            "head_px": self.head_px,
            "weight": _short(self.weight),
            "visible": self.visible.tolist(),
            "metres": _short(nowhere if self.metres is None else self.metres),
            "lens": "" if camera is None else _lens_name(camera.lens),
            "lens_parameters": [] if camera is None else camera.lens.parameters.tolist(),
            "cam_from_world": motion.ravel().tolist(),
        }


def _short(numbers: Float[ndarray, "*any"]) -> list[float]:
    """Return numbers as few digits as single precision has."""
    return [float(str(number)) for number in numbers.astype(np.float32).ravel()]


def _lens_name(lens: Lens) -> str:
    return next(name for name, kind in LENSES.items() if type(lens) is kind)


def camera_of(row: dict[str, Any]) -> Camera | None:
    """Return the camera of a row of the table, if it is known."""
    if not row["lens"]:
        return None
    motion = np.array(row["cam_from_world"]).reshape(3, 4)
    width, height = row["picture_wh"]
    fx, fy, cx, cy, *coefficients = row["lens_parameters"]
    lens = LENSES[row["lens"]]((fx, fy), (cx, cy), tuple(coefficients))
    return Camera(lens, Rigid(motion[:, :3], motion[:, 3]), (width, height))


def table_of(rows: Sequence[Mapping[str, Any]], joints: int) -> Table:
    """Return the table of rows for a skeleton of so many joints."""
    return _arrow().Table.from_pylist(list(rows), schema=schema(joints))


def joined(tables: Sequence[Table], joints: int) -> Table:
    """Return the rows of several tables, in their order."""
    return _arrow().concat_tables([table_of([], joints), *tables])


def write_table(file: IO[bytes], table: Table) -> None:
    """Write a table as Parquet: the same bytes for the same rows."""
    _parquet().write_table(table, file, compression="zstd", write_page_checksum=True)


def read_table(data: bytes, name: str) -> Table:
    """Return the table that a Parquet file of some name holds; raises InputError when it is damaged."""
    try:
        table = _parquet().read_table(BytesIO(data), page_checksum_verification=True, use_threads=False)
        table.validate(full=True)
    except _DAMAGE as error:
        raise InputError(f"{name} is not a whole table of crops; make it again with epipose prepare") from error
    return table


def said_of_itself(path: Path, key: bytes) -> bytes:
    """Return what the metadata of a Parquet file say under a key; nothing where it is missing or damaged."""
    try:
        metadata = _parquet().read_schema(path).metadata or {}
    except _DAMAGE:
        return b""
    return bytes(metadata.get(key, b""))


def numbers(table: Table, column: str, *shape: int) -> ndarray:
    """Return a column as an array (rows, *shape)."""
    chunks = table.column(column).combine_chunks()
    flat = chunks.flatten() if shape else chunks
    return np.asarray(flat.to_numpy(zero_copy_only=False)).reshape(len(table), *shape)


def focal_lengths(table: Table) -> Float[ndarray, "rows"]:
    """Return the mean of fx and fy of every row, in pixels; NaN where the lens is not known."""
    return np.asarray(_lenses(table)[1].mean(axis=1))


def sound_lenses(table: Table) -> bool:
    """Return whether all lenses are such as there are."""
    counts, focal, rest = _lenses(table)
    kinds = table.column("lens").combine_chunks().dictionary_encode()
    of_kind = kinds.indices.to_numpy()
    for number, name in enumerate(kinds.dictionary.to_pylist()):
        allowed = (
            [0] if name == "" else [4 + count for count in LENSES[name].coefficient_counts] if name in LENSES else []
        )
        if not np.isin(counts[of_kind == number], allowed).all():
            return False
    return bool(np.isfinite(rest).all() and (focal[counts > 0] > 0).all())


def _lenses(table: Table) -> tuple[Int[ndarray, "rows"], Float[ndarray, "rows 2"], Float[ndarray, "parameters"]]:
    """Return how many parameters the lens of every row has, fx and fy (NaN without a lens), and all of them."""
    lists = table.column("lens_parameters").combine_chunks()
    counts = np.asarray(lists.value_lengths().to_numpy(zero_copy_only=False)).astype(np.int64)
    every = np.asarray(lists.flatten().to_numpy(zero_copy_only=False))
    begins = np.cumsum(counts) - counts
    known = counts > 1
    focal = np.full((len(counts), 2), np.nan)
    focal[known] = every[begins[known, None] + [0, 1]]
    return counts, focal, every


def schema(joints: int) -> Any:
    """Return the columns for a skeleton of so many joints."""
    pa = _arrow()

    def listed(count: int, kind: Any) -> Any:
        return pa.list_(pa.field("element", kind, nullable=False), count)

    columns = {
        "key": pa.string(),
        "shard": pa.string(),
        "offset": pa.int64(),
        "length": pa.int32(),
        **dict.fromkeys(("recording", "subject", "action", "take", "view"), pa.string()),
        "frame": pa.int32(),
        "person": pa.int32(),
        "time_s": pa.float64(),
        "picture_wh": listed(2, pa.int32()),
        "crop_from_px": listed(6, pa.float64()),
        "pixels": listed(2 * joints, pa.float32()),
        "box": listed(4, pa.float32()),
        "head_px": pa.float32(),
        "weight": listed(joints, pa.float32()),
        "visible": listed(joints, pa.bool_()),
        "metres": listed(3 * joints, pa.float32()),
        "lens": pa.string(),
        "lens_parameters": listed(-1, pa.float64()),
        "cam_from_world": listed(12, pa.float64()),
    }
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()])


def _arrow() -> Any:
    """Import pyarrow; raises InputError, with the remedy, where it is not installed."""
    try:
        import pyarrow
    except ImportError as error:
        raise missing_extra("reading and writing shards", "datasets") from error
    return pyarrow


def _parquet() -> Any:
    _arrow()
    import pyarrow.parquet

    return pyarrow.parquet
