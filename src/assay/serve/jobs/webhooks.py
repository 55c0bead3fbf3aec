"""Signatures of webhooks, after the Standard Webhooks specification (standardwebhooks.com), symmetric scheme ``v1``.

    webhook-id: msg_5f…                 the same for every attempt: who has seen it answers 2xx and does nothing
    webhook-timestamp: 1767225600       seconds since 1970, of this attempt
    webhook-signature: v1,K5oZ…         base64 of HMAC-SHA256(secret, "{id}.{timestamp}.{body}"); one for each secret

A receiver calls `verify` with the headers and the body as it came, before it reads it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import time
from collections.abc import Mapping

from assay.errors import ForgedWebhook, SettingsError

TOLERANCE_S = 300.0
LEAST_SECRET = 24  # characters; HMAC-SHA256 keys should not be guessable


def secrets_of(text: str) -> tuple[bytes, ...]:
    """Secrets as the setting holds them: separated by blanks; all of them sign, so that they can be exchanged.

    Raises:
        SettingsError: If one is shorter than 24 characters.
    """
    found = text.split()
    if any(len(secret) < LEAST_SECRET for secret in found):
        raise SettingsError(
            f"serve_webhook_secret: a secret has at least {LEAST_SECRET} characters. Make one with:"
            " python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return tuple(secret.encode() for secret in found)


def sign(secrets: tuple[bytes, ...], delivery_id: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
    """Headers that prove a body to whoever shares one of the secrets.

    Args:
        secrets: Of `secrets_of`.
        delivery_id: Of what is told.
        body: As it is sent.
        at: Seconds since 1970; None is now.
    """
    stamp = str(int(time.time() if at is None else at))
    signatures = " ".join(f"v1,{_signature(secret, delivery_id, stamp, body)}" for secret in secrets)
    return {"webhook-id": delivery_id, "webhook-timestamp": stamp, "webhook-signature": signatures}


def verify(
    secret: str, headers: Mapping[str, str], body: bytes, *, tolerance_s: float = TOLERANCE_S, now: float | None = None
) -> str:
    """Check that a webhook comes from a service that has the secret, and is neither altered nor old.

    Args:
        secret: As in `serve_webhook_secret`; of several, one that signs is enough.
        headers: Of the request; case does not matter.
        body: Of the request, unchanged.
        tolerance_s: How far the time stamp may be from now, either way.
        now: Seconds since 1970; None asks the clock.

    Returns:
        The id of the delivery. It may come more than once: keep it, and do nothing the second time.

    Raises:
        ForgedWebhook: If a header is missing, the stamp is too far from now, or no signature holds.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        delivery_id, stamp = given["webhook-id"], given["webhook-timestamp"]
        offered = given["webhook-signature"].split()
    except KeyError as error:
        raise ForgedWebhook(f"The header {error} is missing; this was not sent by Assay.") from error
    try:
        age_s = (time.time() if now is None else now) - int(stamp)
    except ValueError as error:
        raise ForgedWebhook("webhook-timestamp is no number of seconds.") from error
    if not math.isfinite(age_s) or abs(age_s) > tolerance_s:
        raise ForgedWebhook(
            f"The webhook is {age_s:.0f} s old, {tolerance_s:g} s are accepted. It may be replayed, or a clock wrong.",
            age_s=age_s,
        )
    wanted = [f"v1,{_signature(key, delivery_id, stamp, body)}" for key in secrets_of(secret)]
    if not any(hmac.compare_digest(mine.encode(), theirs.encode()) for mine in wanted for theirs in offered):
        raise ForgedWebhook("No signature holds: another secret, or the body was altered on the way.")
    return delivery_id


def _signature(secret: bytes, delivery_id: str, stamp: str, body: bytes) -> str:
    content = b".".join((delivery_id.encode(), stamp.encode(), body))
    return base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
