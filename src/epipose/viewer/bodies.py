"""The people of one pose file in the scene."""

import numpy as np
import viser
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from epipose.report.palette import rgb
from epipose.report.solids import Solid, ball, rod
from epipose.viewer.recording import Track
from epipose.viewer.shapes import Instances, balls, ellipsoids, haze, rods

FAR_FRAMES = 0.75
"""Frames from the nearest pose beyond which nobody is shown."""
_LIGHTER, _DARKER = 0.3, 0.35
"""How far the colour of a left or right limb is on its way to white or black."""
_GLASS = 0.28


class Body:
    """The joints, bones and uncertainties of one pose file, at one moment at a time."""

    def __init__(self, scene: viser.SceneApi, track: Track, colour: str) -> None:
        self.track = track
        self.frame = -1
        """Of the poses; -1 while nobody is shown."""
        self._enlarged = 1.0
        skeleton, people = track.poses.skeleton, track.people
        self._bones = np.array(skeleton.bones, int).reshape(-1, 2)
        tints = _tints(track, colour)
        count = people * len(skeleton)
        nowhere = Instances(np.zeros((count, 3)), np.tile([1.0, 0, 0, 0], (count, 1)), np.full((count, 3), 1e-6))
        place = f"/poses/{track.name}"
        self._node = scene.add_frame(place, show_axes=False)
        self._joints = _batch(scene, f"{place}/joints", ball(), nowhere, np.tile(tints, (people, 1)))
        first = Instances(*(np.repeat(part[:1], people * len(self._bones), axis=0) for part in nowhere))
        limbs = np.tile(tints[self._bones[:, 1]], (people, 1))
        self._rods = _batch(scene, f"{place}/bones", rod(), first, limbs) if len(first.positions) else None
        self._glass = _batch(scene, f"{place}/uncertainty", ball(), nowhere, np.tile(tints, (people, 1)), _GLASS)
        self._glass.visible = False

    @property
    def visible(self) -> bool:
        """Whether it is shown at all."""
        return self._node.visible

    @visible.setter
    def visible(self, visible: bool) -> None:
        self._node.visible = visible

    def show_uncertainty(self, shown: bool, enlarged: float) -> None:
        """Show one standard deviation of every joint, `enlarged`, or not."""
        self._glass.visible = shown
        if enlarged != self._enlarged:
            self._enlarged = enlarged
            self._draw()

    def points(self) -> tuple[Float[ndarray, "people joints 3"], Bool[ndarray, "people joints"]]:
        """Return the joints (m, world) that are shown now, and which of them are known."""
        poses = self.track.poses
        if self.frame < 0:
            shape = poses.weight.shape[1:]
            return np.zeros((*shape, 3)), np.zeros(shape, bool)
        return poses.positions[self.frame].astype(float), poses.weight[self.frame] > 0

    def show(self, moment: float) -> bool:
        """Show the pose nearest to a moment (s, common clock), or nobody if none is near; return whether it changed."""
        frame = nearest_frame(self.track.poses.times, moment, FAR_FRAMES * self.track.frame_s)
        changed = frame != self.frame
        if changed:
            self.frame = frame
            self._draw()
        return changed

    def _draw(self) -> None:
        points, known = self.points()
        flat, there = points.reshape(-1, 3), known.ravel()
        people, joints = known.shape
        _place(self._joints, balls(flat, there))
        if self._rods is not None:
            bones = (self._bones + joints * np.arange(people)[:, None, None]).reshape(-1, 2)
            _place(self._rods, rods(flat, there, bones))
        poses, covariance = self.track.poses, self.track.covariance
        sigma = poses.uncertainty[self.frame].ravel().astype(float)
        shape = None if covariance is None else covariance[self.frame].reshape(-1, 6).astype(float)
        unsure = ellipsoids(flat, there, sigma, shape, self._enlarged)
        _place(self._glass, unsure)
        self._glass.batched_opacities = haze(unsure.scales).astype(np.float32)


def nearest_frame(times: Float[ndarray, "frames"], moment: float, within_s: float) -> int:
    """Return which frame is nearest to a moment, -1 if none is within so many seconds of it."""
    after = int(np.clip(np.searchsorted(times, moment), 0, len(times) - 1))
    before = max(after - 1, 0)
    nearest = before if abs(times[before] - moment) <= abs(times[after] - moment) else after
    return nearest if abs(times[nearest] - moment) <= within_s else -1


def _tints(track: Track, colour: str) -> UInt8[ndarray, "joints 3"]:
    """Return a colour for every joint: that of the file, lighter on the left and darker on the right."""
    skeleton, plain = track.poses.skeleton, np.array(rgb(colour), float)
    tints = np.tile(plain, (len(skeleton), 1))
    for left, right in skeleton.pairs:
        tints[skeleton.index(left)] += _LIGHTER * (255 - plain)
        tints[skeleton.index(right)] *= 1 - _DARKER
    return tints.round().astype(np.uint8)


def _batch(
    scene: viser.SceneApi,
    name: str,
    mesh: Solid,
    instances: Instances,
    colours: UInt8[ndarray, "n 3"],
    opacity: float | None = None,
) -> viser.BatchedMeshHandle:
    return scene.add_batched_meshes_simple(
        name,
        mesh[0].astype(np.float32),
        mesh[1].astype(np.uint32),
        batched_wxyzs=instances.wxyzs,
        batched_positions=instances.positions,
        batched_scales=instances.scales,
        batched_colors=colours,
        opacity=opacity,
        lod="off",
        cast_shadow=opacity is None,
        receive_shadow=False,
    )


def _place(batch: viser.BatchedMeshHandle, instances: Instances) -> None:
    batch.batched_positions = instances.positions.astype(np.float32)
    batch.batched_wxyzs = instances.wxyzs.astype(np.float32)
    batch.batched_scales = instances.scales.astype(np.float32)
