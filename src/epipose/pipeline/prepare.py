"""The stage that makes shards of crops, or capture folders, of a published data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from epipose import datasets, plugins
from epipose.datasets import Dataset, Wanted
from epipose.errors import InputError
from epipose.pipeline.prepare_captures import make_captures
from epipose.pipeline.prepare_shards import SIDE, SMALLEST, Cutting, make_shards
from epipose.pipeline.progress import Report, no_report

Form = Literal["shards", "captures"]
EVERYTHING = Wanted()


@dataclass(frozen=True)
class Prepared:
    """What was made."""

    out: Path
    recordings: tuple[str, ...]
    """Names of all recordings that were asked for."""
    parts: int
    """Captures, or, in shards, views of recordings."""
    written: int
    """How many of them were made now; the others were there."""
    examples: int
    """Poses of captures, or crops in shards."""
    views: tuple[str, ...]
    notes: tuple[str, ...]
    """What was left out or assumed, one sentence each."""


def prepare(
    dataset: str,
    root: Path,
    out: Path,
    wanted: Wanted = EVERYTHING,
    *,
    form: Form = "shards",
    every: int = 1,
    side: int = SIDE,
    progress: Report = no_report,
) -> Prepared:
    """Write a data set under `root` into `out`: crops of `side` pixels in shards, or a capture for each recording.

    `every` N keeps each N-th moment. What was made before from the same files is left alone.
    Raises InputError, with the remedy, for files that are missing or damaged.
    """
    if every < 1:
        raise InputError(f"every {every}th moment cannot be kept; give 1 or more")
    if side < SMALLEST:
        raise InputError(f"crops of {side} pixels show nothing; give {SMALLEST} or more")
    reader: Dataset = plugins.load(datasets, dataset)
    recordings, notes = reader.recordings(root, wanted)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder with --out")
    parts = len(recordings) if form == "captures" else sum(len(recording.cameras) for recording in recordings)
    if form == "captures":
        written, examples = make_captures(dataset, recordings, out, every, progress)
    else:
        written, examples = make_shards(dataset, recordings, notes, out, Cutting(every, side), progress)
    views = tuple(dict.fromkeys(view for recording in recordings for view in recording.cameras))
    names = tuple(recording.name for recording in recordings)
    return Prepared(out, names, parts, written, examples, views, tuple(notes))
