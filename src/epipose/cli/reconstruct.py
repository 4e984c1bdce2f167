"""`epipose reconstruct`."""

from dataclasses import dataclass

from epipose.cli import Command, Outcome
from epipose.cli._arguments import Board, CameraChoice, Detector, Folder, FrameRate, Height, Intrinsics, Refine, Smooth
from epipose.pipeline.progress import Report


@dataclass(frozen=True, kw_only=True)
class Reconstruct(Command):
    """Find cameras and metric 3D skeletons from the videos of a capture folder, and say how far to trust them."""

    folder: Folder
    cameras: CameraChoice = "auto"
    intrinsics: Intrinsics = None
    board: Board = None
    detector: Detector = "auto"
    height_m: Height = None
    refine: Refine = False
    smooth: Smooth = "motion"
    frame_rate: FrameRate = None

    def run(self, progress: Report, /) -> Outcome:
        """Write cameras, poses, exports and the report into the capture folder."""
        from epipose.pipeline.reconstruct import reconstruct
        from epipose.report.json_report import as_table
        from epipose.report.summary import one_line

        report = reconstruct(
            self.folder,
            cameras=self.cameras,
            intrinsics=self.intrinsics,
            board=self.board,
            detector=self.detector,
            height_m=self.height_m,
            refine=self.refine,
            smooth=self.smooth,
            frame_rate=self.frame_rate,
            progress=progress,
        )
        page = self.folder / "report.html"
        return Outcome(
            f"{one_line(report)}; report: {page}", {"report": str(page), **as_table(report)}, report.warnings
        )


PLUGIN = Reconstruct
