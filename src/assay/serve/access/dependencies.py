"""What an endpoint asks for: ``principal: Annotated[Principal, Depends(require("predict"))]``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

from assay.errors import KeyRequired, ScopeMissing
from assay.serve.access.principal import Principal
from assay.serve.access.scopes import SCOPES


def principal_of(connection: HTTPConnection) -> Principal:
    """Who asks.

    Raises:
        KeyRequired: If nobody stood before the endpoint to tell; a door without a guard stays shut.
    """
    principal = getattr(connection.state, "principal", None)
    if not isinstance(principal, Principal):
        raise KeyRequired("Nobody checked who asks: assay.serve.access.install was not called on this app.")
    return principal


def require(scope: str) -> Callable[[HTTPConnection], Awaitable[Principal]]:
    """A dependency, of an endpoint or a WebSocket, that lets only those in who have a scope.

    Args:
        scope: One of `assay.serve.access.scopes.SCOPES`.
    """
    if scope not in SCOPES:
        raise ValueError(f"no scope '{scope}'; there are {', '.join(SCOPES)}")

    async def check(connection: HTTPConnection) -> Principal:
        principal = principal_of(connection)
        if not principal.may(scope):
            raise ScopeMissing(
                f"This needs the scope '{scope}', which {principal.name} does not have. Ask the operator for a key"
                " with it.",
                scope=scope,
            )
        return principal

    return check
