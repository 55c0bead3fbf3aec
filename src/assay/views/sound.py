"""A recording while it streams by, for a network that scores stretches of it: the counterpart of `AudioDetector.score`.

The network looks at the first `Form.longest_s` seconds, and speech and quality are told of these alone. The rest is
decoded, so that length, limits and damage are those of the file, and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from assay.audio.detector import BLOCK_S
from assay.audio.listening import Clock, Listening
from assay.audio.quality import Quality
from assay.audio.speech import CHUNK, SAMPLE_RATE_HZ, SpeechActivity, Spoken
from assay.views.network import Network

if TYPE_CHECKING:
    from assay.audio.deliveries import Filter, Recording


@dataclass(frozen=True)
class HeardChannel(Spoken):
    """Evidence from one channel (or from the mean of all).

    Attributes:
        logit: Mean over the views, positive for spoof; None if nobody speaks in any of them.
        speech: Whether somebody speaks, per 32 ms chunk of what was heard.
        spoken_s: Seconds of speech in the views.
        quality: Figures of what was heard.
    """

    logit: float | None
    speech: NDArray[np.bool_]
    spoken_s: float
    quality: Quality


@dataclass(frozen=True)
class HeardScores:
    """Evidence from one recording.

    Attributes:
        channels: One entry, or one per channel when they are scored apart.
        duration_s: Decoded length.
        heard_s: Length of what was looked at, from the beginning.
        notes: What the decoder wants the user to know.
        timings_ms: Wall time of decoding, speech activity and the network.
    """

    channels: tuple[HeardChannel, ...]
    duration_s: float
    heard_s: float
    notes: tuple[str, ...]
    timings_ms: dict[str, float]

    @property
    def speech_s(self) -> float:
        """Seconds of speech in the channel with most of it."""
        return max(channel.speech_s for channel in self.channels)


def score_sound(
    network: Network,
    speech: SpeechActivity,
    media: Recording,
    *,
    name: str,
    channels: Literal["mix", "each"] = "mix",
    prepare: Callable[[], Filter] | None = None,
) -> HeardScores:
    """Score a recording.

    Args:
        network: For recordings.
        speech: Tells where somebody speaks.
        media: The opened recording.
        name: Of it, for messages.
        channels: Average the channels, or score each apart.
        prepare: Builds a filter that keeps the length, for what speech activity and the network hear.

    Raises:
        MediaError: If the recording turns out to be broken or over a limit.
        ModelError: If the network fails.
    """
    clock = Clock()
    lanes: list[_Lane] = []
    samples, longest = 0, round(network.form.longest_s * SAMPLE_RATE_HZ)
    blocks = media.blocks(channels=channels, block_s=BLOCK_S)
    while True:
        with clock("decode"):
            block = next(blocks, None)
        if block is None:
            break
        left = max(0, longest - samples)
        samples += block.shape[1]
        lanes = lanes or [_Lane(network, Listening(speech, clock, prepare and prepare())) for _ in block]
        for lane, row in zip(lanes, block, strict=True):
            if left:
                lane.push(row[:left])
    return HeardScores(
        channels=tuple(lane.finish(name, clock) for lane in lanes),
        duration_s=samples / SAMPLE_RATE_HZ,
        heard_s=min(samples, longest) / SAMPLE_RATE_HZ,
        notes=media.notes,
        timings_ms=dict(clock.spent_ms),
    )


class _Lane:
    """One channel on its way."""

    def __init__(self, network: Network, listening: Listening) -> None:
        self._network, self._listening = network, listening
        self._heard: list[NDArray[np.float32]] = []

    def push(self, samples: NDArray[np.float32]) -> None:
        self._heard.append(self._listening.push(samples))

    def finish(self, name: str, clock: Clock) -> HeardChannel:
        self._heard.append(self._listening.rest())
        speech, quality = self._listening.finish()
        network = self._network
        stored = network.reader.sound(np.concatenate(self._heard), name)
        spoken_s = self._spoken_s(speech, len(stored))
        logit = None
        if spoken_s:
            with clock("network"):
                logit = network.logit(stored)
        return HeardChannel(logit, speech, spoken_s, quality)

    def _spoken_s(self, speech: NDArray[np.bool_], samples: int) -> float:
        """Seconds of speech in the views; chunks that two of them share count once."""
        form = self._network.form
        seen = np.zeros(speech.size, bool)
        for start in form.starts(samples, self._network.card.views):
            seen[start // CHUNK : -(-(start + form.shape[0]) // CHUNK)] = True
        return float(np.count_nonzero(seen & speech)) * CHUNK / SAMPLE_RATE_HZ
