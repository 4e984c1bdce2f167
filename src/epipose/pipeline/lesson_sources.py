"""What networks are taught by: recordings with their pictures, or shards of crops."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.rigid import Rigid
from epipose.io.shards import Shards
from epipose.pipeline.lesson_examples import Divided, HoldOut, cut_examples, seen_poses
from epipose.pipeline.progress import Report
from epipose.pipeline.teaching import Teaching
from epipose.pose.skeletons import Skeleton
from epipose.report.wording import percent
from epipose.training.pseudo_labels import usual_lengths
from epipose.training.recorded_examples import Cut
from epipose.training.shard_examples import shard_examples

if TYPE_CHECKING:
    from epipose.training.autoencoder_lesson import SeenPoses


class LessonSource(ABC):
    """Examples to learn from, and those held out."""

    skeleton: Skeleton
    hold_out: str
    """What is held out, in words."""

    @property
    @abstractmethod
    def paths(self) -> tuple[Path, ...]:
        """Return where it is, for people."""

    @property
    @abstractmethod
    def obstacle(self) -> bool:
        """Return whether something round stands before the cameras, or will."""

    @abstractmethod
    def bone_lengths_m(self) -> dict[tuple[str, str], float]:
        """Return the usual length of every bone that is known, over everybody."""

    @abstractmethod
    def examples(self, cut: Cut, folder: Path, progress: Report) -> Divided:
        """Return pictures; those that have to be cut are kept in `folder`."""

    @abstractmethod
    def poses(self) -> "SeenPoses":
        """Return whole poses in the world; raises InputError if nobody is whole."""


@dataclass(frozen=True, eq=False)
class Recordings(LessonSource):
    """What several cameras filmed."""

    teachings: Sequence[Teaching]
    kept_back: HoldOut
    skeleton: Skeleton
    hold_out: str

    @classmethod
    def of(cls, teachings: Sequence[Teaching], kept_back: HoldOut) -> "Recordings":
        """Take recordings; raises InputError if they are of different joints."""
        skeleton = teachings[0].labels.poses.skeleton
        for teaching in teachings[1:]:
            if teaching.labels.poses.skeleton.joint_names != skeleton.joint_names:
                raise InputError(
                    f"{teaching.path} has other joints than {teachings[0].path}; reconstruct both with one detector"
                )
        return cls(teachings, kept_back, skeleton, str(kept_back))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return their folders."""
        return tuple(teaching.path for teaching in self.teachings)

    @property
    def obstacle(self) -> bool:
        """Return whether something round stands before a camera."""
        return any(view.discs for teaching in self.teachings for view in teaching.views)

    def bone_lengths_m(self) -> dict[tuple[str, str], float]:
        """Return the median of everybody's."""
        return _named(
            np.concatenate([usual_lengths(teaching.labels.poses) for teaching in self.teachings]), self.skeleton
        )

    def examples(self, cut: Cut, folder: Path, progress: Report) -> Divided:
        """Cut squares."""
        return cut_examples(self.teachings, self.kept_back, cut, folder, progress)

    def poses(self) -> "SeenPoses":
        """Return what the labels know."""
        return seen_poses(self.teachings, self.kept_back)


