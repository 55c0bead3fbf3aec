"""What the policy asks about one channel: a handful of figures, whether they come from a file or from a stream."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.audio.quality import Quality

if TYPE_CHECKING:
    from assay.audio.detector import ChannelScores


@dataclass(frozen=True)
class Statistics:
    """Figures of one channel.

    Attributes:
        windows: How many were scored.
        mean_llr: Of their llrs; nan without any, like the next.
        variance: Of their llrs.
        highest_part: Largest llr of a part; -inf without any.
        median_part: Median llr of parts; nan without any.
        speech_s: Seconds of speech.
        quality: Of the recording.
    """

    windows: int
    mean_llr: float
    variance: float
    highest_part: float
    median_part: float
    speech_s: float
    quality: Quality

    @classmethod
    def of(cls, channel: ChannelScores) -> Statistics:
        """Figures of a channel that was heard to its end."""
        windows = channel.llrs[~np.isnan(channel.llrs)]
        parts = channel.part_llrs[~np.isnan(channel.part_llrs)]
        return cls(
            windows=windows.size,
            mean_llr=float(windows.mean()) if windows.size else math.nan,
            variance=float(windows.var()) if windows.size else math.nan,
            highest_part=float(parts.max()) if parts.size else -math.inf,
            median_part=float(np.median(parts)) if parts.size else math.nan,
            speech_s=channel.speech_s,
            quality=channel.quality,
        )
