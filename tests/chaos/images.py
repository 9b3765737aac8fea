"""Throw damaged and hostile image files at every reader: each is decoded or refused, in seconds and in bounded memory.

    python -m tests.chaos.images --files 20000 [--seed 0] [--jobs 2]
    python -m tests.chaos.images --case 1234 --keep case.bin

A case is a valid file of some kind that is cut, spliced, overwritten or lied in, as its number and the seed say. Workers read
it as the commands do (whole photo, training image, mask, size, and the photo written back) and are watched from outside:
what ends a worker, holds it for more than `SECONDS` of its processor's time, or needs more than `MEGABYTES` more memory than
the file may ask for, is a failure, and so is any exception but a refusal.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import resource
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, PngImagePlugin
from rich.progress import track

from gan_lab.errors import UserError
from gan_lab.photo_files import UnreadableImage, read_image, read_size
from gan_lab.photo_files import images as files
from gan_lab.photo_files.photo import PHOTO_SUFFIXES, read_photo, write_photo

#: A file may claim so many pixels; readers refuse more before they decode.
MOST_PIXELS = 2_000_000
SECONDS, MEGABYTES = 5.0, 400
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


# ------------------------------------------------------------------------------------------------ files that are whole


def whole_files() -> dict[str, bytes]:
    """Return one valid file of each kind, small, with all the metadata that the kind has a place for."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, 48 * 40 * 3).reshape(40, 48, 3)
    rgb = Image.fromarray((ramp + rng.normal(0, 9, ramp.shape)).clip(0, 255).astype(np.uint8))
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray(np.linspace(0, 255, 48 * 40).reshape(40, 48).astype(np.uint8)))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x8298] = 6, "maker", "copyright"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 1.0)
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    carried = {"exif": exif.tobytes(), "icc_profile": icc}
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>")
    text.add_text("Comment", "text" * 20, zip=True)
    deep = (np.asarray(rgb).astype(np.uint16) * 257)[..., ::-1].copy()
    made = {
        "jpeg": saved(rgb, "JPEG", quality=90, dpi=(72, 72), comment=b"hello", **carried),
        "jpeg, progressive": saved(rgb, "JPEG", progressive=True, subsampling=2, xmp=b"<x:xmpmeta/>", **carried),
        "jpeg, CMYK": saved(rgb.convert("CMYK"), "JPEG", icc_profile=icc),
        "jpeg, grey": saved(rgb.convert("L"), "JPEG", exif=exif.tobytes()),
        "png": saved(rgb, "PNG", pnginfo=text, dpi=(72, 72), **carried),
        "png, alpha": saved(rgba, "PNG", pnginfo=text),
        "png, palette": saved(rgb.quantize(16), "PNG", transparency=3),
        "png, one bit": saved(rgb.convert("1"), "PNG"),
        "png, 16 bits": cv2.imencode(".png", deep)[1].tobytes(),
        "png, grey of 16 bits": cv2.imencode(".png", deep[..., 0])[1].tobytes(),
        "webp": saved(rgba, "WEBP", quality=80, **carried),
        "webp, lossless": saved(rgb, "WEBP", lossless=True, xmp=b"<x:xmpmeta/>"),
        "webp, animated": saved(rgba, "WEBP", save_all=True, append_images=[rgba.rotate(90)], duration=40),
        "gif": saved(rgb.quantize(16), "GIF", save_all=True, append_images=[rgb.quantize(16).rotate(90)]),
        "bmp": saved(rgb, "BMP"),
        "tiff": saved(rgb, "TIFF", **carried),
        "tiff, LZW": saved(rgb, "TIFF", compression="tiff_lzw", icc_profile=icc),
        "tiff, alpha": saved(rgba, "TIFF", compression="tiff_deflate"),
        "tiff, CMYK": saved(rgb.convert("CMYK"), "TIFF"),
        "tiff, 16 bits": cv2.imencode(".tiff", deep)[1].tobytes(),
        "tiff, two pages": saved(rgb, "TIFF", save_all=True, append_images=[rgb.convert("L")]),
    }
    if ".avif" in PHOTO_SUFFIXES and "AVIF" in Image.SAVE:
        made["avif"] = saved(rgba, "AVIF", **carried)
    return made


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    """Return a picture as the bytes of a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


# ------------------------------------------------------------------------------------------------ files that are not


def flipped(data: bytearray, rng: np.random.Generator) -> None:
    """Flip a few bits."""
    for _ in range(rng.integers(1, 9)):
        data[place(data, rng)] ^= 1 << int(rng.integers(8))


def overwritten(data: bytearray, rng: np.random.Generator) -> None:
    """Put noise over some bytes."""
    start, length = place(data, rng), int(rng.integers(1, 33))
    data[start : start + length] = rng.bytes(len(data[start : start + length]))


def lied(data: bytearray, rng: np.random.Generator) -> None:
    """Put an extreme number where a length, a count or an offset may be."""
    size, order = int(rng.choice([1, 2, 4])), rng.choice(["<", ">"])
    value = int(rng.choice(EXTREMES)) & (256**size - 1)
    start = place(data, rng)
    data[start : start + size] = struct.pack(f"{order}{ {1: 'B', 2: 'H', 4: 'I'}[size] }", value)


def cut(data: bytearray, rng: np.random.Generator) -> None:
    """End early."""
    del data[int(rng.integers(len(data))) :]


def shortened(data: bytearray, rng: np.random.Generator) -> None:
    """Leave a part out."""
    start = place(data, rng)
    del data[start : start + int(rng.integers(1, 65))]


def repeated(data: bytearray, rng: np.random.Generator) -> None:
    """Say a part twice, or many times."""
    start = place(data, rng)
    part = bytes(data[start : start + int(rng.integers(1, 257))])
    data[start:start] = part * int(rng.choice([1, 2, 50]))


MUTATIONS: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
    flipped, overwritten, lied, lied, cut, shortened, repeated,
)  # fmt: skip


def place(data: bytearray, rng: np.random.Generator) -> int:
    """Return a position: every other time in the head of the file, where its structure is."""
    return int(rng.integers(min(len(data), 700) if rng.random() < 0.5 else len(data)))


def with_sums(data: bytearray) -> bytearray:
    """Return a PNG whose chunks have right checksums again, as far as it can be followed."""
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        end = position + 8 + length
        if end + 4 > len(data):
            break
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[position + 4 : end]))
        position = end + 4
    return data


def repacked(data: bytes, rng: np.random.Generator) -> bytearray:
    """Return a PNG whose rows were changed before they were packed: what is changed after that, zlib finds."""
    start = data.index(b"IDAT") - 4
    (length,) = struct.unpack(">I", data[start : start + 4])
    rows = bytearray(zlib.decompress(data[start + 8 : start + 8 + length]))
    MUTATIONS[rng.integers(len(MUTATIONS))](rows, rng)
    packed = zlib.compress(bytes(rows))
    return bytearray(data[:start] + struct.pack(">I", len(packed)) + b"IDAT" + packed + data[start + 8 + length :])


def case(number: int, seed: int, originals: dict[str, bytes]) -> tuple[str, bytes]:
    """Return the kind and the bytes of a case."""
    rng = np.random.default_rng([seed, number])
    kind = list(originals)[number % len(originals)]
    data = bytearray(originals[kind])
    if data.startswith(PNG_SIGNATURE) and data.count(b"IDAT") == 1 and rng.random() < 0.3:
        return kind, bytes(with_sums(repacked(data, rng)))
    if rng.random() < 0.1:
        other = originals[str(rng.choice(list(originals)))]
        data = data[: place(data, rng)] + other[int(rng.integers(len(other))) :]
    for _ in range(rng.choice([1, 1, 2, 4])):
        if data:
            MUTATIONS[rng.integers(len(MUTATIONS))](data, rng)
    if data.startswith(PNG_SIGNATURE) and rng.random() < 0.8:
        data = with_sums(data)
    return kind, bytes(data)


# ------------------------------------------------------------------------------------------------ reading them


def outcome(path: Path, folder: Path) -> str:
    """Read a file in every way that the commands do: "decoded", or "refused" by one of them at least.

    Raises:
        Exception: whatever a reader raises that is no refusal.
    """
    refusals = 0
    for read in (
        read_size,
        read_image,
        lambda path: read_image(path, channels=1),
        lambda path: read_image(path, 3, 16),
    ):
        try:
            read(path)
        except UnreadableImage:
            refusals += 1
    try:
        photo = read_photo(path, MOST_PIXELS)
    except UnreadableImage:
        return "refused"
    for suffix in (".png", ".jpg", ".webp", ".tif"):
        target = folder / f"again{suffix}"
        try:
            write_photo(target, photo)
        except UserError:  # a format that does not hold such a picture
            continue
        again = read_photo(target)
        if again.pixels.shape[:2] != photo.pixels.shape[:2]:
            raise AssertionError(f"{photo.pixels.shape} was written to {suffix} and came back as {again.pixels.shape}")
    return "refused" if refusals else "decoded"


@dataclass
class Findings:
    """What became of the cases."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)
    slowest: float = 0.0
    largest: int = 0

    def add(self, number: int, kind: str, result: str, seconds: float, megabytes: int) -> None:
        """Take one in."""
        self.outcomes[kind, result] += 1
        self.slowest, self.largest = max(self.slowest, seconds), max(self.largest, megabytes)
        if result not in ("decoded", "refused"):
            self.failures[number] = f"{kind}: {result}"


