"""Truth made by hand: the sample's stick figure before the sample's cameras, as a synthetic recording would tell it."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.io.truth_files import OUT_OF_FRAME, SKELETON, VISIBLE, PersonTruth, Truth, ViewTruth
from epipose.pose.conversion import conversion
from epipose.pose.keypoints import Poses
from tests.pipeline.captures import CAMERAS, COCO, STATURE, Body, figure


def body21(body: Body, times: ndarray) -> ndarray:
    """Return the body (frames, 21, 3) in metres; the joints that COCO lacks are made from others."""
    joints = body(times)
    return conversion(COCO, SKELETON).apply(joints, np.ones(joints.shape[:2]))[0]


def view_truth(camera: Camera, bodies: Sequence[Body], times: ndarray, late: float = 0.0) -> ViewTruth:
    """Return what a camera whose clock started `late` (s) sees of bodies that hide nothing of each other."""
    joints = np.stack([body21(body, times + late) for body in bodies], axis=1)
    pixels, valid = camera.project(joints)
    inside = valid & np.all((pixels >= 0) & (pixels < camera.size_wh), axis=-1)
    boxes = np.concatenate([pixels.min(axis=2), pixels.max(axis=2)], axis=-1)
    visibility = np.where(inside, VISIBLE, OUT_OF_FRAME).astype(np.uint8)
    return ViewTruth(times, late, pixels.astype(np.float32), visibility, boxes.astype(np.float32))


def make_truth(
    *,
    bodies: Sequence[Body] = (figure,),
    seconds: float = 3.6,
    frame_rate: float = 25.0,
    late: Mapping[str, float] | None = None,
) -> Truth:
    """Return the truth of the sample's four cameras; `late` (s) are the views whose clocks started later."""
    times = np.arange(round(seconds * frame_rate)) / frame_rate
    positions = np.stack([body21(body, times) for body in bodies], axis=1).astype(np.float32)
    zero = np.zeros(positions.shape[:3], np.float32)
    return Truth(
        poses=Poses(positions, zero, zero + 1, times, SKELETON),
        views={
            name: view_truth(camera, bodies, times, (late or {}).get(name, 0.0)) for name, camera in CAMERAS.items()
        },
        cameras=CAMERAS,
        people=tuple(PersonTruth(STATURE, {"gender": 0.5}, "walk") for _ in bodies),
        seed=7,
        rig="sample",
        details={"occluders": [{"kind": "disc", "centre_m": [0.0, 0.0, 0.7]}]},
    )
