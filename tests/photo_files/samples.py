"""Makes the files that shops have: profiles, EXIF blocks, PNG of 16 bits; each by hand, so that nothing tests itself."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import ExifTags, Image, ImageCms

from gan_lab.photo_files import Photo
from gan_lab.photo_files.metadata import Metadata

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GAMMA_ADOBE = 563 / 256
ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])  # to D50
XYZ_TO_SRGB = np.array(
    [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427]]
)
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def picture(height: int = 24, width: int = 40, most: int = 255) -> np.ndarray:
    """A smooth picture in which no two corners are alike, as floats in [0, most]: [H, W, 3]."""
    rows, columns = np.mgrid[0:height, 0:width]
    down, across = rows / max(height - 1, 1), columns / max(width - 1, 1)
    return np.stack([down, across, 1 - (down + across) / 2], axis=-1) * most


def picture_8() -> np.ndarray:
    return np.rint(picture()).astype(np.uint8)


def picture_16() -> np.ndarray:
    return np.rint(picture(most=65535)).astype(np.uint16)


def encode(linear: np.ndarray) -> np.ndarray:
    """sRGB's curve, IEC 61966-2-1."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def adobe_profile() -> bytes:
    """A profile with the published primaries and curve of Adobe RGB (1998)."""
    data = bytearray(matrix_profile(GAMMA_ADOBE))
    for entry in range(132, 132 + 12 * struct.unpack(">I", data[128:132])[0], 12):
        name, offset = bytes(data[entry : entry + 4]), struct.unpack(">I", data[entry + 4 : entry + 8])[0]
        if name in (b"rXYZ", b"gXYZ", b"bXYZ"):
            column = ADOBE[:, b"rgb".index(name[:1])]
            data[offset + 8 : offset + 20] = struct.pack(">3i", *(round(value * 65536) for value in column))
    return bytes(data)


def adobe_in_srgb(values: np.ndarray) -> np.ndarray:
    """What Adobe RGB values in [0, 1] are in sRGB, in [0, 1]."""
    return encode(values**GAMMA_ADOBE @ ADOBE.T @ XYZ_TO_SRGB.T)


def grey_profile(gamma: float) -> bytes:
    """A grey profile of one pure gamma curve, from the parts of sRGB's."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    return _profile(b"GRAY", b"XYZ ", {b"wtpt": _xyz(0.9642, 1, 0.8249), b"kTRC": curve})


def table_profile(space: bytes, corners: dict[tuple[int, ...], tuple[float, float, float]]) -> bytes:
    """A profile that works by a table of L*a*b* colours of the corners (each channel 0 or 1); linear between them."""
    channels = {b"RGB ": 3, b"CMYK": 4}[space]
    identity = struct.pack(">9i", *(65536 if one % 4 == 0 else 0 for one in range(9)))
    ramp = bytes(range(256))
    grid = b""
    for index in range(2**channels):
        corner = tuple(index >> (channels - 1 - channel) & 1 for channel in range(channels))
        lightness, a, b = corners[corner]
        grid += bytes((round(lightness * 2.55), round(a + 128), round(b + 128)))
    table = b"mft1" + bytes(4) + bytes((channels, 3, 2, 0)) + identity + ramp * channels + grid + ramp * 3
    return _profile(space, b"Lab ", {b"wtpt": _xyz(0.9642, 1, 0.8249), b"A2B0": table, b"A2B1": table})


def lab_in_srgb(lightness: float, a: float, b: float) -> np.ndarray:
    """What a colour of L*a*b* (D50) is in sRGB, 0 to 255."""
    y = (lightness + 16) / 116
    f = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * 108 / 841) * np.array([0.9642, 1, 0.8249])
    return encode(XYZ_TO_SRGB @ xyz) * 255


def png_16(
    path: Path, samples: np.ndarray, kind: int, before: bytes = b"", after: bytes = b"", depth: int = 16
) -> Path:
    """A PNG of unfiltered rows; `kind` is PNG's colour type, `before` and `after` are chunks around the pixels."""
    height, width = samples.shape[:2]
    raw = b"".join(b"\0" + row.astype(f">u{depth // 8}").tobytes() for row in samples)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(raw))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + before + pixels + after + chunk(b"IEND", b""))
    return path


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def icc_chunk(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))


def tiff_16(path: Path, samples: np.ndarray, profile: bytes | None = None, **options: object) -> Path:
    options.setdefault("photometric", "rgb" if samples.ndim == 3 else "minisblack")
    tifffile.imwrite(path, samples, iccprofile=profile, metadata=None, **options)
    return path


