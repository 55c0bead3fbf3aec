"""Results in words: templates filled with measured facts. The same result gives the same text.

Decisions
- A verdict is said in the words of `PLAIN_VERDICTS`. No sentence claims that a recording *is* synthetic or
  *is* what it purports to be: a sign was found or not, at a stated rate of error, and finding none proves
  nothing.
- Plain text without colour or markup. A file name is shown with its control characters spelt out, so that a
  name cannot move the cursor or colour the terminal of whoever reads the report.
- Times are ``m:ss`` (``h:mm:ss`` from an hour on), rounded outwards so that a span covers what it names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from assay.report.summary import Summary
from assay.result import PLAIN_VERDICTS, Evidence, OperatingPointInForce, Person, ScanFailure, ScanResult

MAX_SPANS = 5  # a paragraph is for reading; the JSON has all of them
MAX_LEFT_OUT = 3
MAX_PERSONS = 3
BONA_FIDE = {"audio": "recordings", "image": "pictures", "video": "videos"}
PARTS = {"image": "whole frames", "video": "faces", "audio": "sound"}
NEUTRAL_PRIOR = 0.5
CLEAR = 0.5  # strength of a trace
SAYS_WHO = ("camera", "recorder", "editing_software", "generator_tag", "digital_source_type", "c2pa_present")
NAMES = ("program", "meaning", "Model", "Make")  # what a trace calls who it is about
NO_PROOF = "Finding no sign is not proof: a method that the model does not know may leave none."


class Words(NamedTuple):
    """One result in words, in the order in which it is read.

    Attributes:
        subject: Name of the file, safe to show.
        verdict: In plain words; what an interface may colour.
        rest: The sentences after it.
    """

    subject: str
    verdict: str
    rest: str


class Told(NamedTuple):
    """What there is to say about a result, part by part; empty where there is nothing.

    Attributes:
        probability: Of synthesis, with its interval.
        reasons: For the verdict.
        held: Whether it held in other deliveries.
        where: The stretches that stand out.
        parts: Scores of the parts of a video.
        people: Who is in it.
        evidence: Traces in the file.
        credentials: What Content Credentials say.
        left_out: What was not analysed.
        caveat: What finding nothing is worth.
        promise: The rate of false alarms that the verdict was made at.
    """

    probability: str
    reasons: tuple[str, ...]
    held: str
    where: str
    parts: str
    people: str
    evidence: str
    credentials: str
    left_out: str
    caveat: str
    promise: str


def told(result: ScanResult) -> Told:
    """Put a result into sentences, in the order in which they are read."""
    flagged = result.verdict in ("spoof", "mixed")
    return Told(
        probability=_probability(result) if result.operating_point else "",
        reasons=tuple(sentence(reason.text) for reason in result.reasons),
        held=_held(result),
        where=_where(result),
        parts=_parts(result),
        people=_persons(result) if result.media == "video" else _faces(result),
        evidence=_evidence(result),
        credentials=_credentials(result),
        left_out=_left_out(result),
        caveat=NO_PROOF if result.verdict == "bona_fide" else "",
        promise=_promise(result.operating_point, BONA_FIDE[result.media]) if flagged and result.operating_point else "",
    )


def words(result: ScanResult) -> Words:
    """Put a result into words, with subject and verdict apart."""
    found = told(result)
    sentences = (each for part in found for each in (part if isinstance(part, tuple) else (part,)))
    return Words(printable(result.path), result.plain_verdict, " ".join(filter(None, sentences)))


def describe(result: ScanResult) -> str:
    """One short paragraph about a result: verdict, probability, why, where, and what was not analysed."""
    subject, verdict, rest = words(result)
    return f"{subject}: {verdict}. {rest}"


def describe_failure(failure: ScanFailure) -> str:
    """One line about an input that could not be analysed."""
    message = one_line(failure.error.message)
    return f"{_named(failure)}could not be analysed. {sentence(message)} [{failure.error.code}]"


def describe_summary(summary: Summary, *, wall_s: float) -> str:
    """Two short sentences about a batch: what was found, how much was decided, and how fast.

    Args:
        summary: Figures over the batch.
        wall_s: Seconds that it took, > 0.
    """
    counts = [f"{count} {PLAIN_VERDICTS[verdict]}" for verdict, count in summary.verdicts.items() if count]
    if summary.failed:
        codes = ", ".join(f"{count} {code}" for code, count in sorted(summary.failures.items()))
        counts.append(f"{summary.failed} could not be analysed ({codes})")
    text = f"{_count(summary.inputs, 'input')}: {', '.join(counts) or 'nothing to do'}."
    if summary.coverage is not None:
        text += f" Decided: {summary.decided} of {summary.analysed} ({summary.coverage:.0%})."
        text += f" {_amount(summary)} in {wall_s:.1f} s"
        # Speed by sound alone means something only if there was nothing else.
        speed = summary.audio_s / max(wall_s, 1e-9)
        text += "." if summary.pictures or summary.videos else f", {speed:.0f} s per second."
    return text


def _amount(summary: Summary) -> str:
    recordings = summary.analysed - summary.pictures - summary.videos
    told = [
        f"{clock(summary.audio_s)} of sound" if recordings else "",
        _count(summary.pictures, "picture") if summary.pictures else "",
        f"{clock(summary.video_s)} of video" if summary.videos else "",
    ]
    first, *others = list(filter(None, told)) or ["nothing"]
    return ", ".join([first, *others[:-1]]) + (f" and {others[-1]}" if others else "")


def clock(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``, rounded to the nearest second."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def span(start_s: float, end_s: float) -> str:
    """A stretch of time, rounded outwards to whole seconds."""
    return f"{clock(math.floor(start_s))}–{clock(math.ceil(end_s))}"


def percent(probability: float) -> str:
    """A probability in [0, 1] for people: never 0 % or 100 %, which nothing measured could support."""
    if probability < 0.001:
        return "under 0.1 %"
    if probability > 0.999:
        return "over 99.9 %"
    return f"{100 * probability:.{0 if 0.01 <= probability <= 0.985 else 1}f} %"


def signed(llr: float) -> str:
    """A score with its sign and two decimals; nothing is below zero by less than that."""
    return f"{round(llr, 2) + 0.0:+.2f}"


def printable(text: str) -> str:
    r"""Text with control and other invisible characters spelt out (``\x1b``), safe to show."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str) -> str:
    """Text on one line, safe to show."""
    return printable(" ".join(text.split()))


