"""Makes the pictures that the picture benchmark reads, out of photographs of faces.

    python benchmarks/portraits.py FOLDER [--from PICTURE_OR_FOLDER] [--files 24]

The photographs are official portraits of the shared data folder, which may not be passed on with this repository, so
whoever has no such folder names other ones. Each is cut to a square around its middle, brought to 1024 × 1024 pixels
and saved as JPEG at quality 90; the first one also as a picture of 24 megapixels.

Prints one JSON object, lists of file names by what they are for. This is a program of its own so that the process that
measures never holds a picture, and stays small.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

SHARED = Path(__file__).parents[2] / "shared" / "data" / "image" / "train" / "civil_us_house"
ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
SIDE, LARGE, QUALITY = 1024, (6000, 4000), 90  # pixels, pixels, libjpeg's scale


def photographs(source: Path, files: int) -> list[Path]:
    """The first so many pictures of a folder, or the one picture that is named; none if there is neither."""
    if source.is_file():
        return [source]
    return sorted(path for path in source.glob("*") if path.suffix.lower() in ENDINGS)[:files]


def square(path: Path) -> Image.Image:
    """The middle of a picture, `SIDE` pixels each way."""
    from PIL import Image  # here, because who asks for `SHARED` only must stay small

    with Image.open(path) as image:
        side = min(image.size)
        left, top = ((length - side) // 2 for length in image.size)
        part = image.convert("RGB").crop((left, top, left + side, top + side))
    return part.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def make(folder: Path, source: Path, files: int) -> dict[str, list[str]]:
    """Write the pictures.

    Returns:
        File names: ``portraits``, and ``large``, which is one; both empty where there is nothing to make them from.
    """
    from PIL import Image

    found = photographs(source, files)
    names: dict[str, list[str]] = {"portraits": [], "large": []}
    for index, path in enumerate(found):
        names["portraits"].append(str(folder / f"portrait-{index:02d}.jpg"))
        square(path).save(names["portraits"][-1], quality=QUALITY)
    if found:
        names["large"].append(str(folder / "large.jpg"))
        square(found[0]).resize(LARGE, Image.Resampling.BICUBIC).save(names["large"][0], quality=QUALITY)
    return names


def main() -> None:
    """Make them, and print their names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--from", type=Path, default=SHARED, dest="source", help="a photograph of a face, or a folder")
    parser.add_argument("--files", type=int, default=24)
    arguments = parser.parse_args()
    print(json.dumps(make(arguments.folder, arguments.source, arguments.files)))


if __name__ == "__main__":
    main()
