from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_lab.data import Products
from gan_lab.data import index as module
from gan_lab.data.index import Index
from gan_lab.errors import UserError

from .conftest import Write
from .test_products import SMALL, names

LONG_AGO = 1_600_000_000


def start(tmp_path: Path, **options: Any) -> Products:
    data = Products(tmp_path / "photos", **(SMALL | {"index": tmp_path / "index"} | options))
    data.prepare()
    return data


def splits(data: Products) -> list[list[str]]:
    return [names(data, split) for split in data.splits]


def in_index(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "index").iterdir())


def test_a_second_start_opens_nothing_and_finds_the_same(tmp_path: Path, write: Write, photos_read: list[str]) -> None:
    write("photos/hat", 12)
    write("photos/shoe", 12)
    first = start(tmp_path)
    assert len(photos_read) == 48  # each for its size, and for its hash
    photos_read.clear()
    second = start(tmp_path)
    assert photos_read == []
    for data in (second, start(tmp_path, index=False)):
        assert splits(data) == splits(first)
        assert data.class_names == first.class_names
        for ours, others in zip(first.train_dataloader(), data.train_dataloader(), strict=False):
            assert all(np.array_equal(ours[name], others[name]) for name in ours)
            break
        sizes = [loaded._stores["train"]["image"].table.sizes for loaded in (first, data)]
        assert np.array_equal(*sizes)


def test_two_domains_and_pairs_are_indexed(tmp_path: Path, write: Write, photos_read: list[str]) -> None:
    for folder in ("photos/lq", "photos/gt"):
        write(folder, 9)
    paired = splits_of_pairs(start(tmp_path, batch_kind="paired"))
    assert len(photos_read) == 27  # the hashes are those of gt
    photos_read.clear()
    assert splits_of_pairs(start(tmp_path, batch_kind="paired")) == paired
    assert photos_read == []


def splits_of_pairs(data: Products) -> list[list[str]]:
    return [names(data, split, role) for split in data.splits for role in ("lq", "gt")]


def test_new_changed_and_removed_photos_alone_are_looked_at(
    tmp_path: Path, write: Write, photos_read: list[str]
) -> None:
    paths = write("photos", 12)
    start(tmp_path)
    photos_read.clear()
    paths[3].unlink()
    Image.new("RGB", (96, 64), "red").save(paths[5])
    (new,) = write("photos/new")
    data = start(tmp_path)
    assert sorted(photos_read) == sorted(2 * [paths[5].name, new.name])
    sizes = {Path(n).name: tuple(s) for stores in data._stores.values() for n, s in rows(stores["image"].table)}
    assert sizes[paths[5].name] == (96, 64)
    assert paths[3].name not in sizes
    photos_read.clear()
    start(tmp_path)
    assert photos_read == []


