"""A round obstacle before the camera: what it costs a network that sees one picture, and what learning takes back.

    python -m benchmarks.obstacles --start MODEL [--seeds 3] [--steps 300] [--folder FOLDER] [--picture FILE.png]

The four experiments of epipose's first user, on scenes of the studio: the whole picture, cropped, occluded and cropped,
and occluded and cropped after a small fine-tuning. Each scene is recorded twice for 30 s, with the same person, motion,
room and cameras: clear, and with a disc before every other camera. Both are reconstructed with the cameras given, from
keypoints as a good detector finds them (`benchmarks.studio_keypoints`); networks learn for --steps batches by what was
triangulated, but for the last quarter of the frames. There, in the views that have a disc, they are marked against the
truth, all in the same crops: around the true joints, so that nothing differs but the picture.

Fine-tuned are three networks from the same start: with the disc standing, which `epipose learn --obstacle auto` finds
by itself; before it stood, on the clear recording, told where it will be (--obstacle VIEW:X,Y,RADIUS); and, to compare,
on the clear recording and told nothing. Taken back is a share of what the disc costs the start. The strict share is of
what it costs the network that was told nothing: being better acquainted with the scene alone takes nothing back of it.

Each seed is another scene. Errors are distances of joints from the pelvis (MPJPE) with the person's distance known;
hidden: of those joints alone that the disc hides. FOLDER keeps recordings and networks, and the same command goes on
from there.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from benchmarks.measures import met, print_table
from benchmarks.obstacle_picture import TILE_PX, Column, Tile, write_picture
from benchmarks.obstacle_scenes import Pair, Shot, learned, recorded, shots
from benchmarks.studio import cache_folder
from epipose.geometry.crop_frames import CropFrame, box_frame
from epipose.geometry.images import framing
from epipose.io.truth_files import HIDDEN_BY_OCCLUDER, OUT_OF_FRAME, SKELETON
from epipose.pose.metrics import mpjpe
from epipose.pose.roots import root
from epipose.runtime.networks import Network, find_network, open_network
from epipose.training.examination import Answers

FIRST_SEED = 40
BAR = 0.7
AT_ONCE = 25
START, ALONE, STANDING, EXPECTED = "start", "alone", "standing", "expected"
"""Networks: as it comes; fine-tuned without a disc, with one that stands there, and with one that will."""


@dataclass(frozen=True)
class Experiment:
    """A network and what it is shown."""

    name: str
    network: str
    hidden: bool
    whole: bool = False


WHOLE = Experiment("1. whole picture", START, hidden=False, whole=True)
CROPPED = Experiment("2. cropped", START, hidden=False)
OCCLUDED = Experiment("3. occluded, cropped", START, hidden=True)
TUNED = Experiment("4. occluded, cropped, fine-tuned with the disc standing", STANDING, hidden=True)
TUNED_BEFORE = Experiment("4b. ... fine-tuned before it stood", EXPECTED, hidden=True)
TUNED_CLEAR = Experiment("4c. the network of 4, cropped", STANDING, hidden=False)
ALONE_CLEAR = Experiment("told nothing of a disc: cropped, fine-tuned", ALONE, hidden=False)
ALONE_HIDDEN = Experiment("told nothing of a disc: occluded, cropped, fine-tuned", ALONE, hidden=True)
EXPERIMENTS = (WHOLE, CROPPED, OCCLUDED, TUNED, TUNED_BEFORE, TUNED_CLEAR, ALONE_CLEAR, ALONE_HIDDEN)
SHOWN = {WHOLE: "whole picture", CROPPED: "cropped", OCCLUDED: "occluded", TUNED: "fine-tuned"}
"""Experiments that are drawn, and what is written over them."""


@dataclass(frozen=True, eq=False)
class Mark:
    """What a network answered in one scene; errors in millimetres."""

    answers: Answers
    behind: Float[ndarray, "n joints"]
    """1 for joints that the disc hides where it stands."""

    @property
    def mpjpe(self) -> float:
        """Mean distance of joints that are in the picture."""
        return self.answers.errors()["mpjpe_mm"]

    @property
    def pa_mpjpe(self) -> float:
        """The same, each pose scaled and turned."""
        return self.answers.errors()["pa_mpjpe_mm"]

    @property
    def hidden(self) -> float:
        """Mean distance of the joints that the disc hides."""
        return 1000 * mpjpe(*self.answers.around_root(), weight=self.behind)


Marks = Mapping[Experiment, Sequence[Mark]]
"""By experiment, one for each scene."""


def main(start: Path, seeds: int, steps: int, folder: Path, picture: Path | None = None) -> None:
    """Make what is missing, and print the tables."""
    marks: dict[Experiment, list[Mark]] = {experiment: [] for experiment in EXPERIMENTS}
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        pair = recorded(seed, folder)
        networks, seen = fine_tuned(pair, start, steps, seed), shots(pair)
        for experiment in EXPERIMENTS:
            marks[experiment].append(examined(networks[experiment.network], seen, experiment))
        if picture is not None and seed == FIRST_SEED:
            draw(picture, seen, {experiment: marks[experiment][0] for experiment in SHOWN})
    title = f"A disc before the camera: {seeds} scenes, {steps} steps"
    print_table(title, ("", "MPJPE, mm", "PA-MPJPE, mm", "hidden joints, mm"), [row(*mark) for mark in marks.items()])
    print_table("Of what the disc costs, taken back", ("", "share", "bar", ""), taken_back(marks))


def fine_tuned(pair: Pair, start: Path, steps: int, seed: int) -> dict[str, Network]:
    """Return all networks, taught unless they are there."""
    told = " ".join(
        f"{view}:{disc.middle[0]:.1f},{disc.middle[1]:.1f},{disc.radius:.1f}" for view, disc in pair.discs.items()
    )
    networks = {START: open_network(start)}
    for name, capture, obstacle in (
        (ALONE, pair.clear, "none"),
        (STANDING, pair.hidden, "auto"),
        (EXPECTED, pair.clear, told),
    ):
        networks[name] = open_network(learned(capture, f"{name}-{steps}", obstacle, start, steps=steps, seed=seed))
    return networks


def examined(network: Network, seen: Sequence[Shot], experiment: Experiment) -> Mark:
    """Return what a network answers, joints in the order of its skeleton."""
    described = network.description
    order = [SKELETON.index(name) for name in described.skeleton.joint_names]
    crops, truth, sides = [], [], []
    for shot in seen:
        frame = framed(shot, described.size, whole=experiment.whole)
        middle = root(shot.joints, SKELETON)
        crops.append(frame.cut(shot.hidden if experiment.hidden else shot.clear))
        truth.append(frame.units(shot.camera.lens, shot.joints[order], middle)[0])
        sides.append(frame.side_m(shot.camera.lens, float(middle[2])))
    parts = [network(np.stack(crops[begin : begin + AT_ONCE]))[0] for begin in range(0, len(crops), AT_ONCE)]
    visibility = np.stack([shot.visibility[order] for shot in seen])
    weight, behind = ((visibility != OUT_OF_FRAME).astype(float), (visibility == HIDDEN_BY_OCCLUDER).astype(float))
    predicted = np.concatenate(parts).astype(float)
    return Mark(Answers(predicted, np.stack(truth), weight, np.array(sides), described.skeleton), behind)


def framed(shot: Shot, size: int, *, whole: bool) -> CropFrame:
    """Return the square that holds the whole picture, or the crop around the joints that are in it."""
    if whole:
        return CropFrame(framing((np.array(shot.camera.size_wh) - 1) / 2, float(max(shot.camera.size_wh)), size), size)
    pixels, _ = shot.camera.lens.project(shot.joints)
    return box_frame(pixels[shot.visibility != OUT_OF_FRAME], size)


def row(experiment: Experiment, marks: Sequence[Mark]) -> tuple[str, ...]:
    """Return an experiment's row of the table."""
    columns = ([mark.mpjpe for mark in marks], [mark.pa_mpjpe for mark in marks], [mark.hidden for mark in marks])
    return (experiment.name, *(f"{np.mean(column):.0f} ± {np.std(column):.0f}" for column in columns))


