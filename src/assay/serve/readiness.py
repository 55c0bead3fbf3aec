"""Whether the service can answer: every model is loaded and gives its known answer, and the database is there."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from assay.errors import AssayError, Unavailable
from assay.selftest import run_self_tests

if TYPE_CHECKING:
    from assay.serve.context import Context
    from assay.serve.scoring import Scorer

State = Literal["starting", "ready", "failed", "draining"]
log = logging.getLogger("assay.serve")


@dataclass(frozen=True)
class Check:
    """One thing that must be right.

    Attributes:
        passed: Whether it is.
        detail: What was found.
    """

    passed: bool
    detail: str


class Readiness:
    """Loads and tests the models in the background, so that the service can say that it is starting.

    Args:
        context: Of this process.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._models = Check(False, "the models are being loaded and tested")
        self._task: asyncio.Task[None] | None = None
        self._tested = False
        self.started = time.time()

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._prepare())

    async def settled(self) -> None:
        """Wait until the models are loaded and tested, whatever comes of it."""
        if self._task is not None:
            await self._task

    @property
    def state(self) -> State:
        """In a word; the database is not asked."""
        scorer: Scorer = self._context.scorer
        if scorer.draining:
            return "draining"
        if self._models.passed:
            return "ready"
        return "failed" if self._tested else "starting"

    def require(self) -> None:
        """Refuse to score with models that are not loaded, or fail their self-test.

        Raises:
            Unavailable: Then.
        """
        if not self._models.passed:
            wait_s = 60 if self._tested else 2
            raise Unavailable(f"Not ready: {self._models.detail}.", retry_after_s=wait_s)

    async def checks(self) -> dict[str, Check]:
        """What must be right, by name."""
        draining = self.state == "draining"
        return {
            "models": self._models,
            "database": await asyncio.to_thread(self._ask_database),
            "accepting": Check(not draining, "about to stop" if draining else "takes files"),
        }

    async def _prepare(self) -> None:
        try:
            self._models = await asyncio.to_thread(self._load)
        except AssayError as error:
            self._models = Check(False, error.message)
        except Exception as error:  # the outermost place of this task; whoever waits for it must be able to go on
            log.exception("the models could not be loaded and tested")
            self._models = Check(
                False, f"the models could not be loaded and tested ({type(error).__name__}); see the log"
            )
        self._tested = True
        log.log(logging.INFO if self._models.passed else logging.ERROR, "models: %s", self._models.detail)

    def _load(self) -> Check:
        scorer: Scorer = self._context.scorer
        _ = scorer.detector.video_models  # and with them that of pictures
        tests = run_self_tests(self._context.settings)
        failed = [f"{test.name}: {test.detail}" for test in tests if not test.passed]
        return Check(not failed, "; ".join(failed) or f"{len(tests)} models give their known answers")

    def _ask_database(self) -> Check:
        try:
            with self._context.database.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            log.error("the database does not answer: %s", error)
            return Check(False, f"the database does not answer ({type(error).__name__})")
        return Check(True, "the database answers")
