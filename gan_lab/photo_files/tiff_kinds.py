"""What a TIFF file's tags say that its samples mean, which of its pictures is the whole one, and why one is not read."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from PIL import Image

from gan_lab.photo_files.formats import HEAD, RAW, describe_unread
from gan_lab.photo_files.ifd import Block

SUBFILE, OLD_SUBFILE, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANES = 254, 255, 258, 259, 262, 277, 284
_SUB_DIRECTORIES, _INK_SET, EXTRA, FORMAT = 330, 332, 338, 339
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2
BLACK_IS_MOST, GREY, RGB, INKS, CIELAB, ICCLAB = 0, 1, 2, 5, 8, 9
#: Samples of a pixel's colour.
COLOURS = {BLACK_IS_MOST: 1, GREY: 1, RGB: 3, INKS: 4, CIELAB: 3, ICCLAB: 3}
PREMULTIPLIED, STRAIGHT = 1, 2
_RAW, _DNG_VERSION = (32803, 34892), 50706
_NAMES = {
    0: "grey",
    1: "grey",
    2: "RGB",
    3: "palette",
    4: "mask",
    5: "inks",
    6: "YCbCr",
    8: "CIELab",
    9: "ICCLab",
    10: "ITULab",
    32844: "LogL",
    32845: "LogLuv",
}
_FORMATS = {1: "unsigned", 2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
_MEND = "save it as RGB or grey with 8 or 16 bits a channel"


@dataclass(frozen=True)
class TiffKind:
    """What the samples of a TIFF's picture are.

    Attributes:
        bits: of each sample.
        format: 1 for whole numbers, 2 signed ones, 3 floating-point ones.
        photometric: TIFF's PhotometricInterpretation.
        samples: of a pixel.
        extra: what the samples after the colour's are: 1 and 2 alpha, 0 something else.
        planes: whether each sample has a plane of its own.
        compression: TIFF's number.
    """

    bits: tuple[int, ...]
    format: int
    photometric: int
    samples: int
    extra: tuple[int, ...]
    planes: bool
    compression: int

    @property
    def alpha(self) -> int | None:
        """Return which of the extra samples is transparency; None where none is."""
        return next((index for index, one in enumerate(self.extra) if one in (PREMULTIPLIED, STRAIGHT)), None)

    @property
    def spare_samples(self) -> int:
        """Return how many samples are neither colour nor alpha."""
        return max(0, self.samples - COLOURS.get(self.photometric, self.samples)) - (self.alpha is not None)


def find_tiff_kind(block: Block) -> TiffKind:
    """Return the kind of picture in a TIFF file's first directory.

    Raises:
        ValueError: the directory is damaged.
    """

    def first(tag: int, default: int) -> int:
        return next(iter(block.numbers(block.first, tag)), default)

    return TiffKind(
        bits=block.numbers(block.first, BITS) or (1,),
        format=first(FORMAT, 1),
        photometric=first(PHOTOMETRIC, -1),
        samples=first(SAMPLES, 1),
        extra=block.numbers(block.first, EXTRA),
        planes=first(PLANES, 1) == 2,
        compression=first(COMPRESSION, 1),
    )


def choose_picture(block: Block) -> tuple[str, ...]:
    """Make the first directory of a TIFF file that holds a whole picture its first; return what a user should know.

    Reduced pictures, and masks, may stand before it, or have it in a directory of their own.

    Raises:
        ValueError: a directory is damaged.
    """
    chain = block.list_directories()
    inside = [one for each in chain[:1] for one in block.numbers(each, _SUB_DIRECTORIES)]
    for place, offset in enumerate([*chain, *inside]):
        if not _is_part(block, offset):
            block.first = offset
            if place == 0:
                return (f"the first of {len(chain)} pictures in the file",) if len(chain) > 1 else ()
            where = (
                f"the {place + 1}. of {len(chain)} pictures in the file" if place < len(chain) else "in a sub-directory"
            )
            return (f"the first picture in the file is a reduced one, or a mask: the whole one is {where}",)
    return ("the file says that it holds reduced pictures alone: the first of them",)


def seek_picture(picture: Image.Image) -> None:
    """Turn a TIFF that Pillow opened to its first whole picture, where that is not its first."""
    for index in range(getattr(picture, "n_frames", 1) if _is_part_by_tags(picture) else 0):
        picture.seek(index)
        if not _is_part_by_tags(picture):
            return
    picture.seek(0)


def describe_raw(head: bytes, tags: Container[int]) -> str | None:
    """Describe a raw file of a camera that is a TIFF too, and what to do; None for any other TIFF.

    Args:
        head: how it begins.
        tags: of its first directory.
    """
    return RAW.format("DNG") if _DNG_VERSION in tags else describe_unread(head)


def refuse_meaningless(block: Block, kind: TiffKind) -> None:
    """Raise ValueError for samples that decoders take for what they are not."""
    if what := describe_raw(bytes(block.data[:HEAD]), block.entries(block.head)):
        raise ValueError(what)
    if kind.photometric in _RAW:
        raise ValueError("the raw data of a camera: develop it, and save it as TIFF, PNG or JPEG")
    if kind.format == 2:
        raise ValueError(f"its samples are signed, which does not say what is white: {_MEND}")
    if kind.photometric == INKS and (block.numbers(block.first, _INK_SET)[:1] == (2,) or kind.samples < 4):
        raise ValueError("its inks are not cyan, magenta, yellow and black: save it as RGB")


def describe_tiff(block: Block) -> str:
    """Return why a TIFF file that no decoder knows is not read."""
    try:
        kind = find_tiff_kind(block)
    except ValueError:
        return "a TIFF that is damaged"
    bits = kind.bits[0] if len(set(kind.bits)) == 1 else "/".join(map(str, kind.bits))
    name = _NAMES.get(kind.photometric, f"of photometric interpretation {kind.photometric}")
    number = _FORMATS.get(kind.format, "")
    return (
        f"a TIFF of a kind that cannot be read, or damaged ({name}, {kind.samples} {number} samples of {bits} bits, "
        f"compression {kind.compression}): {_MEND}"
    )


def _is_part(block: Block, offset: int) -> bool:
    new, old = block.numbers(offset, SUBFILE)[:1], block.numbers(offset, OLD_SUBFILE)[:1]
    return bool(new and new[0] & (_REDUCED | _MASK)) or old == (_OLD_REDUCED,)


def _is_part_by_tags(picture: Image.Image) -> bool:
    tags = picture.tag_v2  # type: ignore[attr-defined]
    return bool(tags.get(SUBFILE, 0) & (_REDUCED | _MASK)) or tags.get(OLD_SUBFILE) == _OLD_REDUCED
