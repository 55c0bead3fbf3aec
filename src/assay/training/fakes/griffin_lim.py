"""Griffin-Lim: a magnitude spectrogram, and a phase that is looked for until both agree."""

from __future__ import annotations

import numpy as np
import torch

from assay.training.fakes.spectra import istft, mel_basis, stft
from assay.training.sound import SAMPLE_RATE_HZ, Samples


def griffin_lim(samples: Samples, rng: np.random.Generator) -> Samples:
    """Mel spectrogram, its clipped pseudo-inverse, and fast Griffin-Lim (Perraudin et al., WASPAA 2013)."""
    n_fft, hop = [(1024, 256), (800, 200), (512, 128)][int(rng.integers(3))]
    magnitude = stft(torch.from_numpy(samples), n_fft, hop).abs()
    if rng.random() < 0.7:  # through a mel spectrogram, as text-to-speech does; otherwise only the phase is invented
        basis = mel_basis(n_fft, int(rng.choice([64, 80, 128])), SAMPLE_RATE_HZ, 8000.0)
        inverse = torch.linalg.pinv(basis)
        magnitude = (inverse @ (basis @ magnitude)).clamp_min(1e-5)
    phase = torch.from_numpy(rng.uniform(-np.pi, np.pi, magnitude.shape).astype(np.float32))
    angles, previous = torch.polar(torch.ones_like(phase), phase), torch.zeros(())
    for _ in range(int(rng.integers(16, 60))):
        rebuilt = stft(istft(magnitude * angles, n_fft, hop, len(samples)), n_fft, hop)
        momentum = rebuilt - 0.99 / 1.99 * previous
        angles, previous = momentum / (momentum.abs() + 1e-9), rebuilt
    return np.asarray(istft(magnitude * angles, n_fft, hop, len(samples)).numpy(), dtype=np.float32)
