"""What a key may be for. A role is a name for a set of scopes; keys keep the scopes, so roles may change later."""

from __future__ import annotations

from collections.abc import Iterable

from assay.errors import SettingsError

SCOPES: dict[str, str] = {
    "predict": "send media and get a result at once, one by one, in batches or live",
    "jobs": "submit, list, read and cancel one's own jobs",
    "speaker": "enrol, verify, identify, list and delete speakers",
    "history": "read one's own results and appeal against them",
    "review": "read everybody's results, override verdicts and answer appeals",
    "metrics": "read /metrics",
    "admin": "read the audit log, delete results, accept drift",
}
ROLES: dict[str, tuple[str, ...]] = {
    "user": ("predict", "jobs", "history"),
    "reviewer": ("predict", "jobs", "history", "review"),
    "enroller": ("speaker",),
    "monitor": ("metrics",),
    "admin": tuple(SCOPES),
}


def scopes_of(names: Iterable[str]) -> frozenset[str]:
    """The scopes that roles and scopes stand for.

    Raises:
        SettingsError: If a name is neither, or none is given.
    """
    found: set[str] = set()
    for name in names:
        if name not in ROLES and name not in SCOPES:
            raise SettingsError(
                f"'{name}' is neither a role nor a scope. Roles: {', '.join(ROLES)}; scopes: {', '.join(SCOPES)}."
            )
        found.update(ROLES.get(name, (name,)))
    if not found:
        raise SettingsError(f"A key needs a role or a scope. Roles: {', '.join(ROLES)}; scopes: {', '.join(SCOPES)}.")
    return frozenset(found)
