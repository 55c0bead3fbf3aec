"""What commands beside the running service need: its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from assay.cli.extras import service_extra

if TYPE_CHECKING:
    from assay.serve.context import Context


@contextmanager
def service(purpose: str, **given: Any) -> Iterator[Context]:
    """Settings in force and the database of the service, with its tables.

    Args:
        purpose: As `service_extra`.
        **given: Settings from the command line.
    """
    from assay.cli.terminal import prepare

    settings = prepare(**given)
    with service_extra(purpose):
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
