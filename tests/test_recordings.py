"""The real recordings hold what their README says."""

from pathlib import Path

from tests.recordings import balancing_keypoints


def test_balancing_has_four_views_of_one_person_at_60_frames_per_second(shared: Path) -> None:
    views = balancing_keypoints(shared)
    assert list(views) == ["cam01", "cam02", "cam03", "cam04"]
    for keypoints in views.values():
        assert keypoints.pixels.shape == (100, 1, 33, 2)
        assert keypoints.times[-1] == 99 / 60
    assert views["cam01"].image_size_wh == (1080, 1920)
    assert views["cam04"].image_size_wh == (1088, 1920)
