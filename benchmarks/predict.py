"""How many frames a second `epipose predict` sees, everything included, and what its parts take.

    python -m benchmarks.predict

A video of 640x480 with one person, made of the demo's recording, is predicted from its file to poses.npz, with and
without the overlay video. Networks that do not come with epipose are untrained: they do all their work, and their
answer is then replaced by the person as it is in the first frame, so that one crop a frame is looked at; the video is
of a few frames that are like it, played forth and back.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor, nn

from benchmarks.measures import met, print_table, timed
from epipose.geometry.crop_frames import box_frame
from epipose.geometry.images import mapped
from epipose.io.model_files import KEY, ModelDescription
from epipose.io.truth_files import read_truth
from epipose.io.video_writing import h264, video_writer
from epipose.io.videos import read_frames
from epipose.models.crop_poses import CropNet
from epipose.models.pictures import normalised
from epipose.models.small import SmallNet
from epipose.models.volumetric import VolumetricNet
from epipose.pipeline.predict import predict
from epipose.pose.skeletons import load_skeleton
from epipose.report.overlay import Painter
from epipose.runtime.networks import Network, network_names, open_network
from epipose.samples import copy_sample
from epipose.training.model_files import exported, halved

SAMPLE = "turning"
SIZE_WH = (640, 480)
RATE = Fraction(30)
SKELETON = load_skeleton("h36m17")
MARGIN = 1.25
ALIKE = 12
"""Frames of the recording in which the person hardly moves."""
NETS: dict[str, type[CropNet]] = {"small": SmallNet, "resnet50": VolumetricNet}
BARS = {"small": 60.0, "resnet50": 10.0}
"""Frames a second, on two cores."""


class StandsStill(nn.Module):
    """A network with all its work, whose answer is always the same."""

    pose: Tensor

    def __init__(self, net: CropNet, units: Float[ndarray, "joints 3"]) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("pose", torch.from_numpy(units.astype(np.float32)))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return positions and confidences."""
        found = self.net(normalised(pictures))
        return self.pose + 1e-9 * found.positions, 0.9 + 1e-9 * found.confidence


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description="Measure the speed of epipose predict.")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, of which the fastest counts")
    parser.add_argument("--frames", type=int, default=500, help="of the video")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measure(Path(name), given.repeats, given.frames)


def measure(folder: Path, repeats: int, frames: int, names: Sequence[str] = tuple(NETS)) -> None:
    """Print how fast the prediction of a video is by each of the networks called `names`."""
    video = write_sample_video(folder / "one.mp4", frames)
    rows = []
    parts = [
        ("decoding, RGB", f"{1000 * timed(lambda: sum(1 for _ in read_frames(video)), repeats).wall / frames:.2f}")
    ]
    for name in names:
        shipped = name in network_names()
        model = (
            name if shipped else str(write_stand_in(folder / f"{name}.onnx", name, NETS[name](len(SKELETON)), folder))
        )
        note = name if shipped else f"{name}, untrained"
        for overlay in (False, True):
            run = timed(partial(predict, video, model=model, overlay=overlay), repeats)
            cells = f"{run.value.frames_per_second:.1f}", f"{1000 * run.processor / frames:.1f}"
            bar = ("", "") if overlay else (f">= {BARS[name]:g}", met(-run.value.frames_per_second, -BARS[name]))
            rows.append((note, "with overlay" if overlay else "poses", *cells, *bar))
        if not shipped:
            parts.append((f"{note}, a crop", f"{1000 * seconds_a_crop(open_network(Path(model))):.2f}"))
    print_table(
        "epipose predict, 640x480, one person", ("model", "what", "frames/s", "processor, ms a frame", "bar", ""), rows
    )
    parts.append(("drawing, one person in 1280x720", f"{1000 * seconds_a_drawing(folder / SAMPLE):.2f}"))
    print_table("Parts", ("what", "ms"), parts)


def seconds_a_crop(network: Network, repeats: int = 30) -> float:
    """Return how long a network takes for one crop."""
    size = network.description.size
    picture = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8)
    return statistics.median(timed(lambda: network(picture)).wall for _ in range(repeats))


def seconds_a_drawing(capture: Path) -> float:
    """Return how long it takes to draw on a frame of the demo's first view."""
    video = capture / "videos" / "cam1.mp4"
    done = predict(video, overlay=False)
    painter = Painter(done.poses.skeleton, placed=False)
    frames = list(zip(islice(read_frames(video), ALIKE), done.people, strict=False))
    return statistics.median(
        timed(lambda frame=frame, people=people: painter.paint(frame.image, people, frame.time)).wall
        for frame, people in 4 * frames
    )


def write_stand_in(path: Path, name: str, net: CropNet, folder: Path) -> Path:
    """Write the file of an untrained network that says the person is where it is in the first frame."""
    description = ModelDescription(name, "crop", SKELETON, net.size, MARGIN)
    pictures = torch.zeros(1, net.size, net.size, 3, dtype=torch.uint8)
    graph = exported(StandsStill(net, first_person(folder / SAMPLE)), pictures, "pictures", ["positions", "confidence"])
    model = onnx.load_model_from_string(halved(graph))
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, description.to_json()
    path.write_bytes(model.SerializeToString())
    return path


def first_person(capture: Path) -> Float[ndarray, "joints 3"]:
    """Return the person of the first frame in units of its crop, as flat as a picture."""
    view = read_truth(capture / "truth").views["cam1"]
    order = [load_skeleton("body21").index(joint) for joint in SKELETON.joint_names]
    pixels = view.pixels[0, 0, order].astype(np.float64)
    units = mapped(box_frame(pixels, 256, margin=MARGIN).crop_from_px, pixels) / 256 - 0.5
    return np.column_stack([units, np.zeros(len(units))])


def write_sample_video(path: Path, frames: int) -> Path:
    """Write the demo's first view, played forth and back, in 640x480."""
    copy_sample(SAMPLE, path.parent / SAMPLE)
    with video_writer(path, SIZE_WH, RATE, h264(20)) as append:
        for picture in forth_and_back(path.parent / SAMPLE / "videos" / "cam1.mp4", frames):
            append(picture)
    return path


def forth_and_back(video: Path, count: int) -> Iterator[UInt8[ndarray, "480 640 3"]]:
    """Yield `count` frames of a video, cut and made smaller."""
    pictures = []
    for frame in read_frames(video):
        height, width = frame.image.shape[:2]
        wide = height * SIZE_WH[0] // SIZE_WH[1]
        left = (width - wide) // 2
        cut = frame.image[:, left : left + wide]
        if frame.index == ALIKE:
            break
        pictures.append(np.asarray(cv2.resize(cut, SIZE_WH, interpolation=cv2.INTER_AREA)))
    for index in range(count):
        place = index % (2 * len(pictures) - 2)
        yield pictures[min(place, 2 * len(pictures) - 2 - place)]


if __name__ == "__main__":
    main()
