"""XMP and IPTC as plain data. Nothing is resolved: no entity, no link, no reference to another file.

References:
    ISO 16684-1 (XMP); IPTC-IIM 4.2; IPTC Photo Metadata 2023.1 (DigitalSourceType); expat's entity attacks: CWE-776.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

MOST_FIELDS = 512
MOST_TEXT = 65_536
MOST_DEPTH = 64
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PACKET = re.compile(r"<(?:\w+:)?(?:xmpmeta|RDF)[\s>]")
_DATASETS = {
    (2, 5): "ObjectName",
    (2, 25): "Keywords",
    (2, 40): "SpecialInstructions",
    (2, 55): "DateCreated",
    (2, 60): "TimeCreated",
    (2, 65): "OriginatingProgram",
    (2, 70): "ProgramVersion",
    (2, 80): "Byline",
    (2, 110): "Credit",
    (2, 115): "Source",
    (2, 116): "CopyrightNotice",
    (2, 120): "Caption",
    (2, 122): "Writer",
}


def read_xmp(packet: bytes) -> tuple[dict[str, str], tuple[str, ...]]:
    """Properties of an XMP packet.

    Args:
        packet: UTF-8 or UTF-16, with or without its wrapper.

    Returns:
        Text by local name (``"CreatorTool"``), alternatives and lists joined by ``"; "``, and what is broken. Of
        properties in several namespaces or places the texts are joined as well.
    """
    # Decoded here, so that the parser follows no coding of the packet's choice, in which a document type could hide.
    wide = packet[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in packet[:4]
    order = "utf-16-be" if packet[:1] in (b"\x00", b"\xfe") else "utf-16-le"
    text = packet.decode(order if wide else "utf-8", errors="replace").strip("\ufeff\x00 \t\r\n")
    # A document type is the only way to entities, and XMP forbids it.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return {}, ("the XMP packet declares a document type and was not read",)
    if not _PACKET.search(text):
        return {}, ("the XMP packet holds no RDF",)
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError):
        return {}, ("the XMP packet is not well-formed",)
    fields: dict[str, list[str]] = {}
    faults: list[str] = []
    todo = [(root, "", 0)]
    for _ in range(MOST_FIELDS * 16):
        if not todo:
            break
        element, name, depth = todo.pop()
        if depth > MOST_DEPTH or len(fields) >= MOST_FIELDS:
            faults = ["the XMP packet is too large and was read in part"]
            break
        own = name if element.tag.startswith(_RDF) else element.tag.rpartition("}")[2]
        for key, value in element.attrib.items():
            if key == f"{_RDF}resource":
                fields.setdefault(own, []).append(value)
            elif not key.startswith((_RDF, "{http://www.w3.org/XML/")):
                fields.setdefault(key.rpartition("}")[2], []).append(value)
        if own and (content := (element.text or "").strip()):
            fields.setdefault(own, []).append(content)
        todo += [(child, own, depth + 1) for child in reversed(element)]
    return {name: "; ".join(dict.fromkeys(texts))[:MOST_TEXT] for name, texts in fields.items()}, tuple(faults)


def read_iptc(data: bytes) -> dict[str, str]:
    """Known datasets of IPTC-IIM by name; repeated ones joined by ``"; "``. What follows a broken one is left out."""
    fields: dict[str, list[str]] = {}
    at = 0
    for _ in range(MOST_FIELDS):
        head = data[at : at + 5]
        if len(head) < 5 or head[0] != 0x1C:
            break
        size = int.from_bytes(head[3:5], "big")
        if size & 0x8000:  # extended datasets hold pictures and sound, never the text looked for here
            break
        if name := _DATASETS.get((head[1], head[2])):
            raw = data[at + 5 : at + 5 + size]
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError:
                text = raw.decode("latin-1")
            fields.setdefault(name, []).append(text.strip("\x00 "))
        at += 5 + size
    return {name: "; ".join(texts) for name, texts in fields.items()}
