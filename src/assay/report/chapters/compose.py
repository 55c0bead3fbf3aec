"""From what is given to the content of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.errors import CardError, ModelNotFound
from assay.models.registry import load_card
from assay.report.chapters.answer import deliveries, head, where, why
from assay.report.chapters.given import Given
from assay.report.chapters.model import limits_chapter, model_chapter, settings_chapter
from assay.report.chapters.reaction import reaction
from assay.report.chapters.traces import credentials, file_chapter, left_out, traces
from assay.report.document import Chapter, Document, Facts, Words, trimmed
from assay.report.text import one_line, printable, sentence

if TYPE_CHECKING:
    from assay.models.card import Card
    from assay.result import ScanFailure, ScanResult

KINDS = {"audio": "Recording", "image": "Picture", "video": "Video"}


def compose(given: Given) -> Document:
    """The report about a result."""
    result = given.result
    chapters = (
        why(given),
        where(given),
        reaction(given),
        deliveries(given),
        traces(given),
        credentials(given),
        file_chapter(given),
        model_chapter(given),
        settings_chapter(given),
        left_out(given),
        limits_chapter(),
    )
    document = Document(
        subject=printable(result.path),
        kind=KINDS[result.media],
        verdict=result.verdict,
        answer=result.plain_verdict,
        head=tuple(head(given)),
        chapters=tuple(filter(None, chapters)),
    )
    return trimmed(document)


def compose_failure(failure: ScanFailure) -> Document:
    """The report about an input that could not be analysed."""
    told = (
        ("name", printable(failure.path) or "without a name"),
        ("error", one_line(failure.error.code)),
        *((one_line(str(name)), one_line(str(value))[:300]) for name, value in failure.error.context.items()),
    )
    document = Document(
        subject=printable(failure.path) or "input without a name",
        kind="Input",
        verdict="failed",
        answer="could not be analysed",
        head=(Words(sentence(one_line(failure.error.message)), "strong"), Words("Nothing is known about it.")),
        chapters=(Chapter("The input", (Facts(told),)),),
    )
    return trimmed(document)


def card_of(result: ScanResult) -> Card | None:
    """The card of the model that answered; None unless this very weight is shipped with this version."""
    if result.model is None:
        return None
    try:
        card = load_card(result.model.name)
    except (ModelNotFound, CardError):  # a network that was trained somewhere, or a result of another version
        return None
    return card if card.sha256 == result.model.sha256 else None
