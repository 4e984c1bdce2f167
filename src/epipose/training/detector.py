"""Teach the builtin detector's network.

    python -m epipose.training.detector --crops CROPS --out RUN --minutes 75

trains at 128 and, for the last part, at 192 pixels; RUN/checkpoint.pt is written every few minutes, and the same
command goes on from there. RUN/log.csv tells what happened. Two shards of CROPS are kept for scoring.
"""

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from itertools import count
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from numpy import ndarray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from epipose.errors import InputError, exit_code
from epipose.io.files import atomic_write
from epipose.models.keypoint_net import KeypointNet, cross_entropy, side_loss
from epipose.models.pyramid import STRIDE
from epipose.pose.skeletons import load_skeleton
from epipose.training.keypoint_crops import NOWHERE, AugmentedBatches, open_crops
from epipose.training.scoring import Score, score

SKELETON = load_skeleton("body21")
PAIRS = tuple([SKELETON.index(joint) for joint in side] for side in zip(*SKELETON.pairs, strict=True))
"""Left joints, and their twins on the right."""
SIDES = 1.0
"""Weight of telling which way a body faces (`Taught.sides`) beside finding its joints."""
SPREAD = 1.2
"""Cells: the standard deviation of what the heatmaps are taught."""
CHECKPOINT_SECONDS = 180.0

Batch = tuple[Tensor, Tensor, Tensor]
"""Pictures, joints in their pixels, weights of joints."""


@dataclass(frozen=True)
class Plan:
    """What decides a run, stored with its checkpoints."""

    minutes: float
    seed: int = 0
    batch: int = 32
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.02
    warmup: float = 0.03
    """Share of the run over which the learning rate rises."""
    fine: float = 0.6
    """Share of the run after which pictures have 192 instead of 128 pixels a side."""
    averaging: float = 0.998
    """How much of the averaged weights stays with each step."""

    def size(self, done: float) -> int:
        """Return the side of pictures after a share of the run."""
        return 192 if done >= self.fine else 128

    def rate(self, done: float) -> float:
        """Return the learning rate after a share of the run: up, then down as a cosine."""
        if done < self.warmup:
            return self.learning_rate * (done / self.warmup + 0.01)
        return self.learning_rate * (0.5 + 0.5 * math.cos(math.pi * min(1.0, done))) + 1e-6


def new_net() -> KeypointNet:
    """Return an untrained network for SKELETON."""
    return KeypointNet(SKELETON.mirror)


