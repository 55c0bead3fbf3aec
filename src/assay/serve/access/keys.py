"""API keys: ``assay_ID_SECRET``. The identifier is public; of the rest only a hash is kept.

Decisions
- The secret is 32 random bytes. Slow hashes (bcrypt, Argon2) make the guessing of *passwords* dear; 256 random bits
  cannot be guessed at any speed, so one SHA-256 is enough and costs a request nothing (NIST SP 800-63B-4 asks for salt
  and stretching only below 112 bits of entropy).
- The hash covers the whole text, so a secret is good for its own identifier only. It is compared in constant time, and
  an unknown identifier costs the same comparison.
- ``assay_`` lets scanners of repositories and logs find what was leaked.
- Nothing is cached: a key that is revoked is refused from the next request on.
- Rotation gives a new key to the same holder; the old one lives on for a stated overlap.
- Times are seconds since 1970, UTC.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable

from sqlalchemy import Float, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from assay.errors import KeyRefused, RecordNotFound, SettingsError
from assay.serve.access.principal import Principal
from assay.serve.access.scopes import scopes_of
from assay.serve.database import Base, Database

USED_EVERY_S = 60.0  # a busy key is not written down more often
_KEY = re.compile(r"assay_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODYS_DIGEST = hashlib.sha256(b"").hexdigest()
DAY_S = 86_400.0


class ApiKey(Base):
    """A key as it is kept.

    Attributes:
        id: Public part.
        holder: Identifier of the first key in a chain of rotations; owner of results and jobs.
        name: For people.
        digest: SHA-256 of the whole key, in hexadecimal.
        scopes: Separated by blanks.
        created_at, expires_at, revoked_at, last_used_at: None where it never was, or never will be.
        replaced_by: The key that rotation gave instead.
        rate: Requests a minute; None for that of the settings.
    """

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    holder: Mapped[str] = mapped_column(String(12), index=True)
    name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[float] = mapped_column(Float(53))
    expires_at: Mapped[float | None] = mapped_column(Float(53))
    revoked_at: Mapped[float | None] = mapped_column(Float(53))
    last_used_at: Mapped[float | None] = mapped_column(Float(53))
    replaced_by: Mapped[str | None] = mapped_column(String(12))
    rate: Mapped[float | None] = mapped_column(Float(53))

    def state(self, now: float) -> str:
        """``active``, ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    def principal(self) -> Principal:
        """Whom it stands for."""
        return Principal(self.holder, self.name, frozenset(self.scopes.split()), self.id, self.rate)


def create_key(
    session: Session,
    name: str,
    allowed: Iterable[str],
    *,
    lifetime_s: float | None = None,
    rate: float | None = None,
    now: float | None = None,
) -> tuple[ApiKey, str]:
    """Make a key.

    Args:
        session: The transaction that it is written in.
        name: For people, 1 to 200 characters.
        allowed: Roles and scopes.
        lifetime_s: After which it expires; None for never.
        rate: Requests a minute; None for that of the settings.
        now: Time; None for this moment.

    Returns:
        What is kept, and the key itself, which cannot be had again.

    Raises:
        SettingsError: If name, scopes, lifetime or rate cannot be used.
    """
    if not 0 < len(name) <= 200 or not name.isprintable():
        raise SettingsError(f"A key needs a name of 1 to 200 printable characters; given: {name!r}.")
    if (lifetime_s is not None and lifetime_s <= 0) or (rate is not None and rate <= 0):
        raise SettingsError("Lifetime and rate of a key must be above 0; leave them out for no limit of its own.")
    now = time.time() if now is None else now
    expires_at = None if lifetime_s is None else now + lifetime_s
    return _issued(session, name, scopes_of(allowed), created_at=now, expires_at=expires_at, rate=rate)


def _issued(
    session: Session,
    name: str,
    scopes: Iterable[str],
    *,
    created_at: float,
    expires_at: float | None,
    rate: float | None,
    holder: str | None = None,
) -> tuple[ApiKey, str]:
    identifier = secrets.token_hex(6)
    text = f"assay_{identifier}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        id=identifier,
        holder=holder or identifier,
        name=name,
        digest=_digest(text),
        scopes=" ".join(sorted(scopes)),
        created_at=created_at,
        expires_at=expires_at,
        rate=rate,
    )
    session.add(key)
    session.flush()
    return key, text


