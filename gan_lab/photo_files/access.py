"""Opening an image file, with every fault of it named."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO

from PIL import Image

from gan_lab.errors import UserError
from gan_lab.photo_files.bigtiff import map_file
from gan_lab.photo_files.stated_colour import find_statements
from gan_lab.photo_files.tiff_kinds import describe, seek_picture
from gan_lab.terminal import printable

_BEGINNINGS = {
    b"\x89png": "a PNG that is damaged or cut short",
    b"\xff\xd8\xff": "a JPEG that is damaged or cut short",
    b"gif8": "a GIF that is damaged or cut short",
    b"riff": "a WebP that is damaged or cut short",
    **dict.fromkeys((b"ii*\0", b"mm\0*", b"ii+\0", b"mm\0+"), "a TIFF that is damaged"),
    b"8bps": "a Photoshop document, which cannot be read: save it as TIFF or PNG",
    b"%pdf": "a PDF, not an image",
    b"<!doctype html": "a web page, not an image",
    b"<html": "a web page, not an image",
    b"<svg": "a vector drawing, not a photo",
}
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1")


class UnreadableImage(UserError):  # noqa: N818 (it names the thing, as UserError does the person)
    """A file that cannot be read as an image; `path` names it and `reason` says why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)  # both as args, so that the error survives pickling between worker processes
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return printable(f"{self.path}: cannot be read as an image: {self.reason}")


@contextmanager
def open_image(
    path: Path, max_pixels: int | None = None, formats: Sequence[str] | None = None, part: IO[bytes] | None = None
) -> Iterator[Image.Image]:
    """Yield an image file as a Pillow image that is not loaded yet; the block may close it.

    Args:
        path: the file.
        max_pixels: the most pixels that it may have; None for a caller that reads no pixels.
        formats: the formats to know, as Pillow names them; None: whatever Pillow knows.
        part: what to read where the image is a part of a larger file; `path` is then what messages call it.

    Raises:
        UnreadableImage: whatever goes wrong with the file, here or in the caller's block.
    """
    with name_faults(path, max_pixels, part):
        picture = _open(path if part is None else part, formats)
        try:
            if picture.format == "TIFF":
                seek_picture(picture)
            if max_pixels is not None and picture.width * picture.height > max_pixels:
                raise Image.DecompressionBombError
            if max_pixels is not None:
                with path.open("rb") if part is None else nullcontext(part) as file:
                    find_statements(picture, file)
            yield picture
        finally:
            with suppress(ValueError):  # closed already, to free a large picture early
                picture.close()


@contextmanager
def name_faults(path: Path, max_pixels: int | None = None, part: IO[bytes] | None = None) -> Iterator[None]:
    """Turn whatever goes wrong with a file in the block, or makes it unfit from the start, into `UnreadableImage`."""
    try:
        if part is None:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # a named pipe would block for ever
                raise OSError("not a regular file")
            if status.st_size == 0:
                raise OSError("the file is empty")
        yield
    except UnreadableImage:
        raise
    except FileNotFoundError as error:
        raise UnreadableImage(path, "no such file") from error
    except Image.UnidentifiedImageError as error:
        raise UnreadableImage(path, _what_it_is(path) if part is None else "not an image") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(path, f"more than {max_pixels} pixels (max_pixels)") from error
    except Exception as error:  # decoders raise anything from SyntaxError to struct.error on damaged files
        raise UnreadableImage(path, str(error) or type(error).__name__) from error


class _PillowLimit:
    """Pillow's own limit switched off while anybody is inside: it warns, or refuses, below what a caller may allow."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit = Image.MAX_IMAGE_PIXELS

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                Image.MAX_IMAGE_PIXELS = self._limit


#: To be entered around what Pillow does with a picture whose size was checked.
unlimited_size = _PillowLimit()


def _open(source: Path | IO[bytes], formats: Sequence[str] | None) -> Image.Image:
    if formats is not None:
        Image.init()
        formats = [name for name in formats if name in Image.OPEN]  # a build of Pillow may lack one
    with unlimited_size:  # it will be: by the caller, before anything is decoded
        return Image.open(source, formats=formats)


def _what_it_is(path: Path) -> str:
    """Describe a file that Pillow does not know, by how it begins."""
    with path.open("rb") as file:
        head = file.read(64).lstrip().lower()
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return "a HEIF photo, which cannot be read: save it as JPEG or PNG"
    if head.startswith((b"ii*\0", b"mm\0*", b"ii+\0", b"mm\0+")) and (block := map_file(path)) is not None:
        return describe(block)
    for beginning, what in _BEGINNINGS.items():
        if head.startswith(beginning):
            return what
    return "not an image in a format that can be read"
