"""Camera rigs: where cameras stand around the action (at the origin), through which lenses, and by which clocks."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Pinhole
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotation_from_rotvec
from epipose.io.camera_files import read_cameras

CLEARANCE = 0.3
"""Metres that a camera keeps from everybody."""
MOST_CAMERAS = 64
SIZES = (64, 4096)
"""Least and most pixels along a side of a picture."""
PHONE_RATES = (Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60000, 1001))
"""Frames per second of phones that differ."""
PHONE_OFFSET_S = 0.5
"""Phones are started by hand: up to so much earlier or later than the first."""
SQUARENESS = 0.02
"""Pixels of Human3.6M's pictures may become so much wider than high, or higher than wide."""


@dataclass(frozen=True, kw_only=True)
class RigRequest:
    """What is asked of a rig; None leaves it to the rig."""

    cameras: int | None = None
    radius: float | None = None
    """Metres from the cameras to the middle of the action, about."""
    size_wh: tuple[int, int] | None = None
    frame_rate: Fraction = Fraction(25)
    """Frames per second of every view, ..."""
    mixed_rates: bool = False
    """... unless each has one of PHONE_RATES."""
    offset_s: float | None = None
    """How much earlier or later than the first view another may start, at most."""

    def __post_init__(self) -> None:
        """Raise InputError for what no rig can be."""
        if self.cameras is not None and not 1 <= self.cameras <= MOST_CAMERAS:
            raise InputError(f"a rig of {self.cameras} cameras cannot be; ask for 1 to {MOST_CAMERAS}")
        if self.radius is not None and not 0 < self.radius <= 50:
            raise InputError(f"cameras {self.radius} m from the middle cannot be; ask for up to 50 m")
        if self.size_wh is not None and any(not SIZES[0] <= n <= SIZES[1] or n % 2 for n in self.size_wh):
            width, height = self.size_wh
            raise InputError(
                f"pictures of {width} x {height} pixels cannot be made;"
                f" both must be even and from {SIZES[0]} to {SIZES[1]}"
            )
        if not 1 <= self.frame_rate <= 240:
            raise InputError(f"a frame rate of {float(self.frame_rate):g} cannot be; ask for 1 to 240 frames a second")
        if self.offset_s is not None and not 0 <= self.offset_s <= 5:
            raise InputError(f"an offset of {self.offset_s} s between the views cannot be; ask for 0 to 5 s")


@dataclass(frozen=True, eq=False)
class Rig:
    """Cameras by the name of their view, and their clocks."""

    name: str
    cameras: Mapping[str, Camera]
    time_offsets: Mapping[str, float]
    """Seconds that are added to a view's own times for the common clock; 0 for the first view."""
    frame_rates: Mapping[str, Fraction]
    """Frames per second."""


def make_rig(name: str, request: RigRequest, place: np.random.Generator, clock: np.random.Generator) -> Rig:
    """Return a rig of RIGS; `place` draws where its cameras stand and their lenses, `clock` their clocks.

    Raises InputError for an unknown name, and for a request that the rig cannot fulfil.
    """
    if name not in RIGS:
        raise InputError(f"there is no rig {name!r}; choose from {', '.join(RIGS)}")
    cameras = RIGS[name](request, place)
    longest = request.offset_s if request.offset_s is not None else PHONE_OFFSET_S if name == "phones" else 0.0
    # Both are drawn for every view, needed or not, so that asking for one does not change the other.
    offsets = clock.uniform(-1.0, 1.0, MOST_CAMERAS) * longest
    rates = [PHONE_RATES[choice] for choice in clock.integers(len(PHONE_RATES), size=MOST_CAMERAS)]
    return Rig(
        name,
        cameras,
        {view: float(offsets[index]) if index else 0.0 for index, view in enumerate(cameras)},
        {view: rates[index] if request.mixed_rates else request.frame_rate for index, view in enumerate(cameras)},
    )


def ring(request: RigRequest, rng: np.random.Generator) -> dict[str, Camera]:
    """Return cameras on tripods all around (two: a quarter of a circle apart), that show 3.1 m of height in the middle.

    Usually four of 1280 x 720 pixels, 4.5 m away; the lenses have no distortion and are all alike.
    """
    count, radius = request.cameras or 4, request.radius or 4.5
    width, height = size_wh = request.size_wh or (1280, 720)
    focal = max(radius / 3.1, 0.5) * min(width, height)
    lens = Pinhole((focal, focal), ((width - 1) / 2, (height - 1) / 2))
    cameras = {}
    for view, bearing in _bearings(count, rng, spread=0.12).items():
        away, up = radius * rng.uniform(0.92, 1.08), rng.uniform(1.1, 2.1)
        centre = np.array([away * np.cos(bearing), away * np.sin(bearing), up])
        # Axes that all went through one point would hide the focal length from self-calibration.
        target = np.array([0.0, 0.0, 0.95]) + rng.uniform(-0.15, 0.15, 3)
        cameras[view] = Camera(lens, looking_at(centre, target), size_wh)
    return cameras


