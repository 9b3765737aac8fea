"""Colours that a file states without an ICC profile, against numbers published for the colour spaces."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from gan_lab.photo_files import UnreadableImage, read_image, read_photo, write_photo
from gan_lab.photo_files.boxes import Statements
from gan_lab.photo_files.images import read_size
from gan_lab.photo_files.metadata import metadata_of
from gan_lab.photo_files.stated_colour import BOXES
from tests.fixtures.heif import FOLDER as HEIF
from tests.fixtures.heif import make_muted_picture
from tests.photo_files.samples import (
    SRGB,
    adobe_in_srgb,
    adobe_profile,
    chunk,
    encode,
    exif_block,
    icc_chunk,
    matrix_profile,
    picture,
    png_16,
    save,
)

# CSS Color 4, 17: from linear Display P3, and Rec. 2020, to linear sRGB.
P3 = np.array([[1.224940, -0.224940, 0], [-0.042057, 1.042057, 0], [-0.019638, -0.078636, 1.098274]])
BT_2020 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]]
)
SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_POINTS = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
INSIDE = 0.45 + 0.2 * picture() / 255  # colours that sRGB can show

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")


def decode(x: np.ndarray) -> np.ndarray:
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def decode_709(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0.081, x / 4.5, ((x + 0.099) / 1.099) ** (1 / 0.45))


def cicp(*points: int) -> bytes:
    return chunk(b"cICP", bytes(points))


def gama(value: int) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", value))


def chrm(points: tuple[int, ...]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *points))


STATED = {
    "Display P3": (cicp(12, 13, 0, 1), lambda x: encode(decode(x) @ P3.T)),
    "BT.2020": (cicp(9, 1, 0, 1), lambda x: encode(decode_709(x) @ BT_2020.T)),
    "linear": (cicp(1, 8, 0, 1), encode),
    "gamma 1.8": (gama(55556), lambda x: encode(x**1.8)),
    "P3 of gamma 2.2": (gama(45455) + chrm(P3_POINTS), lambda x: encode(x**2.2 @ P3.T)),
    "primaries alone": (chrm(P3_POINTS), lambda x: encode(decode(x) @ P3.T)),
    "cICP before all": (
        cicp(12, 13, 0, 1) + icc_chunk(adobe_profile()) + gama(100000),
        lambda x: encode(decode(x) @ P3.T),
    ),
    "iCCP before gAMA": (gama(100000) + icc_chunk(adobe_profile()), adobe_in_srgb),
    "sRGB before gAMA": (gama(100000) + chunk(b"sRGB", b"\0"), lambda x: x),
    "sRGB by gAMA": (gama(45455) + chrm(SRGB_POINTS), lambda x: x),
    "sRGB by cICP": (cicp(1, 13, 0, 1), lambda x: x),
}


@pytest.mark.parametrize("kind", STATED)
def test_a_png_is_converted_as_it_states(tmp_path: Path, kind: str) -> None:
    chunks, convert = STATED[kind]
    for depth, most, near in ((8, 255, 1.5), (16, 65535, 60)):
        stored = np.rint(INSIDE * most).astype(f"u{depth // 8}")
        expected = convert(stored / most) * most
        path = png_16(tmp_path / f"{depth}.png", stored, 2, before=chunks, depth=depth)
        photo = read_photo(path)
        assert np.abs(photo.pixels - expected).max() <= near
        changed = "sRGB " not in kind
        assert any("converted from" in note for note in photo.metadata.notes) == changed
        assert changed or (photo.pixels == stored).all()
        write_photo(tmp_path / f"out{depth}.png", photo)
        with Image.open(tmp_path / f"out{depth}.png") as result:
            assert b"sRGB" in result.info["icc_profile"] or "sRGB" in profile_name(result)
        assert np.abs(read_image(path) - expected * 255 / most).max() <= 2


def profile_name(picture: Image.Image) -> str:
    return str(ImageCms.getOpenProfile(io.BytesIO(picture.info["icc_profile"])).profile.profile_description)


@pytest.mark.parametrize("depth", [8, 16])
def test_what_srgb_cannot_show_is_clipped(tmp_path: Path, depth: int) -> None:
    most = 2**depth - 1
    corners = np.array([[[most, 0, 0], [0, most, 0], [most] * 3, [0] * 3]], f"u{depth // 8}")
    photo = read_photo(png_16(tmp_path / "x.png", corners, 2, before=cicp(12, 13, 0, 1), depth=depth))
    assert photo.pixels.tolist() == corners.tolist()


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("alpha", [False, True])
def test_grey_takes_the_curve_alone(tmp_path: Path, depth: int, alpha: bool) -> None:
    most = 2**depth - 1
    levels = np.linspace(0, most, 256).astype(f"u{depth // 8}").reshape(1, 256, 1)
    stored = np.dstack((levels, np.full_like(levels, most))) if alpha else levels
    expected = encode((levels / most) ** 1.8)
    for chunks in (gama(55556), gama(55556) + chrm(P3_POINTS)):
        path = png_16(tmp_path / "x.png", stored, 4 if alpha else 0, before=chunks, depth=depth)
        photo = read_photo(path)
        assert photo.pixels.shape == levels.shape
        assert np.abs(photo.pixels / most - expected).max() <= 2 / 255
        assert np.abs(read_image(path, channels=1) / 255 - expected).max() <= 2 / 255


@pytest.mark.parametrize(
    ("chunks", "note"),
    [
        (cicp(77, 13, 0, 1), "(77-13-0-1): passed over"),
        (cicp(12, 13, 6, 1), "(12-13-6-1): passed over"),
        (gama(0), "no sense"),
        (gama(60000) + chrm((0,) * 8), "no sense"),
        (chrm((31270, 32900, 30000, 30000, 30000, 30000, 30000, 30000)), "no sense"),
    ],
)
def test_what_makes_no_sense_is_taken_as_srgb_and_said_so(tmp_path: Path, chunks: bytes, note: str) -> None:
    stored = np.rint(INSIDE * 255).astype(np.uint8)
    photo = read_photo(png_16(tmp_path / "x.png", stored, 2, before=chunks, depth=8))
    np.testing.assert_array_equal(photo.pixels, stored)
    assert any(note in one for one in photo.metadata.notes)
    assert not photo.metadata.profiled


def test_what_follows_counts_where_a_cicp_chunk_makes_no_sense(tmp_path: Path) -> None:
    stored = np.rint(INSIDE * 255).astype(np.uint8)
    for chunks in (
        icc_chunk(adobe_profile()),
        gama(45471) + chrm((31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)),
    ):
        path = png_16(tmp_path / "x.png", stored, 2, before=cicp(77, 13, 0, 1) + chunks, depth=8)
        photo = read_photo(path)
        assert np.abs(photo.pixels - adobe_in_srgb(stored / 255) * 255).max() <= 1.5
        assert any("passed over" in one for one in photo.metadata.notes)


def hdr_profile() -> bytes:
    """An ICC profile of PQ, as browsers and macOS write it: with a cicp tag."""
    data = matrix_profile(2.2)
    at = data.index(b"chrm", 132)  # a tag that nothing here needs
    (start,) = struct.unpack_from(">I", data, at + 4)
    data = data[:at] + b"cicp" + data[at + 4 :]
    return data[:start] + b"cicp" + bytes(4) + bytes((9, 16, 0, 1)) + data[start + 12 :]


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        (cicp(9, 16, 0, 1), "PQ"),
        (cicp(9, 18, 0, 1), "HLG"),
        (icc_chunk(hdr_profile()), "PQ"),
        (cicp(1, 1, 0, 0), "full range"),
    ],
)
def test_hdr_is_refused_with_what_to_do(tmp_path: Path, chunks: bytes, reason: str) -> None:
    for depth in (8, 16):
        path = png_16(tmp_path / "x.png", np.zeros((4, 4, 3), f"u{depth // 8}"), 2, before=chunks, depth=depth)
        for read in (read_photo, read_image, read_size):
            with pytest.raises(UnreadableImage, match=f"{reason}.*: save it|save it.*{reason}"):
                read(path)


# --- AVIF and HEIF


def avif(path: Path, points: tuple[int, int, int], pixels: np.ndarray, **options: object) -> Path:
    """An AVIF file with other code points in its nclx box than Pillow writes."""
    save(path, pixels, quality=100, subsampling="4:4:4", **options)
    data = path.read_bytes()
    at = data.index(b"colrnclx") + 8
    path.write_bytes(data[:at] + struct.pack(">HH", *points[:2]) + data[at + 4 :])
    return path


@needs_avif
@pytest.mark.parametrize(
    ("points", "convert", "note"),
    [
        ((12, 13, 6), STATED["Display P3"][1], "Display P3"),
        ((9, 14, 6), STATED["BT.2020"][1], "BT.2020"),
        ((1, 13, 6), lambda x: x, ""),
        ((2, 2, 6), lambda x: x, ""),
        ((1, 1, 6), lambda x: x, "as video encoders do"),
    ],
)
def test_an_avif_is_converted_as_its_nclx_box_states(
    tmp_path: Path, points: tuple[int, int, int], convert: object, note: str
) -> None:
    path = avif(tmp_path / "x.avif", points, np.rint(INSIDE * 255).astype(np.uint8))
    photo = read_photo(path)
    assert np.abs(photo.pixels - convert(INSIDE) * 255).max() <= 8
    assert np.abs(photo.pixels - convert(INSIDE) * 255).mean() <= 1.5
    np.testing.assert_array_equal(read_image(path), photo.pixels)
    assert len(photo.metadata.notes) == bool(note)
    assert note in " ".join(photo.metadata.notes)
    assert photo.metadata.profiled == (points[:2] != (2, 2))


@needs_avif
def test_an_avifs_profile_comes_before_its_nclx_box(tmp_path: Path) -> None:
    path = avif(tmp_path / "x.avif", (12, 13, 6), np.rint(INSIDE * 255).astype(np.uint8), icc_profile=SRGB)
    assert np.abs(read_photo(path).pixels - INSIDE * 255).mean() <= 1.5


def test_bits_that_are_lost_on_the_way_are_said() -> None:
    for mode, depth, said in (("RGB", 10, True), ("RGB", 8, False), ("I;16", 12, False)):
        opened = Image.new(mode, (4, 4))
        opened.info[BOXES] = Statements(depth=depth)
        assert (f"its {depth} bits a channel were read as 8" in metadata_of(opened).notes) == said


@needs_avif
def test_an_avif_of_hdr_is_refused(tmp_path: Path) -> None:
    for transfer, name in ((16, "PQ"), (18, "HLG")):
        path = avif(tmp_path / "x.avif", (9, transfer, 9), np.zeros((16, 16, 3), np.uint8))
        with pytest.raises(UnreadableImage, match=name):
            read_photo(path)


def test_a_heic_is_converted_as_its_nclx_box_states(tmp_path: Path) -> None:
    data = (HEIF / "deep.heic").read_bytes()
    at = data.index(b"colrnclx") + 8
    path = tmp_path / "x.heic"
    path.write_bytes(data[:at] + struct.pack(">HH", 12, 13) + data[at + 4 :])
    photo = read_photo(path)
    assert np.abs(photo.pixels - STATED["Display P3"][1](make_muted_picture() / 255) * 255).mean() <= 1.5
    np.testing.assert_array_equal(read_image(path), photo.pixels)
    assert "colours converted from Display P3 (nclx box) to sRGB" in photo.metadata.notes
    for transfer, name in ((16, "PQ"), (18, "HLG")):
        path.write_bytes(data[:at] + struct.pack(">HH", 9, transfer) + data[at + 4 :])
        with pytest.raises(UnreadableImage, match=name):
            read_photo(path)


# --- EXIF


@pytest.mark.parametrize(
    ("space", "index", "adobe", "note"),
    [
        (65535, "R03", True, "Adobe RGB"),
        (2, "R98", True, "Adobe RGB"),
        (1, "R98", False, ""),
        (1, "R03", False, ""),
        (65535, "R98", False, "not what they are"),
    ],
)
def test_a_jpegs_exif_tells_adobe_rgb(tmp_path: Path, space: int, index: str, adobe: bool, note: str) -> None:
    stored = np.full((32, 32, 3), (60, 180, 90), np.uint8)
    exif = b"Exif\0\0" + exif_block(1, space=space, index=index)
    path = save(tmp_path / "x.jpg", stored, exif=exif, quality=100, subsampling=0)
    photo = read_photo(path)
    expected = adobe_in_srgb(stored / 255) * 255 if adobe else stored
    assert np.abs(photo.pixels - expected).max() <= 3
    assert np.abs(read_image(path) - expected).max() <= 3
    assert note in " ".join(photo.metadata.notes)
    assert len(photo.metadata.notes) == bool(note)
    assert photo.metadata.profiled == adobe
    embedded = save(tmp_path / "y.jpg", stored, exif=exif, quality=100, subsampling=0, icc_profile=SRGB)
    assert np.abs(read_photo(embedded).pixels - stored).max() <= 2  # a profile comes first


def test_a_jpeg_of_adobe_rgb_leaves_as_srgb_in_every_word(tmp_path: Path) -> None:
    save(tmp_path / "x.jpg", np.full((32, 32, 3), 90, np.uint8), exif=b"Exif\0\0" + exif_block(1))
    write_photo(tmp_path / "y.jpg", read_photo(tmp_path / "x.jpg"))
    with Image.open(tmp_path / "y.jpg") as result:
        exif = result.getexif()
        assert exif.get_ifd(0x8769)[0xA001] == 1
        assert exif.get_ifd(0xA005)[1] == "R98"
        assert "sRGB" in profile_name(result)
    assert (read_photo(tmp_path / "y.jpg").pixels == read_image(tmp_path / "y.jpg")).all()
