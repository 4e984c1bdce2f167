"""Work beside other work: order is kept, nobody runs away, and what goes wrong is heard."""

import threading
import time
from collections.abc import Iterator

import pytest

from epipose.threads import ahead, behind


def test_items_made_ahead_come_in_order_and_not_too_far_ahead() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    with ahead(numbers(), 3) as items:
        for number in items:
            assert len(made) <= number + 1 + 3 + 1
            assert number in made
    assert made == list(range(50))


def test_what_goes_wrong_ahead_is_raised_where_items_are_used() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("two")

    with ahead(numbers(), 3) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="two"):
            next(items)


def test_nothing_more_is_made_when_the_block_is_left() -> None:
    before = threading.active_count()
    made: list[int] = []

    def numbers() -> Iterator[int]:
        while True:
            made.append(1)
            yield 1

    def leave() -> None:
        with ahead(numbers(), 2) as items:
            next(items)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert threading.active_count() == before
    assert len(made) <= 5


def test_work_behind_is_done_in_order_and_not_too_far_behind() -> None:
    done: list[int] = []

    def slow(item: int) -> None:
        time.sleep(0.001)
        done.append(item)

    with behind(slow, 2) as hand:
        for item in range(20):
            hand(item)
            assert len(done) >= item - 2
    assert done == list(range(20))


def test_what_goes_wrong_behind_is_heard() -> None:
    def fail(item: int) -> None:
        if item == 3:
            raise ValueError("three")

    def hand_over(items: range, waiting: int) -> None:
        with behind(fail, waiting) as hand:
            for item in items:
                hand(item)

    for items, waiting in ((range(9), 2), (range(3, 4), 9)):
        with pytest.raises(ValueError, match="three"):
            hand_over(items, waiting)


def test_an_error_of_the_block_itself_is_not_hidden() -> None:
    done: list[int] = []

    def leave() -> None:
        with behind(done.append, 100) as hand:
            hand(1)
            raise KeyError

    with pytest.raises(KeyError):
        leave()
    assert len(done) <= 1
