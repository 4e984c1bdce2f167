"""Crops of people whose joints somebody marked in single pictures, PER_SHARD people in a part."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from epipose.datasets import MarkedPerson
from epipose.geometry.crop_frames import MARGIN, box_frame
from epipose.io.fingerprints import fingerprint
from epipose.io.pictures import read_picture
from epipose.io.shard_index import CropLabels
from epipose.io.shard_writing import PER_SHARD, LabelledCrop
from epipose.pipeline.prepare_shards import CropSource, Cutting, PartJob
from epipose.pose.skeletons import Skeleton
from epipose.training.crop_examples import FEWEST_JOINTS
from epipose.training.recorded_examples import ROOM


@dataclass(frozen=True, eq=False)
class MarkedCrops(CropSource):
    """Those of a data set whose joints are known in pictures only."""

    dataset: str
    skeleton_marked: Skeleton
    people: Sequence[MarkedPerson]
    """Of whom enough is known."""
    notes: Sequence[str]
    cutting: Cutting

    @classmethod
    def of(
        cls, dataset: str, skeleton: Skeleton, people: Sequence[MarkedPerson], notes: Sequence[str], cutting: Cutting
    ) -> "MarkedCrops":
        """Take those who show enough joints, and say how many do not."""
        asked = people[:: cutting.every]
        kept = [person for person in asked if person.marked.sum() >= FEWEST_JOINTS]
        said = f"{len(asked) - len(kept)} people with fewer than {FEWEST_JOINTS} marked joints were left out"
        return cls(dataset, skeleton, kept, (*notes, *([said] if len(kept) < len(asked) else [])), cutting)

    @property
    def skeleton(self) -> Skeleton:
        """Return which joints were marked."""
        return self.skeleton_marked

    def parts(self) -> dict[str, str]:
        """Return the fingerprints of so many people each; pictures are known by their names and sizes."""
        side = self.cutting.side
        return {
            name: fingerprint(self.dataset, side, [_told(person) for person in part]) for name, part in self._parts()
        }

    def jobs(self, parts: Mapping[str, str]) -> Iterator["_PeopleJob"]:
        """Yield what makes some of them."""
        for name, people in self._parts():
            if name in parts:
                yield _PeopleJob(name, parts[name], people, self.cutting.side)

    def _parts(self) -> Iterator[tuple[str, Sequence[MarkedPerson]]]:
        for split in dict.fromkeys(_split(person) for person in self.people):
            people = [person for person in self.people if _split(person) == split]
            for begin in range(0, len(people), PER_SHARD):
                yield f"{split}/people{begin:06d}", people[begin : begin + PER_SHARD]


def _split(person: MarkedPerson) -> str:
    return str(person.about["split"])


def _told(person: MarkedPerson) -> list[str | int | float]:
    """Return all that decides a crop."""
    arrays = (person.pixels, person.marked, person.visible, person.box)
    numbers = [float(number) for array in arrays for number in array.ravel()]
    about = [str(part) for pair in person.about.items() for part in pair]
    return [person.name, person.picture.name, person.picture.stat().st_size, str(person.head_px), *about, *numbers]


@dataclass(frozen=True, eq=False)
class _PeopleJob(PartJob):
    """People who are to be cut out of their pictures."""

    part: str
    fingerprint: str
    people: Sequence[MarkedPerson]
    side: int

    def crops(self) -> Iterator[LabelledCrop]:
        """Cut them."""
        last, picture = None, np.zeros((0, 0, 3), np.uint8)
        for person in self.people:
            if person.picture != last:  # several people in one picture come together
                last, picture = person.picture, read_picture(person.picture, as_stored=True)
            pixels = person.pixels.astype(np.float64)
            at = box_frame(pixels[person.marked], self.side, margin=ROOM["box"] * MARGIN)
            yield (
                at.cut(picture),
                CropLabels(
                    name=person.name,
                    recording=_split(person),
                    view="",
                    frame=0,
                    picture_wh=(picture.shape[1], picture.shape[0]),
                    crop_from_px=at.crop_from_px,
                    pixels=np.where(person.marked[:, None], pixels, np.nan),
                    weight=person.marked.astype(np.float32),
                    visible=person.visible,
                    box=person.box,
                    about={"action": person.about.get("activity", "")},
                    head_px=person.head_px,
                ),
            )
