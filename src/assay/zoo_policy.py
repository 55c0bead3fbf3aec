"""From the score of a network that was trained here to a verdict. Reads its card and the settings.

One question is asked: is the file synthetic? Its llr is held against the distribution over bona fide validation files
on the card. Such a card promises rates only where it could measure them (`ZooDecision`); where it promises none, or not
the one that is accepted, there is no verdict but ``inconclusive``: a threshold without a promise would be a guess.
No part of a file is scored by itself, so nothing is ever ``mixed``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.evidence import findings, posterior
from assay.models.runs import WHAT
from assay.policy import DECLARED, DENOISED, RANK, Z90, Judgement, outside_of, rate_in_force
from assay.result import Finding, NotAnalysed, OperatingPointInForce, Reason, Verdict

if TYPE_CHECKING:
    from assay.models.card import ZooCard
    from assay.settings import Settings
    from assay.views.sound import HeardChannel, HeardScores

MIN_SPEECH_S = 1.0  # as on the card of the shipped detector
NO_FACE = Reason(code="no_face", text="No face is large enough to be looked at; the model judges persons.")


@dataclass(frozen=True)
class _Held:
    """A score held against the thresholds."""

    verdict: Verdict
    llr: float | None
    reasons: tuple[Reason, ...]


def decide_sound(scores: HeardScores, card: ZooCard, settings: Settings, *, declared: bool = False) -> Judgement:
    """Judge one recording.

    Args:
        scores: The evidence.
        card: Of the network that gave it.
        settings: Accepted false-alarm rate or cost, and prior.
        declared: Whether the file itself says that a generator made it; see `assay.policy.decide`.
    """
    # The accepted rate is that of the file, shared evenly among channels that are scored apart.
    share = 1.0 / len(scores.channels)
    held = [_channel(channel, scores, card, settings, share) for channel in scores.channels]
    # A channel in which nobody speaks says nothing about the others.
    spoken = [one for one, channel in zip(held, scores.channels, strict=True) if channel.spoken_s >= MIN_SPEECH_S]
    worst = max(spoken or held, key=lambda one: (RANK[one.verdict], -math.inf if one.llr is None else one.llr))
    return _judgement(
        worst,
        card,
        settings,
        share=share,
        declared=declared,
        findings=findings(scores),
        not_analysed=(
            *(NotAnalysed(code="decoder", text=note) for note in scores.notes),
            *rest_of(card, scores.duration_s),
        ),
    )


def decide_file(
    logit: float | None,
    card: ZooCard,
    settings: Settings,
    *,
    outside: Sequence[Reason] = (),
    findings: Sequence[Finding] = (),
    not_analysed: Sequence[NotAnalysed] = (),
    declared: bool = False,
) -> Judgement:
    """Judge one picture or video.

    Args:
        logit: Mean over its views; None if nothing could be scored, which `outside` then explains.
        card: Of the network that gave it.
        settings: Accepted false-alarm rate or cost, and prior.
        outside: Reasons why the file lies outside what models are measured on.
        findings: What kind of file it is.
        not_analysed: What was left out of it.
        declared: Whether the file itself says that a generator made it; see `assay.policy.decide`.
    """
    llr = None if logit is None else card.calibration.of(logit)
    held = _held(llr, tuple(outside), card, settings, 1.0)
    return _judgement(held, card, settings, declared=declared, findings=findings, not_analysed=not_analysed)


def rest_of(card: ZooCard, duration_s: float) -> tuple[NotAnalysed, ...]:
    """What of a recording or video the network does not look at."""
    if duration_s <= card.longest_s:
        return ()
    text = f"'{card.name}' looks at the first {card.longest_s:g} s"
    return (NotAnalysed(code="rest", text=text, start_s=card.longest_s, end_s=round(duration_s, 3)),)


def _channel(channel: HeardChannel, scores: HeardScores, card: ZooCard, settings: Settings, share: float) -> _Held:
    llr = None if channel.logit is None else card.calibration.of(channel.logit)
    outside = outside_of(channel.spoken_s, channel.quality, scores.duration_s, MIN_SPEECH_S)
    return _held(llr, outside, card, settings, share)


def _held(llr: float | None, outside: tuple[Reason, ...], card: ZooCard, settings: Settings, share: float) -> _Held:
    if outside or llr is None:
        return _Held("inconclusive", llr, outside)
    lacking = _not_promised(llr, card, settings, share)
    if lacking is not None:
        return _Held("inconclusive", llr, (lacking,))
    point = _point(card, settings, share)
    assert point is not None
    threshold, below = point.threshold_llr, point.bona_fide_below_llr
    if llr >= threshold:
        text = f"The score {llr:.2f} reaches the threshold {threshold:.2f} for synthetic {WHAT[card.media]}."
        return _Held("spoof", llr, (Reason(code="above_threshold", text=text),))
    if llr <= below:
        text = f"The score {llr:.2f} is at most {below:.2f}."
        return _Held("bona_fide", llr, (Reason(code="below_threshold", text=text),))
    text = (
        f"The score {llr:.2f} lies between {below:.2f} (no sign of synthesis) and {threshold:.2f} (synthetic), where"
        " the model errs too often."
    )
    return _Held("inconclusive", llr, (Reason(code="near_threshold", text=text),))


def promises(card: ZooCard, rate: float) -> bool:
    """Whether a card promises a false-alarm rate: it was measured, and lies within what was."""
    rates = [point.max_false_alarm for point in card.decision.operating_points]
    if card.decision.file is None or not rates:
        return False
    # A rate may be a quotient, which is no exact number.
    return min(rates) * (1 - 1e-9) <= rate <= max(rates) * (1 + 1e-9)


def _not_promised(llr: float, card: ZooCard, settings: Settings, share: float) -> Reason | None:
    """Why the accepted rate cannot be kept; None if it can."""
    decision = card.decision
    if decision.file is None or not decision.operating_points:
        text = (
            f"'{card.name}' promises no false-alarm rate: too few validation files or sources tell one. Its score is"
            f" {llr:.2f}; on those files both error rates were equal at {decision.eer_llr:.2f}."
        )
        return Reason(code="no_promise", text=text)
    wanted = rate_in_force(decision.file, settings) * share
    if promises(card, wanted):
        return None
    rates = [point.max_false_alarm for point in decision.operating_points]
    text = (
        f"'{card.name}' promises false-alarm rates from {min(rates):g} to {max(rates):g}; accepted is {wanted:.3g}."
        f" Its score is {llr:.2f}."
    )
    return Reason(code="rate_not_promised", text=text)


def _point(card: ZooCard, settings: Settings, share: float) -> OperatingPointInForce | None:
    """The trade-off in force; None where the card promises no rate."""
    tail = card.decision.file
    if tail is None or not card.decision.operating_points:
        return None
    rate = rate_in_force(tail, settings)
    return OperatingPointInForce(
        max_false_alarm=rate,
        threshold_llr=tail.threshold(rate * share),
        bona_fide_below_llr=card.decision.bona_fide_below_llr,
        prior=settings.prior,
        extrapolated=rate * share < tail.survival[-1],
        denoised=settings.denoise and card.media == "audio",
    )


def _judgement(
    held: _Held,
    card: ZooCard,
    settings: Settings,
    *,
    share: float = 1.0,
    declared: bool,
    findings: Sequence[Finding],
    not_analysed: Sequence[NotAnalysed],
) -> Judgement:
    verdict, llr, reasons = held.verdict, held.llr, held.reasons
    if declared and verdict == "bona_fide":
        verdict, reasons = "inconclusive", (DECLARED,)
    sd = 0.0 if llr is None else card.calibration.deviation(llr)
    whole = NotAnalysed(code="parts", text=f"'{card.name}' judges a file as a whole; no part of it is scored by itself")
    return Judgement(
        verdict=verdict,
        llr=llr,
        spoof_probability=None if llr is None else posterior(llr, settings.prior),
        interval=None
        if llr is None
        else (posterior(llr - Z90 * sd, settings.prior), posterior(llr + Z90 * sd, settings.prior)),
        segments=(),
        timeline=(),
        findings=tuple(findings),
        reasons=(*reasons, *([DENOISED] if settings.denoise and card.media == "audio" else [])),
        not_analysed=(*not_analysed, whole),
        operating_point=_point(card, settings, share),
    )
