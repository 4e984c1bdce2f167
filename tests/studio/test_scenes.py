"""Scenes: everything follows from the seed, purpose by purpose; people, furniture and cameras keep apart."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from epipose.errors import InputError
from epipose.studio import bodies
from epipose.studio.bodies import JOINTS
from epipose.studio.figures import make_figure, pose_figures
from epipose.studio.motion.procedural import PROCEDURAL
from epipose.studio.render import figure_surface, mesh_surface
from epipose.studio.rigs import RIGS, RigRequest
from epipose.studio.scene_furniture import OCCLUDERS
from epipose.studio.scene_motion import to_and_fro
from epipose.studio.scene_surroundings import BeforePictures
from epipose.studio.scene_view import Background, Frame, SceneView
from epipose.studio.scenes import LEAD, ROOM_TO_MOVE, Purpose, Scene, SceneOptions, plan_scene

TIMES = np.array([-0.3, 0.0, 0.5, 0.9])


def plan(seed: int = 1, rig: dict[str, object] | None = None, **options: object) -> Scene:
    request = RigRequest(**{"size_wh": (160, 120), **(rig or {})})  # type: ignore[arg-type]
    return plan_scene(SceneOptions(request=request, **{"seconds": 1.0, **options}), seed)  # type: ignore[arg-type]


def seen(scene: Scene, view: str, time: float, *, furniture: bool) -> Frame:
    """Return what a camera sees of the scene without a room."""
    camera = scene.rig.cameras[view]
    width, height = camera.size_wh
    figures = [make_figure(person.body, person.outfit) for person in scene.people]
    vertices, normals = pose_figures(figures, scene.motions(np.array([time]))[0])
    people = [figure_surface(f, vertices[i], normals[i], i + 1) for i, f in enumerate(figures)]
    nothing = vertices.new_zeros((height, width, 3))
    still = [mesh_surface(mesh) for mesh in scene.furniture] if furniture else []
    moving = [mesh_surface(mover.at(time)) for mover in scene.movers] if furniture else []
    drawing = SceneView(camera, Background(nothing, nothing, nothing), still, scene.surroundings.light, scene.middle)
    return drawing.frame([*people, *moving])


def test_the_same_seed_gives_the_same_scene() -> None:
    first, again, other = (plan(seed, people=2, occluder="mover", rig={"offset_s": 0.4}) for seed in (5, 5, 6))
    assert np.array_equal(first.joints(TIMES), again.joints(TIMES))
    assert first.rig.time_offsets == again.rig.time_offsets
    assert np.array_equal(first.movers[0].at(0.7).vertices, again.movers[0].at(0.7).vertices)
    assert first.people[0].outfit == again.people[0].outfit
    assert first.fingerprint == again.fingerprint
    assert not np.allclose(first.joints(TIMES), other.joints(TIMES))
    assert first.fingerprint != other.fingerprint


def test_one_more_person_or_thing_changes_nothing_else() -> None:
    one, two = plan(people=1), plan(people=2, occluder="boxes")
    assert one.people[0].body.phenotype == two.people[0].body.phenotype
    assert one.people[0].outfit == two.people[0].outfit
    assert np.array_equal(one.people[0].motion.rotations, two.people[0].motion.rotations)
    for view, camera in one.rig.cameras.items():
        assert np.array_equal(camera.px_from_world, two.rig.cameras[view].px_from_world)


def test_streams_are_different_for_every_purpose_seed_and_index() -> None:
    drawn = [purpose.stream(seed, index).random() for purpose in Purpose for seed in (0, 1) for index in (0, 1)]
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("motion", PROCEDURAL)
def test_people_stay_around_the_middle_and_on_the_floor(motion: str) -> None:
    joints = plan(motion=motion, rig={"frame_rate": Fraction(10)}).joints(np.linspace(0, 1, 9))[:, 0]
    hips = joints[:, [JOINTS.index("left_hip"), JOINTS.index("right_hip")], :2].mean(axis=1)
    assert np.abs(hips.min(axis=0) + hips.max(axis=0)).max() < 0.2
    assert -0.05 < joints[..., 2].min() < 0.25


def test_several_people_keep_apart() -> None:
    times = np.linspace(0, 1, 20)
    joints = plan(people=3, motion="dance").joints(times)
    hips = joints[:, :, [JOINTS.index("left_hip"), JOINTS.index("right_hip")], :2].mean(axis=2)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.linalg.norm(hips[:, one] - hips[:, other], axis=-1).min() > ROOM_TO_MOVE - 0.02


def test_motion_runs_to_and_fro_without_leaps() -> None:
    times = np.linspace(-7, 9, 200)
    inside = to_and_fro(times, 1.5)
    assert inside.min() >= 0
    assert inside.max() <= 1.5
    assert np.abs(np.diff(inside)).max() <= np.diff(times).max() + 1e-12
    assert to_and_fro(np.array([0.0, 1.0, 1.5, 2.0, -0.5]), 1.5) == pytest.approx([0.0, 1.0, 1.5, 1.0, 0.5])
    assert not to_and_fro(times, 0.0).any()


def test_takes_clips_of_a_folder(shared: Path) -> None:
    folder = shared / "mocap" / "bvh"
    scene = plan(motion=str(folder))
    assert scene.people[0].motion.name.removesuffix(".bvh") in {path.stem for path in folder.glob("*.bvh")}
    assert scene.people[0].motion.seconds == pytest.approx(1.0 + 2 * LEAD, abs=0.01)
    assert np.ptp(scene.joints(np.linspace(0, 1, 5)), axis=0).max() > 0.02


def test_ages_make_children_small() -> None:
    assert plan(ages=(3.0, 4.0)).people[0].body.stature < 1.25 < plan(ages=(25.0, 30.0)).people[0].body.stature


@pytest.mark.parametrize("occluder", list(OCCLUDERS))
@pytest.mark.parametrize("motion", ["sit", "turn"])
def test_furniture_stands_on_the_floor_and_nobody_in_it(occluder: str, motion: str) -> None:
    scene = plan(seed=4, occluder=occluder, motion=motion)
    things = [*scene.furniture, *(mover.at(0.4) for mover in scene.movers)]
    assert len(things) == 0 if occluder == "none" and motion == "turn" else len(things) > 0
    for thing in things:
        assert thing.vertices[:, 2].min() > -1e-6 or occluder == "disc"
    joints = scene.joints(np.linspace(0, 1, 12)).reshape(-1, 3)
    for thing in things if motion == "turn" else ():
        assert np.linalg.norm(thing.vertices[:, None] - joints, axis=-1).min() > 0.1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_desk_stands_in_nobody_of_several(seed: int) -> None:
    scene = plan(seed=seed, occluder="desk", motion="pace", people=3, seconds=2.0)
    (desk,) = scene.furniture
    joints = scene.joints(np.linspace(0, 2, 25)).reshape(-1, 3)
    assert np.linalg.norm(desk.vertices[:, None] - joints, axis=-1).min() > 0.1


def test_views_that_start_far_apart_see_nobody_turn_back() -> None:
    scene = plan(seed=3, motion="walk", seconds=2.0, rig={"offset_s": 5.0})
    first, last = min(scene.rig.time_offsets.values()), max(scene.rig.time_offsets.values()) + 2.0
    person = scene.people[0]
    assert person.lead >= -first > LEAD
    assert person.motion.seconds >= person.lead + last


@pytest.mark.parametrize("occluder", ["round_table", "disc"])
@pytest.mark.parametrize("cover", [0.1, 0.3, 0.5])
def test_covers_the_share_that_was_asked(occluder: str, cover: float) -> None:
    scene = plan(seed=2, occluder=occluder, cover=cover, motion="turn", rig={"size_wh": (320, 240)})
    hidden = []
    for view in ("cam1", "cam3"):
        for time in (0.1, 0.8):
            bare, covered = (seen(scene, view, time, furniture=shown).labels == 1 for shown in (False, True))
            hidden.append(1 - covered.sum() / bare.sum())
    assert np.mean(hidden) == pytest.approx(cover, abs=0.1)


def test_pictures_fill_the_background_of_one_view_each(tmp_path: Path) -> None:
    for name, value in (("a.png", 60), ("b.png", 180)):
        cv2.imwrite(str(tmp_path / name), np.full((50, 300, 3), value, np.uint8))
    scene = plan(background=tmp_path)
    assert isinstance(scene.surroundings, BeforePictures)
    means = []
    for view, camera in scene.rig.cameras.items():
        background = scene.surroundings.background(view, camera)
        assert background.ambient.shape == (120, 160, 3)
        full = background.ambient + background.key
        assert float(full.std()) < 1e-6
        means.append(float(full.mean()))
        floor = background.key.sum(dim=2) > 0
        assert bool(floor[-1].all())
        assert float(background.points[floor][:, 2].abs().max()) < 1e-4
    assert len({round(mean, 3) for mean in means}) == 2


def _broken_picture(folder: Path) -> Path:
    (folder / "broken.jpg").write_bytes(b"no")
    return folder


def test_the_first_body_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_cache_is_built", lambda: False)
    told: list[str] = []
    plan_scene(SceneOptions(seconds=1.0), 1, told.append)
    assert any("cache" in line for line in told)


def test_details_are_plain_values() -> None:
    details = plan(rig={"frame_rate": Fraction(30000, 1001)}, background=None).details
    assert details["request"]["frame_rate"] == "30000/1001"
    assert details["occluder"] == "none"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: plan(people=0), "0 people"),
        (lambda _: plan(people=9), "9 people"),
        (lambda _: plan(seconds=0.0), "0 s cannot be made"),
        (lambda _: plan(seconds=float("nan")), "nan s"),
        (lambda _: plan(seconds=0.01), "no frame"),
        (lambda _: plan(ages=(30.0, 20.0)), "ages from 30 to 20"),
        (lambda _: plan(shutter=1.5), "shutter"),
        (lambda _: plan(crf=60), "60"),
        (lambda _: plan(seed=-1), "seed of -1"),
        (lambda _: plan(rig={"radius": 0.2}), r"cam\d of the rig ring stands in somebody's way .*--radius"),
        (lambda _: plan(occluder="cloud"), "no occluder 'cloud'; choose from none, round_table"),
        (lambda _: plan(occluder="desk", cover=0.3), "desk cannot be made to hide"),
        (lambda _: plan(occluder="disc", cover=1.0), "share of 1.0"),
        (lambda _: plan(motion="fly"), "no motion 'fly'; choose from any, walk_in_place"),
        (lambda empty: plan(motion=str(empty)), "holds no motion"),
        (lambda empty: plan(background=empty), "holds no picture"),
        (lambda empty: plan(background=_broken_picture(empty)), r"broken\.jpg"),
        (lambda _: plan(seed=2, occluder="desk", motion="sit", people=3), "would stand in others"),
        (lambda empty: plan(background=empty / "none"), "no folder"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[Path], Scene], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        make(tmp_path)


@pytest.mark.parametrize("rig", list(RIGS))
def test_every_rig_shows_the_people(rig: str) -> None:
    scene = plan_scene(SceneOptions(rig=rig, seconds=0.5), 3)
    for camera in scene.rig.cameras.values():
        pixels, visible = camera.project(scene.joints(np.array([0.0, 0.4])))
        assert visible.all()
        assert np.mean(np.all((pixels > 0) & (pixels < camera.size_wh), axis=-1)) > 0.9
