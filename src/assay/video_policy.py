"""From the scores of a video to a verdict. Reads cards and settings; touches neither frames nor samples.

A video has up to three parts, each with a question of its own:

    image   Are the frames synthetic as a whole? The statistic is the llr of whole frames.
    video   Is somebody's face synthetic or changed? It is the largest llr of a person. The p-value p for one person
            becomes 1 - (1 - p)^n for n persons (Šidák, 1967), so a crowd is not accused for its size.
    audio   Is the sound track synthetic, or a part of it? `assay.policy.decide` answers.

The accepted false-alarm rate is that of the *video*: it is shared evenly among the parts that are present (Bonferroni,
which holds however they depend on each other). Parts are joined into one llr by fixed weights, renormalised over what
is present. A part that stands out makes the video ``spoof`` if all parts lean that way, otherwise ``mixed``.
What falls between "stands out" and "nothing speaks for a spoof" is inconclusive, and so is whatever lies outside what
the models were measured on: less than a second, hardly any bits for a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from assay.evidence import posterior
from assay.policy import DECLARED, RAREST, Z90, Judgement, among, decide, rate_in_force
from assay.result import FusedPart, Fusion, NotAnalysed, OperatingPointInForce, Reason, Verdict

if TYPE_CHECKING:
    from assay.audio.detector import AudioScores
    from assay.models.card import DetectorCard, TailModel, VideoCard
    from assay.settings import Settings
    from assay.video.detector import PersonScores, VideoScores

PartName = Literal["image", "video", "audio"]
WEIGHTS: dict[PartName, float] = {"image": 0.4, "video": 0.4, "audio": 0.2}
RULE = "weighted-0.40-0.40-0.20"
SHORTEST_S = 1.0
MIN_BITS_PER_PIXEL = 0.01  # set by hand: what the video model was trained on has 0.05 and more
NAMES: dict[PartName, str] = {"image": "whole frames", "video": "faces", "audio": "sound"}
_JUDGED = ("above_threshold", "part_stands_out", "below_threshold", "near_threshold")


@dataclass(frozen=True)
class Track:
    """A sound track that was scored."""

    scores: AudioScores
    card: DetectorCard


@dataclass(frozen=True)
class VideoJudgement:
    """What the policy has to say about a video; see `assay.result.ScanResult` for the meaning of most.

    Attributes:
        flagged: Numbers of the persons who stand out by themselves.
        sound: Of the sound track alone, at its share of the accepted rate; None where there is none.
        not_analysed: Why the sound does not count, if it was scored and does not.
    """

    verdict: Verdict
    llr: float | None
    spoof_probability: float | None
    interval: tuple[float, float] | None
    reasons: tuple[Reason, ...]
    fusion: Fusion | None
    operating_point: OperatingPointInForce
    flagged: frozenset[int]
    sound: Judgement | None
    not_analysed: tuple[NotAnalysed, ...]


@dataclass(frozen=True)
class _Part:
    """One part that can be judged.

    Attributes:
        sd: Standard deviation of the llr that comes from not knowing the calibration better.
        below: At or below, nothing speaks for a spoof.
        clear: Whether nothing in it does.
        extrapolated: Whether its share of the rate lies beyond what the development data could measure.
        reason: Why it stands out, if it does.
    """

    name: PartName
    llr: float
    sd: float
    threshold: float
    below: float
    clear: bool
    extrapolated: bool
    reason: Reason | None


def decide_video(
    scores: VideoScores,
    card: VideoCard,
    settings: Settings,
    *,
    track: Track | None = None,
    duration_s: float,
    bits_per_pixel: float | None = None,
    declared: bool = False,
) -> VideoJudgement:
    """Judge one video.

    Args:
        scores: The evidence of frames and faces.
        card: Of the model that gave it.
        settings: Accepted false-alarm rate or cost, and prior.
        track: The sound, if it could be scored.
        duration_s: Length of the video.
        bits_per_pixel: Size of the file over all pixels shown; None if that is not known.
        declared: Whether the file itself says that a generator made it. That moves no score; but a video that says so
            is not called free of signs.
    """
    persons = [person for person in scores.persons if person.llr is not None]
    rate = _rate(scores, persons, card, settings, track)
    pictures = (scores.whole_llr is not None) + bool(persons)
    sound = _sound(track, settings, rate / (pictures + 1)) if track else None
    heard = sound is not None and sound.llr is not None and sound.reasons[0].code in _JUDGED
    share = rate / max(1, pictures + heard)
    parts = [
        *([_whole(scores.whole_llr, card, share)] if scores.whole_llr is not None else []),
        *([_persons(persons, card, share)] if persons else []),
        *([_audio(sound, track.card)] if heard and sound and track else []),
    ]
    outside = _outside(parts, duration_s, bits_per_pixel)
    least = _person_threshold(card, share, len(persons))
    always: dict[str, Any] = {
        "operating_point": _point(parts, rate, settings),
        "flagged": frozenset(one.series.track.id for one in persons if one.llr is not None and one.llr >= least),
        "sound": sound,
        "not_analysed": () if heard or sound is None else (_unheard(sound),),
    }
    if not parts:
        return VideoJudgement("inconclusive", None, None, None, outside, None, **always)
    fusion = fuse(parts)
    verdict, llr, sd, reasons = _verdict(parts, fusion.llr)
    if outside:
        verdict, llr, sd, reasons = "inconclusive", fusion.llr, _fused_sd(parts), outside
        always |= {"flagged": frozenset(), "sound": sound and _unmarked(sound)}
    elif declared and verdict == "bona_fide":
        verdict, reasons = "inconclusive", (DECLARED,)
    return VideoJudgement(
        verdict=verdict,
        llr=llr,
        spoof_probability=posterior(llr, settings.prior),
        interval=(posterior(llr - Z90 * sd, settings.prior), posterior(llr + Z90 * sd, settings.prior)),
        reasons=reasons,
        fusion=fusion,
        **always,
    )


def _rate(
    scores: VideoScores, persons: list[PersonScores], card: VideoCard, settings: Settings, track: Track | None
) -> float:
    """The accepted rate; a cost amounts to another one in each part, and the smallest holds for all."""
    tails: list[TailModel] = [
        *([card.decision.whole] if scores.whole_llr is not None else []),
        *([card.decision.person] if persons else []),
        *([track.card.decision.file] if track else []),
    ]
    return min((rate_in_force(tail, settings) for tail in tails), default=settings.max_false_alarm)


def _sound(track: Track, settings: Settings, share: float) -> Judgement:
    """What the line of recordings says at its share; what the file declares is judged for the whole video."""
    own = settings.model_copy(update={"max_false_alarm": share, "false_alarm_cost": None})
    return decide(track.scores, track.card, own)


def _whole(llr: float, card: VideoCard, share: float) -> _Part:
    tail, below = card.decision.whole, card.decision.whole_below_llr
    threshold = max(0.0, tail.threshold(share))  # what is likelier bona fide than not does not stand out
    reason = None
    if llr >= threshold:
        text = (
            f"Whole frames look synthetic or changed (score {llr:.2f}); by chance those of a bona fide video do so with"
            f" probability {_chance(tail.p_value(llr))}."
        )
        reason = Reason(code="frames_stand_out", text=text)
    sd = card.whole.deviation(llr)
    return _Part("image", llr, sd, threshold, below, llr <= below, share < tail.survival[-1], reason)


def _person_threshold(card: VideoCard, share: float, count: int) -> float:
    """What one of so many persons must reach to stand out."""
    one = -math.expm1(math.log1p(-min(share, 1 - 1e-12)) / max(1, count))
    return max(0.0, card.decision.person.threshold(one))


def _persons(persons: list[PersonScores], card: VideoCard, share: float) -> _Part:
    tail, below, count = card.decision.person, card.decision.person_below_llr, len(persons)
    worst = max(persons, key=lambda person: person.llr or 0.0)
    llr = worst.llr or 0.0
    threshold = _person_threshold(card, share, count)
    reason = _face_reason(worst, among(tail.p_value(llr), count), count) if llr >= threshold else None
    sd = card.calibration.deviation(llr)
    extrapolated = tail.p_value(threshold) < tail.survival[-1]
    return _Part("video", llr, sd, threshold, below, llr <= below, extrapolated, reason)


def _face_reason(worst: PersonScores, p: float, count: int) -> Reason:
    seen, llr = worst.series.track, worst.llr
    whose = "The face" if count == 1 else f"The face of person {seen.id}, one of {count},"
    crowd = "" if count == 1 else " with as many persons"
    text = (
        f"{whose} seen from {seen.start_s:.1f} to {seen.end_s:.1f} s looks synthetic or changed (score {llr:.2f}); by"
        f" chance a bona fide video{crowd} has such a face with probability {_chance(p)}."
    )
    return Reason(code="face_stands_out", text=text)


def _audio(sound: Judgement, card: DetectorCard) -> _Part:
    assert sound.llr is not None
    assert sound.operating_point is not None
    point, first = sound.operating_point, sound.reasons[0]
    reason = None
    if sound.verdict in ("spoof", "mixed"):
        reason = Reason(code="sound_stands_out", text=f"The sound track stands out by itself. {first.text}")
    sd = math.hypot(card.calibration.deviation(sound.llr), card.decision.codec_sd)
    below, clear = point.bona_fide_below_llr, sound.verdict == "bona_fide"
    return _Part("audio", sound.llr, sd, point.threshold_llr, below, clear, point.extrapolated, reason)


def _unmarked(sound: Judgement) -> Judgement:
    """Without suspicious stretches: what is not judged accuses nobody."""
    plain = tuple(segment.model_copy(update={"suspicious": False}) for segment in sound.segments)
    return replace(sound, segments=plain)


def _unheard(sound: Judgement) -> NotAnalysed:
    return NotAnalysed(code="sound", text=f"the sound does not count: {sound.reasons[0].text}")


def _chance(p: float) -> str:
    return f"{p:.1g}" if p >= RAREST else f"under {RAREST:g}"


def fused(parts: list[_Part]) -> float:
    """Weighted mean of the llrs of the parts present; 0, which says nothing, of none."""
    total = sum(WEIGHTS[part.name] for part in parts)
    return sum(WEIGHTS[part.name] * part.llr for part in parts) / total if parts else 0.0


def _fused_sd(parts: list[_Part]) -> float:
    """As if what is not known of the calibrations were independent."""
    total = sum(WEIGHTS[part.name] for part in parts)
    return math.hypot(*(WEIGHTS[part.name] * part.sd for part in parts)) / total


def fuse(parts: list[_Part]) -> Fusion:
    """Join the parts, and tell how much each moved the answer."""
    total, llr = sum(WEIGHTS[part.name] for part in parts), fused(parts)
    return Fusion(
        rule=RULE,
        llr=llr,
        parts=tuple(
            FusedPart(
                name=part.name,
                llr=part.llr,
                weight=WEIGHTS[part.name] / total,
                moved=llr - fused([other for other in parts if other is not part]),
                threshold_llr=part.threshold,
                bona_fide_below_llr=part.below,
                stands_out=part.reason is not None,
            )
            for part in parts
        ),
    )


def _verdict(parts: list[_Part], llr: float) -> tuple[Verdict, float, float, tuple[Reason, ...]]:
    """Verdict, llr of the file and its deviation, reasons."""
    sd = _fused_sd(parts)
    out = [part for part in parts if part.reason is not None]
    reasons = tuple(part.reason for part in out if part.reason is not None)
    if out and llr >= 0 and all(part.llr > 0 for part in parts):
        return "spoof", llr, sd, reasons
    if out:
        # The file's evidence is then that of its suspicious part, as for recordings and pictures.
        worst = max(out, key=lambda part: part.llr)
        return ("mixed", worst.llr, worst.sd, reasons) if worst.llr > llr else ("mixed", llr, sd, reasons)
    if all(part.clear for part in parts):
        shown = ", ".join(f"{NAMES[part.name]} {part.llr:.2f} (at most {part.below:.2f})" for part in parts)
        text = f"No part stands out, and all are low enough: {shown}."
        return "bona_fide", llr, sd, (Reason(code="below_threshold", text=text),)
    unclear = [part for part in parts if not part.clear]
    shown = ", ".join(
        f"{NAMES[part.name]} {part.llr:.2f} (no sign up to {part.below:.2f}, synthetic from {part.threshold:.2f})"
        for part in unclear
    )
    text = f"No part stands out, but not all are low enough: {shown}; in between the models err too often."
    return "inconclusive", llr, sd, (Reason(code="near_threshold", text=text),)


def _outside(parts: list[_Part], duration_s: float, bits_per_pixel: float | None) -> tuple[Reason, ...]:
    """Reasons why the video lies outside what the models were measured on."""
    nothing = "Neither frames nor faces were large enough to be looked at, and there is no sound that can be judged."
    unseen = () if parts else (Reason(code="too_small", text=nothing),)
    return (*unseen, *outside_of(duration_s, bits_per_pixel))


def outside_of(duration_s: float, bits_per_pixel: float | None) -> tuple[Reason, ...]:
    """Reasons why a video lies outside what models of videos are measured on.

    Args:
        duration_s: Its length.
        bits_per_pixel: Size of the file over all pixels shown; None if that is not known.
    """
    short = f"The video lasts {duration_s:.2f} s; at least {SHORTEST_S:g} s are needed."
    saved = (
        f"The file has at most {bits_per_pixel or 0:.4f} bits for a pixel; below {MIN_BITS_PER_PIXEL:g} too little is"
        " left to judge."
    )
    checks = (
        (duration_s < SHORTEST_S, Reason(code="too_short", text=short)),
        (
            bits_per_pixel is not None and bits_per_pixel < MIN_BITS_PER_PIXEL,
            Reason(code="heavy_compression", text=saved),
        ),
    )
    return tuple(reason for failed, reason in checks if failed)


def _point(parts: list[_Part], rate: float, settings: Settings) -> OperatingPointInForce:
    """The trade-off; thresholds are the weighted means of those of the parts, which the verdict goes by."""
    total = sum(WEIGHTS[part.name] for part in parts) or 1.0
    return OperatingPointInForce(
        max_false_alarm=rate,
        threshold_llr=sum(WEIGHTS[part.name] * part.threshold for part in parts) / total,
        bona_fide_below_llr=sum(WEIGHTS[part.name] * part.below for part in parts) / total,
        prior=settings.prior,
        extrapolated=any(part.extrapolated for part in parts),
        denoised=settings.denoise,
    )
