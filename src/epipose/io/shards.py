"""Shards of crops, as `epipose.io.shard_writing` made them, read from a folder or a URL.

Any crop can be read alone: the index says where in which tar file its JPEG lies.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.places import Part, Place, place_of
from epipose.io.shard_index import Table, numbers, read_table, schema, sound_lenses
from epipose.io.shard_writing import FORMAT_VERSION, INDEX, MARK
from epipose.native_output import native_stderr_muted
from epipose.pose.skeletons import Skeleton, load_skeleton

AGAIN = "make it again with epipose prepare"
LARGEST_SIDE = 4096


@dataclass(frozen=True, eq=False)
class ShardsAbout:
    """What the crops of a folder have in common."""

    dataset: str
    skeleton: Skeleton
    side: int
    """Pixels of every crop along each side."""
    crops: int


@dataclass(frozen=True, eq=False)
class CropFiles:
    """Where pictures of crops lie, which is all that processes that read them need."""

    place: Place
    side: int
    """Pixels of every crop along each side."""
    names: tuple[str, ...]
    """Of shards."""
    shard: Int[ndarray, "crops"]
    """Of each crop, a place in `names`."""
    offset: Int[ndarray, "crops"]
    length: Int[ndarray, "crops"]

    def __len__(self) -> int:
        return len(self.shard)

    def of(self, rows: Int[ndarray, "n"]) -> "CropFiles":
        """Return only some of them, in that order."""
        return replace(self, shard=self.shard[rows], offset=self.offset[rows], length=self.length[rows])

    def pictures(self, rows: Iterable[int] | Int[ndarray, "n"]) -> UInt8[ndarray, "n side side 3"]:
        """Return some crops; raises InputError, naming the shard, where one cannot be read."""
        wanted = [Part(self.names[self.shard[row]], int(self.offset[row]), int(self.length[row])) for row in rows]
        found = np.empty((len(wanted), self.side, self.side, 3), np.uint8)
        files = self.place.parts(wanted)
        with native_stderr_muted():  # what the library of the format has to say of damaged files
            for number, data in enumerate(files):
                picture = _decoded(data)
                if picture is None or picture.shape != found.shape[1:]:
                    raise InputError(f"{self.place}/{wanted[number].name} is damaged; remove it and {AGAIN}")
                cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=found[number])
        return found


@dataclass(frozen=True, eq=False)
class Shards:
    """Crops that can be read one by one."""

    place: Place
    about: ShardsAbout
    table: Table
    """The index; see `epipose.io.shard_index`."""

    def __len__(self) -> int:
        return self.about.crops

    def __str__(self) -> str:
        return str(self.place)

    @cached_property
    def files(self) -> CropFiles:
        """Return where the pictures are."""
        names = self.table.column("shard").combine_chunks().dictionary_encode()
        places = (numbers(self.table, column).astype(np.int64) for column in ("offset", "length"))
        side, known = self.about.side, tuple(names.dictionary.to_pylist())
        return CropFiles(self.place, side, known, names.indices.to_numpy(), *places)

    def numbers(self, column: str, *shape: int) -> ndarray:
        """Return a column of the index as an array (crops, *shape)."""
        return numbers(self.table, column, *shape)

    def words(self, column: str) -> list[str]:
        """Return a column of the index that holds text."""
        found: list[str] = self.table.column(column).to_pylist()
        return found

    def row(self, row: int) -> dict[str, Any]:
        """Return what is known of one crop, by column."""
        found: dict[str, Any] = self.table.slice(row, 1).to_pylist()[0]
        return found


def _decoded(data: bytes) -> UInt8[ndarray, "height width 3"] | None:
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if picture is None else np.asarray(picture)


def open_shards(place: str | Path) -> Shards:
    """Open the shards in a folder or at a URL; raises InputError if they are missing, unfinished or damaged."""
    opened = place_of(place)
    about = _about(opened)
    name = f"{opened}/{INDEX}"
    table = read_table(opened.read(INDEX), name)
    if not table.schema.equals(schema(len(about.skeleton))):
        raise InputError(f"{name} has other columns than those of format {FORMAT_VERSION}; {AGAIN}")
    if len(table) != about.crops or not _sound(table, len(about.skeleton)):
        raise InputError(f"{name} does not belong to {MARK} beside it, or was changed; {AGAIN}")
    return Shards(opened, about, table)


def _about(place: Place) -> ShardsAbout:
    """Read what the crops have in common."""
    try:
        data = place.read(MARK)
    except InputError as error:
        raise InputError(f"{place} holds no {MARK}; name a folder that epipose prepare --as shards has made") from error
    try:
        table = json.loads(data)
        version, finished = table["format_version"], table.get("finished")
        if version == FORMAT_VERSION and finished is True:
            skeleton = load_skeleton(str(PurePosixPath(table["skeleton"]).name))
            side, crops = int(table["side"]), int(table["crops"])
            if list(skeleton.joint_names) == table["joint_names"] and 0 < side <= LARGEST_SIDE:
                return ShardsAbout(str(table["dataset"]), skeleton, side, crops)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, InputError) as error:
        raise InputError(f"{place}/{MARK} is damaged; {AGAIN}") from error
    if version != FORMAT_VERSION:
        raise InputError(f"{place}/{MARK} is not of format {FORMAT_VERSION}, which this epipose reads; {AGAIN}")
    if finished is not True:
        raise InputError(f"{place} is not finished; the same epipose prepare again goes on with it")
    raise InputError(f"{place}/{MARK} is of other joints than this epipose knows; {AGAIN}")


def _sound(table: Table, joints: int) -> bool:
    """Return whether a table says nothing that would lead astray who believes it."""
    names = table.column("shard").unique().to_pylist()
    if not all(_inside(name) for name in names):
        return False
    offset, length = numbers(table, "offset"), numbers(table, "length")
    weight, pixels = numbers(table, "weight", joints), numbers(table, "pixels", joints, 2)
    affine: Float[ndarray, "rows 2 3"] = numbers(table, "crop_from_px", 2, 3)
    with np.errstate(all="ignore"):
        scale = np.linalg.det(affine[..., :2])
    return bool(
        (offset >= 0).all()
        and (length > 0).all()
        and ((weight >= 0) & (weight <= 1)).all()
        and np.isfinite(pixels[weight > 0]).all()
        and np.isfinite(affine).all()
        and (np.isfinite(scale) & (scale != 0)).all()
        and sound_lenses(table)
    )


def _inside(name: str) -> bool:
    """Return whether a name is of a file in the folder itself."""
    path = PurePosixPath(name)
    return path.suffix == ".tar" and not path.is_absolute() and ".." not in path.parts and "\\" not in name
