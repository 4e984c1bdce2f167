"""A user's own pictures as backgrounds, and views of random rooms for training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.io.pictures import picture_files, read_picture
from epipose.studio.camera_effects import CameraLook
from epipose.studio.light import Light
from epipose.studio.rooms import Room
from epipose.studio.scene_view import Background
from epipose.studio.textures import linear_from_stored


@dataclass(frozen=True)
class Photographs:
    """Pictures to stand in for rooms: each camera sees one of them."""

    files: Sequence[Path]

    @classmethod
    def of(cls, folder: Path) -> "Photographs":
        """Find the pictures in a folder; raises InputError when there is none."""
        files = picture_files(folder) if folder.is_dir() else ()
        if not files:
            raise InputError(f"{folder} holds no pictures for backgrounds; put JPEG or PNG files there")
        return cls(files)

    def look_pixels(self, number: int, size_wh: tuple[int, int]) -> Float32[ndarray, "height width 3"]:
        """Return linear light of the picture for camera `number`, cut around its middle to fill `size_wh`."""
        picture = read_picture(self.files[number % len(self.files)])
        height, width = picture.shape[:2]
        scale = max(size_wh[0] / width, size_wh[1] / height)
        wide, tall = max(1, min(width, round(size_wh[0] / scale))), max(1, min(height, round(size_wh[1] / scale)))
        left, top = (width - wide) // 2, (height - tall) // 2
        part = np.ascontiguousarray(picture[top : top + tall, left : left + wide])
        shrinking = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return linear_from_stored(np.asarray(cv2.resize(part, size_wh, interpolation=shrinking)))

    def background(self, number: int, camera: Camera, light: Light) -> Background:
        """Return the picture for camera `number`; below the horizon it takes shadows as a floor at height 0 would."""
        colour = torch.from_numpy(self.look_pixels(number, camera.size_wh))
        column, row = np.meshgrid(*(np.arange(size, dtype=float) for size in camera.size_wh))
        rays, _ = camera.rays(np.stack([column, row], axis=-1))
        distance = -camera.centre[2] / np.minimum(rays[..., 2:], -1e-2)
        points = torch.from_numpy((camera.centre + rays * distance).astype(np.float32))
        around, key = np.array(light.above), np.array(light.key) * light.towards[2]
        share = np.where(rays[..., 2:] < -1e-2, key / (around + key), 0.0)
        lamp = colour * torch.from_numpy(share.astype(np.float32))
        return Background(colour - lamp, lamp, points)


def room_view(rng: np.random.Generator, size: int) -> UInt8[ndarray, "size size 3"]:
    """Return a picture of a random room as a random camera stores it, for backgrounds of training crops."""
    bearing, distance = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 5.0)
    place = np.array([distance * np.cos(bearing), distance * np.sin(bearing), rng.uniform(0.4, 2.6)])
    target = np.array([*rng.normal(0, 1.0, 2), rng.uniform(0.2, 1.8)])
    forward = (target - place) / np.linalg.norm(target - place)
    right = np.cross(forward, [0.0, 0.0, 1.0]) / np.linalg.norm(np.cross(forward, [0.0, 0.0, 1.0]))
    focal = size * rng.uniform(0.6, 2.0)
    lens = Pinhole((focal, focal), (size / 2, size / 2))
    cam_from_world = Rigid.from_centre(np.stack([right, np.cross(forward, right), forward]), place)
    room = Room.random(rng, enclosing=place[None])
    seen = room.background(Camera(lens, cam_from_world, (size, size)), samples=1)
    linear = (seen.ambient + seen.key).numpy()
    return CameraLook.random(rng).metered(linear).apply(linear, rng)
