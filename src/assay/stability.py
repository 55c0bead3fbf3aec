"""Does a verdict hold when the same recording is delivered in another way?

The recording is scored again after each of `assay.audio.deliveries.DELIVERIES`, by the same detector and the same
policy. A verdict turns round when one of the two is flagged (``spoof`` or ``mixed``) and the other is ``bona_fide``;
then the answer is ``inconclusive``. A move to or from ``inconclusive`` is no turn: evidence that a codec weakens is
no evidence for the opposite. The check only takes verdicts back, so it flags no recording that was not flagged before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from assay.audio.deliveries import DELIVERIES, Through
from assay.result import PLAIN_VERDICTS, Delivery, Reason, Stability, Verdict

if TYPE_CHECKING:
    from assay.audio.deliveries import Recording
    from assay.policy import Judgement

_SIDE: dict[Verdict, int] = {"spoof": 1, "mixed": 1, "bona_fide": -1, "inconclusive": 0}


def require_deliveries() -> None:
    """Build every delivery once.

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
    again = {name: judge(Through(recording, make)) for name, make in DELIVERIES.items()}
    deliveries = tuple(
        Delivery(delivery=name, verdict=one.verdict, llr=one.llr, spoof_probability=one.spoof_probability)
        for name, one in again.items()
    )
    llrs = [llr for llr in (judgement.llr, *(one.llr for one in deliveries)) if llr is not None]
    stability = Stability(
        verdict=judgement.verdict, deliveries=deliveries, llr_spread=max(llrs) - min(llrs) if llrs else None
    )
    turned = [d for d in deliveries if _SIDE[d.verdict] * _SIDE[judgement.verdict] < 0]
    return (_taken_back(judgement, turned) if turned else judgement), stability


def _taken_back(judgement: Judgement, turned: list[Delivery]) -> Judgement:
    others = "; ".join(f"{d.delivery}: “{PLAIN_VERDICTS[d.verdict]}”" for d in turned)
    text = f"The verdict does not hold: “{PLAIN_VERDICTS[judgement.verdict]}” as the recording came, but {others}."
    return replace(
        judgement,
        verdict="inconclusive",
        segments=tuple(segment.model_copy(update={"suspicious": False}) for segment in judgement.segments),
        reasons=(Reason(code="unstable", text=text), *judgement.reasons),
    )
