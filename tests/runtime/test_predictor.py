"""The predictor against people whose places are known: metres before the camera, identities, jitter."""

from collections.abc import Sequence

import numpy as np
import pytest

from epipose.geometry.lenses import BrownConrady, Lens, Pinhole
from epipose.pose.roots import from_root
from epipose.runtime.networks import Network, open_network
from epipose.runtime.placing import Person
from epipose.runtime.predictor import Predictor
from tests.runtime.discs import LENS, SKELETON, DiscDetector, bone_lengths, draw, person, write_disc_model

RATE = 30.0
LENGTHS = bone_lengths(person((0, 0, 4)))
WIDE = BrownConrady((520.0, 520.0), (330.0, 230.0), (-0.15, 0.03, 0.001, 0.0, 0.0))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    file = write_disc_model(tmp_path_factory.mktemp("models") / "discs.onnx", bone_lengths_m=LENGTHS)
    return open_network(file, threads=1)


def watch(network: Network, lens: Lens | None, frames: Sequence[Sequence[np.ndarray]]) -> list[tuple[Person, ...]]:
    with Predictor(network, DiscDetector(), lens=lens).stream() as stream:
        shown = lens or LENS
        return [stream.look(draw(people, shown), number / RATE) for number, people in enumerate(frames)]


def walk(frames: int) -> list[np.ndarray]:
    """Return somebody who comes from 4.5 m to 3 m at 1 m/s while turning."""
    return [person((0.4 - 0.4 * k / RATE, 0.1, 4.5 - k / RATE), 0.5 * np.sin(k / 20)) for k in range(frames)]


@pytest.mark.parametrize("lens", [LENS, WIDE])
def test_people_are_where_they_are_before_a_known_camera(network: Network, lens: Lens) -> None:
    truth = walk(45)
    found = watch(network, lens, [[joints] for joints in truth])
    assert all(len(people) == 1 for people in found)
    errors = np.array([people[0].joints - joints for people, joints in zip(found, truth, strict=True)])
    assert np.abs(errors[:, 0]).mean() < 0.08, "the place of the root, with what smoothing lags behind at 1 m/s"
    relative = np.linalg.norm(from_root(errors, SKELETON), axis=-1)
    assert np.median(relative) < 0.025
    still = watch(network, lens, [[truth[0]]] * 20)[-1][0]
    assert np.abs(still.joints - truth[0]).max() < 0.06
    assert abs(still.joints[0, 2] / truth[0][0, 2] - 1) < 0.01


def test_without_a_lens_people_stand_on_their_roots(network: Network) -> None:
    truth = [person((0.3, 0.1, 4.5), 0.6 * np.sin(k / 10)) for k in range(20)]
    found = watch(network, None, [[joints] for joints in truth])
    for people, joints in zip(found, truth, strict=True):
        np.testing.assert_allclose(people[0].joints[0], 0, atol=1e-6)
        assert np.median(np.linalg.norm(people[0].joints - from_root(joints, SKELETON), axis=-1)) < 0.06


def test_a_picture_is_seen_alike_whatever_comes_before_it(network: Network) -> None:
    scenes = [[person((x, 0.1, 4.0), x)] for x in (-0.5, 0.0, 0.6)] + [
        [],
        [person((-0.9, 0.1, 4)), person((0.9, 0, 4))],
    ]
    pictures = [draw(people, LENS) for people in scenes]
    predictor = Predictor(network, DiscDetector(), lens=LENS)
    forward = list(predictor.pictures(pictures))
    backward = list(predictor.pictures(pictures[::-1]))[::-1]
    assert [len(people) for people in forward] == [1, 1, 1, 0, 2]
    for one, other in zip(forward, backward, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a.joints, b.joints)
            assert a.slot == b.slot


def test_everybody_keeps_a_slot_while_seen_and_slots_are_used_again(network: Network) -> None:
    left, right = (lambda k: person((-1.0 + 0.01 * k, 0.1, 4.0))), (lambda k: person((1.0 - 0.002 * k, 0, 4.5)))
    frames = [
        [left(k), right(k)] if k < 15 else [right(k)] if k < 35 else [left(0), right(k)] for k in range(50)
    ]  # fmt: skip
    found = watch(network, LENS, frames)

    def slot_of(people: tuple[Person, ...], joints: np.ndarray) -> int:
        return min(people, key=lambda one: abs(one.joints[0, 0] - joints[0, 0])).slot

    assert {slot_of(people, right(k)) for k, people in enumerate(found)} == {slot_of(found[0], right(0))}
    assert {slot_of(people, left(k)) for k, people in enumerate(found[:15])} == {slot_of(found[0], left(0))}
    assert {one.slot for people in found for one in people} == {0, 1}
    assert len(found[-1]) == 2


def test_smoothing_takes_jitter_away_and_looks_at_the_past_only(network: Network) -> None:
    rng = np.random.default_rng(0)
    shaking = [[person((0.0, 0.1, 4.0)) + rng.normal(0, 0.015, (17, 3)) * [1, 1, 0]] for _ in range(24)]
    with_future = watch(network, LENS, shaking)
    without = watch(network, LENS, shaking[:12])
    for one, other in zip(with_future, without, strict=False):
        np.testing.assert_array_equal(one[0].joints, other[0].joints)
    raw = Predictor(network, DiscDetector(), lens=LENS).pictures([draw(people, LENS) for people in shaking])
    single = np.array([people[0].joints for people in raw])
    smooth = np.array([people[0].joints for people in with_future])
    jitter, jittered = (np.diff(tracks[6:], axis=0).std() for tracks in (smooth, single))
    assert jitter < 0.4 * jittered


def test_a_pinhole_of_another_focal_length_moves_people_along_their_rays(network: Network) -> None:
    joints = person((0.2, 0.1, 4.0))
    near, far = (
        next(Predictor(network, DiscDetector(), lens=Pinhole((f, f), LENS.centre)).pictures([draw([joints], LENS)]))[0]
        for f in (600.0, 1200.0)
    )
    assert far.joints[0, 2] / near.joints[0, 2] == pytest.approx(2.0, rel=0.03)
