"""Make a capture folder of keypoints, without videos, whose truth is known: a stick figure filmed by four cameras.

    python examples/make_keypoint_sample.py FOLDER

writes FOLDER/keypoints/sample/<view>.npz (COCO's 17 joints), FOLDER/lenses.toml (the cameras' lenses, not where they
stand) and FOLDER/truth.npz. The keypoints have the faults of real ones: noise, missing joints, left and right taken
for each other in 40 frames of cam2, and a clock that starts 0.24 s late in cam4.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy import ndarray
from scipy.interpolate import PchipInterpolator

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotation_from_rotvec
from epipose.io.camera_files import write_cameras
from epipose.io.files import atomic_write
from epipose.io.keypoint_files.npz import write_npz
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import load_skeleton

SECONDS, FRAME_RATE = 10.0, 25.0
STATURE = 1.75
SWAPPED_VIEW, SWAPPED_FRAMES = "cam2", range(90, 130)
LATE_VIEW, LATE_BY = "cam4", 0.24
NOISE_PX, MISSING = 2.5, 0.04

# Lengths in metres: shares of the stature after Drillis & Contini (1966).
THIGH, SHANK, ANKLE_HEIGHT = 0.241 * STATURE, 0.247 * STATURE, 0.08
HIPS, TRUNK, SHOULDERS = 0.120 * STATURE, 0.290 * STATURE, 0.210 * STATURE
UPPER_ARM, FOREARM = 0.168 * STATURE, 0.150 * STATURE
FACE = {  # forward, left and up of the middle between the shoulders
    "nose": (0.12, 0.0, 0.17),
    "left_eye": (0.10, 0.032, 0.20),
    "right_eye": (0.10, -0.032, 0.20),
    "left_ear": (0.01, 0.075, 0.18),
    "right_ear": (0.01, -0.075, 0.18),
}
STEP, CIRCLE = 0.52, 1.3
"""Length of a step, and radius of the circle on which the figure walks."""

# When (s): how far it has walked (steps), how high the pelvis is (m) and how far the trunk leans (degrees).
SCRIPT = np.array(
    [
        [0.0, -0.5, 0.87, 4],
        [3.8, 7.5, 0.87, 4],
        [4.4, 7.5, 0.88, 0],
        [5.6, 7.5, 0.88, 0],
        [6.4, 7.5, 0.50, 38],
        [7.2, 7.5, 0.87, 4],
        [11.0, 14.5, 0.87, 4],
    ]
)
# When (s): left arm forward, left elbow, right arm forward, right elbow, both arms sideways (degrees).
ARMS = np.array(
    [
        [0.0, 0, 15, 0, 15, 10],
        [3.6, 0, 15, 0, 15, 10],
        [4.4, 160, 5, 40, 70, 12],
        [5.0, 100, 20, 165, 5, 35],
        [5.6, 20, 20, 20, 20, 70],
        [6.4, 85, 5, 85, 5, 5],
        [7.2, 0, 15, 0, 15, 10],
        [8.5, 0, 15, 120, 60, 25],
        [9.4, 60, 90, 0, 20, 10],
        [11.0, 0, 15, 0, 15, 10],
    ]
)


def main() -> None:
    """Read the command line and write the sample."""
    parser = argparse.ArgumentParser(description="Make a capture folder of keypoints whose truth is known.")
    parser.add_argument("folder", type=Path, help="where to write it; made if it is not there")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    arguments = parser.parse_args()
    make_sample(arguments.folder, seed=arguments.seed)
    print(f"wrote a sample of {SECONDS:g} s and {len(rig())} views to {arguments.folder}")


def make_sample(folder: Path, *, seed: int = 0) -> None:
    """Write the capture folder."""
    rng = np.random.default_rng(seed)
    cameras, skeleton = rig(), load_skeleton("coco17")
    clock = np.arange(round(SECONDS * FRAME_RATE)) / FRAME_RATE
    for name, camera in cameras.items():
        body = stick_figure(clock + (LATE_BY if name == LATE_VIEW else 0.0))
        joints = np.stack([body[joint] for joint in skeleton.joint_names], axis=1)
        keypoints = observe(joints, camera, clock, rng)
        if name == SWAPPED_VIEW:
            keypoints = with_sides_swapped(keypoints, SWAPPED_FRAMES)
        write_npz(folder / "keypoints" / "sample" / f"{name}.npz", keypoints)
    lenses = {name: replace(camera, cam_from_world=Rigid.identity()) for name, camera in cameras.items()}
    write_cameras(folder / "lenses.toml", lenses)
    body = stick_figure(clock)
    with atomic_write(folder / "truth.npz", "wb") as file:
        np.savez(
            file,
            positions=np.stack([body[joint] for joint in skeleton.joint_names], axis=1),
            times=clock,
            joint_names=np.array(skeleton.joint_names),
            views=np.array(list(cameras)),
            cam_from_world=np.stack([camera.cam_from_world.matrix for camera in cameras.values()]),
            time_offsets=np.array([LATE_BY if name == LATE_VIEW else 0.0 for name in cameras]),
            swapped_view=SWAPPED_VIEW,
            swapped_frames=np.array(SWAPPED_FRAMES),
        )


def rig() -> dict[str, Camera]:
    """Return four cameras around the room, at different heights, none of them held level, each with its own lens."""
    places = {  # bearing (degrees), distance, height, tilt and roll (degrees), focal length (px)
        "cam1": (15, 4.6, 1.6, -1.5, 2.0, 1395.0),
        "cam2": (100, 4.9, 2.3, 1.0, -3.0, 1420.0),
        "cam3": (190, 4.4, 1.1, 2.0, 4.0, 1370.0),
        "cam4": (290, 4.8, 1.9, -1.0, -1.5, 1405.0),
    }
    cameras = {}
    for name, (bearing, distance, height, tilt, roll, focal) in places.items():
        angle = np.deg2rad(bearing)
        centre = np.array([distance * np.cos(angle), distance * np.sin(angle), height])
        forward = unit(np.array([0.1, -0.1, 0.95]) - centre)
        right = unit(np.cross(forward, [0.0, 0.0, 1.0]))
        level = np.stack([right, np.cross(forward, right), forward])
        turn = rotation_from_rotvec(np.deg2rad([tilt, 0.0, roll]))
        lens = BrownConrady((focal, focal), (955.0 + focal % 20, 545.0), (-0.12, 0.03, 0.0008, -0.0006))
        cameras[name] = Camera(lens, Rigid.from_centre(turn @ level, centre), (1920, 1080))
    return cameras


def stick_figure(times: ndarray) -> dict[str, ndarray]:
    """Return every joint's positions (frames, 3) at `times`: it walks round, reaches up, squats and walks on."""
    steps, height, lean = (smooth_curve(times, SCRIPT[:, 0], column) for column in SCRIPT.T[1:])
    pelvis, facing = on_circle(steps * STEP, height)
    body = body_axes(facing, np.deg2rad(lean))
    upright = body_axes(facing, np.zeros_like(lean))
    neck = pelvis + TRUNK * body[..., 2]
    joints = {name: neck + body @ np.array(place) for name, place in FACE.items()}

    swing = 25 * np.sin(np.pi * steps)
    left_arm, left_elbow, right_arm, right_elbow, aside = (
        smooth_curve(times, ARMS[:, 0], column) for column in ARMS.T[1:]
    )
    for side, sign, arm, elbow in (
        ("left", 1, left_arm + swing, left_elbow),
        ("right", -1, right_arm - swing, right_elbow),
    ):
        joints[f"{side}_shoulder"] = neck + sign * SHOULDERS / 2 * body[..., 1]
        upper, lower = hanging(arm, sign * aside), hanging(arm + elbow, sign * aside)
        joints[f"{side}_elbow"] = joints[f"{side}_shoulder"] + UPPER_ARM * turned(upright, upper)
        joints[f"{side}_wrist"] = joints[f"{side}_elbow"] + FOREARM * turned(upright, lower)
        hip = pelvis + sign * HIPS / 2 * upright[..., 1]
        ankle = footfall(steps, sign)
        joints[f"{side}_hip"], joints[f"{side}_ankle"] = hip, ankle
        joints[f"{side}_knee"] = knee_between(hip, ankle, upright[..., 0])
    return joints


