"""How often traces in pictures are found where they are, and where they are not.

    OMP_NUM_THREADS=1 python benchmarks/forensics_rates.py --write
    OMP_NUM_THREADS=1 python benchmarks/forensics_rates.py --catalogue ../shared/data/catalog/image.csv.gz \
        --repositories FOLDER --protocol ../shared/data/image/protocol.csv --write

Without data: noise with the 1/f spectrum of natural scenes (Field 1987), of which every JPEG history is known; less
than a minute. With data: camera files from the train rows of the catalogue, read out of bare clones in FOLDER (named
``owner+name/repo``), and photographs of the web from the protocol; ten minutes. Camera files are split in halves by
their digest: thresholds were chosen on one, rates are measured on the other, and --write puts them into
``src/assay/forensics/rates.json`` as well.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from page import share, write_page
from PIL import Image

from assay.errors import AssayError
from assay.forensics.coefficients import Floats, luminance
from assay.forensics.copy_move import detect_copy_move
from assay.forensics.double_jpeg import detect_double_compression
from assay.forensics.error_level import detect_error_level
from assay.forensics.grid import detect_former_grid
from assay.forensics.inspect import inspect
from assay.forensics.jpeg import read_jpeg
from assay.forensics.metadata import metadata_traces, read_metadata
from assay.forensics.rates import LEVELS
from assay.forensics.resampling import FAINT_TILE, STEP, detect_resampling
from assay.forensics.residual import detect_noise_inconsistency
from assay.media.pictures import open_picture
from assay.metrics import rate_interval
from assay.settings import Settings

PAGE = Path(__file__).parent.parent / "docs" / "forensics.md"
RATES = Path(__file__).parent.parent / "src" / "assay" / "forensics" / "rates.json"
SIDE = 256
CROP, PART = 1024, 192
SAVED = (None, 95, 75)  # None for PNG
FACTORS = (0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2.0)
SMALLEST_CAMERA_FILE = 2**19  # pixels; below it is no original
FLATTEST = 12.0  # deviation in levels; pictures of a white wall, which are taken to calibrate sensors, are left out
NOT_ORIGINAL = {"editing_software", "size_disagrees", "thumbnail_disagrees", "generator_tag"}
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
    return rows + [f"| {pair} | hit | {hits} | {near} |" for pair, hits, near in saved_twice(pictures)]


def saved_twice(pictures: list[Pixels]) -> Iterator[tuple[str, str, str]]:
    """For each of the `PAIRS`: the pair, the rate of hits, and how many of them name the first quality within 2."""
    for first, last in PAIRS:
        found = [detect_double_compression(read_jpeg(saved(opened(saved(p, first)), last))) for p in pictures]
        hits = [one for one in found if one and one.strength > 0]
        near = sum(abs((one.first_quality or 0) - first) <= 2 for one in hits)
        yield f"{first} → {last}", share(len(hits), len(found), 2), f"{near} of {len(hits)}"


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


def camera_files(catalogue: Path, repositories: Path) -> Iterator[bytes]:
    """Files of the catalogue's bona fide train rows that are as a camera wrote them, as far as metadata tell."""
    wanted = defaultdict(list)
    with gzip.open(catalogue, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            jpeg = row["path"].lower().endswith((".jpg", ".jpeg"))
            if jpeg and row["key"] == "bona_fide" and row["partition"] == "train":
                wanted[row["repo"]].append(row["path"])
    seen = set()
    for repository, paths in sorted(wanted.items()):
        folder = repositories / repository.replace("/", "+") / "repo"
        if not folder.is_dir():
            continue
        for data in blobs(folder, paths):
            if (digest := hashlib.sha1(data).hexdigest()) not in seen and is_original(data):
                seen.add(digest)
                yield data


def blobs(folder: Path, paths: list[str]) -> Iterator[bytes]:
    """Files of a bare clone that are large enough for an original; none that it would have to fetch."""
    git = ["git", "-C", str(folder), "-c", "core.quotepath=off"]
    environment = {"GIT_NO_LAZY_FETCH": "1", "PATH": "/usr/bin:/bin"}
    listed = subprocess.run([*git, "ls-tree", "-r", "-l", "HEAD"], capture_output=True, text=True, env=environment)
    known = {}
    for line in listed.stdout.splitlines():
        about, path = line.split("\t", 1)
        _, _, blob, size = about.split()
        if size.isdigit() and int(size) > 150_000:
            known[path] = blob
    for path in paths:
        if path in known:
            read = subprocess.run([*git, "cat-file", "blob", known[path]], capture_output=True, env=environment)
            if not read.returncode:
                yield read.stdout


def is_original(data: bytes) -> bool:
    """A camera is named, no program is, and sizes agree; and it shows something."""
    metadata = read_metadata(data)
    names = {trace.name for trace in metadata_traces(metadata)}
    pixels = (metadata.width or 0) * (metadata.height or 0)
    if metadata.container != "jpeg" or "camera" not in names or names & NOT_ORIGINAL or pixels < SMALLEST_CAMERA_FILE:
        return False
    try:
        return bool(luminance(read_jpeg(data))[::8, ::8].std() >= FLATTEST)
    except AssayError:
        return False


def measuring_half(data: bytes) -> bool:
    """Whether rates are measured on a file; on the others thresholds were chosen."""
    return int(hashlib.sha1(data).hexdigest()[0], 16) % 2 == 1


def web_files(protocol: Path) -> Iterator[bytes]:
    """Bona fide train files of the shared set that are as they were published."""
    with protocol.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if (row["partition"], row["key"], row["prepared"]) == ("train", "bona_fide", "keep"):
                yield (protocol.parent / row["path"]).read_bytes()


def strengths(files: Iterator[bytes] | list[bytes]) -> dict[str, list[float]]:
    """Strength of every trace that has one, by name: by default, or by a deep look where only that tells it."""
    found = defaultdict(list)
    for data in files:
        try:
            picture = open_picture(data, settings=Settings())
        except AssayError:
            continue
        both = (*inspect(picture, deep=True).traces, *inspect(picture).traces)
        for trace in {trace.name: trace for trace in both}.values():
            if trace.strength is not None:
                found[trace.name].append(trace.strength)
    return dict(found)


def genuine(camera: list[bytes], protocol: Path | None) -> tuple[list[str], dict[str, list[float]]]:
    """Rows of the table of bona fide files, and the strengths in camera files."""
    columns = [strengths(camera), strengths(web_files(protocol)) if protocol else {}]
    rows = []
    for name, of_camera in columns[0].items():
        cells = [name]
        for values in (of_camera, columns[1].get(name, [])):
            reached = [sum(value >= level for value in values) for level in (LEVELS[0], 0.5)]
            cells += [*(share(count, len(values), 2) for count in reached), str(len(values))]
        rows.append("| " + " | ".join(cells) + " |")
    return rows, columns[0]


def write_rates(found: dict[str, list[float]]) -> None:
    """The table that notes of traces quote."""
    traces = {}
    for name, values in sorted(found.items()):
        reached = [sum(value >= level for value in values) for level in LEVELS]
        high = [round(rate_interval(count, len(values)).high, 4) for count in reached]
        traces[name] = {"files": len(values), "reached": reached, "high": high}
    about = "Camera files that reach each strength; written by benchmarks/forensics_rates.py."
    RATES.write_text(
        json.dumps({"about": about, "levels": LEVELS, "traces": traces}, indent=1) + "\n", encoding="utf-8"
    )


def decoded(data: bytes) -> Pixels:
    """RGB of the middle CROP pixels each way, on the file's own JPEG grid."""
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    top, left = (max(0, (side - CROP) // 2) // 16 * 16 for side in pixels.shape[:2])
    return pixels[top : top + CROP, left : left + CROP]


def plane_after(pixels: Pixels, quality: int | None) -> Floats:
    """Luminance after saving; what PNG gives is what it got."""
    if quality is not None:
        return luminance(read_jpeg(saved(pixels, quality)))
    return np.asarray(pixels @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)


Box = tuple[int, int, int, int]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of (left, top, width, height)."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(0, wide) * max(0, high)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


def place(rng: np.random.Generator, pixels: Pixels, side: int = PART) -> tuple[int, int]:
    """Left and top of a square somewhere."""
    return int(rng.integers(0, pixels.shape[1] - side)), int(rng.integers(0, pixels.shape[0] - side))


def pasted(base: Pixels, part: Pixels, rng: np.random.Generator) -> tuple[Pixels, Box]:
    """A square of another picture somewhere in this one."""
    left, top = place(rng, part)
    piece = part[top : top + PART, left : left + PART]
    left, top = place(rng, base)
    result = base.copy()
    result[top : top + PART, left : left + PART] = piece
    return result, (left, top, PART, PART)


def noised(base: Pixels, rng: np.random.Generator) -> tuple[Pixels, Box]:
    """A square with normal noise of 4 levels added."""
    left, top = place(rng, base)
    result = base.copy()
    square = result[top : top + PART, left : left + PART]
    square[:] = np.clip(np.rint(square + rng.normal(0, 4, square.shape)), 0, 255)
    return result, (left, top, PART, PART)


def copied(base: Pixels, side: int, rng: np.random.Generator) -> tuple[Pixels, tuple[int, int]] | None:
    """A textured square copied somewhere else, and how far; None if none is found in 50 tries."""
    for _ in range(50):
        (left, top), (to_left, to_top) = place(rng, base, side), place(rng, base, side)
        square = base[top : top + side, left : left + side]
        if square.std() > 25 and max(abs(to_left - left), abs(to_top - top)) > side:
            result = base.copy()
            result[to_top : to_top + side, to_left : to_left + side] = square
            return result, (to_left - left, to_top - top)
    return None


LOCAL: dict[str, Callable[[Floats], Box | None]] = {}


def local(name: str) -> Callable[[Callable[[Floats], Box | None]], Callable[[Floats], Box | None]]:
    """Enter a tool that names a place."""

    def entered(tool: Callable[[Floats], Box | None]) -> Callable[[Floats], Box | None]:
        LOCAL[name] = tool
        return tool

    return entered


@local("error_level")
def _by_error_level(plane: Floats) -> Box | None:
    found = detect_error_level(plane)
    return found.region.box(8) if found and found.strength and found.region else None


@local("noise_inconsistency")
def _by_noise(plane: Floats) -> Box | None:
    found = detect_noise_inconsistency(plane)
    return found.region.box(8) if found and found.strength and found.region else None


@local("resampling_of_a_part")
def _by_resampling(plane: Floats) -> Box | None:
    found = detect_resampling(plane)
    if not found or found.strength or found.tile_peak <= FAINT_TILE:
        return None
    row, column = np.unravel_index(int(found.map.argmax()), found.map.shape)
    return int(column) * STEP, int(row) * STEP, found.tile_pixels, found.tile_pixels


def manipulated(pictures: list[Pixels], rng: np.random.Generator) -> list[str]:
    """Rows: what was done, the tool, and how often it was found when saved in each way."""
    counts: Counter[tuple[str, str, int | None]] = Counter()
    tried: Counter[tuple[str, str, int | None]] = Counter()

    def count(done: str, tool: str, quality: int | None, hit: bool) -> None:
        tried[done, tool, quality] += 1
        counts[done, tool, quality] += hit

    for index, base in enumerate(pictures):
        other = pictures[(index + len(pictures) // 2) % len(pictures)]
        larger = np.asarray(Image.fromarray(other).resize((CROP * 5 // 4, CROP * 5 // 4), Image.Resampling.BICUBIC))
        changed = {
            "part from JPEG 60": pasted(base, opened(saved(other, 60)), rng),
            "part from JPEG 90": pasted(base, opened(saved(other, 90)), rng),
            "part never compressed, enlarged by 1.25": pasted(base, larger, rng),
            "part with noise of 4 levels": noised(base, rng),
        }
        copies = {side: copied(base, side, rng) for side in (64, 96, 128)}
        for quality in SAVED:
            plane = plane_after(base, quality)
            for name, tool in LOCAL.items():
                count("nothing", name, quality, tool(plane) is not None)
            found = detect_resampling(plane)
            count("nothing", "resampling", quality, bool(found and found.strength))
            copy = detect_copy_move(plane)
            count("nothing", "copy_move", quality, bool(copy and copy.strength))
            for done, (pixels, box) in changed.items():
                plane = plane_after(pixels, quality)
                for name, tool in LOCAL.items():
                    where = tool(plane)
                    count(done, name, quality, where is not None and overlap(where, box) > 0.3)
            for side, made in copies.items():
                if made is None:
                    continue
                copy = detect_copy_move(plane_after(made[0], quality))
                hit = False
                if copy and copy.strength and copy.source and copy.target:
                    moved = copy.target[0] - copy.source[0], copy.target[1] - copy.source[1]
                    hit = moved in (made[1], (-made[1][0], -made[1][1]))
                count(f"{side} x {side} copied", "copy_move", quality, hit)
            for factor in FACTORS:
                side = round(CROP / max(factor, 1) * factor)
                kept = base[: round(CROP / max(factor, 1)), : round(CROP / max(factor, 1))]
                resized = np.asarray(Image.fromarray(kept).resize((side, side), Image.Resampling.BICUBIC))
                found = detect_resampling(plane_after(resized, quality))
                count(f"resized by {factor}", "resampling", quality, bool(found and found.strength))
                told = found.factor_if_reduced if found and factor < 1 else found.factor if found else None
                right = bool(told and abs(told / factor - 1) < 0.02)
                count(f"resized by {factor}", "resampling, factor within 2 %", quality, right)
    rows = []
    for done, tool in dict.fromkeys(key[:2] for key in tried):
        cells = [share(counts[done, tool, quality], tried[done, tool, quality], 2) for quality in SAVED]
        rows.append(f"| {done} | {tool} | " + " | ".join(cells) + " |")
    return rows


def resaved(pictures: list[Pixels]) -> list[str]:
    """Rows: camera files that were decoded, saved at one quality and at another."""
    return [f"| {pair} | {hits} | {near} |" for pair, hits, near in saved_twice(pictures)]


def photographs(options: argparse.Namespace) -> dict[str, str]:
    """Tables of photographs, and the file of rates if asked for."""
    files = [data for data in camera_files(options.catalogue, options.repositories) if measuring_half(data)]
    print(f"{len(files)} camera files in the measuring half", flush=True)
    rows, found = genuine(files, options.protocol)
    if options.write:
        write_rates(found)
    head = "| trace | camera, any strength | camera, 0.5 or more | files | web, any | web, 0.5 or more | files |"
    tables = {"bona-fide": "\n".join([head, "|---|---|---|---|---|---|---|", *rows])}
    print(tables["bona-fide"], flush=True)
    pictures = [pixels for data in files if (pixels := decoded(data)).shape[:2] == (CROP, CROP)]
    pictures = pictures[:: -(-len(pictures) // options.pictures)]
    rows = manipulated(pictures, np.random.default_rng(2))
    head = f"| done to {len(pictures)} pictures | trace | saved as PNG | JPEG 95 | JPEG 75 |"
    tables["manipulated"] = "\n".join([head, "|---|---|---|---|---|", *rows])
    head = f"| saved at | found, {len(pictures)} pictures | first quality within 2 |"
    tables["resaved"] = "\n".join([head, "|---|---|---|", *resaved(pictures)])
    return tables


def main() -> None:
    """Print the tables; with --write put them on the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=24, help="how many of them (default 24)")
    parser.add_argument("--catalogue", type=Path, help="the catalogue of pictures, image.csv.gz")
    parser.add_argument("--repositories", type=Path, help="folder of bare clones, owner+name/repo")
    parser.add_argument("--protocol", type=Path, help="protocol of the shared pictures")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/forensics.md")
    options = parser.parse_args()
    if options.catalogue and options.repositories:
        tables = photographs(options)
        for name in ("manipulated", "resaved"):
            print(f"{name}\n{tables[name]}\n")
        if options.write:
            write_page(tables, PAGE)
        return
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