class Learner:
    """A network, the running average of its weights that will be used, and how far the training is."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.net, self.average = new_net(), new_net()
        self.average.load_state_dict(self.net.state_dict())
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.AdamW(self.net.parameters(), weight_decay=plan.weight_decay)
        self.steps, self.crops, self.seconds = 0, 0, 0.0

    def learn(self, batch: Batch, rate: float) -> float:
        """Take one step of gradient descent and return the loss."""
        pictures, pixels, weights = batch
        self.net.train()
        grid = pictures.shape[1] // STRIDE, pictures.shape[2] // STRIDE
        # Twice as fast where the processor multiplies matrices of bfloat16, and as good.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            taught = self.net.taught(pictures)
        losses = cross_entropy(taught.places, pixels, grid, SPREAD)
        loss = (losses * weights).sum() / weights.sum()
        shown = weights * (pixels[..., 0] > NOWHERE / 2)
        left, right = PAIRS
        sides = side_loss(taught.sides, pixels[:, left], pixels[:, right], shown[:, left] * shown[:, right])
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        (loss + SIDES * sides).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.steps, self.crops = self.steps + 1, self.crops + len(pictures)
        _blend(self.average, self.net, min(self.plan.averaging, 1 - 1 / (1 + self.steps / 4)))
        return float(loss.detach())

    def find(self, pictures: UInt8[ndarray, "pictures size size 3"]) -> Float32[ndarray, "pictures joints 2"]:
        """Return where the averaged network sees joints."""
        self.average.eval()
        with torch.inference_mode():
            return np.asarray(self.average(torch.from_numpy(pictures)).pixels.numpy())

    def save(self, path: Path) -> None:
        """Write everything that `load` needs to go on as if nothing had happened."""
        parts = {name: getattr(self, name).state_dict() for name in ("net", "average", "optimiser")}
        numbers = {name: getattr(self, name) for name in ("steps", "crops", "seconds")}
        with atomic_write(path, "wb") as file:
            torch.save({**parts, **numbers, "plan": asdict(self.plan)}, file)

    def load(self, path: Path) -> None:
        """Take up a checkpoint; the plan stays this one's, so that a run may be made longer."""
        state = torch.load(path, weights_only=True)
        for name in ("net", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.steps, self.crops, self.seconds = state["steps"], state["crops"], state["seconds"]


def train(plan: Plan, crops: Path, out: Path) -> None:
    """Train for `plan.minutes` of work, including what an interrupted run had done."""
    if not plan.minutes > 0:
        raise InputError(f"a training of {plan.minutes} minutes teaches nothing; give more")
    tests = open_crops(crops, held_out=True)
    learner, checkpoint = Learner(plan), out / "checkpoint.pt"
    if checkpoint.is_file():
        learner.load(checkpoint)
    out.mkdir(parents=True, exist_ok=True)
    size = 0
    batches: Iterator[Batch] = iter(())
    begun, saved, losses = time.monotonic() - learner.seconds, time.monotonic(), []
    while (done := learner.seconds / (60 * plan.minutes)) < 1:
        if plan.size(done) != size:
            size = plan.size(done)
            batches = _batches(crops, plan, size, first=learner.steps)
        losses.append(learner.learn(next(batches), plan.rate(done)))
        learner.seconds = time.monotonic() - begun
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            learner.save(checkpoint)
            _log(out, learner, float(np.mean(losses)), score(learner.find, tests, size))
            saved, losses = time.monotonic(), []
    learner.save(checkpoint)
    _log(out, learner, float(np.mean(losses or [math.nan])), score(learner.find, tests, plan.size(1.0)))


def _batches(crops: Path, plan: Plan, size: int, *, first: int) -> Iterator[Batch]:
    data = AugmentedBatches(crops, size=size, batch=plan.batch, seed=plan.seed)
    # A forked worker would hang in OpenCV, whose threads this process has used for scoring.
    loader = DataLoader(
        data,
        sampler=count(first),
        batch_size=None,
        num_workers=1,
        prefetch_factor=6,
        multiprocessing_context="spawn",
    )
    return iter(loader)


@torch.no_grad()
def _blend(average: nn.Module, net: nn.Module, keep: float) -> None:
    """Move the averaged weights towards the current ones."""
    for old, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.mul_(keep).add_(new, alpha=1 - keep)
        else:
            old.copy_(new)


def _log(out: Path, learner: Learner, loss: float, result: Score) -> None:
    """Print a line and add it to the log."""
    names = [field.name for field in fields(Score)]
    told = ", ".join(f"{name} {getattr(result, name):.4f}" for name in names)
    speed = learner.crops / learner.seconds
    print(f"{learner.crops} crops, {learner.seconds / 60:.1f} min, {speed:.1f}/s, loss {loss:.3f}, {told}", flush=True)
    path = out / "log.csv"
    header = "" if path.is_file() else f"crops,seconds,loss,{','.join(names)}\n"
    values = ",".join(f"{getattr(result, name):.4f}" for name in names)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{header}{learner.crops},{learner.seconds:.0f},{loss:.4f},{values}\n")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Teach the builtin detector's network on synthetic crops.")
    parser.add_argument("--crops", type=Path, required=True, help="folder of epipose.studio.crops to learn from")
    parser.add_argument("--out", type=Path, required=True, help="where checkpoints and the log go")
    parser.add_argument("--minutes", type=float, default=75.0, help="how long to train (default: 75)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and augmentation (default: 0)")
    arguments = parser.parse_args()
    # Two threads wait for each other more than they compute wherever something else wants a core: 30 against 150
    # crops a second on two cores that others used.
    torch.set_num_threads(1)
    train(Plan(minutes=arguments.minutes, seed=arguments.seed), arguments.crops, arguments.out)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
