"""Kind of a file from its content; names and extensions are never looked at.

The first bytes decide for most kinds. RIFF, MP4 and Matroska hold several kinds behind one magic, so their
index is read (`assay.media.tracks`); MP3 and AAC have no magic, so their frames are followed
(`assay.media.mpeg`).
"""

from __future__ import annotations

from typing import BinaryIO

from assay.media import kinds
from assay.media.kinds import Kind
from assay.media.mpeg import find_frames, id3_length
from assay.media.tracks import matroska_tracks, mp4_tracks, ogg_holds_video

_HEAD_BYTES = 4_096
_SEARCH_BYTES = 65_536  # how far into a file without magic the first MPEG frame is looked for
_MOST_TAGS = 4  # ID3 tags in a row
_RIFF = {b"WAVE": kinds.WAV, b"AVI ": kinds.AVI, b"WEBP": kinds.WEBP}
_FRAMES = {"mp3": kinds.MP3, "adts": kinds.ADTS}
_BRANDS_HEIC = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_BRANDS_AVIF = {b"avif", b"avis"}
_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}  # old QuickTime files lack ftyp


def sniff(reader: BinaryIO, size: int) -> Kind:
    """Tell the kind of a file.

    Args:
        reader: Seekable, at any position; the position afterwards is undefined.
        size: Its length in bytes, > 0.

    Returns:
        The kind; `kinds.UNKNOWN` if nothing fits.
    """
    at = 0
    for _ in range(_MOST_TAGS):
        reader.seek(at)
        head = reader.read(_HEAD_BYTES)
        tag = id3_length(head)
        if not tag:
            break
        at += tag
    if at:
        return _behind_tag(reader, at)
    for magic, kind in kinds.MAGIC:
        if head.startswith(magic):
            return kind
    return _container(reader, head, size) or _without_magic(reader, head, size)


def _behind_tag(reader: BinaryIO, at: int) -> Kind:
    """An ID3 tag stands before MP3 as a rule, before AAC and FLAC now and then."""
    reader.seek(at)
    data = reader.read(_SEARCH_BYTES)
    if data.startswith(b"fLaC"):
        return kinds.FLAC
    return _FRAMES[find_frames(data, whole=len(data) < _SEARCH_BYTES) or "mp3"]


def _container(reader: BinaryIO, head: bytes, size: int) -> Kind | None:
    """Families whose magic does not tell the kind."""
    four, form = head[:4], head[8:12]
    if four in (b"RIFF", b"RIFX"):
        return _RIFF.get(form, kinds.RIFF_OTHER)
    if four in (b"RF64", b"BW64") and form == b"WAVE":
        return kinds.RF64
    if four == b"FORM" and form in (b"AIFF", b"AIFC"):
        return kinds.AIFF
    if four == b"OggS":
        return kinds.OGG_VIDEO if ogg_holds_video(head) else kinds.OGG
    if four == b"\x1a\x45\xdf\xa3":
        return kinds.MATROSKA_VIDEO if "video" in matroska_tracks(reader, size) else kinds.MATROSKA
    if head[4:8] in _BOXES:
        return _iso_media(reader, head, size)
    return None


def _iso_media(reader: BinaryIO, head: bytes, size: int) -> Kind:
    if head[4:8] == b"ftyp":
        end = min(int.from_bytes(head[:4], "big"), len(head))
        brands = {head[8:12], *(head[i : i + 4] for i in range(16, end, 4))}
        major = head[8:12]
        if major in _BRANDS_AVIF or (brands & _BRANDS_AVIF and major in _BRANDS_HEIC):
            return kinds.AVIF
        if major in _BRANDS_HEIC:
            return kinds.HEIC
    tracks = mp4_tracks(reader, size)
    if not tracks:
        return kinds.MP4_WITHOUT_INDEX
    return kinds.MP4_VIDEO if "video" in tracks else kinds.MP4


def _without_magic(reader: BinaryIO, head: bytes, size: int) -> Kind:
    if head[0] == 0x47 and head[188:189] == head[376:377] == b"\x47":
        return kinds.MPEG_TS
    if head[:2] == b"BM" and head[6:10] == bytes(4) and len(head) > 26:
        return kinds.BMP
    if _is_text(head):
        playlist = head.lstrip(b"\xef\xbb\xbf").startswith((b"#EXTM3U", b"ffconcat", b"[playlist]"))
        return kinds.PLAYLIST if playlist else kinds.TEXT
    reader.seek(0)
    data = reader.read(_SEARCH_BYTES)
    found = find_frames(data, whole=size <= len(data))
    if found:
        return _FRAMES[found]
    return kinds.UNKNOWN if any(data) else kinds.ZEROS


def _is_text(head: bytes) -> bool:
    """Whether this reads as UTF-8 or, behind its mark, UTF-16 text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[: len(head) & ~1].decode("utf-16", errors="replace")
    else:
        text = head.decode("utf-8", errors="replace")
        text = text[:-1] if len(head) == _HEAD_BYTES else text  # the cut may fall inside a character
    odd = sum(1 for char in text if char == "\ufffd" or (ord(char) < 32 and char not in "\t\n\r\f\v"))
    return odd == 0
