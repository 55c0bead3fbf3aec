"""Rate limits: a token bucket for each key and each address.

A bucket holds `BURST_S` seconds' worth of requests and fills at the stated rate (Turner, IEEE Communications Magazine
24(10), 1986). Buckets are in the memory of one process: behind several processes a client has the rate several times,
and a restart fills them. What must hold over machines belongs into the reverse proxy (docs/deploy.md).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from threading import Lock

BURST_S = 10.0
LEAST_BURST = 5.0  # requests that may always come at once
MOST_BUCKETS = 50_000


class TokenBuckets:
    """Buckets by name; those longest unused are forgotten, so memory is bounded.

    Args:
        rate: Requests a minute; 0 for no limit.
        clock: Seconds that only rise.
        most: Buckets kept.
    """

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic, most: int = MOST_BUCKETS) -> None:
        self.rate = rate
        self._clock = clock
        self._most = most
        self._lock = Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when they were counted

    def take(self, name: str, rate: float | None = None) -> float:
        """Take one token.

        Args:
            name: Whose.
            rate: Requests a minute of this one, where it differs.

        Returns:
            0 if there was one, or the seconds until there will be.
        """
        per_s = (self.rate if rate is None else rate) / 60
        if per_s <= 0:
            return 0.0
        size = max(LEAST_BURST, per_s * BURST_S)
        with self._lock:
            now = self._clock()
            tokens, counted = self._buckets.pop(name, (size, now))
            tokens = min(size, tokens + (now - counted) * per_s)
            enough = tokens >= 1
            self._buckets[name] = (tokens - 1 if enough else tokens, now)
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        return 0.0 if enough else (1 - tokens) / per_s

    def __len__(self) -> int:
        return len(self._buckets)


def bucket_of(address: str) -> str:
    """Name of an address's bucket: of IPv6 the first 64 bits, which one household or machine has to itself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
