"""C3D read by ezc3d itself: what another program sees."""

from pathlib import Path

import numpy as np
import pytest

from epipose import exporters, plugins
from tests.bodies import moving_people, without

ezc3d = pytest.importorskip("ezc3d", reason="the extra c3d is not installed")


def test_another_program_sees_metres_names_rate_and_gaps(tmp_path: Path) -> None:
    poses = moving_people(frames=15)
    missing = np.random.default_rng(0).random(poses.weight.shape) < 0.3
    files = plugins.load(exporters, "c3d").write(tmp_path / "walk.c3d", without(poses, missing))
    assert [file.name for file in files] == ["walk.c3d", "walk_person2.c3d"]
    for person, file in enumerate(files):
        document = ezc3d.c3d(str(file))
        point = document["parameters"]["POINT"]
        assert point["RATE"]["value"][0] == np.float32(29.97)
        assert document["header"]["points"]["frame_rate"] == pytest.approx(29.97, rel=1e-6)
        assert point["FRAMES"]["value"][0] == 15
        assert point["UNITS"]["value"] == ["m"]
        assert tuple(point["LABELS"]["value"]) == poses.skeleton.joint_names
        points = document["data"]["points"]
        seen = ~missing[:, person].T
        np.testing.assert_array_equal(np.isnan(points[:3]).any(axis=0), ~seen)
        np.testing.assert_array_equal(document["data"]["meta_points"]["residuals"][0] < 0, ~seen)
        assert np.nanmax(np.abs(points[:3] - poses.positions[:, person].transpose(2, 1, 0))) < 1e-6
