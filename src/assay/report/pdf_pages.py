"""Page numbers with their total, which is known only when the last page is there. Loads reportlab."""

from __future__ import annotations

from typing import Any

from assay.look import LIGHT
from assay.report.fonts import REGULAR, line, reportlab, width

Canvas: Any = reportlab("pdfgen.canvas").Canvas
HexColor: Any = reportlab("lib.colors").HexColor

SIZE = 7.5
FOOT, SIDE = 30.0, 48.0
TOTAL = "total"


def numbered_canvas(title: str) -> type[Any]:
    """A canvas that writes title and page number at the foot of each page.

    The total is a drawing that each page refers to, and that is made last.

    Args:
        title: Cut if it is too long.
    """

    class Numbered(Canvas):  # type: ignore[misc]
        def __init__(self, *given: Any, **named: Any) -> None:
            # Else the file would name Helvetica, which is not embedded.
            super().__init__(*given, **{**named, "initialFontName": REGULAR})

        def showPage(self) -> None:  # noqa: N802 - reportlab's name
            if self._code:  # else it is the call at the end, for a page that there is not
                self._foot()
            super().showPage()

        def save(self) -> None:
            if self._code:
                self.showPage()
            self.beginForm(TOTAL, 0, 0, 40, 20)
            self._ink()
            self.drawString(0, 4, f"of {self._pageNumber - 1}")
            self.endForm()
            super().save()

        def _ink(self) -> None:
            self.setFont(REGULAR, SIZE)
            self.setFillColor(HexColor(LIGHT["soft"]))

        def _foot(self) -> None:
            self.saveState()
            self._ink()
            right = self._pagesize[0] - SIDE
            self.drawString(SIDE, FOOT, _fitting(title, right - SIDE - 80))
            self.drawRightString(right - 26, FOOT, f"{self._pageNumber} ")
            self.translate(right - 26, FOOT - 4)
            self.doForm(TOTAL)
            self.restoreState()

    return Numbered


def _fitting(title: str, wide: float) -> str:
    """As much of the title as there is room for."""
    kept = title[:200]
    while width(shown := line(kept if kept == title else f"{kept}…"), REGULAR, SIZE) > wide:
        kept = kept[:-1]
    return shown
