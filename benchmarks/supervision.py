"""What it costs to have no labels: networks taught by cameras instead of by the truth, and refined.

    python -m benchmarks.supervision [--detector builtin] [--seeds 0 1 2] [--steps N] [--folder FOLDER]

A synthetic recording in Human3.6M's rig, 30 s of somebody dancing, is reconstructed twice: with its cameras given, and
with nothing but its lenses. Keypoints are those of a good detector (`benchmarks.studio_keypoints`: noise of 1 % of the
person's box, joints missed, sides confused for a second), or of the one that is named. `small` is taught thrice on the
same frames: by the truth, and by either triangulation; a Refinement Unit behind the second then corrects it, taught
without and with the truth. All are marked on the last quarter of the frames, which none has seen, against the truth,
from the root, with the person's distance known. Published, on Human3.6M: 76.6 / 51.8 = 1.48 with cameras given; 76.6 to
60.5 by refinement.
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
from benchmarks.studio_keypoints import Noise, write_truth_keypoints
from epipose.cli import main as epipose
from epipose.io.fingerprints import fingerprint
from epipose.io.truth_files import read_truth
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

SCENE = "--rig human36m --motion dance --seed 22 --size 500 500 --seconds 30 --frame-rate 10"
MADE, SHARE = "truth", "0.25"
"""The detector whose keypoints are made from the truth, and what is held out."""
LABELS = {"the truth": ("given", "supervised"), "cameras given": ("given", "self-supervised"),
          "cameras from people": ("people", "self-supervised")}  # fmt: skip
BARS = {"cameras given": 1.10, "cameras from people": 1.15}
BEST, REFINED = "the truth", "cameras given"
REFINING = {"refined": "refine", "refined by the truth": "refine-supervised"}
LEAST_REFINED = 0.20
"""Of the error, that refinement should take away."""
HEADER = ("labels", "MPJPE, mm", "PA-MPJPE, mm", "compared", "bar", "")


def main(detector: str, seeds: Sequence[int], steps: int | None, folder: Path) -> None:
    """Print the table that docs/benchmarks.md quotes."""
    places = prepared(folder, detector)
    usual = Settings(hold_out=SHARE, detector=detector, steps=steps)
    marks = {
        label: _marks(
            places, cameras, [replace(usual, recipe=recipe, name=f"{recipe}-{seed}", seed=seed) for seed in seeds]
        )
        for label, (cameras, recipe) in LABELS.items()
    }
    rows: list[tuple[str, ...]] = []
    for label, found in marks.items():
        ratio, bar = found[:, 0].mean() / marks[BEST][:, 0].mean(), BARS.get(label)
        bars = (f"<= {bar}", met(ratio, bar)) if bar else ("", "")
        rows.append((label, *_told(found), f"{ratio:.2f} of the truth's", *bars))
    cameras, finding = LABELS[REFINED]
    for label, recipe in REFINING.items():
        to = [replace(usual, recipe=recipe, name=f"{recipe}-{seed}", start=f"{finding}-{seed}", seed=seed, steps=None)
              for seed in seeds]  # fmt: skip
        found = _marks(places, cameras, to)
        change = found[:, 0].mean() / marks[REFINED][:, 0].mean() - 1
        bars = f"<= {-LEAST_REFINED:.0%}", met(change, -LEAST_REFINED)
        rows.append((f"{REFINED}, {label}", *_told(found), f"{change:+.0%}", *bars))
    print_table(f"Taught by cameras and by the truth, keypoints by `{detector}`", HEADER, rows)


def _told(marks: np.ndarray) -> list[str]:
    return [f"{mean:.1f} +- {spread:.1f}" for mean, spread in zip(marks.mean(axis=0), marks.std(axis=0), strict=True)]


def prepared(folder: Path, detector: str) -> dict[str, Path]:
    """Return captures of the scene, reconstructed with its cameras given and from people."""
    scene = folder / f"supervision-{fingerprint(SCENE)[:10]}"
    if not (scene / "truth" / "scene.json").is_file() and epipose(["synthesize", str(scene), *SCENE.split()]) != 0:
        raise SystemExit(f"the scene {SCENE} could not be made")
    if detector == MADE:
        write_truth_keypoints(scene, read_truth(scene / "truth"), Noise(seed=0))
    places = {cameras: scene.with_name(f"{scene.name}-{detector}-{cameras}") for cameras in ("given", "people")}
    for cameras, place in places.items():
        if not (place / "report.json").is_file():
            shutil.copytree(scene, place, dirs_exist_ok=True)
            reconstruct(place, detector=detector, cameras={"given": "auto"}.get(cameras, cameras))
    return places


def _marks(places: dict[str, Path], cameras: str, courses: Sequence[Settings]) -> np.ndarray:
    """Return MPJPE and PA-MPJPE (mm) of each network."""
    return np.array([_taught(places[cameras], places["given"], settings) for settings in courses])


def _taught(capture: Path, true: Path, settings: Settings) -> tuple[float, float]:
    """Return MPJPE and PA-MPJPE (mm), against the truth of a capture, of a network that is taught by one."""
    begun = time.perf_counter()
    errors = marked(learn([capture], settings).file, true, settings.detector)
    minutes = (time.perf_counter() - begun) / 60
    print(f"{capture.name}, {settings.name}: {errors['mpjpe_mm']:.1f} mm, {minutes:.1f} min", flush=True)
    return errors["mpjpe_mm"], errors["pa_mpjpe_mm"]


def marked(file: Path, capture: Path, detector: str) -> dict[str, float]:
    """Return the errors of a network on the frames of a capture that are held out, against its truth."""
    teachings = [load_teaching(capture, TRUTH, detector, no_report)]
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
    parser.add_argument(
        "--detector", default=MADE, help="what finds keypoints (default: made from the truth, with noise)"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of learning (default: 0 1 2)")
    parser.add_argument("--steps", type=int, default=None, help="of learning (default: as the recipe has it)")
    parser.add_argument("--folder", type=Path, help="where recordings are kept (default: the user's cache)")
    options = parser.parse_args()
    main(options.detector, options.seeds, options.steps, options.folder or cache_folder())
