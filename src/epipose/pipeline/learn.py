"""Teaching a network what several cameras know together, so that one of them is enough."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from epipose.errors import InputError
from epipose.geometry.crop_frames import MARGIN, FrameKind
from epipose.io.files import atomic_write
from epipose.io.model_files import ModelDescription
from epipose.io.places import is_address
from epipose.io.shard_writing import MARK
from epipose.io.shards import open_shards
from epipose.pipeline import learn_structured
from epipose.pipeline.learn_structured import Structure
from epipose.pipeline.learning_findings import describe_learning
from epipose.pipeline.lesson_examples import HoldOut
from epipose.pipeline.lesson_sources import Crops, LessonSource, Recordings
from epipose.pipeline.obstacles import Asked, obstacles_in_words, with_obstacles
from epipose.pipeline.progress import Report, no_report
from epipose.pipeline.recorded_sights import filmed_anew, recorded_sights
from epipose.pipeline.teaching import TRUTH, load_teaching
from epipose.report.learning import LearningReport, Pictured, write_learning_json, write_learning_report
from epipose.report.learning.card import model_card
from epipose.report.learning.summary import millimetres
from epipose.runtime.networks import find_network, network_names
from epipose.training.recorded_examples import Cut

if TYPE_CHECKING:
    from epipose.training.courses import Course, Taught
    from epipose.training.crop_examples import CropExamples
    from epipose.training.loop import Point, Watch

MODEL, LIFT, LIFT_SUPERVISED = "small", "lift", "lift-supervised"
REFINE, REFINE_SUPERVISED = "refine", "refine-supervised"
STRUCTURED, STRUCTURED_SUPERVISED = "structured", "structured-supervised"
LABELS = {"self-supervised": "triangulated", "supervised": TRUTH, LIFT: "triangulated", LIFT_SUPERVISED: TRUTH,
          REFINE: "triangulated", REFINE_SUPERVISED: TRUTH,
          STRUCTURED: "triangulated", STRUCTURED_SUPERVISED: TRUTH}  # fmt: skip
"""By recipe, which poses of a capture it takes for the truth."""
LIFTING = (LIFT, LIFT_SUPERVISED)
BY_CROPS = ("supervised", STRUCTURED_SUPERVISED)
"""Recipes that shards are enough for."""
REFINING = (REFINE, REFINE_SUPERVISED)
BY_STRUCTURE = (STRUCTURED, STRUCTURED_SUPERVISED)
USUAL_STEPS, REFINING_STEPS = 600, 400
"""Batches to learn from where nobody says how many."""
BATCH = dict.fromkeys(LIFTING, 256) | dict.fromkeys(REFINING, 128) | dict.fromkeys(BY_STRUCTURE, learn_structured.BATCH)
"""By recipe, people that are learned from at once; 32 pictures otherwise."""
CROPS: dict[str, FrameKind] = {"box": "box", "paper": "paper"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What a network may be called."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to teach."""

    recipe: str = "self-supervised"
    """One of LABELS."""
    model: str = MODEL
    """One of `training.courses.MODELS`; the recipes LIFTING have only one."""
    name: str = ""
    """Of the result; that of the model without."""
    start: str = "auto"
    """A model file to start from; "auto": the model of that kind that comes with epipose, if one does; or "none". To
    refine: the network, by its name or file; "auto": the first capture's models/<model>, else the one of epipose."""
    hold_out: str = "0.25"
    """What is kept for marking: the last share of the frames, or the name of a view."""
    crops: str = "box"
    """One of CROPS, what crops are cut by; "paper": the published 2 m around the root, whose depth has to be known."""
    obstacle: str = "auto"
    """Round obstacles before the cameras: "auto", "none", or where they are; see `pipeline.obstacles.Asked`."""
    detector: str = "auto"
    steps: int | None = None
    """Batches to learn from; as many as the recipe usually takes without."""
    seed: int = 0
    structure: Structure = Structure()  # noqa: RUF009 - it is frozen
    """For the recipes BY_STRUCTURE, instead of `model`."""


