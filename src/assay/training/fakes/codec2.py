"""Codec 2, a parametric speech codec of 700 to 3,200 bit/s: what comes out is resynthesised from a few parameters."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import soxr

from assay.training.fakes.installed import program, run
from assay.training.fakes.method import fit
from assay.training.sound import SAMPLE_RATE_HZ, Samples

CODEC_RATE_HZ = 8_000
MODES = ("3200", "2400", "1600", "1400", "1300", "1200", "700C")


def codec2(samples: Samples, rng: np.random.Generator) -> Samples:
    """Codec 2 (Rowe, 2010), one of its modes, through its command-line tools; narrow-band."""
    tools = program("c2enc", "codec2"), program("c2dec", "codec2")
    mode = str(rng.choice(MODES))
    narrow = np.clip(soxr.resample(samples, SAMPLE_RATE_HZ, CODEC_RATE_HZ), -1, 1)
    with tempfile.TemporaryDirectory() as folder:
        raw, bits, back = (Path(folder) / name for name in ("in.raw", "bits", "out.raw"))
        # A frame of silence at the end, since the codec only writes whole frames.
        np.pad(narrow * 32767, (0, 640)).astype("<i2").tofile(raw)
        for tool, source, target in zip(tools, (raw, bits), (bits, back), strict=True):
            run([tool, mode, str(source), str(target)])
        decoded = np.fromfile(back, "<i2").astype(np.float32) / 32768
    return fit(soxr.resample(decoded, CODEC_RATE_HZ, SAMPLE_RATE_HZ), len(samples))
