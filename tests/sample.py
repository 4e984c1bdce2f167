"""The made-up recording of `examples/`, for tests of whole commands."""

import runpy
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def make_sample(folder: Path) -> Path:
    """Write the capture folder with keypoints of four views, lenses and the truth, and return it."""
    runpy.run_path(str(REPOSITORY / "examples" / "make_keypoint_sample.py"))["make_sample"](folder)
    return folder
