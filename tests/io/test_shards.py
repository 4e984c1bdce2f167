"""Shards: what is written is read, from folders and URLs, by any program, and damage is refused in one sentence."""

import gc
import io
import json
import pickle
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import cv2
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.errors import InputError
from epipose.io.places import Part, place_of
from epipose.io.shard_index import camera_of, focal_lengths
from epipose.io.shard_writing import PER_SHARD, is_made, write_part
from epipose.io.shards import Shards, open_shards
from tests.io.made_shards import CAMERA, JOINTS, crop, keys, write_shards

COUNTS = (6, 3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards(tmp_path_factory.mktemp("shards") / "made", COUNTS)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Shards that may be spoiled."""
    return write_shards(tmp_path / "made", COUNTS)


def test_what_is_written_is_read(made: Path) -> None:
    shards = open_shards(made)
    assert (len(shards), len(shards.files), str(shards.place)) == (9, 9, str(made))
    pictures = shards.files.pictures(range(9))
    for number, (view, frame) in enumerate([("cam0", frame) for frame in range(6)] + [("cam1", f) for f in range(3)]):
        picture, labels = crop("S1_Walking-1", view, frame, 48)
        assert np.abs(pictures[number].astype(int) - picture).mean() < 3
        row = shards.row(number)
        assert (row["view"], row["frame"], row["subject"], row["take"]) == (view, frame, "S1", "1")
        np.testing.assert_allclose(row["pixels"], labels.pixels.ravel(), rtol=1e-6)
        np.testing.assert_allclose(row["metres"], np.ravel(labels.metres), rtol=1e-6)
        np.testing.assert_array_equal(row["visible"], labels.visible)
        assert camera_of(row) is not None
        assert camera_of(row).lens == CAMERA.lens  # type: ignore[union-attr]
    np.testing.assert_array_equal(focal_lengths(shards.table), np.full(9, 505.0))


def test_what_is_not_known_stays_unknown(tmp_path: Path) -> None:
    shards = open_shards(write_shards(tmp_path, (2,), flat=True))
    row = shards.row(1)
    assert np.isnan(row["metres"]).all()
    assert np.isnan(focal_lengths(shards.table)).all()
    assert camera_of(row) is None
    assert row["head_px"] == 42
    with tarfile.open(tmp_path / row["shard"]) as tar:
        assert json.load(tar.extractfile(tar.getnames()[-1]))["metres"] == [None] * 3 * JOINTS  # type: ignore[arg-type]


def test_shards_are_of_bounded_size_and_belong_to_nobody(tmp_path: Path) -> None:
    crops = (crop("S1_Walking-1", "cam", frame, 16) for frame in range(PER_SHARD + 5))
    assert write_part(tmp_path, "S1_Walking-1/cam", crops, JOINTS, "made") == PER_SHARD + 5
    assert list(keys(tmp_path)) == ["S1_Walking-1/cam-0000.tar", "S1_Walking-1/cam-0001.tar"]
    counts = []
    for name in keys(tmp_path):
        with tarfile.open(tmp_path / name) as tar:
            members = tar.getmembers()
        counts.append(len(members) // 2)
        assert {(m.mtime, m.uid, m.gid, m.uname, m.mode, m.isfile()) for m in members} == {(0, 0, 0, "", 0o644, True)}
        assert all(member.name.count(".") == 1 for member in members)
    assert counts == [PER_SHARD, 5]
    # Fewer crops leave no shard of before.
    write_part(tmp_path, "S1_Walking-1/cam", [crop("S1_Walking-1", "cam", 0, 16)], JOINTS, "again")
    assert list(keys(tmp_path)) == ["S1_Walking-1/cam-0000.tar"]
    assert is_made(tmp_path, "S1_Walking-1/cam", "again")
    assert not is_made(tmp_path, "S1_Walking-1/cam", "made")


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_them(made: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="the package webdataset is not installed")
    shards = open_shards(made)
    files = [str(made / name) for name in shards.files.names]
    samples = list(webdataset.WebDataset(files, shardshuffle=False).decode("rgb8"))
    assert [sample["__key__"] for sample in samples] == shards.words("key")
    for number, sample in enumerate(samples):
        assert sample["json"]["frame"] == shards.row(number)["frame"]
        assert np.abs(sample["jpg"].astype(int) - shards.files.pictures([number])[0]).max() <= 4
    gc.collect()  # files that it leaves open, while nobody minds


class Handler(SimpleHTTPRequestHandler):
    """Python's server, which knows no parts of files; quiet."""

    asked: ClassVar[list[str]] = []

    def log_message(self, *_: Any) -> None: ...

    def send_head(self) -> Any:
        self.asked.append(self.path)
        return super().send_head()


class PartsHandler(Handler):
    """A server that sends parts."""

    def send_head(self) -> Any:
        wanted = self.headers.get("Range")
        if wanted is None or not Path(self.translate_path(self.path)).is_file():
            return super().send_head()
        self.asked.append(f"{self.path} {wanted}")
        begin, end = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
        data = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {begin}-{end}/{len(data)}")
        self.send_header("Content-Length", str(end - begin + 1))
        self.end_headers()
        return io.BytesIO(data[begin : end + 1])


@pytest.fixture(params=[Handler, PartsHandler], ids=["whole files", "parts of files"])
def server(request: pytest.FixtureRequest, made: Path) -> Iterator[tuple[str, type[Handler]]]:
    pytest.importorskip("aiohttp", reason="fsspec reads http with the package aiohttp")
    handler = type("Asked", (request.param,), {"asked": []})
    serving = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(made)))
    thread = Thread(target=serving.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}", handler
    serving.shutdown()
    serving.server_close()
    thread.join()