def worker(numbers: range, seed: int, current: multiprocessing.Value, pipe: object) -> None:  # type: ignore[valid-type]
    """Go through cases; say before each which it is, and after it what came of it."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (decoders complain for themselves)
    os.dup2(sys.stderr.fileno(), 2)
    cv2.setNumThreads(0)  # 1 would wait for threads that a fork has not
    files.MAX_PIXELS = MOST_PIXELS
    originals = whole_files()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "case.bin"
        for original in originals.values():  # so that what a reader loads once does not count against a case
            path.write_bytes(original)
            outcome(path, folder)
        most = peak()
        for number in numbers:
            kind, data = case(number, seed, originals)
            path.write_bytes(data)
            current.value, begin = number, time.process_time()
            try:
                result = outcome(path, folder)
            except Exception as error:  # everything that is no refusal is a finding
                result = f"{type(error).__name__}: {str(error).splitlines()[0][:150] if str(error) else ''}"
            grown = peak() - most
            if grown > MEGABYTES:
                result = f"needed {grown} MB more"
                most = peak()
            pipe.send((number, kind, result, time.process_time() - begin, max(0, grown)))  # type: ignore[attr-defined]
    current.value = -1


def peak() -> int:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has had."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watched(numbers: range, seed: int, findings: Findings, originals: dict[str, bytes]) -> None:
    """Run cases in a process, and start another where one ends it or holds it."""
    context = multiprocessing.get_context("fork")
    while len(numbers):
        current = context.Value("q", -2)
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=worker, args=(numbers, seed, current, sender))
        process.start()
        sender.close()
        since: tuple[int, float] = (-2, 0.0)
        done = numbers.start
        while True:
            try:
                while receiver.poll(0.05):
                    found = receiver.recv()
                    findings.add(*found)
                    done = found[0] + 1
            except EOFError:
                break
            at, used = int(current.value), processor_seconds(process.pid or 0)
            if at != since[0]:
                since = (at, used)
            elif at >= 0 and used - since[1] > SECONDS:
                findings.add(at, case(at, seed, originals)[0], f"held for more than {SECONDS:g} s", SECONDS, 0)
                process.kill()
                done = at + 1
                break
        process.join()
        if process.exitcode and done <= int(current.value):
            at = int(current.value)
            findings.add(at, case(at, seed, originals)[0], f"ended the process ({process.exitcode})", 0.0, 0)
            done = at + 1
        receiver.close()
        numbers = range(done, numbers.stop)


def fuzzed(count: int, seed: int, show: bool = True) -> Findings:
    """Go through so many cases, in stretches of some hundred for the progress bar."""
    findings, originals = Findings(), whole_files()
    stretches = [range(start, min(start + 500, count)) for start in range(0, count, 500)]
    for numbers in track(stretches, "reading") if show else stretches:
        watched(numbers, seed, findings, originals)
    return findings


def main() -> None:
    """Count, print, and fail if anything failed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--files", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--case", type=int, help="write this case to --keep, and read it here")
    options.add_argument("--keep", type=Path, default=Path("case.bin"))
    arguments = options.parse_args()
    if arguments.case is not None:
        kind, data = case(arguments.case, arguments.seed, whole_files())
        arguments.keep.write_bytes(data)
        print(kind, len(data), "bytes:", outcome(arguments.keep, arguments.keep.parent))
        return
    findings = fuzzed(arguments.files, arguments.seed)
    kinds = sorted({kind for kind, _ in findings.outcomes})
    print("| kind | files | decoded | refused | failed |", "| --- | ---: | ---: | ---: | ---: |", sep="\n")
    rows = [[findings.outcomes[kind, result] for result in ("decoded", "refused")] for kind in kinds]
    failed = [sum(text.startswith(f"{kind}:") for text in findings.failures.values()) for kind in kinds]
    for kind, (decoded, refused), bad in zip(kinds, rows, failed, strict=True):
        print(f"| {kind} | {decoded + refused + bad} | {decoded} | {refused} | {bad} |")
    total = sum(findings.outcomes.values())
    decoded, refused = (sum(column) for column in zip(*rows, strict=True))
    print(f"| all | {total} | {decoded} | {refused} | {sum(failed)} |")
    print(f"slowest {findings.slowest:.2f} s of processor time, most memory {findings.largest} MB above whole files'")
    for number, text in sorted(findings.failures.items())[:40]:
        print(f"case {number}: {text}")
    sys.exit(bool(findings.failures))


if __name__ == "__main__":
    main()
