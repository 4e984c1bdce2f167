"""Examples cut from a recording: what its cameras filmed, labelled by what they told together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from numpy import ndarray

from epipose.calibration.obstacles import Disc
from epipose.geometry.cameras import Camera
from epipose.geometry.crop_frames import MARGIN, CropFrame, FrameKind, box_frame, paper_frame
from epipose.geometry.images import mapped
from epipose.geometry.lenses import Lens
from epipose.io.videos import Frame
from epipose.pose.keypoints import Poses
from epipose.pose.roots import root, root_joints
from epipose.pose.skeletons import Skeleton
from epipose.training.crop_examples import BY_ROW, FEWEST_JOINTS, ArrayFiles, CropExamples
from epipose.training.published_crops import LARGEST_ZOOM

ROOM: dict[FrameKind, float] = {"box": 1.5, "paper": LARGEST_ZOOM * 2**0.5}
"""Side of the squares that are kept, over that of the crops that networks see: room to vary these. The largest of the
published crops fits at any turn."""


@dataclass(frozen=True)
class Cut:
    """How squares are cut from pictures."""

    size: int | float
    """Pixels of the crops that networks will see."""
    frame: FrameKind = "box"

    @classmethod
    def of_side(cls, side: int) -> "Cut":
        """Return how squares of so many pixels are cut around the joints."""
        return cls(side / ROOM["box"])

    @property
    def side(self) -> int:
        """Pixels of the squares along each side."""
        return round(ROOM[self.frame] * self.size)

    def around(self, lens: Lens, root: Float[ndarray, "3"], pixels: Float[ndarray, "shown 2"]) -> CropFrame:
        """Return the square of a person whose root (camera axes, metres) and some joints are known."""
        if self.frame == "paper":
            return paper_frame(lens, root, self.side, zoom=ROOM["paper"])
        return box_frame(pixels, self.side, margin=ROOM["box"] * MARGIN)


@dataclass(frozen=True, eq=False)
class FilmedView:
    """What one camera filmed."""

    name: str
    camera: Camera
    frames: Iterable[Frame]
    offset_s: float = 0.0
    """Added to the times of frames for the clock of the poses."""
    discs: Sequence[Disc] = ()
    """Round obstacles that stand, or will stand, before it."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A person before a camera."""

    number: int
    """Among the people of the labels."""
    metres: Float[ndarray, "joints 3"]
    """In camera axes; NaN where a joint is not known."""
    pixels: Float[ndarray, "joints 2"]
    """In the picture, also beyond its edges; NaN where a joint is not known or the lens cannot see it."""
    crop_from_px: Float[ndarray, "2 3"]
    """Of the square cut around it."""


@dataclass(frozen=True, eq=False)
class Square:
    """A person in a picture, with room around it; see CropExamples."""

    picture: UInt8[ndarray, "size size 3"]
    joints: Float32[ndarray, "joints 3"]
    weight: Float32[ndarray, "joints"]
    side_m: float
    span: float
    disc: Float32[ndarray, "3"]
    frame: int
    """Number of the picture in its view."""
    seen: Seen


def squares(view: FilmedView, labels: Poses, chosen: Iterable[int], cut: Cut) -> Iterator[Square]:
    """Yield what a view shows of everybody in the `chosen` frames.

    `labels` are Poses whose weights say how much a joint counts. People of whom too little is known, or in the picture,
    are left out. Labels between whose frames a picture was taken are interpolated.
    """
    wanted = set(chosen)
    for frame in view.frames:
        if frame.index not in wanted:
            continue
        found = labels_at(labels, frame.time + view.offset_s)
        for number, person in enumerate(zip(*found, strict=True) if found else ()):
            square = _square(frame, view, (number, *person), labels.skeleton, cut)
            if square is not None:
                yield square


