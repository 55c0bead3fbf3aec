"""A mel spectrogram as an acoustic model would have drawn it.

Text-to-speech hands its vocoder a predicted spectrogram, not a measured one. Predictions trained on squared errors are
over-smoothed in time and frequency (Toda & Tokuda on global variance, 2007; Ren et al., "Revisiting over-smoothness in
text to speech", ACL 2022), quantised in time by their durations, and a little off everywhere. A copy through a vocoder
alone lacks these traces.
"""

from __future__ import annotations

import numpy as np
import torch

from assay.training.fakes.spectra import MEL_FLOOR


def as_drawn(mel: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Lose what an acoustic model loses.

    Args:
        mel: Natural logarithm of mel magnitudes, shape (n_mels, frames).
        rng: Draws how much of each loss.

    Returns:
        The same shape.
    """
    floor = float(np.log(MEL_FLOOR))
    drawn = _blur(mel, float(rng.uniform(0.3, 2.0)), dim=1)
    drawn = _blur(drawn, float(rng.uniform(0.2, 1.5)), dim=0)
    mean = drawn.mean(dim=1, keepdim=True)
    drawn = mean + float(rng.uniform(0.85, 1.05)) * (drawn - mean)  # less variance than the voice has
    if rng.random() < 0.3:  # states that stand still, as in a duration model
        hold = int(rng.integers(2, 5))
        drawn = drawn[:, : -(-drawn.shape[1] // hold) * hold : hold].repeat_interleave(hold, dim=1)[:, : mel.shape[1]]
        drawn = _blur(drawn, 0.8, dim=1)
    noise = torch.from_numpy(rng.standard_normal(tuple(mel.shape)).astype(np.float32))
    drawn = drawn + float(rng.uniform(0.0, 0.25)) * _blur(noise, float(rng.uniform(0.1, 1.5)), dim=1)
    quiet = mel <= floor + 0.1  # digital silence stays silent
    return torch.where(quiet, mel, drawn).clamp_min(floor)


def _blur(x: torch.Tensor, width: float, *, dim: int) -> torch.Tensor:
    """Gaussian of standard deviation `width` along one axis of a matrix; edges repeat."""
    reach = max(1, int(np.ceil(3 * width)))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / width) ** 2)
    rows = x if dim == 1 else x.T
    padded = torch.nn.functional.pad(rows[:, None], (reach, reach), mode="replicate")
    blurred = torch.nn.functional.conv1d(padded, (kernel / kernel.sum())[None, None])[:, 0]
    return blurred if dim == 1 else blurred.T
