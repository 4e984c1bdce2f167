"""Following people with a stand-in for the network, which sees stick figures of one fixed shape wherever they are."""

import cv2
import numpy as np
import pytest
from numpy import ndarray

from epipose.detectors._boxes import GROWN, Person, coarse_tiles, fine_tiles, known_share, square_around
from epipose.detectors._following import ACCEPTED, KEPT, LOOK_AGAIN, LOOK_AROUND, Follower
from epipose.geometry.images import framing, inverse, mapped, resampled
from epipose.pose.skeletons import load_skeleton

SKELETON = load_skeleton("body21")
SIZE = 192
SHAPE = {
    "nose": (50, 12), "left_eye": (53, 9), "right_eye": (47, 9), "left_ear": (57, 10), "right_ear": (43, 10),
    "left_shoulder": (65, 25), "right_shoulder": (35, 25), "left_elbow": (72, 40), "right_elbow": (28, 40),
    "left_wrist": (75, 55), "right_wrist": (25, 55), "left_hip": (60, 55), "right_hip": (40, 55),
    "left_knee": (62, 77), "right_knee": (38, 77), "left_ankle": (63, 100), "right_ankle": (37, 100),
    "pelvis": (50, 54), "spine": (50, 40), "thorax": (50, 25), "head_top": (50, 0),
}  # fmt: skip
"""A person 100 high and 50 wide, at (25..75, 0..100)."""
JOINTS = np.array([SHAPE[name] for name in SKELETON.joint_names], float)


def figure(x: float, y: float, height: float) -> ndarray:
    """Return the joints of somebody whose head's top is at (x, y)."""
    return (JOINTS - [50, 0]) * height / 100 + [x, y]


def picture_of(people: list[ndarray], size_wh: tuple[int, int] = (640, 360)) -> ndarray:
    """Draw people as white sticks on black."""
    image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    for joints in people:
        width = max(2, round(float(np.ptp(joints[:, 1])) / 18))
        for one, other in SKELETON.bones:
            ends = np.round(joints[[one, other]]).astype(int).tolist()
            cv2.line(image, ends[0], ends[1], (255, 255, 255), width)
    return image


def stand_in(pictures: ndarray) -> tuple[ndarray, ndarray]:
    """Find the white figure nearest to the middle of each picture, if it is large enough and whole."""
    pixels = np.zeros((len(pictures), 21, 2), np.float32)
    scores = np.zeros((len(pictures), 21), np.float32)
    for row, picture in enumerate(pictures):
        _, _, stats, centres = cv2.connectedComponentsWithStats((picture[..., 0] > 140).astype(np.uint8))
        for index in np.argsort(np.linalg.norm(centres - len(picture) / 2, axis=1)):
            left, top, width, height, _ = stats[index]
            whole = min(left, top) > 0 and max(left + width, top + height) < len(picture)
            if index > 0 and whole and height > 0.2 * len(picture) and 0.4 < width / height < 0.65:
                pixels[row] = (JOINTS - [25, 0]) / [50, 100] * [width - 1, height - 1] + [left, top]
                scores[row] = 0.9
                break
    return pixels, scores


def follower() -> Follower:
    return Follower(stand_in, SIZE, SKELETON.bones)


def assert_found(people: list[Person], expected: list[ndarray], within: float = 0.04) -> None:
    """Each expected figure is found once, to a part of its height."""
    assert len(people) == len(expected)
    for joints in expected:
        errors = [np.abs(person.pixels - joints).max() / np.ptp(joints[:, 1]) for person in people]
        assert min(errors) < within


