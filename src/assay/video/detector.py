"""The detector of synthetic and changed videos: from what was watched to llrs. It decides nothing.

A person is judged by two parts: the picture detector's mean over the frames, and a recurrent model over windows of the
features behind it, which sees how a face goes on from frame to frame. Whole frames are judged by the picture detector
alone; they are all there is where nobody is seen. Nothing is drawn at random: same video, same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.models.providers import provider_of
from assay.models.registry import video_card
from assay.models.weights import load_session
from assay.video.track import LONGEST_STEP

if TYPE_CHECKING:
    from assay.models.card import VideoCard
    from assay.video.watch import FaceSeries, Watched

LEAST_FRAMES = 4  # with a face large enough; fewer say little about a person

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """A window of one person.

    Attributes:
        start_s, end_s: When.
        llr: Of the temporal model alone, calibrated.
    """

    start_s: float
    end_s: float
    llr: float


@dataclass(frozen=True, eq=False)
class PersonScores:
    """Evidence from one person's face.

    Attributes:
        series: The face over time.
        llr: Of the person; None where the face is large enough in fewer than `LEAST_FRAMES` frames.
        frame_llr: What single frames say; None likewise.
        temporal_llr: What the course of time says; None also where no stretch is as long as a window.
        stretches: The windows behind it.
    """

    series: FaceSeries
    llr: float | None
    frame_llr: float | None
    temporal_llr: float | None
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, eq=False)
class VideoScores:
    """Evidence from one video.

    Attributes:
        persons: In order of first appearance.
        whole_llr: Of whole frames; None where none was large enough.
        frames: How many frames were looked at.
        last_s: When the last of them is shown.
    """

    persons: tuple[PersonScores, ...]
    whole_llr: float | None
    frames: int
    last_s: float


class VideoDetector:
    """A temporal network with its card.

    Args:
        name: Model name.
        threads: Threads of the network.
        device: Where the network is computed; see `assay.models.providers`.
        session: Anything with ONNX Runtime's ``run``; None loads the packaged weight, checked.
        card: Its card; None loads the one of that name.
    """

    def __init__(
        self, name: str, *, threads: int = 1, session: Any = None, device: str = "cpu", card: VideoCard | None = None
    ) -> None:
        self.card = card or video_card(name)
        self._session = session if session is not None else load_session(name, threads=threads, device=device)

    @property
    def provider(self) -> str:
        """ONNX Runtime's execution provider that answers; empty for a session that does not say."""
        return provider_of(self._session)

    @property
    def features(self) -> int:
        """How many features of a face it takes."""
        return int(self._session.get_inputs()[0].shape[2])

    def score(self, watched: Watched) -> VideoScores:
        """Score a video that was watched `card.fps` times a second."""
        whole = watched.whole[~np.isnan(watched.whole)]
        return VideoScores(
            persons=tuple(self._person(series) for series in watched.faces),
            whole_llr=self.card.whole.of(float(whole.mean())) if whole.size else None,
            frames=watched.frames,
            last_s=watched.last_s,
        )

    def _person(self, series: FaceSeries) -> PersonScores:
        kept = series.scored
        if np.count_nonzero(kept) < LEAST_FRAMES:
            return PersonScores(series, None, None, None, ())
        card = self.card
        frame = card.frame.of(float(series.logits[kept].mean()))
        starts, logits = self.windows(series.track.times_s[kept], series.features[kept])
        times = series.track.times_s[kept]
        stretches = tuple(
            Stretch(float(times[s]), float(times[s + card.window_frames - 1]), card.temporal.of(float(logit)))
            for s, logit in zip(starts, logits, strict=True)
        )
        temporal = card.temporal.of(float(logits.mean())) if starts else None
        total = card.weights["frame"] * frame + (card.weights["temporal"] * temporal if temporal is not None else 0.0)
        return PersonScores(series, card.calibration.of(total), frame, temporal, stretches)

    def windows(self, times_s: Floats, features: NDArray[np.float16]) -> tuple[list[int], Floats]:
        """First observations of all windows, and their logits.

        Args:
            times_s: Of the observations, shape (n,).
            features: Shape (n, f).
        """
        starts = window_starts(times_s, self.card.window_frames, self.card.hop_frames, LONGEST_STEP / self.card.fps)
        frames = self.card.window_frames
        logits = [self.logits(features[None, start : start + frames].astype(np.float32)) for start in starts]
        return starts, np.concatenate(logits) if logits else np.zeros(0)

    def logits(self, features: NDArray[np.float32]) -> Floats:
        """Of windows, shape (n, frames, f); shape (n,), positive for spoof."""
        return logits_of(self._session, features)


def window_starts(times_s: Floats, frames: int, hop: int, longest_step_s: float) -> list[int]:
    """First observations of the windows of so many frames that have no hole longer than a step."""
    holes = np.concatenate([[0], np.cumsum(np.diff(times_s) > longest_step_s)])
    starts = range(0, len(times_s) - frames + 1, hop)
    return [start for start in starts if holes[start] == holes[start + frames - 1]]


def logits_of(session: Any, features: NDArray[np.float32]) -> Floats:
    """Of windows, shape (n, frames, f), one after the other; shape (n,)."""
    found: Floats = np.concatenate(
        [session.run(["logit"], {"features": window[None]})[0] for window in features]
    ).astype(np.float64)
    return found


def known_features(count: int, frames: int) -> NDArray[np.float32]:
    """Six windows for self-tests, shape (6, frames, count): waves that grow from frame to frame.

    They need no picture detector, so that a fault here is one of this network.
    """
    waves = 0.3 * np.sin(np.outer(np.arange(1, 7), np.arange(count))) ** 2
    return (waves[:, None] * np.linspace(0.9, 1.1, frames)[:, None]).astype(np.float32)
