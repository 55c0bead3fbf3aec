"""Public features of sound, in numpy alone: spectra, mel, cepstra, chroma, centroid.

For those who study or train with hand-made features; the shipped networks carry their own front end.
Conventions are those of librosa 0.11, so that published numbers can be met again: centred frames (zeros of
n_fft // 2 before and after), periodic Hann window as long as the frame, power spectra, Slaney's mel scale
and norm, decibels re 1 clipped 80 dB below the loudest.
`tests/conformance/test_features_against_librosa.py` holds them to it, within 1e-4 absolute plus 1e-5
relative.

Samples are one channel of floats, shape (n,), at `sample_rate_hz`. A feature is float32 of shape (rows,
frames), with 1 + (n + 2 (n_fft // 2) - n_fft) // hop frames; frame t is centred on sample t · hop.
"""

from assay.audio.features.cepstra import deltas, lfcc, log_mel, mfcc
from assay.audio.features.filter_banks import chroma_filter_bank, linear_filter_bank, mel_filter_bank
from assay.audio.features.spectra import stft
from assay.audio.features.tone import chroma, spectral_centroid

__all__ = [
    "chroma",
    "chroma_filter_bank",
    "deltas",
    "lfcc",
    "linear_filter_bank",
    "log_mel",
    "mel_filter_bank",
    "mfcc",
    "spectral_centroid",
    "stft",
]
