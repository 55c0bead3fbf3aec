"""Maps over what they are about, as pictures: orange where a place speaks for a spoof, blue where for bona fide.

The two colours are told apart with every common kind of colour vision. Where nothing counts, nothing is drawn, and
strength is relative to the strongest place of the same map: pictures of two files cannot be compared by eye.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assay.explain.explanation import Saliency
from assay.explain.spectrogram import Canvas
from assay.look import BONA_FIDE_BLUE, SPOOF_ORANGE, rgb
from assay.media import AudioMedia
from assay.media.blocks import SAMPLE_RATE_HZ
from assay.media.pictures import Picture
from assay.media.videos import Video

SPOOF, BONA_FIDE = rgb(SPOOF_ORANGE), rgb(BONA_FIDE_BLUE)
STRONGEST = 0.65  # opacity of the strongest place
MOST_PIXELS = 1024  # of the longer side
SHEET = (960, 384)  # pixels of a spectrogram
RANGE_DB = 70.0
Pixels = NDArray[np.uint8]


def drawn(media: Any, saliency: Saliency) -> Image.Image:
    """One map of an explanation over its medium.

    Args:
        media: `AudioMedia`, `Picture` or `Video`, as `Explained.media` has it.
        saliency: One of its maps.

    Raises:
        MediaError: If the file changed or vanished since it was opened.
    """
    if saliency.kind == "spectrogram":
        return overlaid(_sheet(media, saliency), saliency, upwards=True)
    return overlaid(media.pixels if isinstance(media, Picture) else _frame(media, saliency), saliency)


def overlaid(pixels: Pixels, saliency: Saliency, *, upwards: bool = False) -> Image.Image:
    """A map in colour over pixels.

    Args:
        pixels: uint8 RGB, shape (height, width, 3).
        saliency: The map.
        upwards: Whether its first row belongs at the bottom.
    """
    below = Image.fromarray(np.ascontiguousarray(pixels))
    below.thumbnail((MOST_PIXELS, MOST_PIXELS))
    values = np.asarray(saliency.values, np.float64)[:: -1 if upwards else 1]
    strength = np.abs(values) / max(float(np.abs(values).max()), 1e-12)
    colour = np.where((values > 0)[..., None], SPOOF, BONA_FIDE).astype(np.uint8)
    alpha = Image.fromarray(np.round(255 * STRONGEST * strength).astype(np.uint8)).resize(below.size)
    top = Image.fromarray(colour).resize(below.size, Image.Resampling.NEAREST)
    return Image.composite(top, below, alpha)


def _sheet(media: Any, saliency: Saliency) -> Pixels:
    """Log power of the stretch, light where it is loud, low frequencies at the bottom."""
    sound = media if isinstance(media, AudioMedia) else media.audio()
    starts_s = (media.info.sound_starts_s or 0.0) if isinstance(media, Video) else 0.0
    first = round(((saliency.start_s or 0.0) - starts_s) * SAMPLE_RATE_HZ)
    last = round(((saliency.end_s or 0.0) - starts_s) * SAMPLE_RATE_HZ)
    kept, at = [], 0
    for block in sound.blocks():
        kept.append(block.mean(0)[max(first - at, 0) : max(last - at, 0)])
        at += block.shape[1]
        if at >= last:
            break
    power = Canvas(np.concatenate(kept)).power.T[::-1]
    level = 10 * np.log10(power + 1e-10)
    shade = np.clip(1 + (level - level.max()) / RANGE_DB, 0, 1)
    grey = Image.fromarray(np.round(255 * shade).astype(np.uint8)).resize(SHEET)
    return np.asarray(grey.convert("RGB"))


def _frame(video: Any, saliency: Saliency) -> Pixels:
    """The frame that is shown at the time of a map."""
    start_s = max(0.0, (saliency.start_s or 0.0) - 1e-3)  # times in maps are rounded
    return np.asarray(next(iter(video.frames(fps=None, start_s=start_s))).pixels)