def rows(table: Any) -> list[tuple[str, list[int]]]:
    return list(zip(table.names, table.sizes.tolist(), strict=True))


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "words", "array", "foreign"])
def test_a_damaged_or_foreign_index_is_made_again(
    damage: str, tmp_path: Path, write: Write, photos_read: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    write("photos", 12)
    first = splits(start(tmp_path))
    whole = {path: path.read_bytes() for path in in_index(tmp_path)}
    other = Index(tmp_path / "index")
    for path, content in whole.items():
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        forged = {"cut": content[:middle], "bit": flipped, "empty": b"", "words": b"not an index"}
        if damage in forged:
            path.write_bytes(forged[damage])
        elif damage == "array":
            np.save(path.with_suffix(".npy"), np.arange(3))
            path.with_suffix(".npy").replace(path)
        else:
            other.save("the facts of something else", {"sizes": np.zeros((12, 2), np.int32)})
            other._path("the facts of something else").replace(path)
    photos_read.clear()
    assert splits(start(tmp_path)) == first
    assert len(photos_read) == 24
    assert f"{max(whole, key=lambda path: len(whole[path]))} cannot be used and is made again" in caplog.text
    photos_read.clear()
    caplog.clear()
    assert splits(start(tmp_path)) == first
    assert photos_read == []
    assert caplog.text == ""


def test_arrays_that_do_not_belong_together_are_not_taken(tmp_path: Path, write: Write, photos_read: list[str]) -> None:
    write("photos", 12)
    first = splits(start(tmp_path))
    index = Index(tmp_path / "index")
    key = f"facts of {tmp_path / 'photos'}"
    arrays = index.load(key)
    for wrong in ({"sizes": arrays["sizes"][:5]}, {"stamps": arrays["stamps"].astype(float)}, {"more": np.zeros(12)}):
        index.save(key, arrays | wrong)
        photos_read.clear()
        assert splits(start(tmp_path)) == first
        assert len(photos_read) == 24


def test_an_object_in_an_index_is_not_unpickled(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    index = Index(tmp_path)
    index.save("key", {"column": np.array([Path("/")], dtype=object)})
    assert index.load("key") == {}
    assert "allow_pickle" in caplog.text


def test_what_other_decoders_learnt_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Index(tmp_path).save("key", {"column": np.arange(3)})
    assert Index(tmp_path).load("key")
    monkeypatch.setattr(module, "MADE_BY", "another Pillow")
    assert Index(tmp_path).load("key") == {}


def _keep(folder: Path, number: int) -> None:
    for _ in range(30):
        Index(folder).save("key", {"column": np.full(20_000, number)})


def test_processes_that_write_the_same_leave_one_of_theirs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_keep, args=(tmp_path, number)) for number in (1, 2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        column = Index(tmp_path).load("key").get("column", np.ones(1))
        assert (column == column[0]).all()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert "cannot be" not in caplog.text
    assert len(list(tmp_path.iterdir())) == 1


def test_old_and_too_many_files_go_and_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, column = Index(tmp_path), {"column": np.arange(1000)}
    for name in ("old", "first", "second"):
        index.save(name, column)
    (tmp_path / "my.photos").touch()
    (tmp_path / f".{'0' * 32}.part").touch()
    for path in (index._path("old"), tmp_path / "my.photos", tmp_path / f".{'0' * 32}.part"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    index.save("third", column)
    assert set(tmp_path.iterdir()) == {tmp_path / "my.photos", *map(index._path, ("first", "second", "third"))}
    for age, name in ((30, "second"), (20, "third"), (10, "first")):
        os.utime(index._path(name), (time.time() - age,) * 2)
    assert index.load("second")  # used last, from now on
    monkeypatch.setattr(module, "MOST_BYTES", 3.5 * index._path("first").stat().st_size)
    index.save("fourth", column)
    assert [bool(index.load(name)) for name in ("first", "second", "third", "fourth")] == [True, True, False, True]


def test_a_folder_that_cannot_be_written_is_done_without(
    tmp_path: Path, write: Write, photos_read: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    write("photos", 6)
    (tmp_path / "file").touch()
    start(tmp_path, index=tmp_path / "file" / "index")
    assert "cannot be written" in caplog.text


def test_switched_off_nothing_is_kept(
    tmp_path: Path, write: Write, photos_read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write("photos", 6)
    for _ in range(2):
        photos_read.clear()
        start(tmp_path, index=False)
        assert len(photos_read) == 12
    assert not (tmp_path / "cache").exists()
    start(tmp_path, index="auto")
    assert [path.suffix for path in (tmp_path / "cache/gan_lab/photos").iterdir()] == 2 * [".photos"]


def test_a_user_without_a_home_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert not Products(None, index="auto", **SMALL).index


@pytest.mark.parametrize("value", [True, None, 3])
def test_an_index_that_is_no_place_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match=r"data.index=.*auto, false, or a folder"):
        Products(None, index=value, **SMALL)


def test_an_index_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"data.index=.*file: is not a folder"):
        Products(None, index=tmp_path / "file", **SMALL)


def test_a_packed_archive_is_not_unpacked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    index = Index(tmp_path)
    index.save("words", {"a": np.zeros(3)})
    (path,) = tmp_path.glob("*.photos")
    assert index.load("words")["a"].tolist() == [0, 0, 0]
    with np.load(path) as kept:
        key = kept["key"]
    with path.open("wb") as file:
        np.savez_compressed(file, key=key, a=np.zeros(10_000_000))
    assert path.stat().st_size < 200_000
    assert index.load("words") == {}
    assert "it is compressed" in caplog.text
    path.unlink()
    os.mkfifo(path)
    assert index.load("words") == {}
    assert "not a regular file" in caplog.text
