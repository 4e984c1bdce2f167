"""Pictures of random rooms, for the backgrounds of training crops."""

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.studio.camera_effects import CameraLook
from epipose.studio.rigs import looking_at
from epipose.studio.rooms import Room


def room_view(rng: np.random.Generator, size: int) -> UInt8[ndarray, "size size 3"]:
    """Return a square picture of a random room as a random camera at a random place in it stores it."""
    bearing, distance = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 5.0)
    place = np.array([distance * np.cos(bearing), distance * np.sin(bearing), rng.uniform(0.4, 2.6)])
    target = np.array([*rng.normal(0, 1.0, 2), rng.uniform(0.2, 1.8)])
    focal, middle = size * rng.uniform(0.6, 2.0), (size - 1) / 2
    lens = Pinhole((focal, focal), (middle, middle))
    room = Room.random(rng, enclosing=place[None])
    seen = room.background(Camera(lens, looking_at(place, target), (size, size)), samples=1)
    linear = (seen.ambient + seen.key).numpy()
    return CameraLook.random(rng).metered(linear).apply(linear, rng)
