"""All that teaching a network says about itself, as plain values: what `learning.json` and the page are written from.

NaN is allowed in the arrays of this module only, for joints that are not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.pose.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class CurvePoint:
    """Where learning stood after some steps."""

    step: int
    examples_seen: int
    seconds: float
    """Since learning began."""
    loss: float
    """Mean since the point before; NaN where nothing was learned since."""
    errors: Mapping[str, float]
    """On the held-out examples, by the keys of `LearningReport.errors`; empty where they were not looked at."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One held-out example to be looked at."""

    picture: UInt8[ndarray, "height width 3"] | None
    """The crop that the network saw, or that its joints came from; None where there is no picture."""
    predicted: Float[ndarray, "joints 3"]
    """Units of the crop (see `geometry.crop_frames`)."""
    truth: Float[ndarray, "joints 3"]
    """Units of the crop; NaN for joints that are not known."""
    error_mm: float
    place: str
    """Such as "cam01, frame 78"."""


@dataclass(frozen=True, eq=False)
class Pictured:
    """A picture that speaks for itself, such as those of `report.pose_pictures`."""

    caption: str
    """In plain words."""
    picture: UInt8[ndarray, "height width 3"]


@dataclass(frozen=True)
class LabelShares:
    """What became of the triangulated joints of the recordings: shares of them, 0 to 1."""

    kept: float
    dropped_by_shape: float
    """Because of lengths that bones cannot have."""
    dropped_by_views: float
    """Because the views disagree about them."""


@dataclass(frozen=True, eq=False)
class LearningReport:
    """One network that was taught: how good it is on examples that it never saw, and how it came to that."""

    name: str
    recipe: str
    model: str
    """The kind of network, such as "small"."""
    file: Path
    """The network's ONNX file."""
    version: str
    """Of epipose."""
    created: datetime
    sources: tuple[Path, ...]
    """The captures it was taught on."""
    hold_out: str
    """What it never saw, in plain words such as "frames 75 to 99 of every camera"."""
    truth: str
    """What its errors are distances from, in plain words such as "the triangulation"."""
    learned_examples: int
    held_out_examples: int
    seconds: float
    skeleton: Skeleton
    curve: tuple[CurvePoint, ...]
    errors: Mapping[str, float]
    """On the held-out examples, units in the keys: `mpjpe_mm`, `n_mpjpe_mm`, `pa_mpjpe_mm`, `pck_150` and `auc` (0 to
    1), `bone_length_mm`, `symmetry_mm`; others are listed under their keys."""
    per_joint_mm: Mapping[str, float]
    """Mean error of each joint of the skeleton around the root; NaN where the truth never knows it."""
    best: tuple[Shown, ...] = ()
    """Held-out examples with the least error, and ..."""
    worst: tuple[Shown, ...] = ()
    """... with the most, the worst first."""
    labels: LabelShares | None = None
    """None for a network that was not taught by triangulation."""
    notes: tuple[str, ...] = ()
    """What else is worth knowing, one sentence each."""
    warnings: tuple[str, ...] = ()
    pictures: tuple[Pictured, ...] = ()
    """What it knows of poses, to be looked at; on the page only."""
