"""One stream: bytes in, messages out.

`Stream.feed` may be called from one thread while another takes `Stream.prepare` and `Stream.absorb` in turn. Seconds
are counted in the sound that came in, so that messages do not depend on how it was cut. Nothing grows but the bytes
that wait, which `Stream.behind_s` tells; whoever feeds must heed it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from assay.audio.rolling import MOST_SECONDS, Logits, RollingLane
from assay.audio.silence import Samples
from assay.audio.speech import SAMPLE_RATE_HZ
from assay.errors import EmptyMedia
from assay.evidence import reference_of
from assay.live.judge import Judge
from assay.live.messages import Heard, Result
from assay.media.pcm import CODECS, PcmFormat, PcmStream
from assay.result import NotAnalysed, ScanResult

if TYPE_CHECKING:
    from assay.audio.detector import AudioDetector
    from assay.settings import Settings

NOT_APPLIED = ("stability", "denoise")


class Stream:
    """One stream of sound.

    Args:
        detector: What scores it.
        settings: In force; `NOT_APPLIED` are for files.
        form: What the bytes mean.
        name: What results call it.
        keep_s: Seconds of llrs that are kept; None for an hour.
    """

    def __init__(
        self,
        detector: AudioDetector,
        settings: Settings,
        form: PcmFormat,
        *,
        name: str = "<stream>",
        keep_s: float | None = None,
    ) -> None:
        self.form, self._name, self._detector = form, name, detector
        settings = settings.model_copy(update={"denoise": False, "stability": False})
        kept = {} if keep_s is None else {"keep_s": keep_s}
        self._lane = RollingLane(detector.card, detector.speech_stream(), **kept)
        self._judge = Judge(detector.card, settings)
        self._pcm = PcmStream(form)
        self._lock = Lock()
        self._waiting = bytearray()
        self._ended = self._finished = False
        self._sha256 = hashlib.sha256()
        self._seconds = 0
        self._spent_s = 0.0

    @property
    def behind_s(self) -> float:
        """Seconds of sound that wait."""
        return len(self._waiting) / self.form.second_bytes

    @property
    def heard_s(self) -> float:
        """Seconds of sound that messages were made of."""
        return self._lane.duration_s

    @property
    def odd_bytes(self) -> int:
        """Bytes behind the last whole sample; known at the end."""
        return self._pcm.odd_bytes if self._finished else 0

    @property
    def ready(self) -> bool:
        """Whether `prepare` has something to do: a whole second waits, or the stream has ended."""
        return not self._finished and (self._ended or len(self._waiting) >= self.form.second_bytes)

    @property
    def finished(self) -> bool:
        """Whether the result was given."""
        return self._finished

    def feed(self, data: bytes) -> None:
        """The next bytes, any number."""
        with self._lock:
            self._waiting += data

    def end(self) -> None:
        """There will be no more; the rest may be prepared."""
        self._ended = True

    def prepare(self) -> Samples | None:
        """Take what waits, up to 15 s, through speech activity; `absorb` must follow.

        Returns:
            The stretch whose logits are wanted, shape (samples,); None if there is none.
        """
        started = time.perf_counter()
        ended = self._ended  # before the bytes are taken: none come after it
        second = self.form.second_bytes
        with self._lock:
            count = min(len(self._waiting) // second, MOST_SECONDS)
            data = bytes(self._waiting[: count * second])
            del self._waiting[: count * second]
            last = ended and len(self._waiting) < second
            rest = bytes(self._waiting) if last else b""
            if last:
                self._waiting.clear()
        self._sha256.update(data)
        self._sha256.update(rest)
        samples = [self._pcm.push(data[first : first + second]) for first in range(0, len(data), second)]
        tail = np.concatenate([self._pcm.push(rest), self._pcm.finish()]) if last else None
        self._finished = last
        stretch = self._lane.hear(samples, rest=tail)
        self._spent_s += time.perf_counter() - started
        return stretch

    def absorb(self, logits: Logits | None) -> list[Heard]:
        """Messages about the seconds that were prepared, the result behind them if they were the last.

        Args:
            logits: Of the stretch that `prepare` gave.

        Raises:
            EmptyMedia: If the stream ended without a sample.
        """
        started = time.perf_counter()
        after = self.behind_s
        messages: list[Heard] = []
        for _ in self._lane.learn(logits):
            self._seconds += 1
            messages += [self._judge.update(self._lane, time_s=self._seconds, behind_s=after)]
        self._spent_s += time.perf_counter() - started
        if self._finished:
            messages[-1:] = [self._result()]  # the rest is no second of its own
        return messages

    def _result(self) -> Result:
        lane = self._lane
        if not lane.samples:
            raise EmptyMedia("The stream ended without a sample. Send sound before the end.")
        judgement = self._judge.conclude(lane)
        fields = {name: getattr(judgement, name) for name in judgement.__dataclass_fields__}
        odd = self._odd()
        result = ScanResult(
            path=self._name,
            sha256=self._sha256.hexdigest(),
            media="audio",
            container="stream",
            codec=CODECS[self.form.encoding],
            sample_rate_hz=self.form.sample_rate_hz,
            channels=self.form.channels,
            duration_s=round(lane.duration_s, 4),
            speech_s=round(lane.speech_s, 3),
            model=reference_of(self._detector),
            timings_ms={"stream": round(1e3 * self._spent_s, 3)},
            **{**fields, "not_analysed": (*([odd] if odd else []), *judgement.not_analysed)},
        )
        return Result(time_s=round(lane.samples / SAMPLE_RATE_HZ, 3), alarm=self._judge.alarm, result=result)

    def _odd(self) -> NotAnalysed | None:
        if not self._pcm.odd_bytes:
            return None
        text = f"the stream ended in the middle of a sample: {self._pcm.odd_bytes} bytes left"
        return NotAnalysed(code="odd_bytes", text=text)


def score_now(stream: Stream, logits: Callable[[Samples], Logits]) -> list[Heard]:
    """Score what waits where it stands, without an engine.

    Args:
        stream: The stream.
        logits: `assay.audio.detector.AudioDetector.logits`.

    Raises:
        EmptyMedia: If the stream ended without a sample.
    """
    messages: list[Heard] = []
    while stream.ready:
        stretch = stream.prepare()
        messages += stream.absorb(None if stretch is None else logits(stretch))
    return messages
