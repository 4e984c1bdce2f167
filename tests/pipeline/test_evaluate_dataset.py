"""A data set under protocols: miniature captures, poses whose errors are known, networks that are shown people."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from epipose.datasets import Wanted
from epipose.datasets.h36m import PLUGIN
from epipose.errors import InputError
from epipose.io.pose_files import read_poses, write_poses
from epipose.pipeline import shown_poses
from epipose.pipeline.evaluate import fit_structure_clusters
from epipose.pipeline.evaluate_dataset import EvaluatedDataset, evaluate_dataset
from epipose.pipeline.prepare import prepare
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import load_skeleton
from epipose.report.protocols import ProtocolReport
from tests.datasets import h36m_miniature as mini
from tests.datasets.disc_videos import write_disc_release
from tests.pose.test_protocol_scores import literal_error
from tests.runtime.discs import Straight, disc_description, model_bytes, write_disc_model

assert PLUGIN.benchmark is not None
COLUMNS = PLUGIN.benchmark.protocols[0].actions
H36M = load_skeleton("h36m17")


def take(subject: int, action: int, number: int = 1) -> mini.Take:
    """Actions have different numbers of frames, so that their mean is not that of frames."""
    return mini.Take(subject, action, number, f"{mini.ACTIONS[action - 1]} {number}", frames=2 + (3 * action) % 5)


EVERYTHING = [take(subject, action) for subject in (9, 11) for action in range(2, 17)]
SOUND = [replace(one, number=2, file=f"{one.file} b") if (one.subject, one.action) == (9, 13) else one
         for one in EVERYTHING]  # fmt: skip
"""S9 Waiting-1 is damaged, so that here there is the other take."""
DAMAGED = take(9, 5, 2)


def spoil(captures: Path, takes: Sequence[mini.Take], name: str = "noisy") -> None:
    """Write poses that are off by more the later the action comes."""
    rng = np.random.default_rng(3)
    for one in takes:
        true = read_poses(captures / one.name / "truth" / "poses" / "h36m17.npz")
        noise = rng.normal(0, 0.01 * one.action, true.positions.shape)
        spoilt = replace(true, positions=(true.positions + noise).astype(np.float32))
        write_poses(captures / one.name / "poses" / f"{name}.npz", spoilt)


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all actions of both subjects, one of them damaged, and one of another subject; without pictures."""
    root = tmp_path_factory.mktemp("whole")
    takes = [*SOUND, DAMAGED, take(1, 2)]
    mini.write_official(root / "h36m", takes)
    prepare("h36m", root / "h36m", root / "captures", Wanted(damaged=True), form="captures")
    spoil(root / "captures", takes)
    return root / "captures"


def report_of(captures: Path, protocol: str, out: Path, **more: object) -> ProtocolReport:
    more = more or {"poses": "noisy"}
    return evaluate_dataset(captures, "h36m", protocol, out=out, **more).report  # type: ignore[arg-type]


def literal(captures: Path, alignment: str, definition: str, every: int = 1) -> dict[str, list[float]]:
    """Errors of every pose in mm by action, from the files alone."""
    errors: dict[str, list[float]] = {}
    for one in SOUND:
        folder = captures / one.name
        with np.load(folder / "poses" / "noisy.npz") as found, np.load(folder / "truth/poses/h36m17.npz") as true:
            for frame in range(0, one.frames, every):
                error = literal_error(found["positions"][frame, 0], true["positions"][frame, 0], alignment, definition)
                errors.setdefault(mini.ACTIONS[one.action - 1], []).append(1000 * error)
    return errors


