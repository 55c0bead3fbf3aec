"""How a worker scans a file: with a detector of its own, or with the scorer of the service that it lives in."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from assay.line import Detector
from assay.result import ScanResult
from assay.serve.crossing import from_thread
from assay.serve.jobs.options import JobOptions
from assay.settings import Settings

Scan = Callable[[Path, str, JobOptions], ScanResult]
"""File, name to show, what was asked for; raises errors of our tree."""

KEPT_VARIANTS = 4


class DetectorScan:
    """Scans with one `Detector`, and with variants of it for jobs that ask for other settings.

    Args:
        settings: Of the service.

    Raises:
        ModelError: If the detector for sound is unknown or altered.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._detector = Detector(settings=settings)
        self._variants: OrderedDict[JobOptions, Detector] = OrderedDict()
        self._lock = Lock()

    def __call__(self, path: Path, label: str, options: JobOptions) -> ScanResult:
        """Scan one file; see `Detector.scan`."""
        return self._for(options).scan(path, name=label)

    def _for(self, options: JobOptions) -> Detector:
        if not options.given():
            return self._detector
        with self._lock:
            if options not in self._variants:
                # Values were validated with the options.
                settings = self._settings.model_copy(update=options.given())
                self._variants[options] = self._detector.varied(settings)
            self._variants.move_to_end(options)
            if len(self._variants) > KEPT_VARIANTS:
                self._variants.popitem(last=False)
            return self._variants[options]


class Scorer(Protocol):
    """What this needs of `assay.serve.scoring.Scorer`."""

    async def scan(
        self, path: Path, *, name: str, changes: Mapping[str, Any], timeout_s: float | None = None
    ) -> ScanResult:
        """Scan one file when its turn comes."""
        ...


class ScorerScan:
    """Scans with what the service scans with: the same models, its limits, its counters.

    What the scorer refuses because it is full or about to stop is no end of a job; see `assay.serve.jobs.runner`.

    Args:
        scorer: Of the context.
        loop: That the scorer lives on.
        longest_s: How long a job may take.
    """

    def __init__(self, scorer: Scorer, loop: asyncio.AbstractEventLoop, *, longest_s: float) -> None:
        self._scorer, self._loop, self._longest_s = scorer, loop, longest_s

    def __call__(self, path: Path, label: str, options: JobOptions) -> ScanResult:
        """Scan one file, from a thread that is not the loop's.

        Raises:
            Stopped: If `assay.stopping` was told so in this thread.
        """
        work = self._scorer.scan(path, name=label, changes=options.given(), timeout_s=self._longest_s)
        return from_thread(work, self._loop)
