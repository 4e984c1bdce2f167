"""metadata.xml of Human3.6M's code release: which file is which take, and the numbers of all cameras.

`mapping` is a table: its first row names the subjects from the third cell on; every other row gives the number of an
action (2 to 16; 1 is the calibration), 1 or 2 for the take, and what each subject's files are called, which follows no
rule. `dbcameras/index2id` names the cameras. `w0` is a text of 300 numbers in brackets: six for every subject of every
camera (angles of the rotation in radians, centre in mm), then nine for every lens.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from epipose.datasets._h36m_facts import CAMERAS, Take, action_numbered, camera_from_numbers, is_subject, size_of
from epipose.errors import InputError
from epipose.geometry.cameras import Camera

FILE = "metadata.xml"
ALL_SUBJECTS = 11
PLACE, LENS = 6, 9
_LARGEST = 20_000_000
"""Bytes; the file has some tens of kilobytes."""


@dataclass(frozen=True, eq=False)
class Metadata:
    """What the file says."""

    path: Path
    takes: dict[tuple[str, str], Take]
    """By subject and the name of its files, such as ("S1", "Directions 1")."""
    camera_names: tuple[str, ...]
    numbers: tuple[float, ...]
    """`w0`."""

    def rig(self, subject: str) -> dict[str, Camera]:
        """Return the cameras that filmed a subject."""
        person = int(subject[1:]) - 1
        lenses = PLACE * ALL_SUBJECTS * len(self.camera_names)
        rig = {}
        for index, name in enumerate(self.camera_names):
            place = PLACE * (index * ALL_SUBJECTS + person)
            lens = lenses + LENS * index
            rig[name] = camera_from_numbers(
                self.numbers[place : place + PLACE], self.numbers[lens : lens + LENS], size_of(name)
            )
        return rig


def find_metadata(root: Path) -> Metadata | None:
    """Return what metadata.xml in `root`, in a folder of it or beside it says; None where there is none."""
    for place in (root, *sorted(folder for folder in root.iterdir() if folder.is_dir()), root.parent):
        if (place / FILE).is_file():
            return read_metadata(place / FILE)
    return None


def read_metadata(path: Path) -> Metadata:
    """Read the file; raises InputError, naming it, for anything else."""
    wrong = InputError(f"{path} is not the metadata.xml of Human3.6M's code release; copy it from there again")
    try:
        if path.stat().st_size > _LARGEST:
            raise wrong
        tree = ElementTree.parse(path).getroot()
        rows = [[(cell.text or "").strip() for cell in row] for row in tree.find("mapping") or ()]
        subjects = rows[0][2:]
        cameras = tuple((cell.text or "").strip() for cell in tree.find("dbcameras/index2id") or ())
        text = next(tree.iter("w0")).text or ""
        numbers = tuple(map(float, text.strip().strip("[]").split()))
    except (ElementTree.ParseError, OSError, ValueError, LookupError, StopIteration, RecursionError) as error:
        raise wrong from error
    takes: dict[tuple[str, str], Take] = {}
    for row in rows[1:]:
        number, take = (*row, "", "")[:2]
        action = action_numbered(int(number)) if number.isdecimal() else None
        if action is None or take not in ("1", "2"):
            continue
        for subject, file in zip(subjects, row[2:], strict=False):
            if file and is_subject(subject):
                takes[subject, file] = Take(subject, action, int(take), file)
    if not all(map(math.isfinite, numbers)) or min(numbers[-LENS * len(cameras) :: LENS], default=0) <= 0:
        raise wrong
    if not takes or set(cameras) != set(CAMERAS) or len(numbers) != len(cameras) * (PLACE * ALL_SUBJECTS + LENS):
        raise wrong
    return Metadata(path, takes, cameras, numbers)
