"""What may have happened to a recording before it arrives, for measuring how a detector bears it.

To the deliveries of `assay.audio.deliveries` come a narrower band, noise, a room, and the replay over a loudspeaker.
They are filters of the same kind: block by block, in flat memory, the same answer however the samples are cut, and
drawn from a fixed seed. A condition is built for a recording by its level, because noise is told by its distance to it.

References:
    Kinnunen et al.: The ASVspoof 2017 challenge, Interspeech 2017 (replay: loudspeaker, room, microphone). Polack's
    model of a room, exponentially decaying noise: Habets, Room impulse response generator, 2010, section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from assay.audio.deliveries import DELIVERIES, AtRate, Codec, Filter, Gain, Recording, Samples, Trim
from assay.audio.speech import SAMPLE_RATE_HZ

SEED = 3
_PART = 8192  # samples convolved at once
_NOISE_PART = 4096  # samples of noise drawn at once

Condition = Callable[[float], Filter]


class Noise:
    """White noise, the same for every recording but for its level.

    Args:
        level: Root mean square of the noise.
    """

    def __init__(self, level: float) -> None:
        self._level = np.float32(level)
        self._random = np.random.default_rng(SEED)
        self._left = np.empty(0, np.float32)

    def push(self, samples: Samples) -> Samples:
        """Add it."""
        while self._left.size < samples.size:
            # Drawn in parts of one length, so that blocks do not matter.
            self._left = np.append(self._left, self._random.standard_normal(_NOISE_PART).astype(np.float32))
        noise, self._left = self._left[: samples.size], self._left[samples.size :]
        return samples + self._level * noise

    def finish(self) -> Samples:
        """Nothing is left."""
        return np.empty(0, np.float32)


class Convolved:
    """A recording through a room, a loudspeaker or any other impulse response; of its length and in time with it.

    Args:
        response: Impulse response at 16 kHz, shape (m,).
        delay: Samples of the response before its direct sound, which are taken out again.
    """

    def __init__(self, response: NDArray[np.float64], delay: int = 0) -> None:
        self._size = 1 << int(np.ceil(np.log2(_PART + response.size)))
        self._spectrum = np.fft.rfft(response, self._size)
        self._tail = np.zeros(self._size - _PART)
        self._held = np.empty(0, np.float32)
        self._delay, self._taken, self._given = delay, 0, 0

    def push(self, samples: Samples) -> Samples:
        """What is ready: whole parts."""
        self._taken += samples.size
        self._held = np.concatenate([self._held, samples])
        ready = [np.empty(0, np.float32)]
        while self._held.size >= _PART:
            part, self._held = self._held[:_PART], self._held[_PART:]
            ready.append(self._convolved(part))
        return np.concatenate(ready)

    def finish(self) -> Samples:
        """The rest, without what rings on behind the end."""
        ready = [np.empty(0, np.float32)]
        while self._given < self._taken:
            part, self._held = self._held, np.empty(0, np.float32)
            ready.append(self._convolved(np.pad(part, (0, _PART - part.size))))
        out = np.concatenate(ready)
        return out[: out.size - (self._given - self._taken)]

    def _convolved(self, part: Samples) -> Samples:
        whole = np.fft.irfft(np.fft.rfft(part, self._size) * self._spectrum, self._size)
        whole[: self._tail.size] += self._tail
        self._tail = whole[_PART:].copy()
        out = whole[:_PART][self._delay :]
        self._delay = max(0, self._delay - _PART)
        self._given += out.size
        return out.astype(np.float32)


class InTime:
    """A codec whose delay stands in no packet, so that it comes out late by a known number of samples.

    Args:
        codec: The filter.
        delay: Samples that it is late.
    """

    def __init__(self, codec: Filter, delay: int) -> None:
        self._codec, self._delay, self._early = codec, delay, delay
        self._empty = True

    def push(self, samples: Samples) -> Samples:
        """What is ready, without what came before the recording."""
        self._empty = self._empty and not samples.size
        return self._on_time(self._codec.push(samples))

    def finish(self) -> Samples:
        """The rest, pushed out by as much silence."""
        if self._empty:
            return np.empty(0, np.float32)
        late = self._codec.push(np.zeros(self._delay, np.float32))
        return self._on_time(np.concatenate([late, self._codec.finish()]))

    def _on_time(self, samples: Samples) -> Samples:
        early, kept = samples[: self._early], samples[self._early :]
        self._early -= early.size
        return kept


class Chain:
    """One filter behind the other.

    Args:
        filters: In order.
    """

    def __init__(self, filters: Sequence[Filter]) -> None:
        self._filters = filters

    def push(self, samples: Samples) -> Samples:
        """Through all."""
        for one in self._filters:
            samples = one.push(samples)
        return samples

    def finish(self) -> Samples:
        """What each still holds, through those behind it."""
        rest = np.empty(0, np.float32)
        for one in self._filters:
            rest = np.concatenate([one.push(rest), one.finish()])
        return rest


def room(reverberation_s: float) -> NDArray[np.float64]:
    """Impulse response of a room: the direct sound, and noise that decays by 60 dB in `reverberation_s`; energy 1."""
    count = round(reverberation_s * SAMPLE_RATE_HZ)
    decay = np.exp(-np.log(1000.0) * np.arange(count) / count)
    tail = np.random.default_rng(SEED).standard_normal(count) * decay
    tail *= 1.0 / np.sqrt(np.sum(tail**2))  # as much energy as the direct sound: a talker about a metre away
    tail[0] = 1.0
    return np.asarray(tail / np.sqrt(np.sum(tail**2)), np.float64)


def band(low_hz: float, high_hz: float, taps: int = 511) -> NDArray[np.float64]:
    """Linear-phase band pass by the window method (Hamming), delay ``taps // 2``."""
    time = np.arange(taps) - taps // 2
    ideal = [2 * edge / SAMPLE_RATE_HZ * np.sinc(2 * edge / SAMPLE_RATE_HZ * time) for edge in (low_hz, high_hz)]
    return np.asarray((ideal[1] - ideal[0]) * np.hamming(taps), np.float64)


