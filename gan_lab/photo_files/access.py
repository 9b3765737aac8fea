"""Opening an image file, with every fault of it named."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO

from PIL import Image

from gan_lab.errors import UserError
from gan_lab.photo_files.bigtiff import map_file
from gan_lab.photo_files.formats import HEAD, RAW_SUFFIXES, describe_file, describe_unread, is_heif
from gan_lab.photo_files.jpeg2000 import read_extras
from gan_lab.photo_files.stated_colour import find_statements
from gan_lab.photo_files.tiff_kinds import describe_raw, describe_tiff, seek_picture
from gan_lab.terminal import printable


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
            if path.suffix.lower() in RAW_SUFFIXES and (what := describe_unread(_read_head(path), path.suffix)):
                raise OSError(what)
        yield
    except UnreadableImage:
        raise
    except FileNotFoundError as error:
        raise UnreadableImage(path, describe_link(path) or "no such file") from error
    except Image.UnidentifiedImageError as error:
        raise UnreadableImage(path, _what_it_is(path) if part is None else "not an image") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(path, f"more than {max_pixels} pixels (max_pixels)") from error
    except Exception as error:  # decoders raise anything from SyntaxError to struct.error on damaged files
        raise UnreadableImage(path, describe_link(path) or str(error) or type(error).__name__) from error


def describe_link(path: Path) -> str | None:
    """Describe a link that leads nowhere; None for any other path."""
    if not path.is_symlink() or os.path.exists(path):
        return None
    try:
        path.stat()
    except FileNotFoundError:
        return f"no such file: a link to {os.readlink(path)}, which is not there"
    except OSError as error:
        return (
            "a link that leads in a circle, too many levels of symbolic links" if error.errno == errno.ELOOP else None
        )
    return None


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
    known = "HEIF" in Image.OPEN  # before the try: another thread may learn it meanwhile
    with unlimited_size:  # it will be: by the caller, before anything is decoded
        try:
            picture = Image.open(source, formats=_list_readable(formats))
        except Image.UnidentifiedImageError:
            if known or not is_heif(_read_head(source)):
                raise
            _learn_heif()
            picture = Image.open(source, formats=_list_readable(formats))
    if picture.format == "TIFF":  # the first picture of a raw file is a small one
        what = describe_raw(_read_head(source), getattr(picture, "tag_v2", ()))
        if what is not None:
            picture.close()
            raise OSError(what)
    if picture.format == "JPEG2000" and picture.fp is not None:
        picture.info |= read_extras(picture.fp)
    return picture


def _what_it_is(path: Path) -> str:
    """Describe a file that Pillow does not know, by how it begins, or by its tags."""
    head = _read_head(path)
    if describe_unread(head, path.suffix) is None and (block := map_file(path)) is not None:
        return describe_tiff(block)
    return describe_file(head, path.suffix)


def _list_readable(formats: Sequence[str] | None) -> list[str] | None:
    """Return the formats that this Pillow knows: a build may lack one."""
    return None if formats is None else [name for name in formats if name in Image.OPEN]


def _learn_heif() -> None:
    """Have Pillow read HEIF; not before there is such a photo, for it takes a moment.

    Raises:
        OSError: pi-heif is not installed.
    """
    try:
        from pi_heif import register_heif_opener
    except ImportError as error:
        raise OSError(
            f"a HEIF photo, and pi-heif, which reads it, cannot be used ({error}): pip install pi-heif"
        ) from error
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def _read_head(source: Path | IO[bytes]) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(HEAD)
    source.seek(0)
    return source.read(HEAD)