@pytest.mark.parametrize("size_wh", [(640, 360), (360, 640), (500, 500), (1920, 1080)])
def test_somebody_is_found_anywhere_in_any_picture(size_wh: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(6):
        height = rng.uniform(0.4, 0.85) * size_wh[1]
        height = min(height, 1.6 * size_wh[0])
        x = rng.uniform(0.3 * height, size_wh[0] - 0.3 * height)
        there = figure(x, rng.uniform(0.05 * height, size_wh[1] - 1.05 * height), height)
        assert_found(follower().look(picture_of([there], size_wh)), [there])


def test_somebody_small_is_found_too() -> None:
    there = figure(500, 200, 60)
    assert_found(follower().look(picture_of([there])), [there], within=0.06)


def test_an_empty_picture_has_nobody_and_a_newcomer_is_seen_at_once() -> None:
    eyes = follower()
    for _ in range(3):
        assert eyes.look(picture_of([])) == []
    assert_found(eyes.look(picture_of([figure(300, 50, 250)])), [figure(300, 50, 250)])


def test_people_are_followed_in_the_order_in_which_they_were_found() -> None:
    eyes, first_is_left = follower(), set()
    for step in range(20):
        there = [figure(150 + 4 * step, 60, 240), figure(480 - 2 * step, 40, 260)]
        people = eyes.look(picture_of(there))
        assert_found(people, there)
        first_is_left.add(bool(people[0].pixels[0, 0] < 300))
    assert len(first_is_left) == 1


def test_a_second_person_is_noticed_within_the_interval_and_one_who_leaves_is_gone() -> None:
    eyes = follower()
    first, second = figure(150, 60, 240), figure(480, 40, 260)
    eyes.look(picture_of([first]))
    counts = [len(eyes.look(picture_of([first, second]))) for _ in range(LOOK_AROUND)]
    assert counts[-1] == 2
    assert_found(eyes.look(picture_of([second])), [second])


def test_one_who_draws_all_attention_does_not_hide_another() -> None:
    large, small = figure(150, 60, 330), figure(380, 180, 170)

    def attracted(pictures: ndarray) -> tuple[ndarray, ndarray]:
        """See only the largest figure, wherever it is in the picture."""
        pixels, scores = stand_in(pictures)
        for row, picture in enumerate(pictures):
            turned = [np.roll(picture, (0, shift), (0, 1)) for shift in range(-80, 81, 20)]
            found, sure = stand_in(np.stack(turned))
            best = int(np.argmax(np.ptp(found[..., 1], axis=1) * (sure[:, 0] > 0)))
            if sure[best, 0] > 0:
                pixels[row] = found[best] - [-80 + 20 * best, 0]
                scores[row] = sure[best]
        return pixels, scores

    assert_found(Follower(attracted, SIZE, SKELETON.bones).look(picture_of([large, small], (500, 500))), [large, small])


def test_following_does_not_need_the_coarse_look() -> None:
    calls = []

    def counted(pictures: ndarray) -> tuple[ndarray, ndarray]:
        calls.append(len(pictures))
        return stand_in(pictures)

    eyes = Follower(counted, SIZE, SKELETON.bones)
    eyes.look(picture_of([figure(300, 50, 250)]))
    calls.clear()
    for step in range(LOOK_AROUND - 1):
        eyes.look(picture_of([figure(300 + 3 * step, 50, 250)]))
    assert calls == [1] * (LOOK_AROUND - 1)


def test_one_who_leaps_is_found_in_a_wider_square() -> None:
    calls = []

    def counted(pictures: ndarray) -> tuple[ndarray, ndarray]:
        calls.append(len(pictures))
        return stand_in(pictures)

    eyes = Follower(counted, SIZE, SKELETON.bones)
    eyes.look(picture_of([figure(300, 80, 200)]))
    calls.clear()
    assert_found(eyes.look(picture_of([figure(300, 30, 200)])), [figure(300, 30, 200)])
    assert calls == [1, 2]


def test_what_only_the_first_look_shows_is_believed() -> None:
    calls = []

    def fading(pictures: ndarray) -> tuple[ndarray, ndarray]:
        calls.append(len(pictures))
        pixels, scores = stand_in(pictures)
        return pixels, scores * (len(calls) == 1)

    assert len(Follower(fading, SIZE, SKELETON.bones).look(picture_of([figure(300, 50, 250)]))) == 1


def test_one_who_comes_and_goes_does_not_cost_a_look_around_each_time() -> None:
    calls = []

    def flickering(pictures: ndarray) -> tuple[ndarray, ndarray]:
        """Never see the second of two people who are followed."""
        calls.append(len(pictures))
        pixels, scores = stand_in(pictures)
        if len(pictures) == 2:
            scores[0 if calls[-2:] == [2, 2] else 1 :] = 0  # the second time it is looked for in two wider squares
        return pixels, scores

    eyes, picture = Follower(flickering, SIZE, SKELETON.bones), picture_of([figure(150, 60, 240), figure(480, 40, 260)])
    counts = [len(eyes.look(picture)) for _ in range(30)]
    assert max(counts) == 2
    looks = sum(count == 2 for count in counts)
    assert 30 / LOOK_AROUND <= looks <= 1 + 30 / LOOK_AGAIN


def test_somebody_small_who_comes_later_is_found_in_time() -> None:
    eyes = follower()
    for _ in range(3):
        eyes.look(picture_of([]))
    counts = [len(eyes.look(picture_of([figure(500, 200, 60)]))) for _ in range(LOOK_AROUND)]
    assert counts[-1] == 1


def test_the_map_and_its_inverse_cancel_and_place_the_square() -> None:
    net_from_px = framing(np.array([313.7, 95.2]), 240.0, SIZE, turn=0.3)
    points = np.random.default_rng(0).uniform(0, 640, (7, 2))
    np.testing.assert_allclose(mapped(inverse(net_from_px), mapped(net_from_px, points)), points, atol=1e-10)
    upright = framing(np.array([313.7, 95.2]), 240.0, SIZE)
    # The square's outer corner is that of the picture: half a pixel before the first centre.
    np.testing.assert_allclose(mapped(upright, np.array([313.7 - 120, 95.2 - 120])), [-0.5, -0.5], atol=1e-10)


@pytest.mark.parametrize("scale", [0.2, 0.5, 1.0, 1.7])
def test_resampling_agrees_with_opencv_resize_in_the_half_pixel_convention(scale: float) -> None:
    side = round(SIZE / scale)
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 6 / min(scale, 1))
    found = resampled(picture, framing(np.full(2, (side - 1) / 2), float(side), SIZE), SIZE)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    expected = cv2.resize(picture, (SIZE, SIZE), interpolation=method)
    assert np.abs(found[4:-4, 4:-4].astype(int) - expected[4:-4, 4:-4]).max() <= 3


