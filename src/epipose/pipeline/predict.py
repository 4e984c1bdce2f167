"""The stage that sees people in 3D with one camera: pictures, videos or a webcam become poses, by a network."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from epipose import detectors, exporters, plugins
from epipose.detectors import Detector
from epipose.errors import InputError
from epipose.io.animation_writing import animation_writer
from epipose.io.files import atomic_write
from epipose.io.model_files import ModelDescription
from epipose.io.pictures import write_jpeg
from epipose.io.pose_files import write_poses
from epipose.io.video_writing import h264, video_writer
from epipose.io.videos import Frame
from epipose.pipeline.export import export
from epipose.pipeline.inputs import default_detector
from epipose.pipeline.placement import Placement, placement
from epipose.pipeline.progress import Report, no_report
from epipose.pipeline.sources import Opened, Source, open_source
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton
from epipose.report.overlay import Painter, shown_size
from epipose.runtime.networks import find_network, open_network
from epipose.runtime.placing import Measure, Person
from epipose.runtime.predictor import Predictor
from epipose.threads import ahead, behind, one_blas_thread

MODEL = "small"
WAITING = 4
"""Frames that are read before, or drawn after, they are looked at."""
OVERLAY = h264(23, preset="veryfast")

People = tuple[Person, ...]
Painted = Callable[[tuple[Frame, People]], None]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What was seen, and where it was written."""

    poses: Poses
    measure: Measure
    """What positions mean."""
    meaning: str
    """The same in words, with where the size comes from."""
    people: tuple[People, ...]
    """Of each frame, before the camera."""
    folder: Path
    files: tuple[Path, ...]
    frames_per_second: float
    """At which everything was done, reading and drawing included."""
    notes: tuple[str, ...]

    @property
    def frames_with_people(self) -> int:
        """How many frames show anybody."""
        return sum(bool(people) for people in self.people)


@one_blas_thread
def predict(
    source: str | Path,
    *,
    model: str = MODEL,
    detector: str | None = None,
    cameras: Path | None = None,
    intrinsics: Path | None = None,
    height_m: float | None = None,
    out: Path | None = None,
    formats: Sequence[str] = (),
    overlay: bool = True,
    animation: bool = False,
    frame_rate: float | None = None,
    progress: Report = no_report,
) -> Prediction:
    """See the people in `source` in 3D; writes poses.npz, prediction.json, an overlay and exports into `out`.

    `source`: a picture, a folder of pictures (frames of a video if `frame_rate` in 1/s is given), a video, or the
    number of a webcam, which is watched until the program is interrupted. `model`: a model that comes with epipose or
    that the capture taught, its folder, or a model file. `detector` shows the network where people are (the builtin
    one) or, to one of kind "lift", their joints: the one it was taught by, else MediaPipe, where that is installed.
    `cameras`: a camera file; poses are then in its world. `intrinsics`: one of which only the lens is taken.
    `height_m` (m): people's stature. `animation`: the overlay's first seconds also as a small animated picture. Raises
    InputError for input that cannot be used.
    """
    view = open_source(source, frame_rate)
    if animation and view.kind == "pictures":
        raise InputError("only a video can be an animation; if the pictures are its frames, give their --frame-rate")
    network = open_network(find_network(model, view.capture))
    seer, foreign = _detector(detector, network.description)
    for name in formats:
        plugins.load(exporters, name)
    with view.opened() as opened:
        placed = placement(view.name, opened.size_wh, cameras, intrinsics, view.rotation)
        predictor = Predictor(network, seer, lens=placed.lens, height_m=height_m)
        folder = out or view.out
        run = _watch(view, opened, predictor, _Drawn(folder, overlay, animation), progress)
    poses = _poses(run.people, run.times, placed, predictor.skeleton)
    path = folder / "poses.npz"
    write_poses(path, poses)
    nobody = not any(run.people)
    terms = network.description.terms
    notes = [*view.notes, *placed.notes, *foreign, *([terms] if terms else [])]
    if nobody:
        notes.append(f"nobody was found in {source}")
    files = [path, *run.files, *([] if nobody or not formats else export(path, formats, folder))]
    meaning = f"{placed.words(predictor.measure)}; size from {predictor.size_source}"
    told = {"model": network.description.name, "measure": predictor.measure, "meaning": meaning, "terms": terms}
    world = None if placed.world is None else placed.world.name
    files.append(_tell(folder / "prediction.json", {**told, "world": world}, view, run))
    return Prediction(
        poses, predictor.measure, meaning, run.people, folder, tuple(files), run.frames_per_second, tuple(notes)
    )


def _detector(name: str | None, described: ModelDescription) -> tuple[Detector, tuple[str, ...]]:
    """Return a detector, and what to know of its choice; raises InputError if it is not there or its extra is missing.

    A network that lifts a detector's joints knows that detector's errors, and no other's.
    """
    taught_by = described.detector
    usual = "builtin" if described.kind == "crop" else taught_by if _installed(taught_by) else default_detector()
    chosen: Detector = plugins.load(detectors, name or usual)
    _ = chosen.version
    if taught_by in ("", name or usual):
        return chosen, ()
    return chosen, (
        f"{described.name} was taught by the keypoints of {taught_by} and is shown those of {name or usual}, which err"
        f" in other ways: expect much larger errors, or use {taught_by} with --detector",
    )


def _installed(detector: str) -> bool:
    with suppress(InputError):
        _ = plugins.load(detectors, detector).version
        return True
    return False


@dataclass(frozen=True, eq=False)
class _Run:
    people: tuple[People, ...]
    times: tuple[float, ...]
    frames_per_second: float
    files: tuple[Path, ...]


@dataclass(frozen=True)
class _Drawn:
    """Which pictures are wanted, and where."""

    folder: Path
    overlay: bool
    animation: bool


