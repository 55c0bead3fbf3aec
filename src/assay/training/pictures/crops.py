"""Crops of pictures, packed: what training reads instead of files.

Of each picture the looks that the detector takes, too (`assay.image.looks`), `SIDE` pixels a side.

A pack is a folder with ``crops.json`` (a row for each crop) and ``crops.bin`` (JPEG files end to end). Every crop, of
either key, is saved once at the same quality and without subsampling, whatever its file was: a container that follows
the key cannot be learnt.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from assay.image.looks import LOOKS, Look, Pixels, Square, cut, detail, face_square, whole_square

SIDE = 256
QUALITY = 94
LEAST_SCORE = 0.6  # of the face detector
HULL_POINTS = 48
FACES = 3  # of one picture at most

log = logging.getLogger("assay.training.pictures")


@dataclass(frozen=True)
class Original:
    """A file to cut crops from.

    Attributes:
        file: Where it lies.
        key: ``bona_fide`` or ``spoof``.
        source, generator: As in its protocol.
        twin: The bona fide file that it was made from, of the same size, if there is one: crops of both are cut at the
            same places.
        looks: Which looks to take.
        pieces: How many pieces at most.
    """

    file: Path
    key: str
    source: str
    generator: str = ""
    twin: Path | None = None
    looks: tuple[Look, ...] = LOOKS
    pieces: int = 1


@dataclass(frozen=True)
class Crop:
    """A row of a pack.

    Attributes:
        look: What it shows.
        key, source, generator, path: Of its file.
        start, length: Where its JPEG lies in ``crops.bin``.
        twin: Row of the bona fide crop with the same content; -1 if there is none.
        scale: Pixels of the picture per pixel of the crop; 1 for pieces.
        hull: Outline of a face, (points, 2), shares of the side; empty for other looks, or if the mesh saw none.
    """

    look: Look
    key: str
    source: str
    generator: str
    path: str
    start: int
    length: int
    twin: int = -1
    scale: float = 1.0
    hull: tuple[tuple[float, float], ...] = field(default=())


@dataclass(frozen=True)
class Place:
    """Where a crop is cut."""

    look: Look
    square: Square
    hull: tuple[tuple[float, float], ...] = ()


def places_of(pixels: Pixels, looks: Sequence[Look], pieces: int, rng: np.random.Generator) -> list[Place]:
    """Where to cut a picture.

    Args:
        pixels: uint8 RGB, shape (height, width, 3).
        looks: Which looks to take.
        pieces: How many pieces at most.
        rng: Draws where the pieces are.
    """
    height, width = pixels.shape[:2]
    found: list[Place] = []
    if "face" in looks:
        found += _face_places(pixels)
    if "whole" in looks and (whole := whole_square(height, width)):
        found.append(Place("whole", whole))
    if "piece" in looks and min(height, width) >= SIDE:
        room = max(1, min(pieces, (height // SIDE) * (width // SIDE)))
        found += [Place("piece", _piece(pixels, rng)) for _ in range(room)]
    return found


def _piece(pixels: Pixels, rng: np.random.Generator) -> Square:
    """The one of three random pieces with most detail."""
    height, width = pixels.shape[:2]
    tries = [
        Square(int(rng.integers(0, width - SIDE + 1)), int(rng.integers(0, height - SIDE + 1)), SIDE) for _ in range(3)
    ]
    return max(tries, key=lambda square: detail(pixels, square))


@cache
def _finder() -> Any:
    from assay.image.faces import FaceFinder

    return FaceFinder(irises=False)


def _face_places(pixels: Pixels) -> list[Place]:
    from scipy.spatial import ConvexHull  # type: ignore[import-untyped]

    found = []
    for face in _finder().find(pixels)[:FACES]:
        square = face_square(face, *pixels.shape[:2])
        if square is None or face.score < LEAST_SCORE:
            continue
        hull: tuple[tuple[float, float], ...] = ()
        if face.landmarks is not None:
            points = (face.landmarks[:, :2] - (square.left, square.top)) / square.side
            corners = points[ConvexHull(points).vertices][:HULL_POINTS]
            hull = tuple((round(float(a), 4), round(float(b), 4)) for a, b in corners)
        found.append(Place("face", square, hull))
    return found


def _saved(pixels: Pixels) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "JPEG", quality=QUALITY, subsampling=0)
    return out.getvalue()


def _crops_of(original: Original, seed: int) -> tuple[list[tuple[Place, bytes, bytes | None]], str]:
    """Place, crop and its twin of each look; and what went wrong, or nothing."""
    from assay.errors import AssayError
    from assay.media.pictures import open_picture
    from assay.settings import load_settings

    settings = load_settings()
    try:
        pixels = open_picture(original.file, settings=settings).pixels
        twin = open_picture(original.twin, settings=settings).pixels if original.twin else None
    except AssayError as error:
        return [], error.message
    if twin is not None and twin.shape != pixels.shape:
        return [], "its twin has another size"
    digest = hashlib.sha256(f"{seed}/{original.file.name}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    places = places_of(pixels, original.looks, original.pieces, rng)
    return [
        (p, _saved(cut(pixels, p.square, SIDE)), None if twin is None else _saved(cut(twin, p.square, SIDE)))
        for p in places
    ], ""


def pack_crops(originals: Sequence[Original], folder: Path, *, seed: int, jobs: int = 1) -> list[Crop]:
    """Cut and pack; what cannot be read is left out with a warning.

    Args:
        originals: In this order.
        folder: Created if need be; an earlier pack in it is replaced.
        seed: Draws where pieces are cut.
        jobs: Processes; the result does not depend on them.
    """
    from assay.training.parallel import each

    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Crop] = []
    with (folder / "crops.bin").open("wb") as out:
        cuts = each(partial(_crops_of, seed=seed), originals, jobs=jobs, chunk=8)
        for original, (found, wrong) in zip(originals, cuts, strict=True):
            if wrong:
                log.warning("%s is left out: %s", original.file, wrong)
            for place, data, twin in found:
                row = Crop(
                    look=place.look,
                    key=original.key,
                    source=original.source,
                    generator=original.generator,
                    path=str(original.file),
                    start=out.tell(),
                    length=len(data),
                    twin=-1 if twin is None else len(rows) + 1,
                    scale=round(place.square.side / SIDE, 4),
                    hull=place.hull,
                )
                out.write(data)
                rows.append(row)
                if twin is not None:
                    changed = {"key": "bona_fide", "generator": "", "path": str(original.twin), "twin": -1}
                    rows.append(Crop(**{**asdict(row), **changed, "start": out.tell(), "length": len(twin)}))
                    out.write(twin)
            if len(rows) // 1000 != (len(rows) - len(found)) // 1000:
                log.info("%d crops", len(rows))
    write_rows(rows, folder)
    return rows


def write_rows(rows: Iterable[Crop], folder: Path) -> None:
    """Write ``crops.json``."""
    (folder / "crops.json").write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")


def read_rows(folder: Path) -> list[Crop]:
    """Read ``crops.json``."""
    rows = json.loads((folder / "crops.json").read_text(encoding="utf-8"))
    return [Crop(**{**row, "hull": tuple(map(tuple, row["hull"]))}) for row in rows]


def read_pixels(folder: Path, rows: Sequence[Crop], *, threads: int = 4) -> Pixels:
    """Crops of some rows, shape (n, 3, SIDE, SIDE)."""
    from concurrent.futures import ThreadPoolExecutor

    data = (folder / "crops.bin").read_bytes()
    out = np.empty((len(rows), 3, SIDE, SIDE), np.uint8)

    def read(i: int) -> None:
        row = rows[i]
        with Image.open(io.BytesIO(data[row.start : row.start + row.length])) as image:
            out[i] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, range(len(rows))))
    return out
