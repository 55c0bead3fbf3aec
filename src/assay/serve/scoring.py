"""Scans for whoever asks: a bounded queue before a pool of threads that share one set of models.

Decisions
- Threads, not processes: nearly all time is spent in ONNX Runtime and in decoders, which let other threads run. So the
  models are in memory once, and scans of several requests can share a call of the network (`assay.serve.batching`).
- What does not fit the queue is refused at once, with an estimate of when to ask again.
- A scan that nobody waits for any more leaves the queue, or is told to stop (`assay.stopping`); its thread counts as
  busy until it does.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock
from types import MappingProxyType
from typing import Any, Literal

from assay.audio.detector import AudioDetector
from assay.errors import AssayError, Overloaded, SettingsError, Stopped, TimedOut, Unavailable, UnsupportedMedia
from assay.line import Detector
from assay.media import AudioMedia, open_moving
from assay.models.providers import CPU, provider_of
from assay.models.registry import model_names
from assay.models.weights import load_session
from assay.result import Outcome, ScanFailure, ScanResult
from assay.serve.batching import BatchingSession
from assay.settings import Settings, load_settings
from assay.stopping import stopped_by

Media = Literal["audio", "image", "video"]
Observer = Callable[[Outcome, float], None]

PER_SCAN = frozenset(
    {
        "max_false_alarm",
        "false_alarm_cost",
        "prior",
        "channels",
        "stability",
        "deep",
        "fps",
        "close_s",
        "num_frames",
    }
)
NO_CHANGES: Mapping[str, Any] = MappingProxyType({})
KEPT_DETECTORS = 32
SPARE_JOBS = 1  # computes while another waits for the interpreter
FIRST_GUESS_S = 0.2  # of a scan, until some have been timed
_STOPPING = "The service is stopping and did not finish this scan. Ask again."
log = logging.getLogger("assay.serve")


class Scorer:
    """Scans files for the whole process; may be shared between event loops and threads.

    Args:
        settings: In force; the fields that begin with ``serve_`` say how many scans run, wait and for how long.

    Raises:
        SettingsError: If a setting is out of range.
        ModelError: If a model is unknown or its weight was altered.
        MissingExtra: If a setting needs what is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.jobs = settings.serve_jobs or cores() + SPARE_JOBS
        self.detector = Detector(settings=settings, model=_sound_model(settings))
        self._pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="assay-score")
        self._lock = Lock()
        self._under_way: dict[Future[ScanResult], Event] = {}
        self._mean_s = FIRST_GUESS_S
        self._detectors: OrderedDict[tuple[tuple[str, Any], ...], Detector] = OrderedDict()
        self._observers: list[Observer] = []
        self._draining_since: float | None = None

    async def scan(
        self,
        source: Path | bytes,
        *,
        name: str,
        changes: Mapping[str, Any] = NO_CHANGES,
        media: Collection[Media] = (),
        timeout_s: float | None = None,
    ) -> ScanResult:
        """Scan one file when its turn comes.

        Args:
            source: The file, which must stay until the answer is there, or its bytes.
            name: What to call it in the result and in messages.
            changes: Settings of `PER_SCAN` that are others for this file.
            media: Kinds that are accepted; empty for all. The content decides which it is.
            timeout_s: Longest wait, the turn included; None for ``serve_timeout_s``.

        Raises:
            Overloaded: If ``serve_queue_size`` files wait already.
            Unavailable: If the service is about to stop.
            TimedOut: If there is no answer in time.
            SettingsError: If a change is unknown or out of range.
            MediaError, ModelError: As `assay.line.Detector.scan`.
        """
        self.require_room()
        detector = self.detector_with(changes)
        limit = self.settings.serve_timeout_s if timeout_s is None else timeout_s
        stop, asked = Event(), time.monotonic()
        job = self._pool.submit(self._work, detector, source, name, frozenset(media), stop)
        with self._lock:
            self._under_way[job] = stop
        job.add_done_callback(self._forget)
        answer = asyncio.wrap_future(job)
        answer.add_done_callback(_look_at)  # whoever asked may be gone
        try:
            done, _ = await asyncio.wait({answer}, timeout=limit)
        except asyncio.CancelledError:
            _give_up(job, stop)
            raise
        spent = time.monotonic() - asked
        if not done:
            _give_up(job, stop)
            late = TimedOut(
                f"'{name}' has no answer after {limit:g} s. Submit it as a job, which may take longer, or have the"
                " setting serve_timeout_s raised.",
                timeout_s=limit,
            )
            self._tell(ScanFailure.of(name, late), spent)
            raise late
        if answer.cancelled():  # by `close`, before its turn
            raise Unavailable(_STOPPING)
        try:
            result = answer.result()
        except Stopped as error:
            raise Unavailable(_STOPPING) from error
        except AssayError as error:
            self._tell(ScanFailure.of(name, error), spent)
            raise
        self._tell(result, spent)
        return result

    def require_room(self) -> None:
        """Refuse while nothing more may wait.

        Raises:
            Overloaded: If as many files wait as may.
            Unavailable: If the service is about to stop.
        """
        if self.draining:
            raise Unavailable("The service is about to stop and takes no more files. Ask again.", retry_after_s=5)
        if not self.has_room():
            waiting, wait_s = self.depth(), self.estimated_wait_s()
            raise Overloaded(
                f"{waiting} files are waiting already, as many as may. Ask again in {wait_s} s.",
                waiting=waiting,
                retry_after_s=wait_s,
            )

    def has_room(self) -> bool:
        """Whether one more file may wait."""
        return self.depth() < self.settings.serve_queue_size

    def depth(self) -> int:
        """How many files wait for their turn."""
        with self._lock:
            return max(0, len(self._under_way) - self.jobs)

    def running(self) -> int:
        """How many files are being scored."""
        with self._lock:
            return min(len(self._under_way), self.jobs)

    def estimated_wait_s(self) -> int:
        """Seconds until one more file would have its turn, as fast as scans went lately."""
        with self._lock:
            ahead, mean_s = len(self._under_way), self._mean_s
        return max(1, min(math.ceil(ahead * mean_s / self.jobs), math.ceil(self.settings.serve_timeout_s)))

    def observe(self, observer: Observer) -> None:
        """Have a function called with every outcome and the seconds it took, its turn included; on the event loop."""
        self._observers.append(observer)

    def drain(self) -> None:
        """Take nothing more; what waits and runs goes on."""
        if self._draining_since is None:
            self._draining_since = time.monotonic()

    @property
    def draining(self) -> bool:
        """Whether nothing more is taken."""
        return self._draining_since is not None

    @property
    def grace_s(self) -> float:
        """Seconds that are left of ``serve_grace_s``, which begins when nothing more is taken."""
        spent = 0.0 if self._draining_since is None else time.monotonic() - self._draining_since
        return max(0.0, self.settings.serve_grace_s - spent)

    async def close(self, *, grace_s: float | None = None) -> bool:
        """Take nothing more, finish within a limit what is under way, and stop the rest.

        Args:
            grace_s: The limit; None for what is left of ``serve_grace_s``.

        Returns:
            Whether no thread is busy any more; one inside a native call cannot be stopped.
        """
        self.drain()
        await self._until_idle(self.grace_s if grace_s is None else grace_s)
        with self._lock:
            left = list(self._under_way.items())
        for job, stop in left:
            _give_up(job, stop)
        if left:
            log.warning("%d scan(s) were stopped before their end", len(left))
        idle = await self._until_idle(2.0 if left else 0.0)
        self._pool.shutdown(wait=idle, cancel_futures=True)
        return idle

    async def _until_idle(self, limit_s: float) -> bool:
        until = time.monotonic() + limit_s
        while self._under_way and time.monotonic() < until:
            await asyncio.sleep(0.02)
        return not self._under_way

    def detector_with(self, changes: Mapping[str, Any]) -> Detector:
        """The detector with these settings of `PER_SCAN` changed; the models are the same.

        Raises:
            SettingsError: If a change is unknown or out of range.
        """
        if not changes:
            return self.detector
        unknown = sorted(set(changes) - PER_SCAN)
        if unknown:
            raise SettingsError(
                f"{', '.join(unknown)} cannot be set for one file; these can: {', '.join(sorted(PER_SCAN))}."
            )
        key = tuple(sorted(changes.items()))
        with self._lock:
            if key in self._detectors:
                self._detectors.move_to_end(key)
                return self._detectors[key]
        made = self.detector.varied(load_settings(**{**self.settings.model_dump(), **changes}))
        with self._lock:
            self._detectors[key] = made
            while len(self._detectors) > KEPT_DETECTORS:
                self._detectors.popitem(last=False)
        return made

    def _work(
        self, detector: Detector, source: Path | bytes, name: str, media: frozenset[Media], stop: Event
    ) -> ScanResult:
        """In a thread of the pool."""
        started = time.perf_counter()
        try:
            opened = open_moving(source, settings=detector.settings, name=name)
            _require(opened, media, name)
            with stopped_by(stop):
                return detector.examine(opened, started=started)
        finally:
            spent = time.perf_counter() - started
            with self._lock:
                self._mean_s += 0.1 * (spent - self._mean_s)

    def _forget(self, job: Future[ScanResult]) -> None:
        with self._lock:
            self._under_way.pop(job, None)

    def _tell(self, outcome: Outcome, spent_s: float) -> None:
        for observer in self._observers:
            _tell_one(observer, outcome, spent_s)


