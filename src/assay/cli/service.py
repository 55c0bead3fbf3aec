"""What commands beside the running service need: its database, and a word on the missing extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from assay.errors import MissingExtra

if TYPE_CHECKING:
    from assay.serve.context import Context

SERVICE_MODULES = frozenset({"fastapi", "huey", "prometheus_client", "sqlalchemy", "starlette", "anyio"})


@contextmanager
def serve_extra(purpose: str) -> Iterator[None]:
    """What is imported here needs the extra `serve`.

    Args:
        purpose: What the user wants, to begin the sentence with.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in SERVICE_MODULES:
            raise MissingExtra.of("serve", purpose) from error
        raise


@contextmanager
def service(purpose: str, **given: Any) -> Iterator[Context]:
    """Settings in force and the database of the service, with its tables.

    Args:
        purpose: As `serve_extra`.
        **given: Settings from the command line.
    """
    from assay.cli.terminal import prepare

    settings = prepare(**given)
    with serve_extra(purpose):
        import assay.serve.access.keys
        import assay.serve.operation.recording  # noqa: F401 - both declare tables
        from assay.serve.context import Context
        from assay.serve.database import Database
    database = Database.of(settings)
    try:
        database.create_tables()
        yield Context(settings=settings, database=database, scorer=None)
    finally:
        database.close()
