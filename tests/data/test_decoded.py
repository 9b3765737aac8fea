from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_lab.data import Products, decoded, table
from gan_lab.data.decoded import FileCache
from gan_lab.errors import UserError

from .conftest import Write

STARTS = np.array([0, 300, 450, 1201])


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let photos that a test has just written count as settled."""
    monkeypatch.setattr(table, "SETTLED_NS", -(10**12))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the photos that are decoded for a batch, as they are."""
    found: list[str] = []
    read = table.read_image

    def read_and_note(path: Path, **options: Any) -> np.ndarray:
        found.append(path.name)
        return read(path, **options)

    monkeypatch.setattr(table, "read_image", read_and_note)
    return found


def fill(store: FileCache, index: int, level: int) -> None:
    store.slot(index)[:] = level
    store.seal(index)


def batches(root: Path, count: int = 3, **options: Any) -> list[np.ndarray]:
    settings: dict[str, Any] = {"image_size": 16, "batch_size": 8, "num_workers": 0, "index": False}
    settings |= {"validation_share": 0.0, "test_share": 0.0} | options
    data = Products(root, **settings)
    loader = iter(data.train_dataloader())
    return [next(loader)["image"].numpy() for _ in range(count)]


def test_the_next_start_decodes_nothing_and_sees_the_same(write: Write, tmp_path: Path, reads: list[str]) -> None:
    write("photos", 12)
    plain = batches(tmp_path / "photos")
    reads.clear()
    first = batches(tmp_path / "photos", cache=tmp_path / "cache")
    assert reads
    reads.clear()
    second = batches(tmp_path / "photos", cache=tmp_path / "cache")
    assert not reads
    assert all(map(np.array_equal, plain, first))
    assert all(map(np.array_equal, plain, second))


def test_the_log_says_where_it_is(write: Write, tmp_path: Path) -> None:
    write("photos", 12)
    data = Products(tmp_path / "photos", image_size=16, batch_size=4, index=False, cache=tmp_path / "cache")
    data.prepare()
    assert f"decoded cache 1 MB in {tmp_path / 'cache'}" in data.describe()


def test_workers_share_it_and_leave_it_filled(write: Write, tmp_path: Path, reads: list[str]) -> None:
    write("photos", 12)
    batches(tmp_path / "photos", cache=tmp_path / "cache", num_workers=2)
    batches(tmp_path / "photos", cache=tmp_path / "cache")
    assert not reads


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda root: {"image_size": 24}, id="another size"),
        pytest.param(lambda root: {"image_size": [24, 16]}, id="another shape"),
        pytest.param(lambda root: {"channels": 1}, id="another number of channels"),
        pytest.param(lambda root: {"fit": "pad"}, id="whole photos"),
        pytest.param(lambda root: os.utime(root / "000.png", (1, 1)) or {}, id="a photo changed"),
        pytest.param(lambda root: (root / "000.png").rename(root / "zzz.png") and {}, id="a photo renamed"),
    ],
)
def test_what_changes_the_pixels_has_them_decoded_anew(
    write: Write, tmp_path: Path, reads: list[str], change: Callable[[Path], dict[str, Any]]
) -> None:
    write("photos", 12)
    batches(tmp_path / "photos", cache=tmp_path / "cache")
    options = change(tmp_path / "photos")
    reads.clear()
    cached = batches(tmp_path / "photos", cache=tmp_path / "cache", **options)
    assert reads
    assert all(map(np.array_equal, cached, batches(tmp_path / "photos", **options)))


def test_another_way_of_decoding_to_the_same_size_has_them_decoded_anew(
    write: Write, tmp_path: Path, reads: list[str]
) -> None:
    write("photos", 12)
    batches(tmp_path / "photos", cache=tmp_path / "cache", image_size=16, shorter_side=24)
    reads.clear()
    batches(tmp_path / "photos", cache=tmp_path / "cache", image_size=20, shorter_side=24)
    assert reads


def test_photos_that_may_still_change_leave_no_file(
    write: Write, tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "SETTLED_NS", 10**12)
    write("photos", 12)
    for _ in range(2):
        reads.clear()
        batches(tmp_path / "photos", cache=tmp_path / "cache")
        assert reads
        assert not list((tmp_path / "cache").iterdir())