def _tell_one(observer: Observer, outcome: Outcome, spent_s: float) -> None:
    try:
        observer(outcome, spent_s)
    except Exception:  # somebody else's counter must not cost anybody an answer
        log.exception("an observer of scans failed")


def cores() -> int:
    """Processor cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def kind_of(media: object) -> Media:
    """What `open_moving` found."""
    if isinstance(media, AudioMedia):
        return "audio"
    from assay.media.pictures import Picture  # loads Pillow, which sound does without

    return "image" if isinstance(media, Picture) else "video"


def _require(opened: object, media: frozenset[Media], name: str) -> None:
    if not media:
        return
    found = kind_of(opened)
    if found not in media:
        raise UnsupportedMedia(
            f"'{name}' is of the kind '{found}', and {' or '.join(sorted(media))} was asked for. Send it to"
            f" /api/predict/{found}, or to /api/predict/multimodal, which takes all.",
            found=found,
            accepted=sorted(media),
        )


def _sound_model(settings: Settings) -> AudioDetector | None:
    """With calls shared between scans where that pays; None for the ordinary one."""
    if settings.serve_batch == 1 or settings.audio_model not in model_names():
        return None
    session = load_session(settings.audio_model, threads=settings.threads, device=settings.device)
    most = settings.serve_batch or (1 if provider_of(session) == CPU else 8)
    if most > 1:
        session = BatchingSession(session, most=most, wait_s=settings.serve_batch_wait_ms / 1e3)
    return AudioDetector(settings.audio_model, session=session)


def _give_up(job: Future[ScanResult], stop: Event) -> None:
    stop.set()
    job.cancel()


def _look_at(answer: asyncio.Future[ScanResult]) -> None:
    if not answer.cancelled():
        answer.exception()
