"""Codecs on both keys: every one keeps the length and most of the sound, and a missing one is named."""

import numpy as np
import pytest

pytest.importorskip("torch")

from assay.errors import TrainingError
from assay.training.codecs import CODECS, STORE, Codec, transcode


def spectrum(samples):
    """Log power in 32 bands below 3.4 kHz, which even a telephone codec keeps."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    below = int(3400 / 8000 * len(power))
    return np.log([band.mean() for band in np.array_split(power[:below], 32)])


@pytest.mark.parametrize("codec", sorted({*CODECS, STORE}, key=str), ids=lambda c: f"{c.encoder}-{c.bit_rate}")
def test_a_codec_keeps_length_and_spectrum_but_not_the_samples(codec, speech):
    parent = speech(1.0, seed=1)[:15_997]
    heard = transcode(parent, codec)
    assert heard.shape == parent.shape
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert np.corrcoef(spectrum(parent), spectrum(heard))[0, 1] > 0.9
    assert not np.array_equal(parent, heard)


def test_a_clip_shorter_than_a_codec_frame_passes():
    short = 0.1 * np.sin(np.arange(50, dtype=np.float32))
    assert {transcode(short, codec).shape for codec in CODECS} == {(50,)}


def test_an_encoder_that_is_missing_is_named():
    with pytest.raises(TrainingError, match="'no-such-encoder' failed"):
        transcode(np.zeros(1600, np.float32), Codec("no-such-encoder", "wav", 16_000))
