"""A report as PDF, by reportlab: text can be selected, fonts are embedded, the same content gives the same bytes.

Decisions: drawings are the same as on the page (`assay.report.drawing`), in the colours of light paper. Tables break
between rows, and within one that is higher than a page. Nothing of the machine enters the file: no date, no user, no
random identifier (reportlab's ``invariant``).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import Any

from assay._version import __version__
from assay.look import LIGHT, Colour
from assay.report.bidi import runs_leftwards
from assay.report.document import Block, Chapter, Document, Facts, Figure, Points, Table, Verdict, Words
from assay.report.fonts import BOLD, REGULAR, drawable, lines, register, reportlab
from assay.report.html import title_of

MARGIN, PAGE_WIDTH, PAGE_HEIGHT = 48.0, 595.28, 841.89  # points; A4
WIDE = PAGE_WIDTH - 2 * MARGIN
FRAME = 6.0  # what reportlab keeps clear within the margins
SIZES = {"plain": 9.5, "note": 8.5, "strong": 9.5, "cell": 8.0, "head": 8.0, "title": 18.0, "chapter": 12.5}
LONG_CELL = 500  # characters
FIRST_ROWS = 170.0  # points that the title of a table, its head and a row may take
NAMES = 0.29  # share of the width that the names of facts take
BARS: dict[Verdict, Colour] = {
    "bona_fide": "bona_fide",
    "spoof": "spoof",
    "mixed": "spoof",
    "inconclusive": "soft",
    "failed": "soft",
}


def pdf_bytes(documents: Sequence[Document]) -> bytes:
    """The file.

    Args:
        documents: Each begins on a page of its own; at least one.

    Raises:
        MissingExtra: If reportlab is not installed.
    """
    register()
    from assay.report.pdf_pages import numbered_canvas

    story: list[Any] = []
    for k, document in enumerate(documents):
        story += [platypus().PageBreak()] if k else []
        story += _story(document, k)
    buffer = io.BytesIO()
    name = title_of(documents)
    template = platypus().SimpleDocTemplate(
        buffer,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        leftMargin=MARGIN - FRAME,
        rightMargin=MARGIN - FRAME,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 8,
        title=name,
        author=f"Assay {__version__}",
        subject="What was measured on a file, and what it is worth",
        creator=f"Assay {__version__}",
        lang="en",
        invariant=1,
    )
    template.build(story, canvasmaker=numbered_canvas(name))
    return buffer.getvalue()


def platypus() -> Any:
    """Reportlab's room for pages."""
    return reportlab("platypus")


def _story(document: Document, number: int) -> list[Any]:
    from assay.report.pdf_flowables import Banner, Bookmark

    answer = document.answer[:1].upper() + document.answer[1:]
    inner = WIDE - 20
    head = [
        paragraph(f"{document.kind} {document.subject}", "note", inner),
        paragraph(answer, "title", inner),
        *(flowable for block in document.head for flowable in _flat(block, inner)),
    ]
    banner = Banner(head, WIDE, LIGHT[BARS[document.verdict]], document.verdict)
    story: list[Any] = [Bookmark(document.subject, 0, f"report-{number}"), banner]
    for k, chapter in enumerate(document.chapters):
        story += [platypus().Spacer(0, 10), *_chapter(chapter, f"chapter-{number}-{k}")]
    return story


def _chapter(chapter: Chapter, key: str) -> list[Any]:
    from assay.report.pdf_flowables import Bookmark

    blocks = [flowable for block in chapter.blocks for flowable in _block(block, WIDE)]
    # A title stays with what follows it: a drawing whole, of anything else a few lines.
    first = next((block for block in chapter.blocks[:2] if isinstance(block, Figure)), None)
    words = 0 if first is chapter.blocks[0] else 30
    need = 44 + words + (first.drawing.height * WIDE / first.drawing.width if first is not None else 0)
    if any(isinstance(block, Table) for block in chapter.blocks[:2]):
        need = max(need, FIRST_ROWS)
    title = [Bookmark(chapter.title, 1, key), paragraph(chapter.title, "chapter", WIDE)]
    return [platypus().CondPageBreak(min(need, PAGE_HEIGHT / 2)), *title, *blocks]


def _block(block: Block, wide: float) -> list[Any]:
    return [platypus().KeepTogether(_flat(block, wide))] if isinstance(block, Figure) else _flat(block, wide)


def _flat(block: Block, wide: float) -> list[Any]:
    from assay.report.pdf_flowables import Drawn, fact_table, grid

    if isinstance(block, Words):
        return [paragraph(block.text, block.kind, wide)]
    if isinstance(block, Points):
        return [paragraph(item, "plain", wide - 12, bullet=True) for item in block.items]
    if isinstance(block, Figure):
        parts: list[Any] = [platypus().Spacer(0, 4), Drawn(block.drawing, wide)]
        return parts + ([paragraph(block.caption, "note", wide)] if block.caption else [])
    if isinstance(block, Facts):
        return [fact_table([_fact(*row, wide) for row in block.rows], wide, NAMES)]
    shares = [share * wide for share in block.shares]
    head = [paragraph(column, "head", share - 8) for column, share in zip(block.columns, shares, strict=True)]
    rows = [[paragraph(cell, "cell", share - 8) for cell, share in zip(row, shares, strict=True)] for row in block.rows]
    breaks = any(len(cell) > LONG_CELL for row in block.rows for cell in row)
    return [platypus().Spacer(0, 4), grid([head, *rows], shares, breaks=breaks), platypus().Spacer(0, 6)]


def _fact(name: str, value: str, wide: float) -> list[Any]:
    return [paragraph(name, "cell", NAMES * wide - 8), paragraph(value, "cell", (1 - NAMES) * wide - 8)]


def paragraph(text: str, kind: str, wide: float, *, bullet: bool = False) -> Any:
    """Text in one of the house's styles, broken into lines.

    Args:
        text: Plain; nothing in it is markup.
        kind: One of `SIZES`.
        wide: Points that its lines may take.
        bullet: Whether it is a point of a list.
    """
    size = SIZES[kind]
    font = BOLD if kind in ("strong", "head", "title", "chapter") else REGULAR
    style = reportlab("lib.styles").ParagraphStyle(
        kind,
        fontName=font,
        fontSize=size,
        leading=size * 1.38,
        textColor=reportlab("lib.colors").HexColor(LIGHT["soft"] if kind in ("note", "head") else LIGHT["ink"]),
        spaceBefore=8 if kind == "strong" else 0,
        spaceAfter=0 if kind in ("cell", "head") else 4,
        keepWithNext=kind in ("strong", "chapter"),
        leftIndent=12 if bullet else 0,
        bulletFontName=REGULAR,
        bulletFontSize=size,
        bulletIndent=2,
        splitLongWords=True,
    )
    marked = {"bulletText": "•"} if bullet else {}
    if runs_leftwards(text):
        # Broken here, in the order of reading: reportlab knows only that of drawing.
        broken = "<br/>".join(map(_markup, lines(text, font, size, wide - 2)))
        return platypus().Paragraph(broken, style, **marked)
    return platypus().Paragraph(_markup(drawable(text, font)), style, **marked)


def _markup(text: str) -> str:
    return escape(text, quote=False).replace("  ", " \u00a0")
