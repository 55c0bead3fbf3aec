"""Partly synthetic: a span of the clip replaced by a copy-synthesis of it."""

from __future__ import annotations

import numpy as np

from assay.training.fakes.cepstral import cepstral
from assay.training.fakes.griffin_lim import griffin_lim
from assay.training.fakes.sinusoidal import sinusoidal
from assay.training.fakes.world import world
from assay.training.sound import SAMPLE_RATE_HZ, Samples

FADE = 160
WAYS = (world, griffin_lim, sinusoidal, cepstral)


def span(length: int, rng: np.random.Generator) -> tuple[int, int]:
    """First and last sample of the span that `partial_replacement` replaces: 0.5 to 2 s, at most three quarters.

    It is what the generator draws first, so it can be told again from the file's seed.
    """
    size = min(int(rng.uniform(0.5, 2.0) * SAMPLE_RATE_HZ), length * 3 // 4)
    start = int(rng.integers(length - size + 1))
    return start, start + size


def partial_replacement(samples: Samples, rng: np.random.Generator) -> Samples:
    """Replace one span by a copy-synthesis at its level, with 10 ms of cross-fade (as in HAD and PartialSpoof)."""
    start, stop = span(len(samples), rng)
    way = WAYS[int(rng.integers(len(WAYS)))]
    part = samples[start:stop]
    made = way(part, rng)
    made = made * np.float32(np.sqrt(np.mean(part**2) / max(float(np.mean(made**2)), 1e-12)))
    weight = np.ones(len(part), np.float32)
    ramp = np.linspace(0, 1, min(FADE, len(part) // 2), dtype=np.float32)
    weight[: len(ramp)], weight[len(weight) - len(ramp) :] = ramp, ramp[::-1]
    out = samples.copy()
    out[start:stop] = weight * made + (1 - weight) * part
    return out
