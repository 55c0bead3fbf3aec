"""Tags that several containers share: ID3, APE, and the comments of Vorbis with the files that hold them.

References:
    id3.org: ID3v1.1, ID3v2.2.0, 2.3.0 and 2.4.0 (structure; frames TSSE, TENC, COMM, TXXX, PRIV, GEOB);
    Vorbis I specification, section 5 (comments); RFC 9639 (FLAC, section 8: metadata blocks); RFC 3533 (Ogg pages);
    RFC 7845 (``OpusTags``); APE tag 2.0; Adobe XMP part 3, 1.2.5 (PRIV frame ``XMP``); C2PA 2.2, A.3 (GEOB in ID3).
"""

from __future__ import annotations

from collections.abc import Iterator

from assay.forensics.sound_blocks import MOST_BLOCK_BYTES, MOST_TEXT, MOST_TEXTS, Pieces, SoundBlocks, utf8_or_latin
from assay.media.mpeg import id3_length

_MOST_FRAMES = 1_024
_MOST_PAGES = 64
_CODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_OLD_NAMES = {"TEN": "TENC", "TSS": "TSSE", "COM": "COMM", "TXX": "TXXX", "WXX": "WXXX", "GEO": "GEOB", "TDA": "TDAT"}
_DATES = ("TDRC", "TDEN", "TDTG", "TYER", "TDAT")
_NOT_KEPT = {"METADATA_BLOCK_PICTURE", "COVERART", "WAVEFORMATEXTENSIBLE_CHANNEL_MASK"}


def read_id3(data: bytes, blocks: SoundBlocks) -> None:
    """Frames of an ID3v2 tag that begins at the first byte of `data`; nothing without one."""
    length = id3_length(data)
    if not length:
        return
    blocks.chunk(b"ID3v2.%d" % data[3])
    body = data[10:length]
    if len(data) < min(length - (10 if data[5] & 0x10 else 0), MOST_BLOCK_BYTES):
        blocks.fault("the ID3 tag is cut off")
    if data[5] & 0x80 and data[3] < 4:  # unsynchronised as a whole; in 2.4 that is up to each frame
        body = body.replace(b"\xff\x00", b"\xff")
    if data[5] & 0x40 and data[3] > 2:  # the extended header; in 2.3 its size does not count itself
        size = _synchsafe(body[:4]) if data[3] == 4 else int.from_bytes(body[:4], "big") + 4
        body = body[size:]
    for name, content in _frames(body, data[3], blocks):
        _frame(name, content, blocks)


def _synchsafe(raw: bytes) -> int:
    value = 0
    for byte in raw:
        value = value << 7 | byte & 0x7F
    return value


def _frames(body: bytes, version: int, blocks: SoundBlocks) -> Iterator[tuple[str, bytes]]:
    """Name and content of each frame."""
    letters, at = (3, 0) if version == 2 else (4, 0)
    head = 6 if version == 2 else 10
    for _ in range(_MOST_FRAMES):
        name = body[at : at + letters]
        if len(body) < at + head or not name.strip(b"\x00 "):
            return
        raw = body[at + letters : at + 2 * letters]
        size = _synchsafe(raw) if version == 4 else int.from_bytes(raw, "big")
        if not name.isalnum() or at + head + size > len(body):
            if len(body) < MOST_BLOCK_BYTES - 10:  # otherwise it is we who stopped reading, in a large cover
                blocks.fault("an ID3 frame does not fit into its tag")
            return
        content = body[at + head : at + head + size]
        if version == 4 and body[at + 9] & 0x02:
            content = content.replace(b"\xff\x00", b"\xff")
        if version == 4 and body[at + 9] & 0x01:
            content = content[4:]  # its length without unsynchronisation
        shown = name.decode("latin-1")
        yield _OLD_NAMES.get(shown, shown), content
        at += head + size


def _frame(name: str, content: bytes, blocks: SoundBlocks) -> None:
    if name in ("TXXX", "WXXX", "COMM"):
        described, text = _described(content, skipped=3 if name == "COMM" else 0, link=name == "WXXX")
        blocks.text("id3", f"{name}:{described}" if described else name, text)
    elif name.startswith("T"):
        text = _text(content)
        blocks.text("id3", name, text)
        if name in _DATES and text:
            blocks.dates[f"id3 {name}"] = text[:40]
    elif name.startswith("W"):
        blocks.text("id3", name, content[:MOST_TEXT].decode("latin-1"))
    elif name == "PRIV" and content.startswith(b"XMP\x00"):
        blocks.xmp = content[4:]
    elif name == "GEOB" and b"c2pa" in content[:256]:
        blocks.c2pa_bytes += len(content)


def _text(content: bytes) -> str:
    """Text behind its coding; several values are joined."""
    coding = _CODINGS.get(content[0], "latin-1") if content else "latin-1"
    return "; ".join(filter(None, content[1 : 4 * MOST_TEXT].decode(coding, errors="replace").split("\x00")))


def _described(content: bytes, *, skipped: int, link: bool) -> tuple[str, str]:
    """Description and value of a frame that has both; `skipped` bytes of language stand before them."""
    if not content:
        return "", ""
    coding, body = _CODINGS.get(content[0], "latin-1"), content[1 + skipped : 4 * MOST_TEXT]
    wide = coding.startswith("utf-16")
    end = next((at for at in range(0, len(body), 2) if body[at : at + 2] == b"\0\0"), -1) if wide else body.find(b"\0")
    if end < 0:
        return "", body.decode(coding, errors="replace")
    described, value = body[:end], body[end + (2 if wide else 1) :]
    return described.decode(coding, errors="replace"), value.decode("latin-1" if link else coding, errors="replace")


