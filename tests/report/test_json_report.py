"""`report.json`: what a script reads back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from epipose.report.json_report import FORMAT_VERSION, as_table, write_json
from tests.report.sample import report


def test_round_trip_is_exact_and_strict_json(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_json(path, report())

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    table = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert table == as_table(report())
    assert table["format_version"] == FORMAT_VERSION
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_never_seen_and_unknown_are_null() -> None:
    original = report()
    given = replace(original.views[0], centre_sigma_m=None, reprojection_mean_px=float("nan"))
    table = as_table(replace(original, views=(given, *original.views[1:]), scale_sigma=None))
    head = next(joint for joint in table["joints"] if joint["name"] == "head_top")
    assert head["reprojection_mean_px_by_view"]["cam01"] is None
    assert head["reprojection_mean_px_by_view"]["cam02"] > 0
    assert table["views"][0]["centre_sigma_m"] is None
    assert table["views"][0]["reprojection_mean_px"] is None
    assert table["sources"]["scale_sigma_share"] is None


def test_numbers_are_those_of_the_report() -> None:
    original = report()
    table = as_table(original)
    second = table["views"][1]
    assert second["swapped_runs"] == [[41, 73], [90, 90]]
    assert second["swapped_frames"] == 34
    assert second["time_offset_s"] == pytest.approx(0.0123)
    assert second["centre_m"] == pytest.approx(original.views[1].camera.centre, abs=1e-5)
    assert table["summary"]["duration_s"] == pytest.approx(299 / 29.97, abs=1e-3)
    # The left wrist misses in 10 of 300 frames: one joint of 17.
    assert table["summary"]["found_share"] == pytest.approx(1 - 10 / 300 / 17, abs=1e-4)
    mean = sum(bone["variation_share"] for bone in table["bones"]) / 16
    assert table["summary"]["bone_variation_share"] == pytest.approx(mean, abs=1e-4)
