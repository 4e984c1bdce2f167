"""The loop that teaches: the same for every network, on processors and GPUs, on one machine or several (Fabric).

Which example comes when, and every random number of a step, follow from the seed and the step's number. So a run that
was interrupted goes on from its checkpoint as if nothing had happened.
"""

import logging
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from types import MethodType
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_utilities import apply_to_collection
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from epipose.errors import InputError
from epipose.io.files import atomic_write

Batch = tuple[Tensor, ...]
CHECKPOINT_SECONDS = 120.0
LARGEST_GRADIENT = 5.0
"""Norm to which gradients are cut."""
MOST_WORKERS, WORTH_A_WORKER = 8, 100
"""Processes that make examples at most, and steps from which on there are any."""


class Lesson(ABC):
    """What is taught: a network, examples and a loss. Examples are made in worker processes, so it can be pickled."""

    net: nn.Module
    called: tuple[str, ...] = ()
    """Methods of the network that `loss` calls beside itself."""

    @abstractmethod
    def batch(self, number: int) -> Batch:
        """Return the examples of a step, which the seed and the `number` decide."""

    @abstractmethod
    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """Return what is made small."""

    @abstractmethod
    def score(self, net: nn.Module) -> dict[str, float]:
        """Return errors on examples that are held out, by name."""


@dataclass(frozen=True)
class Plan:
    """What decides a run; stored with its checkpoints."""

    steps: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    warmup: float = 0.03
    """Share of the run over which the learning rate rises."""
    averaging: float = 0.998
    """How much of the averaged weights, which are the result, stays with each step."""
    seed: int = 0
    scored: int = 20
    """How often during the run the averaged network is scored."""
    what: str = ""
    """Is taught, and by what, where one place may see several lessons."""

    def rate(self, step: int) -> float:
        """Return the learning rate of a step: up, then down as a cosine."""
        done = step / self.steps
        if done < self.warmup:
            return self.learning_rate * (done / self.warmup + 0.01)
        return self.learning_rate * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-6


@dataclass(frozen=True)
class Point:
    """What was known after a number of steps."""

    step: int
    seconds: float
    """Of work, interruptions left out."""
    loss: float
    """Mean since the last point."""
    errors: dict[str, float]


Watch = Callable[[int, int, tuple[Point, ...]], None]
"""Told after every step: steps done, steps in all, and the points so far."""


