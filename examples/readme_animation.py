"""Draw a reconstruction as an animation that goes round: what its cameras saw, and the people in 3D among the cameras.

    epipose demo epipose-demo
    python examples/readme_animation.py epipose-demo docs/epipose.webp

Above are the joints that the detector found in each view; below, what follows from them: where the cameras stand and
the people in 3D, with rays through some of the joints that were found. The capture needs its videos, in sync.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.io.animation_writing import WEBP
from epipose.io.camera_files import read_cameras
from epipose.io.capture_folder import open_capture
from epipose.io.keypoint_files import read_keypoints
from epipose.io.pose_files import read_poses
from epipose.io.video_writing import video_writer
from epipose.io.videos import read_frames
from epipose.pose.keypoints import Keypoints, Poses
from epipose.report.drawing import (
    DARK,
    LIMB_M,
    SHIFT,
    Colour,
    Picture,
    fixed,
    limbs,
    paint_label,
    paint_outlined,
    paint_skeleton,
)
from epipose.report.palette import PALE, rgb, view_colour
from epipose.report.turntable import Turntable

WIDTH, GAP, PANEL_TALL = 980, 8, 410
STEP, DISSOLVE = 2, 5
"""Every n-th frame is shown, and the last dissolves into so many first ones."""
MOST_FRAMES = 180
SURE = 0.3
"""Least score of joints that are drawn."""
SURE_RAY = 0.5
RAYS = ("nose", "left_wrist", "right_wrist", "left_ankle", "right_ankle")
LEAN, ASIDE, SWING = np.deg2rad(16), np.deg2rad(45), np.deg2rad(24)
"""From where the scene is seen, and how far it swings to and fro."""
FLOOR_M = 2.4


@dataclass(frozen=True, eq=False)
class Seen:
    """One view."""

    name: str
    camera: Camera
    colour: Colour
    keypoints: Keypoints
    frames: list[Picture]
    """The window of each that is shown, in the size of a tile."""
    shown_from_px: Float[ndarray, "2 3"]


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description="Draw a reconstruction as an animation.")
    parser.add_argument("capture", type=Path, help="folder that epipose demo or epipose reconstruct has worked on")
    parser.add_argument("out", type=Path, help="WebP to write")
    given = parser.parse_args()
    poses = read_poses(given.capture / "poses" / "smooth.npz")
    views = load_views(given.capture, poses)
    indices = range(0, min(len(poses.times), MOST_FRAMES), STEP)
    rate = Fraction(poses.frame_rate).limit_denominator(1001) / STEP
    size_wh = (WIDTH, 2 * ((GAP + views[0].frames[0].shape[0] + PANEL_TALL) // 2))
    with video_writer(given.out, size_wh, rate, WEBP) as append:
        for number, index in enumerate(indices):
            phase = 2 * np.pi * number / len(indices)
            shown = picture(views, poses, index, phase, size_wh)
            share = (number + 1) / (DISSOLVE + 1)
            if share < 1:
                shown = cv2.addWeighted(shown, share, picture(views, poses, indices[-1], phase, size_wh), 1 - share, 0)
            append(np.asarray(shown))


def load_views(folder: Path, poses: Poses) -> list[Seen]:
    """Return the views of a capture, of whose pictures the part is kept in which the people are."""
    capture = open_capture(folder)
    cameras = read_cameras(capture.cameras_path).cameras
    (detector, files), *_ = capture.keypoint_files.items()
    size_wh = (round((WIDTH - GAP) / len(capture.views)) - GAP, round(0.265 * WIDTH))
    views = []
    for number, view in enumerate(capture.views):
        if view.source is None or view.name not in files:
            raise SystemExit(f"{folder} has no video, or no keypoints of {detector}, of the view {view.name}")
        shown_from_px = window(cameras[view.name], poses, size_wh)
        frames = [
            np.asarray(cv2.warpAffine(frame.image, shown_from_px, size_wh, flags=cv2.INTER_AREA))
            for frame in read_frames(view.source)
        ]
        keypoints = read_keypoints(files[view.name])
        colour = rgb(view_colour(number + 2))
        views.append(Seen(view.name, cameras[view.name], colour, keypoints, frames, shown_from_px))
    return views


def window(camera: Camera, poses: Poses, size_wh: tuple[int, int]) -> Float[ndarray, "2 3"]:
    """Return the motion of pixels that shows all people of a view in a picture of `size_wh`."""
    pixels, _ = camera.project(poses.positions[poses.weight > 0].astype(float))
    begin, end = pixels.min(axis=0), pixels.max(axis=0)
    side = 1.25 * float(((end - begin) / size_wh).max())
    middle = np.clip((begin + end) / 2, side * np.array(size_wh) / 2, camera.size_wh - side * np.array(size_wh) / 2)
    scale = 1 / side
    return np.column_stack([scale * np.eye(2), np.array(size_wh) / 2 - scale * middle])


def picture(
    views: Sequence[Seen], poses: Poses, index: int, phase: float, size_wh: tuple[int, int]
) -> UInt8[ndarray, "height width 3"]:
    """Return what is shown of one frame; `phase` is in radians of the whole animation."""
    tiles = [tile(view, index) for view in views]
    tall = tiles[0].shape[0]
    canvas = np.full((size_wh[1], size_wh[0], 3), DARK, np.uint8)
    for number, one in enumerate(tiles):
        left = GAP + number * (one.shape[1] + GAP)
        canvas[GAP : GAP + tall, left : left + one.shape[1]] = one
    paint_scene(canvas[GAP + tall :], views, poses, index, phase)
    return canvas


def tile(view: Seen, index: int) -> UInt8[ndarray, "height width 3"]:
    """Return what a camera saw, with the joints that were found in it."""
    canvas = view.frames[index].copy()
    scale = float(view.shown_from_px[0, 0])
    distance = float(np.linalg.norm(view.camera.centre[:2]))
    drawn = limbs(view.keypoints.skeleton, PALE)
    radius = max(2.0, LIMB_M * scale * float(np.mean(view.camera.lens.focal)) / distance)
    for pixels, score in zip(view.keypoints.pixels[index], view.keypoints.score[index], strict=True):
        places = pixels @ view.shown_from_px[:, :2].T + view.shown_from_px[:, 2]
        paint_skeleton(canvas, places, score >= SURE, drawn, np.full((len(drawn), 2), radius))
    height, width = canvas.shape[:2]
    edge = np.array([[1.0, 1.0], [width - 2, 1.0], [width - 2, height - 2], [1.0, height - 2]])
    paint_outlined(canvas, edge, view.colour, 3.0, closed=True)
    paint_label(canvas, view.name, np.array([10.0, 10.0]), view.colour, 22.0)
    return canvas


def paint_scene(canvas: Picture, views: Sequence[Seen], poses: Poses, index: int, phase: float) -> None:
    """Draw the people on a floor among the cameras."""
    table = scene_view(views, ASIDE + SWING * np.sin(phase))
    people = [
        (joints.astype(float), weight > 0)
        for joints, weight in zip(poses.positions[index], poses.weight[index], strict=True)
        if (weight > 0).any()
    ]
    table.paint_floor(canvas, 0.0, FLOOR_M, [joints[known].mean(axis=0) for joints, known in people])
    away = [float(table.seen(view.camera.centre[None])[0, 2]) for view in views]
    for number in np.argsort(-np.array(away)).tolist():
        paint_rays(canvas, table, views[number], poses, index)
    drawn = limbs(poses.skeleton, PALE)
    for view, far in zip(views, away, strict=True):
        if far > 0:
            table.paint_camera(canvas, view.camera, view.colour, 2.0)
    for joints, known in people:
        table.paint_person(canvas, joints, known, drawn)
    for view, far in zip(views, away, strict=True):
        if far <= 0:
            table.paint_camera(canvas, view.camera, view.colour, 2.0)


def scene_view(views: Sequence[Seen], turn: float) -> Turntable:
    """Return a view of the scene from one side, as large as leaves room for the cameras wherever it swings."""
    marks = np.array([[0.0, 0.0, 0.0], *(view.camera.centre for view in views)])
    sides = [Turntable(ASIDE + swing, LEAN, 1.0, (0.0, 0.0)).places(marks) for swing in np.linspace(-SWING, SWING, 9)]
    room = np.array([[0.5, 0.4], [0.5, 0.5]])
    begin, end = np.min(sides, axis=(0, 1)) - room[0], np.max(sides, axis=(0, 1)) + room[1]
    end[1] = max(end[1], FLOOR_M * np.sin(LEAN) + 0.1)
    size_wh = np.array([WIDTH, PANEL_TALL])
    scale = float((size_wh / (end - begin)).min())
    x, y = size_wh / 2 - scale * (begin + end) / 2
    return Turntable(turn, LEAN, scale, (float(x), float(y)))


def paint_rays(canvas: Picture, table: Turntable, view: Seen, poses: Poses, index: int) -> None:
    """Draw rays through joints that were found in a view, as long as these are far away."""
    faint = [round(0.45 * tone + 0.55 * ground) for tone, ground in zip(view.colour, DARK, strict=True)]
    names = view.keypoints.skeleton.joint_names
    for joint in RAYS:
        if joint not in names or joint not in poses.skeleton.joint_names:
            continue
        person = int(view.keypoints.score[index, :, names.index(joint)].argmax())
        if view.keypoints.score[index, person, names.index(joint)] < SURE_RAY:
            continue
        pixel = view.keypoints.pixels[index, person, names.index(joint)].astype(float)
        direction, _ = view.camera.rays(pixel[None])
        centre = view.camera.centre
        others = poses.positions[index, :, poses.skeleton.index(joint)].astype(float)
        far = float(np.linalg.norm(others - centre, axis=1).min())
        one, other = fixed(table.places(np.stack([centre, centre + far * direction[0]]))).tolist()
        cv2.line(canvas, one, other, faint, 1, cv2.LINE_AA, SHIFT)


if __name__ == "__main__":
    main()
