"""Noise reduction before the network, for whoever asks for it (extra ``denoise``).

Spectral gating without a noise profile, by the package noisereduce: each bin of the spectrum is weakened where it
hardly stands above its own mean over some seconds. What was measured about a detector was measured without it; see
``docs/how-to.md``.

Decisions
- The package's defaults but for the strength: at full strength what is left of clean speech
  (`examples/media/human.wav`) has a signal-to-distortion ratio of 4.7 dB, at 0.8 of 9.7 dB.
- A recording goes through in pieces of 16 s, each with 8 s before and after as context, so that memory stays flat. The
  floor is a mean with a time constant of 2 s, of which 8 s leave 2 % outside; pieces are cross-faded over 64 ms, so
  that the seam is no click.
- Digital silence stays what it is; the package would divide by zero.

References:
    Sainburg & Zorea, "Noisereduce: domain general noise reduction for time series signals", 2024.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.audio.speech import SAMPLE_RATE_HZ
from assay.errors import MissingExtra

Samples = NDArray[np.float32]

STRENGTH = 0.8  # what is weakened keeps a fifth
PIECE = 16 * SAMPLE_RATE_HZ
CONTEXT = 8 * SAMPLE_RATE_HZ
FADE = 1024
HOP = 256  # of the package's spectrum; an incomplete one at the end would be lost
_FADING = np.linspace(1, 0, FADE, dtype=np.float32)


class NoiseReducer:
    """A filter (`assay.audio.deliveries.Filter`) that keeps length and time.

    Raises:
        MissingExtra: If noisereduce is not installed.
    """

    def __init__(self) -> None:
        try:
            from noisereduce import reduce_noise
        except ImportError as error:
            raise MissingExtra.of("denoise", "Noise reduction") from error
        self._reduce = reduce_noise
        self._held = np.zeros(CONTEXT, np.float32)  # the context, then what was not given back yet
        self._after = np.empty(0, np.float32)  # the last piece as it goes on behind its end

    def push(self, samples: Samples) -> Samples:
        """Take the next samples, shape (n,); return the pieces that are complete now."""
        held = np.concatenate([self._held, samples])
        whole = PIECE + 2 * CONTEXT
        pieces = []
        while held.size >= whole:
            pieces.append(self._piece(held[:whole]))
            held = held[PIECE:]
        self._held = held.copy()  # a view would keep the whole block alive
        return np.concatenate([np.empty(0, np.float32), *pieces])

    def finish(self) -> Samples:
        """End the recording; return the rest."""
        rest = self._held.size - CONTEXT
        out = self.push(np.zeros(CONTEXT + -rest % HOP, np.float32))
        return np.concatenate([out, self._piece(self._held)])[:rest]

    def _piece(self, samples: Samples) -> Samples:
        """A piece without its context, shape (context + n + context,) to (n,)."""
        end = samples.size - CONTEXT
        if samples.any():
            samples = self._reduce(samples, SAMPLE_RATE_HZ, prop_decrease=STRENGTH, chunk_size=None, padding=0)
        piece = samples[CONTEXT:end].copy()
        head = min(self._after.size, piece.size)
        piece[:head] += (self._after[:head] - piece[:head]) * _FADING[:head]
        self._after = samples[end : end + FADE].copy()
        return piece
