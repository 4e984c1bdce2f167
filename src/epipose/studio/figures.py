"""Dressed people as the renderer wants them, and posing many at once: linear blend skinning as a Warp kernel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import warp as wp
from jaxtyping import Float, Float32, Int32
from numpy import ndarray
from torch import Tensor

from epipose.studio.bodies import Body
from epipose.studio.garments import Outfit, body_coordinates, dressed, vertex_normals
from epipose.studio.kernels import blend
from epipose.studio.visibility import joint_radii


@dataclass(frozen=True, eq=False)
class Figure:
    """One dressed person."""

    body: Body
    """With the volume of its clothes."""
    outfit: Outfit
    vertices: Float32[Tensor, "vertices 3"]
    """At rest, in metres."""
    normals: Float32[Tensor, "vertices 3"]
    """At rest."""
    coordinates: Float32[Tensor, "vertices channels"]
    """What the outfit colours by."""
    joint_radii: Float[ndarray, "joints"]
    """See `visibility.joint_radii`."""


def make_figure(body: Body, outfit: Outfit, device: str = "cpu") -> Figure:
    """Dress `body`."""
    places = body_coordinates(body)
    clothed = dressed(body, outfit, places)
    arrays = clothed.vertices, vertex_normals(clothed.vertices, clothed.faces), places
    vertices, normals, coordinates = (torch.from_numpy(array.astype(np.float32)).to(device) for array in arrays)
    return Figure(clothed, outfit, vertices, normals, coordinates, joint_radii(clothed))


def pose_figures(
    figures: Sequence[Figure], motions: Float[ndarray, "figures bones 3 4"]
) -> tuple[Float32[Tensor, "figures vertices 3"], Float32[Tensor, "figures vertices 3"]]:
    """Return vertices (metres) and normals (not of unit length) of figures whose bones moved so (`Body.motions`)."""
    device = figures[0].vertices.device
    rest = torch.stack([figure.vertices for figure in figures])
    normals = torch.stack([figure.normals for figure in figures])
    moved, turned = torch.empty_like(rest), torch.empty_like(normals)
    bones = torch.from_numpy(motions.astype(np.float32)).to(device).contiguous()
    index, weight = _skin(figures[0].body, device)
    inputs = (
        *(wp.from_torch(array, dtype=wp.vec3) for array in (rest, normals)),
        *(wp.from_torch(array) for array in (bones, index, weight)),
        *(wp.from_torch(array, dtype=wp.vec3) for array in (moved, turned)),
    )
    wp.launch(blend, rest.shape[:2], inputs, device=wp.device_from_torch(device))
    return moved, turned


def _skin(body: Body, device: torch.device) -> tuple[Int32[Tensor, "vertices k"], Float32[Tensor, "vertices k"]]:
    return (
        torch.from_numpy(body.skin_bones.astype(np.int32)).to(device),
        torch.from_numpy(body.skin_weights.astype(np.float32)).to(device),
    )
