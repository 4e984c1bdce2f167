"""A fingerprint changes with everything that matters and with nothing else."""

import os
from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io import fingerprints
from epipose.io.fingerprints import SMALL, fingerprint, is_current


def test_every_part_and_the_version_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"1")
    first = fingerprint("detect", 1, {"x": [1.5, None], "y": file})
    assert first == fingerprint("detect", 1, {"y": file, "x": [1.5, None]})
    others = {fingerprint("detect", 2, {"x": [1.5, None], "y": file}), fingerprint("detect", 1, {"x": [1.5]})}
    file.write_bytes(b"2")
    others.add(fingerprint("detect", 1, {"x": [1.5, None], "y": file}))
    file.write_bytes(b"1")
    monkeypatch.setattr(fingerprints, "__version__", "99")
    others.add(fingerprint("detect", 1, {"x": [1.5, None], "y": file}))
    assert len({first, *others}) == 5


def test_files_count_by_content_and_large_ones_by_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/small", "b_small"):
        (tmp_path / name).write_bytes(b"same")
    os.utime(tmp_path / "b_small", ns=(0, 0))
    assert fingerprint(tmp_path / "a/small") == fingerprint(tmp_path / "b_small")
    large = tmp_path / "a" / "large"
    large.write_bytes(bytes(SMALL + 1))
    before = [fingerprint(large), fingerprint(tmp_path / "a")]
    os.utime(large, ns=(1, 1))
    assert not {fingerprint(large), fingerprint(tmp_path / "a")} & set(before)
    with pytest.raises(InputError, match=r"missing cannot be read"):
        fingerprint(tmp_path / "missing")


def test_a_result_is_current_only_while_its_fingerprint_matches(tmp_path: Path) -> None:
    path = tmp_path / "r.npz"
    assert not is_current(path, "abc")
    np.savez(path, fingerprint="abc", data=np.zeros(3))
    assert is_current(path, "abc")
    assert not is_current(path, "abd")
    path.write_bytes(path.read_bytes()[:100])
    assert not is_current(path, "abc")
    np.savez(path, data=np.zeros(3))
    assert not is_current(path, "abc")
    path.write_bytes(b"")
    assert not is_current(path, "abc")
