"""A card and scores with numbers that can be worked out by hand.

Windows, and parts unless told, are 4 s long and start every second; a stretch is 8 s. Both statistics have
P(x or more) = exp(-x) over bona fide recordings, so that the threshold for a rate p is -log(p).
"""

import math

import numpy as np

from assay.audio.detector import AudioScores, ChannelScores
from assay.audio.quality import Quality
from assay.models.card import Calibration, Decision, DetectorCard, KnownAnswer, TailModel
from assay.policy import decide
from assay.settings import Settings

RATE = 16_000
WINDOW_S, HOP_S, STRETCH_S = 4, 1, 8
CLEAN = Quality(level_db=-20.0, snr_db=30.0, bandwidth_hz=7_000.0, clipped=0.0, silent=0.1)
EXPONENTIAL = TailModel(values=(0.0, 1.0, 2.0), survival=(1.0, math.exp(-1), math.exp(-2)), scale=1.0)


def make_card(*, file=EXPONENTIAL, contrast=EXPONENTIAL, calibration=None, **decision):
    """A detector's card; keywords replace what stands in the calibration or the decision."""
    numbers = {"bona_fide_below_llr": -1.0, "miss_rate": 0.1, "codec_sd": 0.0, "operating_points": ()} | decision
    return DetectorCard(
        name="by-hand",
        version="1",
        kind="audio-detector",
        summary="",
        file="by-hand.onnx",
        sha256="0" * 64,
        size_bytes=1,
        licence_weights="Apache-2.0",
        origin="",
        limits=("a limit",),
        known_answer=KnownAnswer(sample="s.flac", values=(0.0,), tolerance=0.01),
        sample_rate_hz=RATE,
        window_samples=WINDOW_S * RATE,
        part_samples=WINDOW_S * RATE,
        hop_samples=HOP_S * RATE,
        min_speech_s=1.0,
        recipe="",
        commit="",
        calibration=Calibration(**{"slope": 1.0, "offset": 0.0, "lowest": -20.0, "highest": 8.0} | (calibration or {})),
        decision=Decision(
            file=file, contrast=contrast, stretch_s=STRETCH_S, min_contrast_duration_s=2 * STRETCH_S, **numbers
        ),
        data=(),
    )


def windows_in(duration_s):
    """How many windows a recording of whole seconds has."""
    return max(1, duration_s - WINDOW_S + 1)


def make_channel(llrs, *, part_llrs=None, duration_s=None, speech_s=None, quality=CLEAN):
    """Evidence of one channel; speech everywhere, and parts score as windows do, unless told."""
    llrs = np.atleast_1d(np.asarray(llrs, float))
    duration_s = duration_s or llrs.size + WINDOW_S - 1
    chunks = round(duration_s / 0.032)
    speech = np.arange(chunks) < round((duration_s if speech_s is None else speech_s) / 0.032)
    parts = llrs if part_llrs is None else np.asarray(part_llrs, float)
    return ChannelScores(llrs=llrs, part_llrs=parts, speech=speech, quality=quality)


def make_scores(*channels, duration_s=None, **options):
    """Evidence of a recording; a channel is given as its llrs or ready made."""
    made = tuple(
        c if isinstance(c, ChannelScores) else make_channel(c, duration_s=duration_s, **options) for c in channels
    )
    return AudioScores(
        channels=made,
        duration_s=float(duration_s or made[0].llrs.size + WINDOW_S - 1),
        part_s=float(WINDOW_S),
        notes=(),
        timings_ms={},
    )


def judge(*channels, card=None, duration_s=None, speech_s=None, quality=CLEAN, **settings):
    """The policy's answer."""
    scores = make_scores(*channels, duration_s=duration_s, speech_s=speech_s, quality=quality)
    return decide(scores, card or make_card(), Settings(**settings))


def spliced(duration_s, start_s, end_s, *, bona_fide=-3.0, spoof=9.0):
    """Window llrs of a recording with a spoofed span: each in proportion to what it holds of the span."""
    starts = np.arange(windows_in(duration_s))
    inside = np.clip(np.minimum(starts + WINDOW_S, end_s) - np.maximum(starts, start_s), 0, None) / WINDOW_S
    return bona_fide + (spoof - bona_fide) * inside
