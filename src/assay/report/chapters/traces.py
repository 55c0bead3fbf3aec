"""What the file itself shows: facts, hashes, traces, Content Credentials, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.report.chapters.answer import channel_facts
from assay.report.chapters.given import Given
from assay.report.document import Block, Chapter, Facts, Figure, Points, Table, Words
from assay.report.plots import evidence_figure
from assay.report.plots.evidence import weighed
from assay.report.text import clock, one_line, printable, sentence, span

if TYPE_CHECKING:
    from assay.credentials import Provenance
    from assay.result import Evidence, NotAnalysed, ScanResult

MOST_TRACES = 30
MOST_VALUES = 8
MOST_VALUE = 120  # characters of one measured text
MOST_GAPS = 20
MOST_ACTIONS = 12
STATES = {
    "absent": "none in the file",
    "valid": "valid: the signature holds; nobody among the given trust anchors vouches for the signer",
    "trusted": "trusted: the signature holds, and a given trust anchor vouches for the signer",
    "invalid": "invalid: altered after signing, or signed wrongly",
    "unreadable": "unreadable",
}


def file_chapter(given: Given) -> Chapter:
    """Name, digest, form and measured properties."""
    result = given.result
    blocks: list[Block] = [Facts(tuple(_facts(result)))]
    measured = channel_facts(given)
    if measured is not None:
        blocks += [Words("Measured", "strong"), measured]
    return Chapter("The file", tuple(blocks))


def _facts(result: ScanResult) -> Iterator[tuple[str, str]]:
    yield "name", printable(result.path)
    yield "SHA-256", result.sha256
    form = result.container if result.codec == result.container else f"{result.container}, {result.codec}"
    yield "form", one_line(form)
    if result.width and result.height:
        yield "size", f"{result.width} × {result.height} pixels"
    if result.duration_s is not None:
        yield "length", f"{clock(result.duration_s)} ({result.duration_s:.2f} s)"
    if result.sample_rate_hz:
        channels = f"{result.channels} channel{'' if result.channels == 1 else 's'}"
        yield "sound", f"{result.sample_rate_hz} Hz, {channels}"
    if result.speech_s is not None:
        yield "speech", f"{result.speech_s:.1f} s"


def traces(given: Given) -> Chapter:
    """Forensic traces in file and pixels."""
    found = given.result.evidence
    if not found:
        return Chapter("Traces in the file", (Words("None were found, or none were looked for. That proves nothing."),))
    blocks: list[Block] = [
        Words(
            "Traces stand beside the score, which never depends on them. Their absence proves nothing; most files with"
            " such traces are genuine.",
            "note",
        )
    ]
    drawing = evidence_figure(given.result)
    if drawing is not None:
        blocks.append(Figure(drawing, "How clearly each trace shows; this is no probability of synthesis."))
    elif weighed(given.result):
        blocks.append(Words(f"{len(weighed(given.result))} traces were looked for in the pixels; none of them shows."))
    ordered = sorted(found, key=lambda one: -(one.strength if one.strength is not None else -1.0))
    rows = [(one.name.replace("_", " "), sentence(one_line(one.text)), _measured(one)) for one in ordered[:MOST_TRACES]]
    if len(ordered) > MOST_TRACES:
        rows.append((f"and {len(ordered) - MOST_TRACES} more", "", ""))
    blocks.append(Table(("trace", "what it means", "measured"), tuple(rows), (0.19, 0.45, 0.36)))
    return Chapter("Traces in the file", tuple(blocks))


def _measured(one: Evidence) -> str:
    values = [
        f"{name.replace('_', ' ')}: {_value(value)}" for name, value in one.measured.items() if value not in (None, "")
    ]
    more = len(values) - MOST_VALUES
    return "; ".join(values[:MOST_VALUES]) + (f"; and {more} more" if more > 0 else "") or "–"


def _value(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = one_line(str(value))
    return text if len(text) <= MOST_VALUE else f"{text[: MOST_VALUE - 1]}…"


def credentials(given: Given) -> Chapter:
    """What Content Credentials say."""
    found = given.result.provenance
    title = "Content Credentials"
    if found is None:
        return Chapter(title, (Words("They were not looked for: there was no file."),))
    blocks: list[Block] = []
    if found.findings:
        blocks.append(Points(tuple(sentence(one_line(each)) for each in found.findings)))
    if found.state != "absent":
        blocks.append(Facts(tuple(_credential_facts(found))))
    if found.actions:
        rows = tuple(
            (
                one_line(one.name),
                one_line(one.source_type or "–"),
                one_line(one.software or "–"),
                one_line(one.when or "–"),
            )
            for one in found.actions[:MOST_ACTIONS]
        )
        blocks.append(Table(("declared step", "source", "program", "when"), rows, (0.25, 0.3, 0.25, 0.2)))
    return Chapter(title, tuple(blocks) or (Words(f"State: {STATES[found.state]}."),))


def _credential_facts(found: Provenance) -> Iterator[tuple[str, str]]:
    yield "state", STATES[found.state]
    signer = found.signer
    rows = (
        ("signed by", signer and (signer.common_name or signer.organisation)),
        ("issued by", signer and signer.issuer),
        ("signed at", signer and signer.signed_at),
        ("written by", found.claim_generator),
        ("title", found.title),
        ("declared sources", ", ".join(found.source_types)),
        ("kept at", found.remote_url and f"{found.remote_url} (not fetched)"),
        ("read with", found.library and f"c2pa-python {found.library}"),
    )
    for name, value in rows:
        if value:
            yield name, one_line(str(value))
    for failure in found.failures[:MOST_GAPS]:
        yield "failed", one_line(f"{failure.words} [{failure.code}]")
    for part in found.ingredients[:MOST_GAPS]:
        yield "made from", one_line(f"{part.title or 'without a title'}, {part.state}")


def left_out(given: Given) -> Chapter | None:
    """What was not analysed, and what this report lacks."""
    result = given.result
    blocks: list[Block] = []
    gaps = result.not_analysed
    if gaps:
        rows = [(_when(one), sentence(one_line(one.text))) for one in gaps[:MOST_GAPS]]
        if len(gaps) > MOST_GAPS:
            rows.append(("", f"and {len(gaps) - MOST_GAPS} more"))
        blocks.append(Table(("when", "not analysed"), tuple(rows), (0.22, 0.78)))
    missing = tuple(_missing(given))
    if missing:
        blocks += [Words("This report lacks:", "strong"), Points(missing)]
    return Chapter("What is missing", tuple(blocks)) if blocks else None


def _when(one: NotAnalysed) -> str:
    return "the whole" if one.start_s is None or one.end_s is None else span(one.start_s, one.end_s)


def _missing(given: Given) -> Iterator[str]:
    result = given.result
    if given.seen is None:
        things = {
            "audio": "waveform and spectrogram",
            "image": "the picture itself",
            "video": "faces, waveform and spectrogram",
        }
        yield f"{things[result.media]}: the medium was not at hand."
    else:
        yield from map(one_line, given.seen.notes)
    if given.explanation is None:
        yield "a map of what the network reacted to: none was asked for."
    if result.stability is None:
        yield "a check whether the verdict holds in other deliveries: none was asked for, or none was possible."
    if given.card is None and result.model is not None:
        yield "the card of the model: it is not installed here, or its weight is another one."
