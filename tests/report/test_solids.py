"""Solids are closed where they should be, and seen from outside."""

import numpy as np
import pytest

from epipose.report.solids import Solid, ball, rod


@pytest.mark.parametrize(("mesh", "volume"), [(ball(), 4 / 3 * np.pi), (rod(), None)])
def test_triangles_look_outwards(mesh: Solid, volume: float | None) -> None:
    corners = mesh[0][mesh[1]]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = np.sum(normals * corners.mean(axis=1) * ([1, 1, 0] if volume is None else 1), axis=1)
    assert (outward >= -1e-12).all()
    if volume is not None:
        assert np.sum(np.linalg.det(corners)) / 6 == pytest.approx(volume, rel=0.1)
