"""`epipose evaluate`: what it says, what it writes, and how it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from epipose.cli import main
from epipose.datasets.h36m import PLUGIN
from epipose.io.pose_files import write_poses
from epipose.pose.skeletons import Skeleton, load_skeleton
from tests.bodies import as_skeleton, moving_people, without
from tests.cli.test_bad_input import refusal
from tests.datasets import h36m_miniature as mini
from tests.sample import REPOSITORY

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
        (["{}", "--protocol", "p1"], "protocol 'p1' is none of one capture (same-axes, own-axes)"),
        (["{}", "--model", "small"], "--model is for the captures of a data set"),
        (["{}", "--damaged"], "--damaged is for the captures of a data set"),
        (["{}", "--detector", "made"], "--detector is for --by-views and --dataset"),
        (["{}", "--dataset", "h36m"], "holds no captures that epipose prepare made"),
        (["{}", "--dataset", "nothing"], "no 'nothing' among the datasets"),
        (["{}", "--dataset", "h36m", "--protocol", "own-axes"], "no protocol 'own-axes'; choose from p1, p2"),
        (["{}", "--dataset", "h36m", "--model", "small", "--poses", "smooth"], "name one of them"),
        (["{}", "--dataset", "h36m", "--view", "cam1"], "are for one capture; leave them out, or --dataset"),
        (["{}", "--by-views"], "holds no truth/"),
        (["{}", "--by-views", "--poses", "smooth"], "leave out --poses, --truth, --protocol, --view"),
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


def test_a_data_set_is_evaluated_under_a_protocol(tmp_path: Path, capsys: Output) -> None:
    takes = [mini.Take(subject, 14, 1, "Walking 1", frames=24) for subject in (9, 11)]
    mini.write_official(tmp_path / "h36m", takes)
    out = tmp_path / "captures"
    assert main(["prepare", "h36m", "--root", str(tmp_path / "h36m"), "--out", str(out), "--as", "captures"]) == 0
    for take in takes:
        shutil.copy(out / take.name / "truth" / "poses" / "h36m17.npz", out / take.name / "true.npz")
        (out / take.name / "poses").mkdir()
        shutil.copy(out / take.name / "true.npz", out / take.name / "poses" / "smooth.npz")
    capsys.readouterr()
    assert main(["evaluate", str(out), "--dataset", "h36m"]) == 0
    said, warned = capsys.readouterr()
    stem = out / "evaluation" / "smooth_on_h36m_p1"
    assert said.splitlines()[-1] == (
        f"wrote {stem}.json and {stem}.md and {stem}.png: MPJPE 0.0 mm, reference-compatible 0.0 mm"
    )
    assert "warning: S9 lacks Directions, Discussion, " in warned
    assert main(["evaluate", str(out), "--dataset", "h36m", "--protocol", "tekin2016", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["protocol"]["name"] == "tekin2016"
    assert table["published"][0]["average_mm"] == 116.77
    assert main(["evaluate", str(out / takes[0].name), "--by-views", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["by_count"]
    assert [row["views"] for row in counts] == [2, 3, 4]
    assert counts[-1]["mean"]["relative_mpjpe_mm"] < 0.1


def test_help_and_the_page_name_every_protocol(capsys: Output) -> None:
    assert PLUGIN.benchmark is not None
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    shown = " ".join(capsys.readouterr().out.replace("\u2502", " ").split())
    names = [protocol.name for protocol in PLUGIN.benchmark.protocols]
    assert f"h36m: {', '.join(names)}." in shown
    page = (REPOSITORY / "docs" / "evaluate.md").read_text(encoding="utf-8")
    for protocol in PLUGIN.benchmark.protocols:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{protocol.name}` |"))
        cells = [cell.strip() for cell in row.split("|")[2:-1]]
        assert cells[:5] == [
            {"root": "roots", "scale": "scaled", "procrustes": "Procrustes"}[protocol.alignment],
            str(protocol.joints),
            "all" if protocol.every == 1 else f"every {protocol.every}th",
            protocol.averaging,
            "yes" if protocol.depth_given else "no",
        ]
    for published in PLUGIN.benchmark.published:
        assert f"{published.average_mm:g}" in page


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
