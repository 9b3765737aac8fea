"""TIFF directories, which EXIF uses too: entries read raw, changed where they stand, or laid out anew."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: Bytes of one value of each field type of TIFF 6.0 (and of the sub-directory pointer of its supplement 1).
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
_INTEGERS = {1: "B", 3: "H", 4: "L", 13: "L"}
_FEW, _LONGEST = 4096, 1 << 24  # values; bytes

Order = Literal["<", ">"]  # of bytes, as `struct` and numpy write it


@dataclass(frozen=True)
class Field:
    """What one tag holds: `count` values of a TIFF type, as raw bytes in the block's byte order."""

    kind: int
    count: int
    raw: bytes


#: A directory by tag; a directory inside stands for the pointer to it.
Directory = Mapping[int, "Field | Directory"]


@dataclass(frozen=True)
class Entry:
    """Where a tag's entry and its value are."""

    kind: int
    count: int
    at: int  # where its twelve bytes begin
    start: int  # where its value begins: in the entry itself, or elsewhere
    size: int


class Block:
    """A TIFF structure in a buffer: an EXIF block, or a whole file in memory.

    Args:
        data: from the byte-order mark on; changes are made in it.
        big: it was made of a BigTIFF.

    Attributes:
        head: where the first directory of the main chain is.
        first: where the directory is that is meant where none is named: the same, unless another is chosen.

    Raises:
        ValueError: it does not begin like a TIFF structure.
    """

    def __init__(self, data: bytearray | mmap.mmap, big: bool = False) -> None:
        orders: dict[bytes, Order] = {b"II*\0": "<", b"MM\0*": ">"}
        if bytes(data[:4]) not in orders:
            raise ValueError("no TIFF header")
        self.data = data
        self.big = big
        self.order = orders[bytes(data[:4])]
        self.first = self.head = self._unpack("L", 4)

    def entries(self, offset: int) -> dict[int, Entry]:
        """Return a directory's entries by tag; of a tag that comes twice the first counts.

        An entry of an unknown type, or with its value beyond the buffer, is passed over: cameras and editors leave such.

        Raises:
            ValueError: the directory reaches beyond the buffer.
        """
        found: dict[int, Entry] = {}
        for index in range(self._unpack("H", offset)):
            at = offset + 2 + 12 * index
            tag, kind, count = self._unpack("H", at), self._unpack("H", at + 2), self._unpack("L", at + 4)
            size = SIZES.get(kind, 0) * count
            start = at + 8 if size <= 4 else self._unpack("L", at + 8)
            if size and start + size <= len(self.data):
                found.setdefault(tag, Entry(kind, count, at, start, size))
        return found

    def fields(self, offset: int, tags: set[int] | None = None) -> dict[int, Field]:
        """Return a directory's values by tag, raw; long ones are left out.

        Args:
            offset: where the directory is.
            tags: those that are wanted; None for all.

        Raises:
            ValueError: the directory reaches beyond the buffer, or says that it holds more than any does.
        """
        wanted = {
            tag: entry
            for tag, entry in self.entries(offset).items()
            if (tags is None or tag in tags) and entry.size <= _LONGEST
        }
        if sum(entry.size for entry in wanted.values()) > 4 * _LONGEST:  # the same bytes again and again
            raise ValueError("it holds more than can be")
        return {
            tag: Field(entry.kind, entry.count, bytes(self.data[entry.start : entry.start + entry.size]))
            for tag, entry in wanted.items()
        }

    def numbers(self, offset: int, tag: int) -> tuple[int, ...]:
        """Return the few whole numbers that a tag holds; none where it is missing or holds something else."""
        entry = self.entries(offset).get(tag)
        if entry is None or entry.kind not in _INTEGERS or entry.count > _FEW:
            return ()
        code = f"{self.order}{entry.count}{_INTEGERS[entry.kind]}"
        return struct.unpack_from(code, self.data, entry.start)

    def rational(self, offset: int, tag: int) -> float | None:
        """Return the fraction that a tag holds; None where the tag is missing or holds something else."""
        entry = self.entries(offset).get(tag)
        if entry is None or entry.kind != RATIONAL:
            return None
        over, under = struct.unpack_from(self.order + "LL", self.data, entry.start)
        return over / under if under else None

    def replace(self, offset: int, tag: int, field: Field) -> None:
        """Change what a tag holds, where it is there, to a value of at most four bytes."""
        self._rewrite(offset, tag, field.kind, field.count, field.raw)

    def keep(self, offset: int, tags: set[int]) -> None:
        """Take all other tags out of a directory; values that lie elsewhere are left, unreferred to."""
        kept = b"".join(
            bytes(self.data[one.at : one.at + 12]) for tag, one in self.entries(offset).items() if tag in tags
        )
        end = self._next_at(offset) + 4
        table = struct.pack(self.order + "H", len(kept) // 12) + kept
        self.data[offset:end] = table.ljust(end - offset, b"\0")

    def show_part(self, offset: int, tag: int, whole: Entry, first: int, count: int) -> None:
        """Make a tag mean `count` of the values that it had as `whole`, from the value `first` on."""
        size = SIZES[whole.kind]
        start = whole.start + first * size
        inline = bytes(self.data[start : start + count * size]) if count * size <= 4 else None
        self._rewrite(offset, tag, whole.kind, count, inline or struct.pack(self.order + "L", start))

    def _rewrite(self, offset: int, tag: int, kind: int, count: int, four: bytes) -> None:
        entry = self.entries(offset).get(tag)
        if entry is not None:
            struct.pack_into(f"{self.order}HL4s", self.data, entry.at + 2, kind, count, four.ljust(4, b"\0"))

    def remove(self, offset: int, tag: int) -> None:
        """Take a tag out of a directory and wipe its value; the directory's other values stay where they are."""
        entry = self.entries(offset).get(tag)
        if entry is None:
            return
        self.wipe(entry.start, entry.size)
        count = self._unpack("H", offset)
        end = offset + 2 + 12 * count + 4  # the pointer to the next directory included
        self.data[entry.at : end - 12] = self.data[entry.at + 12 : end]
        self.wipe(end - 12, 12)
        struct.pack_into(self.order + "H", self.data, offset, count - 1)

    def wipe_directory(self, offset: int) -> None:
        """Zero a directory and its values."""
        size = self._next_at(offset) - offset
        for entry in self.entries(offset).values():
            self.wipe(entry.start, entry.size)
        self.wipe(offset, size)

    def wipe(self, start: int, size: int) -> None:
        """Zero bytes, as far as the buffer reaches."""
        size = max(0, min(size, len(self.data) - start))
        self.data[start : start + size] = bytes(size)

    def next(self, offset: int) -> int:
        """Return where the directory after this one is; 0 where there is none."""
        at = self._next_at(offset)
        return self._unpack("L", at) if at + 4 <= len(self.data) else 0

    def end(self, offset: int) -> None:
        """Make a directory the last of its chain."""
        self.wipe(self._next_at(offset), 4)

    def list_directories(self, most: int = 10_000) -> list[int]:
        """Return where the directories of the main chain, a file's pages, are; a loop, damage and `most` end it."""
        seen: dict[int, None] = {}
        offset = self.head
        while offset and offset not in seen and len(seen) < most:
            seen[offset] = None
            try:
                offset = self.next(offset)
            except ValueError:
                break
        return list(seen)

    def _next_at(self, offset: int) -> int:
        return offset + 2 + 12 * self._unpack("H", offset)

    def _unpack(self, code: str, at: int) -> int:
        try:
            return int(struct.unpack_from(self.order + code, self.data, at)[0])
        except struct.error as error:
            raise ValueError("it ends too early") from error


def layout(directory: Directory, order: Order, at: int) -> bytes:
    """Return a directory with its values and the directories in it, as bytes that are to stand at offset `at`.

    Args:
        directory: raw fields in the byte order `order`, and further directories.
        order: "<" or ">".
        at: where in the file, or the EXIF block, the bytes will be; even.
    """
    table = struct.pack(order + "H", len(directory))
    beyond = b""
    place = at + 2 + 12 * len(directory) + 4
    for tag, value in sorted(directory.items()):
        if isinstance(value, Field):
            kind, count, raw = value.kind, value.count, value.raw
        else:
            kind, count, raw = LONG, 1, struct.pack(order + "L", place + len(beyond))
            beyond += layout(value, order, place + len(beyond))
        if len(raw) > 4:
            pointer = struct.pack(order + "L", place + len(beyond))
            beyond += raw + bytes(len(raw) % 2)
            raw = pointer
        table += struct.pack(order + "HHL", tag, kind, count) + raw.ljust(4, b"\0")
    return table + bytes(4) + beyond


def numbers(order: Order, kind: int, *values: int) -> Field:
    """Return a field of whole numbers; of a `RATIONAL` each value is two: numerator, denominator."""
    code = "L" if kind == RATIONAL else _INTEGERS[kind]
    count = len(values) // 2 if kind == RATIONAL else len(values)
    return Field(kind, count, struct.pack(f"{order}{len(values)}{code}", *values))
