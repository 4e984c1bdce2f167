"""Views find their cameras under another spelling, and are never given the wrong one."""

import pytest

from epipose.errors import InputError
from epipose.io.view_names import closest_view, match_names, natural_key


def test_natural_order() -> None:
    names = ["cam_10", "Cam_1", "cam_2", "a", "cam_2b"]
    assert sorted(names, key=natural_key) == ["a", "Cam_1", "cam_2", "cam_2b", "cam_10"]


@pytest.mark.parametrize(
    ("views", "others", "expected"),
    [
        (["cam1", "cam2"], ["cam2", "cam1", "cam3"], ["cam1", "cam2"]),
        (["cam1", "cam1_b"], ["cam1_b", "cam1"], ["cam1", "cam1_b"]),
        (["cam01", "cam02"], ["Cam_2", "Cam_1"], ["Cam_1", "Cam_2"]),
        (["cam1", "cam10"], ["int_cam10_img", "int_cam1_img"], ["int_cam1_img", "int_cam10_img"]),
        (["2019-08-02-vid01-camA", "2019-08-02-vid01-camB"], ["A", "B", "C"], ["A", "B"]),
        (["cam_0", "cam_1"], ["0", "1"], ["0", "1"]),
        (["trial1_cam1", "trial1_cam2"], ["1", "2"], ["1", "2"]),
        (["camera_2", "camera_3"], ["c1", "c2", "c3"], ["c2", "c3"]),
        (["left", "right"], ["cam_right", "cam_left"], ["cam_left", "cam_right"]),
    ],
)
def test_matches(views: list[str], others: list[str], expected: list[str]) -> None:
    assert match_names(views, others, what="cameras") == dict(zip(views, expected, strict=True))


@pytest.mark.parametrize(
    ("views", "others"),
    [
        (["cam1", "cam2"], ["cam1"]),
        (["cam1", "cam2"], []),
        (["cam1", "cam2"], ["cam3", "cam4"]),
        (["cam1", "cam2"], ["cam11", "cam12"]),
        (["front", "back"], ["left", "right"]),
        (["cam1_a", "cam1_b"], ["cam1", "cam2"]),
    ],
)
def test_doubt_is_refused_with_both_lists(views: list[str], others: list[str]) -> None:
    with pytest.raises(
        InputError, match=rf"\({', '.join(views)}\).* cameras of c\.toml \({', '.join(others) or 'none'}\)"
    ):
        match_names(views, others, what="cameras of c.toml")


def test_a_file_speaks_of_one_view_or_of_none() -> None:
    views = ["cam1", "cam10", "left"]
    assert closest_view("cam1DLC_resnet50_shuffle1", views) == "cam1"
    assert closest_view("cam_10", views) == "cam10"
    assert closest_view("right", views) is None
    assert closest_view("cam1_left", views) is None
