"""The viewer: one thread draws, and whatever happens elsewhere is done by it in its turn."""

import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue

import numpy as np
import viser
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.report.palette import view_colour
from epipose.viewer import picking
from epipose.viewer.bodies import Body
from epipose.viewer.following import Following
from epipose.viewer.frusta import Frustum
from epipose.viewer.panel import Panel
from epipose.viewer.pictures import PictureLoader, Wish
from epipose.viewer.recording import Recording
from epipose.viewer.shapes import JOINT_RADIUS_M
from epipose.viewer.timeline import Timeline
from epipose.viewer.web import HOST, ViewerServer

TICK_S = 0.01
RESTING_S = 0.5
"""How often the thread looks around while nothing plays and nobody does anything."""
SMALL_PX, LARGE_PX = 480, 1280
"""Longest side of a picture beside its camera, and of one that is looked at."""
DEPTH_SHARE, DEPTH_M = 0.08, (0.25, 1.5)
"""How long cameras are drawn, of the size of the scene, and the least and most of it in metres."""
PICTURES_HZ = 30
"""How many pictures a second are shown beside their cameras, at most; of one that is looked at, all."""
BEHIND_M = 0.6
"""How far behind the farthest joint the picture stands that is looked at."""
_MANY = 20_000
"""Joints that are enough to tell where all of them are."""