def _watch(view: Source, opened: Opened, predictor: Predictor, drawn: _Drawn, progress: Report) -> _Run:
    """Look at every frame, while others are read and drawn in threads of their own."""
    seen: list[tuple[float, People]] = []
    files: list[Path] = []
    start = time.perf_counter()
    with (
        _overlay(view, opened, predictor, drawn, files) as paint,
        _looking(view, predictor) as look,
        ahead(opened.frames, WAITING) as frames,
    ):
        try:
            for frame in frames:
                _same_size(view, frame, opened.size_wh, predictor)
                people = look(frame)
                paint((frame, people))
                seen.append((frame.time, people))
                progress(view.name, len(seen), max(view.count or 0, len(seen)))
        except KeyboardInterrupt:
            # A webcam has no end but the user's: what was seen until then is kept.
            if view.kind != "webcam":
                raise
    if not seen:
        raise InputError(f"{view.name} showed no picture; check the camera")
    seconds = time.perf_counter() - start
    return _Run(
        tuple(people for _, people in seen), tuple(moment for moment, _ in seen), len(seen) / seconds, tuple(files)
    )


@contextmanager
def _looking(view: Source, predictor: Predictor) -> Iterator[Callable[[Frame], People]]:
    """Yield what finds the people in a frame: in a video, who they are; in pictures, each by itself."""
    if view.kind == "pictures":
        yield lambda frame: next(predictor.pictures([frame.image]))
        return
    with predictor.stream() as stream:
        yield lambda frame: stream.look(frame.image, frame.time)


def _same_size(view: Source, frame: Frame, size_wh: tuple[int, int], predictor: Predictor) -> None:
    if view.kind == "pictures" and predictor.has_lens and frame.image.shape[1::-1] != size_wh:
        raise InputError(f"{view.files[frame.index]} differs in size from the first picture, which the lens is for")


@contextmanager
def _overlay(view: Source, opened: Opened, predictor: Predictor, drawn: _Drawn, files: list[Path]) -> Iterator[Painted]:
    """Yield what draws a frame, in a thread of its own; `files` gets what is written. Nothing if none is wanted."""
    if not (drawn.overlay or drawn.animation):
        yield lambda _: None
        return
    with ExitStack() as stack:
        if view.kind == "pictures":
            draw = _on_pictures(view, predictor, drawn.folder, files)
        else:
            draw = _on_video(opened, predictor, drawn, files, stack)
        yield stack.enter_context(behind(draw, WAITING))


def _on_pictures(view: Source, predictor: Predictor, folder: Path, files: list[Path]) -> Painted:
    places = _picture_places(view, folder)
    files.extend(places)

    def draw(item: tuple[Frame, People]) -> None:
        # One painter for each: they have no scale, nor a corner for the inset, in common.
        painter = Painter(predictor.skeleton, placed=predictor.has_lens)
        write_jpeg(places[item[0].index], painter.paint(item[0].image, item[1]))

    return draw


def _on_video(opened: Opened, predictor: Predictor, drawn: _Drawn, files: list[Path], stack: ExitStack) -> Painted:
    painter = Painter(predictor.skeleton, placed=predictor.has_lens)
    size_wh, rate = shown_size(opened.size_wh), Fraction(opened.frame_rate).limit_denominator(1001)
    append = animate = None
    if drawn.overlay:
        files.append(drawn.folder / "overlay.mp4")
        append = stack.enter_context(video_writer(files[-1], size_wh, rate, OVERLAY))
    if drawn.animation:
        files.append(drawn.folder / "overlay.webp")
        animate = stack.enter_context(animation_writer(files[-1], size_wh, rate))

    def draw(item: tuple[Frame, People]) -> None:
        frame, people = item
        picture = painter.paint(frame.image, people, frame.time)
        if append is not None:
            append(picture)
        if animate is not None:
            animate(picture, frame.time)

    return draw


def _picture_places(view: Source, folder: Path) -> list[Path]:
    if view.path.is_file():
        return [folder / "overlay.jpg"]
    stems = [file.stem for file in view.files]
    names = [file.stem if stems.count(file.stem) == 1 else file.name for file in view.files]
    return [folder / "overlay" / f"{name}.jpg" for name in names]


def _poses(people: Sequence[People], times: Sequence[float], placed: Placement, skeleton: Skeleton) -> Poses:
    """Return everybody in the world, each in the slot of the same number."""
    slots = 1 + max((person.slot for frame in people for person in frame), default=-1)
    shape = (len(times), slots, len(skeleton))
    positions, sigma, weight = (
        np.zeros((*shape, 3), np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
    )
    for index, frame in enumerate(people):
        for person in frame:
            at = index, person.slot
            known = person.weight > 0
            world = placed.world_from_cam.apply(person.joints.astype(np.float64))
            positions[at] = np.where(known[:, None], world, 0)
            sigma[at], weight[at] = np.where(known, person.sigma, 0), person.weight
    return Poses(positions, sigma, weight, np.array(times), skeleton)


def _tell(path: Path, told: dict[str, Any], view: Source, run: _Run) -> Path:
    """Write what the numbers in the other files mean, and what each frame is."""
    boxes = [[[round(float(edge), 1) for edge in person.box] for person in people] for people in run.people]
    slots = [[person.slot + 1 for person in people] for people in run.people]
    table = {
        **told,
        "source": str(view.path) if view.kind != "webcam" else view.name,
        "pictures": [file.name for file in view.files],
        "times_s": [round(moment, 6) for moment in run.times],
        "people": slots,
        "squares_px": boxes,
    }
    with atomic_write(path, "w") as file:
        json.dump(table, file, ensure_ascii=False, allow_nan=False)
        file.write("\n")
    return path
