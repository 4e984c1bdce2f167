import numpy as np

from epipose.studio.room_views import room_view


def test_views_of_rooms_follow_from_the_seed_and_show_something() -> None:
    spread = []
    for seed in range(12):
        one, two = (room_view(np.random.default_rng(seed), 64) for _ in range(2))
        np.testing.assert_array_equal(one, two)
        spread.append(one.std())
    assert np.median(spread) > 15
