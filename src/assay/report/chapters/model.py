"""Who answered: the model and its card, the settings, versions and times; and the limits of all that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assay._version import __version__
from assay.models.card import Card, TrainedCard
from assay.report.chapters.given import Given
from assay.report.document import Block, Chapter, Facts, Points, Table, Words
from assay.report.text import one_line, percent, sentence

MOST_CONDITIONS = 12
CONDITION_RATES = {"eer": "EER", "false_alarm_rate": "false alarms", "detection_rate": "detected"}
DISCLAIMER = (
    "This report says what models and tools measured on one file. It is no expert opinion, and no proof that the file"
    " is genuine or synthetic.",
    "Models err, on media of kinds that they were not trained on more often than their cards promise. Most of all a"
    " single score is no ground for accusing anybody.",
    "A verdict holds for the file with the SHA-256 above, and for no other copy of it: compression, cutting and filters"
    " change scores.",
    "Synthetic is not the same as false or harmful, and bona fide not the same as true: a genuine recording can be"
    " staged, cut or put into a wrong context.",
    "Names, dates and programs in a file are claims that anybody can write.",
)


def model_chapter(given: Given) -> Chapter:
    """The model that answered, as its card tells."""
    used = given.result.model
    if used is None:
        return Chapter("The model", (Words("No model was asked: the result rests on the file alone."),))
    rows = [("name", f"{one_line(used.name)} {one_line(used.version)}"), ("SHA-256 of the weight", used.sha256)]
    if used.provider:
        rows.append(("computed by", one_line(used.provider)))
    card = given.card
    if card is None:
        told = Words("Its card is not at hand, so its error rates and limits are not told here.", "note")
        return Chapter("The model", (Facts(tuple(rows)), told))
    rows.append(("summary", sentence(one_line(card.summary))))
    rows.append(("licence of the weight", one_line(card.licence_weights)))
    blocks: list[Block] = [Facts((*rows, *_trained(card)))]
    blocks += _measured(card)
    if card.limits:
        blocks += [Words("Its limits, as its card states them:", "strong"), Points(tuple(map(one_line, card.limits)))]
    return Chapter("The model", tuple(blocks))


def _trained(card: Card) -> Iterator[tuple[str, str]]:
    if isinstance(card, TrainedCard):
        bona_fide = sum(int(each.get("bona_fide", 0) or 0) for each in card.data)
        spoof = sum(int(each.get("spoof", 0) or 0) for each in card.data)
        yield "recipe", one_line(f"{card.recipe}, commit {card.commit[:12]}")
        yield "trained on", f"{bona_fide:,} bona fide and {spoof:,} spoofed files of {len(card.data)} sources"


def _measured(card: Card) -> Iterator[Block]:
    """Error rates, as `assay evaluate` printed them on the card; what is not there is not told."""
    measured = card.measured if isinstance(card, TrainedCard) else {}
    pooled = measured.get("pooled")
    if isinstance(pooled, dict):
        rows = tuple(_rates(pooled))
        if rows:
            yield Words("Measured on files of sources that training never saw:", "strong")
            yield Facts(rows)
    conditions = measured.get("conditions")
    if isinstance(conditions, dict) and conditions:
        kept = {str(name): one for name, one in list(conditions.items())[:MOST_CONDITIONS] if isinstance(one, dict)}
        named = {name: words for name, words in CONDITION_RATES.items() if any(name in one for one in kept.values())}
        rows_of = tuple((one_line(name), *(_rate(one.get(rate)) for rate in named)) for name, one in kept.items())
        yield Table(("files delivered as", *named.values()), rows_of, (0.4, *([0.6 / max(1, len(named))] * len(named))))


def _rates(pooled: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "bona_fide" in pooled and "spoof" in pooled:
        yield "files", f"{pooled['bona_fide']} bona fide, {pooled['spoof']} spoofed"
    if isinstance(pooled.get("max_false_alarm"), (int, float)):
        yield "accepted rate of false alarms", _rate(pooled["max_false_alarm"])
    named = {
        "eer": "equal error rate",
        "false_alarm_rate": "bona fide files flagged",
        "detection_rate": "spoofed files flagged",
        "coverage": "files with a verdict",
        "error_among_decided": "wrong among these",
    }
    for name, words in named.items():
        if isinstance(pooled.get(name), (int, float)):
            interval = pooled.get(name.replace("_rate", "") + "_interval")
            bounds = (
                f" (95 % interval {_rate(interval[0])} to {_rate(interval[1])})"
                if interval is not None and _pair(interval)
                else ""
            )
            yield words, f"{_rate(pooled[name])}{bounds}"


def _pair(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2


def _rate(value: Any) -> str:
    return f"{100 * value:.1f} %" if isinstance(value, (int, float)) else "–"


def settings_chapter(given: Given) -> Chapter:
    """Operating point, settings, versions, times."""
    result = given.result
    rows: list[tuple[str, str]] = []
    point = result.operating_point
    if point is not None:
        beyond = " (more than the development data could check)" if point.extrapolated else ""
        rows += [
            ("accepted rate of false alarms", f"{100 * point.max_false_alarm:.3g} %{beyond}"),
            ("synthetic from", f"{point.threshold_llr:+.3f}"),
            ("no sign up to", f"{point.bona_fide_below_llr:+.3f}"),
            ("probability before looking", percent(point.prior)),
            ("noise reduced first", "yes; the card's rates were measured without" if point.denoised else "no"),
        ]
    else:
        rows.append(("operating point", "none: no detector was asked, or its card promises no rate"))
    rows += [(name.replace("_", " "), one_line(str(value))) for name, value in given.settings.items()]
    rows += [("report by", f"Assay {__version__}"), ("form of the result", f"version {result.schema_version}")]
    times = ", ".join(f"{name} {value:.0f}" for name, value in result.timings_ms.items())
    rows.append(("milliseconds spent", times or "not known"))
    return Chapter("Settings and versions", (Facts(tuple(rows)),))


def limits_chapter() -> Chapter:
    """What a reader must know before using the report."""
    return Chapter("Limits", (Points(DISCLAIMER),))
