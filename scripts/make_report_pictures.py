"""Makes the pictures of `docs/report.md` from reports about the samples in ``examples/media``.

    python scripts/make_report_pictures.py

Needs ``pdftoppm`` (Debian's poppler-utils) and ``chromium``; a picture whose program is missing stays as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from assay.cli import main as assay

ROOT = Path(__file__).parent.parent
MEDIA = "examples/media"  # as it is named in the pictures
PICTURES = ROOT / "docs" / "pictures"
COLOURS = 128  # of a palette: a third of the size, and nobody sees it


def report(words: list[str], output: Path) -> None:
    """Run `assay report`."""
    try:
        assay(["report", *words, "--output", str(output)])
    except SystemExit as ended:
        if ended.code:
            raise


def paper(folder: Path) -> None:
    """First page of a report in PDF."""
    report([f"{MEDIA}/spliced.flac", "--max-false-alarm", "0.2"], folder / "paper.pdf")
    subprocess.run(
        ["pdftoppm", "-r", "90", "-l", "1", "-singlefile", "-png", folder / "paper.pdf", folder / "paper"], check=True
    )
    save(folder / "paper.png", "report-paper.png")


def page(folder: Path) -> None:
    """Top of a report in HTML, dark."""
    report([f"{MEDIA}/talking-drawing.mp4"], folder / "page.html")
    shot = folder / "page.png"
    subprocess.run(
        [
            *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--blink-settings=preferredColorScheme=0", "--window-size=860,1500"),
            f"--screenshot={shot}",
            (folder / "page.html").as_uri(),
        ],
        check=True,
        capture_output=True,
    )
    save(shot, "report-page.png")


def save(source: Path, name: str) -> None:
    """With a palette, as small as PNG gets."""
    with Image.open(source) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURES / name, optimize=True)
    print(f"docs/pictures/{name}: {(PICTURES / name).stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Make what can be made."""
    PICTURES.mkdir(exist_ok=True)
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        for make, program in ((paper, "pdftoppm"), (page, "chromium")):
            if shutil.which(program):
                make(Path(folder))
            else:
                print(f"{program} is missing; {make.__name__} stays as it is")


if __name__ == "__main__":
    main()