def learn(
    folders: Sequence[Path | str],
    settings: Settings = Settings(),
    *,
    progress: Report = no_report,
    note: Callable[[str], None] = lambda _: None,
) -> LearningReport:
    """Teach a network by recordings that were reconstructed, or by shards of crops, and return how good it is.

    Writes the network (ONNX), its card and its report into models/<name>/ of the first capture, of the folder of
    shards, or, for those at a URL, of the current folder. The same call goes on from a checkpoint there. `note` is
    told, now and then, how far errors have come.
    Raises InputError for captures and shards that cannot be learned from, with the remedy.
    """
    settings = _checked(settings, folders)
    source, to = _prepared(folders, settings, progress, note)
    made = _teaching_of(settings.recipe)(source, to)
    file = to.place / f"{settings.name}.onnx"
    report = describe_learning(
        to.course, made.taught, source, recipe=settings.recipe, file=file, held_out=made.held_out
    )
    for sentence in report.notes:
        note(sentence)
    terms = (to.description.terms,) if to.description.terms else ()
    report = replace(report, notes=(*report.notes, *to.obstacles, *terms), pictures=made.pictures)
    with atomic_write(file, "wb") as writing:
        writing.write(made.taught.file)
    with atomic_write(to.place / "card.md", "w") as card:
        card.write(model_card(report, _command(settings, folders)))
    write_learning_json(to.place / "learning.json", report)
    write_learning_report(to.place / "report.html", report)
    # Squares that were cut take gigabytes; whoever goes on with this network cuts them again in a minute.
    rmtree(to.place / "examples", ignore_errors=True)
    return report


def learn_stage(
    folders: Sequence[Path | str],
    settings: Settings,
    *,
    progress: Report = no_report,
    note: Callable[[str], None] = lambda _: None,
) -> tuple[Path, dict[str, float]]:
    """Teach a stage of a structured network that is not the last; return its file, and its errors on what is held out.

    Raises InputError as `learn` does, and where a stage before it is missing.
    """
    settings = _checked(settings, folders)
    stage = settings.structure.stage
    if stage not in learn_structured.EARLY:
        raise InputError(f"the stage {stage!r} makes a whole network; call learn for that")
    source, to = _prepared(folders, settings, progress, note)
    goal = _structured_goal(source, to)
    points = learn_structured.teach_stage(goal, stage, to.watch)
    return goal.place / f"{stage}.pt", points[-1].errors


@dataclass(frozen=True, eq=False)
class _Goal:
    """What is to be taught, and where it goes."""

    course: "Course"
    settings: Settings
    description: ModelDescription
    obstacles: tuple[str, ...]
    """What stands before the cameras, in sentences."""
    place: Path
    progress: Report
    watch: "Watch"

    @property
    def crops(self) -> FrameKind:
        return CROPS[self.settings.crops]

    @property
    def checkpoint(self) -> Path:
        return self.place / "checkpoint.pt"


def _prepared(
    folders: Sequence[Path | str], settings: Settings, progress: Report, note: Callable[[str], None]
) -> tuple[LessonSource, _Goal]:
    """Return what teaches, and what is to be made of it."""
    home = home_of(folders[0])
    course = _course(settings, home)
    if any(holds_shards(folder) for folder in folders):
        source: LessonSource = _crops(folders, settings)
        obstacles: Sequence[str] = ()
    else:
        source, obstacles = _recordings([Path(folder) for folder in folders], settings, progress)
    for sentence in obstacles:
        note(sentence)
    described = replace(_description(source, settings), terms=_terms(course.start))
    place, watch = home / "models" / settings.name, _watch(progress, note)
    return source, _Goal(course, settings, described, tuple(obstacles), place, progress, watch)


def _recordings(folders: Sequence[Path], settings: Settings, progress: Report) -> tuple[Recordings, Sequence[str]]:
    """Return what recordings teach, and what stands before their cameras, in sentences."""
    asked = Asked.parse(settings.obstacle)
    labels, by_pictures = LABELS[settings.recipe], settings.recipe not in LIFTING
    teachings = [
        load_teaching(folder, labels, settings.detector, progress, by_pictures=by_pictures) for folder in folders
    ]
    hold_out = HoldOut.parse(settings.hold_out, teachings)
    teachings = with_obstacles(teachings, asked, progress)
    return Recordings.of(teachings, hold_out), obstacles_in_words(teachings)