def test_what_is_too_fine_to_be_seen_is_averaged() -> None:
    squares = np.indices((900, 900)).sum(0) % 2 * 255
    picture = np.repeat(squares[..., None], 3, 2).astype(np.uint8)
    seen = resampled(picture, framing(np.array([450.0, 450.0]), 800.0, SIZE, turn=0.2), SIZE)
    assert np.abs(seen[8:-8, 8:-8].astype(float) - 127.5).max() < 30


def test_a_dot_lands_where_the_map_says() -> None:
    picture = np.zeros((300, 400, 3), np.uint8)
    cv2.circle(picture, (250 * 16, 120 * 16), 20 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    for side, turn in [(130.0, 0.0), (150.0, 0.5), (380.0, -0.4), (900.0, 0.2)]:
        net_from_px = framing(np.array([240.0, 130.0]), side, SIZE, turn=turn)
        seen = resampled(picture, net_from_px, SIZE, np.zeros((SIZE, SIZE, 3), np.uint8))[..., 0].astype(float)
        rows, columns = np.mgrid[:SIZE, :SIZE]
        centre = [np.average(columns, weights=seen), np.average(rows, weights=seen)]
        np.testing.assert_allclose(centre, mapped(net_from_px, np.array([250.0, 120.0])), atol=0.1)


@pytest.mark.parametrize("size_wh", [(640, 360), (360, 640), (480, 480), (4096, 2160), (64, 1000)])
def test_tiles_cover_the_picture(size_wh: tuple[int, int]) -> None:
    for tiles in (coarse_tiles(size_wh), fine_tiles(size_wh)):
        covered = np.zeros(size_wh[::-1], bool)
        for tile in tiles:
            left, top = np.maximum(np.round(tile.middle - tile.side / 2 + 0.5).astype(int), 0)
            right, bottom = np.round(tile.middle + tile.side / 2 + 0.5).astype(int)
            covered[top:bottom, left:right] = True
        # A tenth may be missing where a second tile would show hardly more.
        assert covered.mean() > 0.8
    assert len(coarse_tiles((1920, 1080))) == 4


@pytest.mark.parametrize("lean", [-1.2, -0.5, 0.0, 0.3, 1.0, 2.5])
def test_a_square_leans_half_as_far_as_the_trunk_and_holds_the_person(lean: float) -> None:
    cos, sin = np.cos(lean), np.sin(lean)
    joints = (figure(0, 0, 200) @ np.array([[cos, sin], [-sin, cos]]) + [300, 250]).astype(np.float32)
    square = square_around(Person(joints, np.full(21, 0.9, np.float32)))
    assert square is not None
    assert square.turn == pytest.approx(np.clip(lean / 2, -np.pi / 4, np.pi / 4), abs=1e-3)
    seen = mapped(square.net_from_px(SIZE), joints.astype(float))
    rim = SIZE / 2 * (1 - 1 / GROWN)
    np.testing.assert_allclose([seen.min(), seen.max()], [rim - 0.5, SIZE - rim - 0.5], atol=0.01)
    # Upright joints lean the other way by what is left.
    trunk = seen[SKELETON.index("thorax")] - seen[SKELETON.index("pelvis")]
    assert np.arctan2(trunk[0], -trunk[1]) == pytest.approx(lean - square.turn, abs=1e-3)


def test_somebody_before_a_turned_camera_is_found() -> None:
    upright = figure(0, -110, 220)
    turn = np.deg2rad(62)
    leaning = upright @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + [330, 180]

    def level(pictures: ndarray) -> tuple[ndarray, ndarray]:
        """See people who lean by less than some 25 degrees, by turning them upright."""
        pixels, scores = np.zeros((len(pictures), 21, 2), np.float32), np.zeros((len(pictures), 21), np.float32)
        for row, picture in enumerate(pictures):
            best = np.inf
            for degrees in range(-28, 29, 4):
                at = framing(np.full(2, (SIZE - 1) / 2), float(SIZE), SIZE, turn=float(np.deg2rad(degrees)))
                found, sure = stand_in(resampled(picture, at, SIZE)[None])
                width, height = np.ptp(found[0], axis=0)
                if sure[0, 0] > 0 and width / height < best:  # the narrower, the more upright
                    best = width / height
                    pixels[row], scores[row] = mapped(inverse(at), found[0].astype(float)), sure[0]
        return pixels, scores

    people = Follower(level, SIZE, SKELETON.bones).look(picture_of([leaning]))
    assert_found(people, [leaning], within=0.25)


def test_specks_are_nobody() -> None:
    def imagining(pictures: ndarray) -> tuple[ndarray, ndarray]:
        """See somebody tiny in the middle of everything."""
        tiny = np.tile((JOINTS - 50) * 0.0005 * SIZE + SIZE / 2, (len(pictures), 1, 1))
        return tiny.astype(np.float32), np.full((len(pictures), 21), 0.9, np.float32)

    assert Follower(imagining, SIZE, SKELETON.bones).look(picture_of([])) == []


def test_it_takes_more_to_be_taken_for_a_person_than_to_stay_one() -> None:
    sureness = [ACCEPTED + 0.01]

    def doubtful(pictures: ndarray) -> tuple[ndarray, ndarray]:
        pixels, scores = stand_in(pictures)
        return pixels, np.where(scores > 0, np.float32(sureness[0]), np.float32(0))

    eyes, picture = Follower(doubtful, SIZE, SKELETON.bones), picture_of([figure(300, 50, 250)])
    for sureness[0], seen in [(ACCEPTED - 0.01, 0), (ACCEPTED + 0.01, 1), (KEPT + 0.01, 1), (KEPT - 0.01, 0)]:
        assert len(eyes.look(picture)) == seen


def test_the_same_person_is_known_and_so_is_a_mixture_of_two() -> None:
    scores = np.full(21, 0.9, np.float32)
    one, same, other = (Person(figure(100 + aside, 50, 200).astype(np.float32), scores) for aside in (0.0, 4.0, 90.0))
    assert known_share(one, [one]) == pytest.approx(1.0)
    assert known_share(one, [other, same]) > 0.9
    assert known_share(one, [other]) < 0.2
    assert known_share(one, []) == 0.0
    confused = Person(one.pixels[list(SKELETON.mirror)], scores)
    assert known_share(confused, [one]) == pytest.approx(1.0)
    mixed = Person(np.where((np.arange(21) % 2 == 0)[:, None], one.pixels, other.pixels), scores)
    assert known_share(mixed, [one, other]) > 0.95
    half = Person(one.pixels, np.where(np.arange(21) < 11, scores, 0).astype(np.float32))
    assert known_share(half, [one]) == pytest.approx(1.0)
    assert 0.4 < known_share(one, [half]) < 0.8
    nothing = Person(one.pixels, np.zeros(21, np.float32))
    assert known_share(one, [nothing]) == 0.0
    assert square_around(nothing) is None


@pytest.mark.parametrize("size_wh", [(1, 20_000), (20_000, 2), (4000, 40)])
def test_a_strip_is_not_looked_at_a_thousand_times(size_wh: tuple[int, int]) -> None:
    assert len(coarse_tiles(size_wh)) < 40
    assert len(fine_tiles(size_wh)) < 80