@pytest.mark.parametrize(("protocol", "alignment"), [("p1", "root"), ("p2", "procrustes")])
def test_actions_and_their_mean_are_the_literal_ones(
    protocol: str, alignment: str, captures: Path, tmp_path: Path
) -> None:
    done = evaluate_dataset(captures, "h36m", protocol, poses="noisy", out=tmp_path)
    assert done.report.protocol.alignment == alignment
    table = json.loads(done.files[0].read_text(encoding="utf-8"))
    key = {"root": "mpjpe_mm", "procrustes": "pa_mpjpe_mm"}[alignment]
    for definition in ("standard", "reference-compatible"):
        errors = literal(captures, alignment, definition)
        told = table[definition.replace("-", "_")][key]
        assert list(told["actions"]) == list(COLUMNS)
        for action, values in errors.items():
            assert told["actions"][action] == pytest.approx(np.mean(values), abs=1e-3)
        by_action = np.mean([np.mean(values) for values in errors.values()])
        assert told["average"] == pytest.approx(by_action, abs=1e-3)
        exact = 1000 * done.report.scores.average.errors[definition][alignment]  # type: ignore[index]
        assert exact == pytest.approx(by_action, abs=1e-5), "float32 in files, but no other error"
        assert abs(by_action - np.mean([value for values in errors.values() for value in values])) > 1
    assert table["asked_poses"] == table["compared_poses"] == sum(one.frames for one in SOUND)
    assert len(table["captures"]) == 30
    assert table["published"] == []


def test_every_64th_frame_is_averaged_over_frames(captures: Path, tmp_path: Path) -> None:
    report = report_of(captures, "every-64", tmp_path)
    errors = literal(captures, "root", "reference-compatible", every=64)
    assert report.compared_poses == 30
    average = 1000 * report.scores.average.errors["reference-compatible"]["root"]
    assert average == pytest.approx(np.mean([value for values in errors.values() for value in values]), abs=1e-5)
    assert [(row.average_mm, row.method[:12]) for row in report.published] == [(51.8, "EpipolarPose")]


def test_frames_are_counted_from_the_first(tmp_path: Path) -> None:
    takes = [mini.Take(9, 14, 1, "Walking 1", frames=6), mini.Take(11, 14, 1, "Walking 1", frames=6)]
    mini.write_official(tmp_path / "h36m", takes)
    prepare("h36m", tmp_path / "h36m", tmp_path / "captures", form="captures", every=2)
    spoil(tmp_path / "captures", takes)
    fourth = replace(PLUGIN.benchmark.protocols[0], every=4)  # type: ignore[union-attr]
    done = evaluate_dataset(tmp_path / "captures", "h36m", fourth, poses="noisy")
    assert done.report.compared_poses == 2 * 2
    with pytest.raises(InputError, match=r"S11_Walking-1/prepared\.json says that only every 2th.* without --every"):
        evaluate_dataset(tmp_path / "captures", "h36m", "p1", poses="noisy")
    odd = replace(fourth, every=9)
    with pytest.raises(InputError, match="every 9th frame; run epipose prepare again with --every 9"):
        evaluate_dataset(tmp_path / "captures", "h36m", odd, poses="noisy")


def test_damaged_takes_are_left_out_and_named_unless_asked_for(captures: Path, tmp_path: Path) -> None:
    report = report_of(captures, "p1", tmp_path)
    assert report.notes == (f"{DAMAGED.name} was left out: its poses drift away from the pictures",)
    assert DAMAGED.name not in report.captures
    assert not any(name.startswith("S1_") for name in report.captures), "whom the protocol does not test"
    whole = report_of(captures, "p1", tmp_path, poses="noisy", damaged=True)
    assert whole.notes == ()
    assert whole.compared_poses == report.compared_poses + DAMAGED.frames


