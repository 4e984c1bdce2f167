"""How near a body's joints come to recorded motion that it is made to follow.

    python -m benchmarks.retargeting [FOLDER]

FOLDER holds BVH files and archives of joints (default: the project's motion capture). One body of average build follows
every clip; distances are to the clip scaled to that body, over the joints that `retarget` needs, after one shift for
the whole clip (feet are put on the floor). Floor: how deep the lowest point of the body is below it, at worst.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.measures import print_table
from benchmarks.scenes import SHARED
from epipose.studio.bodies import make_body
from epipose.studio.motion.clips import read_clips
from epipose.studio.motion.floor import lowest
from epipose.studio.motion.retarget import miss, retarget

GOAL_MM = 25.0


def main() -> None:
    """Measure and print the table, worst clips first."""
    parser = argparse.ArgumentParser(description="Measure how near a body comes to recorded motion.")
    parser.add_argument("folder", type=Path, nargs="?", default=SHARED / "mocap", help="BVH files and archives")
    body = make_body({})
    measured = []
    for clip in read_clips(parser.parse_args().folder):
        motion = retarget(body, clip)
        low = lowest(body, body.motions(motion.rotations, motion.shift))
        measured.append((1000 * miss(body, clip, motion), clip.name, -1000 * min(float(low.min()), 0.0)))
    measured.sort(reverse=True)
    rows = [(name, f"{mean:.1f}", f"{depth:.1f}") for mean, name, depth in measured]
    print_table("Recorded motion on a body", ("clip", "joints, mm", "floor, mm"), rows)
    means = np.array([mean for mean, *_ in measured])
    print(f"{np.sum(means <= GOAL_MM)} of {len(means)} clips within {GOAL_MM:.0f} mm, median {np.median(means):.1f} mm")


if __name__ == "__main__":
    main()
