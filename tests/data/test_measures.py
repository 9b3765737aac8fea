"""What a start measures of photo files, and what of it the index still knows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_lab.data import measures
from gan_lab.data.index import Index
from gan_lab.data.measures import DIGESTED, try_digest

from .conftest import Write
from .test_index import LONG_AGO, splits, start
from .test_splits_of_photos import sides


def test_a_photo_replaced_by_one_of_the_same_length_and_time_is_looked_at(
    tmp_path: Path, write: Write, photos_read: list[str]
) -> None:
    paths = write("photos", 6)
    old, other = paths[2].read_bytes(), paths[4].read_bytes()
    length = max(len(old), len(other))  # what follows a PNG's end does not matter
    paths[2].write_bytes(old.ljust(length, b"\0"))
    os.utime(paths[2], (LONG_AGO, LONG_AGO))
    start(tmp_path)
    photos_read.clear()
    time.sleep(0.05)  # beyond the clock's step in the times of change
    paths[2].write_bytes(other.ljust(length, b"\0"))
    os.utime(paths[2], (LONG_AGO, LONG_AGO))
    start(tmp_path)
    assert photos_read == 2 * [paths[2].name]


def test_a_photo_as_young_as_the_index_is_not_trusted(
    tmp_path: Path, write: Write, photos_read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "SETTLED_NS", 10**12)
    write("photos", 6)
    for _ in range(2):
        photos_read.clear()
        start(tmp_path)
        assert len(photos_read) == 12


def test_an_unreadable_photo_is_tried_again(
    tmp_path: Path, write: Write, photos_read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write("photos", 30)
    paths[7].write_bytes(paths[7].read_bytes()[:-300])  # its heading is whole
    paths[9].write_bytes(b"none")
    for _ in range(2):
        photos_read.clear()
        data = start(tmp_path, max_unreadable=0.1)
        assert sum(map(len, splits(data))) == 28
        monkeypatch.setattr(Index, "save", None)  # with nothing learnt, nothing is written
    assert sorted(photos_read) == [paths[7].name, paths[9].name]


def test_what_was_learnt_before_a_kill_is_kept(
    tmp_path: Path, write: Write, photos_read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("photos", 12)
    monkeypatch.setattr(measures, "AT_ONCE", 4)
    decode, left = measures.read_image, [6]

    def interrupt(path: Path, **options: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return decode(path, **options)

    monkeypatch.setattr(measures, "read_image", interrupt)
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path)
    monkeypatch.setattr(measures, "read_image", decode)
    photos_read.clear()
    start(tmp_path)
    assert len(photos_read) == 8  # of the twelve hashes; the sizes are all known


def test_a_digest_tells_files_apart_and_reads_a_part_of_large_ones(tmp_path: Path) -> None:
    content = bytearray(np.random.default_rng(0).bytes(10 * DIGESTED))
    path = tmp_path / "photo.bin"

    def digest(change: Callable[[bytearray], None] = lambda data: None) -> int:
        data = bytearray(content)
        change(data)
        path.write_bytes(data)
        return try_digest(path, None)

    def flip(place: int) -> Callable[[bytearray], None]:
        def work(data: bytearray) -> None:
            data[place] ^= 1

        return work

    own = digest()
    for place in (0, DIGESTED - 1, 5 * DIGESTED, -1):
        assert digest(flip(place)) != own
    assert digest(flip(2 * DIGESTED)) == own
    assert digest(lambda data: data.append(0)) != own
    content = content[: 3 * DIGESTED]
    own = digest()
    assert all(digest(flip(place)) != own for place in (0, DIGESTED + 5, 2 * DIGESTED + 5, -1))
    assert try_digest(tmp_path / "nothing", None) == 0


def test_an_index_of_before_is_of_use(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "SETTLED_NS", -(10**12))
    write("photos", 12)
    options = {"index": tmp_path / "index"}
    before = sides(tmp_path / "photos", **options)
    save = Index.save
    index = Index(tmp_path / "index")
    key = f"facts of {tmp_path / 'photos'}"
    kept = index.load(key)
    save(index, key, {name: column for name, column in kept.items() if name != "digests"})
    monkeypatch.setattr(measures, "read_image", lambda *_, **__: pytest.fail("it was decoded again"))
    assert sides(tmp_path / "photos", **options) == before
    monkeypatch.setattr(measures, "try_digest", lambda *_: pytest.fail("it was read again"))
    assert sides(tmp_path / "photos", **options) == before
