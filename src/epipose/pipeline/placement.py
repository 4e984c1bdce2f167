"""Where a single camera stands, as far as a camera file tells, and the world in which its people are then given."""

from dataclasses import dataclass
from pathlib import Path

from epipose.errors import InputError
from epipose.geometry.lenses import Lens
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import read_cameras
from epipose.io.camera_fit import fit_to_video
from epipose.io.view_names import closest_view
from epipose.runtime.placing import LEVEL, Measure


@dataclass(frozen=True, eq=False)
class Placement:
    """What is known of the camera."""

    lens: Lens | None = None
    world_from_cam: Rigid = LEVEL
    world: Path | None = None
    """The camera file whose world that is; None for a camera taken as level."""
    notes: tuple[str, ...] = ()

    def words(self, measure: Measure) -> str:
        """Return what positions mean, for people."""
        if self.lens is None:
            return "metres from each person's root; where people stand takes a lens (--intrinsics or --cameras)"
        if self.world is None:
            return "metres from the camera, taken as level"
        sized = " by an average adult's size" if measure == "camera metres, average adult" else ""
        return f"metres in the world of {self.world.name}{sized}"


def placement(
    name: str, size_wh: tuple[int, int], cameras: Path | None, intrinsics: Path | None, rotation: int = 0
) -> Placement:
    """Return what a camera file tells of the view called `name`: everything (`cameras`), or its lens (`intrinsics`).

    A file of one camera means that one; of several, the one whose name the view's contains. Raises InputError if that
    is not clear, or the camera is for other pictures.
    """
    if cameras is not None and intrinsics is not None:
        raise InputError(f"--cameras {cameras} gives the lens too; leave out --intrinsics {intrinsics}")
    path = cameras or intrinsics
    if path is None:
        return Placement()
    file = read_cameras(path)
    chosen = next(iter(file.cameras)) if len(file.cameras) == 1 else closest_view(name, file.cameras)
    if chosen is None:
        raise InputError(
            f"{path} holds the cameras {', '.join(file.cameras)}, and none is clearly that of {name!r}; name the source"
            " after its camera"
        )
    camera, note = fit_to_video(file.cameras[chosen], size_wh, name, rotation=rotation)
    notes = (*file.notes, *([note] if note else []))
    if cameras is None:
        return Placement(camera.lens, notes=notes)
    if not file.posed or not file.metric:
        lacking = "says nothing of where cameras stand" if not file.posed else "does not say its unit of length"
        return Placement(camera.lens, notes=(*notes, f"{path} {lacking}: the camera is taken as level, at the origin"))
    return Placement(camera.lens, camera.cam_from_world.inverse(), path, notes)
