"""The detector of synthetic speech: from a recording to llrs over time. It decides nothing.

A recording streams by once: each block goes through speech activity, the quality meter and the network. What is kept
is a flag and a level per 32 ms chunk and two scores per 0.256 s: seven megabytes for ten hours of one channel. Same
file, same answer: nothing is random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.audio.listening import Clock, Listening
from assay.audio.quality import Quality
from assay.audio.silence import SilenceFiller
from assay.audio.speech import CHUNK, SpeechActivity, SpeechStream, Spoken
from assay.audio.windows import WindowCutter
from assay.models.card import DetectorCard
from assay.models.providers import provider_of
from assay.models.registry import detector_card
from assay.models.weights import load_session
from assay.stopping import check_stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.audio.deliveries import Filter, Recording

SPOKEN = 0.24  # share of a window, or of a part, below which it is not scored: 1 s, or half a second
BLOCK_S = 16.0
STRETCH_WINDOWS = 64  # 20 s in one pass: long enough to share work, short enough for the caches

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ChannelScores(Spoken):
    """Evidence from one channel (or from the mean of all).

    Attributes:
        llrs: Calibrated score of each window, shape (n,), positive for spoof; nan where there was too little speech.
            Window k starts k hops into the recording.
        part_llrs: The same of each part: shorter, so there are more of them.
        speech: Whether somebody speaks, per 32 ms chunk.
        quality: Figures of the recording.
    """

    llrs: Floats
    part_llrs: Floats
    speech: NDArray[np.bool_]
    quality: Quality


@dataclass(frozen=True)
class AudioScores:
    """Evidence from one recording.

    Attributes:
        channels: One entry, or one per channel when they are scored apart.
        duration_s: Decoded length.
        part_s: Length of a part.
        notes: What the decoder wants the user to know.
        timings_ms: Wall time of decoding, speech activity and the network.
    """

    channels: tuple[ChannelScores, ...]
    duration_s: float
    part_s: float
    notes: tuple[str, ...]
    timings_ms: dict[str, float]

    @property
    def speech_s(self) -> float:
        """Seconds of speech in the channel with most of it."""
        return max(channel.speech_s for channel in self.channels)


class AudioDetector:
    """A network with its card.

    Args:
        name: Model name.
        threads: Threads of the network.
        device: Where the network is computed; see `assay.models.providers`.
        session: Anything with ONNX Runtime's ``run``; None loads the packaged weight, checked.
    """

    def __init__(self, name: str, *, threads: int = 1, session: Any = None, device: str = "cpu") -> None:
        self.card: DetectorCard = detector_card(name)
        self._session = session if session is not None else load_session(name, threads=threads, device=device)
        self._speech = SpeechActivity()

    @property
    def provider(self) -> str:
        """ONNX Runtime's execution provider that answers; empty for a session that does not say."""
        return provider_of(self._session)

    def score(
        self,
        media: Recording,
        *,
        channels: Literal["mix", "each"] = "mix",
        prepare: Callable[[], Filter] | None = None,
    ) -> AudioScores:
        """Score a recording window by window.

        Args:
            media: The opened recording.
            channels: Average the channels, or score each apart.
            prepare: Builds a filter that keeps the length, for what speech activity and the network hear. Quality
                is measured before it: a recording does not come closer to what the model knows by being cleaned.

        Raises:
            MediaError: If the recording turns out to be broken or over a limit.
            Stopped: If `assay.stopping` was told so.
        """
        clock = Clock()
        lanes: list[_Lane] = []
        samples = 0
        blocks = media.blocks(channels=channels, block_s=BLOCK_S)
        while True:
            with clock("decode"):
                block = next(blocks, None)
            if block is None:
                break
            check_stop()
            samples += block.shape[1]
            lanes = lanes or [_Lane(self, clock, prepare and prepare()) for _ in range(block.shape[0])]
            for lane, row in zip(lanes, block, strict=True):
                lane.push(row)
        return AudioScores(
            channels=tuple(lane.finish(samples) for lane in lanes),
            duration_s=samples / self.card.sample_rate_hz,
            part_s=self.card.part_samples / self.card.sample_rate_hz,
            notes=media.notes,
            timings_ms=dict(clock.spent_ms),
        )

    def logits(self, stretch: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits of a stretch, positive for spoof, shape (samples,) to (windows,) and (parts,)."""
        windows, parts = self.logits_of(stretch[None])
        return windows[0], parts[0]

    def logits_of(self, stretches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits of stretches of one length, shape (n, samples) to (n, windows) and (n, parts)."""
        windows, parts = self._session.run(["logit", "part_logit"], {"samples": stretches})
        return windows, parts

    def speech_stream(self) -> SpeechStream:
        """Speech activity of a new stream."""
        return self._speech.stream()

    def llrs(self, samples: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Llrs of all windows and parts of samples, shape (n,), whether anybody speaks in them or not.

        As `score` hears them, but in one piece: for recordings of seconds.
        """
        cutter = WindowCutter(self.card.window_samples, self.card.hop_samples, windows=samples.size)
        (stretch,) = [*cutter.push(SilenceFiller().push(samples)), *cutter.finish()]
        windows, parts = self.logits(stretch)
        calibrated = self.card.calibration.apply
        return calibrated(windows.astype(np.float64)), calibrated(parts.astype(np.float64))


class _Lane:
    """One channel on its way through speech activity, quality and network."""

    def __init__(self, detector: AudioDetector, clock: Clock, prepared: Filter | None) -> None:
        card = detector.card
        self._detector, self._card, self._clock = detector, card, clock
        self._listening = Listening(detector._speech, clock, prepared)
        self._filler = SilenceFiller()
        self._cutter = WindowCutter(card.window_samples, card.hop_samples, windows=STRETCH_WINDOWS)
        self._logits: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []

    def push(self, samples: NDArray[np.float32]) -> None:
        self._score(self._listening.push(samples))

    def _score(self, heard: NDArray[np.float32]) -> None:
        with self._clock("network"):
            stretches = self._cutter.push(self._filler.push(heard))
            self._logits += [self._detector.logits(stretch) for stretch in stretches]

    def finish(self, samples: int) -> ChannelScores:
        self._score(self._listening.rest())
        with self._clock("network"):
            self._logits += [self._detector.logits(stretch) for stretch in self._cutter.finish()]
        speech, quality = self._listening.finish()
        # A stretch begins one hop after the last window of the one before; the parts in which they overlap came twice.
        parts = [parts[: windows.size] for windows, parts in self._logits[:-1]] + [self._logits[-1][1]]
        # A file shorter than a window has one window; whether it holds enough speech is the policy's question.
        least = SPOKEN if samples > self._card.window_samples else 0.0
        return ChannelScores(
            llrs=self._llrs([windows for windows, _ in self._logits], speech, self._card.window_samples, least),
            part_llrs=self._llrs(parts, speech, self._card.part_samples, least),
            speech=speech,
            quality=quality,
        )

    def _llrs(self, logits: list[NDArray[np.float32]], speech: NDArray[np.bool_], length: int, least: float) -> Floats:
        """Calibrated scores of stretches of `length` samples; nan where no more than the share `least` is speech."""
        llrs = self._card.calibration.apply(np.concatenate(logits).astype(np.float64))
        starts = np.arange(llrs.size) * self._card.hop_samples
        total = np.concatenate([[0], np.cumsum(speech)])
        first = np.minimum(starts // CHUNK, speech.size)
        last = np.minimum((starts + length) // CHUNK, speech.size)
        scored: Floats = np.where((total[last] - total[first]) * CHUNK > least * length, llrs, np.nan)
        return scored