def sentence(text: str) -> str:
    """Text that ends like a sentence."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _probability(result: ScanResult) -> str:
    if result.spoof_probability is None:
        return "Nothing in it could be scored."
    bounds = ""
    if result.interval is not None:
        bounds = f" (90 % interval: {' to '.join(map(percent, result.interval))})"
    prior = result.operating_point.prior if result.operating_point else NEUTRAL_PRIOR
    given = "" if prior == NEUTRAL_PRIOR else f", given a prior of {percent(prior)}"
    shown = f"probability of synthesis in it {percent(result.spoof_probability)}{bounds}{given}"
    if result.verdict == "inconclusive":
        return f"The scores alone would give a {shown}; that is not a verdict."
    return f"{shown[0].upper()}{shown[1:]}."


def _held(result: ScanResult) -> str:
    """Whether the verdict held in other deliveries; where it did not, the first reason has said so."""
    found = result.stability
    if found is None or result.verdict != found.verdict:
        return ""
    other = [f"{d.delivery}: {PLAIN_VERDICTS[d.verdict]}" for d in found.deliveries if d.verdict != found.verdict]
    number = len(found.deliveries)
    if not other:
        how = "The verdict held" if found.verdict != "inconclusive" else "The answer was the same"
        spread = "" if found.llr_spread is None else f"; the scores differ by up to {found.llr_spread:.2f}"
        return f"{how} in all {number} other deliveries{spread}."
    if found.verdict == "inconclusive":
        return f"Delivered otherwise, {len(other)} of {number} would get a verdict: {', '.join(other)}."
    return f"The verdict held in {number - len(other)} of {number} other deliveries and did not turn round in the rest."


def _where(result: ScanResult) -> str:
    """The suspicious stretches; for a whole file the strongest one."""
    marked = result.suspicious
    if marked and result.media == "video":
        return f"Suspicious: {_listed(_together([(s.start_s, s.end_s) for s in marked]), MAX_SPANS)}."
    if marked:
        spans = [span(s.start_s, s.end_s) + ("" if s.channel is None else f" (channel {s.channel})") for s in marked]
        return f"Suspicious: {_listed(spans, MAX_SPANS)}."
    if result.verdict == "spoof" and len(result.segments) > 1:
        strongest = max(result.segments, key=lambda segment: segment.llr)
        return f"The strongest signs are at {span(strongest.start_s, strongest.end_s)}."
    return ""


def _together(stretches: Sequence[tuple[float, float]]) -> list[str]:
    """Stretches in order of their beginning, those that touch as one."""
    joined: list[tuple[float, float]] = []
    for start, end in stretches:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return [span(*each) for each in joined]


def _parts(result: ScanResult) -> str:
    """The parts of a video, with their scores, their weights, and what they did to the answer."""
    if result.fusion is None:
        return ""
    told = [
        f"{PARTS[part.name]} {part.llr:+.2f} (weight {part.weight:.2f}, moved it by {part.moved:+.2f})"
        for part in result.fusion.parts
    ]
    return f"Scores of its parts: {', '.join(told)}; together {result.fusion.llr:+.2f}."


def _persons(result: ScanResult) -> str:
    """Who is seen when, the most suspicious first."""
    if not result.persons:
        whole = any(gap.code == "parts" for gap in result.not_analysed)  # judged by a network that follows nobody
        return "" if whole else "No face was followed."
    rank = sorted(result.persons, key=lambda one: -math.inf if one.llr is None else one.llr, reverse=True)
    more = f"; and {len(rank) - MAX_PERSONS} more" if len(rank) > MAX_PERSONS else ""
    told = "; ".join(_person(one) for one in rank[:MAX_PERSONS])
    return f"{_count(len(rank), 'person')} in it: {told}{more}."


def _person(person: Person) -> str:
    score = "not scored" if person.spoof_probability is None else f"probability {person.spoof_probability:.2f}"
    speaks = ", speaking" if person.voice else ""
    return f"number {person.id} at {span(person.start_s, person.end_s)} ({score}{speaks})"


def shown(result: ScanResult) -> list[Evidence]:
    """The traces that a person should hear of: clear ones, and what a camera or program wrote about itself."""
    return [e for e in result.evidence if (e.strength or 0.0) >= CLEAR or e.name in SAYS_WHO]


def _evidence(result: ScanResult) -> str:
    """Clear traces in the words of their tools, each text once."""
    if not result.evidence:
        return ""
    texts = dict.fromkeys(_trace(each) for each in shown(result))
    if not texts:
        return "No clear trace of editing or of a generator in the file, which proves nothing."
    return f"Evidence in the file: {' '.join(texts)}"


def _faces(result: ScanResult) -> str:
    """How many there are, and what was found about the most suspicious one."""
    if not result.faces:
        return ""
    told = f"{_count(len(result.faces), 'face')} in it."
    scored = [face for face in result.faces if face.spoof_probability is not None]
    if len(result.faces) < 2 or not scored:
        return told
    worst = max(scored, key=lambda face: face.spoof_probability or 0.0)
    left, top = (round(edge) for edge in worst.box[:2])
    return f"{told} The most suspicious, at {left}, {top}, by itself: probability {worst.spoof_probability:.2f}."


def _credentials(result: ScanResult) -> str:
    """What Content Credentials say, if there are any."""
    found = result.provenance
    if found is None or found.state == "absent":
        return ""
    return "Content Credentials: " + " ".join(sentence(one_line(each)) for each in found.findings)


def _trace(evidence: Evidence) -> str:
    named = next((one_line(str(evidence.measured[key])) for key in NAMES if evidence.measured.get(key)), "")
    about = ", ".join(filter(None, (named, _place(evidence))))
    label = evidence.name.replace("_", " ")
    return sentence(f"{label}{f' ({about})' if about else ''}: {one_line(evidence.text)}")


def _place(evidence: Evidence) -> str:
    """Where in the picture, if the trace has a place; of a copy the second one."""
    for prefix in ("target_", ""):
        box = [evidence.measured.get(prefix + side) for side in ("left", "top", "width", "height")]
        if None not in box:
            left, top, width, height = box
            return f"{width} × {height} pixels at {left}, {top}"
    return ""


def _left_out(result: ScanResult) -> str:
    """What was not analysed; stretches left out for the same reason share one entry."""
    stretches: dict[str, list[str]] = {}
    for part in result.not_analysed:
        spans = stretches.setdefault(part.text.rstrip("."), [])
        if part.start_s is not None and part.end_s is not None:
            spans.append(span(part.start_s, part.end_s))
    entries = [f"{text} ({_listed(spans, MAX_LEFT_OUT)})" if spans else text for text, spans in stretches.items()]
    return f"Not analysed: {'; '.join(entries)}." if entries else ""


def _promise(point: OperatingPointInForce, of: str) -> str:
    rate = f"This setting is meant to flag at most {100 * point.max_false_alarm:.3g} % of bona fide {of}"
    if point.extrapolated:
        return f"{rate}, which is more than the development data could check."
    return f"{rate}."


def _listed(items: Sequence[str], most: int) -> str:
    """The first few, and how many more there are."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")


def _named(failure: ScanFailure) -> str:
    return f"{printable(failure.path)}: " if failure.path else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
