"""XMP packets: odd ones are read, dangerous ones are not built."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan_lab.photo_files import (
    read_photo,
    write_photo,
    xmp,
)
from gan_lab.photo_files.xmp import Packet
from tests.photo_files.samples import (
    exif_block,
    picture_8,
    save,
    xmp_packet,
)

PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"


def test_odd_packets_are_read_all_the_same() -> None:
    plain = xmp_packet('photoshop:Credit="x"')
    inner = plain[plain.index(b"<x:xmpmeta") : plain.index(b"</x:xmpmeta>") + 12]
    bare = inner[inner.index(b"<rdf:RDF") : inner.index(b"</rdf:RDF>") + 10]
    for packet in (
        plain,
        plain + bytes(500),
        b"\n " + plain,
        inner,
        bare,
        bare.replace(b"rdf:", b"r:").replace(b":rdf", b":r"),
    ):
        found = Packet(packet)
        assert found.get(PHOTOSHOP, "Credit") == "x"
        found.set("urn:n", "n", {"New": "1"})
        again = Packet(bytes(found))
        assert (again.get(PHOTOSHOP, "Credit"), again.get("urn:n", "New")) == ("x", "1")


def test_values_that_xml_cannot_hold_do_not_spoil_the_packet() -> None:
    packet = Packet()
    packet.set("urn:n", "n", {"Name": "a\0b\ud800c"})
    assert Packet(bytes(packet)).get("urn:n", "Name") == "ab?c"


def make_crowded_packet(count: int, element: str) -> bytes:
    """Return a packet with so many elements."""
    return make_packet(f"<{element}>x</{element}>" * count)


def make_packet(elements: str) -> bytes:
    """Return a packet whose description has elements inside."""
    return xmp_packet("").replace(b"/></rdf:RDF>", f">{elements}</rdf:Description></rdf:RDF>".encode())


def test_a_packet_of_too_many_parts_is_refused_before_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xmp, "_MAX_NODES", 100)
    assert Packet(make_crowded_packet(80, "photoshop:Credit")).get(PHOTOSHOP, "Credit") == "x"
    monkeypatch.setattr(xmp.minidom, "parseString", None)
    with pytest.raises(ValueError, match="more than 100 elements and attributes"):
        Packet(make_crowded_packet(101, "photoshop:Credit"))
    attributes = " ".join(f'photoshop:a{number}="x"' for number in range(101))
    with pytest.raises(ValueError, match="more than 100 elements and attributes"):
        Packet(xmp_packet(attributes))


def test_what_is_taken_out_is_taken_out_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xmp.minidom.Node, "removeChild", None)  # it searches all children for each that goes
    packet = Packet(make_packet("<exif:GPSLatitude>1</exif:GPSLatitude><photoshop:Credit>x</photoshop:Credit>" * 50))
    packet.fit((3, 2), drop_gps=True)
    assert b"GPS" not in bytes(packet)
    assert bytes(packet).count(b"<photoshop:Credit>") == 50
    packet.remove(PHOTOSHOP, "Credit")
    assert packet.get(PHOTOSHOP, "Credit") is None
    packet.set("urn:n", "n", {"New": "1"})
    assert Packet(bytes(packet)).get("urn:n", "New") == "1"


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
