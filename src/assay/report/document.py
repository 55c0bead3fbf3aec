"""A report as content: chapters of words, tables and drawings, before anybody decides on paper or page.

    result, medium, explanation, card ──> chapters/*.py ──> Document ──> html.py
                                                                     └─> pdf.py

All text is plain: nothing in it is markup. What cannot be shown is spelt out at the end, in `trimmed`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from assay.report.drawing import Drawing, Label
from assay.report.text import printable

Verdict = Literal["bona_fide", "spoof", "mixed", "inconclusive", "failed"]


@dataclass(frozen=True)
class Words:
    """A paragraph; of kind ``note`` it is said more quietly, of kind ``strong`` more loudly."""

    text: str
    kind: Literal["plain", "note", "strong"] = "plain"


@dataclass(frozen=True)
class Facts:
    """Names and values, one pair a line."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Columns of text.

    Attributes:
        columns: Their titles.
        rows: One text for each column.
        shares: Of the width, for each column.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Points:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """A drawing, with what to know when looking at it."""

    drawing: Drawing
    caption: str


Block = Words | Facts | Table | Points | Figure


@dataclass(frozen=True)
class Chapter:
    """Blocks under a title."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """The report about one input.

    Attributes:
        subject: Name of the input, safe to show.
        kind: ``Recording``, ``Picture``, ``Video`` or ``Input``.
        verdict: Decides on the colour of the head; its words are in `answer`.
        answer: The verdict in plain words.
        head: What stands below it.
        chapters: In order.
    """

    subject: str
    kind: str
    verdict: Verdict
    answer: str
    head: tuple[Block, ...]
    chapters: tuple[Chapter, ...]


MOST_CHARACTERS = 3000  # of one text: nobody reads more, and a result may be a stranger's
MOST_LINES = 80  # of one list or table


def trimmed(document: Document) -> Document:
    """The document with texts that can be shown, and of a length that can be laid out, whatever the result holds."""
    return replace(
        document,
        subject=_short(document.subject),
        head=tuple(map(_trimmed, document.head)),
        chapters=tuple(Chapter(chapter.title, tuple(map(_trimmed, chapter.blocks))) for chapter in document.chapters),
    )


def _trimmed(block: Block) -> Block:
    if isinstance(block, Words):
        return replace(block, text=_short(block.text))
    if isinstance(block, Points):
        more = len(block.items) - MOST_LINES
        rest = (f"and {more} more",) if more > 0 else ()
        return Points((*map(_short, block.items[:MOST_LINES]), *rest))
    if isinstance(block, Facts):
        return Facts(tuple((_short(name), _short(value)) for name, value in block.rows[:MOST_LINES]))
    if isinstance(block, Table):
        return replace(block, rows=tuple(tuple(map(_short, row)) for row in block.rows[:MOST_LINES]))
    shapes = tuple(
        replace(shape, text=_short(shape.text)) if isinstance(shape, Label) else shape for shape in block.drawing.shapes
    )
    return Figure(replace(block.drawing, words=_short(block.drawing.words), shapes=shapes), _short(block.caption))


def _short(text: str) -> str:
    more = len(text) - MOST_CHARACTERS
    kept = printable(text[:MOST_CHARACTERS])
    return kept if more <= 0 else f"{kept}… and {more} characters more"
