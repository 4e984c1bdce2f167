"""How errors are told to people and programs."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from epipose.pose.evaluation import PoseErrors
from epipose.report.evaluation import (
    EvaluationReport,
    ReferenceErrors,
    StructureScore,
    as_markdown,
    as_table,
    as_text,
    one_line,
    write_evaluation,
)

ERRORS = PoseErrors(0.0512, 0.05, 0.033, 0.97, 0.64, 0.0142, 0.0097, 177.3, 49.7, {"nose": 0.04, "left_wrist": 0.09})
REPORT = EvaluationReport(
    title="walk",
    version="0.1.0",
    created=datetime(2025, 3, 4, 15, 9, tzinfo=UTC),
    poses="smooth",
    truth="truth",
    protocol="own-axes",
    view="cam2",
    between=(1.5, 3.0),
    people=1,
    true_people=2,
    compared_poses=75,
    joint_names=("pelvis", "nose", "left_wrist"),
    found_share=0.981,
    errors=ERRORS,
    structure=(StructureScore(50, "0123456789abcdef", 0.713, 70),),
    reference=ReferenceErrors(0.049, 0.048, 0.036, 70),
)


def test_units_are_those_of_the_keys() -> None:
    table = as_table(REPORT)
    assert table["errors"]["mpjpe_mm"] == 51.2
    assert table["errors"]["jitter_m_s3"] == 177.3
    assert table["errors"]["pck_150"] == 0.97
    assert table["per_joint_mm"] == {"nose": 40.0, "left_wrist": 90.0}
    assert table["reference_compatible"] == {"mpjpe_mm": 49.0, "n_mpjpe_mm": 48.0, "pa_mpjpe_mm": 36.0, "poses": 70}
    assert table["structure"][0]["score"] == 0.713
    assert (table["view"], table["between_s"]) == ("cam2", [1.5, 3.0])


def test_words_say_what_was_compared_and_what_came_out() -> None:
    text = as_text(REPORT)
    for words in (
        "75 poses, 1 of 2 people, 3 joints, turned into the axes of the truth as a whole",
        ", as cam2 sees them, from 1.5 to 3 s",
        "PSS@50 (clusters 0123456789abcdef)",
        "71.3 %",
        "177.3 (49.7) m/s³",
        "as the published code: MPJPE (of 70 poses)",
        "hardest joints: left wrist 90.0 mm, nose 40.0 mm",
    ):
        assert words in text
    assert one_line(REPORT) == "MPJPE 51.2 mm, PA-MPJPE 33.0 mm"


def test_what_could_not_be_measured_is_null_and_unknown(tmp_path: Path) -> None:
    nan = float("nan")
    unknown = replace(
        REPORT, errors=replace(ERRORS, jitter=nan, symmetry_m=nan, per_joint_m={"nose": nan, "neck": 0.1})
    )
    path, _ = write_evaluation(tmp_path, unknown)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    table = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert table["errors"]["jitter_m_s3"] is table["per_joint_mm"]["nose"] is None
    assert "hardest joints: neck 100.0 mm, nose unknown" in as_text(unknown)


def test_names_stay_text_in_markdown() -> None:
    text = as_markdown(replace(REPORT, title="a|b*<img>", warnings=("[x](y)",)))
    assert text.startswith("# a\\|b\\*\\<img\\>: smooth against truth\n")
    assert "**Warning:** \\[x\\](y)." in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(row.count("|") == 3 for row in rows)
