"""What is fixed about MPI-INF-3DHP: its parts, frame rates, and what is wrong with it."""

from dataclasses import dataclass
from pathlib import Path

from epipose.datasets import Wanted
from epipose.datasets._selection import asked
from epipose.errors import InputError

TITLE = "MPI-INF-3DHP"
MILLIMETRE = 0.001
TEST = "Test"
"""What the one sequence of a test subject is called here."""
AT_50 = frozenset({("S1", "Seq2"), ("S3", "Seq1"), ("S3", "Seq2"), ("S5", "Seq1"), ("S5", "Seq2")})
"""Sequences of 50 frames per second, as the official `mpii_get_sequence_info` says; all others have 25."""
DAMAGED = {("S4", "Seq2"): "left and right are swapped in some of its frames"}
SHORT_VIDEO = {("S6", "Seq2"): "video_2"}
"""A video that ends long before the others."""


@dataclass(frozen=True)
class Part:
    """A sequence of one person."""

    subject: str
    """S1 to S8, or TS1 to TS6 of the test sets."""
    sequence: str
    folder: Path

    @property
    def name(self) -> str:
        """Name of the capture folder."""
        return self.subject if self.sequence == TEST else f"{self.subject}_{self.sequence}"

    @property
    def about(self) -> dict[str, str | int]:
        """What the data set calls it."""
        return {"subject": self.subject, "action": self.sequence}

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return 50.0 if (self.subject, self.sequence) in AT_50 else 25.0


def chosen(parts: list[Part], wanted: Wanted, root: Path) -> tuple[list[Part], list[str]]:
    """Return the parts that are wanted, and a sentence for each that was left out as damaged."""
    subjects = asked(wanted.subjects, {part.subject for part in parts}, "subject", root)
    sequences = asked(wanted.actions, {part.sequence for part in parts}, "sequence", root)
    picked = [part for part in parts if part.subject in subjects and part.sequence in sequences]
    reasons = {} if wanted.damaged else DAMAGED
    kept = [part for part in picked if (part.subject, part.sequence) not in reasons]
    if not kept:
        raise InputError(f"nothing of {root} is left to prepare; ask for other subjects or sequences, or for --damaged")
    left_out = [part for part in picked if part not in kept]
    return kept, [f"{part.name} was left out: {reasons[part.subject, part.sequence]}" for part in left_out]
