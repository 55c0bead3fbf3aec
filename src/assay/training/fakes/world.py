"""The WORLD vocoder, as it is and as a voice changer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.training.fakes.method import fit
from assay.training.fakes.pitch import pitch_hz, pyworld
from assay.training.sound import SAMPLE_RATE_HZ, Samples

Frames = NDArray[np.float64]


def world(samples: Samples, rng: np.random.Generator) -> Samples:
    """WORLD vocoder (Morise et al., 2016); half of the time with a pitch and formant map, as in voice conversion."""
    f0, envelope, aperiodicity = _analyse(samples)
    if rng.random() < 0.5:
        f0 = f0 * 2 ** (rng.uniform(-4, 4) / 12)
        envelope = _stretch(envelope, 2 ** (rng.uniform(-2, 2) / 12))
    return _synthesise(f0, envelope, aperiodicity, len(samples))


def world_vc(samples: Samples, rng: np.random.Generator) -> Samples:
    """A statistical voice changer: pitch range, formants and breath mapped, envelope smoothed over time and coded.

    The log pitch is mapped to another mean and spread, as Gaussian pitch conversion does; the envelope goes through a
    mel cepstrum of 24 to 50 coefficients and a smoother, the losses of mapping spectra frame by frame (Toda et al.,
    "Voice conversion based on maximum-likelihood estimation of spectral parameter trajectory", 2007).
    """
    f0, envelope, aperiodicity = _analyse(samples)
    voiced = f0 > 0
    if voiced.any():
        log_f0 = np.log(f0[voiced])
        shift = rng.choice([-1, 1]) * rng.uniform(2, 9) / 12 * np.log(2)
        f0 = f0.copy()
        f0[voiced] = np.exp(log_f0.mean() + shift + rng.uniform(0.5, 1.5) * (log_f0 - log_f0.mean()))
        f0 = np.where(voiced, np.clip(f0, 60, 600), 0.0)
    envelope = _stretch(envelope, 2 ** (rng.uniform(-3, 3) / 12))
    coded = pyworld().code_spectral_envelope(np.ascontiguousarray(envelope), SAMPLE_RATE_HZ, int(rng.integers(24, 51)))
    coded = _smooth(coded, float(rng.uniform(0.2, 3.0)))
    coded[:, 1:] *= rng.uniform(0.85, 1.1)  # flattened by averaging, or sharpened against it
    envelope = pyworld().decode_spectral_envelope(np.ascontiguousarray(coded), SAMPLE_RATE_HZ, 1024)
    aperiodicity = np.clip(aperiodicity ** rng.uniform(0.6, 1.6), 0.001, 1.0)
    return _synthesise(f0, envelope, aperiodicity, len(samples))


def _analyse(samples: Samples) -> tuple[Frames, Frames, Frames]:
    """Pitch (frames,), envelope and aperiodicity (frames, 513), one frame per 5 ms."""
    x = samples.astype(np.float64)
    f0, times = pitch_hz(samples)
    envelope = pyworld().cheaptrick(x, f0, times, SAMPLE_RATE_HZ)
    return f0, envelope, pyworld().d4c(x, f0, times, SAMPLE_RATE_HZ)


def _stretch(envelope: Frames, factor: float) -> Frames:
    bins = np.arange(envelope.shape[1]) * factor
    return np.stack([np.interp(bins, np.arange(len(row)), row) for row in envelope])


def _smooth(rows: Frames, width: float) -> Frames:
    reach = int(np.ceil(3 * width))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    padded = np.pad(rows, ((reach, reach), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=0)
    return np.asarray(windows @ (kernel / kernel.sum()))


def _synthesise(f0: Frames, envelope: Frames, aperiodicity: Frames, length: int) -> Samples:
    made = pyworld().synthesize(f0, np.ascontiguousarray(envelope), aperiodicity, SAMPLE_RATE_HZ)
    return fit(made.astype(np.float32), length)
