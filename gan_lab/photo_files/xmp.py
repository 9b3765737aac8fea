"""XMP packets: read without running or fetching anything, changed property by property, written whole."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from xml.dom import minidom
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
XMP = "http://ns.adobe.com/xap/1.0/"
TIFF = "http://ns.adobe.com/tiff/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"

# 50 000 elements and attributes take 0.3 s and 20 MB; Photoshop's longest histories have some thousands.
_MAX_BYTES, _MAX_DEPTH, _MAX_NODES = 16 * 2**20, 100, 50_000
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL = '\n<?xpacket end="w"?>'
_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'


class Packet:
    """An XMP packet that can be asked and changed; prefixes, comments and unknown properties stay as they were.

    Args:
        data: the packet's bytes; None begins an empty one.

    Raises:
        ValueError: it is damaged, is no XMP, is too long, or declares a document type: entities are how XML attacks its
            reader.
    """

    def __init__(self, data: bytes | None = None) -> None:
        data = (data or b"").strip(b"\0 \t\r\n") or _EMPTY.encode()
        _check(data)
        self._document = minidom.parseString(data)
        root = self._document.documentElement
        assert root is not None  # a document that was parsed has one
        self._root = root
        found = list(root.getElementsByTagNameNS(RDF, "RDF"))
        if (root.namespaceURI, root.localName) == (RDF, "RDF"):
            found = [root]
        if not found:
            raise ValueError("no rdf:RDF in it")
        self._rdf = found[0]

    def __bytes__(self) -> bytes:
        return (_HEAD + self._root.toxml() + _TAIL).encode()

    def get(self, namespace: str, name: str) -> str | None:
        """Return a property's text; of a list or of alternatives the first item; None where it is missing."""
        for description in self._descriptions():
            if description.hasAttributeNS(namespace, name):
                return description.getAttributeNS(namespace, name)
            for element in _children(description, namespace, name):
                items = element.getElementsByTagNameNS(RDF, "li")
                holder = items[0] if items else element
                return holder.getAttributeNS(RDF, "resource") or _text(holder)
        return None

    def remove(self, namespace: str, name: str) -> None:
        """Take a property out, whichever way it is written."""
        for description in self._descriptions():
            if description.hasAttributeNS(namespace, name):
                description.removeAttributeNS(namespace, name)
            _remove(description, set(map(id, _children(description, namespace, name))))

    def set(self, namespace: str, prefix: str, values: Mapping[str, str]) -> None:
        """Set simple properties of one namespace; old values of the same names go."""
        for name in values:
            self.remove(namespace, name)
        description = self._new_description(namespace, prefix)
        for name, value in sorted(values.items()):
            description.setAttributeNS(namespace, f"{prefix}:{name}", _printable(value))

    def set_list(self, namespace: str, prefix: str, name: str, kind: str, items: Mapping[str, str | None]) -> None:
        """Set a property that XMP wants as a list.

        Args:
            namespace: of the property.
            prefix: to write it with.
            name: of the property.
            kind: "Seq" for one with an order, "Alt" for alternatives in several languages.
            items: each item's text, and its language or None.
        """
        self.remove(namespace, name)
        element = self._document.createElementNS(namespace, f"{prefix}:{name}")
        holder = element.appendChild(self._document.createElementNS(RDF, f"rdf:{kind}"))
        for text, language in items.items():
            item = holder.appendChild(self._document.createElementNS(RDF, "rdf:li"))
            if language:
                item.setAttribute("xml:lang", language)
            item.appendChild(self._document.createTextNode(_printable(text)))
        self._new_description(namespace, prefix).appendChild(element)

    def list_values(self, namespace: str, name: str) -> list[str]:
        """Return every value that a property has, at any depth."""
        holders = [one for one in self._rdf.getElementsByTagName("*") if one.hasAttributeNS(namespace, name)]
        values = [one.getAttributeNS(namespace, name) for one in holders]
        return values + [_text(one) for one in self._rdf.getElementsByTagNameNS(namespace, name)]

    def remove_all(self, kind_of: Callable[[str, str], str | None]) -> frozenset[str]:
        """Take out every property for whose namespace and name `kind_of` has a word; return the words."""
        gone: list[str] = []
        for description in self._descriptions():
            for attribute in list(description.attributes.values()):
                if kind := kind_of(attribute.namespaceURI or "", attribute.localName or ""):
                    description.removeAttributeNode(attribute)
                    gone.append(kind)
            kinds = {
                id(child): kind
                for child in description.childNodes
                if child.nodeType == child.ELEMENT_NODE
                and (kind := kind_of(child.namespaceURI or "", child.localName or ""))
            }
            _remove(description, kinds.keys())
            gone += kinds.values()
        return frozenset(gone)

    def fit(self, size: tuple[int, int], srgb: bool = False, drop_gps: bool = False) -> None:
        """Put right what new, upright pixels make untrue: orientation, size, colours; drop the place if asked.

        Args:
            size: the new width and height in pixels.
            srgb: the colours were converted to sRGB.
            drop_gps: remove every property whose name begins with GPS, in any namespace and at any depth.
        """
        width, height = (str(side) for side in size)
        for namespace, name, value in (
            (TIFF, "Orientation", "1"),
            (TIFF, "ImageWidth", width),
            (TIFF, "ImageLength", height),
            (EXIF, "PixelXDimension", width),
            (EXIF, "PixelYDimension", height),
        ):
            if self.get(namespace, name) not in (None, value):
                self.set(namespace, "tiff" if namespace == TIFF else "exif", {name: value})
        if srgb:
            self.remove(PHOTOSHOP, "ICCProfile")
            if self.get(EXIF, "ColorSpace") is not None:
                self.set(EXIF, "exif", {"ColorSpace": "1"})
        if drop_gps:
            _drop_gps(self._rdf)

    def _descriptions(self) -> list[minidom.Element]:
        return list(_children(self._rdf, RDF, "Description"))

    def _new_description(self, namespace: str, prefix: str) -> minidom.Element:
        about = [one.getAttributeNS(RDF, "about") for one in self._descriptions()]
        description = self._document.createElementNS(RDF, "rdf:Description")
        description.setAttribute("xmlns:rdf", RDF)
        description.setAttribute(f"xmlns:{prefix}", namespace)
        description.setAttributeNS(RDF, "rdf:about", about[0] if about else "")  # one packet is about one thing
        self._rdf.appendChild(description)
        return description


