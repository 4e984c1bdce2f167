"""MPII and COCO with something in them that nobody expects: read, or refused in one sentence, never a crash."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ndarray
from scipy.io import savemat

from epipose.datasets import MarkedPictures, Wanted
from epipose.datasets.coco import PLUGIN as COCO
from epipose.datasets.mpii import PLUGIN as MPII
from epipose.errors import InputError
from tests.datasets import marked_miniature as mini
from tests.datasets.spoiling import PLAIN, spoiled

MATLAB_JUNK: list[Any] = [mini.NOTHING, -1.0, 1e30, np.nan, np.uint8(200), "", "x", "..", True, 1j, np.zeros((3, 2)),
                          mini.structs([{"x": 1.0}]), mini.structs([{"point": "x"}] * 2), mini.cells([1.0, "a"]),
                          np.array([["ab", "cd"]]), np.zeros((1, 0))]  # fmt: skip


def spoiled_structs(data: st.DataObject, held: Any) -> Any:
    """A copy of MATLAB's structures in which one part, anywhere, is something else, or missing."""
    if not isinstance(held, ndarray) or held.dtype.names is None or not data.draw(st.integers(0, 9)):
        return data.draw(st.sampled_from(MATLAB_JUNK))
    if not data.draw(st.integers(0, 9)):
        kept = data.draw(st.lists(st.sampled_from(held.dtype.names), min_size=1, unique=True))
        return mini.structs([{name: row[name] for name in kept} for row in held.ravel()])
    copied = held.copy()
    place = data.draw(st.integers(0, held.size - 1)), data.draw(st.sampled_from(held.dtype.names))
    copied.flat[place[0]][place[1]] = spoiled_structs(data, copied.flat[place[0]][place[1]])
    return copied


def spoil_release(root: Path, data: st.DataObject) -> None:
    held = mini.structs([mini.release()])
    mini.write_mpii_release(root)
    savemat(root / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": spoiled_structs(data, held)})


def spoil_records(root: Path, data: st.DataObject) -> None:
    file = mini.write_mpii_json(root) / "annot" / "valid.json"
    file.write_text(json.dumps(spoiled(data, json.loads(file.read_text()), PLAIN)))


def spoil_heads(root: Path, data: st.DataObject) -> None:
    mini.write_mpii_json(root)
    names = ("headboxes_src", "pos_gt_src", "jnt_missing")
    held = {name: np.zeros((2, 2, 4)) for name in names}
    savemat(root / "annot" / "gt_valid.mat", {**held, data.draw(st.sampled_from(names)): spoiled_structs(data, None)})


def spoil_coco(root: Path, data: st.DataObject) -> None:
    file = mini.write_coco(root, ("val2017",)) / "annotations" / "person_keypoints_val2017.json"
    file.write_text(json.dumps(spoiled(data, json.loads(file.read_text()), PLAIN)))


SPOILERS: dict[str, tuple[MarkedPictures, Callable[[Path, st.DataObject], None]]] = {
    "release of MPII": (MPII, spoil_release),
    "JSON of MPII": (MPII, spoil_records),
    "heads of MPII": (MPII, spoil_heads),
    "COCO": (COCO, spoil_coco),
}


def read_or_refused(reader: MarkedPictures, root: Path) -> None:
    with suppress(InputError):
        for person in reader.people(root, Wanted())[0]:
            assert np.isfinite(person.pixels).all()
            assert np.isfinite(person.box).all()
            assert (person.box[:2] < person.box[2:]).all()
            assert person.marked.any()
            assert not person.head_px <= 0


@pytest.mark.parametrize("kind", SPOILERS)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_what_nobody_expects_is_read_or_refused(
    kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reader, spoil = SPOILERS[kind]
    root = tmp_path_factory.mktemp("spoiled") / "root"
    spoil(root, data)
    read_or_refused(reader, root)


@given(
    changes=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), max_size=5),
    kept=st.one_of(st.none(), st.integers(0, 20_000)),
)
@settings(max_examples=60, deadline=5000)
def test_a_damaged_release_is_read_or_refused_soon(
    changes: list[tuple[int, int]], kept: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("damaged")
    mini.write_mpii_release(root)
    file = root / "mpii_human_pose_v1_u12_1.mat"
    savemat(file, {"RELEASE": mini.release()}, do_compression=False)
    content = bytearray(file.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    file.write_bytes(content[:kept])
    read_or_refused(MPII, root)
