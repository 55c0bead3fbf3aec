"""URLs that hold passwords, shown without them."""

from __future__ import annotations

import re
from urllib.parse import unquote

HIDDEN = "***"
# Up to the last "@": a password that holds one, unescaped, is malformed and must not be shown either.
_USER = re.compile(r"^([^:/?#]+://[^:@/]*):(.*)@", re.DOTALL)
_QUERY = re.compile(r"([?&](?:password|sslpassword)=)([^&#]*)", re.IGNORECASE)


def masked(url: str) -> str:
    """A URL with stars in the place of its passwords: after the user's name, and in its query."""
    return _QUERY.sub(rf"\1{HIDDEN}", _USER.sub(rf"\1:{HIDDEN}@", url))


def without_password(text: str, url: str) -> str:
    """What somebody said about a URL, with stars in the place of its passwords."""
    found = [match[2] for match in (_USER.match(url), *_QUERY.finditer(url)) if match is not None]
    # A parser that stumbles over a password may repeat a part of it.
    secrets = {
        part for password in found for part in (password, unquote(password), *re.split(r"[:/?#@\[\]]", password))
    }
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