def test_a_server_is_asked_for_no_more_than_is_wanted(server: tuple[str, type[Handler]], made: Path) -> None:
    url, handler = server
    shards, local = open_shards(url), open_shards(made)
    assert handler.asked == ["/shards.json", "/index.parquet"]
    rows = [8, 0, 3, 8, 7]
    for _ in range(2):
        np.testing.assert_array_equal(shards.files.pictures(rows), local.files.pictures(rows))
    asked = handler.asked[2:]
    if issubclass(handler, PartsHandler):
        assert all(" bytes=" in one for one in asked)
    else:  # once to see that it sends whole files, and then each of both shards once
        assert sorted(asked) == ["/S1_Walking-1/cam0-0000.tar"] + 2 * ["/S1_Walking-1/cam1-0000.tar"]
    with pytest.raises(InputError, match=r"nothing.tar cannot be read .it is not there.; copy the folder again"):
        place_of(url).parts([Part("nothing.tar", 0, 10)])
    with pytest.raises(InputError, match=r"nowhere holds no shards.json"):
        open_shards(f"{url}/nowhere")


def test_memory_is_a_place_as_any_other(made: Path) -> None:
    system = fsspec.filesystem("memory")
    for file in made.rglob("*"):
        if file.is_file():
            system.pipe_file(f"/there/{file.relative_to(made)}", file.read_bytes())
    shards = open_shards("memory://there")
    again = pickle.loads(pickle.dumps(shards.files))
    np.testing.assert_array_equal(again.pictures([2, 8]), open_shards(made).files.pictures([2, 8]))
    system.pipe_file("/there/S1_Walking-1/cam1-0000.tar", b"short")
    with pytest.raises(InputError, match=r"cam1-0000.tar was cut short"):
        shards.files.pictures([0, 8])


@pytest.mark.parametrize("url", ["nothing://there", "http://127.0.0.1:1/there", "memory://nowhere"])
def test_what_cannot_be_opened_is_said(url: str) -> None:
    with pytest.raises(InputError):
        open_shards(url)


def respoken(folder: Path, **changes: Any) -> None:
    mark = folder / "shards.json"
    mark.write_text(json.dumps({**json.loads(mark.read_text()), **changes}))


def reindexed(folder: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(folder / "index.parquet")), folder / "index.parquet")


def with_column(name: str, value: Any) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        index = table.schema.get_field_index(name)
        kind = table.schema.field(index)
        values = table.column(index).to_pylist()
        values[4] = value
        return table.set_column(index, kind, pa.array(values, kind.type))

    return change


