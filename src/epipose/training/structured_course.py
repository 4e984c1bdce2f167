"""The stages of Tekin et al. (BMVC 2016), each from the files of those before it: poses, codes, together.

Before codes, the trunk may learn where joints are.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor, nn

from epipose.errors import InputError
from epipose.geometry.crop_frames import MARGIN
from epipose.io.files import atomic_write
from epipose.io.model_files import ModelDescription
from epipose.models.pose_autoencoder import HIDDEN, PoseAutoencoder, usual
from epipose.models.pose_generation import PoseGenerationTrunk
from epipose.models.resnet import LAYERS
from epipose.models.structured import PoseDecoder, StructuredNet, decoder_of, direct_decoder, pca_decoder
from epipose.models.trunks import ResNetTrunk, SmallTrunk, Trunk
from epipose.pose.skeletons import Skeleton
from epipose.training.autoencoder_course import (
    AutoencoderCourse,
    read_autoencoder,
    teach_autoencoder,
    write_autoencoder,
)
from epipose.training.autoencoder_lesson import SeenPoses
from epipose.training.courses import Taught
from epipose.training.crop_lesson import Variation
from epipose.training.examination import examine
from epipose.training.joints_lesson import JointsLesson, JointsNet
from epipose.training.loop import Lesson, Plan, Point, Watch, fit
from epipose.training.model_files import model_bytes
from epipose.training.recorded_examples import ROOM
from epipose.training.starting import start_from
from epipose.training.structured_lesson import AnyPart, StructuredLesson, Varying, WholePoses

Stage = Literal["poses", "joints", "codes", "together"]
JOINTS = "joints.pt"
"""What the stage `joints` makes, which the others can do without."""
CNN = "cnn"
TRUNKS = (CNN, "small", *(f"resnet{depth}" for depth in LAYERS))
Head = Literal["autoencoder", "direct", "pca", "dense"]
HEADS: tuple[Head, ...] = ("autoencoder", "direct", "pca", "dense")
"""What poses are decoded by: what an autoencoder knows of them; nothing, the network says the pose; their principal
components; or a layer as wide as the autoencoder's that knows nothing yet. The others are there to be compared with."""
POSES_STEPS = 8
"""Batches of poses for each of pictures: that of poses takes some hundredth of the time."""


@dataclass(frozen=True)
class StructuredCourse:
    """How a structured network is taught; batch and learning rate are the published ones."""

    name: str
    trunk: str = CNN
    """One of TRUNKS."""
    start: Path | None = None
    """A model file of the trunk's kind whose weights it begins with; random ones without."""
    hidden: tuple[int, ...] = HIDDEN
    head: Head = "autoencoder"
    steps: int = 500
    """Of the codes, and again of all together; with another head than an autoencoder, all of them of the latter."""
    batch: int = 128
    learning_rate: float = 1e-3
    seed: int = 0
    variation: Variation | AnyPart = AnyPart()  # noqa: RUF009 - it is frozen

    def shown(self, lessons: "Lessons") -> Varying:
        """Return what is learned from, as it is shown."""
        return Varying(lessons.learned, self.batch, self.seed, self.variation)


@dataclass(frozen=True, eq=False)
class Lessons:
    """What a structured network is taught by and marked on."""

    poses: SeenPoses
    learned: WholePoses
    held_out: WholePoses

    @property
    def skeleton(self) -> Skeleton:
        """Return whose joints they have."""
        return self.learned.examples.skeleton


def teach_poses(course: StructuredCourse, poses: SeenPoses, folder: Path, watch: Watch) -> tuple[Point, ...]:
    """Stage 1: teach an autoencoder what poses there are, and keep it in `folder`; return its learning curve."""
    pupil = AutoencoderCourse(course.hidden, steps=POSES_STEPS * course.steps, seed=course.seed)
    net, curves = teach_autoencoder(pupil, poses, folder / "poses", watch)
    write_autoencoder(folder / "poses.pt", net, poses.skeleton)
    return curves[-1]


