"""Scenes: who moves how, where, between what and before which cameras. All of it follows from one seed."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.fingerprints import fingerprint
from epipose.studio import require_extra
from epipose.studio.bodies import Body, make_body
from epipose.studio.camera_effects import CameraLook
from epipose.studio.furniture import Mover
from epipose.studio.garments import Outfit
from epipose.studio.motion import Motion
from epipose.studio.motion.procedural import PROCEDURAL
from epipose.studio.people import ADULTS, random_phenotype
from epipose.studio.rigs import CLEARANCE, Rig, RigRequest, check_clear, make_rig
from epipose.studio.scene_furniture import Action, Furniture, hips_of, place_furniture
from epipose.studio.scene_motion import ANY, choose_motion, to_and_fro
from epipose.studio.scene_surroundings import Surroundings, choose_surroundings
from epipose.studio.surfaces import Mesh

MOST_PEOPLE = 8
LONGEST = 600.0
"""Seconds: the motion of one person takes 4 MB for each while it is made."""
OLDEST = 90.0
"""Years."""
LEAD = 1.0
"""Seconds of everybody's motion before the common clock begins and after it ends, if no view starts further off."""
ROOM_TO_MOVE = 0.45
"""Metres between the hips of two people, at least."""
FURTHEST = 3.0
"""Metres from the middle at which people are not put any more."""
BODY_POINTS, BODY_MOMENTS = 300, 8
"""How many points on the first person furniture is measured against, at how many moments."""


CLEAN = CameraLook(
    exposure=1.0,
    white=(1.0, 1.0, 1.0),
    saturation=1.0,
    contrast=0.0,
    vignette=0.0,
    defocus=0.0,
    resolution=1.0,
    electrons=1e9,
    read_noise=0.0,
    quality=100,
)
"""A camera that adds nothing of its own."""


class Purpose(IntEnum):
    """Streams of random numbers, which know nothing of each other; a new one never changes what another gives."""

    RIG = 0
    CLOCKS = 1
    BODY = 2
    MOTION = 3
    CLOTHES = 4
    PLACES = 5
    FURNITURE = 6
    ROOM = 7
    LOOK = 8
    NOISE = 9
    BODY_POINTS = 10

    def stream(self, seed: int, index: int = 0) -> np.random.Generator:
        """Return the stream of this purpose, for one of several people or views."""
        return np.random.default_rng([seed, int(self), index])


@dataclass(frozen=True, kw_only=True)
class SceneOptions:
    """What is asked of a scene."""

    rig: str = "ring"
    """One of `rigs.RIGS`."""
    request: RigRequest = field(default_factory=RigRequest)
    people: int = 1
    seconds: float = 5.0
    motion: str = ANY
    """One of `motion.procedural.PROCEDURAL`, ANY of them, or a folder or file of clips."""
    ages: tuple[float, float] = ADULTS
    """Years between which everybody's age is."""
    occluder: str = "none"
    """One of `scene_furniture.OCCLUDERS`."""
    cover: float | None = None
    """See `scene_furniture.place_furniture`."""
    background: Path | None = None
    """Folder of pictures to put behind the people; without one a room is made up."""
    shutter: float = 0.0
    """Share of the time between two frames during which the shutter is open."""
    clean: bool = False
    """Whether cameras add no noise, blur and tint of their own."""
    crf: int = 21
    """H.264's constant rate factor: lower is better and larger."""

    def __post_init__(self) -> None:
        """Raise InputError for what no scene can be."""
        if not 1 <= self.people <= MOST_PEOPLE:
            raise InputError(f"a recording of {self.people} people cannot be made; ask for 1 to {MOST_PEOPLE}")
        if not 0 < self.seconds <= LONGEST:
            raise InputError(f"a recording of {self.seconds:g} s cannot be made; ask for up to {LONGEST:g} s")
        if round(self.seconds * self.request.frame_rate) < 1:
            raise InputError(
                f"{self.seconds:g} s at {float(self.request.frame_rate):g} frames a second is no frame; ask for more"
            )
        low, high = self.ages
        if not 0 <= low <= high <= OLDEST:
            raise InputError(f"ages from {low:g} to {high:g} cannot be; ask for two numbers from 0 to {OLDEST:g} years")
        if not 0 <= self.shutter <= 1:
            raise InputError(f"a shutter open for {self.shutter:g} of a frame cannot be; ask for 0 to 1")
        if not 0 <= self.crf <= 51:
            raise InputError(f"a quality (CRF) of {self.crf} cannot be; ask for 0, the best, to 51")


