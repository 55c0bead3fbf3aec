"""Where metadata stand in the bytes of a picture file: JPEG segments, PNG and WebP chunks, TIFF directories.

Blocks are cut out and handed on; nothing is interpreted here but lengths. Packed text is unpacked up to a limit, so a
small file cannot become a large one.

References:
    PNG (W3C, 3rd edition), 11.3.3 (text), 11.3.4.5 (eXIf); WebP container specification (RIFF chunks EXIF, XMP);
    Adobe XMP part 3 (where packets stand); Photoshop file formats (image resource blocks, 0x0404 = IPTC);
    ISO/IEC 19566-5 (JUMBF); C2PA 2.1, section 11 (C2PA in JPEG, PNG and RIFF).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from assay.forensics.exif import read_exif
from assay.forensics.jpeg import read_jpeg

MOST_CHUNKS = 4_096
MOST_BLOCK_BYTES = 4 * 2**20
MOST_TEXTS = 256
_PNG = b"\x89PNG\r\n\x1a\n"
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_PHOTOSHOP = b"Photoshop 3.0\x00"


@dataclass
class Blocks:
    """Metadata blocks of one file, as bytes.

    Attributes:
        container: ``"jpeg"``, ``"png"``, ``"webp"``, ``"tiff"`` or ``"other"``, of which nothing is read.
        width: Pixels, None if the container does not tell.
        height: The same.
        exif: A TIFF structure, or None.
        xmp: An XMP packet, or None.
        iptc: IPTC-IIM datasets, or None.
        texts: (keyword, text) of PNG text chunks and JPEG comments, in order.
        c2pa_bytes: Length of the C2PA/JUMBF boxes, 0 without.
        chunks: Names in order, each run of equal ones once: they tell writers apart.
        faults: What is broken, one sentence each.
    """

    container: str
    width: int | None = None
    height: int | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    texts: list[tuple[str, str]] = field(default_factory=list)
    c2pa_bytes: int = 0
    chunks: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def _fault(self, text: str) -> None:
        if text not in self.faults:
            self.faults.append(text)

    def _chunk(self, name: str) -> None:
        if not self.chunks or self.chunks[-1] != name:
            self.chunks.append(name)


def read_blocks(data: bytes) -> Blocks:
    """Cut out the metadata of a picture file; never raises for content.

    Args:
        data: The whole file.
    """
    if data[:2] == b"\xff\xd8":
        return _jpeg(data)
    if data[:8] == _PNG:
        return _png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:4] in (b"II*\x00", b"MM\x00*"):
        packets = read_exif(data).packets
        iptc = packets.get("iptc") or photoshop_iptc(packets.get("photoshop", b""))
        return Blocks("tiff", exif=data, xmp=packets.get("xmp"), iptc=iptc)
    return Blocks("other")


def _jpeg(data: bytes) -> Blocks:
    structure = read_jpeg(data)
    blocks = Blocks("jpeg", structure.width, structure.height, faults=list(structure.faults))
    for number, label, _ in structure.app_segments:
        blocks._chunk(f"APP{number} {label}".strip())
    blocks.exif = next(structure.payloads(0xE1, b"Exif\x00\x00"), None)
    blocks.xmp = next(structure.payloads(0xE1, _XMP), None)
    blocks.iptc = photoshop_iptc(b"".join(structure.payloads(0xED, _PHOTOSHOP))[:MOST_BLOCK_BYTES])
    blocks.texts = [("comment", _utf8_or_latin(comment)) for comment in structure.comments[:MOST_TEXTS]]
    # APP11 with the common identifier JP holds JUMBF; C2PA is not its only use, so its label is looked for.
    jumbf = list(structure.payloads(0xEB, b"JP"))
    if any(b"c2pa" in part[:256] for part in jumbf):
        blocks.c2pa_bytes = sum(map(len, jumbf))
    return blocks


def photoshop_iptc(data: bytes) -> bytes | None:
    """The IPTC resource (0x0404) among Photoshop's image resources, or None."""
    at = 0
    for _ in range(MOST_CHUNKS):
        if data[at : at + 4] != b"8BIM" or at + 7 > len(data):
            return None
        name_end = at + 7 + data[at + 6]
        name_end += (name_end - at) % 2  # the name, with its length, is padded to an even number
        size = int.from_bytes(data[name_end : name_end + 4], "big")
        start = name_end + 4
        if data[at + 4 : at + 6] == b"\x04\x04":
            return data[start : start + size]
        at = start + size + size % 2
    return None


