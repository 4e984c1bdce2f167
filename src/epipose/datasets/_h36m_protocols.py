"""The protocols under which Human3.6M is evaluated, each choice of theirs by name; docs/evaluate.md lists them.

Numbers of protocols mean different things to different authors. To most (Martinez et al., ICCV 2017, and after) both
test S9 and S11, the first with roots laid on each other, the second after Procrustes alignment: here `p1` and `p2`. To
Sun et al. (ECCV 2018; code of "integral") "Protocol 1" tests S11 alone, after Procrustes alignment, and "Protocol 2" is
what is called `every-64` here: S9 and S11, roots laid on each other, every 64th frame.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from epipose.datasets._benchmark import Benchmark
from epipose.datasets._h36m_facts import FRAME_RATE, Take
from epipose.datasets._h36m_selection import damage
from epipose.pose.protocols import Protocol, PublishedRow

COLUMNS = {"Directions": "Dir.", "Discussion": "Disc.", "Eating": "Eat", "Greeting": "Greet", "Phoning": "Phone",
           "TakingPhoto": "Photo", "Posing": "Pose", "Purchases": "Purch.", "Sitting": "Sit", "SittingDown": "SitD.",
           "Smoking": "Smoke", "Waiting": "Wait", "WalkingDog": "WalkD.", "Walking": "Walk",
           "WalkTogether": "WalkT."}  # fmt: skip
"""The actions in the order in which papers have them, and what they write above the columns."""
TEKIN_ACTIONS = ("Discussion", "Eating", "Greeting", "TakingPhoto", "Walking", "WalkingDog")
TRAINED_ON, TESTED_ON = ("S1", "S5", "S6", "S7", "S8"), ("S9", "S11")


def _protocols() -> tuple[Protocol, ...]:
    usual: dict[str, Any] = {"trained_on": TRAINED_ON, "subjects": TESTED_ON}
    usual |= {"actions": tuple(COLUMNS), "headings": tuple(COLUMNS.values())}
    whole: dict[str, Any] = {**usual, "joints": 17, "every": 1, "averaging": "actions"}
    thinned: dict[str, Any] = {**usual, "alignment": "root", "every": 64, "averaging": "frames", "depth_given": True}
    return (
        Protocol(name="p1", alignment="root", source="Martinez et al., ICCV 2017, 'Protocol #1'", **whole),
        Protocol(name="p2", alignment="procrustes", source="Martinez et al., ICCV 2017, 'Protocol #2'", **whole),
        Protocol(
            name="tekin2016",
            alignment="root",
            own_actions=TEKIN_ACTIONS,
            source="Tekin et al., BMVC 2016, section 4.3 and Table 1; they taught a network for each action",
            **whole,
        ),
        Protocol(
            name="every-64",
            joints=17,
            source="Sun et al., ECCV 2018, their 'Protocol 2'; EpipolarPose's networks of 17 joints",
            **thinned,
        ),
        Protocol(
            name="every-64-mpii",
            joints=16,
            source="the same over MPII's 16 joints, as EpipolarPose's self-supervised networks have them",
            **thinned,
        ),
    )


def _published() -> tuple[PublishedRow, ...]:
    file = resources.files("epipose.datasets") / "_h36m_published.toml"
    rows = tomllib.loads(file.read_text(encoding="utf-8"))["row"]
    return tuple(PublishedRow(**{**row, "protocols": tuple(row["protocols"])}) for row in rows)


def _damage(about: Mapping[str, Any]) -> str | None:
    return damage(Take(about["subject"], about["action"], about.get("take"), about.get("file", "")))


BENCHMARK = Benchmark(_protocols(), _published(), float(FRAME_RATE), _damage)
