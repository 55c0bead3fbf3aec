"""Where requests with files come in: how many at once, by which rules, and where the files lie meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from assay.errors import Overloaded
from assay.serve.multipart import Form, FormRules, received
from assay.serve.uploads import UploadFolder

if TYPE_CHECKING:
    from starlette.requests import Request

    from assay.settings import Settings


class Reception:
    """One for each process, shared by all rooms that take files.

    Args:
        settings: In force; ``serve_folder`` and ``serve_max_uploads`` are used.

    Raises:
        SettingsError: If the folder cannot be made or written.
    """

    def __init__(self, settings: Settings) -> None:
        self._most = settings.serve_max_uploads
        self._folder = UploadFolder(settings.serve_folder)
        self._arriving = 0

    @asynccontextmanager
    async def form(self, request: Request, rules: FormRules) -> AsyncIterator[Form]:
        """The form of a request, if there is room; its files are removed after the block, if they are still there.

        Raises:
            Overloaded: If as many requests arrive as may; nothing is read then.
            BadRequest, UnsupportedMedia, LimitExceeded, UploadTooSlow, ClientGone: As `received`.
        """
        if self._arriving >= self._most:
            raise Overloaded(f"{self._arriving} requests are arriving already. Ask again.", retry_after_s=2)
        self._arriving += 1
        arriving = True
        try:
            async with received(request, rules, self._folder) as form:
                self._arriving -= 1
                arriving = False
                yield form
        finally:
            self._arriving -= arriving

    def close(self) -> None:
        """Remove the folder and what is still in it."""
        self._folder.close()
