"""The door: what the Content Credentials of a file say, read and validated without a network.

Decisions
- Whether there is a manifest store is told by the sixteen bytes that mark its outermost box (ISO/IEC 19566-5 content
  type of C2PA). They stand in one piece in every container, so no container has to be parsed, and a file that merely
  holds the word "c2pa" has none. Without them the library is not needed and nothing is started.
- Reading never fails a scan. What cannot be read, a missing extra included, is the state ``"unreadable"`` with a
  reason; only wrong arguments raise.
- A manifest that the file only refers to is never fetched: a file must not make the machine that examines it call
  anybody, and whoever keeps the manifest would learn who looks.

References:
    C2PA 2.2, section 11 (manifests, JUMBF), appendix A (embedding), section 15 (validation); ISO 16684-1 (XMP).
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec

from assay.credentials import Provenance, Reason
from assay.errors import MissingExtra, SettingsError
from assay.forensics.packets import read_xmp
from assay.media.held import PIECE_BYTES, ByteSource
from assay.media.sniff import sniff
from assay.media.source import IN_MEMORY_BYTES
from assay.provenance import guard
from assay.provenance.answers import provenance
from assay.provenance.words import ABSENT, REASONS

STORE = bytes.fromhex("63327061001100108000 00aa00389b71")
_MIMES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "tiff": "image/tiff",
    "gif": "image/gif",
    "heic": "image/heic",
    "avif": "image/avif",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "mp4": "video/mp4",  # the library treats sound in it alike
    "avi": "video/avi",
}
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_PROVENANCE = b"dcterms:provenance"
_PACKET_BYTES = 2**17  # an XMP packet is looked for so far around the property
_MOST_URL = 2_048
_MOST_MENTIONS = 8  # of the property; the first may stand in a comment
_ERRORS: dict[str, Reason] = {
    "nothing": "misplaced",
    "damaged": "damaged",
    "time": "took_too_long",
    "crash": "library_failed",
    "library": "library_failed",
}


def read_provenance(
    data: bytes | ByteSource, kind: str | None = None, *, trust_anchors: bytes | None = None
) -> Provenance:
    """Read and validate the Content Credentials of a file.

    Args:
        data: The whole file; one that lies on disk is searched in pieces.
        kind: What it is, a container name of `assay.media.kinds` (``"jpeg"``, ``"wav"``, ``"mp4"`` …) or a MIME type;
            None tells it from the bytes. Of other names the credentials are ``"unsupported"``.
        trust_anchors: Certificates of authorities to trust, PEM; None trusts nobody, so that nothing is ``"trusted"``.

    Returns:
        What is known; nothing inside a file raises.

    Raises:
        SettingsError: If `trust_anchors` are not certificates in PEM.
        MediaError: If a file on disk vanished or changed since it was hashed.

    References:
        Validation is c2pa-python's (extra ``provenance``), which follows C2PA 2.x.
    """
    anchors = _anchors(trust_anchors)
    if not isinstance(data, bytes) and data.size <= IN_MEMORY_BYTES:
        with closing(data.reader()) as reader:
            data = reader.read()
    present, url = _search(data)
    if not present:
        if url is None:
            return Provenance(findings=(ABSENT,))
        return _unread("remote_only", url, present=False)
    mime = _mime(data, kind)
    if mime is None:
        return _unread("unsupported", url, f"Kinds that can be validated: {', '.join(_MIMES)}.")
    if find_spec("c2pa") is None:
        return _unread("missing_extra", url, MissingExtra.of("provenance", "Reading Content Credentials").message)
    told = guard.ask(data, mime, anchors)
    if "error" in told:
        return _unread(_ERRORS.get(told["error"], "library_failed"), url, _detail(told))
    found = provenance(
        told.get("store", ""),
        told.get("certificates", ""),
        anchors_given=anchors is not None,
        library=told.get("version", ""),
    )
    if found is None:
        return _unread("library_failed", url)
    return found.model_copy(update={"remote_url": url})


def _anchors(pem: bytes | None) -> str | None:
    if pem is None:
        return None
    try:
        text = pem.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError("trust_anchors are not text; certificates in PEM are accepted.") from error
    blocks = _CERTIFICATE.findall(text)
    if not blocks:
        raise SettingsError(f"trust_anchors ({len(pem)} bytes) hold no PEM certificate ('BEGIN CERTIFICATE').")
    for number, block in enumerate(blocks, 1):
        # The library passes over what it cannot decode, and the caller would wonder why nothing is trusted.
        if not _is_sequence(block):
            raise SettingsError(f"Certificate {number} of {len(blocks)} in trust_anchors is not PEM; export it again.")
    return text


def _is_sequence(block: str) -> bool:
    """Whether Base64 holds one DER sequence of the length it states, as every certificate is (X.690, 8.1.3)."""
    try:
        der = base64.b64decode("".join(block.split()), validate=True)
    except ValueError:
        return False
    more = max(der[1] - 0x80, 0) if len(der) > 1 else 0  # bytes of a long length
    size = int.from_bytes(der[2 : 2 + more], "big") if more else int.from_bytes(der[1:2], "big")
    return der[:1] == b"\x30" and len(der) == 2 + more + size


def _search(data: bytes | ByteSource) -> tuple[bool, str | None]:
    """Whether a store is in the bytes, and the address of one that is kept elsewhere."""
    present, url = False, None
    for window in _windows(data):
        present = present or STORE in window
        url = url or _remote_url(window)
    return present, url


def _windows(data: bytes | ByteSource) -> Iterator[bytes]:
    """The whole, or pieces that overlap so far that a packet of the length looked at lies in one of them."""
    if isinstance(data, bytes):
        yield data
        return
    with closing(data.reader()) as reader:
        tail = b""
        while piece := reader.read(PIECE_BYTES):
            window = tail + piece
            yield window
            tail = window[-2 * _PACKET_BYTES :]


def _mime(data: bytes | ByteSource, kind: str | None) -> str | None:
    """MIME type for the library, None for kinds in which it cannot validate."""
    if kind is None:
        size = len(data) if isinstance(data, bytes) else data.size
        with closing(io.BytesIO(data) if isinstance(data, bytes) else data.reader()) as reader:
            return _MIMES.get(sniff(reader, size).container) if size else None
    name = kind.strip().lower()
    if name in _MIMES:
        return _MIMES[name]
    return name if "/" in name else None


def _remote_url(data: bytes) -> str | None:
    """The address that an XMP packet names as `dcterms:provenance`, or None."""
    at = -1
    for _ in range(_MOST_MENTIONS):
        at = data.find(_PROVENANCE, at + 1)
        if at < 0:
            break
        url = _url_of_packet(data[max(at - _PACKET_BYTES, 0) : at + _PACKET_BYTES], min(at, _PACKET_BYTES))
        if url:
            return url
    return None


def _url_of_packet(near: bytes, middle: int) -> str | None:
    """The address in the packet around a place, or None if there is no packet or no address."""
    start, end = near.rfind(b"<rdf:RDF", 0, middle), near.find(b"</rdf:RDF>", middle)
    if start < 0 or end < 0:
        return None
    fields, _ = read_xmp(near[start : end + len(b"</rdf:RDF>")])
    url = fields.get("provenance", "")[:_MOST_URL].strip()
    # An address inside the file ("self#jumbf=…") is where the manifest stands that was read.
    return url if url.isprintable() and url.startswith(("http://", "https://")) else None


def _detail(told: dict[str, str]) -> str | None:
    message = str(told.get("message", ""))[:200]
    shown = "".join(char if char.isprintable() else " " for char in message)
    return f"The library says: {shown}" if shown else None


def _unread(reason: Reason, url: str | None, detail: str | None = None, *, present: bool = True) -> Provenance:
    told = (REASONS[reason], *((detail,) if detail else ()))
    return Provenance(present=present, state="unreadable", reason=reason, remote_url=url, findings=told)