def teach_joints(course: StructuredCourse, lessons: Lessons, folder: Path, watch: Watch) -> tuple[Point, ...]:
    """Before stage 2, if wanted: teach a trunk where joints are in pictures, and keep its first layers in `folder`."""
    torch.manual_seed(course.seed)
    net = JointsNet(_new_trunk(course, lessons.skeleton), len(lessons.skeleton))
    points = _fitted(course, JointsLesson(net, course.shown(lessons), lessons.held_out), folder / "joints", watch)
    with atomic_write(folder / JOINTS, "wb") as file:
        torch.save({"trunk": course.trunk, "weights": net.trunk.seeing.state_dict()}, file)
    return points


def teach_codes(course: StructuredCourse, lessons: Lessons, folder: Path, watch: Watch) -> tuple[Point, ...]:
    """Stage 2: teach a trunk the codes of clean poses; raises InputError without what stage 1 made.

    It begins with the first layers that know where joints are, if those were taught.
    """
    autoencoder = _autoencoder(lessons.skeleton, folder)
    net = new_structured(course, lessons, decoder_of(autoencoder))
    if (folder / JOINTS).is_file():
        _see_joints(net.trunk, course, folder / JOINTS)
    for weights in net.decoder.parameters():
        weights.requires_grad_(False)
    lesson = StructuredLesson(net, autoencoder, course.shown(lessons), lessons.held_out)
    points = _fitted(course, lesson, folder / "codes", watch)
    with atomic_write(folder / "codes.pt", "wb") as file:
        torch.save({"trunk": course.trunk, "hidden": list(autoencoder.hidden), "weights": net.state_dict()}, file)
    return points


def teach_together(
    course: StructuredCourse, lessons: Lessons, description: ModelDescription, folder: Path, watch: Watch
) -> Taught:
    """Stage 3: teach trunk and decoder poses together; raises InputError without what stages 1 and 2 made."""
    if course.head == "autoencoder":
        net = _with_codes(course, lessons, folder)
    else:
        net = new_structured(course, lessons, _other_decoder(course, lessons))
        course = replace(course, steps=2 * course.steps)
    lesson = StructuredLesson(net, None, course.shown(lessons), lessons.held_out)
    points = _fitted(course, lesson, folder / f"together-{course.head}", watch)
    held_out = lessons.held_out.examples
    rows, answers = examine(net, held_out, np.arange(len(held_out)))
    described = replace(description, size=net.size, margin=MARGIN)
    return Taught(model_bytes(net, described), points, answers, rows, len(lessons.learned.rows))


class KnownPoses(NamedTuple):
    """What an autoencoder makes of poses that it never learned from; all in mm."""

    truth: Float[ndarray, "n joints 3"]
    noisy: Float[ndarray, "n joints 3"]
    denoised: Float[ndarray, "n joints 3"]
    walk: Float[ndarray, "steps joints 3"]
    """From the code of the first to that of the last, in equal steps."""


def known_poses(poses: SeenPoses, file: Path, count: int, steps: int) -> KnownPoses:
    """Return what the autoencoder in a file makes of `count` poses, and of `steps` codes between two of them."""
    rng = np.random.default_rng(0)
    net = read_autoencoder(file, poses.skeleton)
    truth = poses.exam(count, rng)
    noisy = truth + poses.noise(len(truth), rng)
    with torch.inference_mode():
        begin, end = net.encode(torch.from_numpy(truth[[0, -1]]))
        share = torch.linspace(0, 1, steps)[:, None]
        found = net.denoise(torch.from_numpy(noisy)), net.decode((1 - share) * begin + share * end)
    return KnownPoses(*(np.asarray(part, float) for part in (truth, noisy, *found)))


def trunk_size(trunk: str) -> int:
    """Return the side of the pictures that a trunk sees; raises InputError for one that there is not."""
    if trunk not in TRUNKS:
        raise InputError(f"there is no trunk {trunk!r}; choose from {', '.join(TRUNKS)}")
    if trunk == CNN:
        return PoseGenerationTrunk.size
    return SmallTrunk.size if trunk == "small" else ResNetTrunk.size


def new_structured(course: StructuredCourse, lessons: Lessons, decoder: PoseDecoder) -> StructuredNet:
    """Return a network before its trunk is taught."""
    torch.manual_seed(course.seed)
    net = StructuredNet(_new_trunk(course, lessons.skeleton), decoder, lessons.skeleton)
    side_mm, span = lessons.learned.lengths
    net.settle(side_mm / ROOM["box"], span / ROOM["box"])
    return net


