"""The doors to a report: a result, with its medium and an explanation if they are at hand, to PDF or HTML.

The same result, medium and explanation give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import ReportError
from assay.report.chapters import Given, card_of, compose, compose_failure
from assay.report.document import Document
from assay.report.html import html_page
from assay.report.seen import look
from assay.result import Outcome, ScanResult

if TYPE_CHECKING:
    from assay.explain import Explanation
    from assay.models.card import Card
    from assay.settings import Settings

FORMS = (".pdf", ".html")


def report_on(
    outcome: Outcome,
    *,
    medium: Any = None,
    explanation: Explanation | None = None,
    card: Card | None = None,
    settings: Settings | None = None,
    told: Mapping[str, Any] | None = None,
) -> Document:
    """The content of a report about one input.

    Args:
        outcome: A result, or a failure.
        medium: What was scanned, as for `assay.scan`; None reports what the result holds and says what is missing.
        explanation: Of the same file.
        card: Of the model that answered; None takes the shipped one, if this very weight is shipped.
        settings: Limits for opening the medium; None loads them.
        told: Settings to name beyond what the result holds.

    Raises:
        ReportError: If the medium or the explanation is of another file.
        MediaError: If the medium cannot be opened.
    """
    if not isinstance(outcome, ScanResult):
        return compose_failure(outcome)
    if explanation is not None and explanation.media != outcome.media:
        raise ReportError(
            f"The explanation is of {explanation.media}, the result of {outcome.media}. Give both of the same file."
        )
    frames = () if explanation is None else _frames_of(explanation)
    seen = None if medium is None else look(medium, outcome, settings=settings, frames_s=frames)
    given = Given(outcome, seen, explanation, card or card_of(outcome))
    return compose(given if told is None else replace(given, settings=told))


def _frames_of(explanation: Explanation) -> tuple[float, ...]:
    found = {one.start_s for one in explanation.saliency if one.kind == "frame" and one.start_s is not None}
    return tuple(sorted(found))[:8]


def html_report(outcome: Outcome, **given: Any) -> str:
    """A report as one HTML page that needs nothing else; arguments and errors as of `report_on`."""
    return html_page([report_on(outcome, **given)])


def pdf_report(outcome: Outcome, **given: Any) -> bytes:
    """A report as PDF; arguments and errors as of `report_on`, and MissingExtra if reportlab is not installed."""
    return as_pdf([report_on(outcome, **given)])


def as_pdf(documents: Sequence[Document]) -> bytes:
    """Reports about several inputs as one PDF.

    Raises:
        MissingExtra: If reportlab is not installed.
    """
    from assay.report.pdf import pdf_bytes

    return pdf_bytes(documents)


def write_report(documents: Iterable[Document], output: Path) -> None:
    """Write reports to one file, in the form that its name ends with.

    Args:
        documents: From `report_on`, one for each input; at least one.
        output: Ends with ``.pdf`` or ``.html``.

    Raises:
        ReportError: If it ends otherwise, or there is nothing to report on.
        MissingExtra: If PDF is wanted and reportlab is not installed.
        OSError: If it cannot be written.
    """
    form, every = form_of(output), list(documents)
    if not every:
        raise ReportError("There is nothing to report on. Give at least one result or medium.")
    data = as_pdf(every) if form == ".pdf" else html_page(every).encode()
    output.write_bytes(data)


def form_of(output: Path) -> str:
    """``.pdf`` or ``.html``.

    Raises:
        ReportError: If the name ends otherwise.
    """
    form = output.suffix.lower()
    if form not in FORMS:
        raise ReportError(f"'{output}' ends with neither .pdf nor .html. Name a file that does.", output=str(output))
    return form
