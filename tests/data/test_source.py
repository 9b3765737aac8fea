from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest

from gan_lab.data.source import FileLoader, Images, Source, Unreadable, pad, reading_sizes, resize
from gan_lab.data.tables import Paths
from gan_lab.errors import UserError
from gan_lab.photo_files import UnreadableImage

from .conftest import Write


class Counting:
    """Load grey squares of a known level, and count how often."""

    def __init__(self, bad: tuple[int, ...] = (), side: int = 20) -> None:
        self.calls: list[int] = []
        self.bad = bad
        self.side = side

    def __call__(self, index: int) -> np.ndarray:
        self.calls.append(index)
        if index in self.bad:
            raise UnreadableImage(Path(f"{index}.jpg"), "truncated")
        return np.full((self.side, self.side, 3), index, dtype=np.uint8)


def images(
    loader: Counting, count: int = 10, side: int = 20, cache_bytes: int = 10**6, unreadable: Unreadable | None = None
) -> Images:
    source = Source([f"{i}.jpg" for i in range(count)], np.full((count, 2), side), np.arange(count), loader)
    return Images(source, source.sizes, 3, unreadable or Unreadable(0.05, count), cache_bytes=cache_bytes)


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ((400, 600), (72, 108)),
        ((600, 400), (108, 72)),
        ((70, 140), (70, 140)),
        ((32, 48), (64, 96)),
        ((64, 64), (64, 64)),
    ],
)
def test_photos_are_kept_a_little_larger_than_the_crop(size: tuple[int, int], kept: tuple[int, int]) -> None:
    assert tuple(reading_sizes(np.array([size]), 64, "crop")[0]) == kept


def test_no_reading_size_is_below_the_crop() -> None:
    sizes = np.random.default_rng(0).integers(1, 3000, (500, 2))
    assert reading_sizes(sizes, 64, "crop").min() == 64


def test_padding_keeps_the_whole_photo_on_white() -> None:
    square = pad(np.zeros((20, 40, 3), dtype=np.uint8), 64)
    assert square.shape == (64, 64, 3)
    assert square[16:48].max() == 0
    assert square[:16].min() == square[48:].min() == 255


def test_resizing_keeps_a_plain_colour_and_the_grey_axis() -> None:
    assert np.array_equal(resize(np.full((50, 70, 3), 255, dtype=np.uint8), 20, 30), np.full((30, 20, 3), 255))
    assert resize(np.zeros((50, 70, 1), dtype=np.uint8), 20, 30).shape == (30, 20, 1)


def test_sixteen_bits_are_resized_as_eight_are() -> None:
    eight = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    sixteen = resize(eight.astype(np.uint16) * 257, 20, 30)
    assert sixteen.dtype == np.uint16
    np.testing.assert_allclose(sixteen / 257, resize(eight, 20, 30), atol=1)


def test_resizing_averages_rather_than_samples() -> None:
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (64, 32))[:, :, None]
    assert abs(int(resize(stripes, 8, 8)[4, 4, 0]) - 128) < 5


def test_an_image_is_decoded_once() -> None:
    loader = Counting()
    cache = images(loader)
    assert [int(cache.read(i).mean()) for i in (3, 3, 5, 3)] == [3, 3, 5, 3]
    assert loader.calls == [3, 5]


def test_what_does_not_fit_is_decoded_each_time() -> None:
    loader = Counting()
    cache = images(loader, cache_bytes=4 * 20 * 20 * 3 + 5)
    assert cache.cached == 4
    for index in (3, 3, 4, 4):
        assert cache.read(index).mean() == index
    assert loader.calls == [3, 4, 4]


def _read_in_child(cache: Images, index: int) -> None:
    cache.read(index)


def test_a_forked_worker_fills_the_cache_for_all() -> None:
    loader = Counting()
    cache = images(loader)
    child = multiprocessing.get_context("fork").Process(target=_read_in_child, args=(cache, 7))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert cache.read(7).mean() == 7
    assert loader.calls == []


def test_a_spawned_copy_has_a_cache_of_its_own(write: Write) -> None:
    paths = write("", 3)
    table = Paths(paths[0].parent, [path.name for path in paths])
    source = Source(table, np.full((3, 2), (48, 40)), np.zeros(3), FileLoader(table, 3))
    cache = Images(source, source.sizes, 3, Unreadable(0.05, 3), cache_bytes=10**6)
    first = cache.read(1).copy()
    copy = pickle.loads(pickle.dumps(cache))
    assert np.array_equal(copy.read(1), first)


def test_an_unreadable_image_is_tried_once_and_named(caplog: pytest.LogCaptureFixture) -> None:
    loader = Counting(bad=(2,))
    cache = images(loader, unreadable=Unreadable(0.2, 10))
    for _ in range(3):
        with pytest.raises(UnreadableImage):
            cache.read(2)
    assert loader.calls == [2]
    assert [record.message.count("2.jpg") for record in caplog.records] == [1]
    assert cache.unreadable.count == 1


def test_too_many_unreadable_images_in_all_tables_stop_the_run() -> None:
    unreadable = Unreadable(0.1, 20)
    first, second = (images(Counting(bad=(2, 4)), unreadable=unreadable) for _ in range(2))
    for table, index in ((first, 2), (second, 2)):
        with pytest.raises(UnreadableImage):
            table.read(index)
    with pytest.raises(UserError, match=r"data.max_unreadable: 3 of 20") as caught:
        second.read(4)
    assert not isinstance(caught.value, UnreadableImage)


def test_what_was_unreadable_before_counts() -> None:
    with pytest.raises(UserError, match=r"data.max_unreadable: 2 of 11"):
        images(Counting(bad=(2,)), unreadable=Unreadable(0.1, 11, known=1)).read(2)


def test_a_subset_follows_its_rows() -> None:
    source = images(Counting()).source.subset([7, 2])
    assert list(source.names) == ["7.jpg", "2.jpg"]
    assert source.labels.tolist() == [7, 2]
    assert source.load(1).mean() == 2
    assert source.subset([1]).load(0).mean() == 2
