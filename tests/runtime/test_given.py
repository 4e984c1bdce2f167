"""People whose place is given: which square a network is shown, and what becomes of its answers."""

import numpy as np
import pytest

from epipose.geometry.crop_frames import box_frame, paper_frame
from epipose.pose.roots import from_root
from epipose.runtime.given import Given, GivenPeople
from epipose.runtime.networks import Network, open_network
from tests.runtime.discs import (
    LENS,
    SIZE,
    SKELETON,
    Straight,
    bone_lengths,
    disc_description,
    draw,
    model_bytes,
    person,
    write_disc_model,
)

PERSON = person((0.3, 0.1, 4.0), 0.2)
PIXELS = LENS.project(PERSON)[0]
PICTURE = draw([PERSON], LENS)
ALL = np.ones(17)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Network]:
    folder = tmp_path_factory.mktemp("given")
    lengths = bone_lengths(PERSON)
    lift = folder / "lift.onnx"
    lift.write_bytes(model_bytes(Straight(), disc_description(kind="lift", size=0, bone_lengths_m=lengths)))
    return {
        "box": open_network(write_disc_model(folder / "box.onnx", bone_lengths_m=lengths)),
        "paper": open_network(write_disc_model(folder / "paper.onnx", bone_lengths_m=lengths, frame="paper")),
        "lift": open_network(lift),
    }


def given(root: np.ndarray | None = None, *, shift_px: float = 0.0) -> Given:
    return Given(PICTURE, PIXELS + np.array([shift_px, 0.0]), ALL, root)


def frame_of(people: GivenPeople, one: Given) -> tuple[np.ndarray, float]:
    found = people._cropped([one], [people._seen(one)])[0]
    assert found is not None
    return found.frame.crop_from_px, found.frame.side_px


def test_two_metres_around_the_true_root_are_cut_as_published(networks: dict[str, Network]) -> None:
    people = GivenPeople(networks["paper"], SKELETON, LENS)
    cut, side = frame_of(people, given(PERSON[0]))
    np.testing.assert_allclose(cut, paper_frame(LENS, PERSON[0], SIZE).crop_from_px)
    assert side == pytest.approx(2 * 600 / 4)
    cut, _ = frame_of(people, given(PERSON[0] * 1.25))
    np.testing.assert_allclose(cut, paper_frame(LENS, PERSON[0] * 1.25, SIZE).crop_from_px)
    _, side = frame_of(people, given())
    assert side == pytest.approx(300, rel=0.05), "without the root by how large the person is"


def test_without_the_root_a_first_look_tells_where_two_metres_end(networks: dict[str, Network]) -> None:
    """Of somebody who leans away from the camera the joints in 2D alone would say that they are farther away."""
    cos, sin = np.cos(1.0), np.sin(1.0)
    leaning = person((0, 0, 0), 0.3) @ np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) + [0.3, 0.1, 4.0]
    people = GivenPeople(networks["paper"], SKELETON, LENS)
    _, side = frame_of(people, Given(draw([leaning], LENS), LENS.project(leaning)[0], ALL, None))
    assert side == pytest.approx(300, rel=0.02)


def test_a_box_is_cut_around_the_joints_that_are_given(networks: dict[str, Network]) -> None:
    people = GivenPeople(networks["box"], SKELETON, LENS)
    for root in (None, PERSON[0]):
        cut, _ = frame_of(people, given(root, shift_px=7.0))
        np.testing.assert_allclose(cut, box_frame(PIXELS + np.array([7.0, 0.0]), SIZE, margin=1.25).crop_from_px)


@pytest.mark.parametrize("kind", ["box", "paper"])
@pytest.mark.parametrize("known", [True, False])
def test_answers_are_metres_from_the_root(kind: str, known: bool, networks: dict[str, Network]) -> None:
    people = GivenPeople(networks[kind], SKELETON, LENS)
    answer = people([given(PERSON[0] if known else None)])[0]
    assert answer is not None
    assert answer.weight.tolist() == pytest.approx([0.9] * 17)
    off = np.linalg.norm(answer.joints - from_root(PERSON, SKELETON), axis=-1)
    assert off[0] == 0
    assert off.max() < 0.06
    twice = people([given(2 * PERSON[0])])[0] if kind == "box" and known else None
    if twice is not None:
        assert np.linalg.norm(twice.joints[9]) == pytest.approx(2 * np.linalg.norm(answer.joints[9]), rel=0.1)


def test_who_is_hardly_in_the_picture_has_no_answer_and_others_keep_theirs(networks: dict[str, Network]) -> None:
    people = GivenPeople(networks["box"], SKELETON, LENS)
    few = Given(PICTURE, PIXELS, np.where(np.arange(17) < 3, 1.0, 0.0), None)
    alone = people([given()])[0]
    answers = people([few, given(), given(shift_px=5000.0), given()])
    assert [one is None for one in answers] == [True, False, True, False]
    for one in (answers[1], answers[3]):
        assert one is not None
        assert alone is not None
        np.testing.assert_allclose(one.joints, alone.joints, atol=1e-6)
    assert people([]) == []
    assert people([few]) == [None]


def test_joints_are_lifted_without_a_picture(networks: dict[str, Network]) -> None:
    people = GivenPeople(networks["lift"], SKELETON, LENS)
    answer = people([Given(None, PIXELS, ALL, PERSON[0])])[0]
    assert answer is not None
    flat = from_root(PERSON, SKELETON)[:, :2]
    # The network's depths are made up: only what lies near the root's depth comes out in its place.
    np.testing.assert_allclose(answer.joints[[1, 4], :2], flat[[1, 4]], atol=0.03)
