"""The export stage: files where they are looked for, and nothing written when a name is wrong."""

from pathlib import Path

import pytest

from epipose.errors import InputError
from epipose.io.pose_files import write_poses
from epipose.pipeline.export import export
from tests.bodies import moving_people


@pytest.fixture
def poses_path(tmp_path: Path) -> Path:
    path = tmp_path / "capture" / "poses" / "walk.npz"
    write_poses(path, moving_people(frames=5))
    return path


def test_files_go_to_the_captures_exports_or_where_told(poses_path: Path, tmp_path: Path) -> None:
    files = export(poses_path, ["trc", "csv", "trc"])
    folder = poses_path.parents[1] / "exports"
    assert files == [folder / "walk.trc", folder / "walk_person2.trc", folder / "walk.csv"]
    assert all(file.is_file() for file in files)
    assert export(poses_path, ["bvh"], tmp_path / "out")[0] == tmp_path / "out" / "walk.bvh"


@pytest.mark.parametrize(
    ("formats", "reason"), [(["csv", "fbx"], "no 'fbx'.*bvh, c3d, csv"), ([], "no format was named")]
)
def test_a_wrong_name_is_told_before_anything_is_written(poses_path: Path, formats: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        export(poses_path, formats)
    assert not (poses_path.parents[1] / "exports").exists()


def test_a_missing_pose_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.npz"):
        export(tmp_path / "none.npz", ["csv"])
