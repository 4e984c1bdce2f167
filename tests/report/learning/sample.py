"""A believable report on learning, with known numbers: errors that fall, and a walker seen in grey pictures."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy import ndarray

from epipose.pose.skeletons import load_skeleton
from epipose.report.learning import CurvePoint, LabelShares, LearningReport, Shown
from tests.report.sample import walk

SKELETON = load_skeleton("h36m17")


def units() -> ndarray:
    """Return a walker (17, 3) in units of a crop of 2 m, seen from the front: x right, y down, z away."""
    left, up, forward = walk(1, SKELETON)[0].T[[1, 2, 0]]
    return np.stack([left + 1.0, 1.0 - up, -forward], axis=-1) / 2


def shown(error_mm: float, place: str = "cam01, frame 78", side: int = 256) -> Shown:
    """Return an example whose every joint is off by `error_mm` in depth, but for an unknown left wrist."""
    truth = units()
    predicted = truth + np.array([0, 0, error_mm / 2000])
    truth[SKELETON.index("left_wrist")] = np.nan
    return Shown(np.full((side, side, 3), 128, np.uint8), predicted, truth, error_mm, place)


def curve(*errors: float) -> tuple[CurvePoint, ...]:
    """Return a curve of a point every 100 steps that was looked at every 200; the errors are those seen, in mm."""
    points = []
    for number in range(2 * len(errors) - 1):
        step, seen = 100 * number, {}
        if number % 2 == 0:
            error = float(errors[number // 2])
            seen = {"mpjpe_mm": error, "n_mpjpe_mm": 0.9 * error, "pa_mpjpe_mm": 0.7 * error}
        points.append(CurvePoint(step, 64 * step, 0.08 * step, 0.01 / (1 + number) if number else np.nan, seen))
    return tuple(points)


def report() -> LearningReport:
    """Return the whole report."""
    return LearningReport(
        name="small-walk",
        recipe="self-supervised",
        model="small",
        file=Path("walk/models/small-walk/small-walk.onnx"),
        version="0.1.0",
        created=datetime(2025, 3, 4, 15, 9, tzinfo=UTC),
        sources=(Path("captures/walk"), Path("captures/turn")),
        hold_out="frames 75 to 99 of every camera",
        truth="the triangulation",
        learned_examples=12480,
        held_out_examples=1160,
        seconds=482.0,
        skeleton=SKELETON,
        curve=curve(210, 90, 60, 50, 48, 47.5, 47.4, 47.3),
        errors={"mpjpe_mm": 47.3, "n_mpjpe_mm": 44.0, "pa_mpjpe_mm": 33.1, "pck_150": 0.97, "auc": 0.64},
        per_joint_mm={name: 40.0 + number for number, name in enumerate(SKELETON.joint_names)},
        best=(shown(12.0), shown(15.0, "cam02, frame 80")),
        worst=(shown(180.0), shown(140.0)),
        labels=LabelShares(0.93, 0.04, 0.03),
        notes=("The table before cam2 was found.",),
    )
