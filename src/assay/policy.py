"""From scores to a verdict. Reads the card and the settings; touches no samples.

Two questions are asked of a file, and the accepted false-alarm rate is shared between them, so that it is the rate of
the *file*, however long it is:

1. Is all of it synthetic? The statistic is the mean llr of its windows. Its distribution over bona fide files was
  measured on files of a single window; the mean over a longer file varies less, so the promise holds for any length.
2. Does a part stand out? The statistic is the largest llr of a part above the median of parts, which removes what
  speaker and channel do to the whole file. Its p-value p for one independent stretch becomes 1 - (1 - p)^n for n
  stretches (Šidák, 1967), which is exact for independent stretches and cautious for dependent ones.

What falls between "flagged" and "bona fide" is inconclusive, and so is whatever lies outside what the model was
measured on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.audio.statistics import Statistics
from assay.evidence import ChannelView, findings, posterior
from assay.result import (
    Finding,
    NotAnalysed,
    OperatingPointInForce,
    Reason,
    Segment,
    Timeline,
    Verdict,
)
from assay.timeline import Floats, Span, suspicious_spans

if TYPE_CHECKING:
    from assay.audio.detector import AudioScores
    from assay.audio.quality import Quality
    from assay.models.card import DetectorCard, PictureCard, TailModel
    from assay.settings import Settings

MIN_SNR_DB = 3.0
MIN_BANDWIDTH_HZ = 2_500.0
MAX_CLIPPED = 0.05
RAREST = 1e-6  # smaller probabilities are extrapolated too far to be told
Z90 = 1.645
DECLARED = Reason(
    code="declared_synthetic",
    text="The score shows no sign of synthesis, but the file says that a generator made it; see the evidence.",
)
DENOISED = Reason(
    code="denoised",
    text="Noise was reduced before scoring; the error rates on the model's card were measured without that.",
)


@dataclass(frozen=True)
class Judgement:
    """Everything the policy has to say about one file; see `assay.result.ScanResult` for the meaning of each."""

    verdict: Verdict
    llr: float | None
    spoof_probability: float | None
    interval: tuple[float, float] | None
    segments: tuple[Segment, ...]
    timeline: tuple[Timeline, ...]
    findings: tuple[Finding, ...]
    reasons: tuple[Reason, ...]
    not_analysed: tuple[NotAnalysed, ...]
    operating_point: OperatingPointInForce | None


@dataclass(frozen=True)
class Parts:
    """Parts of one channel, among which spans are looked for.

    Attributes:
        llrs: Shape (n,); nan where not scored.
        start_s: Where the first one starts.
        earlier: Spans before that, of a stream of which only the end is kept.
    """

    llrs: Floats
    start_s: float = 0.0
    earlier: tuple[Span, ...] = ()


@dataclass(frozen=True)
class ChannelJudgement:
    """What one channel says.

    Attributes:
        verdict: Of this channel alone.
        llr: The evidence behind it; None if nothing was scored.
        sd: Standard deviation of `llr`.
        spans: Where it stands out from itself, if it is ``mixed``.
        reasons: At least one.
    """

    verdict: Verdict
    llr: float | None
    sd: float
    spans: tuple[Span, ...]
    reasons: tuple[Reason, ...]

    def interval(self, prior: float) -> tuple[float, float] | None:
        """90 % interval of the posterior."""
        if self.llr is None:
            return None
        return posterior(self.llr - Z90 * self.sd, prior), posterior(self.llr + Z90 * self.sd, prior)


@dataclass(frozen=True)
class _Part:
    """Answer to the second question: p-value for the whole recording, where, and the llr of the rest."""

    p: float
    spans: tuple[Span, ...]
    rest: float


def accepted_rate(card: DetectorCard | PictureCard, settings: Settings) -> float:
    """The false-alarm rate in force: given, or what the Bayes threshold of a given cost amounts to."""
    return rate_in_force(card.decision.file, settings)


def rate_in_force(tail: TailModel, settings: Settings) -> float:
    """The false-alarm rate given, or what the Bayes threshold of a given cost amounts to for one statistic."""
    if settings.false_alarm_cost is None:
        return settings.max_false_alarm
    # A sum of logarithms: the product of an extreme cost and an extreme prior would leave the range of floats.
    threshold = math.log(settings.false_alarm_cost) + math.log1p(-settings.prior) - math.log(settings.prior)
    return tail.p_value(threshold)


def among(p: float, count: int) -> float:
    """P(any of so many bona fide faces, independent of each other, reaches what one reaches with probability `p`)."""
    return -math.expm1(count * math.log1p(-min(p, 1 - 1e-12)))


def operating_point(card: DetectorCard, settings: Settings, *, share: float = 1.0) -> OperatingPointInForce:
    """Thresholds in force when a test may spend `share` of the accepted rate."""
    rate = accepted_rate(card, settings)
    return OperatingPointInForce(
        max_false_alarm=rate,
        threshold_llr=card.decision.file.threshold(rate * share),
        bona_fide_below_llr=card.decision.bona_fide_below_llr,
        prior=settings.prior,
        extrapolated=rate * share < card.decision.file.survival[-1],
        denoised=settings.denoise,
    )


def terms(
    card: DetectorCard, settings: Settings, duration_s: float, *, spend: float = 1.0
) -> tuple[OperatingPointInForce, float | None]:
    """At which thresholds a recording of this length is judged.

    Args:
        card: Of the model.
        settings: Accepted false-alarm rate or cost, and prior.
        duration_s: Of the recording.
        spend: Share of the accepted rate that may be spent, in (0, 1].

    Returns:
        Thresholds for the whole, and the rate accepted for parts; None for recordings too short to compare parts.
    """
    compared = duration_s >= card.decision.min_contrast_duration_s
    share = (0.5 if compared else 1.0) * spend  # half of the rate goes to each question
    point = operating_point(card, settings, share=share)
    return point, point.max_false_alarm * share if compared else None


def decide(scores: AudioScores, card: DetectorCard, settings: Settings, *, declared: bool = False) -> Judgement:
    """Judge one file.

    Args:
        scores: The evidence.
        card: Of the model that gave it.
        settings: Accepted false-alarm rate or cost, and prior.
        declared: Whether the file itself says that a generator made it. That moves no score; but a recording that says
            so is not called free of signs of synthesis.
    """
    several = len(scores.channels) > 1
    point, accepted_part = terms(card, settings, scores.duration_s, spend=1 / len(scores.channels))
    figures = [Statistics.of(channel) for channel in scores.channels]
    judged = [
        judge_channel(heard, Parts(channel.part_llrs), scores.duration_s, card, point, accepted_part)
        for heard, channel in zip(figures, scores.channels, strict=True)
    ]
    # A channel in which nobody speaks says nothing about the others; its gap is listed.
    spoken = [c for c, heard in zip(judged, figures, strict=True) if _is_scored(c, heard, card)]
    worst = max(spoken or judged, key=lambda c: (RANK[c.verdict], -math.inf if c.llr is None else c.llr))
    if declared and worst.verdict == "bona_fide":
        worst = replace(worst, verdict="inconclusive", reasons=(DECLARED,))
    views = [
        ChannelView(channel.part_llrs, scores.duration_s, card, settings.prior, index if several else None)
        for index, channel in enumerate(scores.channels)
    ]
    return Judgement(
        verdict=worst.verdict,
        llr=worst.llr,
        spoof_probability=None if worst.llr is None else posterior(worst.llr, settings.prior),
        interval=worst.interval(settings.prior),
        segments=tuple(s for c, view in zip(judged, views, strict=True) for s in view.segments(c.spans)),
        timeline=tuple(view.timeline() for view in views),
        findings=findings(scores),
        reasons=(*worst.reasons, *([DENOISED] if settings.denoise else [])),
        not_analysed=(
            *(NotAnalysed(code="decoder", text=note) for note in scores.notes),
            *(gap for view in views for gap in view.gaps()),
        ),
        operating_point=point,
    )


RANK: dict[Verdict, int] = {"bona_fide": 0, "inconclusive": 1, "mixed": 2, "spoof": 3}


def _is_scored(judged: ChannelJudgement, heard: Statistics, card: DetectorCard) -> bool:
    return judged.llr is not None and heard.speech_s >= card.min_speech_s


def judge_channel(
    heard: Statistics,
    parts: Parts,
    duration_s: float,
    card: DetectorCard,
    point: OperatingPointInForce,
    accepted_part: float | None,
) -> ChannelJudgement:
    """Answer both questions for one channel.

    Args:
        heard: Its figures.
        parts: Its parts.
        duration_s: Of the recording.
        card: Of the model.
        point: Thresholds; see `terms`.
        accepted_part: False-alarm rate of the second question; None for recordings too short for it.
    """
    fit = (heard.speech_s, heard.quality, duration_s, card.min_speech_s)
    if not heard.windows:
        return ChannelJudgement("inconclusive", None, 0.0, (), (no_speech(*fit),))
    llr = heard.mean_llr
    stretches = stretches_of(heard, card)
    sd = math.sqrt(card.calibration.deviation(llr) ** 2 + card.decision.codec_sd**2 + heard.variance / stretches)
    outside = outside_of(*fit)
    if outside:
        return ChannelJudgement("inconclusive", llr, sd, (), outside)
    part = _part(heard, parts, card, accepted_part)
    verdict, llr, reason = _verdict(llr, part, point, card.calibration.highest)
    return ChannelJudgement(verdict, llr, sd, part.spans if verdict == "mixed" else (), (reason,))


def stretches_of(heard: Statistics, card: DetectorCard) -> float:
    """How many independent stretches were scored, at least one."""
    return max(1.0, heard.windows * card.hop_samples / card.sample_rate_hz / card.decision.stretch_s)


def _part(heard: Statistics, parts: Parts, card: DetectorCard, accepted: float | None) -> _Part:
    """Does a part stand out from the rest, more than bona fide recordings of this length do?"""
    if accepted is None:
        return _Part(1.0, (), -math.inf)
    median, stretches = heard.median_part, stretches_of(heard, card)
    if heard.highest_part <= 0:
        return _Part(1.0, (), median)  # what stands out is still likelier bona fide than not
    one = card.decision.contrast.p_value(heard.highest_part - median)
    p = -math.expm1(stretches * math.log1p(-min(one, 1 - 1e-12)))
    if p > accepted:
        return _Part(p, (), median)
    accepted_one = -math.expm1(math.log1p(-accepted) / stretches)
    spans = suspicious_spans(
        parts.llrs,
        median=median,
        threshold=card.decision.contrast.threshold(accepted_one),
        hop_s=card.hop_samples / card.sample_rate_hz,
        part_s=card.part_samples / card.sample_rate_hz,
    )
    moved = ((start + parts.start_s, end + parts.start_s) for start, end in spans)
    return _Part(p, (*parts.earlier, *moved), median)


def _verdict(llr: float, part: _Part, point: OperatingPointInForce, highest: float) -> tuple[Verdict, float, Reason]:
    # Where the rest reaches the threshold, too, the part is only the clearest of a synthetic whole.
    if part.spans and min(llr, part.rest) < point.threshold_llr:
        many = f"{len(part.spans)} parts stand" if len(part.spans) > 1 else "One part stands"
        chance = f"{part.p:.1g}" if part.p >= RAREST else f"under {RAREST:g}"
        text = (
            f"{many} out from the rest; by chance a bona fide recording of this length has such a part"
            f" with probability {chance}."
        )
        # The file's evidence is then that of its suspicious part, as far as the calibration data can support it.
        return "mixed", max(llr, min(_evidence(part.p), highest)), Reason(code="part_stands_out", text=text)
    if llr >= point.threshold_llr:
        text = f"The score {llr:.2f} reaches the threshold {point.threshold_llr:.2f} for synthetic speech."
        return "spoof", llr, Reason(code="above_threshold", text=text)
    if llr <= point.bona_fide_below_llr:
        text = f"The score {llr:.2f} is at most {point.bona_fide_below_llr:.2f}, and no part stands out."
        return "bona_fide", llr, Reason(code="below_threshold", text=text)
    text = (
        f"The score {llr:.2f} lies between {point.bona_fide_below_llr:.2f} (no sign of synthesis) and"
        f" {point.threshold_llr:.2f} (synthetic), where the model errs too often."
    )
    return "inconclusive", llr, Reason(code="near_threshold", text=text)


def _evidence(p: float) -> float:
    """Largest llr that a p-value can stand for: -log(-e p ln p) (Sellke, Bayarri & Berger, 2001)."""
    if p >= 1 / math.e:
        return 0.0
    return -1 - math.log(p) - math.log(-math.log(p)) if p > 0 else math.inf


def no_speech(speech_s: float, quality: Quality, duration_s: float, least_s: float) -> Reason:
    """Why a recording in which hardly anybody speaks is not judged.

    Args:
        speech_s: Seconds of speech in what was scored.
        quality: Of the channel.
        duration_s: Length of the recording.
        least_s: Seconds of speech that are needed.
    """
    if quality.silent > 0.99:
        return Reason(code="silence", text="The recording is silent; give one in which somebody speaks.")
    text = (
        f"{speech_s:.1f} s of speech in {duration_s:.1f} s of sound; at least {least_s:g} s"
        " are needed. Music, noise and silence are not judged."
    )
    return Reason(code="no_speech" if speech_s == 0 else "too_little_speech", text=text)


def outside_of(speech_s: float, quality: Quality, duration_s: float, least_s: float) -> tuple[Reason, ...]:
    """Reasons why a recording lies outside what models of sound are measured on; arguments as of `no_speech`."""
    if speech_s < least_s:
        return (no_speech(speech_s, quality, duration_s, least_s),)  # the other figures are figures of speech
    noise = f"Speech stands only {quality.snr_db:.0f} dB above the noise; at least {MIN_SNR_DB:g} dB are needed."
    band = f"Nothing above {quality.bandwidth_hz:.0f} Hz; at least {MIN_BANDWIDTH_HZ:g} Hz are needed."
    drive = f"{quality.clipped:.0%} of the samples are at full scale; at most {MAX_CLIPPED:.0%} are accepted."
    checks = (
        (quality.snr_db < MIN_SNR_DB, Reason(code="noise", text=noise)),
        (quality.bandwidth_hz < MIN_BANDWIDTH_HZ, Reason(code="narrow_band", text=band)),
        (quality.clipped > MAX_CLIPPED, Reason(code="overdriven", text=drive)),
    )
    return tuple(reason for failed, reason in checks if failed)