@dataclass(frozen=True, eq=False)
class Person:
    """One person of a scene."""

    body: Body
    motion: Motion
    """It starts `lead` before the common clock; where it is too short it runs to and fro."""
    outfit: Outfit
    lead: float
    """Seconds."""

    def motions(self, times: Float[ndarray, "frames"]) -> Float[ndarray, "frames bones 3 4"]:
        """Return how the bones have moved from rest (see `Body.motions`) at times of the common clock."""
        moment = self.motion.at(to_and_fro(times + self.lead, self.motion.seconds))
        return self.body.motions(moment.rotations, moment.shift)

    def joints(self, times: Float[ndarray, "frames"]) -> Float[ndarray, "frames joints 3"]:
        """Return the joints of body21 in the world (metres) at times of the common clock."""
        return self.body.joints(self.motions(times))


@dataclass(frozen=True, eq=False)
class Scene:
    """All that a recording is made from."""

    people: tuple[Person, ...]
    furniture: tuple[Mesh, ...]
    movers: tuple[Mover, ...]
    surroundings: Surroundings
    rig: Rig
    seed: int
    options: SceneOptions
    fingerprint: str
    """Of everything that the scene was made from."""

    @property
    def seconds(self) -> float:
        """How long every view is."""
        return self.options.seconds

    @property
    def frame_rate(self) -> Fraction:
        """Of the truth on the common clock."""
        return self.options.request.frame_rate

    @property
    def middle(self) -> Float[ndarray, "3"]:
        """About where the people are, in metres."""
        return np.array([0.0, 0.0, 0.9])

    @property
    def details(self) -> dict[str, Any]:
        """Return the options as values that JSON knows."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self.options), default=str))
        return plain

    def joints(self, times: Float[ndarray, "frames"]) -> Float[ndarray, "frames people joints 3"]:
        """Return everybody's joints of body21 in the world (metres) at times of the common clock."""
        return np.stack([person.joints(times) for person in self.people], axis=1)

    def motions(self, times: Float[ndarray, "frames"]) -> Float[ndarray, "frames people bones 3 4"]:
        """Return how everybody's bones have moved from rest at times of the common clock."""
        return np.stack([person.motions(times) for person in self.people], axis=1)

    def look(self, view: str) -> tuple[CameraLook, np.random.Generator]:
        """Return what the camera of a view makes of light, and the stream of its noise."""
        index = list(self.rig.cameras).index(view)
        # The video itself is compressed; pictures are not, before it.
        look = replace(CameraLook.random(Purpose.LOOK.stream(self.seed, index)), quality=100)
        return CLEAN if self.options.clean else look, Purpose.NOISE.stream(self.seed, index)


def plan_scene(options: SceneOptions, seed: int, note: Callable[[str], None] = lambda _: None) -> Scene:
    """Return the scene of a seed. Raises InputError for options that cannot be fulfilled, or a camera in the way.

    `note` is told of what takes minutes (see `make_body`).
    """
    require_extra()
    if seed < 0:
        raise InputError(f"a seed of {seed} cannot be; give a whole number from 0")
    rig = make_rig(options.rig, options.request, Purpose.RIG.stream(seed), Purpose.CLOCKS.stream(seed))
    times = _moments(options, rig)
    make_body({}, note)
    people = [_person(options, seed, index, times) for index in range(options.people)]
    people = _placed(people, times, Purpose.PLACES.stream(seed))
    _check_people(rig, people, times)
    action = _action(options, people, times, Purpose.BODY_POINTS.stream(seed))
    furniture = place_furniture(options.occluder, options.cover, action, rig, Purpose.FURNITURE.stream(seed))
    _check_furniture(rig, furniture, times)
    return Scene(
        people=tuple(people),
        furniture=furniture.still,
        movers=furniture.moving,
        surroundings=choose_surroundings(options.background, rig, _reach(action, furniture), Purpose.ROOM.stream(seed)),
        rig=rig,
        seed=seed,
        options=options,
        fingerprint=_fingerprint(options, seed),
    )


def _fingerprint(options: SceneOptions, seed: int) -> str:
    own = {name: value for name, value in asdict(options).items() if name != "request"}
    if Path(options.motion).exists() and options.motion not in (ANY, *PROCEDURAL):
        own["motion"] = Path(options.motion)
    request = {**asdict(options.request), "frame_rate": str(options.request.frame_rate)}
    return fingerprint("synthesize", seed, request, own)


