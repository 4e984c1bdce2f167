"""Round obstacles before the cameras of a capture: which there are or will be, and what is not believed for them.

A detector's keypoint behind an obstacle is a guess. So a label there counts in the pictures of that view only where
other cameras, which saw the joint, agree on it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.calibration.obstacles import MOST_FRAMES, Disc, background_picture, changed, covered, find_discs, hides
from epipose.errors import InputError
from epipose.io.videos import Frame
from epipose.pipeline.progress import Report
from epipose.pipeline.teaching import TaughtView, Teaching
from epipose.pose.keypoints import Poses
from epipose.training.pseudo_labels import REPROJECTION
from epipose.training.recorded_examples import labels_at

LONGEST_PX = 640
"""Longer side of the pictures that obstacles are looked for in."""
WITNESSES = 2
"""Other views that must agree on a joint that an obstacle hides."""
AUTO, NONE = "auto", "none"


@dataclass(frozen=True)
class Asked:
    """What a user says of round obstacles: to look for them, or where they are, in pixels, by view (None: in all)."""

    look: bool = True
    given: tuple[tuple[str | None, Disc], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Asked":
        """Read "auto", "none", or X,Y,RADIUS and VIEW:X,Y,RADIUS, several with spaces between; raises InputError."""
        if text in (AUTO, NONE):
            return cls(look=text == AUTO)
        return cls(look=False, given=tuple(_read(word) for word in text.split() or [text]))

    def of(self, view: str) -> tuple[Disc, ...]:
        """Return where obstacles of a view are said to be."""
        return tuple(disc for name, disc in self.given if name in (None, view))


def with_obstacles(teachings: Sequence[Teaching], asked: Asked, progress: Report) -> list[Teaching]:
    """Return what captures can teach, with the obstacles before their cameras.

    Raises InputError for obstacles of views that there are not, or beyond the picture.
    """
    names = {view.name for teaching in teachings for view in teaching.views}
    if strange := [view for view, _ in asked.given if view is not None and view not in names]:
        raise InputError(f"there is no view {strange[0]!r} for an obstacle; choose from {', '.join(sorted(names))}")
    if not asked.look and not asked.given:
        return list(teachings)
    count = sum(len(teaching.views) for teaching in teachings)
    done, found = 0, []
    for teaching in teachings:
        views = []
        for view in teaching.views:
            progress("look for obstacles", done, count)
            views.append(_with_obstacles(view, teaching.labels.poses, asked))
            done += 1
        found.append(replace(teaching, views=tuple(views)))
    progress("look for obstacles", count, count)
    return found


def believed(teaching: Teaching, view: TaughtView) -> Poses:
    """Return the labels that pictures of a view can teach, their weights saying how much each counts."""
    labels = teaching.labelled
    if not view.hiding or view.apart is None:
        return labels
    others = [_seen_alike(other, labels) for other in teaching.views if other is not view]
    hidden = covered(view.hiding, view.camera.project(labels.positions.astype(float))[0])
    lost = hidden & (np.sum(others, axis=0) < WITNESSES)
    return replace(labels, weight=np.where(lost, 0, labels.weight).astype(np.float32))


def obstacles_in_words(teachings: Sequence[Teaching]) -> tuple[str, ...]:
    """Return what is known of the obstacles of each view, one sentence each."""
    return tuple(
        f"{view.name}: a round obstacle of radius {disc.radius:.0f} pixels at ({disc.middle[0]:.0f},"
        f" {disc.middle[1]:.0f}) " + (_HIDING if disc in view.hiding else "is expected")
        for teaching in teachings
        for view in teaching.views
        for disc in view.discs
    )


_HIDING = "hides people; joints behind it count where two other cameras saw them"


def _read(text: str) -> tuple[str | None, Disc]:
    view, separator, numbers = text.rpartition(":")
    try:
        x, y, radius = (float(number) for number in numbers.split(","))
    except ValueError:
        x, y, radius = 0.0, 0.0, -1.0
    if not radius > 0 or not np.isfinite([x, y, radius]).all():
        raise InputError(
            f"cannot read the obstacle {text!r}; write auto, none, or where its middle is and its radius, in pixels:"
            " X,Y,RADIUS in every view, VIEW:X,Y,RADIUS in one, several with spaces between"
        )
    return (view if separator else None), Disc((x, y), radius)


def _with_obstacles(view: TaughtView, poses: Poses, asked: Asked) -> TaughtView:
    given = asked.of(view.name)
    for disc in given:
        _check(disc, view)
    if view.source is None or (not asked.look and not given):
        return replace(view, discs=given)
    scale = min(1.0, LONGEST_PX / max(view.keypoints.image_size_wh))
    frames = list(_some_frames(view, scale))
    background = background_picture((frame.image for frame in frames), len(frames))
    differences = [changed(frame.image, background) for frame in frames]
    joints = [scale * (_joints(view, poses, frame.time) + 0.5) - 0.5 for frame in frames]
    discs = given if given else tuple(disc.scaled(1 / scale) for disc in find_discs(background))
    hiding = tuple(disc for disc in discs if hides(disc.scaled(scale), differences, joints))
    return replace(view, discs=given or hiding, hiding=hiding)


def _check(disc: Disc, view: TaughtView) -> None:
    """Refuse a disc that covers nothing of the pictures."""
    size = np.array(view.keypoints.image_size_wh) - 0.5
    nearest = np.clip(disc.middle, -0.5, size)
    if np.linalg.norm(nearest - disc.middle) >= disc.radius:
        raise InputError(
            f"the obstacle at ({disc.middle[0]:g}, {disc.middle[1]:g}) of radius {disc.radius:g} is beyond the pictures"
            f" of {view.name}, which are {size[0] + 0.5:.0f} by {size[1] + 0.5:.0f} pixels; give it in their pixels"
        )


def _some_frames(view: TaughtView, scale: float) -> Iterator[Frame]:
    """Yield frames evenly over the recording, as many as a background needs, shrunk."""
    step = max(1, -(-len(view.times) // MOST_FRAMES))
    for frame in view.frames():
        if frame.index % step == 0:
            height, width = (max(1, round(scale * extent)) for extent in frame.image.shape[:2])
            yield replace(frame, image=cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_AREA))


def _joints(view: TaughtView, poses: Poses, time: float) -> Float[ndarray, "points 2"]:
    """Return where everybody's joints are in a frame, seen or not, in its pixels."""
    found = labels_at(poses, time + view.offset_s)
    if found is None:
        return np.zeros((0, 2))
    pixels, seen = view.camera.project(found[0])
    return np.asarray(pixels[seen & (found[1] > 0)])


def _seen_alike(view: TaughtView, poses: Poses) -> Bool[ndarray, "frames people joints"]:
    """Return which labels a view saw, and saw where they are."""
    assert view.apart is not None, "views of one capture are labelled alike"
    hidden = covered(view.hiding, view.camera.project(poses.positions.astype(float))[0])
    return np.asarray((view.apart <= REPROJECTION) & ~hidden)
