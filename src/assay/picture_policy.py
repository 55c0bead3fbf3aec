"""From the scores of a picture to a verdict. Reads the card and the settings; touches no pixels.

Two questions, and the accepted false-alarm rate is shared between them, so that it is the rate of the *picture*:

1. Is all of it synthetic? The statistic is the llr of the picture.
2. Is a face changed? The statistic is the largest llr of a face. Its p-value p for one face becomes 1 - (1 - p)^n for
   n faces (Šidák, 1967), so a group photo is not accused for its size.

What falls between "flagged" and "bona fide" is inconclusive, and so is whatever lies outside what the model was
measured on: hardly any detail, drawings and screenshots, heavy compression.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.evidence import posterior
from assay.policy import DECLARED, RAREST, Z90, accepted_rate, among
from assay.result import Finding, OperatingPointInForce, Reason, Verdict

if TYPE_CHECKING:
    from assay.image.detector import LookScore, PictureScores
    from assay.models.card import PictureCard
    from assay.settings import Settings

MIN_QUALITY = 30
MAX_FLAT = 0.6
TOO_SMALL = Reason(
    code="too_small", text="The picture is too small to be looked at; a side of 96 pixels is the least, better 500."
)


@dataclass(frozen=True)
class PictureJudgement:
    """What the policy has to say about a picture; see `assay.result.ScanResult` for the meaning of each."""

    verdict: Verdict
    llr: float | None
    spoof_probability: float | None
    interval: tuple[float, float] | None
    reasons: tuple[Reason, ...]
    findings: tuple[Finding, ...]
    operating_point: OperatingPointInForce


def decide_picture(
    scores: PictureScores,
    card: PictureCard,
    settings: Settings,
    *,
    quality: int | None,
    declared: bool = False,
) -> PictureJudgement:
    """Judge one picture.

    Args:
        scores: The evidence.
        card: Of the model that gave it.
        settings: Accepted false-alarm rate or cost, and prior.
        quality: Of the JPEG file, on IJG's scale; None if it is none or not told.
        declared: Whether the file itself says that a generator made it. That moves no score; but a picture that says
            so is not called free of signs of synthesis.
    """
    faces = scores.of("face")
    rate = accepted_rate(card, settings)
    share = 0.5 if faces else 1.0
    point = OperatingPointInForce(
        max_false_alarm=rate,
        threshold_llr=card.decision.file.threshold(rate * share),
        bona_fide_below_llr=card.decision.bona_fide_below_llr,
        prior=settings.prior,
        extrapolated=rate * share < card.decision.file.survival[-1],
    )
    outside = _outside(scores, card, quality)
    found = findings_of(scores.detail, scores.flat, quality)
    if scores.llr is None:
        return PictureJudgement(
            "inconclusive", None, None, None, outside, findings_of(scores.detail, scores.flat, quality), point
        )
    if declared and not outside and scores.llr <= point.bona_fide_below_llr:
        outside = (DECLARED,)
    told: tuple[Verdict, float, tuple[Reason, ...]] = ("inconclusive", scores.llr, outside)
    verdict, llr, reasons = told if outside else _verdict(scores, card, point, rate)
    sd = math.hypot(card.calibration.deviation(llr), card.decision.condition_sd)
    return PictureJudgement(
        verdict=verdict,
        llr=llr,
        spoof_probability=posterior(llr, settings.prior),
        interval=(posterior(llr - Z90 * sd, settings.prior), posterior(llr + Z90 * sd, settings.prior)),
        reasons=reasons,
        findings=found,
        operating_point=point,
    )


def _verdict(
    scores: PictureScores, card: PictureCard, point: OperatingPointInForce, rate: float
) -> tuple[Verdict, float, tuple[Reason, ...]]:
    assert scores.llr is not None
    llr = scores.llr
    if llr >= point.threshold_llr:
        text = f"The score {llr:.2f} reaches the threshold {point.threshold_llr:.2f} for synthetic pictures."
        return "spoof", llr, (Reason(code="above_threshold", text=text),)
    faces = scores.of("face")
    if faces and card.decision.face:
        worst = max(faces, key=lambda face: face.llr)
        p = among(card.decision.face.p_value(worst.llr), len(faces))
        if p <= rate / 2 and worst.llr > 0:
            return "mixed", max(llr, worst.llr), (_face_reason(worst, p, len(faces)),)
    if llr <= point.bona_fide_below_llr:
        text = f"The score {llr:.2f} is at most {point.bona_fide_below_llr:.2f}, and no face stands out."
        return "bona_fide", llr, (Reason(code="below_threshold", text=text),)
    text = (
        f"The score {llr:.2f} lies between {point.bona_fide_below_llr:.2f} (no sign of synthesis) and"
        f" {point.threshold_llr:.2f} (synthetic), where the model errs too often."
    )
    return "inconclusive", llr, (Reason(code="near_threshold", text=text),)


def _face_reason(worst: LookScore, p: float, faces: int) -> Reason:
    chance = f"{p:.1g}" if p >= RAREST else f"under {RAREST:g}"
    whose = "The face" if faces == 1 else f"One of {faces} faces"
    text = (
        f"{whose} looks synthetic or changed (score {worst.llr:.2f}); by chance a bona fide picture with as many faces"
        f" has such a face with probability {chance}."
    )
    return Reason(code="face_stands_out", text=text)


def _outside(scores: PictureScores, card: PictureCard, quality: int | None) -> tuple[Reason, ...]:
    """Reasons why the picture lies outside what the model was measured on."""
    if scores.llr is None:
        return (TOO_SMALL,)
    return outside_of(scores.detail, scores.flat, quality, card.decision.least_detail)


def outside_of(detail: float, flat: float, quality: int | None, least_detail: float) -> tuple[Reason, ...]:
    """Reasons why a picture lies outside what models of pictures are measured on.

    Args:
        detail: Mean difference between neighbours where there is most of it, in levels.
        flat: Share of pixels that equal their neighbours.
        quality: Of the JPEG file, on IJG's scale; None if it is none or not told.
        least_detail: Below it nothing is judged, in levels.
    """
    plain = f"There is hardly any detail in the picture ({detail:.1f} levels between neighbours)."
    drawn = (
        f"{flat:.0%} of the pixels equal their neighbours: a drawing, a screenshot or a graphic, which the model"
        " does not judge."
    )
    saved = f"The file was saved at JPEG quality {quality}; below {MIN_QUALITY} too little is left to judge."
    checks = (
        (detail < least_detail, Reason(code="no_detail", text=plain)),
        (flat > MAX_FLAT, Reason(code="graphic", text=drawn)),
        (quality is not None and quality < MIN_QUALITY, Reason(code="heavy_compression", text=saved)),
    )
    return tuple(reason for failed, reason in checks if failed)


def findings_of(detail: float, flat: float, quality: int | None) -> tuple[Finding, ...]:
    """What kind of picture it is; arguments as of `outside_of`."""
    found = [
        Finding(
            name="detail",
            value=round(detail, 2),
            unit="levels",
            text="Mean difference between neighbouring pixels where the picture is most detailed.",
        ),
        Finding(
            name="flat_share",
            value=round(flat, 4),
            unit="",
            text="Share of pixels that equal their neighbours; high in drawings and screenshots.",
        ),
    ]
    if quality is not None:
        text = "JPEG quality on IJG's scale; traces of synthesis fade as it falls."
        found.append(Finding(name="jpeg_quality", value=float(quality), unit="", text=text))
    return tuple(found)
