"""Teaching structured networks (Tekin et al., BMVC 2016) by recordings, all stages or one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from epipose.errors import InputError
from epipose.pipeline.lesson_sources import LessonSource
from epipose.pipeline.progress import Report
from epipose.training.recorded_examples import Cut

if TYPE_CHECKING:
    from epipose.io.model_files import ModelDescription
    from epipose.training.courses import Course, Taught
    from epipose.training.loop import Point, Watch
    from epipose.training.structured_course import Head, Lessons, StructuredCourse

Stages = Literal["all", "poses", "joints", "codes", "together"]
EARLY = ("poses", "joints", "codes")
"""Those after which there is no network yet that answers with poses."""
USUAL_STEPS, BATCH = 500, 128
"""Batches of pictures for the codes, and again for all layers together, where nobody says how many; and their size."""


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What a structured network consists of, and what of it is to be taught."""

    trunk: str = "cnn"
    """What sees the picture: one of `training.structured_course.TRUNKS`."""
    hidden: tuple[int, ...] = (2000,)
    """Units of the autoencoder's layers, the lowest first; the last layer's are the code."""
    head: "Head" = "autoencoder"
    """What decodes poses: one of `training.structured_course.HEADS`."""
    stage: Stages = "all"
    """One stage takes up what those before it left in the network's folder."""

    @property
    def model(self) -> str:
        """Return what to call such a network."""
        return f"structured-{self.trunk}" if self.head == "autoencoder" else f"{self.head}-{self.trunk}"


def parse_hidden(text: str) -> tuple[int, ...]:
    """Read the units of layers, such as 2000 or 300-300; raises InputError for anything else."""
    parts = text.split("-")
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"cannot read {text!r} as the units of layers; give numbers such as 2000 or 300-300")
    return tuple(map(int, parts))


@dataclass(frozen=True, eq=False)
class StructuredGoal:
    """What is to be taught, by what, and where it goes."""

    course: "StructuredCourse"
    lessons: "Lessons"
    place: Path
    """The folder of the stages."""


def structured_goal(
    course: "Course", structure: Structure, source: LessonSource, place: Path, progress: Report
) -> StructuredGoal:  # fmt: skip
    """Cut the pictures, choose the poses; raises InputError for recordings that cannot teach whole poses."""
    from epipose.training import structured_course
    from epipose.training.courses import box_variation
    from epipose.training.structured_lesson import AnyPart, WholePoses

    told = structured_course.StructuredCourse(
        course.name, structure.trunk, course.start, structure.hidden, structure.head, course.steps,
        batch=course.batch, seed=course.seed,
        variation=AnyPart() if structure.trunk == structured_course.CNN else box_variation(source.obstacle),
    )  # fmt: skip
    cut = Cut(structured_course.trunk_size(structure.trunk))
    examples = source.examples(cut, place / "examples", progress)
    learned, held_out = (WholePoses.of(part) for part in (examples.learned, examples.held_out))
    lessons = structured_course.Lessons(source.poses(), learned, held_out)
    return StructuredGoal(told, lessons, place / "stages")


def teach_stage(goal: StructuredGoal, stage: str, watch: "Watch") -> tuple["Point", ...]:
    """Teach one of the stages EARLY; return how it went."""
    from epipose.training.structured_course import teach_codes, teach_joints, teach_poses

    if stage == "poses":
        return teach_poses(goal.course, goal.lessons.poses, goal.place, watch)
    return (teach_joints if stage == "joints" else teach_codes)(goal.course, goal.lessons, goal.place, watch)


def teach_structured(
    goal: StructuredGoal, structure: Structure, description: "ModelDescription", watch: "Watch"
) -> "Taught":
    """Teach the last stage and, unless it is to be alone, those before it; their learning is part of its curve."""
    from epipose.training.structured_course import teach_together

    before: tuple[Point, ...] = ()
    if structure.stage == "all" and structure.head == "autoencoder":
        teach_stage(goal, "poses", watch)
        before = teach_stage(goal, "codes", watch)
    taught = teach_together(goal.course, goal.lessons, description, goal.place, watch)
    if not before:
        return taught
    steps, seconds = before[-1].step, before[-1].seconds
    after = (replace(point, step=steps + point.step, seconds=seconds + point.seconds) for point in taught.points)
    return replace(taught, points=(*before, *after))
