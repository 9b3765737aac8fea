"""Formats: each is known by its content, read with all that a photo has, and where it cannot be read it is said what to do."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from gan_lab.photo_files import UnreadableImage, read_image, read_photo, read_size, write_photo
from gan_lab.photo_files.formats import guess_suffix
from tests.fixtures.heif import FOLDER as HEIF
from tests.fixtures.heif import GAMMA, P3, make_muted_picture
from tests.photo_files.samples import XYZ_TO_SRGB, encode

READ = {
    "a.jpg": "JPEG",
    "a.png": "PNG",
    "a.webp": "WEBP",
    "a.tif": "TIFF",
    "a.gif": "GIF",
    "a.bmp": "BMP",
    "a.jp2": "JPEG2000",
}


def in_srgb() -> np.ndarray:
    """What the picture of the fixtures is where its numbers are Display P3's."""
    return encode((make_muted_picture() / 255) ** GAMMA @ P3.T @ XYZ_TO_SRGB.T) * 255


# --- HEIF


def test_a_phones_heic_is_upright_in_srgb_and_keeps_its_metadata() -> None:
    photo = read_photo(HEIF / "phone.heic")
    assert (photo.metadata.format, photo.metadata.notes) == ("HEIF", ("colours converted from made to sRGB",))
    assert np.abs(photo.pixels - in_srgb()).mean() < 2
    assert np.abs(make_muted_picture() - in_srgb()).mean() > 5  # else the profile would not show
    assert read_size(HEIF / "phone.heic") == (80, 48)
    np.testing.assert_array_equal(read_image(HEIF / "phone.heic"), photo.pixels)
    assert b"A photographer" in photo.metadata.exif
    assert b"GPSLatitude" in photo.metadata.xmp


@pytest.mark.parametrize("drop", [False, True])
def test_gps_of_a_heic_goes_where_that_is_asked_for(tmp_path: Path, drop: bool) -> None:
    write_photo(tmp_path / "x.jpg", read_photo(HEIF / "phone.heic"), drop_gps=drop)
    with Image.open(tmp_path / "x.jpg") as written:
        assert written.size == (80, 48)
        exif = written.getexif()
        assert exif[ExifTags.Base.Copyright] == "(c) A shop"
        assert exif.get(ExifTags.Base.Orientation, 1) == 1
        assert bool(exif.get_ifd(ExifTags.IFD.GPSInfo)) is not drop
        assert (b"GPSLatitude" in written.info["xmp"]) is not drop


def test_transparency_of_a_heic_is_kept_and_lost_bits_are_said() -> None:
    assert np.ptp(read_photo(HEIF / "alpha.heic").alpha) > 200
    deep = read_photo(HEIF / "deep.heic")
    assert deep.metadata.notes == ("its 10 bits a channel were read as 8",)
    assert np.abs(deep.pixels - make_muted_picture().astype(float)).mean() < 2


@pytest.mark.parametrize("brand", [b"mif1", b"heic", b"heix"])
def test_heif_is_known_by_its_content(tmp_path: Path, brand: bytes) -> None:
    data = bytearray((HEIF / "alpha.heic").read_bytes())
    data[8:12] = brand
    for name in ("wrong.jpg", "none"):
        (tmp_path / name).write_bytes(data)
        assert read_image(tmp_path / name).shape == (48, 80, 3)
    assert read_photo(tmp_path / "wrong.jpg").metadata.notes == ("it is a HEIF, whatever its name says",)
    assert read_photo(tmp_path / "none").metadata.notes == ()
    assert read_image(Path("in.tar/a.heic"), part=io.BytesIO(data)).shape == (48, 80, 3)


@pytest.mark.parametrize("size", [30, 600, 1500])
def test_a_heic_that_is_cut_short_is_named(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.heic").write_bytes((HEIF / "phone.heic").read_bytes()[:size])
    with pytest.raises(UnreadableImage):
        read_photo(tmp_path / "a.heic")


# --- JPEG 2000 and AVIF


def test_avif_is_read(tmp_path: Path) -> None:
    Image.fromarray(make_muted_picture()).save(tmp_path / "a.avif", quality=95)
    assert np.abs(read_photo(tmp_path / "a.avif").pixels - make_muted_picture().astype(float)).mean() < 2


# --- by content, and what cannot be read


@pytest.mark.parametrize("name", READ)
def test_a_file_without_a_suffix_is_what_its_content_says(tmp_path: Path, name: str) -> None:
    Image.fromarray(make_muted_picture()).save(tmp_path / name)
    (tmp_path / name).rename(tmp_path / "none")
    assert guess_suffix((tmp_path / "none").read_bytes()[:64]) == Path(name).suffix
    photo = read_photo(tmp_path / "none")
    assert (photo.metadata.format, photo.metadata.notes) == (READ[name], ())


@pytest.mark.parametrize("suffix", ["jpe", "jfif", "mpo"])
def test_a_jpeg_of_any_usual_name_is_no_surprise(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(make_muted_picture()).save(tmp_path / f"a.{suffix}", "JPEG")
    assert read_photo(tmp_path / f"a.{suffix}").metadata.notes == ()


@pytest.mark.parametrize(
    ("name", "head", "reason"),
    [
        ("a.jxl", b"\xff\x0a", "JPEG XL picture, which cannot be read: save it as JPEG or PNG"),
        ("a.jpg", b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (
            "a.raf",
            b"FUJIFILMCCD-RAW 0201",
            r"raw file of a camera \(RAF\).*develop it and save it as TIFF, PNG or JPEG",
        ),
        ("none", b"\0\0\0\x18ftypcrx \0\0\0\1", r"raw file of a camera \(CR3\)"),
        ("a.cr2", b"II*\0\x10\0\0\0CR\2\0", r"\(CR2\)"),
        ("a.tif", b"II*\0\x10\0\0\0CR\2\0", r"\(CR2\)"),
        ("a.orf", b"IIRO\x08\0\0\0", r"\(ORF\)"),
        ("a.rw2", b"IIU\0\x18\0\0\0", r"\(RW2\)"),
        ("a.psd", b"8BPS\0\1", "Photoshop document"),
        ("a.exr", b"v/1\x01", "of a kind that cannot be read: save it as PNG"),
        ("a.tga", b"\0\0\2", "of a kind that cannot be read: save it as PNG"),
        ("a.heic", b"\0\0\0\x18ftypheic", "HEIF photo that is damaged"),
        ("a.avif", b"\0\0\0\x18ftypavif", "AVIF photo that is damaged"),
        ("a.jp2", b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000 picture that is damaged"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_to_do(tmp_path: Path, name: str, head: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(head + bytes(200))
    for read in (read_photo, read_image, read_size):
        with pytest.raises(UnreadableImage, match=reason):
            read(path)