def exif_block(
    orientation: int = 6,
    gps: bool = True,
    thumbnail: bytes = b"",
    order: str = ">",
    space: int = 65535,
    index: str = "R03",
) -> bytes:
    """An EXIF block as cameras write it: descriptions, sizes, a place, a maker's note, and a thumbnail at the end.

    `space` and `index` tell of the colours: 65535 and R03 by a camera that was set to Adobe RGB, 1 and R98 of sRGB.
    """
    exif = Image.Exif()
    exif.endian = order
    exif[0x010F], exif[0x0112], exif[0x8298], exif[0x013B] = "Maker", orientation, "(c) A shop", "A photographer"
    exif[0x8769] = {0x9003: "2024:05:06 07:08:09", 0xA002: 4000, 0xA003: 3000, 0xA001: space, 0x927C: b"maker's note"}
    exif[0x8769][0xA005] = {1: index}
    if gps:
        exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.25), 3: "E", 4: (13.0, 24.0, 18.5)}
    block = exif.tobytes()[6:]
    if thumbnail:
        block = _with_thumbnail(block, thumbnail)
    return block


def _with_thumbnail(block: bytes, thumbnail: bytes) -> bytes:
    order = "<" if block[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "L", block, 4)
    (count,) = struct.unpack_from(order + "H", block, first)
    block += bytes(len(block) % 2)
    start = len(block) + 2 + 2 * 12 + 4
    directory = struct.pack(order + "HHHLLHHLLL", 2, 0x201, 4, 1, start, 0x202, 4, 1, len(thumbnail), 0)
    at = first + 2 + 12 * count
    return block[:at] + struct.pack(order + "L", len(block)) + block[at + 4 :] + directory + thumbnail


def iptc_record(by: str, notice: str) -> bytes:
    """An IPTC-IIM record of UTF-8."""

    def data_set(record: int, number: int, data: bytes) -> bytes:
        return struct.pack(">BBBH", 0x1C, record, number, len(data)) + data

    parts = ((1, 90, b"\x1b%G"), (2, 0, b"\0\4"), (2, 80, by.encode()), (2, 116, notice.encode()))
    return b"".join(data_set(*part) for part in parts)


def iptc_segment(record: bytes) -> bytes:
    """A JPEG segment with Photoshop's resource for an IPTC record."""
    data = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record + bytes(len(record) % 2)
    return b"\xff\xed" + struct.pack(">H", len(data) + 2) + data


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    kind = b"prtr" if space == b"CMYK" else b"scnr"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"made\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0",
    } | tags
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"none", 0x02400000, kind, space, connection)
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body


def xmp_packet(properties: str, namespaces: str = "") -> bytes:
    """An XMP packet as cameras and editors write it; `properties` stand as attributes of its description."""
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        f'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        f'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" {namespaces} {properties}/></rdf:RDF></x:xmpmeta>'
        f'{" " * 200}<?xpacket end="w"?>'
    ).encode()


def save(path: Path, array: np.ndarray, **options: object) -> Path:
    Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(path, **options)
    return path


def matrix_profile(gamma: float | None, swap: bool = False, nudge: int = 0) -> bytes:
    """An RGB profile like sRGB's: with a pure gamma curve, red and green exchanged, or the red primary nudged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    for entry in range(132, 132 + 12 * count, 12):
        name = bytes(data[entry : entry + 4])
        offset = struct.unpack(">I", data[entry + 4 : entry + 8])[0]
        if name in (b"rTRC", b"gTRC", b"bTRC") and gamma is not None:  # parametric curve of type 0: one gamma
            data[offset : offset + 16] = b"para" + bytes(4) + struct.pack(">HHi", 0, 0, round(gamma * 65536))
        if swap and name in (b"rXYZ", b"gXYZ"):
            data[entry : entry + 4] = b"gXYZ" if name == b"rXYZ" else b"rXYZ"
        if name == b"rXYZ":
            data[offset + 8 : offset + 12] = struct.pack(
                ">i", struct.unpack(">i", data[offset + 8 : offset + 12])[0] + nudge
            )
    return bytes(data)


def full(path: Path, **exif: object) -> Path:
    """A JPEG with everything in it."""
    segment = iptc_segment(iptc_record("Zoë Ö.", "© Läden"))
    packet = xmp_packet('photoshop:Credit="An agency" xmp:CreatorTool="Camera 1.0"')
    block = exif_block(**{"orientation": 1, **exif})
    return save(
        path, picture_8(), exif=b"Exif\0\0" + block, xmp=packet, extra=segment, dpi=(300, 300), comment="Hallö".encode()
    )


def exif_of(path: Path) -> Image.Exif:
    with Image.open(path) as picture:
        exif = picture.getexif()
        exif.get_ifd(ExifTags.IFD.GPSInfo)
        if ExifTags.IFD.Interop in exif.get_ifd(ExifTags.IFD.Exif):
            exif.get_ifd(ExifTags.IFD.Interop)
        return exif


def far(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - np.asarray(other, float)).max())


def photo_of(pixels: np.ndarray, alpha: np.ndarray | None = None, **metadata: Any) -> Photo:
    return Photo(pixels, alpha, Metadata(format="PNG", **metadata))
