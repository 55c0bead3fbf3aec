"""A cepstral vocoder: smooth spectrum of minimum phase, excited by pulses and noise."""

from __future__ import annotations

import numpy as np

from assay.training.fakes.method import fit
from assay.training.fakes.pitch import pitch_at, pulses
from assay.training.fakes.spectra import frames_of, minimum_phase, overlap_add
from assay.training.sound import SAMPLE_RATE_HZ, Samples

HOP, WINDOW, N_FFT = 80, 480, 1024


def cepstral(samples: Samples, rng: np.random.Generator) -> Samples:
    """Cepstral vocoder with mixed excitation (Imai, 1983; the source of STRAIGHT, Kawahara et al., 1999).

    The log spectrum is cut to its first cepstral coefficients and given minimum phase; voiced frames are excited by
    pulses below a drawn frequency and by noise above it, unvoiced ones by noise.
    """
    x = samples.astype(np.float64)
    kept = int(rng.integers(22, 60))
    edge_hz, blur_hz = float(rng.uniform(2000, 6500)), float(rng.uniform(200, 1500))
    f0 = pitch_at(samples, HOP)
    log_spectra = np.log(np.abs(np.fft.rfft(frames_of(x, WINDOW, HOP) * np.hanning(WINDOW), N_FFT)) + 1e-6)
    cepstra = np.fft.irfft(log_spectra)
    cepstra[:, kept : N_FFT - kept + 1] = 0
    filters = minimum_phase(np.fft.rfft(cepstra).real)
    pulse, noise = np.zeros(len(x)), rng.standard_normal(len(x))
    at = pulses(f0, HOP, len(x))
    pulse[at] = np.sqrt(SAMPLE_RATE_HZ / np.maximum(f0[np.minimum(at // HOP, len(f0) - 1)], 40))  # power of one
    frequency = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE_HZ)
    voicing = (f0 > 0)[:, None] / (1 + np.exp((frequency - edge_hz) / blur_hz))
    taper = np.hanning(2 * HOP + 1)[:-1]
    voiced, unvoiced = (np.fft.rfft(frames_of(part, 2 * HOP, HOP) * taper, N_FFT) for part in (pulse, noise))
    excited = voiced * np.sqrt(voicing) + unvoiced * np.sqrt(1 - voicing)
    made = overlap_add(np.fft.irfft(excited * filters), HOP)[HOP:]
    return fit(made.astype(np.float32), len(samples))
