"""An autoencoder learns what poses there are, in stages that go on where they were interrupted; files say what fits."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray

from epipose.errors import InputError
from epipose.models.pose_autoencoder import PoseAutoencoder
from epipose.pose.bones import bone_lengths
from epipose.pose.skeletons import load_skeleton
from epipose.studio.pose_sets import PoseSet
from epipose.training import loop
from epipose.training.autoencoder_course import (
    AutoencoderCourse,
    read_autoencoder,
    teach_autoencoder,
    write_autoencoder,
)
from epipose.training.autoencoder_lesson import NOISE_MM, AutoencoderLesson, SeenPoses, Stage, stages
from tests.training.bodies import BODY, standing

H36M = load_skeleton("h36m17")
COURSE = AutoencoderCourse((60, 40), steps=12, batch=16)


def pose_set(count: int = 400, held_out: int = 2, sources: int = 10) -> PoseSet:
    names = tuple(f"made-up {number}" for number in range(sources))
    source = np.arange(count, dtype=np.int32) % sources
    return PoseSet(standing(count).astype(np.float32), source, names, np.arange(sources) < held_out, BODY)


def seen(joints: tuple[str, ...] = H36M.joint_names) -> SeenPoses:
    return SeenPoses.of(pose_set(), joints)


def lesson(stage: Stage = Stage(0, 1), seed: int = 0, **given: Any) -> AutoencoderLesson:  # noqa: B008
    torch.manual_seed(7)
    net, poses = PoseAutoencoder(17, (60, 40)), seen()
    net.settle(torch.from_numpy(poses.draw(500, np.random.default_rng(0))))
    return AutoencoderLesson(net, poses, stage, seed=seed, **given)


def ignore(*_: object) -> None:
    pass


def test_poses_are_seen_from_all_around_from_their_root_in_mm() -> None:
    poses = seen()
    drawn = poses.draw(500, np.random.default_rng(0))
    assert drawn.shape == (500, 17, 3)
    assert drawn.dtype == np.float32
    assert not drawn[:, H36M.index("pelvis")].any()
    # Bones keep their lengths.
    own = 1000 * bone_lengths(standing(1)[:, [BODY.index(joint) for joint in H36M.joint_names]], H36M)
    np.testing.assert_allclose(bone_lengths(drawn, H36M), np.broadcast_to(own, (500, 16)), rtol=1e-3)
    # Heads are above, that is at smaller y; faces look anywhere.
    assert (drawn[:, H36M.index("head_top"), 1] < -500).mean() > 0.95
    ahead = drawn[:, H36M.index("nose"), 2] - drawn[:, H36M.index("thorax"), 2]
    assert 0.3 < (ahead < 0).mean() < 0.7


def test_mirrored_people_have_their_sides_exchanged() -> None:
    drawn = seen().draw(300, np.random.default_rng(0)).astype(float)
    ends = (("left_hip", "right_hip"), ("head_top", "pelvis"), ("nose", "thorax"))
    across, up, ahead = (drawn[:, H36M.index(end)] - drawn[:, H36M.index(begin)] for end, begin in ends)
    # Left is where it is in people, not in mirrors: from right to left, upwards, and ahead are a right-handed frame.
    assert (np.sum(np.cross(across, up) * ahead, axis=1) > 0).all()


def test_only_what_is_not_held_out_is_learned_from() -> None:
    poses = pose_set()
    poses.positions[poses.held_out[poses.source]] *= 2
    taken = SeenPoses.of(poses, H36M.joint_names)
    rng = np.random.default_rng(0)
    learned, examined = (np.linalg.norm(part[:, H36M.index("head_top")], axis=1).mean()
                         for part in (taken.draw(200, rng), taken.exam(200, rng)))  # fmt: skip
    assert examined == pytest.approx(2 * learned, rel=0.01)


@pytest.mark.parametrize("joints", [H36M.joint_names, ("left_hip", "right_hip", "left_knee")], ids=["pelvis", "hips"])
def test_noise_is_on_all_coordinates_but_those_of_the_root(joints: tuple[str, ...]) -> None:
    noise = seen(joints).noise(4000, np.random.default_rng(0))
    deviation = noise.std(axis=(0, 2))
    rooted = [joint == "pelvis" for joint in joints]
    np.testing.assert_allclose(deviation, np.where(rooted, 0, NOISE_MM), rtol=0.03)


@pytest.mark.parametrize(("stage", "expected"), [(Stage(0, 1), 40.0), (Stage(1, 2), 20.0), (Stage(0, 2), 40.0)])
def test_layers_are_shown_noise_on_what_they_code(stage: Stage, expected: float) -> None:
    taught = lesson(stage, batch=2000)
    clean, noisy = taught.batch(0)
    scale = float(taught._whole.scale)
    moved = (noisy - clean)[:, clean.std(dim=0) > 0] * scale
    assert float(moved.std()) == pytest.approx(expected, rel=0.03)
    assert clean.shape[1] == (60 if stage.first else 51)
    assert (clean.min() == 0) == (stage.first == 1)


def test_batches_follow_from_the_seed_and_their_number() -> None:
    one, same, other, later = lesson().batch(3), lesson().batch(3), lesson(seed=1).batch(3), lesson().batch(4)
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0], other[0])
    assert not torch.equal(one[0], later[0])


def test_the_loss_is_that_of_millimetres_over_the_scale() -> None:
    taught = lesson(contraction_mm2=500.0)
    clean, noisy = taught.batch(0)
    whole = taught._whole
    # The upper layer is not part of it.
    first = PoseAutoencoder(17, (60,))
    first.load_state_dict({name: value for name, value in whole.state_dict().items() if "layers.1" not in name})
    poses, shown = whole.poses(clean), whole.poses(noisy)
    error = (first.denoise(shown) - poses).square().sum(dim=(1, 2)).mean()
    expected = (error + 500.0 * first.penalty(poses).mean()) / whole.scale**2
    torch.testing.assert_close(taught.loss(taught.net, (clean, noisy)), expected)


def test_layers_are_taught_one_by_one_then_together() -> None:
    assert [(stage.first, stage.end) for stage in stages(1)] == [(0, 1)]
    assert [(stage.first, stage.end) for stage in stages(3)] == [(0, 1), (1, 2), (2, 3), (0, 3)]
    assert len({stage.words for stage in stages(3)}) == 4


def test_layers_below_stay_as_they_are(tmp_path: Path) -> None:
    taught = lesson(Stage(1, 2), batch=16)
    before = {name: value.clone() for name, value in taught._whole.state_dict().items()}
    loop.fit(taught, loop.Plan(5), tmp_path / "c.pt", watch=ignore, workers=0)
    changed = {name for name, value in taught._whole.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {f"coder.layers.1.{name}" for name in ("weight", "bias", "back_bias")}


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> PoseAutoencoder:
    course = AutoencoderCourse((300,), steps=400, learning_rate=2e-2)
    net, curves = teach_autoencoder(course, seen(), tmp_path_factory.mktemp("autoencoder"), ignore)
    first, last = curves[0][0], curves[0][-1]
    assert last.loss < first.loss
    return net


def examined(net: PoseAutoencoder, noise: ndarray | float) -> tuple[ndarray, ndarray, ndarray]:
    """Return true poses, what is shown of them, and what the network makes of it."""
    poses = seen().exam(400, np.random.default_rng(5))
    shown = (poses + noise).astype(np.float32)
    with torch.inference_mode():
        return poses, shown, net.denoise(torch.from_numpy(shown)).numpy()


def test_poses_are_found_again_under_noise(taught: PoseAutoencoder) -> None:
    truth, noisy, found = examined(taught, seen().noise(80, np.random.default_rng(1)))
    before, after = (np.linalg.norm(part - truth, axis=-1).mean() for part in (noisy, found))
    assert after < 0.6 * before
    before, after = (np.abs(bone_lengths(part, H36M) - bone_lengths(truth, H36M)).mean() for part in (noisy, found))
    assert after < 0.4 * before


def test_clean_poses_are_changed_little(taught: PoseAutoencoder) -> None:
    truth, _, found = examined(taught, 0.0)
    assert np.linalg.norm(found - truth, axis=-1).mean() < 16  # Noise moves them by 61.
    assert np.linalg.norm(found[:, 0], axis=-1).mean() < 5


def test_the_same_seed_teaches_the_same_and_stages_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, curves = teach_autoencoder(COURSE, seen(), tmp_path / "whole", ignore)
    assert [curve[-1].step for curve in curves] == [12, 12, 12]
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    for stop in (5, 17, 30):
        count = iter(range(36))

        def watch(*_: object, stop: int = stop, count: Any = count) -> None:
            if next(count) == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            teach_autoencoder(COURSE, seen(), tmp_path / str(stop), watch)
        again, _ = teach_autoencoder(COURSE, seen(), tmp_path / str(stop), ignore)
        for name, value in whole.state_dict().items():
            assert torch.equal(value, again.state_dict()[name]), name
    other, _ = teach_autoencoder(replace(COURSE, seed=1), seen(), tmp_path / "other", ignore)
    assert not torch.equal(other.coder.layers[0].weight, whole.coder.layers[0].weight)


def test_checkpoints_of_other_courses_are_refused(tmp_path: Path) -> None:
    teach_autoencoder(COURSE, seen(), tmp_path, ignore)
    with pytest.raises(InputError, match=r"layer-1\.pt is of a run with other settings"):
        teach_autoencoder(replace(COURSE, contraction_mm2=1.0), seen(), tmp_path, ignore)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_networks_come_back_from_their_files(tmp_path: Path, *, tied: bool) -> None:
    net = PoseAutoencoder(17, (60, 40), tied=tied)
    net.settle(torch.from_numpy(seen().draw(50, np.random.default_rng(0))))
    write_autoencoder(tmp_path / "a.pt", net, H36M)
    again = read_autoencoder(tmp_path / "a.pt", H36M, latent=40)
    poses = torch.from_numpy(seen().draw(5, np.random.default_rng(1)))
    assert torch.equal(again.denoise(poses), net.denoise(poses))


def test_files_that_do_not_fit_are_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "a.pt"
    with pytest.raises(InputError, match="there is no file"):
        read_autoencoder(file, H36M)
    write_autoencoder(file, PoseAutoencoder(17, (60, 40)), H36M)
    with pytest.raises(InputError, match=r"a\.pt decodes codes of 40 numbers, but is to be given 2000"):
        read_autoencoder(file, H36M, latent=2000)
    with pytest.raises(InputError, match=r"a\.pt knows poses of the joints pelvis, right_hip"):
        read_autoencoder(file, BODY)
    content = torch.load(file, weights_only=True)
    torch.save({**content, "hidden": [60, 30]}, file)
    with pytest.raises(InputError, match=r"a\.pt is no autoencoder of poses, or is damaged"):
        read_autoencoder(file, H36M)
    file.write_bytes(b"no file of torch")
    with pytest.raises(InputError, match=r"a\.pt is no autoencoder of poses, or is damaged"):
        read_autoencoder(file, H36M)


def test_poses_that_cannot_be_learned_from_are_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match="the poses have no left_big_toe, tail"):
        SeenPoses.of(pose_set(), ("pelvis", "left_big_toe", "tail"))
    for held_out in (0, 1):
        with pytest.raises(InputError, match="so that some of them can be held out"):
            SeenPoses.of(pose_set(held_out=held_out, sources=1), H36M.joint_names)
    with pytest.raises(InputError, match="left_hip"):
        seen(("left_knee", "right_knee"))
    damaged = pose_set()
    damaged.positions[3, BODY.index("left_knee"), 1] = np.nan
    with pytest.raises(InputError, match="not finite"):
        SeenPoses.of(damaged, H36M.joint_names)
