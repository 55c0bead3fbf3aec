r"""The fonts of a report on paper: DejaVu Sans, cut to the scripts it is for (`scripts/make_fonts.py`).

They hold Latin, Greek, Cyrillic, Hebrew and Arabic. A character that they lack is spelt out (``\u4e2d``), so that
nothing is silently left out; a page of HTML shows it as it is.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from assay.data.optional import optional
from assay.report.bidi import direction, joined, runs_leftwards, visual

REGULAR, BOLD = "AssaySans", "AssaySans-Bold"
FILES = {REGULAR: "DejaVuSans-report.ttf", BOLD: "DejaVuSans-Bold-report.ttf"}
FOLDER = Path(__file__).parent / "fonts"
_lock = Lock()


def reportlab(part: str) -> Any:
    """A module of reportlab, such as ``platypus``.

    Raises:
        MissingExtra: If it is not installed.
    """
    return optional(f"reportlab.{part}", "report", "A report in PDF")


def register() -> None:
    """Make the fonts known to reportlab; once is enough.

    Raises:
        MissingExtra: If reportlab is not installed.
    """
    pdfmetrics = reportlab("pdfbase.pdfmetrics")
    with _lock:
        for name, file in FILES.items():
            if name not in pdfmetrics.getRegisteredFontNames():
                pdfmetrics.registerFont(reportlab("pdfbase.ttfonts").TTFont(name, str(FOLDER / file)))
        pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)


@lru_cache(maxsize=2)
def _glyphs(font: str) -> frozenset[int]:
    return frozenset(reportlab("pdfbase.pdfmetrics").getFont(font).face.charToGlyph)


def width(text: str, font: str, size: float) -> float:
    """Points that a line takes."""
    return float(reportlab("pdfbase.pdfmetrics").stringWidth(text, font, size))


def drawable(text: str, font: str = REGULAR) -> str:
    """Text of which the font has every character; what it lacks is spelt out."""
    known = _glyphs(font)
    composed = unicodedata.normalize("NFC", text)
    return "".join(c if ord(c) in known else c.encode("unicode_escape").decode() for c in composed)


def line(text: str, font: str = REGULAR) -> str:
    """One line, ready to be drawn from left to right."""
    ready = drawable(text, font)
    return visual(ready) if runs_leftwards(ready) else ready


def lines(text: str, font: str, size: float, wide: float) -> list[str]:
    """Text that runs from right to left at least in part, as lines ready to be drawn.

    Lines are broken in the order of reading and only then put into the order of drawing.

    Args:
        text: One paragraph.
        font: Name.
        size: In points.
        wide: Points that a line may take; > 0.
    """
    ready = drawable(text, font)
    base = direction(ready)
    found = [""]
    for word in ready.split(" "):
        for k, piece in enumerate(_fitting(word, font, size, wide)):
            longer = f"{found[-1]} {piece}" if found[-1] and not k else piece if not found[-1] else None
            if longer is not None and width(joined(longer), font, size) <= wide:
                found[-1] = longer
            else:
                found.append(piece)
    return [visual(each, base) for each in found if each]


def _fitting(word: str, font: str, size: float, wide: float) -> list[str]:
    """A word, cut where it is longer than a line."""
    pieces = [""]
    for character in word:
        if pieces[-1] and width(joined(pieces[-1] + character), font, size) > wide:
            pieces.append("")
        pieces[-1] += character
    return pieces