def taken_back(marks: Marks) -> list[tuple[str, ...]]:
    """Return the rows of what learning takes back: of all errors together, then scene by scene."""
    error = {experiment: np.array([mark.mpjpe for mark in one]) for experiment, one in marks.items()}
    rows = []
    for tuned in (TUNED, TUNED_BEFORE):
        for words, occluded, clear in (("of the start", OCCLUDED, CROPPED), ("strictly", ALONE_HIDDEN, ALONE_CLEAR)):
            gain, cost = error[occluded] - error[tuned], error[occluded] - error[clear]
            share = float(gain.mean() / cost.mean())
            bar = (f">= {BAR:.0%}", met(-share, -BAR)) if occluded is OCCLUDED else ("", "")
            scenes = ", ".join(f"{one:.0%}" for one in gain / cost)
            rows.append((f"{tuned.name}, {words}", f"{share:.0%} ({scenes})", *bar))
    return rows


def draw(path: Path, seen: Sequence[Shot], marks: Mapping[Experiment, Mark]) -> None:
    """Draw what the networks say of two held-out moments at which much is hidden, of two cameras."""
    shares = np.array([np.mean(shot.visibility == HIDDEN_BY_OCCLUDER) for shot in seen])
    cameras = np.array([id(shot.camera) for shot in seen])
    chosen = [int(np.argmax(np.where(cameras == camera, shares, -1))) for camera in dict.fromkeys(cameras.tolist())][:2]
    columns = []
    for experiment, mark in marks.items():
        tiles = []
        for index in chosen:
            frame = framed(seen[index], TILE_PX, whole=experiment.whole)
            picture = frame.cut(seen[index].hidden if experiment.hidden else seen[index].clear)
            answers = mark.answers
            error = float(answers.example_errors_mm()[index])
            tiles.append(
                Tile(picture, answers.predicted[index], answers.truth[index], float(answers.side_m[index]), error)
            )
        columns.append(Column(SHOWN[experiment], tiles, mark.answers.skeleton))
    write_picture(path, columns)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="What a round obstacle before the camera costs, and what is taken back."
    )
    parser.add_argument("--start", default="small", help="network to start from: a name or a model file")
    parser.add_argument("--seeds", type=int, default=3, help="how many scenes (default: 3)")
    parser.add_argument("--steps", type=int, default=300, help="of fine-tuning (default: 300)")
    parser.add_argument(
        "--folder", type=Path, help="where recordings and networks are kept (default: the user's cache)"
    )
    parser.add_argument("--picture", type=Path, help="PNG to draw the experiments of the first scene into")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    main(find_network(given.start), given.seeds, given.steps, given.folder or cache_folder(), given.picture)
