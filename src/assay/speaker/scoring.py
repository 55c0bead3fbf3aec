"""From two embeddings to a score, a calibrated llr and a decision; every number comes from the encoder's card.

Higher means the same speaker. A threshold is chosen by how often another person's voice may be taken for an enrolled
one; among N profiles each comparison may do so less often, so that the rate is that of the probe (Šidák, 1967).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from assay.models.card import SpeakerCard
from assay.speaker.answers import MatchPointInForce
from assay.speaker.encoder import Float32, unit


def cosine(one: NDArray[np.floating], other: NDArray[np.floating], centre: NDArray[np.floating] | None = None) -> float:
    """Cosine of the angle between two embeddings (256,), in [-1, 1], seen from `centre`; 0 if one lies there."""
    if centre is not None:
        one, other = one - centre, other - centre
    return float(np.clip(unit(one).astype(np.float64) @ unit(other).astype(np.float64), -1, 1))


class Scorer:
    """Compares voices as the card says.

    Args:
        card: Of the encoder.
    """

    def __init__(self, card: SpeakerCard) -> None:
        self.card = card
        self._centre = np.asarray(card.centre, np.float32) if card.centre else None

    def score(self, enrolled: Float32, probe: Float32) -> float:
        """Cosine of two embeddings, in [-1, 1]."""
        return cosine(enrolled, probe, self._centre)

    def llr(self, score: float) -> float:
        """The evidence of a score, positive for the same speaker."""
        return self.card.calibration.of(score)

    def chance(self, llr: float) -> float:
        """Share of other people's voices in the development data that reach an llr; no less than could be measured."""
        return max(self.card.impostor.p_value(llr), self.card.impostor.survival[-1])

    def point(self, max_false_match: float, comparisons: int = 1) -> MatchPointInForce:
        """The threshold that keeps a promise.

        Args:
            max_false_match: Accepted rate per probe, in (0, 1).
            comparisons: Profiles it is compared with, >= 1.
        """
        # 1 - (1 - rate)^(1/n), without losing the small ones to rounding.
        each = -math.expm1(math.log1p(-max_false_match) / comparisons)
        return MatchPointInForce(
            max_false_match=max_false_match,
            comparisons=comparisons,
            per_comparison=each,
            threshold_llr=self.card.impostor.threshold(each),
            extrapolated=each < self.card.impostor.survival[-1],
        )
