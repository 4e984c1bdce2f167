"""MPI-INF-3DHP that cannot be used: one sentence that names the file and what to do, and never a crash."""

import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ndarray

from epipose.cli import main
from epipose.datasets import Wanted
from epipose.datasets.mpi_inf_3dhp import PLUGIN
from epipose.errors import InputError
from tests.datasets import mpi_inf_3dhp_miniature as mini
from tests.datasets.breaking import Damage, binary, cut, emptied, refusal, text, video

h5py = pytest.importorskip("h5py", reason="the extra 'datasets' is not installed")

PART = mini.SEQUENCES[0]
TEST = mini.TESTS[0]
ANNOTATIONS, CALIBRATION = "S1/Seq1/annot.mat", "S1/Seq1/camera.calibration"
VIDEO = "S1/Seq1/imageSequence/video_8.avi"
TESTED = f"mpi_inf_3dhp_test_set/{TEST}/annot_data.mat"
MAKERS: dict[str, Callable[[Path], Path]] = {
    "poses": lambda root: mini.write_training(root, (PART,)),
    "filmed": lambda root: mini.write_training(root, (PART,), videos=True),
    "test": lambda root: mini.write_tests(root, (TEST,), pictures=True),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("whole")
    return {form: make(place / form) for form, make in MAKERS.items()}


def poses(change: Callable[[ndarray], ndarray]) -> Damage:
    """Change annot3 of all cameras, (FRAMES, 84)."""

    def rewrite(file: Path) -> None:
        cells = [change(mini.in_camera(PART.name, number).reshape(mini.FRAMES, -1)) for number in range(mini.CAMERAS)]
        mini.write_annotations(file, PART.name, annot3=cells)

    return rewrite


def fewer_cameras(file: Path) -> None:
    mini.write_annotations(file, PART.name, annot3=[mini.in_camera(PART.name, 0).reshape(mini.FRAMES, -1)] * 3)


def universal(file: Path) -> None:
    """As those who mistake univ_annot3 for annot3 would have it."""
    every = [mini.in_camera(PART.name, number) for number in range(mini.CAMERAS)]
    mini.write_annotations(file, PART.name, annot3=[(0.9 * joints).reshape(mini.FRAMES, -1) for joints in every])


def not_finite(joints: ndarray) -> ndarray:
    joints[1, 5] = np.nan
    return joints


def no_cells(file: Path) -> None:
    from scipy.io import savemat

    savemat(file, {"annot3": np.zeros((6, 84)), "frames": np.zeros(6)})


def in_test_set(**changed: ndarray) -> Damage:
    return lambda file: mini.write_test_annotations(file, TEST, **changed)


def shaken(file: Path) -> None:
    seen = mini.sole_pixels(TEST)[:, None]
    mini.write_test_annotations(file, TEST, annot2=seen + np.random.default_rng(0).normal(0, 20, seen.shape))


def nan_tested(file: Path) -> None:
    joints = mini.in_sole_camera(TEST)[:, None]
    joints[0, 0, 3, 1] = np.nan
    mini.write_test_annotations(file, TEST, annot3=joints)


CASES: list[tuple[str, str, Damage, str]] = [
    ("poses", ANNOTATIONS, Path.unlink, "holds neither S1/Seq1/annot.mat nor TS1/annot_data.mat or others of MPI-INF"),
    ("poses", ANNOTATIONS, cut, "annot.mat is cut short or damaged; get it from its source again"),
    ("poses", ANNOTATIONS, emptied, "annot.mat is cut short or damaged; get it from its source again"),
    ("poses", ANNOTATIONS, binary, "annot.mat is cut short or damaged; get it from its source again"),
    ("poses", ANNOTATIONS, no_cells, "annot.mat holds no cells annot3, one for each camera; get it from its source"),
    ("poses", ANNOTATIONS, poses(lambda j: j[:, :51]), r"poses of shape \(6, 51\) for camera 0, not \(frames, 84\)"),
    ("poses", ANNOTATIONS, poses(lambda j: j[:0]), "annot.mat holds no pose"),
    ("poses", ANNOTATIONS, poses(not_finite), "annot.mat has positions that are not finite"),
    ("poses", ANNOTATIONS, fewer_cameras, r"annot.mat holds poses of shape \(\) for camera 3, not"),
    ("poses", ANNOTATIONS, universal, "belong together: video_.* and video_0 place joints .* mm apart; get both again"),
    ("poses", CALIBRATION, Path.unlink, "camera.calibration is missing or no text; get it from its source again"),
    ("poses", CALIBRATION, cut, "camera.calibration is not laid out as expected; get it from its source again"),
    ("poses", CALIBRATION, emptied, "camera.calibration is not laid out as expected"),
    ("poses", CALIBRATION, binary, "camera.calibration is missing or no text"),
    ("poses", CALIBRATION, text("name          5", "name          ../5"), "calibration is not laid out as expected"),
    ("poses", CALIBRATION, text("radial      0", "radial      0.1"), "calibration is not laid out as expected"),
    ("poses", CALIBRATION, text("0.9650164", "9.650164"), "calibration is not laid out as expected"),
    ("poses", CALIBRATION, text("0.9650164", "nan"), "calibration is not laid out as expected"),
    ("poses", CALIBRATION, text("3852.623", "3952.623", 1), "and video_0 place joints 100 mm apart; get both again"),
    ("poses", CALIBRATION, text("1497.693", "-1497.693"), "focal length .* which must be positive"),
    ("filmed", VIDEO, cut, "8.avi (is not a video that can be read|shows . of 6 frames)"),
    ("filmed", VIDEO, emptied, "is empty"),
    ("filmed", VIDEO, video(4, mini.SIZE, Fraction(25)), "video_8.avi shows 4 of 6 frames; it was cut short"),
    ("filmed", VIDEO, video(6, mini.SIZE, Fraction(50)), "has 50 frames per second, MPI-INF-3DHP 25; use"),
    ("filmed", VIDEO, video(6, (512, 512), Fraction(25)), "pictures of 512x512, its camera takes 2048x2048"),
    ("test", TESTED, cut, "annot_data.mat is damaged or not laid out as expected; get it from its source again"),
    ("test", TESTED, emptied, "annot_data.mat is damaged or not laid out as expected; get it from its source again"),
    ("test", TESTED, in_test_set(annot3=np.zeros((6, 1, 28, 3))), r"of shape \(6, 1, 28, 3\), not \(6, 1, 17, 3\)"),
    ("test", TESTED, in_test_set(valid_frame=np.zeros((6, 1))), "annot_data.mat holds no pose"),
    ("test", TESTED, in_test_set(annot2=np.zeros((6, 1, 17, 2))), "has joints in 3D that do not lie on those in 2D"),
    ("test", TESTED, shaken, "has joints in 3D that do not lie on those in 2D"),
    ("test", TESTED, nan_tested, "annot_data.mat has positions that are not finite"),
    ("test", f"mpi_inf_3dhp_test_set/{TEST}/imageSequence/img_000004.jpg", Path.unlink, "no picture .*img_000004.jpg;"),
    ("test", f"mpi_inf_3dhp_test_set/{TEST}/imageSequence/img_000001.jpg", emptied, "img_000001.jpg is not a picture"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{c[0]}-{Path(c[1]).name}-{i}" for i, c in enumerate(CASES)])
def test_one_sentence_says_what_is_wrong(
    case: int, whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form, name, damage, complaint = CASES[case]
    root = shutil.copytree(whole[form], tmp_path / "root")
    damage(root / name)
    said = refusal(capsys, "mpi_inf_3dhp", root, tmp_path / "out")
    assert re.search(complaint, said), said


def test_a_wrong_root_or_subject_says_what_there_is(
    whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no folder" in refusal(capsys, "mpi_inf_3dhp", tmp_path / "nowhere", tmp_path / "out")
    said = refusal(capsys, "mpi_inf_3dhp", whole["poses"] / "S1", tmp_path / "out")
    assert "name the folder in which S1 or TS1 lie with --root" in said
    said = refusal(capsys, "mpi_inf_3dhp", whole["poses"], tmp_path / "out", "--subjects", "S2")
    assert "holds nothing of subject S2; it has S1" in said
    assert not (tmp_path / "out").exists()


def test_the_last_line_has_the_numbers_that_matter(
    whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["prepare", "mpi_inf_3dhp", "--root", str(whole["filmed"]), "--out", str(tmp_path), "--as", "captures"])
        == 0
    )
    line = capsys.readouterr().out.strip().splitlines()[-1]
    assert line == f"wrote 1 of 1 captures into {tmp_path} (0 were there): 6 poses, 3 cameras"


def test_a_few_frames_may_be_missing_at_the_end_of_a_video(tmp_path: Path) -> None:
    """As the data set's makers say."""
    root = mini.write_training(tmp_path, (PART,))
    long = [np.repeat(mini.in_camera(PART.name, n).reshape(mini.FRAMES, -1), 20, axis=0) for n in range(mini.CAMERAS)]
    mini.write_annotations(root / ANNOTATIONS, PART.name, annot3=long)
    video(118, mini.SIZE, Fraction(25))(root / "S1" / "Seq1" / "imageSequence" / "video_3.avi")
    (recording,) = PLUGIN.recordings(root, Wanted())[0]
    assert recording.read().poses.positions.shape == (118, 1, 28, 3)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_calibration_with_anything_in_it_is_read_or_refused(
    data: st.DataObject, whole: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = shutil.copytree(whole["poses"], tmp_path_factory.mktemp("spoiled") / "root")
    words = (root / CALIBRATION).read_text().split(" ")
    place = data.draw(st.integers(0, len(words) - 1))
    words[place] = data.draw(st.sampled_from(["", "x", "nan", "1e400", "-1", "0", "\n", "name", "2048 2048 2048", "é"]))
    (root / CALIBRATION).write_text(" ".join(words))
    with suppress(InputError):
        for recording in PLUGIN.recordings(root, Wanted())[0]:
            assert np.isfinite(recording.read().poses.positions).all()
