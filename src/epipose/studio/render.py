"""Drawing a moment of a scene as one camera sees it: rasterise, colour, light, and lay it over the background."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int32, UInt8
from torch import Tensor

from epipose.geometry.cameras import Camera
from epipose.studio.figures import Figure
from epipose.studio.light import Light, ShadowMap, shadow_map
from epipose.studio.raster import Fragments, rasterise
from epipose.studio.surfaces import Material, Mesh

FURNITURE = 255
"""Label of whatever is no person."""
ABOVE_SURFACE = 0.03
"""Metres over a surface where its shadow is looked up."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh at one moment, ready to be drawn: metres in the world."""

    vertices: Float32[Tensor, "vertices 3"]
    normals: Float32[Tensor, "vertices 3"]
    coordinates: Float32[Tensor, "vertices channels"]
    faces: Int32[Tensor, "triangles 3"]
    material: Material
    label: int
    """1 and up for people, FURNITURE for the rest."""


@dataclass(frozen=True, eq=False)
class Layer:
    """What is in front of the background in a window of a picture, at the window's own resolution."""

    colour: Float32[Tensor, "height width 3"]
    """Linear RGB; 0 where there is nothing."""
    labels: UInt8[Tensor, "height width"]
    """0 where there is nothing."""
    depth: Float32[Tensor, "height width"]
    """Metres along the camera's axis; infinite where there is nothing."""


def figure_surface(
    figure: Figure,
    vertices: Float32[Tensor, "vertices 3"],
    normals: Float32[Tensor, "vertices 3"],
    label: int,
) -> Surface:
    """Return a person whose vertices and normals `pose_figures` gave."""
    faces = torch.from_numpy(figure.body.faces.astype(np.int32)).to(vertices.device)
    return Surface(vertices, normals, figure.coordinates, faces, figure.outfit, label)


def mesh_surface(mesh: Mesh) -> Surface:
    """Return a piece of furniture."""
    points = torch.from_numpy(mesh.vertices.astype(np.float32))
    triangles = torch.from_numpy(mesh.faces.astype(np.int32))
    return Surface(
        points,
        _normals(points, triangles),
        torch.from_numpy(mesh.coordinates.astype(np.float32)),
        triangles,
        mesh.material,
        FURNITURE,
    )


def cast_shadows(surfaces: Sequence[Surface], light: Light, middle: Float32[Tensor, "3"]) -> ShadowMap:
    """Return the shadows of all `surfaces` around `middle` (metres)."""
    vertices, faces = _together(surfaces)
    return shadow_map(vertices, faces, light, middle)


def draw(
    surfaces: Sequence[Surface],
    camera: Camera,
    light: Light,
    shadows: ShadowMap,
    window: tuple[int, int, int, int],
    samples: int = 1,
) -> Layer:
    """Return what `camera` sees of `surfaces` in a window (left, top, width, height) of its picture.

    The window is drawn at `samples` times the picture's resolution along each side.
    """
    left, top, width, height = window
    vertices, faces = _together(surfaces)
    corners = _corners(vertices, camera)
    corners[:, :2] = (corners[:, :2] - corners.new_tensor([left, top]) + 0.5) * samples - 0.5
    channels = max(surface.coordinates.shape[1] for surface in surfaces)
    carried = torch.cat([_carried(surface, channels) for surface in surfaces])
    size_wh = (width * samples, height * samples)
    return _coloured(rasterise(corners[None], faces, carried[None], size_wh), surfaces, light, shadows)


def _carried(surface: Surface, channels: int) -> Float32[Tensor, "vertices carried"]:
    """Return normal, place and coordinates of each vertex, the latter filled up to `channels`."""
    filler = surface.vertices.new_zeros((len(surface.vertices), channels - surface.coordinates.shape[1]))
    return torch.cat([surface.normals, surface.vertices, surface.coordinates, filler], dim=1)


def _coloured(found: Fragments, surfaces: Sequence[Surface], light: Light, shadows: ShadowMap) -> Layer:
    """Colour and light what the rasteriser found."""
    albedo = torch.zeros_like(found.values[:, :3])
    label = torch.zeros_like(found.triangle, dtype=torch.uint8)
    begin = 0
    for surface in surfaces:
        end = begin + len(surface.faces)
        mine = torch.nonzero((found.triangle >= begin) & (found.triangle < end))[:, 0]
        begin = end
        if len(mine):
            albedo[mine] = surface.material.colour(found.values[mine, 6 : 6 + surface.coordinates.shape[1]])
            label[mine] = surface.label
    normals = torch.nn.functional.normalize(found.values[:, :3])
    # Asking a little above the surface keeps the map's coarse pixels from shading what they belong to.
    lit = light.shade(albedo, normals, shadows.lit(found.values[:, 3:6] + ABOVE_SURFACE * normals))
    _, height, width = found.depth.shape
    colour, labels = lit.new_zeros((height * width, 3)), label.new_zeros(height * width)
    colour[found.where], labels[found.where] = lit, label
    return Layer(colour.reshape(height, width, 3), labels.reshape(height, width), found.depth[0])


def _corners(vertices: Float32[Tensor, "vertices 3"], camera: Camera) -> Float32[Tensor, "vertices 3"]:
    """Return pixels and depth of points in the world; those the lens cannot see get depth 0."""
    points = camera.cam_from_world.apply(vertices.cpu().double().numpy())
    pixels, seen = camera.lens.project(points)
    depth = np.where(seen, points[:, 2], 0.0)
    corners = np.concatenate([np.clip(pixels, -1e6, 1e6), depth[:, None]], axis=1)
    return torch.from_numpy(corners.astype(np.float32)).to(vertices.device)


def _together(surfaces: Sequence[Surface]) -> tuple[Float32[Tensor, "vertices 3"], Int32[Tensor, "triangles 3"]]:
    """Return all surfaces as one mesh."""
    faces, first = [], 0
    for surface in surfaces:
        faces.append(surface.faces + first)
        first += len(surface.vertices)
    return torch.cat([surface.vertices for surface in surfaces]), torch.cat(faces)


def _normals(vertices: Float32[Tensor, "vertices 3"], faces: Int32[Tensor, "triangles 3"]) -> Tensor:
    """Return normals averaged over the triangles of each vertex, of any length."""
    corner = vertices[faces.long()]
    across = torch.linalg.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = torch.zeros_like(vertices)
    for column in range(3):
        total.index_add_(0, faces[:, column].long(), across)
    return total
