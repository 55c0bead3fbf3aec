"""Makes the sample pictures in ``examples/media``: drawn here, with a history that the evidence should tell.

    python scripts/make_pictures.py

`twice-saved.jpg` was compressed at quality 60, then a part of it was copied elsewhere, then it was compressed at 92.
`tagged.png` carries the text chunk in which the Stable Diffusion web UI leaves a prompt; it is drawn here, too.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

MEDIA = Path(__file__).parent.parent / "examples" / "media"
SIZE = (480, 640)  # rows, columns
SEED = 7


def clouds(rng: np.random.Generator, power: float) -> NDArray[np.float64]:
    """Noise whose amplitude falls with frequency to the given power, in [0, 1]."""
    rows, columns = SIZE
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal(SIZE)) / frequency**power
    field = np.fft.irfft2(spectrum, SIZE)
    return (field - field.min()) / np.ptp(field)


def landscape() -> NDArray[np.uint8]:
    """A sky above stony ground, with the noise of a sensor; (rows, columns, 3)."""
    rng = np.random.default_rng(SEED)
    sky, ground, line = clouds(rng, 2.0), clouds(rng, 1.1), clouds(rng, 1.8)[0]
    horizon = (0.45 + 0.15 * (line - line.mean())) * SIZE[0]
    above = np.arange(SIZE[0])[:, None] < horizon[None]
    blue = np.stack([150 + 90 * sky, 175 + 65 * sky, 225 + 20 * sky], -1)
    brown = np.stack([60 + 130 * ground, 55 + 105 * ground, 40 + 70 * ground], -1)
    lit = np.where(above[..., None], blue, brown)
    noisy = lit + rng.standard_normal(lit.shape) * (1.0 + 0.02 * lit)
    return noisy.round().clip(0, 255).astype(np.uint8)


def main() -> None:
    """Write both pictures."""
    drawn = landscape()
    once = io.BytesIO()
    Image.fromarray(drawn).save(once, "JPEG", quality=60)
    copied = np.asarray(Image.open(once)).copy()
    copied[304:432, 64:256] = copied[280:408, 392:584]
    Image.fromarray(copied).save(MEDIA / "twice-saved.jpg", quality=92)
    info = PngInfo()
    info.add_text("parameters", "a drawn landscape\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 7, Size: 320x240")
    Image.fromarray(drawn).resize((320, 240), Image.Resampling.LANCZOS).save(MEDIA / "tagged.png", pnginfo=info)


if __name__ == "__main__":
    main()
