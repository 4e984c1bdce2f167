"""`epipose demo`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from epipose.cli import Command, Outcome
from epipose.pipeline.progress import Report


@dataclass(frozen=True, kw_only=True)
class Demo(Command):
    """Reconstruct a recording that comes with epipose, as if its cameras were unknown, and compare with the truth."""

    folder: Annotated[
        Path,
        tyro.conf.Positional,
        tyro.conf.arg(metavar="FOLDER", help="Where the recording and all results go; made if it is not there."),
    ] = Path("epipose-demo")

    def run(self, progress: Report, /) -> Outcome:
        """Write the recording, its reconstruction and a report with the errors."""
        from epipose.pipeline.demo import demo
        from epipose.report.json_report import as_table
        from epipose.report.truth_section import truth_line, truth_text

        report = demo(self.folder, progress=progress)
        assert report.truth is not None, "the demo compares with the truth"
        page = self.folder / "report.html"
        return Outcome(
            f"{truth_text(report.truth)}\n\n{report.title}: {truth_line(report.truth)}; open the report: {page}",
            {"report": str(page), **as_table(report)},
            report.warnings,
        )


PLUGIN = Demo