def phones(request: RigRequest, rng: np.random.Generator) -> dict[str, Camera]:
    """Return phones on tripods, each with a lens of its own, none quite upright, some on their side.

    Usually four of 1280 x 720 or 720 x 1280 pixels, 3.2 to 5 m away, at heights of 0.9 to 1.8 m. Focal lengths are
    0.75 to 1.1 of the longer side, rolls up to 5 degrees, and principal points 1 % of the longer side off.
    """
    cameras = {}
    for view, bearing in _bearings(request.cameras or 4, rng, spread=0.25).items():
        longer, shorter = sorted(request.size_wh or (1280, 720), reverse=True)
        size_wh = (longer, shorter) if rng.random() < 0.6 else (shorter, longer)
        focal = rng.uniform(0.75, 1.1) * longer
        off = rng.normal(0, 0.01, 2) * longer
        coefficients = rng.normal([0.06, -0.12, 0.0, 0.0, 0.05], [0.05, 0.06, 8e-4, 8e-4, 0.03])
        lens = BrownConrady(
            (focal, focal * rng.uniform(0.998, 1.002)),
            (size_wh[0] / 2 - 0.5 + off[0], size_wh[1] / 2 - 0.5 + off[1]),
            tuple(coefficients.tolist()),
        )
        # Whoever sets up a phone steps back until everybody is in the picture.
        away = max(rng.uniform(3.2, 5.0), 2.3 * focal / size_wh[1])
        if request.radius:
            away = request.radius * rng.uniform(0.9, 1.1)
        centre = np.array([away * np.cos(bearing), away * np.sin(bearing), rng.uniform(0.9, 1.8)])
        target = np.array([0.0, 0.0, 0.9]) + rng.normal(0, [0.2, 0.2, 0.1])
        roll = float(np.deg2rad(rng.uniform(-5, 5)))
        cameras[view] = Camera(lens, looking_at(centre, target, roll), size_wh)
    return cameras


def human36m(request: RigRequest, _: np.random.Generator) -> dict[str, Camera]:
    """Return the four cameras that filmed subject S1 of Human3.6M, by their numbers, moved over the floor only.

    Their axes meet nearest over the origin. Pictures are 1000 pixels wide and 1000 or 1002 high unless asked.
    """
    if request.cameras not in (None, 4) or request.radius is not None:
        raise InputError("the rig human36m is four cameras where they stood; leave out their number and radius")
    with resources.as_file(resources.files("epipose.studio") / "human36m_s1.toml") as path:
        cameras = read_cameras(path).cameras
    to_middle = Rigid(np.eye(3), -nearest_to_axes(list(cameras.values())) * [1.0, 1.0, 0.0])
    moved = {view: camera.moved(to_middle) for view, camera in cameras.items()}
    if request.size_wh is None:
        return moved
    width, height = request.size_wh
    if abs(width / height - 1) > SQUARENESS:
        raise InputError(f"the pictures of the rig human36m are square, not {width} x {height}; ask for --size 500 500")
    return {view: camera.resized(request.size_wh) for view, camera in moved.items()}


RIGS: Mapping[str, Callable[[RigRequest, np.random.Generator], dict[str, Camera]]] = {
    "ring": ring,
    "human36m": human36m,
    "phones": phones,
}
"""Rigs by name."""


def check_clear(rig: Rig, points: Float[ndarray, "*batch 3"]) -> None:
    """Raise InputError, with the remedy, if a camera is nearer than CLEARANCE to any of `points` (metres) on people."""
    for view, camera in rig.cameras.items():
        distance = float(np.linalg.norm(points - camera.centre, axis=-1).min(initial=math.inf))
        if distance < CLEARANCE:
            raise InputError(
                f"the camera {view} of the rig {rig.name} stands in somebody's way ({distance:.2f} m off);"
                " move the cameras out with --radius, or choose another --seed or --motion"
            )


def looking_at(centre: Float[ndarray, "3"], target: Float[ndarray, "3"], roll: float = 0.0) -> Rigid:
    """Return the `cam_from_world` of a camera at `centre` whose axis goes through `target` (metres).

    It is upright, then rolled clockwise by `roll` (radians) as seen from behind it.
    """
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    level = np.stack([right, np.cross(forward, right), forward])
    return Rigid.from_centre(rotation_from_rotvec(np.array([0.0, 0.0, -roll])) @ level, centre)


def nearest_to_axes(cameras: list[Camera]) -> Float[ndarray, "3"]:
    """Return the point (metres) with the least sum of squared distances from the cameras' axes."""
    axes = np.stack([camera.cam_from_world.rotation[2] for camera in cameras])
    centres = np.stack([camera.centre for camera in cameras])
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    return np.asarray(np.linalg.solve(across.sum(axis=0), (across @ centres[..., None])[..., 0].sum(axis=0)))


def _bearings(count: int, rng: np.random.Generator, spread: float) -> dict[str, float]:
    """Return from where cam1, cam2, ... look at the middle (radians): evenly all around, but for `spread`."""
    step = 2 * np.pi / count if count > 2 else np.pi / 2
    first = rng.uniform(0, 2 * np.pi)
    shifts = rng.uniform(-spread, spread, count) * min(1.0, 4 / count)
    return {f"cam{index + 1}": float(first + step * index + shifts[index]) for index in range(count)}