def _check(data: bytes) -> None:
    """Refuse what must not reach the document builder."""
    if len(data) > _MAX_BYTES:
        raise ValueError(f"longer than {_MAX_BYTES} bytes")
    depth = nodes = 0

    def refuse(*_: object) -> None:
        raise ValueError("it declares a document type")

    def enter(_: str, attributes: dict[str, str]) -> None:
        nonlocal depth, nodes
        depth += 1
        nodes += 1 + len(attributes)
        if depth > _MAX_DEPTH:
            raise ValueError(f"nested deeper than {_MAX_DEPTH}")
        if nodes > _MAX_NODES:
            raise ValueError(f"more than {_MAX_NODES} elements and attributes")

    def leave(*_: object) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = enter
    parser.EndElementHandler = leave
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error


def _children(parent: minidom.Element, namespace: str, name: str) -> Iterator[minidom.Element]:
    for child in parent.childNodes:
        if child.nodeType == child.ELEMENT_NODE and (child.namespaceURI, child.localName) == (namespace, name):
            yield child


def _remove(parent: minidom.Element, gone: Collection[int]) -> None:
    """Take children out, by their id, in one pass: minidom's own removal searches all of them for each."""
    if not gone:
        return
    kept = [child for child in parent.childNodes if id(child) not in gone]
    parent.childNodes[:] = kept
    for child, before, after in zip(kept, [None, *kept], [*kept[1:], None], strict=False):
        child.previousSibling, child.nextSibling = before, after


def _text(element: minidom.Element) -> str:
    return "".join(child.data for child in element.childNodes if child.nodeType in (child.TEXT_NODE, 4)).strip()


def _printable(text: str) -> str:
    """Return a text without what XML cannot hold: control characters, and halves of characters."""
    text = text.encode("utf-8", "replace").decode()
    return "".join(character for character in text if character >= " " or character in "\t\n\r")


def _drop_gps(element: minidom.Element) -> None:
    for attribute in list(element.attributes.values()):
        if (attribute.localName or "").lower().startswith("gps"):
            element.removeAttributeNode(attribute)
    children = [child for child in element.childNodes if child.nodeType == child.ELEMENT_NODE]
    places = {id(child) for child in children if (child.localName or "").lower().startswith("gps")}
    _remove(element, places)
    for child in children:
        if id(child) not in places:
            _drop_gps(child)
