from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from gan_lab.data.table import FileSource, PhotoTable, make_texts
from gan_lab.photo_files import read_image

from .conftest import Write

NAMES = ["a/0.png", "b.png", "\u00e4/\udcff.png", "c.png"]


def make_table(names: list[str]) -> PhotoTable:
    numbers = np.arange(len(names))
    return PhotoTable.from_source(
        FileSource(Path("/photos"), names),
        numbers,
        sizes=np.column_stack((numbers, numbers)),
        labels=numbers,
        classes=make_texts([name[0] for name in names]),
        groups=make_texts([None] * len(names)),
    )


@pytest.mark.parametrize("rows", [[3, 0], np.array([3, 0]), np.array([True, False, False, True])])
def test_all_columns_follow_the_rows_that_are_taken(rows: list[int]) -> None:
    table = make_table(NAMES).take(rows)
    expected = [0, 3] if isinstance(rows[0], np.bool_) else [3, 0]
    assert table.names == [f"/photos/{NAMES[row]}" for row in expected]
    assert table.sizes.tolist() == [[row, row] for row in expected]
    assert table.labels.tolist() == expected
    assert table.classes.tolist() == [NAMES[row][0] for row in expected]
    again = table.take([1, 1])
    assert again.names == 2 * [table.names[1]]
    assert len(again) == len(again.groups) == 2


def test_no_rows_may_be_taken() -> None:
    for rows in ([], np.zeros(4, bool)):
        assert make_table(NAMES).take(rows).names == []


def test_a_taken_table_reads_its_own_photos(write: Write, tmp_path: Path) -> None:
    paths = write("", 4)
    table = PhotoTable.from_source(FileSource(tmp_path, [path.name for path in paths]), np.arange(4)).take([2, 1])
    for copy in (table, pickle.loads(pickle.dumps(table))):
        assert np.array_equal(copy.read(0, channels=3), read_image(paths[2]))
    assert table.read(1, channels=1).shape[2] == 1


def test_names_are_packed_in_the_order_of_their_numbers() -> None:
    files = make_table(NAMES).files
    assert files.list_names(np.arange(4)) == NAMES
    assert files.list_names(np.array([2, 0])) == [NAMES[2], NAMES[0]]
    assert files.pack_names(np.array([3, 1])) == b"c.png\0b.png\0"
    assert files.pack_names(np.array([], np.int64)) == b""


def test_columns_that_are_not_given_take_no_memory() -> None:
    table = PhotoTable.from_source(FileSource(Path("/"), NAMES), np.arange(4))
    assert table.classes.strides == table.groups.strides == (0,)
    assert table.classes.tolist() == [None] * 4
    assert table.sizes.shape == (4, 2)


def test_labels_number_the_classes() -> None:
    table = make_table(NAMES).label(["c", "a"])
    assert table.labels.tolist() == [1, 0, 0, 0]
    assert table.classes.tolist() == [None] * 4
    assert table.sizes.tolist() == make_table(NAMES).sizes.tolist()
