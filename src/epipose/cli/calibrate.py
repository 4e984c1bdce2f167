"""`epipose calibrate`."""

from dataclasses import dataclass
from math import degrees

from epipose.cli import Command, Outcome
from epipose.cli._arguments import Board, CameraChoice, Detector, Folder, FrameRate, Height, Intrinsics, Refine
from epipose.pipeline.progress import Report


@dataclass(frozen=True, kw_only=True)
class Calibrate(Command):
    """Find cameras and time offsets of a capture from the person alone, or refine cameras that are known."""

    folder: Folder
    cameras: CameraChoice = "auto"
    intrinsics: Intrinsics = None
    board: Board = None
    detector: Detector = "auto"
    height_m: Height = None
    refine: Refine = False
    frame_rate: FrameRate = None

    def run(self, progress: Report, /) -> Outcome:
        """Write cameras.toml into the capture folder."""
        from epipose.pipeline.calibrate import calibrate
        from epipose.report.wording import in_unit, millimetres, plural

        found = calibrate(
            self.folder,
            cameras=self.cameras,
            intrinsics=self.intrinsics,
            board=self.board,
            detector=self.detector,
            height_m=self.height_m,
            refine=self.refine,
            frame_rate=self.frame_rate,
            progress=progress,
        )
        rig, path = found.rig, found.cameras_path
        views = {
            name: {
                "centre_m": camera.centre.tolist(),
                "focal_px": list(camera.lens.focal),
                "time_offset_s": float(-offset),
            }
            for name, camera, offset in zip(found.names, rig.cameras, rig.offsets, strict=True)
        }
        line, sure = f"wrote {path}: {plural(len(views), 'camera')}", {}
        if path is None:
            line = f"{plural(len(views), 'camera')} given and held; nothing to write"
        if rig.uncertainty is not None:
            sure["centre_sigma_m"] = max(camera.centre_m for camera in rig.uncertainty)
            sure["rotation_sigma_rad"] = max(camera.rotation_rad for camera in rig.uncertainty)
            turn = in_unit(degrees(sure["rotation_sigma_rad"]), "degrees", digits=2)
            line += f", places known to {millimetres(sure['centre_sigma_m'])}, directions to {turn} (1 sigma)"
            line += f"; size from {rig.scale.source}"
        table = {"file": str(path) if path else None, "views": views, "scale_source": rig.scale.source, **sure}
        return Outcome(line, table, (*rig.warnings, *found.notes))


PLUGIN = Calibrate
