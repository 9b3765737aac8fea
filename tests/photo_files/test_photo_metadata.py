"""What a photo says beside its pixels: kept from any format to any other, made true, and never the photo's undoing."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image, IptcImagePlugin

from gan_lab.photo_files import read_photo, write_photo
from gan_lab.photo_files.xmp import Packet
from tests.photo_files.samples import (
    exif_block,
    exif_of,
    full,
    iptc_record,
    picture_8,
    save,
    xmp_packet,
)

PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
SUFFIXES = [".jpg", ".png", ".webp", ".tif"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_descriptions_rights_and_resolution_go_along(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"y{suffix}"
    write_photo(path, read_photo(full(tmp_path / "x.jpg")))
    exif = exif_of(path)
    assert (exif[0x8298], exif[0x013B], exif[0x010F]) == ("(c) A shop", "A photographer", "Maker")
    assert exif.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
    assert exif.get_ifd(0x8769)[0x927C] == b"maker's note"
    assert exif.get_ifd(0x8825)[2] == (52.0, 31.0, 12.25)
    again = read_photo(path).metadata
    assert again.dpi == (pytest.approx((300, 300), abs=0.01) if suffix != ".webp" else again.dpi)
    packet = Packet(again.xmp)
    assert packet.get(PHOTOSHOP, "Credit") == "An agency"
    assert again.iptc == (iptc_record("Zoë Ö.", "© Läden") if suffix != ".webp" else None)
    if suffix == ".jpg":
        assert again.text == {"Comment": "Hallö"}


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_the_iptc_record_is_where_other_readers_look(tmp_path: Path, suffix: str) -> None:
    write_photo(tmp_path / f"y{suffix}", read_photo(full(tmp_path / "x.jpg")))
    with Image.open(tmp_path / f"y{suffix}") as picture:
        record = IptcImagePlugin.getiptcinfo(picture)
    assert record[(2, 116)] == "© Läden".encode()


@pytest.mark.parametrize(
    ("made", "value"), [(".png", (300, 150)), (".jpg", (300, 150)), (".tif", (299.5, 72)), (".bmp", (300, 150))]
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_resolution_goes_from_any_format_to_any(
    tmp_path: Path, made: str, value: tuple[float, float], suffix: str
) -> None:
    write_photo(tmp_path / f"y{suffix}", read_photo(save(tmp_path / f"x{made}", picture_8(), dpi=value)))
    assert read_photo(tmp_path / f"y{suffix}").metadata.dpi == pytest.approx(
        value, abs=0.6 if suffix == ".jpg" else 0.02
    )
    write_photo(tmp_path / f"y{suffix}", read_photo(save(tmp_path / "x.webp", picture_8())))
    assert read_photo(tmp_path / f"y{suffix}").metadata.dpi is None


# --- made true


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_place_is_dropped_on_request_and_nothing_else(tmp_path: Path, suffix: str, order: str) -> None:
    seconds = struct.pack(order + "LL", 49, 4)  # 12.25
    nested = xmp_packet(
        'exif:GPSLatitude="52,31.2N" photoshop:Credit="An agency"', 'xmlns:d="urn:drone" d:GpsLongitude="13.4"'
    ).replace(
        b"/></rdf:RDF>",
        b'><exif:GPSAltitude>34/1</exif:GPSAltitude><xmp:Where rdf:parseType="Resource"><exif:GPSLongitude>13,24E'
        b"</exif:GPSLongitude><xmp:Nick>shop</xmp:Nick></xmp:Where></rdf:Description></rdf:RDF>",
    )
    source = save(tmp_path / "x.jpg", picture_8(), exif=b"Exif\0\0" + exif_block(1, order=order), xmp=nested)
    photo = read_photo(source)
    assert seconds in photo.metadata.exif
    path = tmp_path / f"y{suffix}"
    write_photo(path, photo, drop_gps=True)
    data = path.read_bytes()
    assert seconds not in data
    assert b"gps" not in read_photo(path).metadata.xmp.lower()
    assert b"13.4" not in data
    exif = exif_of(path)
    assert 0x8825 not in exif
    assert (exif[0x8298], exif.get_ifd(0x8769)[0x9003]) == ("(c) A shop", "2024:05:06 07:08:09")
    packet = read_photo(path).metadata.xmp
    assert b"An agency" in packet
    assert b"shop" in packet
    write_photo(path, photo)
    assert exif_of(path).get_ifd(0x8825)[2] == (52.0, 31.0, 12.25)
    assert b"GPSAltitude" in read_photo(path).metadata.xmp


# --- damaged
