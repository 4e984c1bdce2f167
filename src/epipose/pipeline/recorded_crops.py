"""Crops of people in recordings, one part for each view."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np

from epipose.datasets import Contents, Recording
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.fingerprints import camera_in_numbers, fingerprint
from epipose.io.pictures import read_picture
from epipose.io.shard_index import CropLabels
from epipose.io.shard_writing import LabelledCrop
from epipose.io.videos import Frame, read_frames
from epipose.pipeline.prepare_shards import CropSource, Cutting, PartJob
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton
from epipose.training.recorded_examples import Cut, FilmedView, Square, squares


@dataclass(frozen=True, eq=False)
class RecordedCrops(CropSource):
    """Those of a data set whose joints are known in 3D."""

    dataset: str
    recordings: Sequence[Recording]
    notes: Sequence[str]
    cutting: Cutting

    @property
    def skeleton(self) -> Skeleton:
        """Return that of the first recording; raises InputError if there are no pictures of it."""
        return _pictured(self.recordings[0]).poses.skeleton

    def parts(self) -> dict[str, str]:
        """Return the fingerprints of all views."""
        found = {}
        for recording in self.recordings:
            cutting = [self.cutting.every, self.cutting.side]
            before = fingerprint(self.dataset, recording.name, list(recording.sources), cutting)
            for view, camera in recording.cameras.items():
                found[f"{recording.name}/{view}"] = fingerprint(before, view, camera_in_numbers(camera))
        return found

    def jobs(self, parts: Mapping[str, str]) -> Iterator["_ViewJob"]:
        """Yield what makes the views, reading their recordings one after the other."""
        for recording in self.recordings:
            wanted = {view: f"{recording.name}/{view}" for view in recording.cameras}
            wanted = {view: part for view, part in wanted.items() if part in parts}
            if not wanted:
                continue
            contents = _pictured(recording)
            for view, part in wanted.items():
                source = contents.videos[view] if contents.videos else contents.pictures[view]
                camera = recording.cameras[view]
                yield _ViewJob(part, parts[part], camera, contents.poses, source, recording.about, self.cutting)


def _pictured(recording: Recording) -> Contents:
    """Read a recording; raises InputError where there are no pictures of it."""
    contents = recording.read()
    if not contents.videos and not contents.pictures:
        raise InputError(
            f"there are no pictures of {recording.name}, from which crops could be cut; put them beside the poses, or"
            " add --as captures"
        )
    return contents


@dataclass(frozen=True, eq=False)
class _ViewJob(PartJob):
    """A view that is to be cut."""

    part: str
    fingerprint: str
    camera: Camera
    poses: Poses
    source: Path | tuple[Path, ...]
    """A video, or a picture for each moment of the poses."""
    about: Mapping[str, str | int]
    """What the data set calls the recording."""
    cutting: Cutting

    def crops(self) -> Iterator[LabelledCrop]:
        """Cut them."""
        every, count = self.cutting.every, len(self.poses.times)
        view = FilmedView(self._names[1], self.camera, self._frames())
        for square in squares(view, self.poses, range(0, count, every), Cut.of_side(self.cutting.side)):
            yield square.picture, self._labels(square)

    @property
    def _names(self) -> tuple[str, str]:
        recording, _, view = self.part.rpartition("/")
        return recording, view

    def _frames(self) -> Iterator[Frame]:
        count = len(self.poses.times)
        if isinstance(self.source, Path):
            yield from takewhile(lambda frame: frame.index < count, read_frames(self.source))
            return
        for index in range(0, count, self.cutting.every):
            yield Frame(index, float(self.poses.times[index]), read_picture(self.source[index]))

    def _labels(self, square: Square) -> CropLabels:
        seen = square.seen
        return CropLabels(
            recording=self._names[0],
            view=self._names[1],
            frame=square.frame,
            person=seen.number,
            time_s=float(self.poses.times[square.frame]),
            picture_wh=self.camera.size_wh,
            crop_from_px=seen.crop_from_px,
            pixels=seen.pixels,
            weight=square.weight,
            visible=square.weight > 0,
            box=np.concatenate([np.nanmin(seen.pixels, axis=0), np.nanmax(seen.pixels, axis=0)]),
            metres=seen.metres,
            camera=self.camera,
            about=self.about,
        )
