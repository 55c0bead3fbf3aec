"""How often traces of JPEG compression are found where they are, and where they are not.

    OMP_NUM_THREADS=1 python benchmarks/forensics_rates.py --write

Pictures are made here: noise with the 1/f spectrum of natural scenes (Field 1987), of which every JPEG history is
known. They have neither flat skies nor sharp edges, so photographs are harder; see docs/forensics.md. Runs in less
than a minute.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from page import share, write_page
from PIL import Image

from assay.forensics.coefficients import luminance
from assay.forensics.double_jpeg import detect_double_compression
from assay.forensics.grid import detect_former_grid
from assay.forensics.jpeg import read_jpeg

PAGE = Path(__file__).parent.parent / "docs" / "forensics.md"
SIDE = 256
SINGLE = (60, 75, 90, 95)
PAIRS = ((50, 75), (60, 75), (70, 75), (85, 75), (90, 75), (95, 75), (60, 90), (75, 90), (85, 90), (95, 90), (85, 95))
CROPS = ((60, 75), (75, 75), (60, 90), (75, 90), (90, 90), (75, 95), (90, 95))
Pixels = NDArray[np.uint8]


def textured(rng: np.random.Generator) -> Pixels:
    """A grey picture of random brightness and contrast, shape (SIDE, SIDE)."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    frequency[0, 0] = np.inf
    plane = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) / frequency, s=(SIDE, SIDE))
    plane *= rng.uniform(20, 50) / plane.std()
    return np.clip(rng.uniform(90, 160) + plane, 0, 255).round().astype(np.uint8)


def saved(pixels: Pixels, quality: int) -> bytes:
    """As a JPEG file, by libjpeg."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def opened(data: bytes) -> Pixels:
    """Pixels of a file."""
    return np.asarray(Image.open(io.BytesIO(data)))


def same_grid(pictures: list[Pixels]) -> list[str]:
    """Rows of the table of double compression: false alarms, then hits by pair."""
    rows = []
    for last in SINGLE:
        found = [detect_double_compression(read_jpeg(saved(picture, last))) for picture in pictures]
        alarms = sum(bool(one and one.strength > 0) for one in found)
        rows.append(f"| {last} | false alarm | {share(alarms, len(found), 2)} | |")
    for first, last in PAIRS:
        found = [detect_double_compression(read_jpeg(saved(opened(saved(p, first)), last))) for p in pictures]
        hits = [one for one in found if one and one.strength > 0]
        near = sum(abs((one.first_quality or 0) - first) <= 2 for one in hits)
        rows.append(f"| {first} → {last} | hit | {share(len(hits), len(found), 2)} | {near} of {len(hits)} |")
    return rows


def other_grid(pictures: list[Pixels], rng: np.random.Generator) -> list[str]:
    """Rows of the table of former grids: false alarms of single and double saves, then hits by pair."""
    rows = []
    for last in SINGLE:
        for history, first in ((f"{last}", None), (f"60 → {last}, not cropped", 60)):
            files = [saved(p if first is None else opened(saved(p, first)), last) for p in pictures]
            found = [detect_former_grid(luminance(read_jpeg(data))) for data in files]
            alarms = sum(bool(one and one.strength > 0) for one in found)
            rows.append(f"| {history} | false alarm | {share(alarms, len(found), 2)} | |")
    for first, last in CROPS:
        hits = right = 0
        for picture in pictures:
            row, column = divmod(int(rng.integers(1, 64)), 8)
            cropped = opened(saved(picture, first))[row:, column:]
            one = detect_former_grid(luminance(read_jpeg(saved(cropped, last))))
            if one and one.strength > 0:
                hits += 1
                right += (one.row, one.column) == (-row % 8, -column % 8)
        text = f"| {first} → {last}, cropped | hit | {share(hits, len(pictures), 2)} | {right} of {hits} |"
        rows.append(text)
    return rows


def main() -> None:
    """Print both tables; with --write put them on the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=24, help="how many of them (default 24)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/forensics.md")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    pictures = [textured(rng) for _ in range(options.pictures)]
    tables = {}
    for name, rows, last in (
        ("double-jpeg", same_grid(pictures), "first quality within 2"),
        ("former-grid", other_grid(pictures, rng), "right offset"),
    ):
        head = [
            f"| saved at | rate of | rate (95 % interval), {len(pictures)} pictures | {last} |",
            "|---|---|---|---|",
        ]
        tables[name] = "\n".join(head + rows)
        print(f"{name}\n{tables[name]}\n")
    if options.write:
        write_page(tables, PAGE)


if __name__ == "__main__":
    main()
