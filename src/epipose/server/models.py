"""The networks that are served: one thread runs them, and all who ask take turns."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from epipose import detectors, plugins
from epipose.detectors import Detector
from epipose.errors import InputError
from epipose.runtime.networks import SUFFIX, Network, find_network, open_network
from epipose.runtime.predictor import Predictor, Stream
from epipose.server.answers import ModelAnswer, skeleton_answer
from epipose.server.limits import Refused

P = ParamSpec("P")
R = TypeVar("R")


class Turn(Protocol):
    """Calls in the thread of the networks."""

    async def __call__(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what a call returns."""


@dataclass(eq=False)
class Models:
    """Networks by name; the first is taken where nobody names one."""

    networks: Mapping[str, Network]
    detector: Detector
    height_m: float | None = None
    """Stature of the people that are seen; None: as those whom each network was taught on."""
    waiting: int = 16
    """Requests that may be worked on, or wait for it."""
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "networks"))
    _turns: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asked: int = 0

    @classmethod
    def opened(cls, names: Sequence[str], detector: str, height_m: float | None, waiting: int) -> "Models":
        """Open networks by name, folder or file; raises InputError for one that is not there or cannot be run."""
        networks: dict[str, Network] = {}
        for name in names:
            network = open_network(find_network(name))
            called = Path(name).name.removesuffix(SUFFIX)
            if called in networks:
                raise InputError(f"two networks are called {called!r}; serve one of them, or rename its file")
            networks[called] = network
        seer: Detector = plugins.load(detectors, detector)
        _ = seer.version
        return cls(networks, seer, height_m, waiting)

    @property
    def usual(self) -> str:
        """The name of the one that is taken where nobody names one."""
        return next(iter(self.networks))

    def predictor(self, name: str | None) -> Predictor:
        """Return what sees people with a network; raises Refused for one that is not served."""
        return Predictor(self.network(name), self.detector, height_m=self.height_m)

    def network(self, name: str | None) -> Network:
        """Return a network, the usual one for no name; raises Refused for one that is not served."""
        network = self.networks.get(name or self.usual)
        if network is None:
            raise Refused(404, f"there is no model of that name here; choose from {', '.join(self.networks)}")
        return network

    def answer(self, name: str) -> ModelAnswer:
        """Return what is told of a network."""
        described, predictor = self.networks[name].description, self.predictor(name)
        return ModelAnswer(
            name=name,
            kind=described.kind,
            measure=f"{predictor.measure}; size from {predictor.size_source}",
            skeleton=skeleton_answer(described.skeleton),
            note=described.note,
            terms=described.terms,
        )

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Count a request while it is worked on; raises Refused if too many are."""
        if self._asked >= self.waiting:
            raise Refused(429, "too many pictures wait already; try again in a second")
        self._asked += 1
        try:
            yield
        finally:
            self._asked -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator["Turn"]:
        """Wait until all who asked before had their turn; for its length the networks are the caller's.

        Who has more to ask for stands in line again, behind all others: so everybody who always waits gets as many
        turns as anybody else. What a turn is for is best chosen when it has come.
        """
        async with self._turns:
            yield self._in_thread

    @asynccontextmanager
    async def stream(self, predictor: Predictor) -> AsyncIterator[Stream]:
        """Open a session for one video or live camera; all that its detector does happens in the same thread."""
        session = ExitStack()
        try:
            async with self.turn() as call:
                stream = await call(session.enter_context, predictor.stream())
            yield stream
        finally:
            # Who was interrupted may still be looked for: that ends first. A thread that has ended holds nothing.
            with suppress(RuntimeError):
                self._thread.submit(session.close)

    async def _in_thread(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: call(*args, **kwargs))

    def close(self) -> None:
        """End the thread when it has done what it does."""
        self._thread.shutdown(wait=True, cancel_futures=True)
