"""The file of one profile: a header in the clear and a payload under AES-256-GCM.

Layout, little endian; numbers are bytes:

    0   8   magic, "ASSAYSPK"
    8   1   version of this layout, 1
    9   8   which key: the first bytes of HMAC-SHA256(key, "assay speaker profile")
    17  16  id of the profile, as in the file's name
    33  8   last second of its use, Unix time, signed
    41  4   length of the sealed payload with its tag
    45  12  nonce, drawn anew each time
    57  …   payload, sealed; the last 16 bytes are the tag

The header but for the nonce is associated data: whoever changes a byte of it, or puts one profile in the place of
another, is found out. When a profile expires stands in the clear, so that expired ones can be removed without the key;
who it is of does not. The payload is JSON (`assay.speaker.profile`), never a pickle.

Each way of going wrong has a message of its own: no profile at all, cut off, in the place of another, another key,
altered.

References:
    NIST SP 800-38D (GCM). With a nonce of 96 random bits a key may seal 2^32 times; a profile is sealed when it is made
    and when the key is changed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from assay.errors import MissingExtra, ProfileDamaged, ProfileKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC, VERSION = b"ASSAYSPK", 1
HEADER = struct.Struct("<8sB8s16sqI")
KEY_BYTES, NONCE_BYTES, TAG_BYTES = 32, 12, 16
LARGEST = 1 << 20  # of a whole file; a profile has some 4 kB


@dataclass(frozen=True)
class Header:
    """What a profile's file says in the clear.

    Attributes:
        key_id: Which key it was sealed with.
        profile_id: Whose file it is.
        expires: Last second of its use, Unix time.
        length: Of the sealed payload.
    """

    key_id: bytes
    profile_id: UUID
    expires: int
    length: int

    def packed(self) -> bytes:
        """The bytes of it."""
        return HEADER.pack(MAGIC, VERSION, self.key_id, self.profile_id.bytes, self.expires, self.length)


def key_id(key: bytes) -> bytes:
    """A name for a key from which the key cannot be found."""
    return hmac.new(key, b"assay speaker profile", hashlib.sha256).digest()[:8]


def seal(payload: bytes, key: bytes, *, profile_id: UUID, expires: int) -> bytes:
    """The file of a profile.

    Args:
        payload: What is sealed.
        key: 32 bytes.
        profile_id: Of the profile; authenticated.
        expires: Unix time; authenticated.

    Raises:
        MissingExtra: If `cryptography` is not installed.
    """
    header = Header(key_id(key), profile_id, expires, len(payload) + TAG_BYTES).packed()
    nonce = os.urandom(NONCE_BYTES)
    return header + nonce + _cipher(key).encrypt(nonce, payload, header)


def read_header(data: bytes, profile_id: UUID) -> Header:
    """The header of a profile's file, not yet authenticated.

    Args:
        data: The file.
        profile_id: What its name says.

    Raises:
        ProfileDamaged: If it is none, of another layout, cut off, or of another profile.
    """
    if data[: len(MAGIC)] != MAGIC[: len(data)] or not data:
        raise _damaged(profile_id, "is no speaker profile")
    if len(data) < HEADER.size:
        raise _damaged(profile_id, f"is cut off after {len(data)} bytes")
    _, version, key, found, expires, length = HEADER.unpack_from(data)
    if version != VERSION:
        raise _damaged(profile_id, f"has layout {version} and this version reads {VERSION}; upgrade Assay, or it")
    if UUID(bytes=found) != profile_id:
        raise _damaged(profile_id, f"is that of profile {UUID(bytes=found).hex}, put in its place, and")
    wanted = HEADER.size + NONCE_BYTES + length
    if len(data) != wanted or length < TAG_BYTES:
        what = "is cut off" if len(data) < wanted else "has something behind its end"
        raise _damaged(profile_id, f"{what} ({len(data)} of {wanted} bytes)")
    return Header(key, profile_id, expires, length)


def unseal(data: bytes, keys: Mapping[bytes, bytes], profile_id: UUID) -> bytes:
    """The payload of a profile's file.

    Args:
        data: The file.
        keys: Keys by their `key_id`.
        profile_id: What its name says.

    Raises:
        ProfileDamaged: As `read_header`, or if the file was altered.
        ProfileKeyError: If none of the keys is the one it was sealed with.
        MissingExtra: If `cryptography` is not installed.
    """
    header = read_header(data, profile_id)
    key = keys.get(header.key_id)
    if key is None:
        raise ProfileKeyError(
            f"Profile {profile_id.hex} was sealed with another key (its id is {header.key_id.hex()}, given were"
            f" {', '.join(sorted(name.hex() for name in keys)) or 'none'}). Give the key it was made with: the setting"
            " speaker_key, or the key file.",
            profile=profile_id.hex,
            key_id=header.key_id.hex(),
        )
    from cryptography.exceptions import InvalidTag

    body = data[HEADER.size :]
    try:
        return _cipher(key).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], data[: HEADER.size])
    except InvalidTag as error:
        raise _damaged(profile_id, "was altered since it was written") from error


def require_cipher() -> None:
    """Find out at once whether profiles can be sealed.

    Raises:
        MissingExtra: If `cryptography` is not installed.
    """
    _cipher(bytes(KEY_BYTES))


def _cipher(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise MissingExtra.of("speaker", "Keeping speaker profiles") from error
    return AESGCM(key)


def _damaged(profile_id: UUID, what: str) -> ProfileDamaged:
    return ProfileDamaged(
        f"The file of profile {profile_id.hex} {what}; it is refused. Restore it from a backup, or delete it"
        " (`assay speaker delete`) and enrol the speaker anew.",
        profile=profile_id.hex,
    )
