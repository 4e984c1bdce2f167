"""What a person looks like: skin, hair, face, and clothes that are painted on the body and stand off from it.

Clothes have no meshes of their own. Every vertex knows where it is on the body (`body_coordinates`); colours are
decided pixel by pixel from these, so that hems and patterns stay sharp, and cloth and hair lift the skin outwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from numpy import ndarray
from scipy.sparse import coo_array, diags_array
from scipy.spatial import ConvexHull
from torch import Tensor

from epipose.studio.bodies import JOINTS, Body
from epipose.studio.patterns import Pattern

EYE_DISTANCE = 0.062
"""Metres between the eyes of an adult: the unit of places on the head."""
CLOTH_ROUNDS, SHOE_ROUNDS = 4, 12
"""Rounds of smoothing under cloth and under shoes."""
SHOE_HEIGHT = 0.05
"""Share of the stature up to which shoes are stiff."""
STANDARD_STATURE = 1.75
"""Patterns are given on a body of this height."""


class Place(NamedTuple):
    """Where points are on a body; each field (points,), lengths as on a body of STANDARD_STATURE."""

    x: Tensor
    """Metres to the left, at rest."""
    y: Tensor
    """Metres backwards, at rest."""
    z: Tensor
    """Metres up, at rest."""
    arm: Tensor
    """0 at the shoulder, 1 at the elbow, 2 at the wrist; -0.5 off the arms."""
    leg: Tensor
    """0 at the hip, 1 at the knee, 2 at the ankle, more on the foot; -0.5 off the legs."""
    trunk: Tensor
    """0 at the hips, 1 at the lowest neck vertebra."""
    head: Tensor
    """Share of the head's bones in the point's motion."""
    eye: Tensor
    """Share of the eyes' bones."""
    aside: Tensor
    """On the head, in eye distances from between the eyes: to the left."""
    ahead: Tensor
    """The same, forward."""
    above: Tensor
    """The same, up."""


@dataclass(frozen=True)
class Hair:
    """Hair on the head: linear RGB, where it begins and how far it stands off."""

    colour: tuple[float, float, float]
    forehead: float
    """Height of the hairline in front, in eye distances above the eyes; beyond 2 there is none."""
    nape: float
    """How much lower it reaches at the back, in eye distances for each one backwards."""
    volume: float
    """Metres."""
    beard: float
    """How much of a beard covers the skin, 0 to 1."""


