"""Everybody in the frames of a video, by a network that lifts what a 2D detector finds in each."""

import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray

from epipose.detectors import Look
from epipose.geometry.crop_frames import CropFrame, box_frame
from epipose.runtime.found import Found
from epipose.runtime.networks import Network
from epipose.runtime.spotting import Seen, Spotter


class LiftLook:
    """Lifts everybody whom an open session of the detector finds."""

    def __init__(self, network: Network, spotter: Spotter, look: Look) -> None:
        self._network, self._spotter, self._look = network, spotter, look

    def __call__(self, picture: UInt8[ndarray, "height width 3"], _: float) -> list[Found]:
        """Return the people in the next frame."""
        seen = self._spotter.people(self._look, picture)
        if not seen:
            return []
        frames = [lift_frame(person, self._network.description.margin) for person in seen]
        given = np.stack([lift_input(person, frame) for person, frame in zip(seen, frames, strict=True)])
        positions, confidence = (array.astype(np.float64) for array in self._network(given))
        return [Found(*one) for one in zip(frames, positions, confidence, strict=True)]


def lift_frame(seen: Seen, margin: float) -> CropFrame:
    """Return the crop around the joints that are sure, whose own middle is 0 in its units: it has no pixels."""
    frame = box_frame(seen.pixels[seen.sure], 1, margin=margin)
    return CropFrame(frame.crop_from_px + np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.5]]), 1)


def lift_input(seen: Seen, frame: CropFrame) -> Float32[ndarray, "joints 3"]:
    """Return x and y in units of the crop and the score; all three 0 for a joint that is not sure."""
    across: Float[ndarray, "joints 2"] = seen.pixels @ frame.crop_from_px[:, :2].T + frame.crop_from_px[:, 2] - 0.5
    given = np.column_stack([across, seen.score])
    return np.where(seen.sure[:, None], given, 0).astype(np.float32)
