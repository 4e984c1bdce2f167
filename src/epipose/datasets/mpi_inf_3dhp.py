"""MPI-INF-3DHP (Mehta et al., 3DV 2017): eight people before fourteen cameras, and six test sets before one.

None of it comes with epipose: it is for research only, after download with the official scripts.
"""

from pathlib import Path

from epipose.datasets import Dataset, Recording, Wanted, _mpi_inf_3dhp_test_sets, _mpi_inf_3dhp_training
from epipose.datasets._mpi_inf_3dhp_facts import TITLE, chosen
from epipose.datasets._selection import check_root
from epipose.errors import InputError


class MpiInf3dhp(Dataset):
    """Up to 14 cameras and 28 joints, 25 or 50 frames per second; the test sets have one camera and 17 joints."""

    def recordings(self, root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
        """Return the sequences of training, then the test sets; `wanted.actions` are Seq1, Seq2 and Test."""
        check_root(root, TITLE)
        training, test = _mpi_inf_3dhp_training.parts(root), _mpi_inf_3dhp_test_sets.parts(root)
        if not training + test:
            raise InputError(
                f"{root} holds neither S1/Seq1/annot.mat nor TS1/annot_data.mat or others of {TITLE}; name the folder"
                " in which S1 or TS1 lie with --root"
            )
        picked, notes = chosen(training + test, wanted, root)
        found = []
        for part in picked:
            reader = _mpi_inf_3dhp_training if part in training else _mpi_inf_3dhp_test_sets
            recording, said = reader.recording(part)
            found.append(recording)
            notes += said
        return found, notes


PLUGIN = MpiInf3dhp()
