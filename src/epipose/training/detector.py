"""Teach the builtin detector's network.

    python -m epipose.training.detector --crops CROPS --held-out CROPS --out RUN --minutes 80

trains at 128 and, for the last part, at 192 pixels; RUN/checkpoint.pt is written every few minutes, and the same
command goes on from there. RUN/log.csv tells what happened.
"""

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import DataLoader

from epipose.io.files import atomic_write
from epipose.models.keypoint_net import STRIDE, KeypointNet, cross_entropy
from epipose.training.keypoint_crops import AugmentedCrops, CropFolder, framing, open_crops

JOINTS = 21
SPREAD = 1.2
"""Cells: the standard deviation of what the heatmaps are taught."""
CHECKPOINT_SECONDS = 180.0
SHARE_SEEN = 0.8
"""Of the picture's side that a person's box takes when the network is scored, as at run time."""


@dataclass(frozen=True)
class Plan:
    """What decides a run, stored with its checkpoints."""

    minutes: float
    seed: int = 0
    batch: int = 48
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.02
    warmup: float = 0.03
    """Share of the run over which the learning rate rises."""
    fine: float = 0.62
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


def train(plan: Plan, crops: Path, held_out: Path, out: Path) -> None:
    """Train for `plan.minutes` of work, including what an interrupted run had done."""
    torch.manual_seed(plan.seed)
    net, average = KeypointNet(JOINTS), KeypointNet(JOINTS)
    average.load_state_dict(net.state_dict())
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=plan.weight_decay)
    step, spent = _resumed(out, net, average, optimiser)
    tests = open_crops(held_out)
    batches, size = _batches(crops, plan, plan.size(0.0), seed=step), plan.size(0.0)
    begun, saved, losses = time.monotonic() - spent, time.monotonic(), []
    while (done := (time.monotonic() - begun) / (60 * plan.minutes)) < 1:
        if plan.size(done) != size:
            size = plan.size(done)
            batches = _batches(crops, plan, size, seed=step)
        pictures, pixels, weights = next(batches)
        loss = _step(net, optimiser, plan.rate(done), (pictures, pixels, weights))
        step += 1
        _blend(average, net, min(plan.averaging, 1 - 1 / (1 + step / 4)))
        losses.append(loss)
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            _save(out, plan, net, average, optimiser, step, time.monotonic() - begun)
            _log(out, step * plan.batch, time.monotonic() - begun, float(np.mean(losses)), score(average, tests, size))
            saved, losses = time.monotonic(), []
    _save(out, plan, net, average, optimiser, step, time.monotonic() - begun)
    _log(out, step * plan.batch, time.monotonic() - begun, float(np.mean(losses or [0])), score(average, tests, 192))


def score(net: KeypointNet, crops: CropFolder, size: int, count: int = 500) -> dict[str, float]:
    """Return PCK@0.1 and @0.05 of the box's longer side over visible joints of the first `count` crops, and the
    median error in parts of it."""
    net.eval()
    errors = []
    for first in range(0, min(count, len(crops)), 50):
        rows = range(first, min(first + 50, count, len(crops)))
        maps = [framing(crops.box[row], size, SHARE_SEEN, 0.0, np.zeros(2)) for row in rows]
        pictures = [
            cv2.warpAffine(crops.image(row), px_from_crop, (size, size), flags=cv2.INTER_AREA)
            for row, px_from_crop in zip(rows, maps, strict=True)
        ]
        with torch.inference_mode():
            found = net(torch.from_numpy(np.stack(pictures))).pixels.numpy()
        for row, px_from_crop, joints in zip(rows, maps, found, strict=True):
            truth = crops.pixels[row] @ px_from_crop[:, :2].T + px_from_crop[:, 2]
            error = np.linalg.norm(joints - truth, axis=1) / (SHARE_SEEN * size)
            errors.append(error[crops.visibility[row] == 0])
    together = np.concatenate(errors)
    return {
        "pck10": float(np.mean(together < 0.1)),
        "pck05": float(np.mean(together < 0.05)),
        "median": float(np.median(together)),
    }


def _step(
    net: KeypointNet, optimiser: torch.optim.Optimizer, rate: float, batch: tuple[Tensor, Tensor, Tensor]
) -> float:
    """Take one step of gradient descent and return the loss."""
    pictures, pixels, weights = batch
    net.train()
    grid = pictures.shape[1] // STRIDE, pictures.shape[2] // STRIDE
    losses: Float[Tensor, "pictures joints"] = cross_entropy(net.distributions(pictures), pixels, grid, SPREAD)
    loss = (losses * weights).sum() / weights.sum()
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimiser.step()
    return float(loss)


def _batches(crops: Path, plan: Plan, size: int, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    data = AugmentedCrops(crops, size=size, batch=plan.batch, seed=plan.seed * 1_000_003 + seed)
    return iter(DataLoader(data, batch_size=None, num_workers=1, prefetch_factor=6))


@torch.no_grad()
def _blend(average: KeypointNet, net: KeypointNet, keep: float) -> None:
    """Move the averaged weights towards the current ones."""
    for old, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.mul_(keep).add_(new, alpha=1 - keep)
        else:
            old.copy_(new)


def _save(out: Path, plan: Plan, net: Any, average: Any, optimiser: Any, step: int, spent: float) -> None:
    """Write a checkpoint that `_resumed` reads."""
    state = {"net": net.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict()}
    with atomic_write(out / "checkpoint.pt", "wb") as file:
        torch.save({**state, "step": step, "spent": spent, "plan": asdict(plan)}, file)


def _resumed(out: Path, net: Any, average: Any, optimiser: Any) -> tuple[int, float]:
    """Take up a checkpoint, if there is one; returns steps and seconds that were done."""
    path = out / "checkpoint.pt"
    if not path.is_file():
        return 0, 0.0
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    average.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    return state["step"], state["spent"]


def _log(out: Path, seen: int, spent: float, loss: float, scores: dict[str, float]) -> None:
    """Add a line to the log."""
    line = f"{seen},{spent:.0f},{loss:.4f}," + ",".join(f"{value:.4f}" for value in scores.values())
    print(f"crops {seen}, {spent / 60:.1f} min, {seen / spent:.1f}/s, loss {loss:.3f}, {scores}", flush=True)
    path = out / "log.csv"
    header = "" if path.is_file() else f"crops,seconds,loss,{','.join(scores)}\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{header}{line}\n")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Teach the builtin detector's network on synthetic crops.")
    parser.add_argument("--crops", type=Path, required=True, help="folder of epipose.studio.crops to learn from")
    parser.add_argument(
        "--held-out", type=Path, required=True, help="another such folder, of another seed, to score by"
    )
    parser.add_argument("--out", type=Path, required=True, help="where checkpoints and the log go")
    parser.add_argument("--minutes", type=float, default=80.0, help="how long to train (default: 80)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and augmentation (default: 0)")
    arguments = parser.parse_args()
    plan = Plan(minutes=arguments.minutes, seed=arguments.seed)
    train(plan, arguments.crops, arguments.held_out, arguments.out)


if __name__ == "__main__":
    main()
