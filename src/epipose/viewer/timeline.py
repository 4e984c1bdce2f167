"""Which moment is shown."""

from dataclasses import dataclass, field


@dataclass
class Timeline:
    """A moment on the common clock that plays from `begin` to `end` (seconds) and then again."""

    begin: float
    end: float
    frame_s: float
    """Seconds of a step from frame to frame."""
    speed: float = 1.0
    """Seconds shown in a second."""
    playing: bool = False
    now: float = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.begin

    def advance(self, seconds: float) -> None:
        """Play on for some `seconds` of the viewer's life."""
        if not self.playing:
            return
        then = self.now + self.speed * seconds
        length = self.end - self.begin + self.frame_s  # the last frame is seen as long as any other
        self.now = self.begin + (then - self.begin) % length

    def toggle(self) -> None:
        """Play, or stop."""
        self.playing = not self.playing

    def seek(self, moment: float) -> None:
        """Show another moment, the nearest that there is."""
        self.now = min(max(moment, self.begin), self.end)

    def step(self, frames: int) -> None:
        """Stop, and go on (or back) by some frames."""
        self.playing = False
        self.seek(self.now + frames * self.frame_s)