def _at_snr(snr_db: float, level: float) -> Filter:
    return Noise(level * 10 ** (-snr_db / 20))


def _replayed(level: float) -> Filter:
    """A small loudspeaker in a living room, taken up by a telephone's microphone with a little noise."""
    loudspeaker = Convolved(band(180, 6_500), delay=255)
    return Chain([loudspeaker, Convolved(room(0.4)), _at_snr(30, level)])


def _amr() -> Filter:
    codec = Codec("libopencore_amrnb", "amrnb", rate_hz=8_000, form="s16", bit_rate=12_200)
    return AtRate(8_000, InTime(codec, 40))  # 5 ms, as measured


def _aac() -> Filter:
    codec = Codec("aac", "aac", rate_hz=44_100, form="fltp", bit_rate=48_000)
    return AtRate(44_100, InTime(codec, 1_024))  # a frame, as measured


def _any_level(make: Callable[[], Filter]) -> Condition:
    return lambda level: make()


CONDITIONS: MappingProxyType[str, Condition] = MappingProxyType(
    {
        **{name: _any_level(make) for name, make in DELIVERIES.items()},
        "AAC 48 kbit/s": _any_level(_aac),
        "AMR 12.2 kbit/s": _any_level(_amr),
        "band to 4 kHz": _any_level(partial(AtRate, 8_000)),
        "noise at 20 dB": partial(_at_snr, 20),
        "noise at 10 dB": partial(_at_snr, 10),
        "replay (loudspeaker, room, microphone)": _replayed,
        "gain +6 dB": _any_level(partial(Gain, 2.0)),
        "first 2 s cut off": _any_level(partial(Trim, 2.0)),
    }
)


def level_of(recording: Recording) -> float:
    """Root mean square of a recording's samples; 0 for silence."""
    energy, count = 0.0, 0
    for block in recording.blocks():
        energy += float(np.sum(np.square(block, dtype=np.float64)))
        count += block.size
    return float(np.sqrt(energy / max(1, count)))
