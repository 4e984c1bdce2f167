"""People whose place in the picture is given: a network is shown them as it was taught, and nobody is looked for.

Protocols of data sets have it so: they ask how well a network sees a pose, not how well somebody found the person.
Every picture is seen by itself, without smoothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.geometry.crop_frames import CropFrame, paper_frame
from epipose.geometry.lenses import Lens
from epipose.pose.conversion import conversion
from epipose.pose.roots import from_root
from epipose.pose.skeletons import Skeleton
from epipose.runtime.cutters import Cutter, usual_cutter
from epipose.runtime.found import Found
from epipose.runtime.lifting import lift_frame, lift_input
from epipose.runtime.networks import Network
from epipose.runtime.placing import Placing
from epipose.runtime.sizes import usual_sizes
from epipose.runtime.spotting import FEWEST_JOINTS, Seen


@dataclass(frozen=True, eq=False)
class Given:
    """One person in one picture."""

    picture: UInt8[ndarray, "height width 3"] | None
    """None for a network that lifts joints, which needs none."""
    pixels: Float[ndarray, "given_joints 2"]
    score: Float[ndarray, "given_joints"]
    """0 to 1."""
    root: Float[ndarray, "3"] | None
    """Where the root truly is (metres, camera axes), where that may be used; else None."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network says of one person."""

    joints: Float[ndarray, "joints 3"]
    """Metres from the root, in camera axes."""
    weight: Float[ndarray, "joints"]
    """Its confidence, 0 to 1; 0 for a joint that is not known."""


class GivenPeople:
    """Shows a network people whose joints, of skeleton `given`, are known in the pictures of a camera of some `lens`.

    With their true roots, units become metres by the distance from the camera, and 2 m around the root are cut where
    networks were taught so; without, both follow from how large the people were on whom the network was taught.
    """

    def __init__(self, network: Network, given: Skeleton, lens: Lens) -> None:
        described = network.description
        self._network, self._lens = network, lens
        self._conversion = conversion(given, described.skeleton)
        self._placing = Placing(described.skeleton, usual_sizes(described, None), lens)
        self._cutter = usual_cutter(described, self._placing)

    def __call__(self, people: Sequence[Given]) -> list[Answer | None]:
        """Return what the network says of each; None for people of whom too little is in the picture."""
        seen = [self._seen(one) for one in people]
        kept = [index for index, one in enumerate(seen) if np.count_nonzero(one.sure) >= FEWEST_JOINTS]
        look = self._lifted if self._network.description.kind == "lift" else self._cropped
        found = look([people[index] for index in kept], [seen[index] for index in kept])
        answers: list[Answer | None] = [None] * len(people)
        for index, one in zip(kept, found, strict=True):
            answers[index] = None if one is None else self._answer(one, people[index].root)
        return answers

    def _seen(self, person: Given) -> Seen:
        return Seen(*self._conversion.apply(person.pixels, person.score))

    def _lifted(self, _: Sequence[Given], seen: Sequence[Seen]) -> list[Found | None]:
        frames = [lift_frame(one, self._network.description.margin) for one in seen]
        return self._run(frames, [lift_input(one, frame) for one, frame in zip(seen, frames, strict=True)])

    def _cropped(self, people: Sequence[Given], seen: Sequence[Seen]) -> list[Found | None]:
        frames = [self._first_frame(*one) for one in zip(people, seen, strict=True)]
        found = self._run(frames, self._crops(people, frames))
        if self._network.description.frame == "box" or all(one.root is not None for one in people):
            return found
        # What the first look tells of the person's size says better where 2 m end.
        again = [_around(self._cutter, *one) for one in zip(found, people, strict=True)]
        return self._run(again, self._crops(people, again))

    def _first_frame(self, person: Given, seen: Seen) -> CropFrame | None:
        assert person.picture is not None, "a network that sees pictures is given them"
        if self._network.description.frame == "paper" and person.root is not None:
            return paper_frame(self._lens, person.root, self._network.description.size)
        return self._cutter.detected(seen, _size_wh(person.picture))

    def _crops(self, people: Sequence[Given], frames: Sequence[CropFrame | None]) -> list[ndarray]:
        return [
            frame.cut(person.picture)
            for person, frame in zip(people, frames, strict=True)
            if frame is not None and person.picture is not None
        ]

    def _run(self, frames: Sequence[CropFrame | None], given: Sequence[ndarray]) -> list[Found | None]:
        """Return what the network finds in each crop that there is, all in one run; `given` are its inputs."""
        if not given:
            return [None] * len(frames)
        answers = zip(*(array.astype(np.float64) for array in self._network(np.stack(given))), strict=True)
        return [None if frame is None else Found(frame, *next(answers)) for frame in frames]

    def _answer(self, found: Found, root: Float[ndarray, "3"] | None) -> Answer | None:
        if root is None:
            shape = self._placing.shape(found)
            size = self._placing.size(shape, found.confidence)
            person = self._placing.person(found, shape, size, 0)
            joints, weight = person.joints.astype(float), person.weight.astype(float)
        else:
            joints, valid = found.frame.metres(self._lens, found.units, float(root[2]))
            weight = found.confidence * valid
        if not (weight > 0).any():
            return None
        return Answer(from_root(joints, self._placing.skeleton), weight)


def _around(cutter: Cutter, found: Found | None, person: Given) -> CropFrame | None:
    assert person.picture is not None, "a network that sees pictures is given them"
    return None if found is None else cutter.found(found, _size_wh(person.picture))


def _size_wh(picture: UInt8[ndarray, "height width 3"]) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]
