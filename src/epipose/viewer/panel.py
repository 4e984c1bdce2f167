"""The controls beside the scene. They change nothing themselves: every one hands its wish on."""

import html
from collections.abc import Callable, Sequence

import numpy as np
import viser

from epipose.report.wording import plural
from epipose.viewer.recording import SMOOTH, TRIANGULATED, Recording, Track
from epipose.viewer.timeline import Timeline

FREE = "nobody: move about freely"
SPEEDS = ("0.1", "0.25", "0.5", "1", "2", "4")
ENLARGED = ("1", "2", "5", "10", "20", "50")
NOTHING_CLICKED = "Click a joint to read its numbers."
_SLIDER_HZ = 10
"""How often the slider follows while it plays."""

Later = Callable[[Callable[[], None]], None]


class Panel:
    """Time, what is shown, whose eyes one sees through, and the numbers of a joint."""

    def __init__(
        self, gui: viser.GuiApi, recording: Recording, timeline: Timeline, colours: Sequence[str], later: Later
    ) -> None:
        self._timeline, self._later = timeline, later
        self._moved_at = -1.0
        with gui.add_folder("Time"):
            self._add_time(gui)
        with gui.add_folder("People"):
            gui.add_html(_legend(recording.tracks, colours))
            self.tracks = [gui.add_checkbox(track.name, _at_first(track, recording)) for track in recording.tracks]
            self.uncertainty = gui.add_checkbox("uncertainty (1 sigma)", True)
            self.enlarged = gui.add_dropdown("enlarged", ENLARGED, initial_value=_first_enlarged(recording))
        with gui.add_folder("Cameras", visible=bool(recording.views)):
            self.cameras = gui.add_checkbox("cameras", True)
            self.pictures = gui.add_checkbox("pictures", True)
            names = [FREE, *(view.name for view in recording.views)]
            self.through = gui.add_dropdown("look through", names, initial_value=FREE)
        self.floor = gui.add_checkbox("floor", True)
        with gui.add_folder("Joint"):
            self.joint = gui.add_markdown(NOTHING_CLICKED)
        self._notes = gui.add_folder("Notes", visible=bool(recording.notes))
        self._gui = gui
        for note in recording.notes:
            self.add_note(note)

    def _add_time(self, gui: viser.GuiApi) -> None:
        timeline = self._timeline
        length = max(timeline.end - timeline.begin, timeline.frame_s)
        self._slider = gui.add_slider("seconds", 0.0, round(length, 3), round(timeline.frame_s, 4), 0.0)
        self._play = gui.add_button("Play", icon=viser.Icon.PLAYER_PLAY, hint="or press the space bar")
        steps = gui.add_button_group("frame", ("back", "on"), hint="or press J and L")
        speed = gui.add_dropdown("speed", SPEEDS, initial_value="1")

        @self._slider.on_update
        def _(event: viser.GuiEvent[viser.GuiSliderHandle[float]]) -> None:
            if event.client is not None:
                moment = timeline.begin + event.target.value
                self._later(lambda: timeline.seek(moment))

        self._play.on_click(lambda _: self._later(timeline.toggle))
        gui.add_command("Play or pause", hotkey="space").on_trigger(lambda _: self._later(timeline.toggle))
        gui.add_command("A frame back", hotkey="J").on_trigger(lambda _: self._later(lambda: timeline.step(-1)))
        gui.add_command("A frame on", hotkey="L").on_trigger(lambda _: self._later(lambda: timeline.step(1)))
        steps.on_click(lambda event: self._later(lambda: timeline.step(-1 if event.target.value == "back" else 1)))

        def hurry() -> None:
            timeline.speed = float(speed.value)

        speed.on_update(lambda _: self._later(hurry))

    def connect(self, update_shown: Callable[[], None], look_through: Callable[[str | None], None]) -> None:
        """Tell what shows what the switches say, and what looks through the camera of a name, or through none."""
        for switch in (*self.tracks, self.uncertainty, self.cameras, self.pictures, self.floor):
            switch.on_update(lambda _: self._later(update_shown))
        self.enlarged.on_update(lambda _: self._later(update_shown))
        self.through.on_update(
            lambda _: self._later(lambda: look_through(None if self.through.value == FREE else self.through.value))
        )

    def follow_time(self, clock: float) -> None:
        """Show the moment and whether it plays; `clock` are seconds of the viewer's life."""
        timeline = self._timeline
        if not timeline.playing or clock - self._moved_at > 1 / _SLIDER_HZ:
            self._moved_at = clock
            self._slider.value = round(timeline.now - timeline.begin, 4)  # type: ignore[misc]
        word = "Pause" if timeline.playing else "Play"
        if self._play.label != word:
            self._play.label = word
            self._play.icon = viser.Icon.PLAYER_PAUSE if timeline.playing else viser.Icon.PLAYER_PLAY

    def say_through(self, name: str | None) -> None:
        """Say whose eyes one sees through."""
        self.through.value = FREE if name is None else name  # type: ignore[misc]

    def add_note(self, note: str) -> None:
        """Say what cannot be shown."""
        self._notes.visible = True
        with self._notes:
            self._gui.add_markdown(html.escape(note))


def _at_first(track: Track, recording: Recording) -> bool:
    """Return whether a track is shown at first: not the rough one of two that are nearly the same."""
    return track.name != TRIANGULATED or all(other.name != SMOOTH for other in recording.tracks)


def _legend(tracks: Sequence[Track], colours: Sequence[str]) -> str:
    rows = (
        f'<div><span style="color:{colour};font-size:1.4em;line-height:1">&#9679;</span> {html.escape(track.name)}:'
        f" {plural(len(track.poses.times), 'frame')}, {plural(track.people, 'person', 'people')}</div>"
        for track, colour in zip(tracks, colours, strict=True)
    )
    sides = "<div>left limbs are lighter, right ones darker</div>"
    return f'<div style="padding:0 0.75em 0.4em;font-size:0.85em">{"".join(rows)}{sides}</div>'


def _first_enlarged(recording: Recording) -> str:
    """Return the least enlargement by which usual uncertainties can be seen outside of the joints' balls."""
    known = np.concatenate([track.poses.uncertainty[track.poses.weight > 0].ravel() for track in recording.tracks])
    known = known[known > 0]
    usual = float(np.median(known)) if len(known) else 1.0
    return next((factor for factor in ENLARGED if float(factor) * usual > 0.04), ENLARGED[-1])
