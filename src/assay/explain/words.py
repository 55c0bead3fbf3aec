"""Explanations in words: templates filled with measured facts. The same facts give the same sentences.

No sentence says what was done to a file, or that a file *is* anything: a network reacted to places, and hiding them
moved its score by so much. All templates are here; tests fill each for every verdict and medium.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.explain.explanation import LEAST_DIFFERENCE, Band, Faithfulness, Media, Method, Range, Region
from assay.result import Verdict

WHAT: dict[Media, str] = {"audio": "recording", "image": "picture", "video": "video"}
LEADS: dict[Verdict, str] = {
    "spoof": "The score of this {what} is {llr}, which speaks for synthesis; what follows tells what '{model}' reacted"
    " to, not how the {what} was made.",
    "mixed": "A part of this {what} stands out ({llr}); what follows tells what '{model}' reacted to in that part, not"
    " what was done to it.",
    "bona_fide": "The score of this {what} is {llr}, and no sign of synthesis was found; what follows tells which"
    " places came closest to one for '{model}', and is no accusation.",
    "inconclusive": "There is no verdict on this {what} (score {llr}); what follows tells what moved the score of"
    " '{model}', which is not enough to decide.",
}
ABOUT: dict[Media, str] = {
    "audio": "the part that stands out",
    "image": "the most suspicious face",
    "video": "the part of the sound that stands out",
}
NOTHING = "Nothing in this {what} could be scored, so there is nothing to explain."
WHERE_TIME = "Hiding {places}{of} lowers the score most."
WHERE_BAND = "The frequencies{of} that count most are {places}."
IN_SOUND = " of the sound"
WHERE_REGION = "Blurring {places} lowers the score most."
NOWHERE = "No single place counts: hiding one alone hardly moves the score, or raises it."
FEW = "Half of what speaks for a spoof lies in {share} of what was looked at, so it sits in few places."
MANY = "Half of what speaks for a spoof is spread over {share} of what was looked at, so no single place carries it."
FRAMES = "Of the frames that were tried, those at {times} speak most for a spoof; the maps show these alone."
STRETCH = "The maps cover {span} of {whole}, where the score is highest."
MAP_OF = "They explain {about}, not the whole {what}."
TESTED = (
    "Check of the map: without the marked {share} the score of what is explained goes from {llr} to {marked}; without"
    " as much at random it is {random} (mean of {trials} draws)."
)
FAILED = (
    "Check of the map: it fails. Without the marked {share} the score of what is explained is {marked}, without as much"
    " at random {random} (mean of {trials} draws; {llr} with nothing hidden). Do not rely on the places named here."
)
UNMOVED = (
    "Check of the map: it tells nothing. Without the marked {share} the score of what is explained is {marked}, without"
    " as much at random {random} (mean of {trials} draws; {llr} with nothing hidden)."
)
HOW: dict[Method, str] = {
    "occlusion": "Places were hidden one by one and the same network asked again.",
    "grad_cam": "The places are those that the network's own gradients point to (Grad-CAM).",
}
CONCENTRATED = 0.1  # share of places, up to which evidence sits in few of them


@dataclass(frozen=True)
class Facts:
    """What sentences are made of.

    Attributes:
        media, verdict, llr, model: Of the scan.
        method: Of the map.
        ranges, bands, regions, coverage, faithfulness: See `assay.explain.explanation.Explanation`.
        partial: Whether only what stands out is explained.
        span: Start, end and length in seconds, where a part of the recording is explained.
        frames: When the explained frames are shown, in seconds.
    """

    media: Media
    verdict: Verdict
    llr: float | None
    model: str
    method: Method = "occlusion"
    ranges: tuple[Range, ...] = ()
    bands: tuple[Band, ...] = ()
    regions: tuple[Region, ...] = ()
    coverage: float = 0.0
    faithfulness: Faithfulness | None = None
    partial: bool = False
    span: tuple[float, float, float] | None = None
    frames: tuple[float, ...] = ()


def sentences(facts: Facts) -> tuple[str, ...]:
    """All that can be said, in the order in which it is read."""
    what = WHAT[facts.media]
    if facts.llr is None:
        return (NOTHING.format(what=what),)
    told = [
        LEADS[facts.verdict].format(what=what, llr=_llr(facts.llr), model=facts.model),
        HOW[facts.method],
        *([STRETCH.format(span=_span(*facts.span[:2]), whole=_seconds(facts.span[2]))] if facts.span else []),
        *([MAP_OF.format(about=ABOUT[facts.media], what=what)] if facts.partial else []),
        *([FRAMES.format(times=_listed([_seconds(time) for time in facts.frames]))] if facts.frames else []),
        *_where(facts),
        *_tested(facts.faithfulness),
    ]
    return tuple(told)


def _where(facts: Facts) -> list[str]:
    times = [
        f"{_span(one.start_s, one.end_s)} ({_lost(one.llr)})" for one in facts.ranges if one.llr >= LEAST_DIFFERENCE
    ]
    bands = [
        f"{one.low_hz:.0f}–{one.high_hz:.0f} Hz ({_lost(one.llr)})"
        for one in facts.bands
        if one.llr >= LEAST_DIFFERENCE
    ]
    regions = [
        f"{one.width} × {one.height} pixels at {one.x}, {one.y} ({_lost(one.llr)})"
        for one in facts.regions
        if one.llr >= LEAST_DIFFERENCE
    ]
    of = IN_SOUND if facts.media == "video" and bands else ""
    told = [
        *([WHERE_TIME.format(places=_listed(times), of=of)] if times else []),
        *([WHERE_BAND.format(places=_listed(bands), of=of)] if bands else []),
        *([WHERE_REGION.format(places=_listed(regions))] if regions else []),
    ]
    if not told:
        return [NOWHERE]
    if facts.coverage > 0:
        few = facts.coverage <= CONCENTRATED
        told.append((FEW if few else MANY).format(share=_share(facts.coverage)))
    return told


def _tested(found: Faithfulness | None) -> list[str]:
    if found is None:
        return []
    text = TESTED if found.holds else UNMOVED if abs(found.marked - found.random) < LEAST_DIFFERENCE else FAILED
    return [
        text.format(
            share=_share(found.share),
            llr=_llr(found.llr),
            marked=_llr(found.marked),
            random=_llr(found.random),
            trials=found.trials,
        )
    ]


def _llr(value: float) -> str:
    return f"{value + 0.0:.2f}".replace("-0.00", "0.00")


def _lost(value: float) -> str:
    return f"by {value:.2f}"


def _share(value: float) -> str:
    return "under 1 %" if value < 0.01 else f"{100 * value:.0f} %"


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def _span(start_s: float, end_s: float) -> str:
    """Rounded outwards to tenths, so that it covers what it names."""
    start = math.floor(round(start_s * 10, 6)) / 10
    return f"{start:.1f}–{math.ceil(round(end_s * 10, 6)) / 10:.1f} s"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