def read_tail_tags(pieces: Pieces, blocks: SoundBlocks) -> None:
    """ID3v1 and APE tags, which stand at the end of a stream."""
    end = pieces.size
    tail = pieces.at(end - 128, 128)
    if len(tail) == 128 and tail[:3] == b"TAG":
        blocks.chunk(b"ID3v1")
        blocks.text("id3v1", "comment", utf8_or_latin(tail[97:127]))
        end -= 128
    foot = pieces.at(end - 32, 32)
    if foot[:8] == b"APETAGEX":
        blocks.chunk(b"APE")
        size, count = int.from_bytes(foot[12:16], "little"), int.from_bytes(foot[16:20], "little")
        _ape(pieces.at(end - size, size - 32), min(count, MOST_TEXTS), blocks)


def _ape(data: bytes, count: int, blocks: SoundBlocks) -> None:
    at = 0
    for _ in range(count):
        size, flags = int.from_bytes(data[at : at + 4], "little"), data[at + 4 : at + 8]
        key, found, _ = data[at + 8 : at + 8 + 256].partition(b"\x00")
        if not found:
            return
        start = at + 8 + len(key) + 1
        if flags and not flags[0] & 0x06:  # neither binary nor a link
            blocks.text("ape", key.decode("latin-1"), utf8_or_latin(data[start : start + size]))
        at = start + size


def read_vorbis_comment(data: bytes, blocks: SoundBlocks) -> None:
    """Vendor and comments; both are UTF-8 with their length before them."""
    vendor, at = _counted(data, 0)
    blocks.text("vorbis", "vendor", vendor.decode("utf-8", errors="replace"))
    count, at = int.from_bytes(data[at : at + 4], "little"), at + 4
    for _ in range(min(count, MOST_TEXTS)):
        comment, at = _counted(data, at)
        key, found, value = comment[: 4 * MOST_TEXT].decode("utf-8", errors="replace").partition("=")
        if at > len(data):
            blocks.fault("the Vorbis comments are cut off")
            return
        name = key.upper()
        if found and name not in _NOT_KEPT:
            blocks.text("vorbis", name, value)
        if name in ("DATE", "CREATION_TIME"):
            blocks.dates[f"vorbis {name}"] = value[:40]


def _counted(data: bytes, at: int) -> tuple[bytes, int]:
    """Bytes with their length before them, and where they end."""
    end = at + 4 + int.from_bytes(data[at : at + 4], "little")
    return data[at + 4 : end], end


def read_flac(pieces: Pieces, blocks: SoundBlocks) -> None:
    """Metadata blocks of a FLAC file, behind an ID3 tag that some programs put before them."""
    at = id3_length(pieces.at(0, 10))
    if at:
        read_id3(pieces.at(0, at), blocks)
    names = {
        0: b"STREAMINFO",
        1: b"PADDING",
        2: b"APPLICATION",
        3: b"SEEKTABLE",
        4: b"COMMENT",
        5: b"CUE",
        6: b"PICTURE",
    }
    at += 4
    for _ in range(MOST_TEXTS):
        head = pieces.at(at, 4)
        if len(head) < 4:
            blocks.fault("the metadata blocks are cut off")
            return
        kind, size = head[0] & 0x7F, int.from_bytes(head[1:], "big")
        blocks.chunk(names.get(kind, b"?"))
        if kind == 4:
            read_vorbis_comment(pieces.at(at + 4, size), blocks)
        elif kind == 2 and pieces.at(at + 4, 4) == b"c2pa":
            blocks.c2pa_bytes += size
        if head[0] & 0x80:
            return
        at += 4 + size


def read_ogg(pieces: Pieces, blocks: SoundBlocks) -> None:
    """The two first packets of the first stream: what it is, and its comments."""
    packets = _packets(pieces)
    first, second = next(packets, b""), next(packets, b"")
    for mark, name in (
        (b"OpusHead", b"Opus"),
        (b"\x01vorbis", b"Vorbis"),
        (b"\x7fFLAC", b"FLAC"),
        (b"Speex", b"Speex"),
    ):
        if first.startswith(mark):
            blocks.chunk(name)
    if second.startswith(b"OpusTags"):
        second = second[8:]
    elif second.startswith(b"\x03vorbis"):
        second = second[7:]
    elif first.startswith(b"\x7fFLAC"):
        second = second[4:] if second[:1] and second[0] & 0x7F == 4 else b""
    elif not first.startswith(b"Speex"):
        return
    if second:
        read_vorbis_comment(second, blocks)
    else:
        blocks.fault("there are no comments where the stream should have them")


def _packets(pieces: Pieces) -> Iterator[bytes]:
    """Packets of the stream that the first page belongs to."""
    at, serial, packet = 0, None, bytearray()
    for _ in range(_MOST_PAGES):
        head = pieces.at(at, 27)
        if len(head) < 27 or head[:4] != b"OggS":
            return
        sizes = pieces.at(at + 27, head[26])
        body = pieces.at(at + 27 + len(sizes), sum(sizes))
        at += 27 + len(sizes) + sum(sizes)
        serial = serial or head[14:18]
        if head[14:18] != serial:
            continue
        begin = 0
        for size in sizes:
            packet += body[begin : begin + size]
            begin += size
            if size < 255:
                yield bytes(packet)
                packet.clear()