def _square(
    frame: Frame,
    view: FilmedView,
    person: tuple[int, Float[ndarray, "joints 3"], Float[ndarray, "joints"]],
    skeleton: Skeleton,
    cut: Cut,
) -> Square | None:
    """Return one person in one picture, or None if there is too little of it."""
    number, positions, weight = person
    if not all(weight[joint] > 0 for joint in root_joints(skeleton)):
        return None
    joints = view.camera.cam_from_world.apply(positions)
    middle = root(joints, skeleton)
    pixels, seen = view.camera.lens.project(joints)
    shown = seen & _inside(pixels, frame.image.shape) & (weight > 0)
    if shown.sum() < FEWEST_JOINTS or middle[2] <= 0:
        return None
    at = cut.around(view.camera.lens, middle, pixels[shown])
    side_m = at.side_m(view.camera.lens, float(middle[2]))
    places = np.column_stack([mapped(at.crop_from_px, pixels), (joints[:, 2] - middle[2]) / side_m])
    return Square(
        at.cut(frame.image),
        np.where(shown[:, None], places, 0).astype(np.float32),
        np.where(shown, weight, 0).astype(np.float32),
        side_m,
        at.side_m(view.camera.lens, 1.0),
        _disc(view.discs, at),
        frame.index,
        Seen(
            number,
            np.where((weight > 0)[:, None], joints, np.nan),
            np.where((seen & (weight > 0))[:, None], pixels, np.nan),
            at.crop_from_px,
        ),
    )


def _disc(discs: Sequence[Disc], at: CropFrame) -> Float32[ndarray, "3"]:
    """Return the disc that reaches furthest towards the middle of a square, in its pixels; radius 0 without any."""
    placed = [
        np.append(mapped(at.crop_from_px, np.array(disc.middle)), disc.radius * at.size / at.side_px) for disc in discs
    ]
    middle = np.full(2, (at.size - 1) / 2)
    nearest = min(placed, key=lambda disc: float(np.linalg.norm(disc[:2] - middle) - disc[2]), default=np.zeros(3))
    return nearest.astype(np.float32)


def _inside(pixels: Float[ndarray, "joints 2"], shape: tuple[int, ...]) -> Bool[ndarray, "joints"]:
    return np.asarray(((pixels > -0.5) & (pixels < np.array(shape[1::-1]) - 0.5)).all(axis=-1))


def labels_at(
    labels: Poses, time: float
) -> tuple[Float[ndarray, "people joints 3"], Float[ndarray, "people joints"]] | None:
    """Return positions and weights of everybody at a time, interpolated; None where there are none."""
    times = labels.times
    slack = 0.25 * float(np.median(np.diff(times))) if len(times) > 1 else 1e-3
    if not times[0] - slack <= time <= times[-1] + slack:
        return None
    if len(times) == 1:
        return labels.positions[0].astype(float), labels.weight[0].astype(float)
    before = int(np.clip(np.searchsorted(times, time, side="right") - 1, 0, len(times) - 2))
    share = float(np.clip((time - times[before]) / (times[before + 1] - times[before]), 0, 1))
    if share < 0.02 or share > 0.98:
        nearest = before + round(share)
        return labels.positions[nearest].astype(float), labels.weight[nearest].astype(float)
    one, other = labels.positions[before].astype(float), labels.positions[before + 1].astype(float)
    return (1 - share) * one + share * other, np.minimum(labels.weight[before], labels.weight[before + 1]).astype(float)


def write_examples(kept: Sequence[Square], skeleton: Skeleton, frame: FrameKind, file: Path) -> CropExamples:
    """Keep squares, one or more, that were cut for crops of some kind, in a file, and return them as examples."""
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, np.stack([square.picture for square in kept]))
    return CropExamples(
        ArrayFiles((file,), (0,)),
        np.stack([square.joints for square in kept]),
        np.stack([square.weight for square in kept]),
        np.array([square.side_m for square in kept], np.float32),
        np.array([square.span for square in kept], np.float32),
        np.stack([square.disc for square in kept]),
        np.array([square.frame for square in kept]),
        skeleton,
        frame,
    )


def joined(parts: Sequence[CropExamples]) -> CropExamples:
    """Return examples of several files as one."""
    counts = [len(part) for part in parts]
    starts = tuple(int(start) for start in np.cumsum([0, *counts[:-1]]))
    known: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in BY_ROW}
    files = [part.pictures.files for part in parts if isinstance(part.pictures, ArrayFiles)]
    return replace(parts[0], pictures=ArrayFiles(tuple(file for some in files for file in some), starts), **known)
