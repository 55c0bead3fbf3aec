"""A report as content: chapters of words, tables and drawings, before anybody decides on paper or page.

    result, medium, explanation, card ──> chapters/*.py ──> Document ──> html.py
                                                                     └─> pdf.py

All text is plain: nothing in it is markup, and control characters are spelt out (`assay.report.text.printable`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assay.report.drawing import Drawing

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
