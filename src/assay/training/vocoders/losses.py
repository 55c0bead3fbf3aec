"""What a vocoder is trained to make small.

References:
    Yamamoto et al., "Parallel WaveGAN", ICASSP 2020 (spectral losses at several resolutions); Mao et al., "Least
    squares generative adversarial networks", ICCV 2017; Kumar et al., "MelGAN", NeurIPS 2019 (feature matching).
"""

from __future__ import annotations

import torch

from assay.training.fakes.spectra import log_mel, stft
from assay.training.sound import SAMPLE_RATE_HZ
from assay.training.vocoders.discriminator import Verdict
from assay.training.vocoders.recipe import Features

RESOLUTIONS = ((1024, 256), (512, 100), (128, 32))  # the hops share few factors: no grid is favoured
FLOOR = 1e-3  # below it, a quarter of a 16-bit step per sample, a magnitude's logarithm is chance


def mel_of(wave: torch.Tensor, features: Features) -> torch.Tensor:
    """Log mel spectrogram of one wave or several, ``(..., n) -> (..., n_mels, 1 + n // hop)``."""
    return log_mel(
        wave,
        n_fft=features.n_fft,
        hop=features.hop,
        n_mels=features.n_mels,
        sample_rate_hz=SAMPLE_RATE_HZ,
        fmax_hz=features.fmax_hz,
    )


def spectral_loss(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Spectral convergence and distance of log magnitudes, mean over `RESOLUTIONS`, of waves (batch, n)."""
    total = made.new_zeros(())
    for n_fft, hop in RESOLUTIONS:
        a, b = (stft(wave, n_fft, hop).abs().clamp_min(FLOOR) for wave in (made, wanted))
        convergence = (a - b).norm(dim=(1, 2)) / b.norm(dim=(1, 2))
        total = total + convergence.mean() + (a.log() - b.log()).abs().mean()
    return total / len(RESOLUTIONS)


def critic_loss(real: list[Verdict], made: list[Verdict]) -> torch.Tensor:
    """Least squares: one for what is real, zero for what is made; mean over resolutions."""
    parts = [
        (1 - r[-1].float()).square().mean() + m[-1].float().square().mean() for r, m in zip(real, made, strict=True)
    ]
    return torch.stack(parts).mean()


def adversarial_loss(made: list[Verdict]) -> torch.Tensor:
    """Least squares: what is made should get one; mean over resolutions."""
    return torch.stack([(1 - verdict[-1].float()).square().mean() for verdict in made]).mean()


def matching_loss(real: list[Verdict], made: list[Verdict]) -> torch.Tensor:
    """Distance of the activations, each relative to the real ones' size; mean over layers and resolutions."""
    parts = [
        (m.float() - r.detach().float()).abs().mean() / r.detach().float().abs().mean().clamp_min(1e-5)
        for one, other in zip(real, made, strict=True)
        for r, m in zip(one[:-1], other[:-1], strict=True)
    ]
    return torch.stack(parts).mean()