@dataclass(frozen=True)
class Outfit:
    """Skin, hair and clothes of one person; a `Material` over `body_coordinates`. Colours are linear RGB."""

    skin: tuple[float, float, float]
    hair: Hair
    top: Pattern
    bottom: Pattern
    shoes: Pattern
    sleeve: float
    """Where sleeves end, as `Place.arm`; below 0.1 the shoulders are bare."""
    collar: float
    """Where the top ends at the neck, as `Place.trunk`."""
    belt: float
    """Where bottom meets top, as `Place.trunk`."""
    leg: float
    """Where trousers end, as `Place.leg`."""
    shoe: float
    """Where shoes begin, as `Place.leg`."""
    looseness: float
    """Metres that cloth stands off at its loosest."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Outfit":
        """Draw an outfit."""
        sleeve = float(rng.choice([0.0, 0.45, 0.6, 0.95, 1.5, 1.93], p=[0.06, 0.24, 0.2, 0.05, 0.1, 0.35]))
        leg = float(rng.choice([0.45, 0.8, 1.05, 1.6, 1.93], p=[0.08, 0.14, 0.08, 0.08, 0.62]))
        return cls(
            skin=_skin(rng),
            hair=_hair(rng),
            top=Pattern.random(rng),
            bottom=Pattern.random(rng, plain=0.8),
            shoes=Pattern.random(rng, plain=0.95),
            sleeve=sleeve + rng.uniform(-0.04, 0.04),
            collar=rng.uniform(0.9, 1.12),
            belt=rng.uniform(-0.06, 0.24),
            leg=leg + rng.uniform(-0.05, 0.05),
            shoe=rng.uniform(1.85, 2.1),
            looseness=rng.uniform(0.004, 0.028),
        )

    def bare_chested(self) -> "Outfit":
        """Return the outfit without a top."""
        return replace(self, collar=-1.0, sleeve=-1.0)

    def colour(self, coordinates: Float32[Tensor, "points channels"]) -> Float32[Tensor, "points 3"]:
        """Return linear RGB of points given by interpolated `body_coordinates`."""
        place = Place(*coordinates.unbind(-1))
        spot = torch.stack([place.x, place.y, place.z], dim=-1)
        colour = _tint(self.skin, spot)
        face = torch.nonzero(torch.maximum(place.head, place.eye) > 0.5)[:, 0]
        colour[face] = self._face(colour[face], Place(*coordinates[face].unbind(-1)))
        on_foot, on_leg, on_top = self.worn(place)
        colour = torch.where(on_leg[:, None], self.bottom.colour(spot), colour)
        colour = torch.where(on_top[:, None], self.top.colour(spot), colour)
        sole = place.z < 0.022
        shoe = self.shoes.colour(spot) * torch.where(sole, 0.35, 1.0)[:, None]
        return torch.where(on_foot[:, None], shoe, colour)

    def worn(self, place: Place) -> tuple[Tensor, Tensor, Tensor]:
        """Return where shoes, bottom and top are (points,)."""
        body = place.head < 0.5
        on_foot = place.leg > self.shoe
        on_leg = body & ~on_foot & (place.arm < -0.2) & (place.leg < self.leg) & (place.trunk < self.belt)
        neckline = self.collar - 0.5 * torch.clamp(0.07 - place.x.abs(), 0.0, 0.07) * (place.y < 0)
        sleeve = torch.where(place.arm < -0.2, place.trunk < neckline, place.arm < self.sleeve)
        return on_foot, on_leg, body & (place.trunk >= self.belt) & sleeve | (body & (place.arm > -0.2) & sleeve)

    def _face(self, colour: Tensor, place: Place) -> Tensor:
        """Paint eyes, brows, lips, beard and hair over the skin."""
        head = (place.head > 0.5) & (place.trunk > 1.0)
        front = head & (place.ahead > -0.9)
        beside = place.aside.abs()
        brow = front & ((place.above - 0.33 - 0.1 * beside).abs() < 0.07) & ((beside - 0.5).abs() < 0.3)
        lips = front & (((place.above + 1.12) / 0.14) ** 2 + (place.aside / 0.42) ** 2 < 1)
        nostril = front & (((place.above + 0.72) / 0.05) ** 2 + ((beside - 0.12) / 0.07) ** 2 < 1)
        chin = front & (place.above < -0.62) & (place.above > -2.1) & ~lips
        hair = torch.tensor(self.hair.colour, device=colour.device)
        colour = torch.where(lips[:, None], colour * torch.tensor([0.75, 0.42, 0.42], device=colour.device), colour)
        colour = torch.where(nostril[:, None], colour * 0.3, colour)
        colour = torch.where(brow[:, None], colour * 0.3 + hair * 0.7, colour)
        colour = torch.where(chin[:, None], colour + (hair - colour) * self.hair.beard, colour)
        grain = 0.85 + 0.3 * torch.sin(place.aside * 39 + 3 * torch.sin(place.above * 11 + place.ahead * 7))[:, None]
        colour = torch.where((head & (self._hairline(place) > 0))[:, None], hair * grain, colour)
        iris = ((beside - 0.5) ** 2 + place.above**2) < 0.011
        eye = torch.where(iris[:, None], hair.new_tensor([0.03, 0.02, 0.015]), hair.new_tensor([0.75, 0.72, 0.7]))
        return torch.where((place.eye > 0.5)[:, None], eye, colour)

    def _hairline(self, place: Place) -> Tensor:
        """Return how far points of the head are inside the hair, in eye distances."""
        behind = torch.clamp(-place.ahead - 0.45, 0.0, 3.2)
        return place.above - (self.hair.forehead - self.hair.nape * behind) - 0.12 * torch.cos(place.aside * 2.2)

    def volume(self, coordinates: Float32[Tensor, "points channels"]) -> Float32[Tensor, "points"]:
        """Return how far cloth, shoes and hair stand off the skin, in metres."""
        place = Place(*coordinates.unbind(-1))
        on_foot, on_leg, on_top = self.worn(place)
        folds = 0.7 + 0.3 * torch.sin(place.z * 21 + 4 * place.x) * torch.sin(place.y * 17 + place.z * 9)
        thick = torch.zeros_like(place.x)
        thick = torch.where(on_leg, 0.003 + self.looseness * folds * torch.clamp(0.5 + place.leg, 0.2, 1.0), thick)
        hanging = 0.6 + 0.4 * torch.clamp(1.0 - place.trunk, 0.0, 1.0)
        thick = torch.where(on_top, 0.003 + self.looseness * folds * hanging, thick)
        thick = torch.where(on_foot, torch.full_like(thick, 0.008), thick)
        hair = (place.head > 0.5) & (place.trunk > 1.0) & (place.eye < 0.5)
        inside = torch.clamp(self._hairline(place) / 0.35, 0.0, 1.0)
        return torch.where(hair, self.hair.volume * inside, thick)


def dressed(body: Body, outfit: Outfit, coordinates: Float[ndarray, "vertices 11"]) -> Body:
    """Return the body, whose `body_coordinates` are given, with the outfit's volume on it; its joints stay."""
    points = torch.from_numpy(coordinates.astype(np.float32))
    off = outfit.volume(points).numpy().astype(float)
    on_foot, on_leg, on_top = (worn.numpy() for worn in outfit.worn(Place(*points.unbind(-1))))
    # Cloth spans the hollows of a body, and shoes its toes.
    shod = on_foot & (body.vertices[:, 2] < SHOE_HEIGHT * body.stature)
    vertices = body.vertices.copy()
    for foot in (shod & (vertices[:, 0] > 0), shod & (vertices[:, 0] < 0)):
        vertices[foot] = _on_hull(vertices[foot])
    vertices = _smoothed(vertices, body.faces, {CLOTH_ROUNDS: on_leg | on_top, SHOE_ROUNDS: on_foot})
    vertices += off[:, None] * vertex_normals(vertices, body.faces)
    vertices[on_foot, 2] = np.maximum(vertices[on_foot, 2], 0.0)  # shoes do not lift the body off the floor
    return replace(body, vertices=vertices)


