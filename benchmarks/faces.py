"""How fast faces are found, and how many of them.

    python benchmarks/faces.py speed
    python benchmarks/faces.py rates FOLDER...        # of pictures; how many show at least one face to us
    python benchmarks/faces.py sizes FOLDER           # of portraits; how small a face may be
    python benchmarks/faces.py beside FOLDER          # of portraits; how small one beside a large one may be

`speed` needs nothing but the package: the drawn face of the self-test in pictures of 640 × 480, 1024 × 1024 and
2048 × 1536 pixels. Each figure is the median of five medians of 40 calls, wall time, one thread. `rates` counts
pictures with a face, as the detectors alone see it and as the mesh confirms it, with exact 95 % intervals; whether a
picture does show a face must be known from elsewhere. `sizes` shrinks each portrait and puts it into a grey picture of
1024 × 768 pixels; `beside` puts square ones into a corner of another portrait of 1024 × 1024.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from machine import facts
from numpy.typing import NDArray
from page import share
from PIL import Image

from assay.image.faces import BlazeFace, Face, FaceDetector, FaceFinder, FaceMesh, IrisFinder
from assay.image.faces.blazeface import FULL, SHORT, network_input
from assay.image.faces.mesh import face_region
from assay.image.faces.sampling import crop, letterbox
from assay.models.registry import weights_folder
from assay.models.weights import load_session

Picture = NDArray[np.uint8]
ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
ROUNDS, CALLS = 5, 40
WIDTHS = (8, 12, 16, 20, 24, 32, 48, 56, 64, 80, 96)
PORTRAITS, BESIDE = 60, 40


def scene(width: int, height: int) -> Picture:
    """The drawn face, a third of the height, over smooth noise."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 200, (height // 32, width // 32, 3), dtype=np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).copy()
    with Image.open(weights_folder() / "drawn-face.png") as drawn:
        face = np.asarray(drawn.convert("RGB").resize((height // 2, height // 2)))
    top, left = height // 4, width // 3
    picture[top : top + len(face), left : left + len(face)] = face
    return picture


def milliseconds(work: Callable[[], object]) -> float:
    """Median of `ROUNDS` medians of `CALLS` calls."""
    work()
    rounds = []
    for _ in range(ROUNDS):
        calls = []
        for _ in range(CALLS):
            started = time.perf_counter()
            work()
            calls.append(time.perf_counter() - started)
        rounds.append(statistics.median(calls))
    return 1e3 * statistics.median(rounds)


def networks_alone() -> Iterator[tuple[str, Callable[[], object]]]:
    """Each network on one input, without anything around it."""
    for name in (SHORT, FULL, "face-mesh", "iris"):
        session = load_session(name)
        size = session.get_inputs()[0].shape[-1]
        pixels = np.zeros((1, 3, size, size), np.float32)
        yield f"network {name}", lambda s=session, p=pixels: s.run(None, {"pixels": p})  # type: ignore[misc]


def steps(picture: Picture) -> Iterator[tuple[str, Callable[[], object]]]:
    """Detectors, mesh and irises on a picture."""
    short, full, mesh, irises = BlazeFace(SHORT), BlazeFace(FULL), FaceMesh(), IrisFinder()
    only_short = FaceDetector(scales=0, turned=False, full_range=False)
    whole = FaceDetector(scales=0, turned=False)
    default, deep = FaceDetector(), FaceDetector(smallest_px=0)
    finder, without = FaceFinder(), FaceFinder(irises=False)
    face: Face = whole.detect(picture)[0]
    located = mesh.locate(picture, [face])
    yield "letterbox to 128", lambda: letterbox(picture, 128)
    square = letterbox(picture, 128)[0]
    yield "input of short range", lambda: network_input(square[None], short.card)
    yield "crop of 192 for the mesh", lambda: crop(picture, face_region(face), 192)
    yield "detection, short range only", lambda: only_short.detect(picture)
    yield "detection, full range only", lambda: full.look(letterbox(picture, full.size)[0])
    yield "detection, both, no tiles", lambda: whole.detect(picture)
    yield "detection, default", lambda: default.detect(picture)
    yield "detection, deep (all tiles)", lambda: deep.detect(picture)
    yield "mesh, one face", lambda: mesh.locate(picture, [face])
    yield "irises, one face (two eyes)", lambda: irises.locate(picture, located)
    yield "FaceFinder, default, one face", lambda: finder.find(picture)
    yield "the same without irises, as in a scan", lambda: without.find(picture)


def speed() -> None:
    """Print the table of times."""
    before = facts()
    print(f"{before['processor']}, {before['instructions']}, {before['cores']} cores, load {before['load_before']}")
    print("\n| step | ms |\n|---|---|")
    for name, work in networks_alone():
        print(f"| {name} | {milliseconds(work):.2f} |")
    for width, height in ((640, 480), (1024, 1024), (2048, 1536)):
        for name, work in steps(scene(width, height)):
            print(f"| {name}, {width} × {height} | {milliseconds(work):.2f} |", flush=True)


def pictures(folder: Path) -> Iterator[tuple[Path, Picture]]:
    """All pictures below a folder, in the order of their paths."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS):
        with Image.open(path) as image:
            yield path, np.asarray(image.convert("RGB"))


def rates(folders: list[Path], listed: bool) -> None:
    """Print how many pictures show a face."""
    detectors, finder = (FaceDetector(scales=0, turned=False), FaceDetector(), FaceDetector(smallest_px=0)), FaceMesh()
    columns = [f"{way}{asked}" for way in ("whole", "default", "deep") for asked in ("", ", confirmed")]
    print(f"| folder | pictures | {' | '.join(columns)} |")
    print("|---|---|---|---|---|---|---|---|")
    for folder in folders:
        counts, total = np.zeros(6, int), 0
        for path, picture in pictures(folder):
            found = [detector.detect(picture) for detector in detectors]
            confirmed = [[f for f in finder.locate(picture, faces) if f.landmarks is not None] for faces in found]
            counts += [bool(x) for pair in zip(found, confirmed, strict=True) for x in pair]
            total += 1
            if listed and confirmed[1]:
                print(path.name)
        print(f"| {folder.name} | {total} | {' | '.join(share(int(count), total) for count in counts)} |", flush=True)


def sizes(folder: Path) -> None:
    """Print how many portraits are found when their face has a given width."""
    finder, deep = FaceFinder(irises=False), FaceFinder(irises=False, deep=True)
    whole = FaceFinder(FaceDetector(scales=0, turned=False), irises=False)
    known = [(picture, faces[0]) for _, picture in pictures(folder) if len(faces := finder.find(picture)) == 1]
    known = known[:PORTRAITS]
    print(f"{len(known)} portraits\n\n| width of the face, px | whole picture | default | deep |\n|---|---|---|---|")
    for width in WIDTHS:
        counts = np.zeros(3, int)
        for picture, face in known:
            factor = width / face.width
            size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
            canvas = np.full((768, 1024, 3), 128, np.uint8)
            small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))[:700, :900]
            canvas[50 : 50 + small.shape[0], 100 : 100 + small.shape[1]] = small
            counts += [bool(each.find(canvas)) for each in (whole, finder, deep)]
        print(f"| {width} | {' | '.join(share(int(count), len(known), 2) for count in counts)} |", flush=True)


def beside(folder: Path) -> None:
    """Print how many small faces are found beside a large one."""
    default, deep = FaceFinder(irises=False), FaceFinder(irises=False, deep=True)
    known = [(picture, faces[0]) for _, picture in pictures(folder) if len(faces := deep.find(picture)) == 1]
    small, large = known[:BESIDE], known[BESIDE : 3 * BESIDE // 2]
    print(f"{len(small)} portraits beside {len(large)} others\n")
    print("| width of the face, px | default | deep |\n|---|---|---|")
    for width in WIDTHS[6:]:
        counts = np.zeros(2, int)
        for index, (picture, face) in enumerate(small):
            canvas = np.array(Image.fromarray(large[index % len(large)][0]).resize((1024, 1024)))
            side = round(width / face.width * picture.shape[1])
            rng = np.random.default_rng(index)
            left, top = int(rng.choice([10, 1014 - side])), int(rng.integers(0, 400))
            pasted = Image.fromarray(picture).resize((side, side), Image.Resampling.BOX)
            canvas[top : top + side, left : left + side] = np.asarray(pasted)
            middle = np.array([left, top]) + side / 2
            for each, finder in enumerate((default, deep)):
                centres = [np.add(found.box[:2], found.box[2:]) / 2 for found in finder.find(canvas)]
                counts[each] += any((np.abs(centre - middle) < side / 2).all() for centre in centres)
        print(f"| {width} | {' | '.join(share(int(count), len(small), 2) for count in counts)} |", flush=True)


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("speed")
    rate = commands.add_parser("rates")
    rate.add_argument("folders", type=Path, nargs="+")
    rate.add_argument("--list", action="store_true", help="name each picture with a confirmed face")
    for command in ("sizes", "beside"):
        commands.add_parser(command).add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "speed":
        speed()
    elif arguments.command == "rates":
        rates(arguments.folders, arguments.list)
    elif arguments.command == "sizes":
        sizes(arguments.folder)
    else:
        beside(arguments.folder)


if __name__ == "__main__":
    main()
