"""What a result shows of the persons in a video: faces, stretches, movements, lips and voice. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from assay.evidence import MAX_SEGMENTS, posterior
from assay.result import Evidence, Face, LipAgreement, NotAnalysed, Person, Segment, Span, Speech
from assay.video.closely import CUES_FPS, LIPS_FPS, Closely, enough
from assay.video.cues import all_cues, lip_opening
from assay.video.cues.blinks import RATE_S
from assay.video.lips import SHORTEST_S, Level, agreement, speaking

if TYPE_CHECKING:
    from assay.models.card import VideoCard
    from assay.video.cues import Cue
    from assay.video.detector import PersonScores, VideoScores
    from assay.video.track import Track

MOST_PERSONS = 100
REMARK = 0.25  # strength of a cue outside the range of bona fide videos: the ranges part nobody (docs/video-cues.md)


@dataclass(frozen=True)
class Lips:
    """What lips and sound say together.

    Attributes:
        why: Why they were not compared; None where they were.
        spans: When each person speaks, by the number of the person.
        agreements: Of those whose lips are seen long enough.
    """

    why: str | None = None
    spans: dict[int, tuple[Speech, ...]] = field(default_factory=dict)
    agreements: dict[int, LipAgreement] = field(default_factory=dict)


def shown_persons(scores: VideoScores) -> tuple[PersonScores, ...]:
    """Those whom a result lists, in order of first appearance: of a crowd the most suspicious and longest seen."""
    rank = sorted(scores.persons, key=lambda one: (-np.inf if one.llr is None else one.llr, one.series.track.seen_s))
    kept = {one.series.track.id for one in rank[-MOST_PERSONS:]}
    return tuple(one for one in scores.persons if one.series.track.id in kept)


def compare_lips(persons: Sequence[PersonScores], level: Level | None, closely: Closely) -> Lips:
    """Compare the lips of every person with the sound, where they were looked at closely.

    Args:
        persons: Those to compare.
        level: Of the sound; None where there is none, or too few frames to make use of it.
        closely: What was looked at most closely.
    """
    if closely.spans == ():
        return Lips("No face was large enough to be looked at closely.")
    if not enough(closely.fps, LIPS_FPS):
        return Lips(f"Lips are seen {closely.fps:.1f} times a second; at least {LIPS_FPS:g} are needed.")
    if level is None:
        return Lips("There is no sound to compare the lips with.")
    near = [one.series.close for one in persons if one.series.close is not None]
    lips = [(track.id, track.times_s, lip_opening(track)) for track in near]
    spans: dict[int, list[Speech]] = {}
    for span in speaking(lips, level):
        spans.setdefault(span.track, []).append(
            Speech(start_s=round(max(0.0, span.start_s), 3), end_s=round(max(0.0, span.end_s), 3))
        )
    found = {number: agreement(times, opening, level) for number, times, opening in lips}
    agreements = {
        number: LipAgreement(
            offset_s=round(one.offset_s, 4),
            strength=round(one.strength, 4),
            p=one.p,
            n=one.n,
            seconds=round(one.seconds, 2),
        )
        for number, one in found.items()
        if one is not None
    }
    return Lips(None, {number: tuple(many) for number, many in spans.items()}, agreements)


def persons_of(
    persons: Sequence[PersonScores],
    lips: Lips,
    *,
    flagged: frozenset[int],
    prior: float,
    closely: Closely,
) -> tuple[Person, ...]:
    """The persons of a result.

    Args:
        persons: Those to show.
        lips: What lips and sound say.
        flagged: Numbers of those who stand out.
        prior: P(spoof) behind the shown probabilities.
        closely: What was looked at most closely.
    """
    return tuple(_person(one, lips, one.series.track.id in flagged, prior, closely) for one in persons)


def _person(scores: PersonScores, lips: Lips, flagged: bool, prior: float, closely: Closely) -> Person:
    track, near = scores.series.track, scores.series.close
    spans, told = lips.spans.get(track.id, ()), lips.agreements.get(track.id)
    seen_s = near.seen_s if near is not None else 0.0
    brief = f"Lips and sound can be compared from {SHORTEST_S:g} s on; this face is seen closely for {seen_s:.1f} s."
    # Of what was not looked at closely nobody knows whether they speak there.
    known = bool(spans) or bool(closely.covers(track.times_s).all())
    return Person(
        id=track.id,
        start_s=round(track.start_s, 3),
        end_s=round(track.end_s, 3),
        seen_s=round(track.seen_s, 3),
        spoof_probability=None if scores.llr is None else posterior(scores.llr, prior),
        llr=scores.llr,
        frame_llr=scores.frame_llr,
        temporal_llr=scores.temporal_llr,
        stretches=tuple(_stretches(scores, flagged, prior)),
        closely=tuple(_looked(near, closely)),
        speaking=spans,
        voice=bool(spans) if known and not lips.why else None,
        cues=tuple(_cues(near)) if near is not None and enough(closely.fps, CUES_FPS) else (),
        agreement=told,
        no_agreement=None if told else lips.why or brief,
    )


def _stretches(scores: PersonScores, flagged: bool, prior: float) -> Iterator[Segment]:
    """The windows of a person, so many neighbours taken together that a long video stays readable."""
    every = scores.stretches
    each = -(-len(every) // MAX_SEGMENTS) or 1
    for first in range(0, len(every), each):
        part = every[first : first + each]
        llr = float(np.mean([one.llr for one in part]))
        yield Segment(
            start_s=round(part[0].start_s, 3),
            end_s=round(part[-1].end_s, 3),
            spoof_probability=posterior(llr, prior),
            llr=llr,
            suspicious=flagged and llr > 0,
        )


def _looked(near: Track | None, closely: Closely) -> Iterator[Span]:
    """When a person was looked at closely; nothing where no movement could be told from it."""
    if near is not None and enough(closely.fps, CUES_FPS):
        for start, end in closely.of(near):
            yield Span(start_s=round(start, 3), end_s=round(end, 3))


def _cues(near: Track) -> Iterator[Evidence]:
    """Those that can be told."""
    return (_remark(cue) for cue in all_cues(near) if cue.value is not None)


def _remark(cue: Cue) -> Evidence:
    """A cue as evidence that weighs next to nothing."""
    side = {True: "Outside", False: "Within", None: "No range applies to it; not compared with"}[cue.outside]
    text = f"{side} the range of {cue.videos} bona fide videos, which proves nothing. {cue.limits}"
    return Evidence(
        name=cue.name,
        measured={
            "value": None if cue.value is None else round(cue.value, 4),
            "unit": cue.unit,
            "low": cue.low,
            "high": cue.high,
            "sample": cue.sample,
            "reliable": cue.reliable,
            "outside": cue.outside,
        },
        strength=REMARK if cue.outside else 0.0 if cue.outside is False else None,
        text=f"{text} {cue.note}" if cue.note else text,
    )


def faces_of(persons: Sequence[PersonScores], prior: float) -> tuple[Face, ...]:
    """One face for each person, where the face detector is surest of it."""
    return tuple(_face(one, prior) for one in persons)


def _face(scores: PersonScores, prior: float) -> Face:
    track = scores.series.track
    best = int(track.confidences.argmax())
    left, top, right, bottom = (round(float(edge), 1) for edge in track.boxes[best])
    return Face(
        box=(left, top, right, bottom),
        score=round(min(1.0, float(track.confidences[best])), 4),
        spoof_probability=None if scores.llr is None else posterior(scores.llr, prior),
        llr=scores.llr,
        track_id=track.id,
        start_s=round(track.start_s, 3),
        end_s=round(track.end_s, 3),
        box_s=round(float(track.times_s[best]), 3),
    )


def unseen(scores: VideoScores, card: VideoCard, fps: float) -> Iterator[NotAnalysed]:
    """What could not be told of the persons, and why.

    Args:
        scores: Of the video.
        card: Of the model.
        fps: In how many frames a second faces were scored.
    """
    persons = scores.persons
    if len(persons) > MOST_PERSONS:
        text = f"{len(persons)} persons were judged, {MOST_PERSONS} of them are listed"
        yield NotAnalysed(code="many_persons", text=text)
    if without := sum(one.llr is None for one in persons):
        text = f"{without} of {len(persons)} faces were not scored: too small, too near to the edge or seen too briefly"
        yield NotAnalysed(code="small_faces", text=text)
    scored = [one for one in persons if one.llr is not None]
    if timeless := sum(one.temporal_llr is None for one in scored):
        text = (
            f"the course of time of {timeless} of {len(scored)} faces: {card.window_frames} frames in a row are needed,"
            f" {card.fps:g} a second; {fps:.3g} a second were scored"
        )
        yield NotAnalysed(code="temporal", text=text)


def unmoved(persons: Sequence[Person], closely: Closely) -> Iterator[NotAnalysed]:
    """Why nobody's movement was told, if nobody's was.

    Args:
        persons: Of the result.
        closely: What was looked at most closely.
    """
    if not persons or any(one.cues for one in persons):
        return
    if closely.spans is None and not enough(closely.fps, CUES_FPS):
        why = (
            f"{closely.fps:.3g} frames a second were looked at, {CUES_FPS:g} are needed; --close-s or --deep gives more"
        )
    else:
        longest = max(sum(span.end_s - span.start_s for span in one.closely) for one in persons)
        why = f"no face was looked at closely for more than {longest:.1f} s; blinks need {RATE_S:g}"
    yield NotAnalysed(code="movement", text=f"movements of faces: {why}")
