"""A record of a run's photos: compact, by content, and read as data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan_lab.data.record import PhotoRecord, find_known, find_record, keep_apart
from gan_lab.data.splits import TEST, TRAIN, UNKNOWN, VALIDATION
from gan_lab.data.table import FileSource, PhotoTable
from gan_lab.errors import UserError


def words(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def table(*digests: int) -> PhotoTable:
    source = FileSource(Path("/"), [f"{value}.png" for value in digests])
    return PhotoTable.from_source(source, np.arange(len(digests)), digests=words(*digests))


def test_what_was_trained_on_counts_as_that_whatever_else_it_was() -> None:
    record = PhotoRecord.collect([(TEST, words(7, 3, 9)), (TRAIN, words(5, 3, 0)), (VALIDATION, words(9))])
    assert record.digests.tolist() == [3, 5, 7, 9]
    assert record.parts.tolist() == [TRAIN, TRAIN, TEST, VALIDATION]
    assert record.find_parts(words(9, 1, 3, 10)).tolist() == [VALIDATION, UNKNOWN, TRAIN, UNKNOWN]
    later = record.join(PhotoRecord.collect([(TEST, words(3)), (TRAIN, words(7, 11))]))
    assert later.find_parts(words(3, 7, 11, 9)).tolist() == [TRAIN, TRAIN, TRAIN, VALIDATION]
    assert PhotoRecord.collect([]).find_parts(words(1)).tolist() == [UNKNOWN]


def test_it_is_read_as_it_was_written_and_takes_nine_bytes_a_photo(tmp_path: Path) -> None:
    digests = np.unique(np.random.default_rng(0).integers(1, 2**63, 5000).astype(np.uint64))
    record = PhotoRecord.collect([(TRAIN, digests[::2]), (TEST, digests[1::2])])
    path = tmp_path / "run/photos.npz"
    path.parent.mkdir()
    record.write(path)
    assert path.stat().st_size < 9.2 * len(digests)
    found = find_record(tmp_path / "run/checkpoints/last.ckpt")
    assert found is not None
    assert np.array_equal(found.digests, record.digests)
    assert np.array_equal(found.parts, record.parts)
    assert find_record(tmp_path / "run/last.ckpt") is None
    assert find_record(tmp_path / "other/checkpoints/last.ckpt") is None


@pytest.mark.parametrize(
    "arrays",
    [
        {"digests": words(2, 1), "parts": np.zeros(2, np.int8)},
        {"digests": words(1, 1), "parts": np.zeros(2, np.int8)},
        {"digests": words(1, 2), "parts": np.array([0, 3], np.int8)},
        {"digests": words(1, 2), "parts": np.zeros(1, np.int8)},
        {"digests": np.zeros(1), "parts": np.zeros(1, np.int8)},
        {"digests": words(1)},
        {"digests": np.array([None]), "parts": np.zeros(1, np.int8)},
    ],
)
def test_another_form_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "photos.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"photos\.npz: is no record of a run's photos .*; remove it"):
        PhotoRecord.read(tmp_path / "photos.npz")


def test_packed_arrays_are_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "photos.npz", digests=words(1), parts=np.zeros(1, np.int8))
    with pytest.raises(UserError, match="is no record"):
        PhotoRecord.read(tmp_path / "photos.npz")


def test_a_pair_was_trained_on_where_either_half_was() -> None:
    record = PhotoRecord.collect([(TRAIN, words(1, 12)), (TEST, words(2, 11))])
    pairs = {"gt": table(1, 2, 3, 2), "lq": table(11, 12, 13, 14)}
    assert find_known(pairs, record).tolist() == [TRAIN, TRAIN, UNKNOWN, TEST]
    assert find_known({"A": table(1), "B": table(2, 3)}, record).tolist() == [TRAIN, TEST, UNKNOWN]
    assert find_known(pairs, None).tolist() == [UNKNOWN] * 4


def test_what_is_trained_on_is_left_out_of_what_is_held_out(caplog: pytest.LogCaptureFixture) -> None:
    record = PhotoRecord.collect([(TRAIN, words(1, 2, 20)), (TEST, words(5))])
    splits = {
        "train": {"gt": table(1), "lq": table(31)},
        "val": {"gt": table(2, 6), "lq": table(32, 33)},
        "test": {"gt": table(5, 7, 8), "lq": table(31, 20, 34)},
    }
    kept, count = keep_apart(splits, record)
    assert kept["train"] is splits["train"]
    assert kept["val"]["gt"].names == ["/6.png"]
    assert kept["test"]["gt"].names == ["/8.png"]
    assert kept["test"]["lq"].names == ["/34.png"]
    assert count == 6  # a pair is two photos
    assert "they are left out: /2.png" in caplog.text
    kept, _ = keep_apart({"val": {"image": table(1, 2)}, "test": {"image": table(9)}}, record)
    assert kept.keys() == {"test"}
    assert keep_apart({"val": {"image": table(0, 0)}, "train": {"image": table(0, 1)}}, None)[1] == 0  # unknown ones


def test_what_came_and_what_went_is_said(caplog: pytest.LogCaptureFixture) -> None:
    record = PhotoRecord.collect([(TRAIN, words(1, 2, 3)), (TEST, words(5))])
    keep_apart({"train": {"image": table(1, 2, 8)}, "test": {"image": table(5, 9, 10)}}, record)
    assert "since the run began 3 photos came, 1 to train on and 2 held out, and 1 are gone" in caplog.text
    caplog.clear()
    keep_apart({"train": {"image": table(1, 2, 3)}, "test": {"image": table(5)}}, record)
    assert not caplog.text
