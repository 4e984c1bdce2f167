"""A believable report with known numbers: a walk in a circle among a ring of cameras."""

from datetime import UTC, datetime

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton, load_skeleton
from epipose.report.contents import BoneReport, JointReport, ReconstructionReport, ViewReport

# Standing at the origin, facing +x: (forward, to the left, up) in metres, in h36m17's order.
_STANDING = {
    "pelvis": (0, 0, 0.95),
    "hip": (0, 0.13, 0.93),
    "knee": (0.05, 0.13, 0.5),
    "ankle": (0, 0.13, 0.08),
    "spine": (0, 0, 1.2),
    "thorax": (0, 0, 1.45),
    "nose": (0.1, 0, 1.6),
    "head_top": (0, 0, 1.75),
    "shoulder": (0, 0.2, 1.43),
    "elbow": (0, 0.25, 1.15),
    "wrist": (0.1, 0.25, 0.9),
}


def ring_camera(turn: float, radius_m: float = 4.0) -> Camera:
    """Return a camera on a ring about the origin, 1.6 m high, that looks at the middle of the body."""
    centre = np.array([radius_m * np.cos(turn), radius_m * np.sin(turn), 1.6])
    forward = np.array([0, 0, 1.0]) - centre
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return Camera(Pinhole((1100.0, 1100.0), (639.5, 359.5)), Rigid.from_centre(rotation, centre), (1280, 720))


def walk(frames: int, skeleton: Skeleton) -> Float[ndarray, "frames joints 3"]:
    """Return a stiff body that walks a circle of 1 m with swinging wrists and ankles."""
    body = []
    for name in skeleton.joint_names:
        side = -1 if name.startswith("right_") else 1
        x, y, z = _STANDING[name.removeprefix("left_").removeprefix("right_")]
        body.append((x, side * y, z))
    turn = np.linspace(0, 2 * np.pi, frames, endpoint=False)
    swing = np.zeros((frames, len(skeleton), 1))
    for limb, phase in (("left_ankle", 0), ("right_ankle", np.pi), ("left_wrist", np.pi), ("right_wrist", 0)):
        swing[:, skeleton.index(limb), 0] = 0.2 * np.sin(8 * turn + phase)
    local = np.array(body) + swing * [1, 0, 0] + [0, -1.0, 0]
    cosine, sine, zero, one = np.cos(turn), np.sin(turn), np.zeros(frames), np.ones(frames)
    rotation = np.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], axis=-1).reshape(-1, 3, 3)
    return np.asarray(np.einsum("fab,fjb->fja", rotation, local))


def poses(frames: int = 300, frame_rate: float = 29.97, people: int = 1) -> Poses:
    """Return the walk as poses; the first person's left wrist is missing in the first ten frames."""
    skeleton = load_skeleton("h36m17")
    weight = np.ones((frames, people, 17), np.float32)
    weight[:10, 0, skeleton.index("left_wrist")] = 0
    beside = 0.9 * np.arange(people)[:, None, None] * [1, 0, 0]
    positions = (walk(frames, skeleton)[:, None] + beside).astype(np.float32)
    uncertainty = np.full(weight.shape, 0.014, np.float32)
    return Poses(positions, uncertainty, weight, np.arange(frames) / frame_rate, skeleton)


def view_report(name: str, number: int, swapped: tuple[int, ...] = ()) -> ViewReport:
    """Return what was found about camera `number` of the ring."""
    return ViewReport(
        name=name,
        camera=ring_camera(0.4 + number * np.pi / 2),
        centre_sigma_m=0.009 + 0.004 * number,
        rotation_sigma_rad=0.003 + 0.001 * number,
        focal_sigma_px=12.0,
        frames=300,
        frame_rate=29.97,
        time_offset_s=0.0123 * number,
        time_offset_sigma_s=0.0011,
        reprojection_mean_px=4.9 + number,
        reprojection_median_px=4.1 + number,
        inlier_share=0.97 - 0.02 * number,
        seen_share=0.99 - 0.05 * number,
        swapped_frames=swapped,
    )


def report(
    frames: int = 300, names: tuple[str, ...] = ("cam01", "cam02", "cam03", "cam04"), people: int = 1
) -> ReconstructionReport:
    """Return the whole report; the second camera had left and right swapped in frames 41-73 and 90."""
    rng = np.random.default_rng(7)
    motion = poses(frames, people=people)
    swapped = tuple(frame for frame in (*range(41, 74), 90) if frame < frames)
    views = tuple(view_report(name, k, swapped if k == 1 else ()) for k, name in enumerate(names))
    errors = 5 + rng.gamma(2, 1.0, (len(names), frames))
    errors[0, 100:110] = np.nan
    skeleton = motion.skeleton
    joint_errors = 4 + rng.gamma(2, 1.5, (17, len(names)))
    joint_errors[skeleton.index("head_top"), 0] = np.nan
    return ReconstructionReport(
        title="walking_in_a_circle",
        version="0.1.0",
        created=datetime(2025, 3, 4, 15, 9, tzinfo=UTC),
        views=views,
        cameras_source="people",
        focal_source="shared",
        scale_source="body height 1.75 m",
        scale_sigma=0.01,
        gravity_source="feet and upright bodies",
        poses=motion,
        joints=tuple(
            JointReport(name, joint_errors[j], float(rng.uniform(0.006, 0.025)))
            for j, name in enumerate(skeleton.joint_names)
        ),
        bones=tuple(
            BoneReport(
                skeleton.joint_names[a],
                skeleton.joint_names[b],
                float(np.linalg.norm(motion.positions[0, 0, a] - motion.positions[0, 0, b])),
                float(rng.uniform(0.02, 0.07)),
                0.013 if skeleton.joint_names[b].startswith(("left", "right")) else None,
            )
            for a, b in skeleton.bones
        ),
        reprojection_by_frame_px=errors,
        reprojection_mean_px=5.9,
        reprojection_median_px=5.1,
        noise_sigma_px=4.2,
        seconds_by_stage={"detect": 12.31, "calibrate": 1.84, "triangulate": 0.21},
    )
