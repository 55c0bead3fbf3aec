"""A progress bar on standard error, for several files and a person who looks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.progress import Progress


class Bar(Protocol):
    """Shows how far a batch is."""

    def advance(self) -> None:
        """One more file is done."""

    def at(self, done: int, total: int) -> None:
        """So many are done of so many."""

    def aside(self) -> AbstractContextManager[None]:
        """Clear the bar while something else is written to the terminal."""


class NoBar:
    """Shows nothing."""

    def advance(self) -> None:
        """Nothing to show."""

    def at(self, done: int, total: int) -> None:
        """Nothing to show."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Nothing to clear."""
        yield


class RichBar:
    """A bar with count, share and time left; a moving one while the total is not known."""

    def __init__(self, progress: Progress, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task("scanning", total=total)

    def advance(self) -> None:
        """One more file is done."""
        self._progress.advance(self._task)

    def at(self, done: int, total: int) -> None:
        """So many are done of so many."""
        self._progress.update(self._task, completed=done, total=total)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Clear the bar, and draw it again afterwards."""
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()


@contextmanager
def progress_bar(wanted: bool, total: int | None) -> Iterator[Bar]:
    """A bar if one is wanted and standard error is a terminal.

    Args:
        wanted: Whether there is enough to do for a bar.
        total: Files to do; None if not known.
    """
    if not (wanted and sys.stderr.isatty()):
        yield NoBar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    # redirect_stdout would send piped results to the terminal; log records go through standard error.
    progress = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=True,
    )
    with progress:
        yield RichBar(progress, total)


def count_inputs(sources: Sequence[str]) -> int | None:
    """Number of files that sources stand for; None if that takes a search through folders or patterns."""
    return len(set(sources)) if all(map(_is_one_file, sources)) else None


def _is_one_file(source: str) -> bool:
    # os.path says no where Path raises, for a name that is too long, say; opening it will tell.
    if os.path.isdir(source):  # noqa: PTH112
        return False
    return source == "-" or os.path.exists(source) or not any(c in source for c in "*?[")  # noqa: PTH110
