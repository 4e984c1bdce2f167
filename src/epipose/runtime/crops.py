"""Everybody in the frames of a video, by a network that sees one crop: it shows itself where to cut the next one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.detectors import Look
from epipose.geometry.crop_frames import CropFrame
from epipose.runtime.cutters import Cutter
from epipose.runtime.found import Found
from epipose.runtime.networks import Network
from epipose.runtime.spotting import Seen, Spotter, apart

CALM_S, LOOK_S = 0.5, 0.25
"""Seconds after which the detector looks as well, for newcomers: while all are surely followed, and otherwise."""
LOST, DOUBTED = 0.1, 0.2
"""Sureness (see `Found`) below which somebody is lost, and below which the detector must see them as well.

Our `small` is below 0.1 in 99 of 100 crops without people, 0.11 at most; of people it was 0.38 or more in the demo's
recording, and 0.14 or more on real footage, which it has never seen.
"""
PATIENCE = 4
"""Looks of the detector in a row that may miss somebody who is doubted."""
SAME, ALIKE = 0.1, 0.2
"""Distance of joints, in sides of a crop, below which two findings are one person, and a finding a detection."""

_PEOPLE = 12
"""Who is followed at a time, at most."""

Picture = UInt8[ndarray, "height width 3"]


@dataclass(frozen=True, eq=False)
class _Followed:
    found: Found
    missed: int = 0
    """In how many looks in a row the detector has not seen this person."""


class CropLook:
    """Follows everybody through one video; the first frame, by itself, is looked at as any picture is.

    `look` is an open session of the detector, which sees a few frames a second; `cutter` cuts crops as the network was
    taught on.
    """

    def __init__(self, network: Network, cutter: Cutter, spotter: Spotter, look: Look) -> None:
        self._network, self._cutter, self._spotter, self._look = network, cutter, spotter, look
        self._mirror = network.description.skeleton.mirror
        self._people: list[_Followed] = []
        self._looked = -np.inf

    def __call__(self, picture: Picture, time: float) -> list[Found]:
        """Return the people in the next frame, taken at `time` (seconds)."""
        people = self._followed(picture)
        calm = 0 < len(people) == len(self._people) and all(person.found.sureness >= DOUBTED for person in people)
        if time - self._looked >= (CALM_S if calm else LOOK_S):
            people = self._with_newcomers(picture, people)
            self._looked = time
        self._people = people
        return [person.found for person in people]

    def _followed(self, picture: Picture) -> list[_Followed]:
        """Return those of the last frame's people who are still there."""
        frames = [self._cutter.found(person.found, _size_wh(picture)) for person in self._people]
        findings = iter(self._found(picture, frames))
        people = [
            _Followed(next(findings), person.missed)
            for person, frame in zip(self._people, frames, strict=True)
            if frame is not None
        ]
        return self._distinct([person for person in people if person.found.sureness >= LOST])

    def _with_newcomers(self, picture: Picture, people: list[_Followed]) -> list[_Followed]:
        """Return `people` but those who were never there, and newcomers."""
        detected = self._spotter.people(self._look, picture)
        seen = [any(self._is_alike(person.found, other) for other in detected) for person in people]
        known = [
            _Followed(person.found, 0 if there or person.found.sureness >= DOUBTED else person.missed + 1)
            for person, there in zip(people, seen, strict=True)
        ]
        new = [other for other in detected if not any(self._is_alike(person.found, other) for person in people)]
        found = self._found(picture, [self._cutter.detected(other, _size_wh(picture)) for other in new])
        # The network's own joints, not the detector's, say where it is used to cut.
        found = self._found(picture, [self._cutter.found(one, _size_wh(picture)) for one in found])
        newcomers = [_Followed(one) for one in sorted(found, key=lambda one: -one.sureness) if one.sureness >= LOST]
        kept = [person for person in known if person.missed < PATIENCE]
        return self._distinct([*kept, *newcomers])[:_PEOPLE]

    def _found(self, picture: Picture, frames: Sequence[CropFrame | None]) -> list[Found]:
        """Return what the network finds in each crop that there is, all in one run."""
        there = [frame for frame in frames if frame is not None]
        if not there:
            return []
        crops = np.stack([frame.cut(picture) for frame in there])
        positions, confidence = (array.astype(np.float64) for array in self._network(crops))
        return [Found(*one) for one in zip(there, positions, confidence, strict=True)]

    def _is_alike(self, found: Found, seen: Seen) -> bool:
        return apart(found.pixels, seen, self._mirror) < ALIKE * found.frame.side_px

    def _distinct(self, people: Sequence[_Followed]) -> list[_Followed]:
        """Return people once each; who comes first counts."""
        kept: list[_Followed] = []
        for person in people:
            whole = Seen(person.found.pixels, np.ones(len(self._mirror)))
            limit = SAME * person.found.frame.side_px
            if all(apart(other.found.pixels, whole, self._mirror) >= limit for other in kept):
                kept.append(person)
        return kept


def _size_wh(picture: Picture) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]
