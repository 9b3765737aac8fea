"""The record that an output carries, whatever the packet it is written into looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lab.photo_files import (
    ENHANCED,
    FILLED,
    GENERATED,
    PHOTO_SUFFIXES,
    Metadata,
    Photo,
    Provenance,
    UnreadableImage,
    digital_source_type,
    read_photo,
    read_provenance,
    write_photo,
)
from gan_lab.photo_files.xmp import XMP, Packet
from tests.photo_files.samples import picture_8, picture_16, save, xmp_packet

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
RECORD = Provenance(
    model="0f" * 32,
    strength=0.75,
    settings={"correct": "all", "scale": 2, "name": 'Ä "<&>" \n', "nothing": None, "flag": True},
    software="gan_lab 0.1.0",
)


def written(path: Path, xmp: bytes | None = None, record: Provenance | None = RECORD) -> Packet:
    write_photo(path, Photo(picture_8(), None, Metadata("PNG", xmp=xmp)), provenance=record)
    return Packet(read_photo(path).metadata.xmp)


@pytest.mark.parametrize("suffix", PHOTO_SUFFIXES)
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_the_record_is_read_back_from_every_format(
    tmp_path: Path, suffix: str, depth: int, channels: int, with_alpha: bool
) -> None:
    if suffix == ".avif":
        pytest.importorskip("PIL._avif")
    pixels = (picture_8() if depth == 8 else picture_16())[..., :channels]
    alpha = np.full(pixels.shape[:2], 9, pixels.dtype) if with_alpha else None
    path = tmp_path / f"x{suffix}"
    write_photo(path, Photo(pixels, alpha, Metadata("PNG")), provenance=RECORD)
    assert read_provenance(path) == RECORD
    assert digital_source_type(path) == VOCABULARY + "algorithmicallyEnhanced"


def test_the_terms_are_iptcs() -> None:
    assert ENHANCED == VOCABULARY + "algorithmicallyEnhanced"
    assert FILLED == VOCABULARY + "compositeWithTrainedAlgorithmicMedia"
    assert GENERATED == VOCABULARY + "trainedAlgorithmicMedia"


def test_a_picture_that_was_made_up_has_no_strength_not_even_an_earlier_records(tmp_path: Path) -> None:
    first = bytes(written(tmp_path / "x.png"))
    made = Provenance("0f" * 32, None, {"seed": 1, "index": 7}, digital_source_type=GENERATED)
    written(tmp_path / "y.png", first, made)
    assert read_provenance(tmp_path / "y.png") == made


def test_other_programs_find_it_where_they_look(tmp_path: Path) -> None:
    for suffix, key in ((".jpg", "xmp"), (".webp", "xmp"), (".tif", "xmp"), (".png", "XML:com.adobe.xmp")):
        written(tmp_path / f"x{suffix}")
        with Image.open(tmp_path / f"x{suffix}") as picture:
            packet = picture.info[key]
        text = packet if isinstance(packet, str) else packet.decode()
        assert f'Iptc4xmpExt:DigitalSourceType="{ENHANCED}"' in text
        assert 'xmp:CreatorTool="gan_lab 0.1.0"' in text
        assert text.startswith("<?xpacket begin=")
        assert text.endswith('<?xpacket end="w"?>')


def test_without_a_record_nothing_is_written(tmp_path: Path) -> None:
    write_photo(tmp_path / "x.jpg", Photo(picture_8(), None, Metadata("PNG")))
    assert read_provenance(tmp_path / "x.jpg") is None
    assert digital_source_type(tmp_path / "x.jpg") is None
    assert read_photo(tmp_path / "x.jpg").metadata.xmp is None


def test_the_photos_own_packet_stays_and_its_tool_too(tmp_path: Path) -> None:
    own = xmp_packet(
        'photoshop:Credit="Zoë &amp; Co" xmp:CreatorTool="Camera 1.0" q:Own="1"', 'xmlns:q="urn:q"'
    ).replace(
        b"/></rdf:RDF>",
        b"><q:List><rdf:Bag><rdf:li>a</rdf:li><rdf:li>b</rdf:li></rdf:Bag></q:List></rdf:Description><!-- kept --></rdf:RDF>",
    )
    packet = written(tmp_path / "x.jpg", own)
    assert packet.get(PHOTOSHOP, "Credit") == "Zoë & Co"
    assert packet.get(XMP, "CreatorTool") == "Camera 1.0"
    assert packet.get("urn:q", "Own") == "1"
    assert b"<q:List><rdf:Bag><rdf:li>a</rdf:li><rdf:li>b</rdf:li></rdf:Bag></q:List>" in bytes(packet)
    assert b"<!-- kept -->" in bytes(packet)
    assert read_provenance(tmp_path / "x.jpg") == RECORD


@pytest.mark.parametrize(
    "own",
    [
        f'Iptc4xmpExt:DigitalSourceType="{VOCABULARY}digitalCapture"/>',
        f"><Iptc4xmpExt:DigitalSourceType>{VOCABULARY}digitalCapture</Iptc4xmpExt:DigitalSourceType></rdf:Description>",
        f'><Iptc4xmpExt:DigitalSourceType rdf:resource="{VOCABULARY}digitalCapture"/></rdf:Description>',
    ],
)
def test_the_former_source_is_replaced_however_it_is_written_and_kept_beside(tmp_path: Path, own: str) -> None:
    packet = xmp_packet("", f'xmlns:Iptc4xmpExt="{EXTENSION}"').replace(b"/></rdf:RDF>", own.encode() + b"</rdf:RDF>")
    assert Packet(packet).get(EXTENSION, "DigitalSourceType") == VOCABULARY + "digitalCapture"
    new = bytes(written(tmp_path / "x.png", packet)).decode()
    assert digital_source_type(tmp_path / "x.png") == ENHANCED
    assert new.count("digitalCapture") == 1
    assert f'FormerDigitalSourceType="{VOCABULARY}digitalCapture"' in new


@pytest.mark.parametrize(
    "term", ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"]
)
def test_a_picture_that_was_made_up_stays_so(tmp_path: Path, term: str) -> None:
    packet = xmp_packet(f'Iptc4xmpExt:DigitalSourceType="{VOCABULARY}{term}"', f'xmlns:Iptc4xmpExt="{EXTENSION}"')
    written(tmp_path / "x.png", packet)
    assert digital_source_type(tmp_path / "x.png") == VOCABULARY + term
    assert read_provenance(tmp_path / "x.png") == RECORD


def test_an_untouched_picture_keeps_its_source(tmp_path: Path) -> None:
    record = Provenance("", 0.0, digital_source_type=None)
    packet = xmp_packet(
        f'Iptc4xmpExt:DigitalSourceType="{VOCABULARY}digitalCapture"', f'xmlns:Iptc4xmpExt="{EXTENSION}"'
    )
    written(tmp_path / "x.png", packet, record)
    assert digital_source_type(tmp_path / "x.png") == VOCABULARY + "digitalCapture"
    written(tmp_path / "x.png", None, record)
    assert digital_source_type(tmp_path / "x.png") is None
    assert read_provenance(tmp_path / "x.png") == record
    enhanced = bytes(written(tmp_path / "x.png"))
    written(tmp_path / "x.png", enhanced, record)
    assert digital_source_type(tmp_path / "x.png") == ENHANCED
    assert read_provenance(tmp_path / "x.png") == record


def test_a_second_enhancement_replaces_the_record(tmp_path: Path) -> None:
    written(
        tmp_path / "x.jpg",
        xmp_packet(f'Iptc4xmpExt:DigitalSourceType="{VOCABULARY}digitalCapture"', f'xmlns:Iptc4xmpExt="{EXTENSION}"'),
    )
    second = Provenance("ee" * 32, 1.0, {"mask": True}, "gan_lab 0.2.0", FILLED)
    write_photo(tmp_path / "y.jpg", read_photo(tmp_path / "x.jpg"), provenance=second)
    assert read_provenance(tmp_path / "y.jpg") == second
    assert digital_source_type(tmp_path / "y.jpg") == FILLED
    packet = read_photo(tmp_path / "y.jpg").metadata.xmp
    assert packet.count(b"ganlab:Model=") == 1
    write_photo(tmp_path / "z.jpg", read_photo(tmp_path / "y.jpg"), provenance=RECORD)
    assert digital_source_type(tmp_path / "z.jpg") == FILLED


BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + one, b"&%c;" % (97 + one) * 10) for one in range(9))
    + b"]>"
)


@pytest.mark.parametrize(
    "packet",
    [
        b"no xml at all",
        xmp_packet("")[:200],
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        b"<a><b/></a>",
        b"<x:xmpmeta><rdf:RDF/></x:xmpmeta>",
        BOMB + xmp_packet('photoshop:Credit="&j;"'),
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        + xmp_packet('photoshop:Credit="x"').replace(b"/></rdf:RDF>", b">&a;</rdf:Description></rdf:RDF>"),
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + xmp_packet(""),
        xmp_packet("").replace(
            b"/></rdf:RDF>", b">" + b"<a>" * 5000 + b"</a>" * 5000 + b"</rdf:Description></rdf:RDF>"
        ),
        xmp_packet("").replace(b"/></rdf:RDF>", b">\xff\xfe</rdf:Description></rdf:RDF>"),
    ],
)
def test_a_packet_that_is_damaged_or_an_attack_is_replaced_and_said_so(tmp_path: Path, packet: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (each for its own reason)
        Packet(packet)
    photo = read_photo(save(tmp_path / "x.webp", picture_8(), xmp=packet))
    assert photo.metadata.xmp is None
    assert any("XMP packet is damaged" in note for note in photo.metadata.notes)
    notes = write_photo(tmp_path / "y.jpg", Photo(picture_8(), None, Metadata("JPEG", xmp=packet)), provenance=RECORD)
    assert any("replaced" in note for note in notes)
    assert read_provenance(tmp_path / "y.jpg") == RECORD
    assert read_provenance(tmp_path / "x.webp") is None


def test_a_record_of_another_hand_is_none(tmp_path: Path) -> None:
    packet = xmp_packet('g:Settings="not json" g:Strength="much"', 'xmlns:g="urn:gan-lab:xmp:provenance:1#"')
    written(tmp_path / "x.png", packet, None)
    assert read_provenance(tmp_path / "x.png") is None
    with pytest.raises(UnreadableImage):
        read_provenance(tmp_path / "missing.png")