def _on_hull(points: Float[ndarray, "n 3"]) -> Float[ndarray, "n 3"]:
    """Return each point moved to the nearest place on the convex hull of all."""
    if len(points) < 4:
        return points
    faces = np.unique(ConvexHull(points).equations, axis=0)
    depth = -(points @ faces[:, :3].T + faces[:, 3])
    nearest = depth.argmin(axis=1)
    return np.asarray(points + faces[nearest, :3] * np.maximum(depth.min(axis=1), 0.0)[:, None])


def _smoothed(
    vertices: Float[ndarray, "vertices 3"],
    faces: Int[ndarray, "triangles 3"],
    rounds: Mapping[int, Bool[ndarray, "vertices"]],
) -> Float[ndarray, "vertices 3"]:
    """Return vertices moved, for so many `rounds`, to the middle of where they are and their neighbours' mean."""
    rows, columns = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).T
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(vertices), len(vertices))).tocsr()
    mean = diags_array(1 / np.asarray(links.sum(axis=1))) @ links
    smooth = vertices.copy()
    for count, moving in rounds.items():
        around = mean[np.flatnonzero(moving)]
        for _ in range(count):
            smooth[moving] = (smooth[moving] + around @ smooth) / 2
    return smooth


def vertex_normals(
    vertices: Float[ndarray, "vertices 3"], faces: Int[ndarray, "triangles 3"]
) -> Float[ndarray, "vertices 3"]:
    """Return unit normals, averaged over the triangles of each vertex by area."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    shares = np.repeat(across, 3, axis=0).T
    total = np.stack([np.bincount(faces.ravel(), share, minlength=len(vertices)) for share in shares], axis=1)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))


def body_coordinates(body: Body) -> Float[ndarray, "vertices 11"]:
    """Return the fields of `Place` for every vertex of an undressed body."""
    size = STANDARD_STATURE / body.stature
    rest = body.joints(np.broadcast_to(np.eye(3, 4), (len(body.bones), 3, 4)))
    joint = dict(zip(JOINTS, rest, strict=True))
    arm, leg = np.full(len(body.vertices), -0.5), np.full(len(body.vertices), -0.5)
    for side in ("L", "R"):
        chain = ("upperarm01", "lowerarm01", "wrist"), ("upperleg01", "lowerleg01", "foot")
        for values, bones, reach in ((arm, chain[0], 0.35), (leg, chain[1], 0.5)):
            heads = [body.heads[body.bones.index(f"{bone}.{side}")] for bone in bones]
            shares = [_share(body, f"{bone}.{side}") for bone in bones]
            along = [_along(body.vertices, heads[i], heads[i + 1]) for i in range(2)]
            beyond = 2 + np.linalg.norm(body.vertices - heads[2], axis=1) / 0.3
            part = np.where(shares[1] > 0.5, 1 + np.clip(along[1], 0, 1), np.clip(along[0], -0.2, 1))
            part = np.where(shares[2] > 0.5, beyond, part)
            values[:] = np.where(shares[0] > reach, part, values)
    hips, neck = joint["pelvis"][2], body.heads[body.bones.index("neck01")][2]
    trunk = (body.vertices[:, 2] - hips) / (neck - hips)
    eyes = (joint["left_eye"] + joint["right_eye"]) / 2
    unit = np.linalg.norm(joint["left_eye"] - joint["right_eye"])
    local = (body.vertices - eyes) / unit * [1, -1, 1]
    eye = _share(body, "eye.L") + _share(body, "eye.R")
    columns = [*(body.vertices * size).T, arm, leg, trunk, _share(body, "neck03"), eye, *local.T]
    return np.stack(columns, axis=1)


def _share(body: Body, bone: str) -> Float[ndarray, "vertices"]:
    """Return how much each vertex moves with `bone` and all that hangs on it."""
    below = np.zeros(len(body.bones))
    below[list(body.children[body.bones.index(bone)])] = 1.0
    return np.asarray(np.einsum("vk,vk->v", below[body.skin_bones], body.skin_weights))


def _along(points: ndarray, begin: ndarray, end: ndarray) -> ndarray:
    """Return where points lie on a line, 0 at its begin and 1 at its end."""
    axis = end - begin
    return np.asarray((points - begin) @ axis / (axis @ axis))


def _tint(colour: tuple[float, float, float], spot: Tensor) -> Tensor:
    """Return a colour with the slow unevenness of skin."""
    uneven = 1 + 0.06 * torch.sin(spot[:, 2] * 31 + 2 * torch.sin(spot[:, 0] * 23)) * torch.sin(spot[:, 1] * 27)
    return torch.tensor(colour, device=spot.device) * uneven[:, None]


def _skin(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw a skin colour between very light and very dark."""
    light, dark = np.array([0.75, 0.50, 0.39]), np.array([0.07, 0.036, 0.022])
    share = rng.beta(1.1, 1.4)
    colour = np.exp(np.log(light) * (1 - share) + np.log(dark) * share) * rng.uniform(0.9, 1.1, 3)
    return tuple(np.clip(colour, 0.01, 0.9).tolist())


def _hair(rng: np.random.Generator) -> Hair:
    """Draw hair: black to blond, grey, sometimes dyed; from bald to thick; sometimes a beard."""
    natural = np.array([[0.012, 0.01, 0.009], [0.05, 0.025, 0.012], [0.14, 0.07, 0.03], [0.45, 0.3, 0.13],
                        [0.3, 0.09, 0.03], [0.4, 0.4, 0.4]])  # fmt: skip
    colour = natural[rng.choice(6, p=[0.3, 0.25, 0.15, 0.12, 0.06, 0.12])] * rng.uniform(0.8, 1.25)
    if rng.random() < 0.06:
        colour = rng.uniform(0.02, 0.7, 3)
    return Hair(
        colour=tuple(np.clip(colour, 0.005, 0.9).tolist()),
        forehead=3.5 if rng.random() < 0.08 else rng.uniform(0.75, 1.15),
        nape=rng.uniform(0.5, 1.1),
        volume=rng.uniform(0.003, 0.03),
        beard=float(rng.choice([0.0, 0.25, 0.8], p=[0.75, 0.13, 0.12])),
    )