def _new_trunk(course: StructuredCourse, skeleton: Skeleton) -> Trunk:
    if course.trunk == CNN:
        return PoseGenerationTrunk()
    if course.trunk != "small":
        return ResNetTrunk(int(course.trunk.removeprefix("resnet")))
    trunk = SmallTrunk(len(skeleton))
    if course.start is not None:
        start_from(trunk.seeing, skeleton, course.start)
    return trunk


def _fitted(course: StructuredCourse, lesson: Lesson, place: Path, watch: Watch) -> tuple[Point, ...]:
    # What an earlier stage left may have changed since: a checkpoint of another beginning is none of this run.
    what = f"{place.name}; {course}; begins as {_digest(lesson.net)}"
    plan = Plan(course.steps, course.learning_rate, seed=course.seed, what=what)
    place.parent.mkdir(parents=True, exist_ok=True)
    return fit(lesson, plan, place.with_suffix(".checkpoint.pt"), watch=watch)


def _digest(net: nn.Module) -> str:
    """Return what tells networks of other weights apart."""
    digest = hashlib.sha256()
    for value in net.state_dict().values():
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _see_joints(trunk: Trunk, course: StructuredCourse, file: Path) -> None:
    """Give a trunk the first layers that were taught where joints are."""
    kept = _read(file, "joints", ("trunk", "weights"))
    if kept["trunk"] != course.trunk:
        raise InputError(f"{file} is of the trunk {kept['trunk']!r}; remove it, or run the stage `joints` again")
    trunk.seeing.load_state_dict(kept["weights"])


def _autoencoder(skeleton: Skeleton, folder: Path, latent: int | None = None) -> PoseAutoencoder:
    file = folder / "poses.pt"
    if not file.is_file():
        raise InputError(f"there is no {file}, which the stage `poses` makes; run that first")
    return read_autoencoder(file, skeleton, latent)


def _with_codes(course: StructuredCourse, lessons: Lessons, folder: Path) -> StructuredNet:
    """Return the network as stage 2 left it."""
    file = folder / "codes.pt"
    if not file.is_file():
        missing = [stage for stage in ("poses", "codes") if not (folder / f"{stage}.pt").is_file()]
        raise InputError(f"there is no {file}; run {' and '.join(f'the stage `{stage}`' for stage in missing)} first")
    kept = _read(file, "codes", ("trunk", "hidden", "weights"))
    autoencoder = _autoencoder(lessons.skeleton, folder, latent=kept["hidden"][-1])
    if kept["trunk"] != course.trunk:
        raise InputError(f"{file} is of the trunk {kept['trunk']!r}; run the stage `codes` again for {course.trunk!r}")
    net = new_structured(course, lessons, decoder_of(autoencoder))
    weights: dict[str, Tensor] = kept["weights"]
    decoding = {f"decoder.{name}": value for name, value in net.decoder.state_dict().items()}
    if any(not torch.equal(value, weights.get(name, value.new_empty(0))) for name, value in decoding.items()):
        raise InputError(f"{file} was taught the codes of another autoencoder; run the stage `codes` again")
    net.load_state_dict(weights)
    return net


def _read(file: Path, stage: Stage, entries: tuple[str, ...]) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        return {name: kept[name] for name in entries}
    except Exception as error:
        raise InputError(f"{file} is damaged, or not of epipose; run the stage `{stage}` again") from error


def _other_decoder(course: StructuredCourse, lessons: Lessons) -> PoseDecoder:
    """Return a decoder that no autoencoder made, for poses of the same mean and scale."""
    rng = np.random.default_rng(course.seed)
    poses = torch.from_numpy(lessons.poses.draw(20_000, rng))
    mean, scale = usual(poses)
    if course.head == "pca":
        return pca_decoder(poses, min(course.hidden[-1], 3 * (len(lessons.skeleton) - 1)), scale)
    if course.head == "dense":
        torch.manual_seed(course.seed)
        return direct_decoder(mean, scale, course.hidden[-1:], cut=True)
    return direct_decoder(mean, scale)
