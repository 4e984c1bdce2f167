"""`epipose evaluate`: what it says, what it writes, and how it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from epipose.cli import main
from epipose.io.pose_files import write_poses
from epipose.pose.skeletons import Skeleton, load_skeleton
from tests.bodies import as_skeleton, moving_people, without
from tests.cli.test_bad_input import refusal

Output = pytest.CaptureFixture[str]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    folder = tmp_path / "walk"
    write_poses(folder / "poses" / "smooth.npz", moving_people(frames=60))
    write_poses(folder / "poses" / "coco.npz", as_skeleton(moving_people(frames=60), load_skeleton("coco17")))
    armless = without(moving_people(frames=60), np.broadcast_to(np.arange(17) == 13, (60, 2, 17)))
    write_poses(folder / "poses" / "armless.npz", armless)
    return folder


def test_says_and_writes_the_errors(capture: Path, capsys: Output) -> None:
    assert main(["evaluate", str(capture), "--truth", "coco"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    written = capture / "evaluation" / "smooth_against_coco.json"
    assert out.splitlines()[-1] == (f"wrote {written} and {written.with_suffix('.md')}: MPJPE 0.0 mm, PA-MPJPE 0.0 mm")
    assert main(["evaluate", str(capture), "--truth", "coco", "--json", "--out", str(capture / "mine")]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["errors"]["pck_150"] == 1
    assert Path(table["files"][0]).parent == capture / "mine"


def test_fits_clusters_and_uses_them(capture: Path, capsys: Output) -> None:
    poses, out = str(capture / "poses" / "smooth.npz"), str(capture / "pss.npz")
    assert main(["evaluate", "--fit-clusters", poses, poses, "--count", "30", "--out", out]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"wrote {out}: 30 clusters of 17 joints, hash ")
    command = ["evaluate", str(capture), "--truth", "smooth", "--clusters", out, "--json"]
    assert main(command) == 0
    structure = json.loads(capsys.readouterr().out)["structure"]
    assert structure == [{"clusters": 30, "hash": said.split()[-1], "score": 1.0, "poses": 120}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no capture was named"),
        (["{}/nowhere"], "nowhere; check the name"),
        (["{}"], "holds no truth/; name what to compare with, such as --truth triangulated"),
        (["{}", "--poses", "mine"], "no poses called 'mine'; choose from armless, coco, smooth"),
        (["{}", "--poses", "{}/mine.npz"], "there is no file {}/mine.npz"),
        (["{}", "--truth", "{}/text.npz"], "text.npz is not a whole NPZ file"),
        (["{}", "--truth", "coco", "--between", "5", "6"], "no moment from 5 to 6 s"),
        (["{}", "--truth", "coco", "--view", "cam1"], "no videos, pictures or keypoints"),
        (["{}", "--truth", "coco", "--clusters", "{}/poses/coco.npz"], "coco.npz holds no clusters"),
        (["{}", "--truth", "armless", "--reference-compatible"], "leave out --reference-compatible"),
        (["--fit-clusters", "{}/poses/smooth.npz"], "name a file with --out"),
        (["{}", "--fit-clusters", "{}/poses/smooth.npz", "--out", "{}/a.npz"], "leave out the capture"),
        (["--fit-clusters", "{}/poses/smooth.npz", "--count", "500", "--out", "{}/a.npz"], "500 clusters take as many"),
        (["--fit-clusters", "{}/poses/coco.npz", "--out", "{}/a.npz"], "50 clusters take as many poses or more, not 0"),
        (["--fit-clusters", "{}/text.npz", "--out", "{}/a.npz"], "text.npz is not a whole NPZ file"),
    ],
)
def test_refuses_in_one_sentence(arguments: list[str], words: str, capture: Path, capsys: Output) -> None:
    (capture / "text.npz").write_text("Not an archive.")
    said = refusal(capsys, capture, "evaluate", *(argument.format(capture) for argument in arguments))
    assert words.format(capture) in said


def test_refuses_poses_of_nobody_or_of_no_frames(capture: Path, capsys: Output) -> None:
    empty = moving_people(frames=5, people=0)
    write_poses(capture / "poses" / "nobody.npz", empty)
    for arguments, words in (
        (["--poses", "nobody", "--truth", "smooth"], "nobody in the poses"),
        (["--poses", "smooth", "--truth", "nobody"], "nobody in the truth"),
    ):
        assert words in refusal(capsys, capture, "evaluate", str(capture), *arguments)


def test_refuses_a_skeleton_without_a_root(capture: Path, capsys: Output) -> None:
    hands = Skeleton("hands", ("left_wrist", "right_wrist"), (None, None), ())
    write_poses(capture / "poses" / "hands.npz", as_skeleton(moving_people(frames=9), hands))
    said = refusal(capsys, capture, "evaluate", str(capture), "--truth", "hands")
    assert "'hands' and 'h36m17' have no pelvis and no hips in common" in said


def test_one_frame_is_compared_without_jitter(capture: Path, capsys: Output) -> None:
    write_poses(capture / "poses" / "one.npz", moving_people(frames=1))
    assert main(["evaluate", str(capture), "--poses", "one", "--truth", "smooth", "--json"]) == 0
    errors = json.loads(capsys.readouterr().out)["errors"]
    assert errors["jitter_m_s3"] is None
    assert np.isfinite(errors["mpjpe_mm"])
