"""Threads: linear algebra kept on one, and work that goes on beside other work."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import wraps
from queue import Full, Queue
from threading import Event
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_END = object()


def one_blas_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that NumPy's and SciPy's linear algebra runs on one thread while it does.

    For matrices as small as ours, threads that wait for each other only cost.
    """

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with threadpool_limits(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited


@contextmanager
def ahead(items: Iterable[T], count: int) -> Iterator[Iterator[T]]:
    """Yield an iterator over `items`, which are made in a thread of their own, up to `count` before they are used.

    What goes wrong there is raised where they are used; when the block is left, no more are made.
    """
    ready: Queue[Any] = Queue(count)
    stop = Event()

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.05)
            except Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        finally:
            put(_END)

    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(make)

        def take() -> Iterator[T]:
            while (item := ready.get()) is not _END:
                yield item
            made.result()

        try:
            yield take()
        finally:
            stop.set()


@contextmanager
def behind(work: Callable[[T], None], count: int) -> Iterator[Callable[[T], None]]:
    """Yield what hands an item to `work`, in order and in a thread of its own, and waits while `count` are not done.

    What goes wrong there is raised by a later call, or at the end of the block.
    """
    waiting: deque[Future[None]] = deque()

    def hand(item: T) -> None:
        waiting.append(pool.submit(work, item))
        if len(waiting) > count:
            waiting.popleft().result()

    with ThreadPoolExecutor(1) as pool:
        try:
            yield hand
            for future in waiting:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)
