"""The predictor: people in 3D, in single pictures or frame by frame."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.detectors import Detector
from epipose.geometry.lenses import Lens
from epipose.pose.filters import OneEuro
from epipose.pose.keypoints import Keypoints
from epipose.pose.roots import root
from epipose.pose.skeletons import Skeleton
from epipose.pose.tracking import BRIDGED_SECONDS, Tracker, person_sizes
from epipose.runtime.crops import CropLook
from epipose.runtime.cutters import usual_cutter
from epipose.runtime.found import Found
from epipose.runtime.lifting import LiftLook
from epipose.runtime.networks import Network
from epipose.runtime.placing import Measure, Person, Placing
from epipose.runtime.sizes import usual_sizes
from epipose.runtime.spotting import Spotter

LONGEST_STEP_S = 0.25
"""A pause after which nothing is smoothed."""

Picture = UInt8[ndarray, "height width 3"]
_Look = Callable[[Picture, float], list[Found]]


class Predictor:
    """A network and the detector that shows it people.

    With `lens` people are placed before the camera, by how large they are: of `height_m` (metres), else as the people
    that the network was taught on, else as average adults; see `measure` for what positions then mean.
    """

    def __init__(
        self, network: Network, detector: Detector, *, lens: Lens | None = None, height_m: float | None = None
    ) -> None:
        self.skeleton: Skeleton = network.description.skeleton
        self._network, self._spotter = network, Spotter(detector, self.skeleton)
        self._placing = Placing(self.skeleton, usual_sizes(network.description, height_m), lens)

    @property
    def measure(self) -> Measure:
        """Return what positions mean."""
        return self._placing.measure

    @property
    def has_lens(self) -> bool:
        """Return whether people are placed before the camera."""
        return self._placing.lens is not None

    @property
    def size_source(self) -> str:
        """Return where the size of people comes from, in words."""
        return self._placing.sizes.source

    def pictures(self, pictures: Iterable[Picture]) -> Iterator[tuple[Person, ...]]:
        """Yield the people in each picture, whatever is in others; one picture is held at a time."""
        for picture in pictures:
            with self._session() as look:
                found = look(picture, 0.0)
            people = []
            for slot, one in enumerate(found):
                shape = self._placing.shape(one)
                people.append(self._placing.person(one, shape, self._placing.size(shape, one.confidence), slot))
            yield tuple(people)

    @contextmanager
    def stream(self) -> Iterator["Stream"]:
        """Open a session for one video, or for one camera that is live."""
        with self._session() as look:
            yield Stream(look, self._placing)

    @contextmanager
    def _session(self) -> Iterator[_Look]:
        described = self._network.description
        with self._spotter.detector.session() as look:
            if described.kind == "crop":
                yield CropLook(self._network, usual_cutter(described, self._placing), self._spotter, look)
            else:
                yield LiftLook(self._network, self._spotter, look)


class Stream:
    """The people of one video, frame by frame: who is who, and without most of the jitter."""

    def __init__(self, look: _Look, placing: Placing) -> None:
        self._look, self._placing = look, placing
        self._slots = _Slots(placing.skeleton)
        self._filters: dict[int, _Smoothing] = {}

    def look(self, picture: Picture, time: float) -> tuple[Person, ...]:
        """Return the people in the next frame, taken at `time` (seconds)."""
        found = self._look(picture, time)
        slots = self._slots.of(found, (picture.shape[1], picture.shape[0]), time)
        people = []
        for one, slot in zip(found, slots, strict=True):
            if slot not in self._filters:
                self._filters[slot] = _Smoothing(self._placing)
            people.append(self._filters[slot](one, slot, time))
        return tuple(sorted(people, key=lambda person: person.slot))


class _Slots:
    """Keeps people in slots: each its own while seen; who comes later takes the first that is free."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton, self._tracker = skeleton, Tracker(skeleton)
        self._holder: dict[int, tuple[int, float]] = {}
        """By slot: the number of who has it, and when that was seen last."""

    def of(self, found: Sequence[Found], size_wh: tuple[int, int], time: float) -> list[int]:
        """Return the slot of each person in the next frame."""
        if not found:
            return []
        pixels, score = (np.stack(part) for part in zip(*((f.pixels, f.confidence) for f in found), strict=True))
        one = Keypoints(
            pixels[None].astype(np.float32), score[None].astype(np.float32), np.zeros(1), self._skeleton, size_wh
        )
        numbers = self._tracker.numbers(pixels, score > 0, person_sizes(one)[0], time)
        held = {number: slot for slot, (number, _) in self._holder.items()}
        slots = []
        for number in numbers.tolist():
            slot = held[number] if number in held else self._free(time)
            self._holder[slot] = (number, time)
            slots.append(slot)
        return slots

    def _free(self, time: float) -> int:
        taken = {slot for slot, (_, seen) in self._holder.items() if time - seen <= BRIDGED_SECONDS}
        return next(slot for slot in range(len(taken) + 1) if slot not in taken)


class _Smoothing:
    """Causal smoothing of one person: of the size, which hardly changes, of the root, and of joints from the root."""

    def __init__(self, placing: Placing) -> None:
        self._placing = placing
        self._size = OneEuro(cutoff_hz=1.0, beta=8.0, longest_step_s=LONGEST_STEP_S)
        self._joints = OneEuro(cutoff_hz=2.0, beta=6.0, longest_step_s=LONGEST_STEP_S)

    def __call__(self, found: Found, slot: int, time: float) -> Person:
        """Return the person in the next frame."""
        shape = self._placing.shape(found)
        size = self._placing.size(shape, found.confidence)
        logarithm = self._size(np.array([np.log(max(size, 1e-9))]), np.array(size > 0), time)
        person = self._placing.person(found, shape, float(np.exp(logarithm[0])) if size > 0 else 0.0, slot)
        known = person.weight > 0
        middle = root(person.joints.astype(np.float64), self._placing.skeleton)
        points = np.concatenate([middle[None], person.joints - middle])
        smooth = self._joints(points, np.append(known.any(), known), time)
        return replace(person, joints=(smooth[1:] + smooth[0]).astype(np.float32))
