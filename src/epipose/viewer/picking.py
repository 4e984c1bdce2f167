"""Which joint was clicked, and what is known of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.report.wording import in_unit, millimetres
from epipose.viewer.bodies import Body
from epipose.viewer.recording import FilmedView, Track

WITHIN_RAD, WITHIN_M = 0.012, 0.03
"""How far from a joint a click still means it: as seen from the viewer, and in space."""


class Joint(NamedTuple):
    """A joint of somebody in a pose file; whoever clicked it follows it through time."""

    body: Body
    person: int
    joint: int


def clicked(bodies: Sequence[Body], origin: Float[ndarray, "3"], direction: Float[ndarray, "3"]) -> Joint | None:
    """Return the visible joint nearest to a ray (world, metres), or None if there is none near it."""
    best, least = None, np.inf
    for body in bodies:
        if not body.visible:
            continue
        points, known = body.points()
        depth = (points - origin) @ direction
        beside = np.linalg.norm(points - origin - depth[..., None] * direction, axis=-1)
        near = known & (depth > 0) & (beside <= np.maximum(WITHIN_M, WITHIN_RAD * depth))
        if not near.any():
            continue
        # Of joints behind each other the front one is meant, if the click is about as near to it.
        rating = np.where(near, beside + 0.05 * depth, np.inf)
        person, joint = np.unravel_index(int(np.argmin(rating)), rating.shape)
        if rating[person, joint] < least:
            best, least = Joint(body, int(person), int(joint)), float(rating[person, joint])
    return best


def numbers(joint: Joint, views: Sequence[FilmedView]) -> str:
    """Return what is known of a joint at the moment that is shown, as Markdown."""
    track, frame = joint.body.track, joint.body.frame
    poses, name = track.poses, track.poses.skeleton.joint_names[joint.joint]
    title = f"**{name.replace('_', ' ')}** of {_person(track, joint.person)}{track.name}"
    if frame < 0 or poses.weight[frame, joint.person, joint.joint] <= 0:
        return f"{title}\n\nnot known at this moment"
    position = poses.positions[frame, joint.person, joint.joint].astype(float)
    rows = [
        ("frame", f"{frame} at {poses.times[frame]:.3f} s"),
        ("x, y, z", ", ".join(f"{number:.3f}" for number in position) + " m"),
        ("uncertainty", _uncertainty(joint, frame)),
        ("weight", f"{poses.weight[frame, joint.person, joint.joint]:.2f}"),
        ("speed", _speed(joint, frame)),
    ]
    rows += _bone(joint, frame, position)
    rows += [(view.name, _pixel(view, position)) for view in views]
    return f"{title}\n\n| | |\n|---|---|\n" + "\n".join(f"| {left} | {right} |" for left, right in rows)


def _person(track: Track, person: int) -> str:
    return f"person {person + 1} in " if track.people > 1 else ""


def _uncertainty(joint: Joint, frame: int) -> str:
    track = joint.body.track
    sigma = float(track.poses.uncertainty[frame, joint.person, joint.joint])
    if sigma <= 0:
        return "not stated"
    if track.covariance is None:
        return f"± {millimetres(sigma)}"
    xx, _, _, yy, _, zz = track.covariance[frame, joint.person, joint.joint].astype(float)
    along = ", ".join(f"{1000 * np.sqrt(max(variance, 0)):.1f}" for variance in (xx, yy, zz))
    return f"± {along} mm (x, y, z)"


def _speed(joint: Joint, frame: int) -> str:
    """Return metres a second between the frames before and after, where both know the joint."""
    poses = joint.body.track.poses
    before, after = max(frame - 1, 0), min(frame + 1, len(poses.times) - 1)
    if before == after or (poses.weight[[before, after], joint.person, joint.joint] <= 0).any():
        return "not known"
    way = np.linalg.norm(np.diff(poses.positions[[before, after], joint.person, joint.joint].astype(float), axis=0))
    return f"{way / (poses.times[after] - poses.times[before]):.2f} m/s"


def _bone(joint: Joint, frame: int, position: Float[ndarray, "3"]) -> list[tuple[str, str]]:
    poses = joint.body.track.poses
    parent = poses.skeleton.parents[joint.joint]
    if parent is None or poses.weight[frame, joint.person, poses.skeleton.index(parent)] <= 0:
        return []
    other = poses.positions[frame, joint.person, poses.skeleton.index(parent)].astype(float)
    return [(f"to {parent.replace('_', ' ')}", in_unit(float(np.linalg.norm(position - other)), "mm", 1000.0, 0))]


def _pixel(view: FilmedView, position: Float[ndarray, "3"]) -> str:
    """Return where a view's picture shows a point, and how far it is from the camera."""
    pixel, valid = view.camera.project(position)
    distance = float(np.linalg.norm(position - view.camera.centre))
    width, height = view.camera.size_wh
    inside = valid and -0.5 <= pixel[0] <= width - 0.5 and -0.5 <= pixel[1] <= height - 0.5
    words = f"pixel {pixel[0]:.0f}, {pixel[1]:.0f}" if inside else "outside the picture"
    return f"{words}; {distance:.2f} m away"
