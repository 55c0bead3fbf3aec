"""Does the verdict on a picture hold when it is delivered in another way?

Each of `assay.image.deliveries.DELIVERIES` makes a file of the picture, in which faces are looked for anew; the same
detector scores it and the same policy judges it. What the picture went through before, a heavy compression or a
generator that it names, stays true of it and is judged along.

Where fewer faces can be scored than in the picture as it came, since they have become too small or lie at the edge,
the delivery clears nothing: a face that cannot be looked at any more is no evidence that it is bona fide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from assay.errors import AssayError
from assay.image.deliveries import DELIVERIES
from assay.media.pictures import open_picture
from assay.result import NotAnalysed, Stability
from assay.stability import compared, turn

if TYPE_CHECKING:
    from assay.image.deliveries import Pixels
    from assay.image.detector import PictureScores
    from assay.picture_policy import PictureJudgement
    from assay.policy import Judgement
    from assay.settings import Settings


Told = TypeVar("Told", "PictureJudgement", "Judgement")


@dataclass(frozen=True)
class Held(Generic[Told]):
    """What came of the check.

    Attributes:
        judgement: Taken back if the verdict turns round.
        stability: None where nothing was checked.
        gaps: Deliveries that could not be made, and why.
    """

    judgement: Told
    stability: Stability | None = None
    gaps: tuple[NotAnalysed, ...] = ()


@dataclass(frozen=True)
class Rescoring:
    """Scores and judges pictures again.

    Attributes:
        score: Faces and detector, as for the picture as it came.
        judge: `assay.picture_policy.decide_picture` with all that no delivery changes.
        settings: Limits on what is opened.
    """

    score: Callable[[Pixels], PictureScores]
    judge: Callable[[PictureScores], PictureJudgement]
    settings: Settings

    def check(self, pixels: Pixels, scores: PictureScores, judgement: PictureJudgement) -> Held[PictureJudgement]:
        """Judge a picture again in every delivery.

        Args:
            pixels: As it came: uint8 RGB, shape (height, width, 3), upright.
            scores: Of the picture as it came.
            judgement: Likewise.
        """
        faces = len(scores.of("face"))
        return check_deliveries(pixels, judgement, lambda arrived: self._judged(arrived, faces), self.settings)

    def _judged(self, pixels: Pixels, faces: int) -> PictureJudgement:
        scores = self.score(pixels)
        judgement = self.judge(scores)
        if judgement.verdict == "bona_fide" and len(scores.of("face")) < faces:
            return replace(judgement, verdict="inconclusive")
        return judgement


def check_deliveries(
    pixels: Pixels, judgement: Told, judge: Callable[[Pixels], Told], settings: Settings
) -> Held[Told]:
    """Judge a picture again in every delivery.

    Args:
        pixels: As it came: uint8 RGB, shape (height, width, 3), upright.
        judgement: Of the picture as it came.
        judge: Judges what arrives.
        settings: Limits on what is opened.
    """
    again: dict[str, Told] = {}
    gaps = []
    for name, deliver in DELIVERIES.items():
        try:
            arrived = open_picture(deliver(pixels), settings=settings).pixels
        except AssayError as error:  # too large for WebP, or no such encoder here
            gaps.append(_gap(name, error.message))
            continue
        again[name] = judge(arrived)
    if not again:
        return Held(judgement, gaps=tuple(gaps))
    stability = compared(judgement, again)
    reason = turn(stability, "picture")
    if reason is not None:
        judgement = replace(judgement, verdict="inconclusive", reasons=(reason, *judgement.reasons))
    return Held(judgement, stability, tuple(gaps))


def _gap(name: str, why: str) -> NotAnalysed:
    return NotAnalysed(code="no_stability", text=f"whether the verdict holds in the delivery {name}: {why}")
