"""The head of a report, why the verdict is what it is, and where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.report.chapters.given import Given
from assay.report.document import Block, Chapter, Facts, Figure, Points, Table, Words
from assay.report.plots import persons_figure, picture_figure, probability_figure, score_figure, sound_figure
from assay.report.plots.persons import MOST_PERSONS
from assay.report.plots.score import of_a_part, rarity, tail_of
from assay.report.seen import Seen
from assay.report.text import one_line, percent, sentence, signed, span, told
from assay.result import PLAIN_VERDICTS

if TYPE_CHECKING:
    from assay.result import Person, ScanResult, Segment

MOST_STRETCHES = 15
MOST_ROWS = 25
NO_VERDICT = "This is no verdict: the scores lie where the models err too often, or something forbids one."
NO_SCORE = "This is no verdict: nothing in it could be judged."
MEANING = {
    "bona_fide": "The models found no sign of synthesis. A method that they do not know may leave none.",
    "spoof": "The models found signs of synthesis in it. A sign is evidence, not proof.",
    "mixed": "The models found signs of synthesis in a part of it, not in the rest. A sign is evidence, not proof.",
    "inconclusive": NO_VERDICT,
}


def head(given: Given) -> Iterator[Block]:
    """What stands below the verdict: how sure, and what it means."""
    result = given.result
    unscored = result.verdict == "inconclusive" and result.spoof_probability is None
    yield Words(NO_SCORE if unscored else MEANING[result.verdict], "strong")
    gauge = probability_figure(result)
    if gauge is not None:
        yield Figure(gauge, "")
    sure = told(result).probability or _bare_probability(result)
    yield Words(" ".join(filter(None, (sure, told(result).promise))))


def _bare_probability(result: ScanResult) -> str:
    if result.spoof_probability is None:
        return "Nothing in it could be scored."
    shown = percent(result.spoof_probability)
    return f"Probability of synthesis {shown}; the model promises no rate of false alarms."


def why(given: Given) -> Chapter:
    """Reasons, score and thresholds, other deliveries."""
    result = given.result
    found = told(result)
    blocks: list[Block] = [Points(found.reasons)]
    others = [found.where, found.parts, found.people, found.caveat]
    blocks += [Words(" ".join(filter(None, others)))] if any(others) else []
    drawing = score_figure(result, given.card)
    if drawing is not None:
        blocks.append(Figure(drawing, _score_caption(given)))
    elif of_a_part(result) and result.llr is not None:
        text = f"The score {signed(result.llr)} is of what stands out; thresholds of whole files do not concern it."
        blocks.append(Words(text, "note"))
    return Chapter("Why", tuple(blocks))


def _score_caption(given: Given) -> str:
    result = given.result
    scale = "Scores are natural log-likelihood ratios: above 0 they speak for synthesis, below 0 against it."
    if result.fusion is not None:
        return (
            f"{scale} Each part is held against its own thresholds (blue: no sign found; grey: cannot tell; orange:"
            f" synthetic). Together {signed(result.fusion.llr)}, by the rule {result.fusion.rule}."
        )
    tail = tail_of(given.card)
    if tail is None or result.llr is None:
        return f"{scale} The card of the model, which holds how bona fide files score, was not at hand."
    apart = " It was measured on files of one window; longer files vary less." if result.media == "audio" else ""
    curve = "The curve is the share of bona fide files of development that score at least as high."
    return f"{scale} {curve} {sentence(rarity(tail, result.llr)[0].upper() + rarity(tail, result.llr)[1:])}{apart}"


def deliveries(given: Given) -> Chapter | None:
    """Whether the verdict held in other deliveries; None if nobody asked."""
    found = given.result.stability
    if found is None:
        return None
    rows = tuple(
        (
            one.delivery,
            PLAIN_VERDICTS[one.verdict],
            "–" if one.llr is None else f"{signed(one.llr)}",
            "–" if one.spoof_probability is None else percent(one.spoof_probability),
        )
        for one in found.deliveries
    )
    as_it_came = f"As it came: {PLAIN_VERDICTS[found.verdict]}."
    held = told(given.result).held or "A delivery turned the verdict round, so it was withdrawn."
    table = Table(("delivered as", "verdict", "score", "probability"), rows, (0.36, 0.34, 0.12, 0.18))
    return Chapter("Does the verdict hold?", (Words(f"{as_it_came} {held}"), table))


def where(given: Given) -> Chapter | None:
    """Drawings over time or place; None if there is nothing to show."""
    result, seen = given.result, given.seen or Seen()
    blocks: list[Block] = []
    if result.media == "image":
        blocks += _picture(result, seen)
    else:
        blocks += _persons(result, seen) if result.media == "video" else ()
        blocks += _sound(result, seen)
    return Chapter("Where" if result.media == "image" else "When", tuple(blocks)) if blocks else None


def _sound(result: ScanResult, seen: Seen) -> Iterator[Block]:
    drawing = sound_figure(result, seen.sound)
    if drawing is not None:
        base = "Probability of synthesis over time: orange above the middle line, blue below it"
        hatch = "; slanted lines: not scored" if _has_gaps(result) else ""
        above = " Above it waveform and spectrogram." if seen.sound is not None else ""
        marks = " Frames mark what stands out." if any(one.suspicious for one in result.segments) else ""
        track = " This is the sound track." if result.media == "video" else ""
        yield Figure(drawing, f"{base}{hatch}.{above}{marks}{track}")
    marked = [one for one in result.segments if one.suspicious]
    if marked:
        yield _stretches(marked)


def _has_gaps(result: ScanResult) -> bool:
    return any(value is None for lane in result.timeline for value in lane.spoof_probability)


def _stretches(marked: list[Segment]) -> Table:
    ordered = sorted(marked, key=lambda one: (-one.llr, one.start_s))
    rows = [
        (
            f"{one.start_s:.2f} s to {one.end_s:.2f} s",
            "–" if one.channel is None else str(one.channel),
            f"{signed(one.llr)}",
            percent(one.spoof_probability),
        )
        for one in ordered[:MOST_STRETCHES]
    ]
    if len(ordered) > MOST_STRETCHES:
        rows.append((f"and {len(ordered) - MOST_STRETCHES} more", "", "", ""))
    return Table(("stands out", "channel", "score", "probability"), tuple(rows), (0.4, 0.2, 0.2, 0.2))


def _persons(result: ScanResult, seen: Seen) -> Iterator[Block]:
    drawing = persons_figure(result, seen.faces)
    if drawing is None:
        return
    yield Figure(
        drawing,
        "One row for each person whose face was followed: orange leans to synthesis, blue away from it, grey was not"
        " scored. The line within is the course of the score, the thick line below when the person speaks; frames mark"
        " what stands out.",
    )
    rows = [_person(one) for one in result.persons[:MOST_ROWS]]
    if len(result.persons) > MOST_ROWS:
        rows.append((f"and {len(result.persons) - MOST_ROWS} more", "", "", "", "", ""))
    columns = ("person", "seen", "frames", "over time", "together", "lips and sound")
    yield Table(columns, tuple(rows), (0.12, 0.16, 0.1, 0.12, 0.18, 0.32))
    yield from _cues(result)


def _person(one: Person) -> tuple[str, ...]:
    together = "not scored" if one.llr is None else f"{signed(one.llr)} ({percent(one.spoof_probability or 0.0)})"
    if one.agreement is not None:
        lips = f"agree by {one.agreement.strength:.2f}, p {one.agreement.p:.2g}"
    else:
        lips = one_line(one.no_agreement or "not compared")
    return str(one.id), span(one.start_s, one.end_s), _score(one.frame_llr), _score(one.temporal_llr), together, lips


def _score(llr: float | None) -> str:
    return "–" if llr is None else f"{signed(llr)}"


def _cues(result: ScanResult) -> Iterator[Block]:
    rows = [
        (str(one.id), cue.name.replace("_", " "), sentence(one_line(cue.text)))
        for one in result.persons[:MOST_PERSONS]
        for cue in one.cues
    ]
    if rows:
        told_more = len(rows) - MOST_ROWS
        rows = rows[:MOST_ROWS] + ([("", "", f"and {told_more} remarks more")] if told_more > 0 else [])
        yield Table(("person", "movement", "remark; never part of a score"), tuple(rows), (0.1, 0.2, 0.7))


def _picture(result: ScanResult, seen: Seen) -> Iterator[Block]:
    drawing = picture_figure(result, seen.picture)
    if drawing is not None:
        told_of = []
        if result.faces:
            told_of.append("Frames are faces with their number and the probability of each by itself")
        if result.pieces:
            told_of.append("dashes are parts that were looked at in full size")
        colours = "orange leans to synthesis, blue away from it" if told_of else ""
        text = "; ".join(filter(None, (*told_of, colours)))
        yield Figure(drawing, sentence(text[0].upper() + text[1:]) if text else "The picture as it was scanned.")
    yield from _faces(result)


def _faces(result: ScanResult) -> Iterator[Block]:
    if not result.faces:
        return
    rows = []
    for number, face in enumerate(result.faces[:MOST_ROWS], 1):
        left, top, right, bottom = map(round, face.box)
        rows.append(
            (
                str(number),
                f"{right - left} × {bottom - top} at {left}, {top}",
                f"{face.score:.2f}",
                _score(face.llr),
                "not scored" if face.spoof_probability is None else percent(face.spoof_probability),
            )
        )
    if len(result.faces) > MOST_ROWS:
        rows.append((f"and {len(result.faces) - MOST_ROWS} more", "", "", "", ""))
    columns = ("face", "pixels", "sure it is a face", "score", "probability")
    yield Table(columns, tuple(rows), (0.14, 0.3, 0.22, 0.14, 0.2))


def channel_facts(given: Given) -> Facts | None:
    """Measured properties of the recording, picture or video."""
    rows = tuple(
        (
            one_line(finding.text),
            "not known"
            if finding.value is None
            else f"{finding.value:.4g} {'' if finding.unit == '1' else finding.unit}",
        )
        for finding in given.result.findings
    )
    return Facts(rows) if rows else None
