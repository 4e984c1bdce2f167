"""What a scene is made of: meshes, and the materials that colour them point by point."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from jaxtyping import Float, Int
from numpy import ndarray

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Material(Protocol):
    """Colours a surface from coordinates that its mesh gives each vertex and the renderer interpolates."""

    def colour(self, coordinates: "Float[Tensor, 'points channels']") -> "Float[Tensor, 'points 3']":
        """Return the albedo of each point: linear RGB, 0 to 1. Runs on the device of `coordinates`, in float32."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in the world (metres, Z up), wound counter-clockwise as seen from outside."""

    vertices: Float[ndarray, "vertices 3"]
    faces: Int[ndarray, "triangles 3"]
    coordinates: Float[ndarray, "vertices channels"]
    """What `material` colours by, for instance the vertex at rest in metres."""
    material: Material
