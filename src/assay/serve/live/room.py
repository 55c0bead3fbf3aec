"""What the live streams of one process share: the engine, and how many may come in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from assay.audio.detector import AudioDetector
from assay.live import Engine
from assay.models.runs import find_run
from assay.serve.live.closing import Close, Refused
from assay.settings import Settings
from assay.zoo_line import shipped


class Room:
    """One for each process.

    Args:
        settings: In force.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = Lock()
        self._engine: Engine | None = None
        self._addresses: Counter[str] = Counter()

    @property
    def streams(self) -> int:
        """How many are open."""
        return self._addresses.total()

    def engine(self) -> Engine:
        """The engine; made, with its model, for the first stream.

        Raises:
            ModelError: If the model is unknown or was altered.
        """
        with self._lock:
            if self._engine is None:
                settings = self.settings
                # Networks that were trained here judge files only; `ready` tells which model hears.
                run = find_run(settings.audio_model, settings.models_dir)
                name = shipped("audio", settings, instead=run is not None)
                detector = AudioDetector(name, device=settings.device)
                self._engine = Engine(detector, threads=self.settings.serve_live_threads)
            return self._engine

    @contextmanager
    def entered(self, address: str) -> Iterator[None]:
        """Count a stream while it is open; to be used in the event loop only.

        Raises:
            Refused: If there are too many.
        """
        settings = self.settings
        if self.streams >= settings.serve_live_streams:
            raise Refused(
                Close.TRY_LATER,
                "too_many_streams",
                f"{self.streams} streams are open, which is all that this service hears at once. Try later.",
            )
        if self._addresses[address] >= settings.serve_live_streams_per_address:
            raise Refused(
                Close.TOO_MANY,
                "too_many_streams_of_address",
                f"{self._addresses[address]} streams are open from your address, and no more are accepted. End one.",
            )
        self._addresses[address] += 1
        try:
            yield
        finally:
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]

    def close(self) -> None:
        """Stop the engine."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
            self._engine = None
