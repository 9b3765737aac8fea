"""Provenance: what made a picture of which kind of source, in the XMP packet that travels inside the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gan_lab.errors import UserError
from gan_lab.photo_files.access import name_faults, open_image
from gan_lab.photo_files.bigtiff import map_file
from gan_lab.photo_files.metadata import tiff_metadata, xmp_of
from gan_lab.photo_files.xmp import XMP, Packet
from gan_lab.storage import decode_json, plain_data

_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"

#: IPTC's terms for what gan_lab does: correction without changing the main content, content filled in by a model, and
#: pictures that a model made altogether.
ENHANCED = _VOCABULARY + "algorithmicallyEnhanced"
FILLED = _VOCABULARY + "compositeWithTrainedAlgorithmicMedia"
GENERATED = _VOCABULARY + "trainedAlgorithmicMedia"

# A picture that was made up, in whole or in part, stays so, however it is enhanced.
_MADE_UP = (
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "compositeSynthetic",
    "algorithmicMedia",
    "virtualRecording",
)

_IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_OURS = "urn:gan-lab:xmp:provenance:1#"
_PREFIX = "ganlab"


@dataclass(frozen=True)
class Provenance:
    """What is recorded in an output.

    Args:
        model: SHA-256 of the weights, as hexadecimal digits; empty where no model took part.
        strength: of the enhancement, 0 to 1; None where nothing was enhanced.
        settings: everything else that decided the result; plain values.
        software: name and version of what made it.
        digital_source_type: IPTC's term, a URI; None leaves the file's own as it is (its pixels were not changed).
    """

    model: str
    strength: float | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    software: str = "gan_lab"
    digital_source_type: str | None = ENHANCED


def record_provenance(packet: Packet, provenance: Provenance) -> None:
    """Write a record into an XMP packet, in the place of an earlier one; the packet's other properties stay.

    IPTC's DigitalSourceType becomes the record's, but where the packet says that the picture was made up: enhancing
    does not make a photo of it. What stood there before is kept beside the record.
    """
    before = packet.get(_IPTC_EXTENSION, "DigitalSourceType")
    term = provenance.digital_source_type
    values = {
        "Software": provenance.software,
        "Model": provenance.model,
        "Settings": json.dumps(dict(provenance.settings), sort_keys=True, default=str),
    }
    packet.remove(_OURS, "Strength")
    if provenance.strength is not None:
        values["Strength"] = f"{provenance.strength:g}"
    packet.remove(_OURS, "DigitalSourceType")
    if term is not None:
        values["DigitalSourceType"] = term
        if before is not None and before != term:
            values["FormerDigitalSourceType"] = before
        if before is None or before.rpartition("/")[2] not in _MADE_UP:
            packet.set(_IPTC_EXTENSION, "Iptc4xmpExt", {"DigitalSourceType": term})
    packet.set(_OURS, _PREFIX, values)
    if packet.get(XMP, "CreatorTool") is None:  # XMP's word for the first tool: an editor does not take it over
        packet.set(XMP, "xmp", {"CreatorTool": provenance.software})


def read_provenance(path: Path) -> Provenance | None:
    """Return the record that an image file carries; None where it carries none.

    Args:
        path: a JPEG, PNG, WebP, TIFF or AVIF file.

    Raises:
        UnreadableImage: the file is missing or not an image.
    """
    packet = _packet_in(path)
    if packet is None or (settings := packet.get(_OURS, "Settings")) is None:
        return None
    strength = packet.get(_OURS, "Strength")
    try:
        return Provenance(
            model=packet.get(_OURS, "Model") or "",
            strength=None if strength is None else float(strength),
            settings=dict(plain_data(decode_json(settings), "settings")),
            software=packet.get(_OURS, "Software") or "",
            digital_source_type=packet.get(_OURS, "DigitalSourceType"),
        )
    except (ValueError, TypeError, UserError):  # not as this module writes it
        return None


def digital_source_type(path: Path) -> str | None:
    """Return the DigitalSourceType that an image file tells everyone; None where it tells none.

    Raises:
        UnreadableImage: the file is missing or not an image.
    """
    packet = _packet_in(path)
    return packet.get(_IPTC_EXTENSION, "DigitalSourceType") if packet else None


def _packet_in(path: Path) -> Packet | None:
    with name_faults(path):
        block = map_file(path)  # not all TIFF files that can be read and written here are known to Pillow
        data = tiff_metadata(block)[0].xmp if block else None
    if block is None:
        with open_image(path) as picture:
            data = xmp_of(picture)
    try:
        return Packet(data) if data else None
    except ValueError:
        return None
