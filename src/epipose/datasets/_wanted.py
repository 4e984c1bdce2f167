"""What is asked of a data set."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which part of a data set is asked for; empty means all."""

    subjects: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    """Of data sets that are published in parts for training, validation and testing, as these call them."""
    damaged: bool = False
    """Also recordings whose truth is known to be wrong."""
