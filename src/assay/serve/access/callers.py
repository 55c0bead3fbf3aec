"""What a request says about its caller: address, name it calls us by, origin, key. Works on ASGI scopes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from assay.errors import HostRefused, KeyRefused, OriginRefused
from assay.settings import Settings

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SUBPROTOCOL = "assay"
KEY_SUBPROTOCOL = "assay-key."
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Scope = MutableMapping[str, Any]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address that a service listens on."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def keys_required(settings: Settings) -> bool:
    """Whether requests need a key: as set, or unless the service listens on loopback only."""
    wanted = settings.serve_require_key
    return not is_loopback(settings.serve_host) if wanted is None else wanted


def address_of(scope: Scope, trusted: tuple[str, ...]) -> str:
    """The client's address; behind proxies that are trusted the one that the first of them saw.

    X-Forwarded-For is read from its right end, which our own proxies wrote; what stands left of the first address that
    is not trusted could be anybody's invention.
    """
    client = scope.get("client")
    address = str(client[0]) if client else ""
    networks = [ipaddress.ip_network(network, strict=False) for network in trusted]
    for told in _forwarded(scope):
        if not _within(address, networks):
            break
        address = told
    return address


def _forwarded(scope: Scope) -> Iterator[str]:
    lines = Headers(scope=scope).getlist("x-forwarded-for")
    yield from (part.strip() for line in reversed(lines) for part in reversed(line.split(",")) if part.strip())


def _within(address: str, networks: list[Any]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def check_host(scope: Scope, settings: Settings) -> None:
    """Refuse names that are not ours, by which a page whose name was rebound to this machine would call.

    Raises:
        HostRefused: If the header is missing, there twice, or names somebody else.
    """
    allowed = frozenset(map(str.lower, settings.serve_allowed_hosts))
    if not allowed and not is_loopback(settings.serve_host):
        return
    given = Headers(scope=scope).getlist("host")
    name = _host_name(given[0]) if len(given) == 1 else None
    if name is None or name not in allowed | LOOPBACK_NAMES | {settings.serve_host.lower()}:
        raise HostRefused(
            f"This service does not answer to the name {name!r}. Call it by its own, or add the name to"
            " serve_allowed_hosts.",
            host=name,
        )


def _host_name(header: str) -> str | None:
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def check_origin(scope: Scope, settings: Settings) -> None:
    """Refuse what another site's page sends through the browser of somebody who needs no key.

    Browsers ask before they send a header with a key, but neither before they open a WebSocket nor before they post a
    form.

    Raises:
        OriginRefused: If the origin is neither ours nor among ``serve_cors_origins``.
    """
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is None or (scope["type"] == "http" and scope["method"] in SAFE_METHODS):
        return
    place = _place_of(origin)
    if origin in settings.serve_cors_origins or (place and place == headers.get("host")):
        return
    raise OriginRefused(
        f"A page of {origin!r} may not call this service. Add its origin to serve_cors_origins, or use a key.",
        origin=origin,
    )


def _place_of(origin: str) -> str:
    """Name and port of an origin; empty if it has none or is malformed."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def key_of(scope: Scope) -> str | None:
    """The key that a request brings: ``Authorization: Bearer``, ``X-API-Key``, or of a WebSocket a subprotocol.

    Raises:
        KeyRefused: If there are several that differ, or Authorization holds something else.
    """
    headers = Headers(scope=scope)
    found = set(headers.getlist("x-api-key"))
    for value in headers.getlist("authorization"):
        scheme, _, text = value.partition(" ")
        if scheme.lower() != "bearer":
            raise KeyRefused("Authorization must be 'Bearer KEY'.", reason="malformed")
        found.add(text.strip())
    if scope["type"] == "websocket":
        offered = scope.get("subprotocols") or ()
        found.update(name.removeprefix(KEY_SUBPROTOCOL) for name in offered if name.startswith(KEY_SUBPROTOCOL))
    if len(found) > 1:
        raise KeyRefused("The request brings several keys that differ. Send one.", reason="malformed")
    return next(iter(found), None)
