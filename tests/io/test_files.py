"""Laws of atomic writing: a file is old or new, never half, and no temporary file stays behind."""

import errno
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from epipose.errors import InputError
from epipose.io.files import atomic_write


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Make the operating system refuse to write files beyond `size` bytes, as a full disk would."""
    resource = pytest.importorskip("resource", reason="only POSIX limits the size of files")
    old_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, old_handler)


def test_writes_text_and_bytes_and_makes_parents(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a" / "b.txt", "w") as text:
        text.write("Grüße\r\n")
    with atomic_write(tmp_path / "a" / "b.bin", "wb") as data:
        data.write(b"\0\1")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "Grüße\r\n".encode()
    assert (tmp_path / "a" / "b.bin").read_bytes() == b"\0\1"


def test_the_file_appears_only_at_the_end_with_ordinary_permissions(tmp_path: Path) -> None:
    path = tmp_path / "poses.npz"
    path.write_bytes(b"old")
    with atomic_write(path, "wb") as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    (tmp_path / "plain").write_bytes(b"")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_interruption_keeps_the_old_file_and_leaves_nothing_behind(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "poses.npz"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with atomic_write(path, "wb") as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("poses.npz", b"old")]


def test_a_full_disk_is_one_sentence_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "poses.npz"
    path.write_bytes(b"old")
    with (
        pytest.raises(InputError, match=r"could not write .*poses\.npz .*free some space"),
        file_size_limit(10_000),
        atomic_write(path, "wb") as file,
    ):
        file.write(b"x" * 100_000)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("poses.npz", b"old")]


def test_a_place_that_cannot_hold_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(InputError, match=r"could not write .*file/poses\.npz"),
        atomic_write(tmp_path / "file" / "poses.npz", "wb"),
    ):
        pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"could not write .*folder"), atomic_write(tmp_path / "folder", "wb"):
        pass


def test_an_error_of_another_file_is_not_blamed_on_this_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised, atomic_write(tmp_path / "out", "wb"):
        (tmp_path / "other").read_bytes()
    assert raised.value.errno == errno.ENOENT
    assert not list(tmp_path.iterdir())
