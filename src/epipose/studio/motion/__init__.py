"""How people move: recorded clips retargeted on a body, and motions made up here that need no file."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.rotations import rotation_from_rotvec, rotvec_from_rotation


@dataclass(frozen=True, eq=False)
class Motion:
    """The poses of one body over time; `Body.motions(rotations, shift)` says where its bones are."""

    rotations: Float[ndarray, "frames bones 3 3"]
    """Of each bone about its own head, in the axes of the body at rest, on top of its parent's."""
    shift: Float[ndarray, "frames 3"]
    """Where the root's head goes from where it is at rest, in metres."""
    times: Float[ndarray, "frames"]
    """Seconds, increasing from 0."""
    name: str

    @property
    def seconds(self) -> float:
        """When the last frame is."""
        return float(self.times[-1])

    def at(self, times: Float[ndarray, "wanted"]) -> "Motion":
        """Return the motion at other times (seconds): turning steadily between two frames, still beyond the ends."""
        before = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, max(len(self.times) - 2, 0))
        after = np.minimum(before + 1, len(self.times) - 1)
        gap = self.times[after] - self.times[before]
        part = np.clip((times - self.times[before]) / np.where(gap > 0, gap, 1.0), 0.0, 1.0)
        first, second = self.rotations[before], self.rotations[after]
        turn = rotvec_from_rotation(np.swapaxes(first, -1, -2) @ second) * part[:, None, None]
        shift = self.shift[before] * (1 - part[:, None]) + self.shift[after] * part[:, None]
        return replace(self, rotations=first @ rotation_from_rotvec(turn), shift=shift, times=np.asarray(times, float))

    def turned(self, angle: float) -> "Motion":
        """Return the motion turned by `angle` (radians) about the vertical through the root's head at rest."""
        turn = rotation_from_rotvec(np.array([0.0, 0.0, angle]))
        rotations = self.rotations.copy()
        rotations[:, 0] = turn @ rotations[:, 0]
        return replace(self, rotations=rotations, shift=self.shift @ turn.T)

    def moved(self, xy: Float[ndarray, "2"]) -> "Motion":
        """Return the motion shifted over the floor, in metres."""
        return replace(self, shift=self.shift + np.array([xy[0], xy[1], 0.0]))