def observe(joints: ndarray, camera: Camera, times: ndarray, rng: np.random.Generator) -> Keypoints:
    """Return what a detector would say of joints (frames, joints, 3): noisy where it is unsure, some not at all."""
    pixels, valid = camera.project(joints)
    sure = rng.beta(6, 2, pixels.shape[:2])
    pixels = pixels + rng.normal(size=pixels.shape) * NOISE_PX * (1.6 - sure)[..., None]
    inside = np.all((pixels >= 0) & (pixels < camera.size_wh), axis=-1)
    seen = valid & inside & (rng.random(sure.shape) >= MISSING)
    pixels = np.where(seen[..., None], pixels, 0.0)
    return Keypoints(
        pixels[:, None].astype(np.float32),
        np.where(seen, sure, 0.0)[:, None].astype(np.float32),
        times,
        load_skeleton("coco17"),
        camera.size_wh,
    )


def with_sides_swapped(keypoints: Keypoints, frames: range) -> Keypoints:
    """Return keypoints whose left and right are exchanged in `frames`, as detectors do with a person's back."""
    pixels, score = keypoints.pixels.copy(), keypoints.score.copy()
    mirror = list(keypoints.skeleton.mirror)
    pixels[frames], score[frames] = pixels[frames][:, :, mirror], score[frames][:, :, mirror]
    return replace(keypoints, pixels=pixels, score=score)


