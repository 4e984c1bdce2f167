"""The refinement of cameras and boards, on exact corners."""

import numpy as np
import pytest

from epipose.calibration.board_refinement import Sighting, refine
from epipose.calibration.boards import Checkerboard
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between
from tests.calibration.board_pictures import board_poses
from tests.calibration.test_board_rig import LENSES

BOARD = Checkerboard(4, 5, 0.1)
CAMERAS = [
    Rigid.identity(),
    Rigid.from_rotvec(np.array([0.0, 0.5, 0.1]), np.array([-0.6, 0.1, 0.2])),
    Rigid.from_rotvec(np.array([0.1, -0.5, 3.0]), np.array([0.6, 0.0, 0.3])),
]
BOARDS = board_poses(BOARD, 4, distance_m=1.4)


def sightings(spoilt: int | None = None) -> list[Sighting]:
    """Return every board in every camera; the corners of number `spoilt` are wrong by 30 px."""
    found = []
    for camera, (pose, lens) in enumerate(zip(CAMERAS, LENSES.values(), strict=True)):
        for board, first_from_board in enumerate(BOARDS):
            pixels, valid = lens.project((pose @ first_from_board).apply(BOARD.points))
            assert valid.all()
            found.append(Sighting(camera, board, lens, BOARD.points, pixels + 30.0 * (len(found) == spoilt)))
    return found


def nearby(poses: list[Rigid], seed: int) -> list[Rigid]:
    rng = np.random.default_rng(seed)
    return [Rigid.from_rotvec(rng.normal(0, 0.01, 3), rng.normal(0, 0.01, 3)) @ pose for pose in poses]


@pytest.mark.parametrize(("spoilt", "tolerance"), [(None, 1e-6), (5, 1e-3)])
def test_poses_come_back_from_nearby(spoilt: int | None, tolerance: float) -> None:
    start = [CAMERAS[0], *nearby(CAMERAS[1:], 1)]
    cameras, boards, rms_px = refine(start, nearby(BOARDS, 2), sightings(spoilt))
    for found, truth in zip([*cameras, *boards], [*CAMERAS, *BOARDS], strict=True):
        assert angle_between(found.rotation, truth.rotation) < tolerance
        assert np.linalg.norm(found.translation - truth.translation) < tolerance
    assert len(rms_px) == 12
    assert (np.array(rms_px) > 1).sum() == (spoilt is not None)
