"""Which addresses a webhook may go to, so that nobody can make this service call what only it can reach (SSRF).

- Nothing is called unless `serve_webhook_hosts` names its host.
- https and the usual port, unless set otherwise; no user name in the URL.
- After resolution every address must be public. Which ranges are not is IANA's list, as `ipaddress` has it (RFC 6890);
  addresses that carry another one inside (IPv4-mapped, 6to4, Teredo, NAT64) are judged by that, too.
- The connection goes to an address that was checked, not to a name that may point elsewhere by then (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from assay.errors import WebhookRefused
from assay.settings import Settings

log = logging.getLogger("assay.serve.jobs")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]

PORTS = {"https": 443, "http": 80}
LONGEST_URL = 2000
# Where clouds tell a machine its own credentials; refused whatever is set.
METADATA = tuple(
    ipaddress.ip_network(range_) for range_ in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32")
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """Where to send: `path` with its query, as it goes into the request line."""

    secure: bool
    host: str
    port: int
    path: str


def target_of(url: str, settings: Settings) -> Target:
    """Check an address without asking anybody.

    Raises:
        WebhookRefused: If its scheme, host or port is not allowed, or it is malformed.
    """
    if len(url) > LONGEST_URL or not url.isascii() or any(ord(letter) <= 32 or letter in '\\"<>' for letter in url):
        raise WebhookRefused(f"webhook: a URL has printable ASCII only and at most {LONGEST_URL} characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WebhookRefused("webhook: this is no URL.") from error
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in PORTS or not host or "%" in host or parts.fragment:
        raise WebhookRefused("webhook: give https://HOST/PATH.")
    if parts.username is not None or parts.password is not None:
        raise WebhookRefused("webhook: a URL holds no user name; requests are signed instead.")
    if parts.scheme == "http" and not settings.serve_webhook_http:
        raise WebhookRefused("webhook: only https is called (serve_webhook_http).")
    port = PORTS[parts.scheme] if port is None else port
    if not any(_names(entry, host, port, parts.scheme) for entry in settings.serve_webhook_hosts):
        raise WebhookRefused(
            f"webhook: '{host}:{port}' is not among the hosts that this service calls (serve_webhook_hosts).",
            host=host,
            port=port,
        )
    path = parts.path or "/"
    return Target(parts.scheme == "https", host, port, f"{path}?{parts.query}" if parts.query else path)


def _names(entry: str, host: str, port: int, scheme: str) -> bool:
    """Whether an entry of the setting means this host: HOST, HOST:PORT or *.DOMAIN; IPv6 in brackets."""
    entry = entry.lower()
    name, _, stated = entry.rpartition(":") if entry.count(":") == 1 or "]:" in entry else (entry, "", "")
    if stated != str(port) and (stated or port != PORTS[scheme]):
        return False
    name = name.strip("[]")
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def resolve(host: str, port: int) -> list[str]:
    """Addresses of a name, by the system's resolver.

    Raises:
        OSError: If it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def addresses_of(target: Target, *, private: bool, ask: Resolve = resolve) -> list[str]:
    """Addresses that may be called; a name that has a forbidden one among them is refused as a whole.

    Args:
        target: Of `target_of`.
        private: Whether private and loopback addresses are allowed.
        ask: Resolves a name.

    Raises:
        WebhookRefused: If an address is not allowed.
        OSError: If the name has none.
    """
    found = ask(target.host, target.port)
    for text in found:
        if not _allowed(ipaddress.ip_address(text.partition("%")[0]), private=private):
            log.warning("webhook: %s leads to %s, which is not to be called", target.host, text)
            # Whoever named the host is not told the address: it would be a map of the inside.
            raise WebhookRefused(f"webhook: '{target.host}' leads to no public address.", host=target.host)
    if not found:
        raise OSError(f"{target.host} has no address")
    return found


def _allowed(address: Address, *, private: bool) -> bool:
    for each in (address, *_inside(address)):
        if any(each in range_ for range_ in METADATA if range_.version == each.version):
            return False
        if each.is_multicast or each.is_unspecified or not (private or each.is_global):
            return False
    return True


def _inside(address: Address) -> list[Address]:
    """Addresses that this one carries: what a gateway, or the system itself, would turn it into."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]
