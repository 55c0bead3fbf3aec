"""Headers of MPEG sound: ID3 tags, MPEG layers II and III, and AAC in ADTS frames.

One frame header is 11 or 12 bits of sync and proves little (text in UTF-16 begins with the same bits), so a
stream is believed only if frames follow each other where their own lengths say; a file too short for a second
frame is believed if its only frame begins at the first byte.

References:
    ISO/IEC 11172-3 and 13818-3 (frame header); gabriel.mp3-tech.org/mp3infotag.html (Xing, LAME), ISO/IEC
    13818-7 (ADTS), https://id3.org/id3v2.4.0-structure (tag size).
"""

from __future__ import annotations

_KBPS = {  # (is MPEG 1, layer) -> kbit/s by index 1..14
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HZ = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}  # by version bits
_ADTS_RATES = 13  # sampling indices 0..12 are rates, 13..15 are reserved
_ADTS_HEADER = 7


def id3_length(head: bytes) -> int:
    """Length in bytes of an ID3v2 tag at the beginning of `head`, 0 if there is none."""
    if len(head) < 10 or head[:3] != b"ID3" or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]  # seven bits in each byte
    footer = 10 if head[5] & 0x10 else 0
    return 10 + size + footer


def layer_frame(data: bytes, at: int) -> int:
    """Length in bytes of the MPEG layer II or III frame whose header stands at `at`, 0 if none does."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return 0
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    rate, hz = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    # Free-format streams (rate 0) have no length in the header; nothing makes them any more.
    if version == 1 or layer not in (2, 3) or not 1 <= rate <= 14 or hz == 3:
        return 0
    is_mpeg1 = version == 3
    slots = 144 if is_mpeg1 or layer == 2 else 72
    return slots * 1000 * _KBPS[is_mpeg1, layer][rate - 1] // _HZ[version][hz] + (data[at + 2] >> 1 & 1)


def adts_frame(data: bytes, at: int) -> int:
    """Length in bytes of the ADTS frame whose header stands at `at`, 0 if none does."""
    if at + _ADTS_HEADER > len(data) or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
        return 0
    length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return length if data[at + 2] >> 2 & 15 < _ADTS_RATES and length > _ADTS_HEADER else 0


def find_frames(data: bytes, *, whole: bool) -> str | None:
    """Tell which MPEG sound stream `data` holds.

    Args:
        data: Beginning of the stream, behind an ID3 tag.
        whole: Whether `data` is all there is.

    Returns:
        ``"mp3"``, ``"adts"`` or None. Up to a few kilobytes of junk before the first frame are stepped over,
        as players do, but then three frames must follow each other.
    """
    at = data.find(b"\xff")
    while at >= 0:
        for name, frame in (("mp3", layer_frame), ("adts", adts_frame)):
            length = frame(data, at)
            if length and _continues(data, at, frame(data, at + length), whole=whole, length=length, name=name):
                return name
        at = data.find(b"\xff", at + 1)
    return None


def _continues(data: bytes, at: int, second: int, *, whole: bool, length: int, name: str) -> bool:
    """Whether the frame at `at` is followed by others, or by the end of the file."""
    frame = layer_frame if name == "mp3" else adts_frame
    if at == 0:
        return bool(second) or (whole and length + 4 > len(data) - 1)
    return bool(second) and bool(frame(data, at + length + second))


def stated_samples(data: bytes) -> int | None:
    """Samples per channel that the first MPEG frame states in a Xing, Info or VBRI header.

    Args:
        data: Beginning of the stream, behind an ID3 tag.

    Returns:
        The number, without the encoder's delay and padding where LAME's extension names them; None if the
        frame states nothing.
    """
    at = data.find(b"\xff")
    while at >= 0 and not layer_frame(data, at):
        at = data.find(b"\xff", at + 1)
    if at < 0:
        return None
    per_frame = 1152 if data[at + 1] >> 3 & 3 == 3 else 576
    first = data[at : at + 240]
    tag = max(first.find(b"Xing"), first.find(b"Info"))
    if 0 <= tag <= len(first) - 12 and first[tag + 7] & 1:
        samples = int.from_bytes(first[tag + 8 : tag + 12], "big") * per_frame
        edges = int.from_bytes(first[tag + 141 : tag + 144], "big") if first[tag + 7] & 15 == 15 else 0
        return max(0, samples - (edges >> 12) - (edges & 0xFFF)) or None
    tag = first.find(b"VBRI")
    return int.from_bytes(first[tag + 14 : tag + 18], "big") * per_frame or None if tag >= 0 else None