def fit(lesson: Lesson, plan: Plan, checkpoint: Path, *, watch: Watch, fabric: Fabric | None = None,
        workers: int | None = None) -> tuple[Point, ...]:  # fmt: skip
    """Teach `lesson.net`, which ends with the averaged weights, and return the learning curve.

    Goes on from `checkpoint` where that is there; raises InputError if it belongs to another plan or network.
    `workers` processes make examples: one for each spare core by default, and none with 0.
    """
    fabric = fabric or new_fabric()
    fabric.launch()
    run = _Run(lesson, plan, fabric)
    if checkpoint.is_file():
        run.load(checkpoint)
    batches = _batches(lesson, plan, fabric, first=run.step, workers=_workers(plan) if workers is None else workers)
    saved = monotonic()
    while run.step < plan.steps:
        run.learn(next(batches))
        if run.step % -(-plan.steps // plan.scored) == 0 or run.step == plan.steps:
            run.note()
        if monotonic() - saved > CHECKPOINT_SECONDS or run.step == plan.steps:
            run.save(checkpoint)
            saved = monotonic()
        watch(run.step, plan.steps, tuple(run.points))
    lesson.net.load_state_dict(run.average.state_dict())
    lesson.net.eval()
    return tuple(run.points)


def new_fabric(*, exact: bool = False) -> Fabric:
    """Return what runs networks here: GPUs or a processor, with bfloat16 where it is fast, unless it is too coarse."""
    on_gpu = torch.cuda.is_available()
    fast = not exact and (on_gpu or torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
    if not on_gpu:
        # One thread for each core that no worker uses: more of them wait for each other more than they compute.
        torch.set_num_threads(max(1, (os.cpu_count() or 1) - _spare_cores()))
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # nobody asked which precision it is
    return Fabric(accelerator="auto", devices="auto", precision="bf16-mixed" if fast else "32-true")


class _Run:
    """A network that learns, the running average of its weights, and how far it is."""

    def __init__(self, lesson: Lesson, plan: Plan, fabric: Fabric) -> None:
        self.lesson, self.plan, self.fabric = lesson, plan, fabric
        self.step, self.seconds, self._losses = 0, 0.0, torch.zeros(2, dtype=torch.float64)
        self.points: list[Point] = []
        net = deepcopy(lesson.net).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = deepcopy(lesson.net).to(fabric.device).eval()
        optimiser = torch.optim.AdamW(net.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
        for method in lesson.called:
            _make_precise(net, method, fabric)
        self.net, self.optimiser = fabric.setup(net, optimiser)
        for method in lesson.called:
            self.net.mark_forward_method(method)

    def learn(self, batch: Batch) -> None:
        """Take a step of gradient descent."""
        begun = monotonic()
        # Every step has random numbers of its own, so there is no state of a generator to restore.
        torch.manual_seed((self.plan.seed * 1_000_003 + self.step) * 1009 + self.fabric.global_rank)
        self.net.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate(self.step)
        loss = self.lesson.loss(self.net, tuple(part.to(self.fabric.device) for part in batch))
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.fabric.clip_gradients(self.net, self.optimiser, max_norm=LARGEST_GRADIENT, error_if_nonfinite=False)
        self.optimiser.step()
        self.step += 1
        _blend(self.average, self.net.module, min(self.plan.averaging, 1 - 1 / (1 + self.step / 4)))
        self._losses += torch.tensor([float(loss.detach()), 1.0])
        self.seconds += monotonic() - begun

    def note(self) -> None:
        """Add a point to the learning curve."""
        loss = float(self._losses[0] / self._losses[1].clamp(min=1))
        self._losses.zero_()
        self.points.append(Point(self.step, self.seconds, loss, self.lesson.score(self.average)))

    def save(self, path: Path) -> None:
        """Write all that `load` needs."""
        if self.fabric.global_rank:
            return
        state: dict[str, Any] = {
            "plan": asdict(self.plan),
            "net": self.net.module.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "losses": self._losses,
            "points": [asdict(point) for point in self.points],
        }
        with atomic_write(path, "wb") as file:
            torch.save(state, file)

    def load(self, path: Path) -> None:
        """Take up a run where it was saved; raises InputError for the checkpoint of another one."""
        try:
            state = torch.load(path, map_location=self.fabric.device, weights_only=True)
            if state["plan"] != asdict(self.plan):
                raise InputError(f"{path} is of a run with other settings; repeat those, or remove it to begin anew")
            self.net.module.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.seconds = int(state["step"]), float(state["seconds"])
            self._losses = state["losses"].cpu()
            self.points = [Point(**point) for point in state["points"]]
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"{path} is damaged or of a run with another network; remove it, and training begins anew"
            ) from error


def _make_precise(net: nn.Module, name: str, fabric: Fabric) -> None:
    """Let a method of a network calculate as precisely as its `forward` does, and return 32-bit numbers as that does.

    On a single device Fabric calls marked methods as they are.
    """
    method = getattr(type(net), name)

    def called(self: nn.Module, *given: Any) -> Any:
        with fabric.autocast():
            found = method(self, *given)
        return apply_to_collection(found, Tensor, lambda part: part.float() if part.is_floating_point() else part)

    setattr(net, name, MethodType(called, net))


@torch.no_grad()
def _blend(average: nn.Module, net: nn.Module, keep: float) -> None:
    """Move the averaged weights towards the current ones."""
    for old, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - keep)  # leaves what does not change exactly as it is
        else:
            old.copy_(new)


class _Numbered(Dataset[Batch]):
    """The batches of a lesson by their numbers."""

    def __init__(self, lesson: Lesson) -> None:
        self._lesson = lesson

    def __getitem__(self, number: int) -> Batch:
        return self._lesson.batch(number)


@dataclass(frozen=True)
class Turns:
    """The numbers of the batches of one process among several."""

    first: int
    steps: int
    rank: int
    processes: int

    def __iter__(self) -> Iterator[int]:
        return (step * self.processes + self.rank for step in range(self.first, self.steps))


def _batches(lesson: Lesson, plan: Plan, fabric: Fabric, *, first: int, workers: int) -> Iterator[Batch]:
    turns = Turns(first, plan.steps, fabric.global_rank, fabric.world_size)
    if not workers:
        return map(lesson.batch, turns)
    # A forked worker would hang in OpenCV, whose threads this process may have used.
    spawned: dict[str, Any] = {"num_workers": workers, "prefetch_factor": 6, "multiprocessing_context": "spawn"}
    return map(tuple, DataLoader(_Numbered(lesson), sampler=turns, batch_size=None, **spawned))


def _workers(plan: Plan) -> int:
    """Return how many processes make examples: starting one takes as long as some dozen steps."""
    return _spare_cores() if plan.steps >= WORTH_A_WORKER else 0


def _spare_cores() -> int:
    """Return how many cores are for processes that make examples."""
    return min(MOST_WORKERS, max(1, (os.cpu_count() or 1) // 2))