def _crops(folders: Sequence[Path | str], settings: Settings) -> Crops:
    """Return what shards teach; raises InputError for what they cannot."""
    if len(folders) > 1:
        raise InputError("shards are learned from one folder at a time; prepare all that is wanted into one")
    if settings.recipe not in BY_CROPS:
        raise InputError(
            f"{folders[0]} holds shards, whose crops say where joints are; add --recipe {' or '.join(BY_CROPS)}"
        )
    if settings.obstacle not in ("auto", "none"):
        raise InputError("nothing is known of obstacles before the cameras of shards; leave out --obstacle")
    return Crops.of(open_shards(folders[0]), settings.hold_out)


@dataclass(frozen=True, eq=False)
class _Made:
    """A network that was taught."""

    taught: "Taught"
    held_out: "CropExamples | None" = None
    """What it was marked on, where that was pictures."""
    pictures: tuple[Pictured, ...] = ()
    """Of what it does, for the report."""


def _teaching_of(recipe: str) -> Callable[[LessonSource, _Goal], _Made]:
    if recipe in BY_STRUCTURE:
        return _taught_structured
    return _taught_to_lift if recipe in LIFTING else _taught_to_see


def _taught_structured(source: LessonSource, to: _Goal) -> _Made:
    """Teach a network that says codes of whole poses."""
    from epipose.pipeline.structured_pictures import structured_pictures

    goal = _structured_goal(source, to)
    taught = learn_structured.teach_structured(goal, to.settings.structure, to.description, to.watch)
    pictures = structured_pictures(taught, goal.lessons, goal.place, to.place / "pictures")
    return _Made(taught, goal.lessons.held_out.examples, pictures)


def _structured_goal(source: LessonSource, to: _Goal) -> learn_structured.StructuredGoal:
    return learn_structured.structured_goal(to.course, to.settings.structure, source, to.place, to.progress)


def _taught_to_see(source: LessonSource, to: _Goal) -> _Made:
    """Teach a network that sees crops of pictures."""
    from epipose.training import courses

    course = replace(to.course, variation=courses.usual_variation(to.crops, obstacle=source.obstacle))
    cut = Cut(courses.picture_size(course), to.crops)
    examples = source.examples(cut, to.place / "examples", to.progress)
    given = course, examples.learned, examples.held_out, to.description, to.checkpoint, to.watch
    if to.settings.recipe not in REFINING:
        return _Made(courses.teach(*given), examples.held_out)
    from epipose.training.refine_course import refine

    return _Made(refine(*given, partial(to.progress, "find poses")), examples.held_out)


def _taught_to_lift(source: LessonSource, to: _Goal) -> _Made:
    """Teach a network that lifts the detector's keypoints, which sees no pictures."""
    from epipose.training.lift_course import teach_lift

    assert isinstance(source, Recordings), "shards teach nothing about detectors, and were refused"
    learned, held_out = recorded_sights(source.teachings, source.kept_back)
    anew = filmed_anew(source.teachings, source.kept_back)
    return _Made(teach_lift(to.course, learned, anew, held_out, to.description, to.checkpoint, to.watch))


def home_of(folder: Path | str) -> Path:
    """Return the folder beside whose contents networks are kept: the current one for a URL."""
    return Path() if is_address(folder) else Path(folder)


def holds_shards(folder: Path | str) -> bool:
    """Return whether a folder, or any URL, is to be read as shards."""
    return is_address(folder) or (Path(folder) / MARK).is_file()


def _course(settings: Settings, capture: Path) -> "Course":
    from epipose.training.courses import Course

    usual = dict.fromkeys(REFINING, REFINING_STEPS) | dict.fromkeys(BY_STRUCTURE, learn_structured.USUAL_STEPS)
    steps = settings.steps or usual.get(settings.recipe, USUAL_STEPS)
    course = Course(settings.model, settings.name, _start(settings, capture), steps, settings.seed)
    return replace(course, batch=BATCH[settings.recipe]) if settings.recipe in BATCH else course


