import numpy as np
import torch

from epipose.geometry.rotations import rotation_from_rotvec
from epipose.studio.bodies import Body
from epipose.studio.figures import make_figure, pose_figures
from epipose.studio.garments import Outfit


def test_skins_as_the_body_itself_does(body: Body) -> None:
    figure = make_figure(body, Outfit.random(np.random.default_rng(3)))
    turns = rotation_from_rotvec(np.random.default_rng(0).normal(0, 0.3, (2, len(body.bones), 3)))
    motions = body.motions(turns, np.array([[1.0, -2.0, 0.3], [0.0, 0.0, 0.0]]))
    vertices, normals = pose_figures([figure, figure], motions)
    for row in range(2):
        np.testing.assert_allclose(vertices[row].numpy(), figure.body.skinned(motions[row]), atol=2e-6)
    assert torch.all(normals.norm(dim=-1) > 0.2)