@dataclass(frozen=True, eq=False)
class Crops(LessonSource):
    """Shards of crops whose joints are known in metres."""

    shards: Shards
    held: Bool[ndarray, "crops"]
    skeleton: Skeleton
    hold_out: str

    @classmethod
    def of(cls, shards: Shards, asked: str) -> "Crops":
        """Take shards; raises InputError for those without depths, and for what cannot be held out."""
        if not np.isfinite(shards.numbers("metres", len(shards.about.skeleton), 3)).any():
            raise InputError(f"{shards.place} knows no joints in metres, which networks are taught here; name others")
        held, words = _held_out(shards, asked)
        for rows, what in ((~held, "to learn from"), (held, "held out")):
            if not rows.any():
                raise InputError(f"nothing of {shards.place} is left {what} when {words} are kept back; ask for others")
        return cls(shards, held, shards.about.skeleton, words)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return the folder, or what comes after the scheme of a URL."""
        return (Path(str(self.shards.place).rpartition("://")[2]),)

    @property
    def obstacle(self) -> bool:
        """Return that nothing is known of any."""
        return False

    def bone_lengths_m(self) -> dict[tuple[str, str], float]:
        """Return the median over all crops."""
        ends = np.array(self.skeleton.bones)
        return _named(np.linalg.norm(self._metres[:, ends[:, 1]] - self._metres[:, ends[:, 0]], axis=-1), self.skeleton)

    def examples(self, cut: Cut, folder: Path, progress: Report) -> Divided:  # noqa: ARG002
        """Return the crops as they are."""
        if cut.frame != "box":
            raise InputError("crops in shards are cut around the joints; leave out --crops, or learn from captures")
        return Divided(*(shard_examples(self.shards, np.flatnonzero(rows)) for rows in (~self.held, self.held)))

    def poses(self) -> "SeenPoses":
        """Return the poses of all moments, each once, whichever views show it."""
        from epipose.training.autoencoder_lesson import SeenPoses

        metres = self._metres
        motion: Float64[ndarray, "crops 3 4"] = self.shards.numbers("cam_from_world", 3, 4)
        whole = np.isfinite(metres).all(axis=(1, 2)) & np.isfinite(motion).all(axis=(1, 2))
        parts = []
        for rows in (~self.held & whole, self.held & whole):
            chosen = np.flatnonzero(rows)[_first_views(self.shards, rows)]
            world_from_cam = Rigid(motion[chosen, None, :, :3], motion[chosen, None, :, 3]).inverse()
            parts.append(world_from_cam.apply(metres[chosen]).astype(np.float32))
        learned, held_out = parts
        if not len(learned):
            raise InputError(f"nobody in {self.shards.place} is known from head to foot; use another recipe")
        return SeenPoses(learned, held_out if len(held_out) else learned, self.skeleton)

    @cached_property
    def _metres(self) -> Float64[ndarray, "crops joints 3"]:
        return self.shards.numbers("metres", len(self.skeleton), 3).astype(np.float64)


def _named(lengths: Float64[ndarray, "n bones"], skeleton: Skeleton) -> dict[tuple[str, str], float]:
    """Return the median of lengths by the ends of their bones, but for those that are not known."""
    names = skeleton.joint_names
    return {
        (names[parent], names[child]): float(np.nanmedian(length))
        for (parent, child), length in zip(skeleton.bones, lengths.T, strict=True)
        if np.isfinite(length).any()
    }


def _first_views(shards: Shards, rows: Bool[ndarray, "crops"]) -> ndarray:
    """Return which of some rows are the first of their moments and people."""
    _, recording = np.unique(shards.words("recording"), return_inverse=True)
    moments = np.stack([recording, shards.numbers("frame"), shards.numbers("person")], axis=1)[rows]
    return np.sort(np.unique(moments, axis=0, return_index=True)[1])


def _held_out(shards: Shards, asked: str) -> tuple[Bool[ndarray, "crops"], str]:
    """Return what of shards is held out, and that in words: names with commas between, or a share of the frames."""
    columns = {name: np.array(shards.words(name)) for name in ("subject", "recording", "view")}
    for known in columns.values():
        if set(names := asked.split(",")) <= set(known.tolist()):
            return np.isin(known, names), f"all of {' and '.join(names)}"
    try:
        share = float(asked)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise InputError(
            f"cannot hold out {asked!r} of {shards.place}; give a share of the frames, such as 0.25, or subjects,"
            f" recordings or views, such as {columns['subject'][0] or columns['recording'][0]}"
        )
    _, recording = np.unique(columns["recording"], return_inverse=True)
    frame = shards.numbers("frame").astype(float)
    begin, end = np.full((2, recording.max() + 1), [[np.inf], [-np.inf]])
    np.minimum.at(begin, recording, frame)
    np.maximum.at(end, recording, frame)
    from_here_on = end - share * (end - begin)
    return frame >= from_here_on[recording], f"the last {percent(share)} of the frames of every recording"