def test_the_six_actions_of_the_paper_have_a_mean_beside_its_numbers(captures: Path, tmp_path: Path) -> None:
    done = evaluate_dataset(captures, "h36m", "tekin2016", poses="noisy", out=tmp_path)
    errors = literal(captures, "root", "standard")
    six = ["Discussion", "Eating", "Greeting", "TakingPhoto", "Walking", "WalkingDog"]
    table = json.loads(done.files[0].read_text(encoding="utf-8"))
    assert table["standard"]["mpjpe_mm"]["own_average"] == pytest.approx(
        np.mean([np.mean(errors[action]) for action in six]), abs=1e-3
    )
    text = done.files[1].read_text(encoding="utf-8")
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:-1]]
            for cells in (line.split("|") for line in text.splitlines() if line.startswith("|"))}  # fmt: skip
    headings = PLUGIN.benchmark.protocols[0].headings  # type: ignore[union-attr]
    assert rows[""] == [*headings, "Avg", "Avg of 6"]
    published = rows["published: Tekin et al. 2016 (MPJPE, reference-compatible)"]
    assert published == ["-", "129.1", "91.4", "121.7", "-", "162.2", *"------", "130.5", "65.8", "-", "-", "116.8"]
    assert rows["MPJPE"][-2] == f"{np.mean([np.mean(values) for values in errors.values()]):.1f}"
    assert "`published` numbers are their authors', not found by epipose" in text
    picture = cv2.imread(str(done.files[2]))
    assert picture.shape[1] > picture.shape[0] > 300
    assert picture.std() > 20


def test_clusters_add_structure_scores(captures: Path, tmp_path: Path) -> None:
    files = [captures / one.name / "truth" / "poses" / "h36m17.npz" for one in SOUND]
    clusters = fit_structure_clusters(files, tmp_path / "pss.npz", 12)
    done = evaluate_dataset(captures, "h36m", "p1", poses="noisy", clusters=[tmp_path / "pss.npz"], out=tmp_path)
    structure = json.loads(done.files[0].read_text(encoding="utf-8"))["structure"]
    assert [(one["clusters"], one["hash"]) for one in structure] == [(12, clusters.hash)]
    assert structure[0]["average"] == pytest.approx(np.mean(list(structure[0]["actions"].values())), abs=1e-5)
    assert 0 < structure[0]["average"] < 1
    assert f"| PSS@12 (clusters {clusters.hash})" in done.files[1].read_text(encoding="utf-8")


