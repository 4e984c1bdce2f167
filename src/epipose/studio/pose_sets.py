"""Many poses of many bodies, without pictures: what networks that see joints only are taught on.

    python -m epipose.studio.pose_sets OUT.npz --count 200000 --clips MOCAP --seed 1 --hold-out walk_to_keep

writes one NPZ file (see `PoseSet`). Poses come in takes, each of a body of its own: recorded clips brought onto it,
motions made up here, and poses drawn by chance. Whole clips and takes are held out, never parts of one.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32
from numpy import ndarray

from epipose.errors import InputError, exit_code
from epipose.io.arrays import read_arrays
from epipose.io.files import atomic_write
from epipose.pose.skeletons import Skeleton, load_skeleton
from epipose.studio.bodies import Body, make_body
from epipose.studio.motion import Motion
from epipose.studio.motion.clip import Clip
from epipose.studio.motion.clips import read_clips
from epipose.studio.motion.procedural import PROCEDURAL, procedural
from epipose.studio.motion.retarget import miss, retarget
from epipose.studio.people import random_phenotype
from epipose.studio.poses import random_pose

TAKE = 60
"""Poses of a take at most."""
RATE = 10.0
"""Hertz of motions: poses any nearer to each other would teach the same."""
SHARES = {"clips": 0.5, "made-up": 0.2, "random": 0.3}
"""Of the poses; without clips the others take their part."""
AGES = (5.0, 80.0)
"""Years of age of the bodies."""
TEST_EVERY = 10
"""Of all sources, unless it is said which clips are held out, every so manieth is."""
FAR = 0.025
"""Metres that a usual body may be off a clip, in the mean, for the clip to be used."""

_NOT_RECORDED = tuple(f"{name} " for name in SHARES if name != "clips")
_PARTS = {name: number for number, name in enumerate(SHARES)}


@dataclass(frozen=True, eq=False)
class PoseSet:
    """Poses in metres, Z up, the floor at 0, each somewhere over the floor and facing anywhere."""

    positions: Float32[ndarray, "poses joints 3"]
    source: Int32[ndarray, "poses"]
    """Which of `sources` each pose is from."""
    sources: tuple[str, ...]
    """Names of clips and takes."""
    held_out: Bool[ndarray, "sources"]
    """Which sources are for tests only."""
    skeleton: Skeleton

    @property
    def recorded(self) -> Bool[ndarray, "poses"]:
        """Which poses are of clips."""
        recorded = np.array([not source.startswith(_NOT_RECORDED) for source in self.sources])
        return np.asarray(recorded[self.source])

    def part(self, *, held_out: bool) -> Float32[ndarray, "poses joints 3"]:
        """Return the poses that are held out, or the others."""
        return np.asarray(self.positions[self.held_out[self.source] == held_out])


@dataclass(frozen=True, eq=False)
class _Take:
    source: str
    held_out: bool
    positions: Float[ndarray, "poses joints 3"]


def read_pose_set(path: Path) -> PoseSet:
    """Read what `write_pose_set` wrote; raises InputError for any other file."""
    arrays = read_arrays(path)
    remedy = "make it with: python -m epipose.studio.pose_sets"
    missing = {"positions", "source", "sources", "held_out", "skeleton"} - set(arrays)
    if missing:
        raise InputError(f"{path} is no set of poses, it lacks {', '.join(sorted(missing))}; {remedy}")
    positions, source, sources, held_out = (arrays[name] for name in ("positions", "source", "sources", "held_out"))
    skeleton = load_skeleton(str(arrays["skeleton"]))
    kinds = [array.dtype.name for array in (positions, source, held_out)]
    if (
        kinds != ["float32", "int32", "bool"]
        or positions.shape != (len(source), len(skeleton), 3)
        or held_out.shape != sources.shape
    ):
        raise InputError(f"{path} holds poses of the wrong shape or type; {remedy}")
    if not np.all(np.isfinite(positions)) or np.any((source < 0) | (source >= len(sources))):
        raise InputError(f"{path} holds poses that are not finite or come from nowhere; {remedy}")
    return PoseSet(positions, source, tuple(map(str, sources)), held_out, skeleton)


def write_pose_set(path: Path, poses: PoseSet) -> None:
    """Write `poses` as an NPZ file."""
    with atomic_write(path, "wb") as file:
        np.savez(
            file,
            positions=poses.positions,
            source=poses.source,
            sources=np.array(poses.sources),
            held_out=poses.held_out,
            skeleton=np.array(poses.skeleton.name),
        )


def make_pose_set(
    size: int, clips: Sequence[Clip], seed: int, hold_out: Sequence[str] = (), note: Callable[[str], None] = print
) -> PoseSet:
    """Return `size` poses; `note` is told of clips that no body can follow, which are left out, and of progress.

    `hold_out`: beginnings of the names of clips that are held out.
    """
    if size < 1:
        raise InputError(f"a set of {size} poses teaches nothing; ask for more")
    unknown = [word for word in hold_out if not any(clip.name.startswith(word) for clip in clips)]
    if unknown:
        raise InputError(f"there is no clip {', '.join(unknown)} to hold out; check the names of the clips")
    usable = _usable(clips, note)
    shares = {name: share for name, share in SHARES.items() if usable or name != "clips"}
    takes: list[_Take] = []
    for name, share in shares.items():
        wanted, made = round(size * share / sum(shares.values())), 0
        for number in count():
            if made >= wanted:
                break
            rng = np.random.default_rng([seed, _PARTS[name], number])
            take = _take_of_clip(usable, hold_out, rng) if name == "clips" else _made_up(name, number, rng)
            takes.append(replace(take, positions=take.positions[: wanted - made]))
            made += len(takes[-1].positions)
            if number % 100 == 0:
                note(f"{name}: {made} of {wanted} poses")
    return _together(takes)


def _usable(clips: Sequence[Clip], note: Callable[[str], None]) -> list[Clip]:
    """Return the clips, at RATE, that a usual body can follow."""
    body, kept = make_body({}), []
    for clip in clips:
        step = max(1, round(1 / (RATE * float(np.median(np.diff(clip.times)))))) if len(clip.times) > 1 else 1
        thinned = replace(clip, positions=clip.positions[::step], times=clip.times[::step])
        off = miss(body, thinned, retarget(body, thinned))
        if off <= FAR:
            kept.append(thinned)
        else:
            note(f"{clip.name} is left out: a body that follows it is {1000 * off:.0f} mm off")
    return kept


def _take_of_clip(clips: Sequence[Clip], hold_out: Sequence[str], rng: np.random.Generator) -> _Take:
    """Return some moments of a clip on a body; clips longer than a take are no likelier than those as long as one."""
    lengths = np.minimum([len(clip.times) for clip in clips], TAKE)
    which = int(rng.choice(len(clips), p=lengths / lengths.sum()))
    clip, body = clips[which], _random_body(rng)
    motion = retarget(body, clip)
    kept = np.sort(rng.permutation(len(clip.times))[:TAKE])
    held_out = clip.name.startswith(tuple(hold_out)) if hold_out else which % TEST_EVERY == TEST_EVERY - 1
    return _Take(clip.name, held_out, _joints(body, motion)[kept])


def _made_up(kind: str, number: int, rng: np.random.Generator) -> _Take:
    body = _random_body(rng)
    if kind == "random":
        poses = [random_pose(body, rng) for _ in range(TAKE)]
        turns, shifts = (np.stack(part) for part in zip(*poses, strict=True))
        positions = body.joints(body.motions(turns, shifts))
    else:
        act = str(rng.choice(PROCEDURAL))
        positions = _joints(body, procedural(body, act, seconds=TAKE / RATE, frame_rate=RATE, rng=rng))
    return _Take(f"{kind} {number}", number % TEST_EVERY == TEST_EVERY - 1, positions)


def _random_body(rng: np.random.Generator) -> Body:
    return make_body(random_phenotype(rng, AGES))


def _joints(body: Body, motion: Motion) -> Float[ndarray, "frames joints 3"]:
    return body.joints(body.motions(motion.rotations, motion.shift))


def _together(takes: Sequence[_Take]) -> PoseSet:
    held_out = {take.source: take.held_out for take in takes}
    sources = tuple(held_out)
    numbers = {name: number for number, name in enumerate(sources)}
    return PoseSet(
        np.concatenate([take.positions for take in takes]).astype(np.float32),
        np.repeat([numbers[take.source] for take in takes], [len(take.positions) for take in takes]).astype(np.int32),
        sources,
        np.array(list(held_out.values())),
        load_skeleton("body21"),
    )


def main() -> None:
    """Read the command line and write a set of poses."""
    parser = argparse.ArgumentParser(description="Write poses of synthetic people to teach networks on.")
    parser.add_argument("out", type=Path, help="the NPZ file to write")
    parser.add_argument("--count", type=int, default=200_000, help="how many poses (default: 200000)")
    parser.add_argument("--clips", type=Path, nargs="*", default=(), help="BVH files, archives of joints, folders")
    parser.add_argument("--seed", type=int, default=0, help="everything follows from it (default: 0)")
    parser.add_argument("--hold-out", nargs="*", default=(), help="beginnings of the names of clips for tests only")
    arguments = parser.parse_args()
    clips = [clip for path in arguments.clips for clip in read_clips(path)]
    poses = make_pose_set(arguments.count, clips, arguments.seed, arguments.hold_out)
    write_pose_set(arguments.out, poses)
    tests = int(poses.held_out[poses.source].sum())
    print(f"{arguments.out}: {len(poses.positions)} poses of {len(poses.sources)} clips and takes, {tests} for tests")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
