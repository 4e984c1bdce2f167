"""Videos of a miniature Human3.6M in which a network can be right: its people are of coloured discs."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from epipose.datasets._h36m_facts import published_rig
from epipose.io.video_writing import Coding, video_writer
from tests.datasets import h36m_miniature as mini
from tests.runtime.discs import draw

RADIUS = 10
"""Of discs, in pixels: the people are smaller in these pictures, and crops of them have fewer pixels."""
LOSSLESS = Coding("mp4", "libx264rgb", given="rgb24", stored="rgb24", options={"qp": "0", "preset": "ultrafast"})


def write_disc_release(root: Path, takes: Sequence[mini.Take]) -> Path:
    """Write the release of some takes with videos of all four cameras."""
    mini.write_official(root, takes)
    for take in takes:
        for name, camera in published_rig(f"S{take.subject}").items():
            file = root / f"S{take.subject}" / "Videos" / f"{take.file}.{name}.mp4"
            file.parent.mkdir(parents=True, exist_ok=True)
            with video_writer(file, mini.SIZES[name], Fraction(50), LOSSLESS) as append:
                for joints in mini.in_camera(take, name) / 1000:
                    append(draw([joints], camera.lens, mini.SIZES[name], RADIUS))
    return root