class Viewer:
    """Shows a recording at `address` until it is stopped."""

    def __init__(self, recording: Recording, port: int) -> None:
        self._recording = recording
        self._todo: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._stopped = False
        self._asked_at = 0.0
        self._picked: picking.Joint | None = None
        self._timeline = Timeline(*recording.span_s, recording.frame_s)
        self._server = ViewerServer(port, recording.name)
        joints = _some_joints(recording)
        self._fill_scene(joints)
        behind_m = {view.name: _farthest_m(joints, view.camera) + BEHIND_M for view in recording.views}
        self._following = Following(self._server, self._frusta, behind_m)
        self._listen()
        self._views = [view for view in recording.views if view.source is not None]
        self._loaders = {
            view.name: PictureLoader(view, self._frusta[view.name].show, self._complain) for view in self._views
        }

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self._server.get_port()}"

    def run(self) -> None:
        """Draw until `stop` is called, or the program is interrupted."""
        try:
            self._update_shown()
            last = time.perf_counter()
            while not self._stopped:
                self._wait(last)
                now = time.perf_counter()
                self._timeline.advance(now - last)
                last = now
                self._draw(now)
                self._panel.follow_time(now)
        finally:
            for loader in self._loaders.values():
                loader.close()
            self._server.stop()

    def stop(self) -> None:
        """End, from any thread."""
        self._stopped = True
        self._later(lambda: None)

    def _later(self, action: Callable[[], None]) -> None:
        self._todo.put(action)

    def _wait(self, last: float) -> None:
        """Let time pass until a tick after `last` (s), or until something is asked for, and do that."""
        tick = TICK_S if self._timeline.playing else RESTING_S
        try:
            self._todo.get(timeout=max(0.001, last + tick - time.perf_counter()))()
            while True:
                self._todo.get_nowait()()
        except Empty:
            return

    def _fill_scene(self, joints: Float[ndarray, "n 3"]) -> None:
        scene, recording = self._server.scene, self._recording
        low, high = _bounds(joints, [view.camera for view in recording.views])
        middle, size = (low + high) / 2, max(float(np.max(high - low)), 2.0)
        side = 2 * float(np.ceil(size / 2)) + 2
        self._floor = scene.add_grid(
            "/floor",
            width=side,
            height=side,
            position=(round(middle[0]), round(middle[1]), 0.0),
            cell_color=(226, 229, 233),
            section_color=(198, 203, 210),
        )
        colours = [view_colour(index) for index in range(len(recording.tracks))]
        self._bodies = [Body(scene, track, colour) for track, colour in zip(recording.tracks, colours, strict=True)]
        depth_m = float(np.clip(DEPTH_SHARE * size, *DEPTH_M))
        self._frusta = {view.name: Frustum(scene, view.name, view.camera, depth_m) for view in recording.views}
        self._marker = scene.add_icosphere("/marker", 1.6 * JOINT_RADIUS_M, (250, 210, 40), visible=False)
        self._panel = Panel(self._server.gui, recording, self._timeline, colours, self._later)
        target = np.array([middle[0], middle[1], min(0.8, middle[2])])
        self._server.initial_camera.position = target + size * np.array([0.28, -0.6, 0.28])
        self._server.initial_camera.look_at = target

    def _listen(self) -> None:
        """Have everything that viewers do done by the thread that draws."""
        self._panel.connect(self._update_shown, self._look_through)

        @self._server.scene.on_click()
        def _(event: viser.SceneClickEvent) -> None:
            origin, direction = np.array(event.ray_origin), np.array(event.ray_direction)
            self._later(partial(self._pick, origin, direction))

        def clicked_picture(name: str, _: object) -> None:
            self._later(lambda: self._look_through(name) if self._following.name is None else None)

        for name, frustum in self._frusta.items():
            frustum.picture.on_click(partial(clicked_picture, name))
        self._server.on_client_connect(self._welcome)
        self._server.on_client_disconnect(lambda client: self._later(partial(self._following.leave, client)))

    def _welcome(self, client: viser.ClientHandle) -> None:
        """Have somebody who begins to watch, whenever their window changes its shape, see what the others see."""

        @client.camera.on_update
        def _(_: viser.CameraHandle) -> None:
            if self._following.is_reshaped(client):
                self._later(partial(self._following.join, client))

        self._later(partial(self._following.join, client))

    def _draw(self, now: float) -> None:
        moment = self._timeline.now
        with self._server.atomic():
            moved = [body.show(moment) for body in self._bodies if body.visible]
            if any(moved):
                self._show_numbers()
        if self._panel.pictures.value:
            self._ask_for_pictures(moment, now)

    def _ask_for_pictures(self, moment: float, now: float) -> None:
        through = self._following.name
        beside = through is None and self._panel.cameras.value
        if beside and self._timeline.playing and now - self._asked_at < 1 / PICTURES_HZ:
            return
        self._asked_at = now
        for view in self._views:
            if beside or view.name == through:
                wish = Wish(moment - view.time_offset_s, SMALL_PX if beside else LARGE_PX)
                self._loaders[view.name].want(wish)

    def _update_shown(self) -> None:
        """Show what the switches of the panel say."""
        panel, through = self._panel, self._following.name
        for body, switch in zip(self._bodies, panel.tracks, strict=True):
            body.visible = switch.value
            body.show_uncertainty(panel.uncertainty.value, float(panel.enlarged.value))
        for name, frustum in self._frusta.items():
            looked_at = name == through
            picture = panel.pictures.value and (looked_at or through is None)
            frustum.appear(camera=panel.cameras.value or looked_at, picture=picture)
        self._floor.visible = panel.floor.value
        self._show_numbers()

    def _look_through(self, name: str | None) -> None:
        """Let everybody who watches see what a camera saw; None: move about freely again."""
        if name != self._following.name:
            self._following.look_through(name)
            self._panel.say_through(name)
            self._update_shown()

    def _complain(self, sentence: str) -> None:
        self._later(partial(self._panel.add_note, sentence))

    def _pick(self, origin: Float[ndarray, "3"], direction: Float[ndarray, "3"]) -> None:
        self._picked = picking.clicked(self._bodies, origin, direction) or self._picked
        self._show_numbers()

    def _show_numbers(self) -> None:
        """Mark the joint that was clicked, and say what is known of it."""
        picked = self._picked
        if picked is None:
            return
        points, known = picked.body.points()
        self._marker.visible = bool(known[picked.person, picked.joint]) and picked.body.visible
        self._marker.position = points[picked.person, picked.joint]
        self._panel.joint.content = picking.numbers(picked, self._recording.views)


def _some_joints(recording: Recording) -> Float[ndarray, "n 3"]:
    """Return enough of the joints (m) that are known to tell where all are; an upright person's, if none is."""
    found = np.concatenate([track.poses.positions[track.poses.weight > 0] for track in recording.tracks])
    if not len(found):
        return np.array([[-0.5, -0.5, 0.0], [0.5, 0.5, 1.8]])
    return found[:: max(1, len(found) // _MANY)].astype(float)


def _bounds(joints: Float[ndarray, "n 3"], cameras: list[Camera]) -> Float[ndarray, "2 3"]:
    """Return the lowest and highest corner (m) around cameras and nearly all joints."""
    centres = [camera.centre[None] for camera in cameras]
    corners = np.concatenate([np.percentile(joints, [1, 99], axis=0), *centres])
    return np.stack([corners.min(axis=0), corners.max(axis=0)])


def _farthest_m(joints: Float[ndarray, "n 3"], camera: Camera) -> float:
    """Return how far before a camera nearly all joints are, in metres along its axis."""
    return max(float(np.percentile(camera.cam_from_world.apply(joints)[:, 2], 99.5)), 1.0)
