"""Teach the `small` network that comes with epipose on synthetic crops, from the builtin detector's on.

    python -m epipose.training.default_small --crops CROPS --detector RUN/checkpoint.pt --out OUT --steps 15000

RUN is a training of `epipose.training.detector`: its trunk is the same, and already knows joints in 2D. OUT/small.onnx
and OUT/small.md are what comes with epipose; the same command goes on from OUT/checkpoint.pt.
"""

import argparse
from pathlib import Path

import torch

from epipose.errors import InputError, exit_code
from epipose.models.pictures import DEVIATION, MEAN
from epipose.models.small import SmallNet
from epipose.training.crop_examples import studio_examples
from epipose.training.crop_lesson import CropLesson
from epipose.training.detector import SKELETON
from epipose.training.loop import Plan, Point, fit

BATCH = 32
LEARNING_RATE = 1.5e-3
COARSE_SHARE = 0.6
"""Of the run, with smaller pictures."""
_DETECTORS_MEAN, _DETECTORS_DEVIATION = 127.5, 64.0
"""Of what the detector's network takes for pictures of mean 0 and deviation 1."""


def start_from_detector(net: SmallNet, checkpoint: Path) -> None:
    """Give a network the trunk and the heatmaps of the builtin detector's training."""
    if not checkpoint.is_file():
        raise InputError(f"there is no {checkpoint}; train first: python -m epipose.training.detector")
    weights = torch.load(checkpoint, map_location="cpu", weights_only=True)["average"]
    known = {name: value for name, value in weights.items() if name in net.state_dict()}
    # The two networks scale pictures differently: the first layer makes up for it.
    first = known["trunk.stem.0.0.weight"]
    scale, shift = (
        torch.tensor(DEVIATION) / _DETECTORS_DEVIATION,
        (torch.tensor(MEAN) - _DETECTORS_MEAN) / _DETECTORS_DEVIATION,
    )
    known["trunk.stem.0.0.weight"] = first * scale[:, None, None]
    known["trunk.stem.0.1.running_mean"] = known["trunk.stem.0.1.running_mean"] - torch.einsum(
        "ochw,c->o", first, shift
    )
    missing = net.load_state_dict(known, strict=False).missing_keys
    if any(name.startswith(("trunk.", "heatmaps.")) for name in missing):
        raise InputError(f"{checkpoint} is of another network; train again: python -m epipose.training.detector")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Teach the small network that comes with epipose.")
    parser.add_argument("--crops", type=Path, required=True, help="folder of epipose.studio.crops to learn from")
    parser.add_argument("--detector", type=Path, required=True, help="checkpoint of epipose.training.detector")
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint and the network go")
    parser.add_argument("--steps", type=int, default=15_000, help=f"of {BATCH} crops each (default: 15000)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and variation (default: 0)")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    net = SmallNet(len(SKELETON))
    start_from_detector(net, arguments.detector)
    examples, held_out = (studio_examples(arguments.crops, held_out=held_out) for held_out in (False, True))
    lesson = CropLesson(
        net, examples, held_out, batch=BATCH, seed=arguments.seed, coarse=round(COARSE_SHARE * arguments.steps)
    )
    plan = Plan(arguments.steps, LEARNING_RATE, seed=arguments.seed, scored=60)
    fit(lesson, plan, arguments.out / "checkpoint.pt", watch=_tell)


def _tell(step: int, steps: int, points: tuple[Point, ...]) -> None:
    if points and points[-1].step == step:
        errors = ", ".join(f"{name} {value:.2f}" for name, value in points[-1].errors.items())
        print(f"{step} of {steps}, {points[-1].seconds / 60:.1f} min, loss {points[-1].loss:.3f}, {errors}", flush=True)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
