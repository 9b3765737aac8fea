"""TIFF directories, read raw."""

from __future__ import annotations

import struct

import pytest

from gan_lab.photo_files.ifd import Block


def test_a_chain_of_directories_that_bites_its_tail_ends() -> None:
    empty = b"\0\0"
    block = Block(
        bytearray(b"II*\0" + struct.pack("<L", 8) + empty + struct.pack("<L", 14) + empty + struct.pack("<L", 8))
    )
    assert len(block.list_directories()) == 2


def test_a_directory_that_names_the_same_bytes_again_and_again_takes_no_memory() -> None:
    count, size = 2000, 1 << 20
    entries = b"".join(struct.pack("<HHLL", tag, 7, size, 8) for tag in range(1000, 1000 + count))
    block = Block(
        bytearray(b"II*\0" + struct.pack("<L", size + 8) + bytes(size) + struct.pack("<H", count) + entries + bytes(4))
    )
    with pytest.raises(ValueError, match="more than"):
        block.fields(block.first)
    assert set(block.fields(block.first, {1003, 1004})) == {1003, 1004}
    many = struct.pack("<HHHLL", 1, 258, 3, size // 2, 8)
    block = Block(bytearray(b"II*\0" + struct.pack("<L", size + 8) + bytes(size) + many + bytes(4)))
    assert block.numbers(block.first, 258) == ()