FILMED = [
    mini.Take(9, 5, 1, "Greeting 1", frames=3),
    mini.Take(11, 2, 1, "Directions 1", frames=2),
    mini.Take(11, 14, 2, "Walking", frames=2),
]


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Captures whose videos show people of discs, and `discs.onnx`, a network that reads them."""
    root = tmp_path_factory.mktemp("filmed")
    write_disc_release(root / "h36m", FILMED)
    prepare("h36m", root / "h36m", root / "captures", form="captures")
    heights = mini.joints_mm(FILMED[0])[0] / 1000
    names = H36M.joint_names
    lengths = {(names[a], names[b]): float(np.linalg.norm(heights[a] - heights[b])) for a, b in H36M.bones}
    write_disc_model(root / "discs.onnx", bone_lengths_m=lengths)
    write_disc_model(root / "paper.onnx", bone_lengths_m=lengths, frame="paper", name="paper")
    return root


def seen(filmed: Path, model: str, protocol: str, out: Path, captures: Path | None = None) -> EvaluatedDataset:
    place = captures or filmed / "captures"
    return evaluate_dataset(place, "h36m", protocol, model=str(filmed / model), out=out)


@pytest.mark.parametrize("model", ["discs.onnx", "paper.onnx"])
@pytest.mark.parametrize("protocol", ["p1", "every-64"])
def test_a_network_that_is_right_is_found_right(model: str, protocol: str, filmed: Path, tmp_path: Path) -> None:
    """Up to the grid of pixels of crops, which are four pixels of the video wide, and to joints that are hidden."""
    report = seen(filmed, model, protocol, tmp_path).report
    assert report.asked_poses == (7 * 4 if protocol == "p1" else 3 * 4)
    assert report.compared_poses > 0.3 * report.asked_poses
    errors = report.scores.average.errors["standard"]
    assert 0.001 < errors["procrustes"] < 0.015
    assert errors["root"] < 0.05
    true = "the true distance from the camera" if protocol == "every-64" else "the people that the model was taught on"
    assert report.how == (
        f"it was shown the square around the true joints, one picture at a time, and sizes follow from {true}"
    )


def test_sizes_are_given_by_the_true_distance_only_where_the_protocol_says_so(filmed: Path, tmp_path: Path) -> None:
    taller = {bone: 1.3 * length for bone, length in disc_lengths().items()}
    write_disc_model(tmp_path / "tall.onnx", bone_lengths_m=taller, name="tall")
    place = filmed / "captures"
    own = evaluate_dataset(place, "h36m", "p1", model=str(tmp_path / "tall.onnx"), out=tmp_path).report
    given = evaluate_dataset(place, "h36m", "every-64", model=str(tmp_path / "tall.onnx"), out=tmp_path).report
    assert own.scores.average.errors["standard"]["root"] > 0.08
    assert own.scores.average.errors["standard"]["scale"] < 0.04
    assert given.scores.average.errors["standard"]["root"] < 0.04


def disc_lengths() -> dict[tuple[str, str], float]:
    joints, names = mini.joints_mm(FILMED[0])[0] / 1000, H36M.joint_names
    return {(names[a], names[b]): float(np.linalg.norm(joints[a] - joints[b])) for a, b in H36M.bones}


def test_what_was_seen_is_kept_and_seen_again_only_when_something_changed(
    filmed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "captures"
    shutil.copytree(filmed / "captures", place, symlinks=True, ignore=shutil.ignore_patterns("evaluation"))
    first = seen(filmed, "discs.onnx", "p1", tmp_path, place).report
    kept = sorted(place.glob("*/evaluation/*/*.npz"))
    assert len(kept) == 3 * 4

    def never(*_: object) -> Poses:
        raise AssertionError("it was seen before")

    with monkeypatch.context() as patch:
        patch.setattr(shown_poses, "_seen", never)
        assert seen(filmed, "discs.onnx", "p2", tmp_path, place).report.scores == first.scores
        with pytest.raises(AssertionError):
            seen(filmed, "discs.onnx", "every-64", tmp_path, place)
        with pytest.raises(AssertionError):
            seen(filmed, "paper.onnx", "p1", tmp_path, place)
    kept[0].unlink()
    assert seen(filmed, "discs.onnx", "p1", tmp_path, place).report.scores == first.scores
    assert kept[0].is_file()


def test_pictures_of_thinned_captures_are_shown(filmed: Path, tmp_path: Path) -> None:
    prepare("h36m", filmed / "h36m", tmp_path / "thin", form="captures", every=64)
    thin = seen(filmed, "discs.onnx", "every-64", tmp_path, tmp_path / "thin").report
    assert thin.asked_poses == 12
    assert thin.compared_poses > 0, "JPEG spoils some of the discs' colours"


def test_a_network_that_lifts_is_given_true_joints_and_needs_no_pictures(captures: Path, tmp_path: Path) -> None:
    model = tmp_path / "straight.onnx"
    model.write_bytes(model_bytes(Straight(), disc_description(name="straight", kind="lift", size=0)))
    report = report_of(captures, "every-64", tmp_path, model=str(model))
    assert report.asked_poses == report.whole_poses == 4 * 30
    assert report.how.startswith("it was given the true joints in 2D, one picture at a time")
    errors = report.scores.average.errors["standard"]
    assert 0.1 < errors["root"] < 0.6, "its depths are made up"
    with pytest.raises(InputError, match=r"S11_\w+-1 has no keypoints 'cpn' of view \d+.* name others with --detector"):
        report_of(captures, "every-64", tmp_path, model=str(model), detector="cpn")


def test_poses_of_each_view_are_taken_where_predict_wrote_them(captures: Path, tmp_path: Path) -> None:
    place = tmp_path / "captures"
    shutil.copytree(captures, place, ignore=shutil.ignore_patterns("evaluation"))
    for one in SOUND:
        for view in mini.CAMERAS:
            folder = place / one.name / "predicted" / view
            folder.mkdir(parents=True)
            shutil.copy(place / one.name / "poses" / "noisy.npz", folder / "poses.npz")
            (folder / "prediction.json").write_text(json.dumps({"world": "cameras.toml"}))
    report = report_of(place, "p1", tmp_path, poses="predicted")
    whole = report_of(captures, "p1", tmp_path)
    assert report.asked_poses == 4 * whole.asked_poses
    assert report.scores.average.errors["standard"]["root"] == pytest.approx(
        whole.scores.average.errors["standard"]["root"]
    )
    told = place / SOUND[3].name / "predicted" / mini.CAMERAS[1] / "prediction.json"
    told.write_text(json.dumps({"world": None}))
    with pytest.raises(InputError, match=r"prediction\.json does not say .* predict them again with --cameras"):
        report_of(place, "p1", tmp_path, poses="predicted")


def test_moments_without_a_pose_are_counted(captures: Path, tmp_path: Path) -> None:
    place = tmp_path / "captures"
    shutil.copytree(captures, place, ignore=shutil.ignore_patterns("evaluation"))
    file = place / SOUND[0].name / "poses" / "noisy.npz"
    poses = read_poses(file)
    kept = np.arange(len(poses.times) - 1) if len(poses.times) > 2 else np.arange(1)
    write_poses(file, Poses(poses.positions[kept], poses.uncertainty[kept], poses.weight[kept], poses.times[kept],
                            poses.skeleton))  # fmt: skip
    report = report_of(place, "p1", tmp_path)
    lost = report.asked_poses - report.compared_poses
    assert lost == len(poses.times) - len(kept)
    words = f"{lost} pose{'s' if lost > 1 else ''} of {report.asked_poses} were not found"
    assert any(warning.startswith(words) for warning in report.warnings)


def test_broken_input_is_refused_in_one_sentence(captures: Path, tmp_path: Path) -> None:
    def refused(words: str, place: Path = captures, protocol: str = "p1", **more: object) -> None:
        with pytest.raises(InputError, match=words):
            report_of(place, protocol, tmp_path / "out", **(more or {"poses": "noisy"}))

    refused(r"there is no folder .*nowhere; name the folder that `epipose prepare h36m", tmp_path / "nowhere")
    refused("holds no captures that epipose prepare made", tmp_path)
    place = tmp_path / "captures"
    shutil.copytree(captures, place, ignore=shutil.ignore_patterns("evaluation"))
    (place / SOUND[0].name / "poses" / "noisy.npz").unlink()
    refused(rf"{SOUND[0].name} has no poses called 'noisy': .* for every capture that is tested", place)
    mark = place / SOUND[0].name / "prepared.json"
    said = json.loads(mark.read_text())
    for wrong, words in (
        ("[", r"prepared\.json is damaged"),
        ("[]", r"prepared\.json is damaged"),
        (json.dumps({**said, "action": None}), r"prepared\.json does not say whom and what it shows"),
        (json.dumps({**said, "fingerprint": ""}), "was not finished; run epipose prepare again"),
    ):
        mark.write_text(wrong)
        refused(words, place)
    for file in place.glob("S11_*/prepared.json"):
        file.unlink()
    mark.write_text(json.dumps(said))
    refused("holds no capture of S11, whom protocol 'p1' tests; run epipose prepare h36m .*--subjects S11", place)
    for file in place.glob("*/prepared.json"):
        file.write_text(json.dumps({**said, "dataset": "other"}))
    refused(r"prepared\.json is of data set 'other', not 'h36m'", place)
    coco = tmp_path / "coco.onnx"
    write_disc_model(coco, skeleton=replace(H36M, name="odd", joint_names=(*H36M.joint_names[:9], "chin",
                     *H36M.joint_names[10:]), parents=tuple({"nose": "chin"}.get(one or "", one)
                     for one in H36M.parents)))  # fmt: skip
    refused("model 'discs': skeleton 'odd' lacks nose, which count under protocol 'p1'", model=str(coco))
    refused("name a network with --model|say what is evaluated", poses=None)
    refused("no protocol 'p7'; choose from p1, p2", protocol="p7")
    discs = tmp_path / "discs.onnx"
    write_disc_model(discs)
    refused("holds no pictures of view 54138969, which discs needs; prepare it from", model=str(discs))