def _person(options: SceneOptions, seed: int, index: int, times: Float[ndarray, "moments"]) -> Person:
    """Return somebody whose hips stay about over the origin at `times`."""
    body = make_body(random_phenotype(Purpose.BODY.stream(seed, index), options.ages))
    rng = Purpose.MOTION.stream(seed, index)
    heading = rng.uniform(-np.pi, np.pi)
    lead = max(LEAD, -float(times[0]), float(times[-1]) - options.seconds)
    motion = choose_motion(options.motion, body, options.seconds + 2 * lead, rng).turned(heading)
    person = Person(body, motion, Outfit.random(Purpose.CLOTHES.stream(seed, index)), lead)
    hips = hips_of(person.joints(times))
    return replace(person, motion=motion.moved(-(hips.min(axis=0) + hips.max(axis=0)) / 2))


def _placed(people: list[Person], times: Float[ndarray, "moments"], rng: np.random.Generator) -> list[Person]:
    """Return several people around the origin, as near as they can be without walking into each other."""
    if len(people) == 1:
        return people
    bearings = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(len(people)) / len(people)
    out = np.stack([np.cos(bearings), np.sin(bearings)], axis=1)
    hips = np.stack([hips_of(person.joints(times)) for person in people], axis=1)
    one, other = np.triu_indices(len(people), 1)
    for radius in np.arange(0.4, FURTHEST, 0.1):
        places = hips + radius * out
        if np.linalg.norm(places[:, one] - places[:, other], axis=-1).min() >= ROOM_TO_MOVE:
            return [
                replace(person, motion=person.motion.moved(radius * away))
                for person, away in zip(people, out, strict=True)
            ]
    raise InputError(f"{len(people)} people who move so far do not fit in one room; ask for fewer, or another --motion")


def _moments(options: SceneOptions, rig: Rig) -> Float[ndarray, "moments"]:
    """Return times of the common clock that are dense over all that any view shows."""
    first, last = min(rig.time_offsets.values()), max(rig.time_offsets.values()) + options.seconds
    return np.linspace(first, last, 2 + math.ceil((last - first) * 12.5))


def _check_people(rig: Rig, people: Sequence[Person], times: Float[ndarray, "moments"]) -> None:
    """Raise InputError if somebody comes too near to a camera."""
    centres = np.stack([camera.centre for camera in rig.cameras.values()])
    for person in people:
        joints = person.joints(times)
        # No part of a body is further than half a metre from all of its joints.
        distance = np.linalg.norm(joints[:, :, None] - centres, axis=-1).min(axis=(1, 2))
        for moment in np.flatnonzero(distance < CLEARANCE + 0.5):
            check_clear(rig, person.body.skinned(person.motions(times[[moment]])[0]))


def _check_furniture(rig: Rig, furniture: Furniture, times: Float[ndarray, "moments"]) -> None:
    """Raise InputError if a camera stands in a piece of furniture."""
    meshes = [*furniture.still, *(mover.at(float(time)) for mover in furniture.moving for time in times)]
    for view, camera in rig.cameras.items():
        for mesh in meshes:
            if np.linalg.norm(mesh.vertices - camera.centre, axis=1).min() < CLEARANCE:
                raise InputError(
                    f"the camera {view} of the rig {rig.name} stands in the furniture; move the cameras out with"
                    " --radius, or choose another --seed or --occluder"
                )


def _action(
    options: SceneOptions, people: Sequence[Person], times: Float[ndarray, "moments"], rng: np.random.Generator
) -> Action:
    first = people[0].body
    corners = first.vertices[first.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = first.faces[rng.choice(len(area), BODY_POINTS, p=area / area.sum())]
    moments = people[0].motions(times[:: max(1, len(times) // BODY_MOMENTS)])
    points = np.concatenate([first.skinned(motions)[chosen].mean(axis=1) for motions in moments])
    joints = np.stack([person.joints(times) for person in people], axis=1)
    return Action(joints, points, tuple(person.motion.name == "sit" for person in people), options.seconds)


def _reach(action: Action, furniture: Furniture) -> Float[ndarray, "points 3"]:
    """Return points (metres) that a room must hold."""
    parts = [action.joints, *(mesh.vertices for mesh in furniture.still)]
    for mover in furniture.moving:
        places = np.pad(mover.path.places, ((0, 0), (0, 1)))
        parts += [places[:, None] + mover.mesh.vertices.min(axis=0), places[:, None] + mover.mesh.vertices.max(axis=0)]
    return np.concatenate([part.reshape(-1, 3) for part in parts])
