"""What the numbers of learning are said to mean, and `learning.json`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from epipose.report.learning import LabelShares, write_learning_json
from epipose.report.learning.json_file import as_table
from epipose.report.learning.summary import advice, duration, one_line, verdict
from tests.report.learning.sample import curve, report


@pytest.mark.parametrize(("error", "level"), [(60.0, "good"), (60.1, "fair"), (101.0, "poor"), (float("nan"), "poor")])
def test_the_verdict_is_by_the_mean_error(error: float, level: str) -> None:
    assert verdict(replace(report(), errors={"mpjpe_mm": error})).level == level


def said(**changes: object) -> str:
    return " ".join(advice(replace(report(), **changes)))  # type: ignore[arg-type]


def test_a_good_network_is_only_to_be_used() -> None:
    assert advice(report()) == ("Use it: `epipose predict VIDEO --model walk/models/small-walk/small-walk.onnx`",)


def test_the_curve_says_whether_to_go_on() -> None:
    assert "Learn longer" in said(curve=curve(200, 150, 120, 100, 80, 60, 50, 45))
    assert "by heart" in said(curve=curve(200, 90, 60, 50, 48, 55, 60, 62))
    assert "lowest at step 800 (48 mm)" in said(curve=curve(200, 90, 60, 50, 48, 55, 60, 62))
    assert "Learn" not in said(curve=curve(200, 50))


def test_what_is_wrong_is_named_with_the_remedy() -> None:
    assert "Film more: 300 examples are few" in said(learned_examples=300)
    assert "only 55 % of its triangulated joints" in said(labels=LabelShares(0.55, 0.4, 0.05))
    hard = {**report().per_joint_mm, "left_wrist": 120.0, "right_wrist": 100.0}
    assert "Hardest are left wrist (120 mm), right wrist (100 mm)" in said(per_joint_mm=hard)
    turned = said(errors={"mpjpe_mm": 120.0, "pa_mpjpe_mm": 50.0})
    assert "direction and size, which make 70 mm" in turned
    assert "Use it" not in turned


def test_the_line_and_the_time_are_in_words() -> None:
    assert one_line(report()) == (
        "small-walk: learned from 12480 examples in 8 min; on 1160 held out, joints off by 47 mm, once turned and"
        " scaled by 33 mm"
    )
    assert [duration(seconds) for seconds in (4.2, 89.0, 3600.0, 7300.0)] == ["4 s", "89 s", "60 min", "2 h 2 min"]


def test_json_is_strict_and_whole(tmp_path: Path) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    write_learning_json(tmp_path / "learning.json", report())
    table = json.loads((tmp_path / "learning.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert table == as_table(report())
    assert table["errors"]["mpjpe_mm"] == 47.3
    assert table["curve"][0]["loss"] is None
    assert table["curve"][1] == {"step": 100, "examples_seen": 6400, "seconds": 8.0, "loss": 0.005, "errors": {}}
    assert table["worst"][0] == {"place": "cam01, frame 78", "error_mm": 180.0}
    assert table["labels"]["dropped_by_views_share"] == 0.03
