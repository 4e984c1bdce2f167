"""The builtin detector: its speed, and how near its joints are to the truth and to another detector's.

    python -m benchmarks.detector [--crops CROPS] [--recordings FOLDER]

CROPS is a folder of `epipose.studio.crops`; the two shards that training never reads are scored, each person framed as
the detector frames whom it follows. Recordings are those of `benchmarks.studio`, looked at as a user's are: every
frame, with nothing known about where anybody is. Distances are parts of the longer side of a person's box; joints count
that the truth calls visible, and one that was not found is infinitely far. On real footage MediaPipe's landmarks stand
in for the truth, of the 12 joints that both know, and left and right are ignored: a joint counts as near as it or its
twin comes.
"""

import argparse
import statistics
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
from jaxtyping import Float
from numpy import ndarray

from benchmarks import balancing
from benchmarks.measures import print_table, timed
from benchmarks.studio import SETTINGS, cache_folder, synthesized
from epipose.detectors._network import FILE, SIZE
from epipose.io.keypoint_files import read_keypoints
from epipose.io.truth_files import VISIBLE, read_truth
from epipose.pipeline.detect import detect
from epipose.pose.keypoints import Keypoints
from epipose.training.export import score_file

SIDES = ("left", "right")
LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
SURE = 0.5
"""MediaPipe's visibility from which on a landmark is taken for the truth."""
HEADER = ("", "within 0.1", "within 0.05", "median", "not found")


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description="Measure the builtin detector.")
    parser.add_argument("--crops", type=Path, help="training crops; without them none are scored")
    parser.add_argument("--recordings", type=Path, help="recordings of benchmarks.studio (default: the user's cache)")
    given = parser.parse_args()
    model = (resources.files("epipose.detectors") / FILE).read_bytes()
    print_table("Size and speed of one crop", ("", "measured"), speed(model))
    if given.crops is not None:
        score = score_file(model, given.crops, SIZE)
        row = ("held-out crops", f"{score.pck10:.3f}", f"{score.pck05:.3f}", f"{score.median:.3f}", "-")
        print_table("Crops of the studio", HEADER, [row])
    place = given.recordings or cache_folder()
    rows = [distances_row(setting.name, of_recording(synthesized(setting, place))) for setting in SETTINGS]
    print_table("Recordings of the studio", HEADER, rows)
    if balancing.FOOTAGE.is_dir():
        rows = [distances_row(name, distances) for name, distances in of_footage().items()]
        print_table("Real footage, against MediaPipe's landmarks", HEADER, rows)


def speed(model: bytes) -> list[tuple[str, str]]:
    """Return what the network's file weighs and how long a crop takes with one thread and with two."""
    picture = np.random.default_rng(0).integers(0, 256, (1, SIZE, SIZE, 3), np.uint8)
    rows = [("megabytes", f"{len(model) / 1e6:.1f}")]
    for threads in (1, 2):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

        def look(session: onnxruntime.InferenceSession = session) -> object:
            return session.run(None, {"pictures": picture})

        look()
        times = [timed(look).wall for _ in range(100)]
        rows.append((f"milliseconds, {threads} thread{'s' * (threads > 1)}", f"{1000 * statistics.median(times):.1f}"))
    return rows


def of_recording(capture: Path) -> Float[ndarray, "joints"]:
    """Return the distances of all visible joints of everybody in all views of a synthetic recording."""
    truth, found = read_truth(capture / "truth"), detect(capture, detector="builtin")
    distances = []
    for name, view in truth.views.items():
        keypoints = read_keypoints(found[name])
        side = np.max(view.boxes[..., 2:] - view.boxes[..., :2], axis=-1)
        for person in range(len(truth.people)):
            shown = view.visibility[:, person] == VISIBLE
            off = _nearest(keypoints, view.pixels[:, person], shown)
            distances.append((off / np.maximum(side[:, person, None], 1))[shown])
    return np.concatenate(distances)


def of_footage() -> dict[str, Float[ndarray, "joints"]]:
    """Return for each view of the real recording how far joints are from MediaPipe's, their own or their twins'."""
    landmarks, _ = balancing.recording()
    joints = [f"{side}_{limb}" for side in SIDES for limb in LIMBS]
    mirror = [(index + len(LIMBS)) % len(joints) for index in range(len(joints))]
    result = {}
    with TemporaryDirectory() as folder:
        capture = Path(folder) / "balancing"
        capture.mkdir()
        (capture / "videos").symlink_to(balancing.FOOTAGE / "videos")
        for name, path in detect(capture, detector="builtin").items():
            everything = landmarks[name].pixels[:, 0]
            side = np.ptp(everything, axis=1).max(axis=-1)
            wanted = landmarks[name].select(tuple(joints))
            sure, found = wanted.score[:, 0] >= SURE, read_keypoints(path).select(tuple(joints))
            off = np.minimum(*(_nearest(found, wanted.pixels[:, 0][:, order], sure) for order in (slice(None), mirror)))
            result[name] = (off / side[:, None])[sure]
    return result


def _nearest(found: Keypoints, wanted: Float[ndarray, "frames joints 2"], counted: ndarray) -> ndarray:
    """Return how far (pixels) the joints are of whoever is nearest to the one who is wanted; infinite if not found."""
    off = np.linalg.norm(found.pixels - wanted[:, None], axis=-1)
    off = np.where(found.score > 0, off, np.inf)
    typical = np.where(counted[:, None], np.minimum(off, 1e6), 0.0).sum(axis=-1)
    return np.take_along_axis(off, typical.argmin(axis=1)[:, None, None], axis=1)[:, 0]


def distances_row(name: str, distances: Float[ndarray, "joints"]) -> tuple[str, ...]:
    """Return a row of the table."""
    shares = [f"{np.mean(distances < limit):.3f}" for limit in (0.1, 0.05)]
    return (name, *shares, f"{np.median(distances):.3f}", f"{np.mean(np.isinf(distances)):.1%}")


if __name__ == "__main__":
    main()
