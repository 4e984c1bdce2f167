"""`epipose synthesize`."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from epipose.cli import Command, Outcome
from epipose.errors import InputError
from epipose.pipeline.progress import Report

if TYPE_CHECKING:
    from epipose.studio.scenes import SceneOptions

NTSC = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}
"""Frame rates that are always written shorter than they are."""
LONGEST_FRACTION = 1001
"""Largest denominator of a frame rate: videos know no finer ones, and 29.97002997 is meant to be 30000/1001."""


@dataclass(frozen=True, kw_only=True)
class Synthesize(Command):
    """Make a recording of synthetic people with exact truth: videos, cameras, joints, visibility, masks.

    Everything follows from the seed. A recording that is there already, made with the same arguments, is left as it
    is; one that was interrupted goes on."""

    out: Annotated[
        Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT", help="Folder to make; a capture like any other.")
    ]
    seed: int = 0
    """Whole number from which everything follows."""
    rig: Annotated[
        str,
        tyro.conf.arg(
            metavar="NAME",
            help="ring (all around), phones (on tripods, each another lens, on its side or not, started by hand)"
            " or human36m (the four cameras of that data set).",
        ),
    ] = "ring"
    cameras: Annotated[
        int | None, tyro.conf.arg(metavar="NUMBER", help="How many cameras.", help_behavior_hint="(default: 4)")
    ] = None
    radius: Annotated[
        float | None,
        tyro.conf.arg(
            metavar="METRES",
            help="How far the cameras are from the people.",
            help_behavior_hint="(default: ring 4.5, phones 3.2 to 5)",
        ),
    ] = None
    size: Annotated[
        tuple[int, int] | None,
        tyro.conf.arg(
            metavar="WIDTH HEIGHT",
            help="Pixels of the pictures, even numbers.",
            help_behavior_hint="(default: 1280 720; human36m 1000 by 1000 or 1002)",
        ),
    ] = None
    people: int = 1
    """How many people, up to 8."""
    seconds: float = 5.0
    """Length of every video."""
    frame_rate: Annotated[
        str,
        tyro.conf.arg(
            metavar="PER-SECOND",
            help="Frames per second, also as 30000/1001; 29.97 is taken for that. mixed: each view at 25, 29.97, 30 or"
            " 59.94.",
        ),
    ] = "25"
    offset: Annotated[
        float | None,
        tyro.conf.arg(
            metavar="SECONDS",
            help="How much earlier or later than the first view the others start, at most.",
            help_behavior_hint="(default: phones 0.5, others 0)",
        ),
    ] = None
    motion: Annotated[
        str,
        tyro.conf.arg(
            metavar="NAME|PATH",
            help="walk, walk_in_place, turn, pace, reach, sit, balance, dance, or any of them; or a folder of BVH files"
            " or of NPZ archives of joints (or one such file), of which each person takes a clip.",
        ),
    ] = "any"
    ages: Annotated[
        tuple[float, float],
        tyro.conf.arg(metavar="LOW HIGH", help="Years between which everybody's age is, from 0 to 90."),
    ] = (18.0, 75.0)
    occluder: Annotated[
        str,
        tyro.conf.arg(
            metavar="NAME",
            help="What hides people from some cameras: none, round_table, disc, desk, boxes, or mover (a screen that is"
            " pushed about).",
        ),
    ] = "none"
    cover: Annotated[
        float | None,
        tyro.conf.arg(
            metavar="SHARE",
            help="Share of the first person, 0 to 1, that a round_table or disc hides from every other camera.",
            help_behavior_hint="(default: a disc 0.3, a round_table as it happens)",
        ),
    ] = None
    background: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="FOLDER",
            help="Pictures to put behind the people, one for each view.",
            help_behavior_hint="(default: a room that is made up)",
        ),
    ] = None
    shutter: Annotated[
        float,
        tyro.conf.arg(metavar="SHARE", help="Motion blur: share of a frame's time during which the shutter is open."),
    ] = 0.0
    clean: bool = False
    """Cameras without noise, blur and tint of their own."""
    crf: Annotated[
        int, tyro.conf.arg(metavar="NUMBER", help="H.264's constant rate factor: 0 is perfect, 51 the worst.")
    ] = 21

    def run(self, progress: Report, /) -> Outcome:
        """Write videos/, cameras.toml and truth/ into the folder."""
        from epipose.report.wording import plural
        from epipose.studio import require_extra

        require_extra()
        from epipose.studio.recording import frame_count, record
        from epipose.studio.scenes import plan_scene

        scene = plan_scene(self.options(), self.seed, note=lambda what: progress(what, 0, 1))
        made = record(scene, self.out, progress)
        frames = {view: frame_count(scene.seconds, rate) for view, rate in scene.rig.frame_rates.items()}
        megabytes = sum(path.stat().st_size for path in self.out.rglob("*") if path.is_file()) / 1e6
        statures = [person.body.stature for person in scene.people]
        line = (
            f"{'wrote' if made else 'kept'} {self.out}: {plural(len(frames), 'view')},"
            f" {plural(sum(frames.values()), 'frame')}, {megabytes:.1f} MB; {plural(len(statures), 'person', 'people')}"
            f" of {', '.join(f'{stature:.2f}' for stature in statures)} m"
        )
        table = {
            "folder": str(self.out),
            "made": made,
            "seed": self.seed,
            "rig": scene.rig.name,
            "views": {
                view: {
                    "frames": frames[view],
                    "frame_rate": float(scene.rig.frame_rates[view]),
                    "time_offset_s": scene.rig.time_offsets[view],
                }
                for view in frames
            },
            "people": [{"stature_m": person.body.stature, "motion": person.motion.name} for person in scene.people],
        }
        return Outcome(line, table)

    def options(self) -> "SceneOptions":
        """Return what is asked of the scene; raises InputError for what no scene can be."""
        from epipose.studio.rigs import RigRequest
        from epipose.studio.scenes import SceneOptions

        mixed = self.frame_rate == "mixed"
        request = RigRequest(
            cameras=self.cameras,
            radius=self.radius,
            size_wh=self.size,
            frame_rate=Fraction(25) if mixed else _rate(self.frame_rate),
            mixed_rates=mixed,
            offset_s=self.offset,
        )
        return SceneOptions(
            rig=self.rig,
            request=request,
            people=self.people,
            seconds=self.seconds,
            motion=self.motion,
            ages=self.ages,
            occluder=self.occluder,
            cover=self.cover,
            background=self.background,
            shutter=self.shutter,
            clean=self.clean,
            crf=self.crf,
        )


def _rate(text: str) -> Fraction:
    """Return frames per second from what was typed."""
    try:
        rate = NTSC.get(text) or Fraction(text).limit_denominator(LONGEST_FRACTION)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"{text!r} is no frame rate; give frames a second such as 25, 29.97 or 30000/1001") from error
    if not 1 <= rate <= 240:
        raise InputError(f"a frame rate of {text} cannot be; ask for 1 to 240 frames a second")
    return rate


PLUGIN = Synthesize