def _checked(settings: Settings, folders: Sequence[Path | str]) -> Settings:
    """Return settings with their name; raises InputError for what cannot be."""
    if not folders:
        raise InputError("name a capture to learn from: the folder of a recording that was reconstructed")
    if settings.recipe not in LABELS:
        raise InputError(f"there is no recipe {settings.recipe!r}; choose from {', '.join(LABELS)}")
    if settings.crops not in CROPS:
        raise InputError(f"there are no crops of kind {settings.crops!r}; choose from {', '.join(CROPS)}")
    if settings.steps is not None and settings.steps < 1:
        raise InputError(f"{settings.steps} steps teach nothing; give 1 or more")
    if settings.recipe in LIFTING:
        settings = replace(settings, model=LIFT)
    if settings.recipe in BY_STRUCTURE:
        if settings.crops != "box":
            raise InputError("structured networks see the square around the person; leave out --crops")
        settings = replace(settings, model=settings.structure.model)
    elif settings.structure != Structure():
        raise InputError(
            f"only structured networks have a trunk, hidden layers, a head and stages; add --recipe {STRUCTURED}"
        )
    name = settings.name or _usual_name(settings)
    if not NAME.fullmatch(name):
        raise InputError(f"a network cannot be called {name!r}; use letters, digits, dots, dashes and underscores")
    return replace(settings, name=name)


def _usual_name(settings: Settings) -> str:
    if settings.recipe not in REFINING:
        return settings.model
    refined = settings.model if settings.start == "auto" else Path(settings.start).name
    return f"{refined.removesuffix('.onnx')}-refined"


def _start(settings: Settings, capture: Path) -> Path | None:
    """Return the file of the model to start from; raises InputError where there is none to be refined."""
    if settings.recipe in REFINING:
        if settings.start == "none":
            raise InputError("there is nothing to refine; name a network that was taught with --start")
        file = find_network(settings.model if settings.start == "auto" else settings.start, capture)
        if file.resolve() == (capture / "models" / settings.name / f"{settings.name}.onnx").resolve():
            raise InputError(f"{file} would be replaced by what it is refined to; give that a --name of its own")
        return file
    if settings.start == "none":
        return None
    if settings.start != "auto":
        return Path(settings.start)
    begins_as = settings.structure.trunk if settings.recipe in BY_STRUCTURE else settings.model
    return find_network(begins_as) if begins_as in network_names() else None


def _terms(start: Path | None) -> str:
    """Return the terms under which what begins as the network of a file may be used."""
    if start is None:
        return ""
    from epipose.training.model_files import read_model

    return read_model(start)[0].terms


def _description(source: LessonSource, settings: Settings) -> ModelDescription:
    """Return what the model file will say of itself."""
    names = ", ".join(path.resolve().name for path in source.paths)
    shown_by = set()
    if isinstance(source, Recordings) and settings.recipe in LIFTING:
        shown_by = {teaching.detector for teaching in source.teachings}
    return ModelDescription(
        settings.name,
        "crop",
        source.skeleton,
        size=0,
        margin=MARGIN,
        bone_lengths_m=source.bone_lengths_m(),
        note=f"{settings.recipe}, from {names}",
        detector=shown_by.pop() if len(shown_by) == 1 else "",
    )


def _watch(progress: Report, note: Callable[[str], None]) -> Callable[[int, int, tuple["Point", ...]], None]:
    """Return what tells people how far learning is."""

    def watch(step: int, steps: int, points: tuple["Point", ...]) -> None:
        progress("learn", step, steps)
        if points and points[-1].step == step:
            point = points[-1]
            error = point.errors.get("mpjpe_mm")
            note(f"step {step} of {steps}: loss {point.loss:.3f}" + (f", {millimetres(error)}" if error else ""))

    return watch


def _command(settings: Settings, folders: Sequence[Path | str]) -> list[str]:
    """Return the command line that makes the same network."""
    options = {"recipe": settings.recipe, "model": settings.model, "name": settings.name, "start": settings.start}
    options |= {"hold-out": settings.hold_out, "crops": settings.crops, "obstacle": settings.obstacle}
    options |= {"seed": str(settings.seed), "detector": settings.detector}
    if settings.steps is not None:
        options["steps"] = str(settings.steps)
    if settings.recipe in BY_STRUCTURE:
        structure = settings.structure
        del options["model"], options["crops"]
        options |= {"trunk": structure.trunk, "hidden": "-".join(map(str, structure.hidden)), "head": structure.head}
    words = [word for option, value in options.items() for word in (f"--{option}", value)]
    return ["epipose", "learn", *map(str, folders), *words]
