"""How fast the network of Tekin et al. (BMVC 2016) learns and answers.

    python -m benchmarks.structured_speed [--folder FOLDER]

One synthetic recording (as in `benchmarks.structured_learning`) is cut into crops. Loading: crops made by one process,
all else left out. Learning: what `epipose learn` does from one batch of 128 to the next, examples made beside it, the
first batches not counted. Answering: ONNX Runtime with all cores, crop by crop, and eight crops together.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.measures import met, print_table
from benchmarks.structured_learning import FIRST_SEED, LENGTH, SCENE
from benchmarks.studio import Setting, cache_folder, synthesized
from benchmarks.studio_keypoints import Noise, write_truth_keypoints
from epipose.geometry.crop_frames import MARGIN
from epipose.io.model_files import ModelDescription
from epipose.io.truth_files import read_truth
from epipose.models.structured import StructuredNet, direct_decoder
from epipose.pipeline.lesson_examples import HoldOut, cut_examples, seen_poses
from epipose.pipeline.progress import no_report
from epipose.pipeline.teaching import TRUTH, load_teaching
from epipose.runtime.networks import open_network
from epipose.training.loop import Plan, Point, fit
from epipose.training.model_files import model_bytes
from epipose.training.recorded_examples import Cut
from epipose.training.structured_course import Lessons, StructuredCourse, new_structured, trunk_size
from epipose.training.structured_lesson import StructuredLesson, WholePoses

LEAST_LEARNED, LEAST_LOADED, MOST_MS = 60.0, 5.0, 6.0
"""Crops a second; times that of loading; milliseconds of a crop."""
STEPS, WARM = 24, 8
HEADER = ("what", "measured", "bar", "")


def main(folder: Path, course: StructuredCourse, steps: int = STEPS, warm: int = WARM) -> None:
    """Print the table that docs/benchmarks.md quotes."""
    with TemporaryDirectory() as scratch:
        lessons = prepared(folder, Path(scratch), course)
        lesson = StructuredLesson(untaught(course, lessons), None, course.shown(lessons), lessons.held_out)
        loaded, learned = loading(lesson, course.batch), learning(lesson, course.batch, steps, warm, Path(scratch))
        one, eight = answering(course, lessons, Path(scratch))
    rows = [
        ("learning, crops/s", f"{learned:.0f}", f">= {LEAST_LEARNED:.0f}", met(-learned, -LEAST_LEARNED)),
        ("loading, crops/s", f"{loaded:.0f}", f">= {LEAST_LOADED:.0f} x", met(-loaded, -LEAST_LOADED * learned)),
        ("answering, ms", f"{one:.1f}", f"<= {MOST_MS:.0f}", met(one, MOST_MS)),
        ("answering, ms each of eight", f"{eight:.1f}", "", ""),
    ]
    print_table("The network of 2016", HEADER, rows)


def prepared(folder: Path, scratch: Path, course: StructuredCourse) -> Lessons:
    """Return the lessons of one recording, made unless it is there."""
    capture = synthesized(Setting("person", SCENE, FIRST_SEED, length=LENGTH), folder)
    write_truth_keypoints(capture, read_truth(capture / "truth"), Noise(FIRST_SEED))
    teachings = [load_teaching(capture, TRUTH, "truth", no_report)]
    hold_out = HoldOut(share=0.25)
    examples = cut_examples(teachings, hold_out, Cut(trunk_size(course.trunk)), scratch, no_report)
    return Lessons(seen_poses(teachings, hold_out), WholePoses.of(examples.learned), WholePoses.of(examples.held_out))


def untaught(course: StructuredCourse, lessons: Lessons) -> StructuredNet:
    """Return a network that decodes codes of the published size."""
    decoder = direct_decoder(torch.zeros(3 * len(lessons.skeleton)), torch.tensor(250.0), course.hidden)
    return new_structured(course, lessons, decoder)


def loading(lesson: StructuredLesson, batch: int) -> float:
    """Return crops a second that one process makes."""
    lesson.batch(0)
    begun = time.perf_counter()
    for number in range(1, 6):
        lesson.batch(number)
    return 5 * batch / (time.perf_counter() - begun)


def learning(lesson: StructuredLesson, batch: int, steps: int, warm: int, scratch: Path) -> float:
    """Return crops a second that are learned from."""
    moments = {}

    def watch(step: int, _: int, __: tuple[Point, ...]) -> None:
        moments[step] = time.perf_counter()

    fit(lesson, Plan(steps, scored=1), scratch / "checkpoint.pt", watch=watch, workers=1)
    # The last step is scored, too.
    return (steps - 1 - warm) * batch / (moments[steps - 1] - moments[warm])


def answering(course: StructuredCourse, lessons: Lessons, scratch: Path) -> tuple[float, float]:
    """Return milliseconds of a crop, alone and among eight."""
    file = scratch / "speed.onnx"
    described = ModelDescription("speed", "crop", lessons.skeleton, trunk_size(course.trunk), MARGIN)
    file.write_bytes(model_bytes(untaught(course, lessons), described))
    network, found = open_network(file), []
    for count in (1, 8):
        given = np.random.default_rng(0).integers(0, 256, (count, described.size, described.size, 3), np.uint8)
        seconds = []
        for _ in range(50):
            begun = time.perf_counter()
            network(given)
            seconds.append(time.perf_counter() - begun)
        found.append(1000 * float(np.median(seconds)) / count)
    return found[0], found[1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure how fast the network of 2016 learns and answers.")
    parser.add_argument("--folder", type=Path, help="where recordings are kept (default: the user's cache)")
    main(parser.parse_args().folder or cache_folder(), StructuredCourse("speed"))
