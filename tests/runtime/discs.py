"""A world in which a network can be right: people of coloured discs, whose joints a network of known weights reads.

Joint j is a disc of red 15 j and green 250 - 15 j; its blue tells its depth behind the root over the distance of the
top of the head from the ankles, both in pixels. So the network's answers are exact up to the grid of pixels.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor, nn

from epipose.detectors import Detector, Look, People
from epipose.geometry.lenses import Lens, Pinhole
from epipose.io.model_files import KEY, ModelDescription
from epipose.io.video_writing import Coding, video_writer
from epipose.pose.skeletons import Skeleton, load_skeleton
from epipose.training.model_files import exported

SKELETON = load_skeleton("h36m17")
SIZE = 160
SIZE_WH = (640, 480)
STEP, TOP, NEAR = 15, 250, 4
RADIUS = 6
LENS = Pinhole((600.0, 600.0), (319.5, 239.5))
DEEPEST = 1.2
"""Depth behind the root over the person's length in the picture that blue can tell."""
SHARE = 100 / DEEPEST
REST = {
    "pelvis": (0.0, 0.0, 0.0),
    "hip": (0.16, 0.02, 0.0),
    "knee": (0.17, 0.45, -0.03),
    "ankle": (0.2, 0.88, 0.04),
    "spine": (0.0, -0.24, 0.02),
    "thorax": (0.0, -0.47, 0.0),
    "nose": (0.0, -0.61, -0.1),
    "head_top": (0.0, -0.78, 0.0),
    "shoulder": (0.2, -0.45, 0.0),
    "elbow": (0.45, -0.36, -0.06),
    "wrist": (0.66, -0.46, -0.2),
}
"""Metres from the pelvis, in camera axes; the left side of somebody who looks into the camera."""


def person(
    root: Sequence[float], angle: float = 0.0, *, height: float = 1.0, lift: float = 0.0
) -> Float[ndarray, "joints 3"]:
    """Return somebody who stands at `root` (camera axes, metres), turned about the vertical by `angle` (radians).

    `height` is a factor; `lift` raises the left arm (metres at the wrist).
    """
    rest = np.array(
        [np.array(REST[name.split("_", 1)[-1] if name[:4] in ("left", "righ") else name])
         * ([-1, 1, 1] if name.startswith("right") else 1) for name in SKELETON.joint_names]
    )  # fmt: skip
    rest[SKELETON.index("left_wrist"), 1] -= lift
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    return height * rest @ turn.T + np.asarray(root)


def bone_lengths(joints: Float[ndarray, "joints 3"]) -> dict[tuple[str, str], float]:
    """Return the lengths of all bones by name."""
    names = SKELETON.joint_names
    return {(names[a], names[b]): float(np.linalg.norm(joints[a] - joints[b])) for a, b in SKELETON.bones}


def draw(
    people: Sequence[Float[ndarray, "joints 3"]],
    lens: Lens,
    size_wh: tuple[int, int] = SIZE_WH,
    radius: int = RADIUS,
) -> UInt8[ndarray, "height width 3"]:
    """Return a picture of people (camera axes, metres), the farthest first."""
    picture = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    for joints in sorted(people, key=lambda joints: -joints[0, 2]):
        pixels, _ = lens.project(joints)
        behind = (joints[:, 2] - joints[0, 2]) * np.mean(lens.focal) / joints[0, 2]
        blue = np.clip(np.round(128 + SHARE * behind / _length(pixels)), 0, 255)
        for joint, (x, y) in enumerate(np.round(pixels * 16).astype(int).tolist()):
            # Within a black ring: a mixture of two discs' colours would be a third one's.
            for around, colour in (
                (radius + 4, (0, 0, 0)),
                (radius, (STEP * joint, TOP - STEP * joint, int(blue[joint]))),
            ):
                cv2.circle(picture, (x, y), around * 16, colour, -1, cv2.LINE_8, 4)
    return picture


def _length(pixels: ndarray) -> float:
    ends = [SKELETON.index(name) for name in ("head_top", "left_ankle", "right_ankle")]
    return float(np.linalg.norm(pixels[ends[0]] - pixels[ends[1:]].mean(axis=0)))


