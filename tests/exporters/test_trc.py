"""TRC read by a second, strict reader that keeps to the rules of OpenSim's table reader."""

import math
from pathlib import Path

import numpy as np
import pytest

from epipose import exporters, plugins
from epipose.errors import InputError
from epipose.exporters import Exporter
from tests.bodies import moving_people, without

KEYS = ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units"]
KEYS += ["OrigDataRate", "OrigDataStartFrame", "OrigNumFrames"]


@pytest.fixture
def trc() -> Exporter:
    plugin: Exporter = plugins.load(exporters, "trc")
    return plugin


def _tokens(line: str) -> list[str]:
    """Split at tabs as OpenSim does: an empty field at the end of a line does not count."""
    tokens = line.rstrip("\r\n").split("\t")
    return tokens[:-1] if tokens[-1] == "" else tokens


def _opensim(path: Path) -> tuple[dict[str, str], list[str], np.ndarray, np.ndarray]:
    """Return metadata, marker names, times and markers (rows, markers, 3); an empty field is NaN."""
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[0].split()[0] == "PathFileType"
    keys, values = ([token for token in _tokens(line) if token] for line in lines[1:3])
    assert keys == KEYS
    assert len(values) == len(keys)
    facts = dict(zip(keys, values, strict=True))
    labels = [token for token in _tokens(lines[3]) if token]
    assert labels[:2] == ["Frame#", "Time"]
    assert len(labels) == int(facts["NumMarkers"]) + 2
    axes = [token for token in _tokens(lines[4]) if token]
    assert axes == [f"{axis}{i + 1}" for i in range(len(labels) - 2) for axis in "XYZ"]
    rows = []
    for line in lines[5:]:
        row = _tokens(line)
        if not row:  # empty lines are skipped before the data, and end them after
            if rows:
                break
            continue
        assert len(row) == 3 * (len(labels) - 2) + 2
        rows.append([float(token) if token else math.nan for token in row[1:]])
    table = np.array(rows)
    return facts, labels[2:], table[:, 0], table[:, 1:].reshape(len(rows), -1, 3)


def test_opensims_rules_are_kept_with_joints_missing_anywhere(trc: Exporter, tmp_path: Path) -> None:
    poses = moving_people(frames=12)
    missing = np.random.default_rng(0).random(poses.weight.shape) < 0.3
    missing[0] = missing[1, :, 0] = missing[2, :, -1] = True
    files = trc.write(tmp_path / "walk.trc", without(poses, missing))
    assert [file.name for file in files] == ["walk.trc", "walk_person2.trc"]
    for person, file in enumerate(files):
        facts, labels, times, markers = _opensim(file)
        assert facts["DataRate"] == facts["CameraRate"] == facts["OrigDataRate"] == "29.97"
        assert facts["NumFrames"] == facts["OrigNumFrames"] == "12"
        assert facts["Units"] == "m"
        assert tuple(labels) == poses.skeleton.joint_names
        np.testing.assert_allclose(times, poses.times, atol=1e-9)
        np.testing.assert_array_equal(np.isnan(markers).any(axis=-1), missing[:, person])
        # Z up to Y up: x, y, z of the file are y, z, x of the world.
        error = markers - poses.positions[:, person][..., [1, 2, 0]]
        assert np.nanmax(np.abs(error)) < 1e-6


def test_the_axes_stay_right_handed_and_up_is_y(trc: Exporter, tmp_path: Path) -> None:
    poses = moving_people(frames=4, people=1)
    _, _, _, markers = _opensim(trc.write(tmp_path / "a.trc", poses)[0])
    corner = poses.positions[0, 0, 1:4] - poses.positions[0, 0, 0]
    turned = markers[0, 1:4] - markers[0, 0]
    assert np.linalg.det(turned) == pytest.approx(np.linalg.det(corner), rel=1e-3)
    np.testing.assert_allclose(markers[..., 1], poses.positions[:, 0, :, 2], atol=1e-6)


def test_files_of_other_programs_in_millimetres_are_read_in_metres(trc: Exporter, tmp_path: Path) -> None:
    lines = ["PathFileType\t4\t(X/Y/Z)\tx.trc", "\t".join(KEYS), "60\t60\t2\t2\tmm\t60\t1\t2", "Frame#\tTime\tA\t\t\tB"]
    lines += ["\t\tX1\tY1\tZ1\tX2\tY2\tZ2", "1\t0.5\t10\t2000\t30\t\t\t", "2\t0.6\tNaN\tNaN\tNaN\t1\t2\t3"]
    (tmp_path / "x.trc").write_text("\r\n".join(lines) + "\r\n")
    poses = trc.read(tmp_path / "x.trc")
    np.testing.assert_array_equal(poses.weight[:, 0], [[1, 0], [0, 1]])
    np.testing.assert_allclose(poses.positions[0, 0, 0], [0.03, 0.01, 2.0])
    (tmp_path / "x.trc").write_text("\n".join([*lines[:2], lines[2].replace("mm", "ft"), *lines[3:]]))
    with pytest.raises(InputError, match=r"x\.trc is not a usable TRC"):
        trc.read(tmp_path / "x.trc")
