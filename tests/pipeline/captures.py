"""Captures of keypoints with known truth: the sample's figure (and others) before the sample's four cameras."""

import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.alignment import similarity
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between
from epipose.io.camera_files import write_cameras
from epipose.io.keypoint_files.npz import write_npz
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import load_skeleton
from tests.sample import REPOSITORY

SAMPLE: dict[str, Any] = runpy.run_path(str(REPOSITORY / "examples" / "make_keypoint_sample.py"))
CAMERAS: dict[str, Camera] = SAMPLE["rig"]()
STATURE: float = SAMPLE["STATURE"]
COCO = load_skeleton("coco17")
Body = Callable[[Float[ndarray, "frames"]], Float[ndarray, "frames joints 3"]]


def figure(times: Float[ndarray, "frames"]) -> Float[ndarray, "frames joints 3"]:
    """Return the sample's figure, in COCO's order (metres, Z up, floor at 0)."""
    joints = SAMPLE["stick_figure"](times)
    return np.stack([joints[name] for name in COCO.joint_names], axis=1)


def elsewhere(body: Body, *, shift: tuple[float, float], turn: float = 0.0, later: float = 0.0) -> Body:
    """Return the body turned (radians) about the vertical, then moved over the floor, doing all `later` (s)."""
    cos, sin = np.cos(turn), np.sin(turn)

    def moved(times: Float[ndarray, "frames"]) -> Float[ndarray, "frames joints 3"]:
        joints = body(times + later)
        flat = joints[..., :2] @ np.array([[cos, sin], [-sin, cos]]) + np.array(shift)
        return np.concatenate([flat, joints[..., 2:]], axis=-1)

    return moved


@dataclass(frozen=True, eq=False)
class Filming:
    """How one view films: its frames per second, how late its clock started (s) and whom it sees."""

    frame_rate: float = 25.0
    late: float = 0.0
    seconds: float = 3.6
    people: tuple[int, ...] = (0,)


def filmed(camera: Camera, bodies: Sequence[Body], how: Filming, rng: np.random.Generator) -> Keypoints:
    """Return what a detector would say of the bodies; its slots keep their order."""
    times = np.arange(round(how.seconds * how.frame_rate)) / how.frame_rate
    seen = [SAMPLE["observe"](bodies[index](times + how.late), camera, times, rng) for index in how.people]
    return replace(
        seen[0],
        pixels=np.concatenate([keypoints.pixels for keypoints in seen], axis=1),
        score=np.concatenate([keypoints.score for keypoints in seen], axis=1),
    )


def make_capture(
    folder: Path,
    *,
    bodies: Sequence[Body] = (figure,),
    views: Mapping[str, Filming] | None = None,
    seed: int = 0,
) -> Path:
    """Write keypoints of the views (all four, if not named), lenses.toml and given.toml, the true cameras."""
    rng = np.random.default_rng(seed)
    views = views or dict.fromkeys(CAMERAS, Filming())
    for name, how in views.items():
        write_npz(folder / "keypoints" / "made" / f"{name}.npz", filmed(CAMERAS[name], bodies, how, rng))
    cameras = {name: CAMERAS[name] for name in views}
    write_cameras(folder / "given.toml", cameras)
    lenses = {name: replace(camera, cam_from_world=Rigid.identity()) for name, camera in cameras.items()}
    write_cameras(folder / "lenses.toml", lenses)
    return folder


@dataclass(frozen=True, eq=False)
class Misfit:
    """How far cameras are from the truth."""

    rotation_deg: Float[ndarray, "pairs"]
    """Of relative rotations."""
    centres_m: Float[ndarray, "views"]
    """After a similarity alignment."""
    scale: float
    """Metres of truth per metre found."""
    tilt_deg: float
    """Angle between both worlds' up."""
    floor_m: float
    """How high the found floor is over the true one."""


def misfit(cameras: Mapping[str, Camera]) -> Misfit:
    """Compare found cameras with the true ones of the same names."""
    names = list(cameras)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    turns = [angle_between(_relative(cameras, a, b), _relative(CAMERAS, a, b)) for a, b in pairs]
    found = np.stack([cameras[name].centre for name in names])
    truth = np.stack([CAMERAS[name].centre for name in names])
    scale, motion = similarity(found, truth)
    centres = np.linalg.norm(motion.apply(scale * found) - truth, axis=-1)
    tilt = np.rad2deg(np.arccos(np.clip(motion.rotation[2, 2], -1, 1)))
    return Misfit(np.rad2deg(turns), centres, float(scale), float(tilt), float(motion.translation[2]))


def _relative(cameras: Mapping[str, Camera], first: str, second: str) -> Float[ndarray, "3 3"]:
    return np.asarray(cameras[second].cam_from_world.rotation @ cameras[first].cam_from_world.rotation.T)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, hidden ones too."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