def list_keys(session: Session) -> list[ApiKey]:
    """All keys, the newest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id)))


def revoke_key(session: Session, identifier: str, *, now: float | None = None) -> ApiKey:
    """Refuse a key from the next request on; of one that is revoked already the time stays.

    Raises:
        RecordNotFound: If there is no such key.
    """
    key = _found(session, identifier)
    if key.revoked_at is None:
        key.revoked_at = time.time() if now is None else now
    return key


def rotate_key(
    session: Session, identifier: str, *, overlap_s: float = DAY_S, now: float | None = None
) -> tuple[ApiKey, str]:
    """Give the holder of a key a new one of the same name, scopes, lifetime and rate.

    Args:
        session: The transaction that it is written in.
        identifier: Of the old key, or the whole of it.
        overlap_s: For how long the old key stays good, from 0 on; never beyond its own expiry.
        now: Time; None for this moment.

    Returns:
        As `create_key`.

    Raises:
        RecordNotFound: If there is no such key.
        SettingsError: If it is revoked, expired or was rotated already, or the overlap is negative.
    """
    now = time.time() if now is None else now
    old = _found(session, identifier)
    if overlap_s < 0:
        raise SettingsError(f"The overlap of two keys cannot be {overlap_s:g} s; it is 0 or more.")
    if old.state(now) != "active" or old.replaced_by is not None:
        why = "was rotated already" if old.replaced_by else f"is {old.state(now)}"
        raise SettingsError(f"Key {old.id} {why}. Make a new one: assay keys create.")
    expires_at = None if old.expires_at is None else now + (old.expires_at - old.created_at)
    key, text = _issued(
        session,
        old.name,
        old.scopes.split(),
        created_at=now,
        expires_at=expires_at,
        rate=old.rate,
        holder=old.holder,
    )
    old.replaced_by = key.id
    old.expires_at = now + overlap_s if old.expires_at is None else min(old.expires_at, now + overlap_s)
    return key, text


def check_key(session: Session, text: str, *, now: float | None = None) -> ApiKey:
    """The key that a client gave.

    Raises:
        KeyRefused: If it is malformed, unknown here, expired or revoked. The last two are told only to who holds the
            secret.
    """
    now = time.time() if now is None else now
    match = _KEY.fullmatch(text)
    if match is None:
        raise KeyRefused(
            "The API key is malformed. Send the whole of what `assay keys create` showed: assay_ID_SECRET.",
            reason="malformed",
        )
    key = session.get(ApiKey, match[1])
    good = hmac.compare_digest(_digest(text), _NOBODYS_DIGEST if key is None else key.digest)
    if key is None or not good:
        raise KeyRefused(
            "The API key is not one of this service. Keys of another deployment are not good here.", reason="unknown"
        )
    state = key.state(now)
    if state != "active":
        raise KeyRefused(f"The API key is {state}. Ask the operator for a new one.", reason=state)
    return key


def authenticate(database: Database, text: str) -> Principal:
    """Whom a key stands for; its use is written down.

    Raises:
        KeyRefused: As `check_key`.
    """
    now = time.time()
    with database.session() as session:
        key = check_key(session, text, now=now)
        if key.last_used_at is None or key.last_used_at < now - USED_EVERY_S:
            session.execute(update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))
        return key.principal()


def any_active(session: Session, *, now: float | None = None) -> bool:
    """Whether anybody could call a service that asks for keys."""
    now = time.time() if now is None else now
    return any(key.state(now) == "active" for key in list_keys(session))


def _found(session: Session, identifier: str) -> ApiKey:
    whole = _KEY.fullmatch(identifier)
    key = session.get(ApiKey, whole[1] if whole else identifier)
    if key is None:
        shown = "that was given" if whole else f"'{identifier}'"
        raise RecordNotFound(f"There is no key {shown} here. `assay keys list --all` shows them.")
    return key


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
