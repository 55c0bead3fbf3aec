"""What is kept of a speaker: an embedding, where it came from, who agreed to it, and until when.

The recordings themselves are not kept, only their SHA-256 and length. As JSON the embedding is the base64 of 256
float32, little endian; everything else is plain.
"""

from __future__ import annotations

import base64
import binascii
from datetime import date, datetime, time, timedelta, timezone
from typing import Literal
from uuid import UUID

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from assay.errors import ProfileDamaged
from assay.speaker.encoder import Float32

DIMENSIONS = 256


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Consent(_Part):
    """That the speaker agreed to being recognised by voice.

    Attributes:
        recorded_by: Who asked for it and wrote it down.
        recorded_on: When.
        reference: What was agreed to, or where the signed text is kept.
    """

    recorded_by: str = Field(min_length=1, max_length=200)
    recorded_on: date
    reference: str = Field(min_length=1, max_length=4000)


class Recording(_Part):
    """A recording that a profile was made from.

    Attributes:
        sha256: Of its bytes.
        speech_s: Seconds of speech in it.
    """

    sha256: str
    speech_s: float = Field(ge=0)


class EncoderReference(_Part):
    """Which encoder an embedding belongs to."""

    name: str
    version: str
    sha256: str


class Profile(_Part):
    """A speaker.

    Attributes:
        id: 32 hexadecimal digits, drawn at random.
        name: For display.
        embedding_base64: The embedding.
        recordings: What it was made from.
        consent: Whose word it rests on.
        retain_until: Last day, UTC, on which it may be used.
        encoder: What made it; another encoder cannot use it.
        created: When.
    """

    schema_version: Literal[1] = 1
    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    name: str = Field(min_length=1, max_length=200)
    embedding_base64: str
    recordings: tuple[Recording, ...] = Field(min_length=1)
    consent: Consent
    retain_until: date
    encoder: EncoderReference
    created: datetime

    @field_validator("embedding_base64")
    @classmethod
    def _whole(cls, text: str) -> str:
        found = decoded(text)
        if found.shape != (DIMENSIONS,) or not np.isfinite(found).all():
            raise ValueError(f"an embedding is {DIMENSIONS} finite numbers")
        return text

    @property
    def embedding(self) -> Float32:
        """Shape (256,), of length 1."""
        return decoded(self.embedding_base64)

    @property
    def speech_s(self) -> float:
        """Seconds of speech behind the embedding."""
        return round(sum(recording.speech_s for recording in self.recordings), 3)

    @property
    def uuid(self) -> UUID:
        """The id."""
        return UUID(self.id)

    @property
    def expires(self) -> int:
        """Last second of its use, Unix time."""
        return expiry(self.retain_until)

    def to_bytes(self) -> bytes:
        """The payload of its file."""
        return self.model_dump_json().encode()

    @classmethod
    def from_bytes(cls, payload: bytes, profile_id: UUID) -> Profile:
        """Out of the payload of a file.

        Raises:
            ProfileDamaged: If it is not what this version writes.
        """
        try:
            profile = cls.model_validate_json(payload)
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, e["loc"])) for e in error.errors()}))
            raise ProfileDamaged(
                f"Profile {profile_id.hex} holds what this version cannot read ({fields}). Upgrade Assay, or enrol"
                " anew.",
                profile=profile_id.hex,
            ) from error
        if profile.uuid != profile_id:
            raise ProfileDamaged(
                f"The file of profile {profile_id.hex} holds profile {profile.id}; it is refused. Restore it from a"
                " backup.",
                profile=profile_id.hex,
            )
        return profile


def encoded(embedding: Float32) -> str:
    """An embedding as text."""
    return base64.b64encode(np.asarray(embedding, "<f4").tobytes()).decode()


def decoded(text: str) -> Float32:
    """An embedding out of text, shape (256,).

    Raises:
        ValueError: If it is none.
    """
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def expiry(last: date) -> int:
    """The last second of a day, UTC, as Unix time."""
    following = datetime.combine(last + timedelta(days=1), time(), timezone.utc)
    return int(following.timestamp()) - 1