class DiscNet(nn.Module):
    """Reads the person of discs in a crop."""

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        red, green, blue = (pictures[:, None, :, :, channel].float().flatten(2) for channel in range(3))
        code = torch.arange(len(SKELETON), dtype=torch.float32)[None, :, None]
        # Both within NEAR of the joint's colour: one number for both is one comparison of many pixels.
        off = torch.maximum((red - STEP * code).abs(), (green - (TOP - STEP * code)).abs())
        mask = (off <= NEAR).float()
        along = torch.arange(SIZE, dtype=torch.float32)
        grid = torch.stack([along.repeat(SIZE), along.repeat_interleave(SIZE), torch.ones(SIZE * SIZE)], dim=1)
        x, y, area = (mask @ grid).unbind(dim=-1)
        full = area.clamp(min=1.0)
        x, y = x / full, y / full
        place = torch.stack([x, y], dim=-1)
        shade = (mask @ blue.transpose(1, 2))[..., 0] / full
        ends = [SKELETON.index(name) for name in ("head_top", "left_ankle", "right_ankle")]
        length = (place[:, ends[0]] - (place[:, ends[1]] + place[:, ends[2]]) / 2).norm(dim=-1)
        depth = (shade - 128) / SHARE * length[:, None] / SIZE
        seen = (area >= 3).float()
        positions = torch.stack([x / SIZE - 0.5, y / SIZE - 0.5, depth], dim=-1)
        return positions * seen[..., None], 0.9 * seen


class DiscDetector(Detector):
    """Finds people of discs; sees nobody left of `blind` (pixels)."""

    uses_all_cores = False

    def __init__(self, blind: float = -1.0) -> None:
        self.blind = blind
        self.looks = 0

    @property
    def skeleton(self) -> Skeleton:
        return SKELETON

    @property
    def version(self) -> str:
        return "discs"

    @contextmanager
    def session(self) -> Iterator[Look]:
        yield self.people

    def people(self, image: UInt8[ndarray, "height width 3"]) -> People:
        self.looks += 1
        roots = [place for place in _discs(image, 0) if place[0] > self.blind]
        pixels = np.zeros((len(roots), len(SKELETON), 2), np.float32)
        score = np.zeros((len(roots), len(SKELETON)), np.float32)
        for joint in range(len(SKELETON)):
            for place in _discs(image, joint):
                if roots:
                    owner = int(np.argmin([abs(place[0] - root[0]) for root in roots]))
                    pixels[owner, joint], score[owner, joint] = place, 1.0
        return pixels, score


def _discs(image: UInt8[ndarray, "height width 3"], joint: int) -> list[ndarray]:
    red, green = STEP * joint, TOP - STEP * joint
    mask = cv2.inRange(image, (red - NEAR, green - NEAR, 0), (red + NEAR, green + NEAR, 255))
    count, _, stats, middles = cv2.connectedComponentsWithStats(mask)
    return [middles[part] for part in range(1, count) if stats[part, cv2.CC_STAT_AREA] >= 3]


class Straight(nn.Module):
    """A network of kind "lift" that leaves joints where they are, z their x; as sure of each as it was told."""

    def forward(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cat([joints[..., :2], joints[..., :1]], dim=-1), joints[..., 2]


def model_bytes(net: nn.Module, description: ModelDescription) -> bytes:
    """Return a model file."""
    crop = description.kind == "crop"
    given = (
        torch.zeros(1, description.size, description.size, 3, dtype=torch.uint8)
        if crop
        else torch.zeros(1, len(description.skeleton), 3)
    )
    name = "pictures" if crop else "joints"
    return described(exported(net, given, name, ["positions", "confidence"]), description.to_json())


def described(model: bytes, text: str | None) -> bytes:
    """Return an ONNX file with another description, or with none."""
    graph = onnx.load_model_from_string(model)
    del graph.metadata_props[:]
    if text is not None:
        entry = graph.metadata_props.add()
        entry.key, entry.value = KEY, text
    return bytes(graph.SerializeToString())


def disc_description(**changes: object) -> ModelDescription:
    """Return what the file of a DiscNet says."""
    says = {"name": "discs", "kind": "crop", "skeleton": SKELETON, "size": SIZE, "margin": 1.25}
    return ModelDescription(**{**says, **changes})  # type: ignore[arg-type]


def write_disc_model(path: Path, **changes: object) -> Path:
    """Write the file of a DiscNet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model_bytes(DiscNet(), disc_description(**changes)))
    return path


LOSSLESS = Coding("matroska", "ffv1", given="rgb24", stored="bgr0", options={"level": "3"})


def write_disc_video(path: Path, frames: Sequence[Sequence[Float[ndarray, "joints 3"]]], lens: Lens = LENS) -> Path:
    """Write a video at 30 frames a second whose colours are kept."""
    with video_writer(path, SIZE_WH, Fraction(30), LOSSLESS) as append:
        for people in frames:
            append(draw(people, lens))
    return path
