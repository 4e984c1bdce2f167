"""What is behind the people of a scene: a room made up, or a user's pictures."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.pictures import picture_files, read_picture
from epipose.studio.light import Light
from epipose.studio.rigs import Rig
from epipose.studio.rooms import Room
from epipose.studio.scene_view import Background, pixel_rays
from epipose.studio.textures import linear_from_stored

FLOOR_REACH = 12.0
"""Metres from the camera up to which what pictures show below the horizon is taken for the floor."""


class Surroundings(ABC):
    """What is behind the people, and the light that falls on them."""

    @property
    @abstractmethod
    def light(self) -> Light:
        """The light of the place."""

    @abstractmethod
    def background(self, view: str, camera: Camera) -> Background:
        """Return what the camera of a view sees of the place."""


@dataclass(frozen=True, eq=False)
class InRoom(Surroundings):
    """A room made up."""

    room: Room

    @property
    def light(self) -> Light:
        """The light of the room."""
        return self.room.light

    def background(self, view: str, camera: Camera) -> Background:  # noqa: ARG002 - the room is the same for all
        """Return what the camera of a view sees of the room."""
        return self.room.background(camera)


@dataclass(frozen=True, eq=False)
class BeforePictures(Surroundings):
    """One picture for each view, as large as it must be to fill the view; people's shadows fall on a level floor."""

    pictures: Mapping[str, UInt8[ndarray, "_ _ 3"]]
    """By view."""
    lamp: Light

    @property
    def light(self) -> Light:
        """A light made up."""
        return self.lamp

    def background(self, view: str, camera: Camera) -> Background:
        """Return the middle of the picture of a view."""
        width, height = camera.size_wh
        stored = self.pictures[view]
        scale = max(width / stored.shape[1], height / stored.shape[0])
        larger = (max(width, round(stored.shape[1] * scale)), max(height, round(stored.shape[0] * scale)))
        stored = cv2.resize(stored, larger, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        left, top = (larger[0] - width) // 2, (larger[1] - height) // 2
        colour = torch.from_numpy(
            linear_from_stored(np.ascontiguousarray(stored[top : top + height, left : left + width]))
        )
        rays = pixel_rays(camera, np.arange(height))
        reach = camera.centre[2] / np.maximum(-rays[..., 2], 1e-6)
        points = torch.from_numpy((camera.centre + rays * np.minimum(reach, 1e3)[..., None]).astype(np.float32))
        floor = torch.from_numpy((reach < FLOOR_REACH).astype(np.float32))[..., None]
        around, lamp = float(np.mean(self.light.above)), float(np.mean(self.light.key)) * self.light.towards[2]
        key = colour * floor * (lamp / (around + lamp))
        return Background(colour - key, key, points)


def choose_surroundings(
    folder: Path | None, rig: Rig, action: Float[ndarray, "points 3"], rng: np.random.Generator
) -> Surroundings:
    """Return a room that holds the rig and the places of the `action` (metres), or the pictures of a `folder`.

    Raises InputError for a folder without pictures.
    """
    if folder is not None:
        return BeforePictures(_pictures(folder, list(rig.cameras), rng), Light.random(rng))
    centres = np.stack([camera.centre for camera in rig.cameras.values()])
    low, high = action.min(axis=0), action.max(axis=0)
    corners = np.array([[x, y, min(high[2], 2.4)] for x in (low[0], high[0]) for y in (low[1], high[1])])
    return InRoom(Room.random(rng, enclosing=np.concatenate([centres, corners])))


def _pictures(folder: Path, views: Sequence[str], rng: np.random.Generator) -> dict[str, UInt8[ndarray, "_ _ 3"]]:
    """Return a picture for each view, another one as long as there are enough."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} of pictures for the background; check the path")
    files = picture_files(folder)
    if not files:
        raise InputError(f"{folder} holds no picture for the background; put JPEG or PNG files into it")
    order = rng.permutation(len(files))
    return {view: read_picture(files[order[index % len(files)]]) for index, view in enumerate(views)}
