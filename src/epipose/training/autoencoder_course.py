"""From a set of poses to an autoencoder that knows them, and its file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from epipose.errors import InputError
from epipose.io.files import atomic_write
from epipose.models.pose_autoencoder import HIDDEN, PoseAutoencoder
from epipose.pose.skeletons import Skeleton
from epipose.training.autoencoder_lesson import CONTRACTION_MM2, AutoencoderLesson, SeenPoses, stages
from epipose.training.loop import Plan, Point, Watch, fit, new_fabric

SETTLED_BY = 20_000
"""Poses of which the mean and the scale are taken."""


@dataclass(frozen=True)
class AutoencoderCourse:
    """How an autoencoder is taught; layers, penalty, batch and learning rate are the published ones."""

    hidden: tuple[int, ...] = HIDDEN
    tied: bool = True
    steps: int = 30_000
    """Of each stage: each layer, and all of them where there are several."""
    batch: int = 128
    learning_rate: float = 1e-3
    contraction_mm2: float = CONTRACTION_MM2
    seed: int = 0


def teach_autoencoder(
    course: AutoencoderCourse, poses: SeenPoses, folder: Path, watch: Watch
) -> tuple[PoseAutoencoder, tuple[tuple[Point, ...], ...]]:
    """Return the network, and the learning curve of each stage; goes on from the stages' checkpoints in `folder`."""
    torch.manual_seed(course.seed)
    net = PoseAutoencoder(len(poses.skeleton), course.hidden, tied=course.tied)
    net.settle(torch.from_numpy(poses.draw(SETTLED_BY, np.random.default_rng(course.seed))))
    curves = []
    for stage in stages(len(course.hidden)):
        lesson = AutoencoderLesson(
            net, poses, stage, batch=course.batch, seed=course.seed, contraction_mm2=course.contraction_mm2
        )
        plan = Plan(course.steps, course.learning_rate, weight_decay=0.0, seed=course.seed,
                    what=f"{stage.words}; {course}; {len(poses.learned)} poses")  # fmt: skip
        # 16 bits would round a metre to 4 mm; and examples take less time than handing them to another process.
        curves.append(fit(lesson, plan, folder / f"{stage.words}.pt", watch=watch, fabric=new_fabric(exact=True),
                          workers=0))  # fmt: skip
    return net.eval(), tuple(curves)


def write_autoencoder(path: Path, net: PoseAutoencoder, skeleton: Skeleton) -> None:
    """Write a network and whose poses it knows."""
    content = {
        "skeleton": skeleton.name,
        "joint_names": list(skeleton.joint_names),
        "hidden": list(net.hidden),
        "tied": net.tied,
        "weights": net.state_dict(),
    }
    with atomic_write(path, "wb") as file:
        torch.save(content, file)


def read_autoencoder(path: Path, skeleton: Skeleton, latent: int | None = None) -> PoseAutoencoder:
    """Return the network of a file that `write_autoencoder` wrote.

    Raises InputError for any other file, for poses of other joints than those of `skeleton`, and for codes that are not
    of `latent` numbers, which is what a network in front of the decoder says.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}; teach an autoencoder first")
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        joints, hidden = tuple(map(str, content["joint_names"])), tuple(map(int, content["hidden"]))
        net = PoseAutoencoder(len(joints), hidden, tied=bool(content["tied"]))
        net.load_state_dict(content["weights"])
    except Exception as error:
        raise InputError(f"{path} is no autoencoder of poses, or is damaged; teach it anew") from error
    if joints != skeleton.joint_names:
        raise InputError(f"{path} knows poses of the joints {', '.join(joints)}; ask for those, or teach another one")
    if latent not in (None, net.latent):
        raise InputError(
            f"{path} decodes codes of {net.latent} numbers, but is to be given {latent}; use an autoencoder whose last "
            f"layer has {latent} units"
        )
    return net.eval()
