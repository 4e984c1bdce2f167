"""CSV read by Python's own reader: what a spreadsheet sees."""

import csv
from pathlib import Path

import numpy as np
import pytest

from epipose import exporters, plugins
from epipose.errors import InputError
from tests.bodies import moving_people, without

CSV = plugins.load(exporters, "csv")


def test_a_spreadsheet_sees_metres_seconds_and_empty_cells(tmp_path: Path) -> None:
    poses = moving_people(frames=3)
    missing = np.zeros(poses.weight.shape, bool)
    missing[1, 0, 0] = True
    CSV.write(tmp_path / "a.csv", without(poses, missing))
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(float(row["time"]), row["person"]) for row in rows] == [(t, p) for t in poses.times for p in ("1", "2")]
    assert {row["pelvis_x"] == "" for row in rows[2:3]} == {True}
    assert float(rows[5]["left_wrist_z"]) == pytest.approx(poses.positions[2, 1, 13, 2], abs=1e-6)
    assert float(rows[5]["left_wrist_uncertainty"]) == pytest.approx(poses.uncertainty[2, 1, 13], abs=1e-6)


def test_rows_in_another_order_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    CSV.write(path, moving_people(frames=3))
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    for wrong in ([rows[1], rows[0], *rows[2:]], rows[:-1], [row.replace(",1,", ",0,", 1) for row in rows]):
        path.write_text("\n".join([head, *wrong]), encoding="utf-8")
        with pytest.raises(InputError, match=r"a\.csv.*every person of every frame"):
            CSV.read(path)
