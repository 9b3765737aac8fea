"""What is in a file beside the picture goes, what speaks of it goes with it, and a note says so."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
import tifffile
from PIL import Image

from gan_lab.photo_files import read_photo, write_photo
from gan_lab.photo_files.boxes import Statements, read_statements
from gan_lab.photo_files.companions import find_companions
from gan_lab.photo_files.stated_colour import BOXES
from tests.photo_files.samples import exif_block, picture_8, save, xmp_packet
from tests.photo_files.test_boxes import box

CONTAINER = "http://ns.google.com/photos/1.0/container/"
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(range(256)) * 20
MOTION = (
    'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" '
    'GCamera:MotionPhotoPresentationTimestampUs="968644" GCamera:SpecialTypeID="kept"'
)
DIRECTORY = (
    f'><Container:Directory xmlns:Container="{CONTAINER}"><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item '
    'xmlns:Item="http://ns.google.com/photos/1.0/container/item/" Item:Semantic="MotionPhoto" Item:Length="4024"/>'
    "</rdf:li></rdf:Seq></Container:Directory></rdf:Description></rdf:RDF>"
)


def notes_of(source: Path, target: Path) -> tuple[list[str], bytes]:
    """What is left out when a photo is written, and the XMP packet of the result."""
    notes = [note for note in write_photo(target, read_photo(source)) if note.startswith("left out, with")]
    kinds = notes[0].split(": ")[1].split(", ") if notes else []
    return kinds, read_photo(target).metadata.xmp or b""


def jpeg(path: Path, xmp: bytes = b"", **options: object) -> Path:
    return save(path, picture_8(), **({"xmp": xmp} if xmp else {}), **options)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_a_motion_photo_is_a_photo_in_every_word(tmp_path: Path, suffix: str) -> None:
    path = jpeg(tmp_path / "x.jpg", xmp_packet(MOTION).replace(b"/></rdf:RDF>", DIRECTORY.encode()))
    path.write_bytes(path.read_bytes() + FILM)
    kinds, packet = notes_of(path, tmp_path / f"y{suffix}")
    assert kinds == ["film of a motion photo", "list of what else is in the file"]
    assert b"MotionPhoto" not in packet
    assert b"Container" not in packet
    assert b'SpecialTypeID="kept"' in packet
    assert b"ftypmp42" not in (tmp_path / f"y{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("namespace", "properties", "kind"),
    [
        (
            "http://ns.google.com/photos/1.0/camera/",
            'n:MicroVideo="1" n:MicroVideoOffset="4024"',
            "film of a motion photo",
        ),
        (
            "http://ns.oplus.com/photos/1.0/camera/",
            'n:OLivePhotoVersion="2" n:VideoLength="9"',
            "film of a motion photo",
        ),
        ("http://ns.adobe.com/hdr-gain-map/1.0/", 'n:Version="1.0" n:GainMapMax="2.3"', "gain map"),
        ("http://ns.apple.com/HDRGainMap/1.0/", 'n:HDRGainMapVersion="65536"', "gain map"),
        ("http://ns.google.com/photos/1.0/depthmap/", 'n:Format="RangeInverse" n:Near="1"', "depth map"),
        ("http://ns.google.com/photos/dd/1.0/device/", 'n:Container="x"', "depth map"),
        (
            "http://ns.google.com/photos/1.0/image/",
            'n:Mime="image/jpeg" n:Data="/9j/"',
            "picture before a camera's effect",
        ),
        ("http://ns.google.com/photos/1.0/audio/", 'n:Mime="audio/mp4"', "sound"),
        ("http://ns.adobe.com/xmp/note/", 'n:HasExtendedXMP="ABC"', "extended XMP"),
        (
            "http://ns.adobe.com/tiff/1.0/",
            'n:BitsPerSample="8" n:Compression="5"',
            "how the old file stored its pixels",
        ),
        ("http://purl.org/dc/terms/", 'n:provenance="self#jumbf=c2pa"', "Content Credentials"),
        (
            "http://ns.google.com/photos/1.0/panorama/",
            'n:CroppedAreaImageWidthPixels="4000" n:FullPanoWidthPixels="9000"',
            "panorama of another size",
        ),
    ],
)
def test_properties_of_what_is_gone_go_too(tmp_path: Path, namespace: str, properties: str, kind: str) -> None:
    path = jpeg(tmp_path / "x.jpg", xmp_packet(f'photoshop:Credit="An agency" {properties}', f'xmlns:n="{namespace}"'))
    kinds, packet = notes_of(path, tmp_path / "y.jpg")
    assert kinds == [kind]
    assert b"An agency" in packet
    assert not any(one.split("=")[0].encode() in packet for one in properties.split())


def test_what_still_holds_stays(tmp_path: Path) -> None:
    kept = 'n:CroppedAreaImageWidthPixels="40" n:CroppedAreaImageHeightPixels="24" n:ProjectionType="equirectangular"'
    path = jpeg(tmp_path / "x.jpg", xmp_packet(kept, 'xmlns:n="http://ns.google.com/photos/1.0/panorama/"'))
    kinds, packet = notes_of(path, tmp_path / "y.jpg")
    assert kinds == []
    assert b"equirectangular" in packet


@pytest.mark.parametrize(("size", "gone"), [((40, 24), False), ((4000, 2400), True)])
def test_faces_are_kept_where_their_places_are_those_of_the_new_picture(
    tmp_path: Path, size: tuple[int, int], gone: bool
) -> None:
    regions = (
        '><mwg-rs:Regions xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" rdf:parseType="Resource">'
        f'<mwg-rs:AppliedToDimensions xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" stDim:w="{size[0]}" '
        f'stDim:h="{size[1]}"/></mwg-rs:Regions></rdf:Description></rdf:RDF>'
    )
    path = jpeg(tmp_path / "x.jpg", xmp_packet("").replace(b"/></rdf:RDF>", regions.encode()))
    kinds, packet = notes_of(path, tmp_path / "y.jpg")
    assert kinds == (["regions (faces) of another size"] if gone else [])
    assert (b"AppliedToDimensions" in packet) != gone


def test_a_thumbnail_and_the_sizes_of_its_photo(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "x.jpg", exif=b"Exif\0\0" + exif_block(1, thumbnail=b"the old picture"))
    assert notes_of(path, tmp_path / "y.jpg")[0] == ["thumbnail"]
    exif = Image.Exif()
    exif[0x8769] = {0xA002: 4000, 0xA005: {0x1001: 4000, 0x1002: 3000}}
    path = jpeg(tmp_path / "x.jpg", exif=exif)
    assert notes_of(path, tmp_path / "y.jpg")[0] == []
    with Image.open(tmp_path / "y.jpg") as result:
        related = result.getexif().get_ifd(0x8769) and result.getexif().get_ifd(0xA005)
    assert (related[0x1001], related[0x1002]) == (40, 24)


def resource(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">H", number) + bytes(2) + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)


def segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


@pytest.mark.parametrize(
    ("extra", "kinds"),
    [
        (
            segment(0xED, b"Photoshop 3.0\0" + resource(2000, b"path") + resource(0x040C, b"old")),
            ["clipping path", "thumbnail"],
        ),
        (segment(0xED, b"Photoshop 3.0\0" + resource(0x0404, b"") + resource(0x0425, bytes(16))), []),
        (segment(0xED, b"Photoshop 3.0\0" + resource(0x03F3, bytes(9))), ["Photoshop's settings"]),
        (segment(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumb"), ["Content Credentials"]),
    ],
)
def test_segments_of_a_jpeg_that_no_result_has_are_said(tmp_path: Path, extra: bytes, kinds: list[str]) -> None:
    assert notes_of(jpeg(tmp_path / "x.jpg", extra=extra), tmp_path / "y.jpg")[0] == kinds


@pytest.mark.parametrize(
    ("rest", "kinds"),
    [
        (b"", []),
        (bytes(40) + b"\xff\xff", []),
        (FILM, ["film of a motion photo"]),
        (bytes(5000) + b"MotionPhoto_Data" + bytes(99), []),
        (b"\1\2" * 5000 + b"MotionPhoto_Data" + bytes(99), ["film of a motion photo"]),
        (b"\xff\xd8\xff\xe0 another", ["another picture behind it"]),
        (b"notes of an editor", ["data behind the picture"]),
    ],
)
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_what_follows_a_jpeg_is_said(tmp_path: Path, rest: bytes, kinds: list[str], options: dict[str, object]) -> None:
    thumbnail = b"\xff\xd8\xff\xd9"  # an end of its own, within a segment
    path = jpeg(tmp_path / "x.jpg", exif=b"Exif\0\0" + exif_block(1, thumbnail=thumbnail), **options)
    path.write_bytes(path.read_bytes() + rest)
    assert [kind for kind in notes_of(path, tmp_path / "y.jpg")[0] if kind != "thumbnail"] == kinds


def test_a_tiffs_layers_are_said(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tags = [(37724, 7, 9, b"8BIMlayer", True), (34377, 7, 12, resource(0x03F3, b""), True)]
    tifffile.imwrite(path, picture_8(), photometric="rgb", metadata=None, extratags=tags)
    assert notes_of(path, tmp_path / "y.tif")[0] == ["Photoshop layers", "Photoshop's settings"]


def test_companions_of_heif_are_said() -> None:
    def auxiliary(name: bytes) -> bytes:
        return box(b"auxC", bytes(4), name + b"\0")

    names = (
        b"urn:com:apple:photo:2020:aux:hdrgainmap",
        b"urn:mpeg:hevc:2015:auxid:2",
        b"urn:com:apple:photo:2019:aux:semanticskymatte",
        b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth",
    )
    meta = box(
        b"meta", bytes(4), box(b"pitm", bytes(4), b"\0\1"), box(b"iprp", box(b"ipco", *map(auxiliary, names))),
        box(b"iref", bytes(4), box(b"thmb", bytes(6))),
        box(b"iinf", bytes(4), b"\0\1", box(b"infe", b"\2\0\0\0", b"\0\2\0\0", b"tmap\0")),
    )  # fmt: skip
    found = read_statements(io.BytesIO(meta + box(b"mpvd", b"film")))
    assert found.companions == {
        "gain map", "mask of a camera", "depth map", "thumbnail", "film of a motion photo"
    }  # fmt: skip
    opened = Image.new("RGB", (4, 4))
    opened.info[BOXES] = Statements(companions={"gain map"})
    assert find_companions(Path(), opened) == {"gain map"}


def test_the_colours_that_xmp_names_are_those_of_the_result(tmp_path: Path) -> None:
    packet = xmp_packet('photoshop:ICCProfile="Adobe RGB (1998)" exif:ColorSpace="65535" photoshop:ColorMode="3"')
    path = jpeg(tmp_path / "x.jpg", packet, exif=b"Exif\0\0" + exif_block(1))  # Adobe RGB by its EXIF
    _, packet = notes_of(path, tmp_path / "y.jpg")
    assert b"Adobe RGB" not in packet
    assert b'ColorSpace="1"' in packet
