"""One person before one camera, for tests of what pictures show."""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady
from epipose.geometry.rigid import Rigid
from epipose.studio.bodies import Body
from epipose.studio.figures import Figure, make_figure, pose_figures
from epipose.studio.garments import Outfit
from epipose.studio.light import Light
from epipose.studio.poses import random_pose
from epipose.studio.render import Layer, Surface, cast_shadows, draw, figure_surface

SIZE = (200, 180)


@dataclass(frozen=True, eq=False)
class View:
    """A posed figure and the camera that looks at it."""

    figure: Figure
    motions: ndarray
    camera: Camera
    surface: Surface
    light: Light

    def drawn(self, *others: Surface) -> Layer:
        """Return the whole picture, of other surfaces too."""
        surfaces = [self.surface, *others]
        shadows = cast_shadows(surfaces, self.light, self.surface.vertices.mean(dim=0))
        return draw(surfaces, self.camera, self.light, shadows, (0, 0, *SIZE))


def camera_at(centre: ndarray, target: ndarray, focal: float = 190.0) -> Camera:
    """Return a camera with a distorting lens that stands at `centre` and looks at `target` (metres)."""
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    lens = BrownConrady((focal, focal), (98.0, 92.0), (-0.1, 0.02, 0.001, -0.0005))
    return Camera(lens, Rigid.from_centre(np.stack([right, np.cross(forward, right), forward]), centre), SIZE)


def random_view(body: Body, seed: int) -> View:
    """Return a random pose in random clothes seen from a random side."""
    rng = np.random.default_rng(seed)
    figure = make_figure(body, Outfit.random(rng))
    motions = figure.body.motions(*random_pose(figure.body, rng))
    bearing, away = rng.uniform(0, 2 * np.pi), rng.uniform(2.2, 4.0)
    centre = np.array([away * np.cos(bearing), away * np.sin(bearing), rng.uniform(0.4, 2.4)])
    vertices, normals = pose_figures([figure], motions[None])
    surface = figure_surface(figure, vertices[0], normals[0], label=1)
    return View(figure, motions, camera_at(centre, np.array([0.0, 0.0, 0.8])), surface, Light.random(rng))
