"""Whether poses by way of an autoencoder's codes are better than poses said at once (Tekin et al., BMVC 2016).

    python -m benchmarks.structured_learning [--rows cnn small] [--seeds 0 1 2] [--steps N] [--folder FOLDER]

18 synthetic people are filmed by Human3.6M's rig, each for 30 s at 10 frames a second: 21,600 crops; networks learn
from 17 of them by the truth, and are marked on the 18th. `cnn`: the network of 2016, whose poses are decoded by an
autoencoder, with --steps batches of 128 crops for its codes and as many for all together; and, to compare, with as
many batches in all: by nothing, which is direct regression; by principal components (as many as a pose can have: codes
of 2000 numbers it has not); and by an untaught layer of 2000. `small`: that network as it comes with epipose, taught
--steps batches of 32 crops; and its trunk, which begins as that does, with the three stages and with direct regression.
MPJPE is from the pelvis, with the person's distance known; bones and symmetry are mean differences of lengths, from the
truth and of left from right. Means over seeds, with their spread.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measures import print_table
from benchmarks.studio import Setting, cache_folder, synthesized
from benchmarks.studio_keypoints import Noise, write_truth_keypoints
from epipose.io.truth_files import read_truth
from epipose.pipeline.learn import Settings, learn
from epipose.pipeline.learn_structured import Structure
from epipose.report.learning import LearningReport

PEOPLE, FIRST_SEED = 18, 201
SCENE, LENGTH = "--rig human36m --size 500 500", "--seconds 30 --frame-rate 10"
MEASURES = ("mpjpe_mm", "pa_mpjpe_mm", "bone_length_mm", "symmetry_mm")
HEADER = ("network", "MPJPE, mm", "PA-MPJPE, mm", "bones, mm", "symmetry, mm", "learning, min")


@dataclass(frozen=True)
class Row:
    """A way to teach."""

    words: str
    recipe: str
    structure: Structure = Structure()  # noqa: RUF009 - it is frozen

    @property
    def name(self) -> str:
        """Return what to call its networks."""
        return self.structure.model if self.recipe.startswith("structured") else self.recipe


CODES, AT_ONCE = "structured-supervised", "supervised"
ROWS = {
    "cnn": (
        Row("cnn, autoencoder of 2000", CODES),
        Row("cnn, at once", CODES, Structure(head="direct")),
        Row("cnn, principal components", CODES, Structure(head="pca")),
        Row("cnn, untaught layer of 2000", CODES, Structure(head="dense")),
    ),
    "small": (
        Row("small, as it is", AT_ONCE),
        Row("small, autoencoder of 2000", CODES, Structure(trunk="small")),
        Row("small, at once", CODES, Structure(trunk="small", head="direct")),
    ),
}


def main(chosen: Sequence[str], seeds: Sequence[int], steps: int, folder: Path) -> None:
    """Print the table that docs/benchmarks.md quotes."""
    people = recorded(folder)
    rows = [told(row, [taught(people, row, seed, steps) for seed in seeds]) for key in chosen for row in ROWS[key]]
    print_table(f"{PEOPLE - 1} people learned from, one held out, {steps} steps", HEADER, rows)


def recorded(folder: Path) -> list[Path]:
    """Return the recordings, made unless they are there; the last is held out."""
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + PEOPLE):
        capture = synthesized(Setting(f"person {seed}", SCENE, seed, length=LENGTH), folder)
        write_truth_keypoints(capture, read_truth(capture / "truth"), Noise(seed))
        found.append(capture)
    return found


def taught(people: Sequence[Path], row: Row, seed: int, steps: int) -> LearningReport:
    """Teach a network, or go on where that was interrupted."""
    settings = Settings(
        recipe=row.recipe,
        name=f"{row.name}-{steps}-{seed}",
        hold_out=people[-1].name,
        detector="truth",
        obstacle="none",
        steps=steps,
        seed=seed,
        structure=row.structure,
    )
    report = learn(people, settings)
    words = ", ".join(f"{key} {report.errors[key]:.1f}" for key in MEASURES)
    print(f"{settings.name}: {words}, {report.seconds / 60:.1f} min", flush=True)
    return report


def told(row: Row, reports: Sequence[LearningReport]) -> tuple[str, ...]:
    """Return a row of the table."""
    values = np.array([[report.errors[key] for key in MEASURES] for report in reports])
    minutes = np.mean([report.seconds / 60 for report in reports])
    pairs = zip(values.mean(axis=0), values.std(axis=0), strict=True)
    return (row.words, *(f"{mean:.1f} +- {spread:.1f}" for mean, spread in pairs), f"{minutes:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare poses by way of codes with poses said at once.")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="which networks (default: all)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of learning (default: 0 1 2)")
    parser.add_argument("--steps", type=int, default=500, help="of each stage (default: 500)")
    parser.add_argument("--folder", type=Path, help="where recordings are kept (default: the user's cache)")
    options = parser.parse_args()
    main(options.rows, options.seeds, options.steps, options.folder or cache_folder())
