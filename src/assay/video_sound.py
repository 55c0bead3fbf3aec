"""The sound track of a video on the line of recordings, and what a result shows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from assay.errors import DecodeError, EmptyMedia, UnsupportedMedia
from assay.media.blocks import SAMPLE_RATE_HZ
from assay.result import NotAnalysed, Segment, Timeline
from assay.video.hearing import LevelMeter, Overheard

if TYPE_CHECKING:
    from assay.audio.deliveries import Recording
    from assay.audio.detector import AudioScores
    from assay.media import AudioMedia
    from assay.media.videos import Video
    from assay.models.card import DetectorCard
    from assay.policy import Judgement
    from assay.video.lips import Level

Stretch = TypeVar("Stretch", Segment, NotAnalysed)


@dataclass(frozen=True)
class Ear:
    """What scores the sound track.

    Attributes:
        score: The line of recordings, as it is set.
        card: Of its model.
    """

    score: Callable[[Recording], AudioScores]
    card: DetectorCard


@dataclass(frozen=True)
class Heard:
    """What came of the sound track.

    Attributes:
        media: Opened; None where there is none to analyse.
        scores: None likewise.
        level: None also where nobody asked for it.
        gaps: Why it is not analysed.
    """

    media: AudioMedia | None = None
    scores: AudioScores | None = None
    level: Level | None = None
    gaps: tuple[NotAnalysed, ...] = ()


def hear(video: Video, ear: Ear, *, measured: bool) -> Heard:
    """Score the sound track, if there is one.

    Args:
        video: Whose sound it is.
        ear: Scores it.
        measured: Whether to tell the level over time.

    Raises:
        MediaUnreadable: If the file is not any more what it was.
        LimitExceeded: If the sound is over a limit.
    """
    noted = len(video.notes)
    media = video.audio()
    if media is None:
        text = " ".join(video.notes[noted:]) or "there is no sound track"
        return Heard(gaps=(NotAnalysed(code="no_sound", text=text),))
    meter = LevelMeter(SAMPLE_RATE_HZ, start_s=video.info.sound_starts_s or 0.0)
    try:
        scores = ear.score(Overheard(media, meter) if measured else media)
    except (UnsupportedMedia, DecodeError, EmptyMedia) as error:  # the pictures can be judged all the same
        return Heard(gaps=(NotAnalysed(code="no_sound", text=f"the sound track is not analysed: {error.message}"),))
    return Heard(media, scores, meter.finish() if measured else None)


def sound_fields(heard: Heard, judgement: Judgement | None, starts_s: float) -> dict[str, Any]:
    """Fields of a result that a sound track fills.

    Args:
        heard: What came of it.
        judgement: Of it alone; None where there is none.
        starts_s: When it begins, by the clock of the frames.
    """
    if heard.media is None or heard.scores is None or judgement is None:
        return {"segments": (), "timeline": ()}
    return {
        "sample_rate_hz": heard.media.sample_rate_hz,
        "channels": heard.media.channels,
        "speech_s": round(max(channel.speech_s for channel in heard.scores.channels), 3),
        "segments": tuple(moved(one, starts_s) for one in judgement.segments),
        "timeline": tuple(_line(one, starts_s) for one in judgement.timeline),
    }


def sound_gaps(judgement: Judgement | None, starts_s: float) -> Iterator[NotAnalysed]:
    """What of the sound was left out."""
    for gap in judgement.not_analysed if judgement else ():
        yield moved(gap, starts_s)


def moved(stretch: Stretch, by_s: float) -> Stretch:
    """A stretch of the sound by the clock of the frames; what is heard before the first frame is at 0."""
    if stretch.start_s is None or stretch.end_s is None:
        return stretch
    start, end = (round(max(0.0, second + by_s), 3) for second in (stretch.start_s, stretch.end_s))
    return stretch.model_copy(update={"start_s": start, "end_s": end})


def _line(line: Timeline, by_s: float) -> Timeline:
    return line.model_copy(update={"start_s": round(line.start_s + by_s, 3)})
