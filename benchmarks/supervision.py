"""What it costs to have no labels: networks taught by cameras instead of by the truth, on synthetic recordings.

    python -m benchmarks.supervision [--seeds 0 1 2] [--steps N] [--folder FOLDER]

Each scene is made by `epipose synthesize` (a fixed seed) and reconstructed twice from its pictures by the builtin
detector: with its cameras given, and with nothing but its lenses. `small` is then taught thrice on the same frames:
by the truth, and by either triangulation. All are marked on the last quarter of the frames, which none has seen,
against the truth, from the root, with the person's distance known. Published, on Human3.6M: 76.6 / 51.8 = 1.48
with cameras given.
"""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.measures import met, print_table
from benchmarks.studio import cache_folder
from epipose.cli import main as epipose
from epipose.io.fingerprints import fingerprint
from epipose.models.small import SmallNet
from epipose.pipeline.learn import Settings, learn
from epipose.pipeline.lesson_examples import HoldOut, cut_examples
from epipose.pipeline.progress import no_report
from epipose.pipeline.reconstruct import reconstruct
from epipose.pipeline.teaching import TRUTH, load_teaching
from epipose.pose.skeletons import Skeleton
from epipose.training.crop_examples import CropExamples
from epipose.training.examination import examine
from epipose.training.model_files import read_model
from epipose.training.starting import start_from

SCENES = {
    "ring, turning": "--rig ring --cameras 4 --motion turn --seed 21",
    "Human3.6M's rig, dancing": "--rig human36m --motion dance --seed 22",
}
EVERYWHERE = "--seconds 20 --frame-rate 25 --size 640 480"
DETECTOR, SHARE = "builtin", "0.25"
LABELS = {"the truth": ("given", "supervised"), "cameras given": ("given", "self-supervised"),
          "cameras from people": ("people", "self-supervised")}  # fmt: skip
BARS = {"cameras given": 1.10, "cameras from people": 1.15}
HEADER = ("scene", "labels", "MPJPE, mm", "PA-MPJPE, mm", "over the truth's", "bar", "")


def main(seeds: Sequence[int], steps: int | None, folder: Path | None) -> None:
    """Print the table that docs/benchmarks.md quotes."""
    rows: list[tuple[str, ...]] = []
    for scene, arguments in SCENES.items():
        places = prepared(f"{arguments} {EVERYWHERE}".split(), folder or cache_folder())
        marks = {label: _marks(places, label, seeds, steps) for label in LABELS}
        best = marks["the truth"][:, 0].mean()
        for label, found in marks.items():
            told = [f"{mean:.1f} +- {std:.1f}" for mean, std in zip(found.mean(axis=0), found.std(axis=0), strict=True)]
            ratio, bar = found[:, 0].mean() / best, BARS.get(label)
            rows.append((scene, label, *told, f"{ratio:.2f}", *((f"<= {bar}", met(ratio, bar)) if bar else ("", ""))))
    print_table("Taught by cameras and by the truth, marked against the truth", HEADER, rows)


def prepared(arguments: Sequence[str], place: Path) -> dict[str, Path]:
    """Return captures of a scene, reconstructed with its cameras given and from people."""
    first = place / f"supervision-{fingerprint(*arguments)[:10]}-given"
    if not (first / "truth" / "scene.json").is_file() and epipose(["synthesize", str(first), *arguments]) != 0:
        raise SystemExit(f"the scene {arguments} could not be made")
    second = first.with_name(first.name.replace("-given", "-people"))
    if not (first / "report.json").is_file():
        reconstruct(first, detector=DETECTOR)
    if not (second / "report.json").is_file():
        shutil.copytree(first, second, ignore=shutil.ignore_patterns("models", "poses", "exports", "report.*"))
        reconstruct(second, detector=DETECTOR, cameras="people")
    return {"given": first, "people": second}


def _marks(places: dict[str, Path], label: str, seeds: Sequence[int], steps: int | None) -> np.ndarray:
    """Return MPJPE and PA-MPJPE (mm) for each seed."""
    cameras, recipe = LABELS[label]
    found = []
    for seed in seeds:
        name = f"{recipe}-{seed}"
        settings = Settings(recipe=recipe, name=name, hold_out=SHARE, detector=DETECTOR, seed=seed, steps=steps)
        errors = marked(learn([places[cameras]], settings).file, places["given"])
        print(f"{places[cameras].name}, {label}, seed {seed}: {errors['mpjpe_mm']:.1f} mm", flush=True)
        found.append((errors["mpjpe_mm"], errors["pa_mpjpe_mm"]))
    return np.array(found)


def marked(file: Path, capture: Path) -> dict[str, float]:
    """Return the errors of a network on the frames of a capture that are held out, against its truth."""
    teachings = [load_teaching(capture, TRUTH, DETECTOR, no_report)]
    hold_out = HoldOut.parse(SHARE, teachings)
    skeleton = read_model(file)[0].skeleton
    net = SmallNet(len(skeleton)).eval()
    start_from(net, skeleton, file)
    examples = cut_examples(teachings, hold_out, net.size, capture / "truth-examples", no_report).held_out
    return examine(net, of_joints(examples, skeleton), np.arange(len(examples)))[1].errors()


def of_joints(examples: CropExamples, skeleton: Skeleton) -> CropExamples:
    """Return examples with the joints of another skeleton."""
    columns = [examples.skeleton.index(joint) for joint in skeleton.joint_names]
    return replace(examples, joints=examples.joints[:, columns], weight=examples.weight[:, columns], skeleton=skeleton)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare networks taught by cameras with one taught by the truth.")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of learning (default: 0 1 2)")
    parser.add_argument("--steps", type=int, default=None, help="of learning (default: as the recipe has it)")
    parser.add_argument("--folder", type=Path, help="where recordings are kept (default: the user's cache)")
    options = parser.parse_args()
    main(options.seeds, options.steps, options.folder)
