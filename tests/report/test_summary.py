"""The words agree with the numbers."""

import re
from dataclasses import replace

import numpy as np
import pytest

from epipose import plugins
from epipose.report.contents import ReconstructionReport
from epipose.report.summary import film_next, one_line, verdict, what_to_do
from epipose.report.wording import in_unit, millimetres, plural, ranges
from tests.report.sample import report, ring_camera


def with_bones(original: ReconstructionReport, variation: float) -> ReconstructionReport:
    return replace(original, bones=tuple(replace(bone, variation=variation) for bone in original.bones))


def test_one_line_holds_the_numbers_that_matter() -> None:
    line = one_line(with_bones(report(), 0.042))
    assert line == (
        "walking_in_a_circle: 4 cameras, 1 person, 300 frames; reprojection 5.1 px (median), bone lengths vary 4.2 %,"
        " joints known to 14 mm (1 sigma)"
    )


def test_verdict_is_the_worst_of_its_judgements() -> None:
    steady = with_bones(report(), 0.04)
    assert verdict(steady).level == "good"
    assert verdict(with_bones(steady, 0.08)).level == "fair"
    poor = verdict(replace(with_bones(steady, 0.08), reprojection_median_px=60.0))
    assert poor.level == "poor"
    assert "disagree" in poor.sentence
    assert "bone" not in poor.sentence
    missing = replace(steady.poses, weight=np.zeros_like(steady.poses.weight))
    assert verdict(replace(steady, poses=missing)).level == "poor"
    assert verdict(replace(steady, bones=())).level == "poor"


def test_the_verdict_says_how_good_in_numbers() -> None:
    steady = with_bones(report(), 0.04)
    # Twice 1 sigma: 14 mm of joints, 1 % of the size.
    assert "28 mm along each axis, and everything is no more than 2 % too large" in verdict(steady).sentence
    assert verdict(replace(steady, scale_sigma=None)).sentence.endswith("28 mm along each axis.")
    assert "they vary by 8.0 %; up to 6 % is good" in verdict(with_bones(steady, 0.08)).sentence
    apart = verdict(replace(steady, reprojection_median_px=60.0)).sentence
    assert "by 60.0 px; up to 11 px is good" in apart  # 0.75 % of the diagonal of 1280 x 720
    assert "mm" not in apart  # what cannot be relied on is not praised


def test_what_to_do_names_the_files_and_goes_on_from_the_verdict() -> None:
    good = replace(with_bones(report(), 0.04), title="two words")
    assert "`epipose view 'two words'`" in what_to_do(good)[0]
    assert any("`poses/smooth.npz`" in words for words in what_to_do(good))
    assert any("`epipose export 'two words'/poses/smooth.npz bvh`" in words for words in what_to_do(good))
    commands = re.findall(r"`epipose (\w+)", " ".join(what_to_do(good)))
    assert set(commands) == {"view", "export"} <= set(plugins.names_in("epipose.cli"))
    assert "before you measure" in what_to_do(with_bones(good, 0.08))[0]
    assert "Film again" in what_to_do(with_bones(good, 0.2))[0]


def test_what_is_not_good_is_told_how_to_be() -> None:
    steady = with_bones(report(), 0.04)
    bones = list(with_bones(steady, 0.08).bones)
    bones[4] = replace(bones[4], variation=0.5)
    (limb,) = film_next(replace(steady, bones=tuple(bones)))
    assert f"{bones[4].parent} - {bones[4].child}".replace("_", " ") in limb
    (apart,) = film_next(replace(steady, reprojection_median_px=18.0))
    assert "18.0 px apart" in apart
    half = np.where(np.arange(300)[:, None, None] % 2 == 0, steady.poses.weight, 0).astype(np.float32)
    (missing,) = film_next(replace(steady, poses=replace(steady.poses, weight=half)))
    assert "only 50 % of the joints" in missing


def test_a_good_recording_needs_no_advice() -> None:
    assert film_next(report()) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seen_share": 0.4}, "cam02 back"),
        ({"inlier_share": 0.5}, "Check cam02"),
        ({"reprojection_median_px": 20.0}, "Check cam02"),
        ({"swapped_frames": tuple(range(100))}, "cam02, or use another detector"),
        ({"time_offset_sigma_s": 0.03}, "time of cam02"),
        ({"centre_sigma_m": 0.2}, "where cam02 stood is known only to 200 mm"),
    ],
)
def test_a_weak_view_is_named(changes: dict[str, object], words: str) -> None:
    original = report()
    views = list(original.views)
    views[1] = replace(views[1], **changes)  # type: ignore[arg-type]
    (advice,) = film_next(replace(original, views=tuple(views)))
    assert words in advice


def test_the_rig_and_the_recording_are_judged() -> None:
    original = report()
    beside = tuple(replace(view, camera=ring_camera(0.1 * k)) for k, view in enumerate(original.views))
    assert "Spread the cameras" in film_next(replace(original, views=beside))[0]
    assert "third camera" in film_next(replace(original, views=original.views[:2]))[0]
    assert "Film longer" in film_next(report(frames=60))[-1]
    assert "--height" in film_next(replace(original, scale_sigma=0.075))[0]


def test_a_joint_that_was_not_found_has_no_say_in_the_uncertainty() -> None:
    motion = report(frames=4).poses
    weight = np.where(np.arange(4)[:, None, None] == 0, motion.weight, 0).astype(np.float32)
    uncertainty = np.where(weight > 0, 0.02, 9.0).astype(np.float32)
    wild = replace(report(frames=4), poses=replace(motion, weight=weight, uncertainty=uncertainty))
    assert wild.uncertainty_median_m == pytest.approx(0.02)


def test_swapped_runs_join_neighbours_only() -> None:
    view = replace(report().views[1], swapped_frames=(0, 1, 2, 5, 7, 8))
    assert view.swapped_runs == ((0, 2), (5, 5), (7, 8))
    assert ranges(view.swapped_runs, most=2) == "0\u20132, 5 and 1 more"


def test_wording() -> None:
    assert millimetres(0.0043) == "4.3 mm"
    assert millimetres(0.0143) == "14 mm"
    assert in_unit(None, "px") == in_unit(float("nan"), "px") == "unknown"
    assert plural(1, "person", "people") == "1 person"
    assert plural(0, "camera") == "0 cameras"
