"""Cameras in the scene: what each sees as a pyramid, with the picture at its base or, far larger, behind everybody."""

import numpy as np
import viser
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.rotations import quaternion_from_rotation
from epipose.viewer.pictures import Picture

_LINES = (52, 58, 68)
_QUALITY = 80
_EMPTY = np.full((2, 2, 3), 200, np.uint8)


class Frustum:
    """One camera, `depth_m` metres long. Wherever its picture is put, from the camera it covers the same directions."""

    def __init__(self, scene: viser.SceneApi, name: str, camera: Camera, depth_m: float) -> None:
        self.camera, self._depth_m = camera, depth_m
        self._has_picture, self._wanted = False, True
        world_from_cam = camera.cam_from_world.inverse()
        place = f"/cameras/{name}"
        self._node = scene.add_frame(
            place,
            show_axes=False,
            wxyz=quaternion_from_rotation(world_from_cam.rotation),
            position=world_from_cam.translation,
        )
        base = depth_m * self._corners()
        edges = [(np.zeros(3), corner) for corner in base] + list(zip(base, np.roll(base, -1, axis=0), strict=True))
        self._lines = scene.add_line_segments(
            f"{place}/lines", np.array(edges, np.float32), _LINES, thickness=0.012 * depth_m
        )
        self._label = scene.add_label(f"{place}/name", name, anchor="bottom-center", position=(0, -0.25 * depth_m, 0))
        width, height, _ = base[2] - base[0]
        self.picture = scene.add_image(
            f"{place}/picture",
            _EMPTY,
            float(width),
            float(height),
            jpeg_quality=_QUALITY,
            position=(base[0] + base[2]) / 2,
            cast_shadow=False,
            receive_shadow=False,
            visible=False,
        )

    def _corners(self) -> Float[ndarray, "4 3"]:
        """Return the picture's corners in camera axes, a metre before the camera: clockwise from the upper left."""
        width, height = self.camera.size_wh
        pixels = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
        lens = self.camera.lens
        return np.column_stack([(pixels - lens.centre) / lens.focal, np.ones(4)])

    def show(self, picture: Picture) -> None:
        """Show a picture, of any size."""
        self.picture.image = picture
        self._has_picture = True
        self.picture.visible = self._wanted

    def appear(self, *, camera: bool, picture: bool) -> None:
        """Show the camera or not, and its picture or not."""
        self._wanted = picture
        self._node.visible = camera
        self.picture.visible = picture and self._has_picture

    def put_picture(self, depth_m: float) -> None:
        """Put the picture at some metres from the camera, as large as it then must be, without the pyramid."""
        corners = depth_m * self._corners()
        self.picture.position = (corners[0] + corners[2]) / 2
        self.picture.scale = depth_m / self._depth_m
        self._lines.visible = self._label.visible = False

    def put_back(self) -> None:
        """Put the picture back to the pyramid's base."""
        self.put_picture(self._depth_m)
        self._lines.visible = self._label.visible = True

    def fov_in(self, aspect: float) -> float:
        """Return the vertical angle (radians) at which a window of that width / height shows the whole picture."""
        reach = np.abs(self._corners()[:, :2]).max(axis=0)
        return float(2 * np.arctan(max(reach[1], reach[0] / aspect)))
