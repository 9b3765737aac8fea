from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest

from gan_lab.data.store import PhotoStore, Unreadable
from gan_lab.data.table import FileSource, PhotoTable, Source
from gan_lab.errors import UserError
from gan_lab.photo_files import UnreadableImage

from .conftest import Write


class Counting(Source):
    """Load grey squares of a known level, and count how often."""

    def __init__(self, bad: tuple[int, ...] = (), side: int = 20) -> None:
        self.calls: list[int] = []
        self.bad = bad
        self.side = side

    def name(self, number: int) -> str:
        return f"{number}.jpg"

    def read(self, number: int, channels: int, at_least: int | None = None) -> np.ndarray:
        self.calls.append(number)
        if number in self.bad:
            raise UnreadableImage(Path(self.name(number)), "truncated")
        return np.full((self.side, self.side, channels), number, dtype=np.uint8)


def store_of(
    source: Counting, count: int = 10, side: int = 20, cache_bytes: int = 10**6, unreadable: Unreadable | None = None
) -> PhotoStore:
    table = PhotoTable.from_source(source, np.arange(count), sizes=np.full((count, 2), side), labels=np.arange(count))
    return PhotoStore(table, table.sizes, 3, unreadable or Unreadable(0.05, count), cache_bytes=cache_bytes)


def test_an_image_is_decoded_once() -> None:
    source = Counting()
    cache = store_of(source)
    assert [int(cache.read(i).mean()) for i in (3, 3, 5, 3)] == [3, 3, 5, 3]
    assert source.calls == [3, 5]


def test_what_does_not_fit_is_decoded_each_time() -> None:
    source = Counting()
    cache = store_of(source, cache_bytes=4 * 20 * 20 * 3 + 5)
    assert cache.cached == 4
    for index in (3, 3, 4, 4):
        assert cache.read(index).mean() == index
    assert source.calls == [3, 4, 4]


def _read_in_child(cache: PhotoStore, index: int) -> None:
    cache.read(index)


def test_a_forked_worker_fills_the_cache_for_all() -> None:
    source = Counting()
    cache = store_of(source)
    child = multiprocessing.get_context("fork").Process(target=_read_in_child, args=(cache, 7))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert cache.read(7).mean() == 7
    assert source.calls == []


def test_a_spawned_copy_has_a_cache_of_its_own(write: Write) -> None:
    paths = write("", 3)
    files = FileSource(paths[0].parent, [path.name for path in paths])
    table = PhotoTable.from_source(files, np.arange(3), sizes=np.full((3, 2), (48, 40)))
    cache = PhotoStore(table, table.sizes, 3, Unreadable(0.05, 3), cache_bytes=10**6)
    first = cache.read(1).copy()
    copy = pickle.loads(pickle.dumps(cache))
    assert np.array_equal(copy.read(1), first)


def test_an_unreadable_image_is_tried_once_and_named(caplog: pytest.LogCaptureFixture) -> None:
    source = Counting(bad=(2,))
    cache = store_of(source, unreadable=Unreadable(0.2, 10))
    for _ in range(3):
        with pytest.raises(UnreadableImage):
            cache.read(2)
    assert source.calls == [2]
    assert [record.message.count("2.jpg") for record in caplog.records] == [1]
    assert cache.unreadable.count == 1


def test_too_many_unreadable_images_in_all_tables_stop_the_run() -> None:
    unreadable = Unreadable(0.1, 20)
    first, second = (store_of(Counting(bad=(2, 4)), unreadable=unreadable) for _ in range(2))
    for table, index in ((first, 2), (second, 2)):
        with pytest.raises(UnreadableImage):
            table.read(index)
    with pytest.raises(UserError, match=r"data.max_unreadable=0.1: 3 of 20") as caught:
        second.read(4)
    assert not isinstance(caught.value, UnreadableImage)


def test_what_was_unreadable_before_counts() -> None:
    with pytest.raises(UserError, match=r"data.max_unreadable=0.1: 2 of 11"):
        store_of(Counting(bad=(2,)), unreadable=Unreadable(0.1, 11, known=1)).read(2)
