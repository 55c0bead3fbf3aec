"""What every request has a name for, in its answer, in errors and in the log."""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from typing import Any


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    """The id of a request; one is made if nobody did yet."""
    state = scope.setdefault("state", {})
    if not state.get("request_id"):
        state["request_id"] = scope.get("assay.request_id") or secrets.token_hex(8)
    return str(state["request_id"])
