"""Does a verdict hold when the same recording, picture or video is delivered in another way?

A recording is scored again after each of `assay.audio.deliveries.DELIVERIES`, by the same detector and the same policy;
of pictures see `assay.picture_stability`, of videos `assay.video_stability`. A verdict turns round when one of the two
is flagged (``spoof`` or ``mixed``) and the other is ``bona_fide``; then the answer is ``inconclusive``. A move to or
from ``inconclusive`` is no turn: evidence that a codec weakens is no evidence for the opposite. The check only takes
verdicts back, so it flags nothing that was not flagged before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from assay.audio.deliveries import DELIVERIES, Through
from assay.result import PLAIN_VERDICTS, Delivery, Reason, Segment, Stability, Verdict

if TYPE_CHECKING:
    from assay.audio.deliveries import Recording
    from assay.policy import Judgement

_SIDE: dict[Verdict, int] = {"spoof": 1, "mixed": 1, "bona_fide": -1, "inconclusive": 0}


class Judged(Protocol):
    """What is compared of a judgement."""

    @property
    def verdict(self) -> Verdict:
        """As of a result."""

    @property
    def llr(self) -> float | None:
        """As of a result."""

    @property
    def spoof_probability(self) -> float | None:
        """As of a result."""


def require_deliveries() -> None:
    """Build every delivery of sound once.

    Raises:
        MissingExtra: If this FFmpeg lacks a codec.
    """
    for make in DELIVERIES.values():
        make()


def check_stability(
    recording: Recording, judgement: Judgement, judge: Callable[[Recording], Judgement]
) -> tuple[Judgement, Stability]:
    """Judge a recording again in every delivery.

    Args:
        recording: As it is.
        judgement: Of the recording as it is.
        judge: Scores and decides.

    Returns:
        The judgement, taken back if the verdict turns round, and what came out.
    """
    stability = compared(judgement, {name: judge(Through(recording, make)) for name, make in DELIVERIES.items()})
    reason = turn(stability, "recording")
    if reason is None:
        return judgement, stability
    return (
        replace(
            judgement,
            verdict="inconclusive",
            segments=unmarked(judgement.segments),
            reasons=(reason, *judgement.reasons),
        ),
        stability,
    )


def compared(judgement: Judged, again: Mapping[str, Judged]) -> Stability:
    """What came out.

    Args:
        judgement: As it came.
        again: By delivery.
    """
    deliveries = tuple(
        Delivery(delivery=name, verdict=one.verdict, llr=one.llr, spoof_probability=one.spoof_probability)
        for name, one in again.items()
    )
    llrs = [llr for llr in (judgement.llr, *(one.llr for one in deliveries)) if llr is not None]
    return Stability(
        verdict=judgement.verdict, deliveries=deliveries, llr_spread=max(llrs) - min(llrs) if llrs else None
    )


def same_side(one: Verdict, other: Verdict) -> bool:
    """Whether both are flagged, both are not, or both cannot tell."""
    return _SIDE[one] == _SIDE[other]


def turn(stability: Stability, what: str) -> Reason | None:
    """Why a verdict is taken back; None if it is not.

    Args:
        stability: What came out.
        what: ``"recording"``, ``"picture"`` or ``"video"``.
    """
    first = stability.verdict
    turned = [one for one in stability.deliveries if _SIDE[one.verdict] * _SIDE[first] < 0]
    if not turned:
        return None
    others = "; ".join(f"{one.delivery}: “{PLAIN_VERDICTS[one.verdict]}”" for one in turned)
    text = f"The verdict does not hold: “{PLAIN_VERDICTS[first]}” as the {what} came, but {others}."
    return Reason(code="unstable", text=text)


def unmarked(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """None of them suspicious: what is taken back accuses nobody."""
    return tuple(segment.model_copy(update={"suspicious": False}) for segment in segments)
