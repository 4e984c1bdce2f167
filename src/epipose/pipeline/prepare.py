"""The stage that makes shards of crops, or capture folders, of a published data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from epipose import datasets, plugins
from epipose.datasets import Dataset, MarkedPictures, Wanted
from epipose.errors import InputError
from epipose.pipeline.marked_crops import MarkedCrops
from epipose.pipeline.prepare_captures import make_captures
from epipose.pipeline.prepare_shards import SIDE, SMALLEST, Cutting, make_shards
from epipose.pipeline.progress import Report, no_report
from epipose.pipeline.recorded_crops import RecordedCrops

Form = Literal["shards", "captures"]
EVERYTHING = Wanted()


@dataclass(frozen=True)
class Prepared:
    """What was made."""

    out: Path
    recordings: tuple[str, ...]
    """Names of all recordings that were asked for; of single pictures, the splits."""
    parts: int
    """Captures; of shards, views of recordings, or so many single pictures."""
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
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder with --out")
    cutting = Cutting(every, side)
    reader: Dataset | MarkedPictures = plugins.load(datasets, dataset)
    if isinstance(reader, MarkedPictures):
        if form == "captures":
            raise InputError(f"{dataset} has single pictures, which make no captures; leave out --as captures")
        people, notes = reader.people(root, wanted)
        marked = MarkedCrops.of(dataset, reader.skeleton, people, notes, cutting)
        splits = tuple(dict.fromkeys(str(person.about["split"]) for person in marked.people))
        return Prepared(out, splits, *make_shards(marked, out, progress), (), tuple(marked.notes))
    if wanted.splits:
        raise InputError(f"{dataset} is not prepared by splits; choose with --subjects and --actions instead")
    recordings, notes = reader.recordings(root, wanted)
    if form == "captures":
        made = make_captures(dataset, recordings, out, every, progress)
    else:
        made = make_shards(RecordedCrops(dataset, recordings, notes, cutting), out, progress)
    views = tuple(dict.fromkeys(view for recording in recordings for view in recording.cameras))
    return Prepared(out, tuple(recording.name for recording in recordings), *made, views, tuple(notes))
