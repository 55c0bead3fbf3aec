"""The vocoders trained here (`assay.training.vocoders`).

They are fed with the clip's own pitch and mel spectrogram, the latter now and then as an acoustic model would have
drawn it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

from assay.training.fakes.acoustic import as_drawn
from assay.training.fakes.method import fit
from assay.training.fakes.pitch import pitch_hz
from assay.training.sound import Samples

DRAWN_SHARE = 0.4  # both of a vocoder's uses are to be known: copies, and text-to-speech


def own_istft(samples: Samples, rng: np.random.Generator) -> Samples:
    """Our vocoder at frame rate with one inverse Fourier transform."""
    return _copy("vocoder-istft", samples, rng)


def own_upsample(samples: Samples, rng: np.random.Generator) -> Samples:
    """Our vocoder of transposed convolutions."""
    return _copy("vocoder-upsample", samples, rng)


@cache
def _vocoder(name: str) -> Any:
    # Here, not above: the vocoders' modules use this package's spectra.
    from assay.training.vocoders.excitation import excitation
    from assay.training.vocoders.weights import load_vocoder

    return *load_vocoder(name), excitation


def _copy(name: str, samples: Samples, rng: np.random.Generator) -> Samples:
    from assay.training.vocoders.losses import mel_of

    generator, card, excitation = _vocoder(name)
    features = card.features
    whole = fit(samples, max(len(samples), features.n_fft))  # a frame at least
    wave, (f0, _) = torch.from_numpy(whole), pitch_hz(whole)
    mel = mel_of(wave, features)
    if rng.random() < DRAWN_SHARE:
        mel = as_drawn(mel, rng)
    with torch.inference_mode():
        excited = torch.from_numpy(excitation(f0, len(wave), rng))
        made = generator(mel[None], excited[None])[0].numpy()
    return fit(made, len(samples))
