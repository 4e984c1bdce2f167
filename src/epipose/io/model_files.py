"""What a model file says of itself: an entry of the metadata of an ONNX file."""

import json
import shlex
from dataclasses import dataclass, field
from typing import Any, Literal

from epipose.errors import InputError
from epipose.geometry.crop_frames import FrameKind
from epipose.pose.skeletons import Skeleton

KEY = "epipose"
"""Of the entry."""
FORMAT_VERSION = 1
_OF_TORCH = (b"PK", b"\x80\x02")
"""Beginnings of its files: of today's, and of those of versions before 1.6."""
_REMEDY = "use a file that epipose learn wrote"


@dataclass(frozen=True)
class ModelDescription:
    """What has to be known of a network to run it.

    Networks of kind "crop" take `pictures` (n, size, size, 3) uint8 RGB; those of kind "lift" take `joints`
    (n, joints, 3): x and y in units of the crop, and a weight from 0 to 1, all three 0 for a joint that is not known.
    Both give `positions` (n, joints, 3) in units of the crop (see `geometry.crop_frames`) and `confidence`
    (n, joints), 0 to 1.
    """

    name: str
    kind: Literal["crop", "lift"]
    skeleton: Skeleton
    size: int
    """Pixels of the crop's side; 0 for kind "lift"."""
    margin: float
    """Of `geometry.crop_frames.box_frame`."""
    bone_lengths_m: dict[tuple[str, str], float] = field(default_factory=dict)
    """By parent and child, of the people that it was taught on, as far as they are known."""
    note: str = ""
    """Where it comes from, for people."""
    frame: FrameKind = "box"
    terms: str = ""
    """Under which it may be used, in a sentence; they hold for whatever is learned from it, too."""
    detector: str = ""
    """Whose keypoints it was taught by, where it is of kind "lift" and they were those of one detector."""

    def to_json(self) -> str:
        """Return the text of the entry."""
        skeleton = self.skeleton
        table = {
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "kind": self.kind,
            "skeleton": {
                "name": skeleton.name,
                "joint_names": skeleton.joint_names,
                "parents": skeleton.parents,
                "pairs": skeleton.pairs,
            },
            "size": self.size,
            "margin": self.margin,
            "frame": self.frame,
            "bone_lengths_m": {f"{parent}-{child}": length for (parent, child), length in self.bone_lengths_m.items()},
            "note": self.note,
            "terms": self.terms,
            "detector": self.detector,
        }
        return json.dumps(table, indent=1)


def refuse_checkpoint(content: bytes, file: object) -> None:
    """Raise InputError, with what to do, if `content`, or how it begins, is of a file that torch itself wrote."""
    if content.startswith(_OF_TORCH):
        raise InputError(
            f"{file} holds weights as torch stores them, which cannot be run; if they are of the published EpipolarPose"
            f" code, run `epipose convert {shlex.quote(str(file))}` and use the .onnx file that it writes"
        )


def parse_description(text: str | None, file: object) -> ModelDescription:
    """Return what an entry says; `file` is for the InputError that is raised for any other text, or for none."""
    try:
        table: Any = json.loads(text or "")
        version = table["format_version"]
        if version != FORMAT_VERSION:
            raise InputError(
                f"{file} is of format {version!r}, and this epipose reads {FORMAT_VERSION}; update epipose"
            )
        return _described(table)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file} is no model of epipose, it does not say what it is; {_REMEDY}") from error


def _described(table: dict[str, Any]) -> ModelDescription:
    told = table["skeleton"]
    pairs = tuple((str(left), str(right)) for left, right in told["pairs"])
    skeleton = Skeleton(str(told["name"]), tuple(told["joint_names"]), tuple(told["parents"]), pairs)
    kind, size, margin = table["kind"], int(table["size"]), float(table["margin"])
    frame = table.get("frame", "box")  # files that say nothing of it are older than the choice
    if kind not in ("crop", "lift") or (kind == "crop") != (size > 0) or not 1 <= margin <= 4:
        raise ValueError(f"kind {kind!r}, size {size}, margin {margin}")
    if frame not in ("box", "paper"):
        raise ValueError(f"frame {frame!r}")
    lengths = {}
    for bone, length in table["bone_lengths_m"].items():
        parent, child = bone.split("-")
        lengths[parent, child] = float(length)
    note, terms, detector = str(table["note"]), str(table.get("terms", "")), str(table.get("detector", ""))
    return ModelDescription(str(table["name"]), kind, skeleton, size, margin, lengths, note, frame, terms, detector)
