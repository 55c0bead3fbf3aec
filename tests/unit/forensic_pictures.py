"""Pictures whose history the test makes: textured like photographs, saved in known ways."""

import io

import numpy as np
from PIL import Image


def textured(seed, height=256, width=256, channels=3):
    """Noise with a 1/f spectrum, as natural scenes have (Field 1987): uint8, (height, width, 3) or (height, width)."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    planes = []
    for _ in range(channels):
        plane = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(height, width))) / frequency, s=(height, width))
        planes.append(plane / plane.std())
    mixed = planes[0][..., None] + 0.3 * np.stack(planes, axis=-1) if channels > 1 else planes[0]
    return np.clip(rng.uniform(100, 150) + rng.uniform(25, 50) * mixed, 0, 255).round().astype(np.uint8)


def jpeg(pixels, quality=90, **options):
    """Pixels as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()


def pixels(data):
    """What a decoder makes of a picture file."""
    return np.asarray(Image.open(io.BytesIO(data)))
