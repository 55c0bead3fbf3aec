"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass

from assay.serve.access.scopes import SCOPES


@dataclass(frozen=True)
class Principal:
    """Who asks, and what for they may.

    Attributes:
        id: Stays when a key is rotated; results and jobs belong to it.
        name: For people.
        scopes: See `assay.serve.access.scopes.SCOPES`.
        key: The public part of the key that was given; empty without one.
        rate: Requests a minute, where the key has a limit of its own.
    """

    id: str
    name: str
    scopes: frozenset[str]
    key: str = ""
    rate: float | None = None

    def may(self, scope: str) -> bool:
        """Whether a scope is among theirs."""
        return scope in self.scopes

    def sees(self, owner: str) -> bool:
        """Whether what belongs to `owner` may be shown to them."""
        return owner == self.id or self.may("review") or self.may("admin")


LOCAL = Principal("local", "local user", frozenset(SCOPES))
"""Whoever calls a service that listens on loopback only."""

ANYBODY = Principal("anybody", "anybody", frozenset(SCOPES) - {"admin"})
"""Whoever calls a service on another address that was told not to ask for keys."""

NOBODY = Principal("nobody", "nobody", frozenset())
"""Whoever calls a public path, such as /livez."""

OPERATOR = Principal("operator", "command line", frozenset(SCOPES))
"""Whoever runs `assay keys` and `assay jobs` beside the service."""
