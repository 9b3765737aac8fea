"""What each format can carry, and what becomes of the rest."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from gan_lab.photo_files import Photo, Provenance, read_photo, read_provenance, write_photo
from gan_lab.photo_files.metadata import Metadata
from gan_lab.photo_files.xmp import DC, Packet
from tests.photo_files.samples import (
    chunk,
    full,
    iptc_record,
    iptc_segment,
    picture_8,
    png_16,
    save,
    xmp_packet,
)

PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"


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


def test_the_place_is_dropped_from_pngs_texts_too(tmp_path: Path) -> None:
    photo = Photo(picture_8(), None, Metadata("PNG", text={"exif:GPSLatitude": "52/1", "Title": "Shoe"}))
    write_photo(tmp_path / "x.png", photo, drop_gps=True)
    assert read_photo(tmp_path / "x.png").metadata.text == {"Title": "Shoe"}
    write_photo(tmp_path / "x.png", photo)
    assert read_photo(tmp_path / "x.png").metadata.text == photo.metadata.text


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
