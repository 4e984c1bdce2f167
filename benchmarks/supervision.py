"""What it costs to have no labels: networks taught by cameras instead of by the truth, on synthetic recordings.

    python -m benchmarks.supervision [--seeds 0 1 2] [--steps N] [--folder FOLDER]

Each scene is made by `epipose synthesize` (a fixed seed) and reconstructed twice from its pictures by the builtin
detector: with its cameras given, and with nothing but its lenses. `small` is then taught thrice on the same frames:
by the truth, and by either triangulation; a Refinement Unit behind the second then corrects it, taught without and with
the truth. All are marked on the last quarter of the frames, which none has seen,
against the truth, from the root, with the person's distance known. Published, on Human3.6M: 76.6 / 51.8 = 1.48
with cameras given; 76.6 to 60.5 by refinement.
"""

import argparse
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.measures import met, print_table
from benchmarks.studio import cache_folder
from epipose.cli import main as epipose
from epipose.io.fingerprints import fingerprint
from epipose.models.crop_poses import PictureNet
from epipose.models.refined import Correction, RefinedNet
from epipose.models.small import SmallNet
from epipose.pipeline.learn import Settings, learn
from epipose.pipeline.lesson_examples import HoldOut, cut_examples
from epipose.pipeline.progress import no_report
from epipose.pipeline.reconstruct import reconstruct
from epipose.pipeline.teaching import TRUTH, load_teaching
from epipose.training.examination import examine
from epipose.training.model_files import read_model
from epipose.training.recorded_examples import Cut

SCENES = {
    "ring, turning": "--rig ring --cameras 4 --motion turn --seed 21 --size 640 480",
    "Human3.6M's rig, dancing": "--rig human36m --motion dance --seed 22 --size 500 500",
}
EVERYWHERE = "--seconds 20 --frame-rate 25"
DETECTOR, SHARE = "builtin", "0.25"
LABELS = {"the truth": ("given", "supervised"), "cameras given": ("given", "self-supervised"),
          "cameras from people": ("people", "self-supervised")}  # fmt: skip
BARS = {"cameras given": 1.10, "cameras from people": 1.15}
REFINED, REFINED_FROM = {"refined": "refine", "refined by the truth": "refine-supervised"}, "cameras given"
LEAST_REFINED = 0.20
"""Of the error, that refinement should take away."""
HEADER = ("scene", "labels", "MPJPE, mm", "PA-MPJPE, mm", "compared", "bar", "")


def main(seeds: Sequence[int], steps: int | None, folder: Path | None) -> None:
    """Print the table that docs/benchmarks.md quotes."""
    rows: list[tuple[str, ...]] = []
    for scene, arguments in SCENES.items():
        places = prepared(f"{arguments} {EVERYWHERE}".split(), folder or cache_folder())
        marks = {label: _marks(places, label, seeds, steps) for label in LABELS}
        best = marks["the truth"][:, 0].mean()
        for label, found in marks.items():
            ratio, bar = found[:, 0].mean() / best, BARS.get(label)
            bars = (f"<= {bar}", met(ratio, bar)) if bar else ("", "")
            rows.append((scene, label, *_told(found), f"{ratio:.2f} of the truth's", *bars))
        before = marks[REFINED_FROM][:, 0].mean()
        for label, recipe in REFINED.items():
            found = _refined(places, recipe, seeds)
            change = found[:, 0].mean() / before - 1
            bars = f"<= {-LEAST_REFINED:.0%}", met(change, -LEAST_REFINED)
            rows.append((scene, f"{REFINED_FROM}, {label}", *_told(found), f"{change:+.0%}", *bars))
    print_table("Taught by cameras and by the truth, marked against the truth", HEADER, rows)


def _told(marks: np.ndarray) -> list[str]:
    return [f"{mean:.1f} +- {spread:.1f}" for mean, spread in zip(marks.mean(axis=0), marks.std(axis=0), strict=True)]


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
    return np.array(
        [
            _taught(
                places[cameras],
                places["given"],
                Settings(recipe=recipe, name=f"{recipe}-{seed}", seed=seed, steps=steps),
            )
            for seed in seeds
        ]
    )


def _refined(places: dict[str, Path], recipe: str, seeds: Sequence[int]) -> np.ndarray:
    """Return the same of what `_marks` taught, refined."""
    cameras, finding = LABELS[REFINED_FROM]
    return np.array(
        [
            _taught(
                places[cameras],
                places["given"],
                Settings(recipe=recipe, name=f"{recipe}-{seed}", seed=seed, start=f"{finding}-{seed}"),
            )
            for seed in seeds
        ]
    )


def _taught(capture: Path, true: Path, settings: Settings) -> tuple[float, float]:
    """Return MPJPE and PA-MPJPE (mm), against the truth of a capture, of a network that is taught by one."""
    begun = time.perf_counter()
    file = learn([capture], replace(settings, hold_out=SHARE, detector=DETECTOR)).file
    errors = marked(file, true)
    minutes = (time.perf_counter() - begun) / 60
    print(f"{capture.name}, {settings.name}: {errors['mpjpe_mm']:.1f} mm, {minutes:.1f} min", flush=True)
    return errors["mpjpe_mm"], errors["pa_mpjpe_mm"]


def marked(file: Path, capture: Path) -> dict[str, float]:
    """Return the errors of a network on the frames of a capture that are held out, against its truth."""
    teachings = [load_teaching(capture, TRUTH, DETECTOR, no_report)]
    hold_out = HoldOut.parse(SHARE, teachings)
    net = as_found(file)
    names = read_model(file)[0].skeleton.joint_names
    cut = Cut(net.size, "box")
    examples = cut_examples(teachings, hold_out, cut, capture / "truth-examples", no_report).held_out
    return examine(net, examples.of_joints(names), np.arange(len(examples)))[1].errors()


def as_found(file: Path) -> PictureNet:
    """Return the network of a model file, of `small` as it is or refined."""
    description, weights = read_model(file)
    net: PictureNet = SmallNet(len(description.skeleton))
    if any(name.startswith("correction.") for name in weights):
        net = RefinedNet(net, Correction(description.skeleton))
    told = net.load_state_dict(weights, strict=False)
    assert all(name.endswith("num_batches_tracked") for name in told.missing_keys), told
    return net.eval()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare networks taught by cameras with one taught by the truth.")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of learning (default: 0 1 2)")
    parser.add_argument("--steps", type=int, default=None, help="of learning (default: as the recipe has it)")
    parser.add_argument("--folder", type=Path, help="where recordings are kept (default: the user's cache)")
    options = parser.parse_args()
    main(options.seeds, options.steps, options.folder)
