"""A recording that comes with epipose, reconstructed as if its cameras were unknown, and compared with its truth."""

from dataclasses import replace
from pathlib import Path

from epipose.errors import InputError
from epipose.io.files import atomic_write
from epipose.io.truth_files import read_truth
from epipose.pipeline.against_truth import compare_with_truth
from epipose.pipeline.progress import Report, no_report
from epipose.pipeline.reconstruct import reconstruct
from epipose.report.contents import ReconstructionReport
from epipose.report.html_report import write_html
from epipose.report.json_report import write_json
from epipose.samples import copy_sample, sample_files

SAMPLE = "turning"
MARK = "README.txt"
MADE_BY = "This folder was made by `epipose demo`."

_ABOUT = f"""{MADE_BY} It may be deleted, and the command makes it again.

videos/      a synthetic person turns behind a round table before four cameras
truth/       what was really there; the reconstruction never opens it
report.html  what epipose found from the videos and the person's height alone, and how far that is from the truth

The rest is what `epipose reconstruct` writes for every recording.
"""


def demo(folder: Path, *, detector: str = "builtin", progress: Report = no_report) -> ReconstructionReport:
    """Copy the sample to `folder`, reconstruct it from its videos and the person's stature, and compare with the truth.

    Where the cameras stand, their lenses and when they started are not given. A folder of an earlier demo is used
    again, with the keypoints that were detected; any other folder that is not empty is refused with InputError.
    """
    places = sample_files(SAMPLE)
    _claim(folder)
    _drop_stale(folder, {folder / place for place in places})
    copy_sample(SAMPLE, folder)
    stature = read_truth(folder / "truth").people[0].stature_m
    report = reconstruct(
        folder, cameras="people", intrinsics="estimate", detector=detector, height_m=stature, progress=progress
    )
    report = replace(report, truth=compare_with_truth(folder, report))
    write_json(folder / "report.json", report)
    write_html(folder / "report.html", report)
    return report


def _claim(folder: Path) -> None:
    """Mark `folder` as ours before anything else is in it; raises InputError if it is somebody else's."""
    mark = folder / MARK
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name another place: epipose demo FOLDER")
    if folder.is_dir() and any(folder.iterdir()) and not _is_marked(mark):
        raise InputError(f"{folder} is there and was not made by epipose demo; name another place: epipose demo FOLDER")
    with atomic_write(mark, "w") as file:
        file.write(_ABOUT)


def _drop_stale(folder: Path, current: set[Path]) -> None:
    """Remove views that an earlier version of the sample had."""
    for part in ("videos", "truth"):
        for found in (folder / part).rglob("*"):
            if found.is_file() and found not in current:
                found.unlink()


def _is_marked(mark: Path) -> bool:
    try:
        return mark.read_text(encoding="utf-8").startswith(MADE_BY)
    except (OSError, ValueError):
        return False
