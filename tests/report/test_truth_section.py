"""What the report says about the truth, in JSON, on the page and in the terminal."""

import json
from dataclasses import replace

import pytest

from epipose.report.html_report import page
from epipose.report.json_report import as_table
from epipose.report.truth import JointError, TruthReport, ViewError
from epipose.report.truth_section import truth_line, truth_rows, truth_section
from tests.report.sample import report


def truth_report(first: str = "cam01") -> TruthReport:
    views = tuple(
        ViewError(name, 0.005 + 0.001 * k, 0.004, 0.02, 0.011, 0.002 * (-1) ** k, 0.0011, 0.01)
        for k, name in enumerate((first, "cam02"))
    )
    wrist = JointError("left_wrist", 0.021, 0.03, 0.012, 0.91, 300)
    never = JointError("right_ear", float("nan"), float("nan"), float("nan"), float("nan"), 0)
    return TruthReport(views, (wrist, never), replace(wrist, name="all"), -0.02, 0.041, 1, 1, 0.97)


def test_json_holds_the_numbers_and_null_for_what_was_never_compared() -> None:
    table = as_table(replace(report(), truth=truth_report()))
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    found = table["truth"]
    assert found["rotation_rad"] == pytest.approx(0.0055)
    assert found["time_offset_s"] == pytest.approx(0.002)
    assert found["scale_share"] == -0.02
    assert [joint["error_mean_m"] for joint in found["joints"]] == [0.021, None]
    assert [view["name"] for view in found["views"]] == ["cam01", "cam02"]
    assert as_table(report())["truth"] is None


def test_the_page_has_the_section_only_with_a_truth_and_escapes_it() -> None:
    assert "Against the truth" not in page(report())
    text = page(replace(report(), truth=truth_report("<b>cam</b>")))
    assert "Against the truth" in text
    assert "&lt;b&gt;cam" in text
    assert "<b>cam" not in text
    assert truth_section(None) == ""


def test_words_hold_error_and_statement_side_by_side() -> None:
    rows = {name: (error, said) for name, error, said in truth_rows(truth_report())}
    assert rows["Direction of the cameras"] == ("0.32 °", "± 0.23 °")
    assert rows["Position of the cameras"] == ("20 mm", "± 11 mm")
    assert rows["Joints, once laid on the truth"] == ("21 mm", "± 12 mm along each axis")
    assert rows["Size of everything"] == ("-2.0 %", "± 4.1 %")
    assert "People that were found" not in rows
    several = {row[0]: row[1] for row in truth_rows(replace(truth_report(), people=2))}
    assert several["People that were found"] == "1 of 2"
    assert "0.32 ° and 20 mm, joints by 21 mm (in its own metres 30 mm)" in truth_line(truth_report())