def _png(data: bytes) -> Blocks:
    blocks = Blocks("png")
    at, ended = 8, False
    for _ in range(MOST_CHUNKS):
        head = data[at : at + 8]
        if len(head) < 8:
            break
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        payload = data[at + 8 : at + 8 + size]
        if len(payload) < size:
            blocks._fault("a chunk is cut off")
        blocks._chunk("".join(char for char in name.decode("latin-1") if char.isprintable()))
        _png_chunk(blocks, name, payload)
        at += 12 + size
        if name == b"IEND":
            ended = True
            break
    if not ended:
        blocks._fault("there is no end chunk")
    elif at < len(data):
        blocks._fault("bytes follow the end chunk")
    return blocks


def _png_chunk(blocks: Blocks, name: bytes, payload: bytes) -> None:
    if name == b"IHDR" and len(payload) >= 8:
        blocks.width, blocks.height = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
    elif name == b"eXIf":
        blocks.exif = payload[:MOST_BLOCK_BYTES]
    elif name == b"caBX":
        blocks.c2pa_bytes += len(payload)
    elif name in (b"tEXt", b"zTXt", b"iTXt") and len(blocks.texts) < MOST_TEXTS:
        keyword, text = _png_text(blocks, name, payload)
        if keyword == "XML:com.adobe.xmp":
            blocks.xmp = text
        else:
            blocks.texts.append((keyword, _utf8_or_latin(text)))


def _png_text(blocks: Blocks, name: bytes, payload: bytes) -> tuple[str, bytes]:
    keyword, _, rest = payload[: MOST_BLOCK_BYTES + 80].partition(b"\x00")
    if name == b"zTXt":
        rest = _inflated(blocks, rest[1:])
    elif name == b"iTXt":
        packed = rest[:1] == b"\x01"
        rest = rest[2:].split(b"\x00", 2)[-1]  # behind language and translated keyword
        rest = _inflated(blocks, rest) if packed else rest
    return keyword[:79].decode("latin-1"), rest


def _inflated(blocks: Blocks, packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, MOST_BLOCK_BYTES)
    except zlib.error:
        blocks._fault("a packed text cannot be unpacked")
        return b""
    if unpacker.unconsumed_tail:
        blocks._fault(f"a packed text has more than {MOST_BLOCK_BYTES:,} bytes and was cut")
    return text


def _webp(data: bytes) -> Blocks:
    blocks = Blocks("webp")
    for name, payload in _riff(blocks, data):
        blocks._chunk("".join(char for char in name.decode("latin-1") if char.isprintable()).strip())
        if name == b"EXIF":
            # Some writers keep the prefix that belongs to JPEG.
            blocks.exif = payload.removeprefix(b"Exif\x00\x00")[:MOST_BLOCK_BYTES]
        elif name == b"XMP ":
            blocks.xmp = payload[:MOST_BLOCK_BYTES]
        elif name == b"C2PA":
            blocks.c2pa_bytes += len(payload)
        elif name == b"VP8X" and len(payload) >= 10:
            blocks.width = 1 + int.from_bytes(payload[4:7], "little")
            blocks.height = 1 + int.from_bytes(payload[7:10], "little")
        elif name == b"VP8 " and len(payload) >= 10 and blocks.width is None:
            blocks.width = int.from_bytes(payload[6:8], "little") & 0x3FFF
            blocks.height = int.from_bytes(payload[8:10], "little") & 0x3FFF
        elif name == b"VP8L" and len(payload) >= 5 and blocks.width is None:
            bits = int.from_bytes(payload[1:5], "little")
            blocks.width, blocks.height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return blocks


def _riff(blocks: Blocks, data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    for _ in range(MOST_CHUNKS):
        head = data[at : at + 8]
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], "little")
        payload = data[at + 8 : at + 8 + size]
        if len(payload) < size:
            blocks._fault("a chunk is cut off")
        yield head[:4], payload
        at += 8 + size + size % 2


def _utf8_or_latin(raw: bytes) -> str:
    """Text whose coding nobody states; PNG's is Latin-1, but most writers put UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