NAN = float("nan")
DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no mark": (lambda f: (f / "shards.json").unlink(), "holds no shards.json; name a folder"),
    "unfinished": (lambda f: respoken(f, finished=False), "not finished; the same epipose prepare again"),
    "another version": (lambda f: respoken(f, format_version=2), "not of format 1, which this epipose reads"),
    "no version": (lambda f: (f / "shards.json").write_text("{}"), "shards.json is damaged"),
    "not JSON": (lambda f: (f / "shards.json").write_text("[" * 100_000), "shards.json is damaged"),
    "a list": (lambda f: (f / "shards.json").write_text("[1]"), "shards.json is damaged"),
    "a skeleton of nobody": (lambda f: respoken(f, skeleton="../../etc/passwd"), "shards.json is damaged"),
    "other joints": (lambda f: respoken(f, joint_names=["nose"]), "of other joints"),
    "a giant": (lambda f: respoken(f, side=10**9), "of other joints"),
    "other crops": (lambda f: respoken(f, crops=8), "does not belong to shards.json"),
    "another side": (lambda f: respoken(f, side=50), "cam0-0000.tar is damaged"),
    "no index": (lambda f: (f / "index.parquet").unlink(), "index.parquet cannot be read .it is not there"),
    "a cut index": (
        lambda f: (f / "index.parquet").write_bytes((f / "index.parquet").read_bytes()[:-9]), "not a whole table"
    ),
    "another table": (lambda f: pq.write_table(pa.table({"a": [1]}), f / "index.parquet"), "has other columns"),
    "no shard": (lambda f: (f / "S1_Walking-1/cam0-0000.tar").unlink(), "cam0-0000.tar cannot be read .it is not"),
    "a cut shard": (
        lambda f: (f / "S1_Walking-1/cam0-0000.tar").write_bytes(b"x" * 700), "cam0-0000.tar was cut short"
    ),
    "noise": (lambda f: (f / "S1_Walking-1/cam0-0000.tar").write_bytes(b"x" * 90_000), "cam0-0000.tar is damaged"),
    "a file elsewhere": (
        lambda f: reindexed(f, with_column("shard", "../../secret.tar")), "does not belong to shards.json"
    ),
    "before its begin": (lambda f: reindexed(f, with_column("offset", -512)), "does not belong to shards.json"),
    "nothing": (lambda f: reindexed(f, with_column("length", 0)), "does not belong to shards.json"),
    "a heavy joint": (
        lambda f: reindexed(f, with_column("weight", [7.0] * JOINTS)), "does not belong to shards.json"
    ),
    "joints nowhere": (
        lambda f: reindexed(f, with_column("pixels", [NAN] * 2 * JOINTS)), "does not belong to shards.json"
    ),
    "a crop of nothing": (
        lambda f: reindexed(f, with_column("crop_from_px", [0.0] * 6)), "does not belong to shards.json"
    ),
    "no such lens": (lambda f: reindexed(f, with_column("lens", "monocle")), "does not belong to shards.json"),
    "half a lens": (
        lambda f: reindexed(f, with_column("lens_parameters", [500.0, 500.0])), "does not belong to shards.json"
    ),
    "a lens of nothing": (
        lambda f: reindexed(f, with_column("lens_parameters", [0.0, 1.0, 0.0, 0.0])), "does not belong to shards.json"
    ),
}  # fmt: skip


def read_all(folder: Path | str) -> Shards:
    shards = open_shards(folder)
    shards.files.pictures(range(len(shards)))
    for number in range(len(shards)):
        with suppress(InputError):
            camera_of(shards.row(number))
    return shards


@pytest.mark.parametrize("damage", DAMAGES)
def test_one_sentence_says_what_is_wrong(damage: str, own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spoil, words = DAMAGES[damage]
    spoil(own)
    with pytest.raises(InputError, match=words) as refused:
        read_all(own)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


@given(
    name=st.sampled_from(["shards.json", "index.parquet", "S1_Walking-1/cam0-0000.tar"]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
    kept=st.one_of(st.none(), st.floats(0, 1)),
)
@settings(max_examples=80, deadline=5000)
def test_damaged_files_are_read_or_refused(
    name: str, changes: list[tuple[float, int]], kept: float | None, made: Path
) -> None:
    system = fsspec.filesystem("memory")
    for file in made.rglob("*"):
        if file.is_file():
            content = bytearray(file.read_bytes())
            if file == made / name:
                for place, value in changes:
                    content[int(place * (len(content) - 1))] = value
                content = content if kept is None else content[: int(kept * len(content))]
            system.pipe_file(f"/fuzzed/{file.relative_to(made)}", bytes(content))
    with suppress(InputError):
        read_all("memory://fuzzed")


def test_opencv_agrees_on_what_lies_where(made: Path) -> None:
    shards = open_shards(made)
    row = shards.row(5)
    data = (made / row["shard"]).read_bytes()[row["offset"] : row["offset"] + row["length"]]
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(decoded, shards.files.pictures([5])[0])
