"""What a photo says beside its pixels: kept from any format to any other, made true, and never the photo's undoing."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, IptcImagePlugin

from gan_lab.photo_files import Photo, Provenance, digital_source_type, read_photo, read_provenance, write_photo
from gan_lab.photo_files import exif as exif_module
from gan_lab.photo_files.ifd import Block
from gan_lab.photo_files.metadata import Metadata
from gan_lab.photo_files.xmp import DC, Packet
from tests.photo_files.samples import (
    chunk,
    exif_block,
    iptc_record,
    iptc_segment,
    picture_8,
    png_16,
    tiff_16,
    xmp_packet,
)
from tests.photo_files.test_images import save

PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
SUFFIXES = [".jpg", ".png", ".webp", ".tif"]


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


def test_a_jpegs_iptc_record_is_padded_to_an_even_length(tmp_path: Path) -> None:
    for notice in ("ab", "abc"):
        record = iptc_record("A", notice)
        write_photo(tmp_path / "y.jpg", Photo(picture_8(), None, Metadata("JPEG", iptc=record)))
        assert iptc_segment(record) in (tmp_path / "y.jpg").read_bytes()
        assert read_photo(tmp_path / "y.jpg").metadata.iptc == record


def test_where_a_format_has_no_place_creator_and_rights_move_to_xmp(tmp_path: Path) -> None:
    photo = read_photo(full(tmp_path / "x.jpg"))
    notes = write_photo(tmp_path / "y.webp", photo)
    assert any("IPTC" in note for note in notes)
    packet = Packet(read_photo(tmp_path / "y.webp").metadata.xmp)
    assert (packet.get(DC, "creator"), packet.get(DC, "rights")) == ("Zoë Ö.", "© Läden")
    text = (
        chunk(b"tEXt", "Copyright\0© Läden".encode("latin-1"))
        + chunk(b"tEXt", b"Author\0Zoe")
        + chunk(b"tEXt", b"Title\0Shoe")
    )
    source = png_16(tmp_path / "x.png", picture_8(), 2, before=text, depth=8)
    photo = read_photo(source)
    for suffix in (".jpg", ".webp", ".tif"):
        write_photo(tmp_path / f"z{suffix}", photo)
        packet = Packet(read_photo(tmp_path / f"z{suffix}").metadata.xmp)
        assert (packet.get(DC, "creator"), packet.get(DC, "rights")) == ("Zoe", "© Läden")
    write_photo(tmp_path / "z.png", photo)
    assert read_photo(tmp_path / "z.png").metadata.text == {"Copyright": "© Läden", "Author": "Zoe", "Title": "Shoe"}


def test_rights_that_xmp_names_already_are_not_overwritten(tmp_path: Path) -> None:
    packet = Packet()
    packet.set_list(DC, "dc", "rights", "Alt", {"As XMP has it": "x-default"})
    photo = Photo(picture_8(), None, Metadata("JPEG", xmp=bytes(packet), iptc=iptc_record("A", "As IPTC has it")))
    write_photo(tmp_path / "x.webp", photo)
    packet = Packet(read_photo(tmp_path / "x.webp").metadata.xmp)
    assert (packet.get(DC, "rights"), packet.get(DC, "creator")) == ("As XMP has it", "A")


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


def test_png_exif_of_imagemagick_is_understood(tmp_path: Path) -> None:
    block = b"Exif\0\0" + exif_block(6)
    record = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc_record("A", "B"))) + iptc_record("A", "B")
    text = b""
    for name, data in ((b"exif", block), (b"iptc", record)):
        digits = b"\n" + name + b"\n%8d\n" % len(data) + data.hex().encode() + b"\n"
        text += chunk(b"tEXt", b"Raw profile type " + name + b"\0" + digits)
    photo = read_photo(png_16(tmp_path / "x.png", picture_8(), 2, before=text, depth=8))
    assert photo.pixels.shape == (40, 24, 3)
    assert photo.metadata.iptc == iptc_record("A", "B")
    assert photo.metadata.text == {}
    write_photo(tmp_path / "y.jpg", photo)
    assert exif_of(tmp_path / "y.jpg")[0x010F] == "Maker"


# --- made true


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_sizes_and_colour_space_tell_of_the_new_pixels(tmp_path: Path, order: str, suffix: str) -> None:
    photo = read_photo(full(tmp_path / "x.jpg", orientation=6, order=order))
    assert photo.pixels.shape == (40, 24, 3)
    large = Photo(np.zeros((80, 48, 3), np.uint8), None, replace(photo.metadata, profiled=False))
    write_photo(tmp_path / f"y{suffix}", large)
    exif = exif_of(tmp_path / f"y{suffix}")
    inside = exif.get_ifd(0x8769)
    assert (exif.get(0x0112, 1), inside[0xA002], inside[0xA003], inside[0xA001]) == (1, 48, 80, 65535)
    converted = Photo(large.pixels, None, Metadata("JPEG", exif=photo.metadata.exif, profiled=True))
    assert exif.get_ifd(0xA005)[1] == "R03"
    write_photo(tmp_path / f"y{suffix}", converted)
    exif = exif_of(tmp_path / f"y{suffix}")
    assert (exif.get_ifd(0x8769)[0xA001], exif.get_ifd(0xA005)[1]) == (1, "R98")


def test_the_old_thumbnail_is_gone_to_the_last_byte(tmp_path: Path) -> None:
    thumbnail = b"\xff\xd8 the old picture \xff\xd9" * 9
    for order in ("<", ">"):
        photo = read_photo(full(tmp_path / "x.jpg", thumbnail=thumbnail, order=order))
        assert thumbnail in (tmp_path / "x.jpg").read_bytes()
        for suffix in SUFFIXES:
            write_photo(tmp_path / f"y{suffix}", photo)
            data = (tmp_path / f"y{suffix}").read_bytes()
            assert b"the old picture" not in data
            assert exif_of(tmp_path / f"y{suffix}")[0x010F] == "Maker"
        assert not exif_of(tmp_path / "y.jpg").get_ifd(ExifTags.IFD.IFD1)
    assert len(photo.metadata.exif) < len(exif_block(1, thumbnail=thumbnail)) - len(thumbnail) + 2
    inside = exif_module.upright(exif_block(1, thumbnail=thumbnail) + b"more after it")
    assert b"the old picture" not in inside
    assert inside.endswith(b"more after it")


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


def test_the_place_is_dropped_from_pngs_texts_too(tmp_path: Path) -> None:
    photo = Photo(picture_8(), None, Metadata("PNG", text={"exif:GPSLatitude": "52/1", "Title": "Shoe"}))
    write_photo(tmp_path / "x.png", photo, drop_gps=True)
    assert read_photo(tmp_path / "x.png").metadata.text == {"Title": "Shoe"}
    write_photo(tmp_path / "x.png", photo)
    assert read_photo(tmp_path / "x.png").metadata.text == photo.metadata.text


def test_xmp_tells_of_the_new_pixels(tmp_path: Path) -> None:
    packet = xmp_packet(
        'tiff:Orientation="6" exif:PixelXDimension="4000" exif:PixelYDimension="3000" tiff:ImageWidth="4000" '
        'xmpNote:HasExtendedXMP="ABC"',
        'xmlns:xmpNote="http://ns.adobe.com/xmp/note/"',
    ).replace(b"/></rdf:RDF>", b"><xmp:Thumbnails>the old picture</xmp:Thumbnails></rdf:Description></rdf:RDF>")
    photo = read_photo(save(tmp_path / "x.jpg", picture_8(), xmp=packet, exif=b"Exif\0\0" + exif_block(1)))
    write_photo(tmp_path / "y.png", photo)
    new = read_photo(tmp_path / "y.png").metadata.xmp
    read = Packet(new)
    assert read.get("http://ns.adobe.com/tiff/1.0/", "Orientation") == "1"
    assert read.get("http://ns.adobe.com/tiff/1.0/", "ImageWidth") == "40"
    assert read.get("http://ns.adobe.com/exif/1.0/", "PixelXDimension") == "40"
    assert read.get("http://ns.adobe.com/exif/1.0/", "PixelYDimension") == "24"
    assert b"ImageLength" not in new
    assert b"the old picture" not in new
    assert b"HasExtendedXMP" not in new


# --- damaged


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "block",
    [
        b"II*\x00\xff\xff\xff\xff garbage",
        b"nothing at all",
        b"",
        exif_block(6)[:30],
        b"MM\0*\0\0\0\x08\xff\xff",
        exif_block(1)[:8] + b"\0\1\x01\x12\0\3\0\0\0\1\0\1\0\0" + b"\0\0\0\x08" + b"\0" * 9,  # its next is itself
    ],
)
@pytest.mark.parametrize("made", [".jpg", ".webp"])
def test_damaged_exif_does_not_lose_the_picture(tmp_path: Path, block: bytes, made: str) -> None:
    photo = read_photo(save(tmp_path / f"x{made}", picture_8(), exif=b"Exif\0\0" + block))
    assert sorted(photo.pixels.shape) == [3, 24, 40]
    for suffix in SUFFIXES:
        write_photo(tmp_path / f"y{suffix}", photo, drop_gps=True)
        assert read_photo(tmp_path / f"y{suffix}").pixels.shape == photo.pixels.shape
    if block[:2] != b"MM" and block:
        assert any("EXIF block is damaged" in note for note in photo.metadata.notes)
        assert photo.metadata.exif is None


def test_a_thumbnail_that_is_said_to_lie_over_the_directory_does_not_take_it_along() -> None:
    whole = exif_block(6, thumbnail=b"old" * 30)
    place = struct.pack(">L", len(whole) - 90)
    for start in (0, 10):
        exif = Image.Exif()
        exif.load(exif_module.upright(whole.replace(place, struct.pack(">L", start))))
        assert (exif[0x010F], exif[0x0112]) == ("Maker", 1)


def test_a_chain_of_directories_that_bites_its_tail_ends() -> None:
    empty = b"\0\0"
    block = Block(
        bytearray(b"II*\0" + struct.pack("<L", 8) + empty + struct.pack("<L", 14) + empty + struct.pack("<L", 8))
    )
    assert len(block.list_directories()) == 2


@pytest.mark.filterwarnings("ignore")
def test_no_exif_block_however_damaged_raises_anything_but_value_error() -> None:
    rng = np.random.default_rng(0)
    fitted = 0
    for order in ("<", ">"):
        whole = np.frombuffer(exif_block(6, thumbnail=b"old" * 30, order=order), np.uint8)
        for _ in range(400):
            damaged = whole.copy()
            damaged[rng.integers(0, len(whole), 4)] = rng.integers(0, 256, 4)
            block = damaged.tobytes()[: rng.integers(1, len(whole) + 1)]
            try:
                exif_module.fit_exif(exif_module.upright(block), (7, 9), True, True)
                fitted += 1
            except ValueError:
                continue
    assert fitted > 100


def test_an_exif_block_that_is_too_long_for_jpeg_is_left_out_and_said_so(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x8769] = {0x927C: bytes(70000)}
    photo = read_photo(save(tmp_path / "x.png", picture_8(), exif=exif))
    notes = write_photo(tmp_path / "y.jpg", photo)
    assert any("longer than JPEG can hold" in note for note in notes)
    assert read_photo(tmp_path / "y.jpg").metadata.exif is None
    write_photo(tmp_path / "y.png", photo)
    assert len(read_photo(tmp_path / "y.png").metadata.exif) > 70000


def test_an_xmp_packet_that_is_too_long_for_jpeg_is_replaced_and_said_so(tmp_path: Path) -> None:
    photo = Photo(picture_8(), None, Metadata("PNG", xmp=xmp_packet(f'photoshop:Credit="{"x" * 70000}"')))
    notes = write_photo(tmp_path / "y.jpg", photo, provenance=Provenance("ab" * 32, 1.0))
    assert any("longer than JPEG can hold" in note for note in notes)
    assert read_provenance(tmp_path / "y.jpg") == Provenance("ab" * 32, 1.0)
    assert write_photo(tmp_path / "y.png", photo) == ()
    assert Packet(read_photo(tmp_path / "y.png").metadata.xmp).get(PHOTOSHOP, "Credit") == "x" * 70000


def test_an_iptc_record_that_is_too_long_for_jpeg_is_left_out_and_said_so(tmp_path: Path) -> None:
    record = iptc_record("A", "B") + b"\x1c\2\x78\x75\x30" + bytes(30000) + b"\x1c\2\x78\x75\x30" + bytes(30000)
    record += b"\x1c\2\x78\x27\x10" + bytes(10000)
    photo = Photo(picture_8(), None, Metadata("PNG", iptc=record))
    assert any("IPTC" in note for note in write_photo(tmp_path / "y.jpg", photo))
    assert read_photo(tmp_path / "y.jpg").metadata.iptc is None
    write_photo(tmp_path / "y.png", photo)
    assert read_photo(tmp_path / "y.png").metadata.iptc == record


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


def test_a_tiffs_own_directory_becomes_exif(tmp_path: Path) -> None:
    tags = [(270, 2, 0, "Schuh", True), (315, 2, 0, "Zoe", True), (33432, 2, 0, "A shop", True)]
    photo = read_photo(tiff_16(tmp_path / "x.tif", picture_8().astype(np.uint16), extratags=tags, software="Scanner"))
    write_photo(tmp_path / "y.jpg", photo)
    exif = exif_of(tmp_path / "y.jpg")
    assert {tag: exif[tag] for tag in (270, 305, 315, 33432)} == {
        270: "Schuh",
        305: "Scanner",
        315: "Zoe",
        33432: "A shop",
    }
    assert 256 not in exif
    assert digital_source_type(tmp_path / "y.jpg") is None
