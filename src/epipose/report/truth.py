"""How far a reconstruction is from the truth of a synthetic recording, as values; the tool's own words beside them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ViewError:
    """How far one camera is off."""

    name: str
    rotation_rad: float
    """Error of the relative rotation, mean over this camera's pairs with the others: free of any alignment."""
    rotation_sigma_rad: float | None
    """What was stated of it; None for cameras that were given."""
    centre_m: float
    """After the similarity that lays the cameras on the true ones: by their centres, of two cameras by the joints."""
    centre_sigma_m: float | None
    time_offset_s: float
    """Found less true, after the one shift that all views share."""
    time_offset_sigma_s: float | None
    focal: float
    """Found / true focal length - 1."""


@dataclass(frozen=True)
class JointError:
    """How far one joint is off where two views or more truly show it; NaN for a joint that was never compared."""

    name: str
    error_m: float
    """Mean distance after the similarity that lays all joints on the true ones."""
    metric_error_m: float
    """Mean distance in the reconstruction's own metres: after a turn and a shift only."""
    uncertainty_m: float
    """Median of what was stated, 1 sigma of a coordinate."""
    within_two_sigma: float
    """Share of coordinates off (after the similarity) by no more than twice what was stated: 0.95 is honest."""
    compared: int
    """Number of frames and people."""


@dataclass(frozen=True, eq=False)
class TruthReport:
    """A reconstruction against the truth."""

    views: tuple[ViewError, ...]
    joints: tuple[JointError, ...]
    """Those that found and true skeletons share by name."""
    all_joints: JointError
    """The same over all of them together."""
    scale: float
    """Found / true size - 1."""
    scale_sigma: float | None
    """What was stated of it, as a share; None for cameras that were given."""
    people: int
    """People in truth."""
    people_found: int
    """How many of them were found."""
    visible_found: float
    """Share of the joints that two views or more truly show that have a place in the reconstruction."""

    @property
    def rotation_rad(self) -> float:
        """Mean over pairs of cameras."""
        return float(np.mean([view.rotation_rad for view in self.views]))

    @property
    def centre_m(self) -> float:
        """Mean over cameras."""
        return float(np.mean([view.centre_m for view in self.views]))

    @property
    def time_offset_s(self) -> float:
        """Mean over views of the absolute error."""
        return float(np.mean([abs(view.time_offset_s) for view in self.views]))
