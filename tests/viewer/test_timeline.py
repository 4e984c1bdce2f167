"""A moment that moves as a clock does, and stays inside the recording."""

import pytest

from epipose.viewer.timeline import Timeline


def timeline(**changes: float) -> Timeline:
    return Timeline(**{"begin": 10.0, "end": 12.0, "frame_s": 0.1, **changes})  # type: ignore[arg-type]


def test_it_moves_only_while_it_plays_and_as_fast_as_told() -> None:
    clock = timeline(speed=0.5)
    clock.advance(1.0)
    assert clock.now == 10.0
    clock.playing = True
    clock.advance(1.0)
    assert clock.now == pytest.approx(10.5)


def test_the_last_frame_is_seen_as_long_as_others_and_then_the_first() -> None:
    clock = timeline()
    clock.playing = True
    clock.advance(2.05)
    assert clock.now == pytest.approx(12.05)
    clock.advance(0.06)
    assert clock.now == pytest.approx(10.01)


def test_many_small_steps_are_one_large_one() -> None:
    small, large = timeline(), timeline()
    small.playing = large.playing = True
    for _ in range(1000):
        small.advance(0.0123)
    large.advance(12.3)
    assert small.now == pytest.approx(large.now, abs=1e-9)


def test_nothing_leads_outside() -> None:
    clock = timeline()
    clock.seek(99.0)
    assert clock.now == 12.0
    clock.step(1)
    assert clock.now == 12.0
    clock.seek(-1.0)
    clock.playing = True
    clock.step(-1)
    assert (clock.now, clock.playing) == (10.0, False)
    clock.step(3)
    assert clock.now == pytest.approx(10.3)
