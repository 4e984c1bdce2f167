"""All that a reconstruction says about itself, as plain values: what `report.json` and `report.html` are written from.

NaN is allowed in the arrays of this module only, for what was never seen; the files say null or leave a gap.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.pose.keypoints import Poses
from epipose.report.truth import TruthReport


@dataclass(frozen=True, eq=False)
class ViewReport:
    """What was found about one view. Standard deviations are 1 sigma, None where nothing is known about them."""

    name: str
    camera: Camera
    centre_sigma_m: float | None
    rotation_sigma_rad: float | None
    focal_sigma_px: float | None
    """None for a focal length that was given."""
    frames: int
    """Pictures in the view's own file."""
    frame_rate: float
    """Pictures per second in the view's own file."""
    time_offset_s: float
    """What is added to the view's own times to get times on the common clock."""
    time_offset_sigma_s: float | None
    reprojection_mean_px: float
    reprojection_median_px: float
    inlier_share: float
    """Share of this view's observations that agree with the other views."""
    seen_share: float
    """Share of all frames and joints that this view observed."""
    swapped_frames: tuple[int, ...] = ()
    """Frames of the common clock, rising, in which the detector had taken left for right (repaired)."""
    notes: tuple[str, ...] = ()

    @property
    def swapped_runs(self) -> tuple[tuple[int, int], ...]:
        """(first, last) frame, both included, of each unbroken run of swapped frames."""
        runs: list[tuple[int, int]] = []
        for frame in self.swapped_frames:
            if runs and frame == runs[-1][1] + 1:
                runs[-1] = (runs[-1][0], frame)
            else:
                runs.append((frame, frame))
        return tuple(runs)


@dataclass(frozen=True, eq=False)
class JointReport:
    """What was found about one joint."""

    name: str
    reprojection_px: Float[ndarray, "views"]
    """Mean over frames; NaN for a view that never saw the joint."""
    uncertainty_m: float
    """Median over frames, 1 sigma; NaN for a joint that was never triangulated."""


@dataclass(frozen=True, eq=False)
class BoneReport:
    """How well one bone kept its length."""

    parent: str
    child: str
    length_m: float
    """Mean over frames."""
    variation: float
    """Standard deviation over frames / mean."""
    asymmetry: float | None = None
    """(left - right) / mean of the two, the same for both sides; None for a bone on the midline."""


@dataclass(frozen=True, eq=False)
class ReconstructionReport:
    """One reconstruction: what was found, how good it is, what to film next."""

    title: str
    """The capture folder's name."""
    version: str
    """Of epipose."""
    created: datetime
    views: tuple[ViewReport, ...]
    cameras_source: str
    """`given`, `board` or `people` (from the person alone)."""
    focal_source: str
    """`given`, `board`, `shared` (one focal length estimated for all) or `per view`."""
    scale_source: str
    """Plain words, such as "body height 1.75 m"."""
    scale_sigma: float | None
    """Share of the size, 1 sigma."""
    gravity_source: str
    """Plain words, such as "feet and upright bodies"."""
    poses: Poses
    joints: tuple[JointReport, ...]
    bones: tuple[BoneReport, ...]
    reprojection_by_frame_px: Float[ndarray, "views frames"]
    """Mean over joints at `poses.times`; NaN where a view saw nobody."""
    reprojection_mean_px: float
    reprojection_median_px: float
    noise_sigma_px: float
    """What a keypoint misses the truth by, per axis, 1 sigma, as estimated from the residuals of well-seen joints."""
    seconds_by_stage: Mapping[str, float]
    warnings: tuple[str, ...] = ()
    film_next: tuple[str, ...] = ()
    truth: TruthReport | None = None
    """Of a synthetic recording that was compared with its truth."""

    @property
    def bone_variation(self) -> float:
        """Standard deviation / mean of bone lengths, averaged over bones; NaN without bones."""
        return float(np.mean([bone.variation for bone in self.bones])) if self.bones else float("nan")

    @property
    def uncertainty_median_m(self) -> float:
        """Median 1 sigma over all joints that were found; NaN when none was."""
        found = self.poses.uncertainty[self.poses.weight > 0]
        return float(np.median(found)) if found.size else float("nan")

    @property
    def found_share(self) -> float:
        """Share of frames and joints of the first person that were triangulated."""
        weight = self.poses.weight[:, :1]
        return float(np.mean(weight > 0)) if weight.size else 0.0

    @property
    def duration_s(self) -> float:
        """Seconds from the first to the last frame of the common clock."""
        times = self.poses.times
        return float(times[-1] - times[0]) if times.size else 0.0