def footfall(steps: ndarray, side: int) -> ndarray:
    """Return the ankle of the left (1) or right (-1) foot: it stands for one step and swings over two in the next."""
    own = (steps + (0.5 if side > 0 else 1.5)) / 2
    swing = np.clip(2 * (own % 1.0) - 1, 0, 1)
    ahead = 2 * (np.floor(own) + swing**2 * (3 - 2 * swing)) - (0.0 if side > 0 else 1.0)
    lift = 0.10 * np.sin(np.pi * swing)
    middle, facing = on_circle(ahead * STEP, ANKLE_HEIGHT + lift)
    return middle + side * HIPS / 2 * body_axes(facing, np.zeros_like(facing))[..., 1]


def knee_between(hip: ndarray, ankle: ndarray, forward: ndarray) -> ndarray:
    """Return the knee, bent forward, for which thigh and shank have their lengths."""
    line = ankle - hip
    distance = np.linalg.norm(line, axis=-1, keepdims=True)
    if np.any(distance > THIGH + SHANK):
        raise ValueError("the script asks for a leg longer than the figure has")
    along = (THIGH**2 - SHANK**2 + distance**2) / (2 * distance)
    down = line / distance
    bend = unit(forward - down * np.sum(forward * down, axis=-1, keepdims=True))
    return np.asarray(hip + along * down + np.sqrt(THIGH**2 - along**2) * bend)


def on_circle(distance: ndarray, height: ndarray) -> tuple[ndarray, ndarray]:
    """Return points at `height` after walking `distance` along the circle, and the direction of walking (radians)."""
    angle = distance / CIRCLE
    return np.stack([CIRCLE * np.cos(angle), CIRCLE * np.sin(angle), height], axis=-1), angle + np.pi / 2


def body_axes(facing: ndarray, lean: ndarray) -> ndarray:
    """Return (frames, 3, 3) whose columns are forward, left and up of a body that faces and leans so (radians)."""
    ahead = np.stack([np.cos(facing), np.sin(facing), np.zeros_like(facing)], axis=-1)
    left = np.stack([-np.sin(facing), np.cos(facing), np.zeros_like(facing)], axis=-1)
    above = np.array([0.0, 0.0, 1.0])
    cos, sin = np.cos(lean)[:, None], np.sin(lean)[:, None]
    return np.stack([cos * ahead - sin * above, left, cos * above + sin * ahead], axis=-1)


def hanging(forward: ndarray, aside: ndarray) -> ndarray:
    """Return directions, in body axes, of an arm that hangs down when both angles (degrees) are zero."""
    forward, aside = np.deg2rad(forward), np.deg2rad(aside)
    return np.stack([np.sin(forward) * np.cos(aside), np.sin(aside), -np.cos(forward) * np.cos(aside)], axis=-1)


def turned(axes: ndarray, directions: ndarray) -> ndarray:
    """Return directions given in `axes` (frames, 3, 3) as directions in the world."""
    return np.asarray((axes @ directions[..., None])[..., 0])


def smooth_curve(times: ndarray, at: ndarray, values: ndarray) -> ndarray:
    """Return a smooth curve through `values` that never goes beyond them."""
    return np.asarray(PchipInterpolator(at, values)(times))


def unit(vectors: ndarray) -> ndarray:
    """Return the vectors at length one."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


if __name__ == "__main__":
    main()
