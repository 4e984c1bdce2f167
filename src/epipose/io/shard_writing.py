"""Crops written as shards: JPEG and JSON in tar files, as WebDataset has them, and a table of them all.

```
shards.json                 what the crops have in common; the last to be written
index.parquet               one row for each crop
S1_Walking-1/
  55011271-0000.tar         KEY.jpg and KEY.json of up to PER_SHARD crops of one view
  55011271.parquet          their rows, from which the index is put together, and what they were made from
```

The same crops make the same bytes. A part, one view of a recording, can be made again alone: it is believed only if
its table is there, which is written last, and says of its tar files what they are.
"""

import json
import math
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import chain, count, islice
from pathlib import Path
from typing import IO, Any

from jaxtyping import UInt8
from numpy import ndarray

from epipose import __version__
from epipose.errors import InputError
from epipose.io.files import atomic_write
from epipose.io.pictures import as_jpeg
from epipose.io.shard_index import CropLabels, joined, read_table, said_of_itself, table_of, write_table
from epipose.pose.skeletons import Skeleton

FORMAT_VERSION = 1
MARK, INDEX = "shards.json", "index.parquet"
PER_SHARD = 1000
"""Crops in a tar file at most: some 15 MB."""
_SAID = b"epipose"
"""Key of what a part was made from, in the metadata of its table."""
_BLOCK = 512
"""Of tar files."""

LabelledCrop = tuple[UInt8[ndarray, "side side 3"], CropLabels]
"""A picture and what is known of it."""


def write_part(out: Path, part: str, crops: Iterable[LabelledCrop], joints: int, fingerprint: str) -> int:
    """Write a part, called RECORDING/VIEW, made from what `fingerprint` stands for; return how many crops it has."""
    _remove(out, part)
    rows: list[dict[str, Any]] = []
    files: dict[str, int] = {}
    waiting = iter(crops)
    for number in count():
        first = next(waiting, None)
        if first is None:
            break
        name = f"{part}-{number:04d}.tar"
        with atomic_write(out / name, "wb") as file:
            rows += _written(file, name, chain([first], islice(waiting, PER_SHARD - 1)))
        files[name] = (out / name).stat().st_size
    said = json.dumps({"fingerprint": fingerprint, "files": files})
    with atomic_write(_table_path(out, part), "wb") as file:
        write_table(file, table_of(rows, joints).replace_schema_metadata({_SAID: said}))
    return len(rows)


def _written(file: IO[bytes], name: str, crops: Iterable[LabelledCrop]) -> Iterator[dict[str, Any]]:
    """Write a tar file called `name`; yield the rows of its crops."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for picture, labels in crops:
            jpeg, row = as_jpeg(picture), labels.as_row()
            _add(tar, f"{labels.key}.jpg", jpeg)
            begin = file.tell() - -(-len(jpeg) // _BLOCK) * _BLOCK
            _add(tar, f"{labels.key}.json", json.dumps(_without_nan(row), allow_nan=False).encode())
            yield {**row, "shard": name, "offset": begin, "length": len(jpeg)}


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)  # of nobody, and of no time
    about.size = len(content)
    tar.addfile(about, BytesIO(content))


def _without_nan(value: Any) -> Any:
    """Return None for what is not known, as JSON has no word for it."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def is_made(out: Path, part: str, fingerprint: str) -> bool:
    """Return whether a part is there, whole and made from what `fingerprint` stands for."""
    try:
        said = json.loads(said_of_itself(_table_path(out, part), _SAID))
        sizes = {str(name): (out / name).stat().st_size for name in said["files"]}
        return bool(said["fingerprint"] == fingerprint and sizes == said["files"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False


def finished(out: Path, fingerprint: str) -> int | None:
    """Return how many crops are in a folder, if it is finished and made from what `fingerprint` stands for."""
    try:
        said = json.loads((out / MARK).read_text(encoding="utf-8"))
        known = said["finished"] is True and said["fingerprint"] == fingerprint and isinstance(said["crops"], int)
        return said["crops"] if known and said["index_bytes"] == (out / INDEX).stat().st_size else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def write_index(out: Path, parts: Sequence[str], joints: int) -> int:
    """Put the tables of parts together; return how many crops they have."""
    tables = [read_table(_table_path(out, part).read_bytes(), str(_table_path(out, part))) for part in parts]
    table = joined([part.replace_schema_metadata(None) for part in tables], joints)
    with atomic_write(out / INDEX, "wb") as file:
        write_table(file, table)
    return len(table)


def claim(out: Path) -> None:
    """Say that what is in a folder is not finished; raises InputError for a folder of somebody else."""
    there = out.is_dir() and any(not entry.name.startswith(".") for entry in out.iterdir())
    if there and not (out / MARK).is_file():
        raise InputError(f"{out} is there and holds no shards; name another place with --out")
    with atomic_write(out / MARK, "w") as file:
        file.write(json.dumps({"format_version": FORMAT_VERSION, "finished": False}) + "\n")


def finish(out: Path, dataset: str, skeleton: Skeleton, crops: int, said: dict[str, Any]) -> None:
    """Say that all crops of a folder are there, and what they have in common."""
    table = {
        "format_version": FORMAT_VERSION,
        "finished": True,
        "epipose_version": __version__,
        "dataset": dataset,
        "skeleton": skeleton.name,
        "joint_names": skeleton.joint_names,
        "crops": crops,
        "index_bytes": (out / INDEX).stat().st_size,
        **said,
    }
    with atomic_write(out / MARK, "w") as file:
        file.write(json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _table_path(out: Path, part: str) -> Path:
    return out / f"{part}.parquet"


def _remove(out: Path, part: str) -> None:
    """Take away what a part had, its table first, also what an interruption left half done."""
    table = _table_path(out, part)
    table.unlink(missing_ok=True)
    for pattern in (f"{table.stem}-*.tar", f".{table.stem}-*.part"):
        for file in table.parent.glob(pattern):
            file.unlink()