def test_what_is_not_whole_does_not_count(tmp_path: Path) -> None:
    store = FileCache(tmp_path, "words", STARTS)
    fill(store, 0, 7)
    store.slot(1)[:] = 9  # killed before the check sum
    fill(store, 2, 0)  # black, as a lost page would be
    store = FileCache(tmp_path, "words", STARTS)
    assert [store.holds(index) for index in range(3)] == [True, False, True]
    store.slot(0)[5] ^= 1  # a bit flips
    store.slot(2)[5] = 1
    store = FileCache(tmp_path, "words", STARTS)
    assert [store.holds(index) for index in range(3)] == [False, False, False]


def test_black_photos_whose_pages_were_lost_with_their_sum_are_not_taken_for_there(tmp_path: Path) -> None:
    assert not any(FileCache(tmp_path, "words", STARTS).holds(index) for index in range(3))


def test_a_spawned_process_finds_the_same_file(tmp_path: Path) -> None:
    store = FileCache(tmp_path, "words", STARTS)
    fill(store, 1, 5)
    assert pickle.loads(pickle.dumps(store)).holds(1)


def open_at_once(folder: Path, barrier: Any, level: int) -> None:
    barrier.wait()
    fill(FileCache(folder, "words", STARTS), level, level)


def test_processes_that_begin_at_once_share_one_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(3)
    processes = [context.Process(target=open_at_once, args=(tmp_path, barrier, level)) for level in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(list(tmp_path.iterdir())) == 1
    store = FileCache(tmp_path, "words", STARTS)
    assert [int(store.slot(index)[0]) for index in range(3) if store.holds(index)] == [0, 1, 2]


def test_the_file_of_whoever_was_first_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = FileCache._make_file

    def late(self: FileCache, size: int) -> tuple[int, Path]:
        monkeypatch.setattr(FileCache, "_make_file", made)
        fill(FileCache(tmp_path, "words", STARTS), 1, 5)  # another process, meanwhile
        return made(self, size)

    monkeypatch.setattr(FileCache, "_make_file", late)
    assert FileCache(tmp_path, "words", STARTS).holds(1)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_of_another_length_is_made_anew(tmp_path: Path) -> None:
    fill(FileCache(tmp_path, "words", STARTS), 0, 7)
    (file,) = tmp_path.iterdir()
    os.truncate(file, 100)
    store = FileCache(tmp_path, "words", STARTS)
    assert not store.holds(0)
    fill(store, 2, 3)
    assert FileCache(tmp_path, "words", STARTS).holds(2)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    fill(FileCache(tmp_path / "cache", "words", STARTS), 0, 7)
    (file,) = (tmp_path / "cache").iterdir()
    size = file.stat().st_size
    file.unlink()
    (tmp_path / "mine").write_bytes(b"a" * size)
    file.symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match=r"data\.cache"):
        FileCache(tmp_path / "cache", "words", STARTS)
    assert (tmp_path / "mine").read_bytes() == b"a" * size


def test_a_full_disk_is_refused_before_anything_is_decoded(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    write("photos", 12)
    with pytest.raises(UserError, match=r"data\.cache=.*: has no room .* data\.cache_mb"):
        batches(tmp_path / "photos", cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("blocked", ["", "inside"])
def test_a_place_that_is_no_folder_is_refused(write: Write, tmp_path: Path, blocked: str) -> None:
    write("photos", 12)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"data\.cache"):
        batches(tmp_path / "photos", cache=tmp_path / "file" / blocked)
    assert (tmp_path / "file").read_text() == "mine"


def test_what_nobody_has_opened_for_long_goes_and_nothing_else_does(tmp_path: Path) -> None:
    for words in ("old", "used"):
        fill(FileCache(tmp_path, words, STARTS), 0, 1)
    part, stranger = tmp_path / f".{'0' * 32}.pixels.part", tmp_path / "holiday.pixels"
    for path in (part, stranger):
        path.write_bytes(b"")
    for path in tmp_path.iterdir():
        os.utime(path, (time.time() - decoded.OLDEST - 10,) * 2)
    FileCache(tmp_path, "used", STARTS)
    fill(FileCache(tmp_path, "new", STARTS), 0, 1)
    assert not part.exists()
    assert stranger.exists()
    assert len(list(tmp_path.glob(f"{'[0-9a-f]' * 32}.pixels"))) == 2
    assert FileCache(tmp_path, "used", STARTS).holds(0)
