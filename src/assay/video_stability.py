"""Does the verdict on a video hold when it is delivered in another way?

Pictures and sound go through each of `assay.video.deliveries.WAYS`, are watched and scored by the same models and
judged by the same policy. Of the pictures no more than `LONGEST_S` are sent, so that those of an hour take no longer
than those of a minute: around the most suspicious stretch, or from the first face on. The sound is sent as a whole.

A part of a video may be judged otherwise than all of it, which no delivery is to blame for. So what is cut out is
judged as it came before, and stands among the deliveries; where that alone does not bear the verdict out, the check
says nothing and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.audio.deliveries import DELIVERIES, Through
from assay.errors import MissingExtra
from assay.image.faces import FaceFinder
from assay.media.video_sampling import Chosen, Grid
from assay.result import PLAIN_VERDICTS, NotAnalysed, Reason, Stability
from assay.stability import compared, same_side, turn, unmarked
from assay.video.deliveries import WAYS, Sent, Way
from assay.video.seeking import SeekingDetector
from assay.video.watch import watch
from assay.video_policy import Track

if TYPE_CHECKING:
    from assay.media.videos import Frame, Video
    from assay.settings import Settings
    from assay.video.detector import VideoScores
    from assay.video_eyes import Eyes
    from assay.video_policy import VideoJudgement
    from assay.video_sound import Ear, Heard

LONGEST_S = 8.0
CUT_OUT = f"{LONGEST_S:g} s cut out"


@dataclass(frozen=True)
class Held:
    """What came of the check.

    Attributes:
        judgement: Taken back if the verdict turns round.
        stability: None where nothing was checked.
        gaps: Why not.
    """

    judgement: VideoJudgement
    stability: Stability | None = None
    gaps: tuple[NotAnalysed, ...] = ()


@dataclass(frozen=True)
class Excerpt:
    """The part of the pictures that is sent.

    Attributes:
        start_s, end_s: When.
        whole: Whether that is all of them.
    """

    start_s: float
    end_s: float
    whole: bool


@dataclass(frozen=True)
class Rescoring:
    """Everything that scored and judged a video, to do so again.

    Attributes:
        video: Opened.
        eyes: Score its frames.
        ear: Scores its sound.
        settings: How many frames to look at.
        heard: What came of the sound.
        judge: `assay.video_policy.decide_video` with all that no delivery changes.
        duration_s: Length of the video.
        bits_per_pixel: Of the file as it came.
    """

    video: Video
    eyes: Eyes
    ear: Ear
    settings: Settings
    heard: Heard
    judge: Callable[..., VideoJudgement]
    duration_s: float
    bits_per_pixel: float | None

    def check(self, judgement: VideoJudgement, scores: VideoScores) -> Held:
        """Judge the video again in every way.

        Args:
            judgement: Of the video as it came.
            scores: Behind it.
        """
        excerpt = excerpt_of(scores, self.duration_s, self._looks_fps())
        again: dict[str, VideoJudgement] = {}
        if not excerpt.whole:
            again[CUT_OUT] = self._as_it_came(excerpt)
            if judgement.verdict != "inconclusive" and not same_side(judgement.verdict, again[CUT_OUT].verdict):
                return Held(judgement, gaps=(_not_borne_out(again[CUT_OUT], excerpt),))
        tracks: dict[str, Track | None] = {}
        try:
            for name, way in WAYS.items():
                if way.sound not in tracks:
                    tracks[way.sound] = self._sound(way.sound)
                again[name] = self._sent(way, excerpt, tracks[way.sound])
        except MissingExtra as error:
            return Held(judgement, gaps=(_gap(error.message),))
        stability = compared(judgement, again)
        reason = turn(stability, "video")
        return Held(judgement if reason is None else _taken_back(judgement, reason), stability)

    def _looks_fps(self) -> float:
        """How many frames a second are looked at: no more than the temporal model knows; the rest decide nothing."""
        settings, most = self.settings, self.eyes.detector.card.fps
        if settings.num_frames is not None:
            return min(most, settings.num_frames / max(self.duration_s, 1e-3))
        return most if settings.deep else min(most, settings.fps)

    def _as_it_came(self, excerpt: Excerpt) -> VideoJudgement:
        scores, card = self.heard.scores, self.ear.card
        frames = self.video.frames(fps=self._looks_fps(), start_s=excerpt.start_s, end_s=excerpt.end_s)
        return self._judged(frames, excerpt, Track(scores, card) if scores else None, lambda: self.bits_per_pixel)

    def _sent(self, way: Way, excerpt: Excerpt, track: Track | None) -> VideoJudgement:
        looks = Chosen(Grid(excerpt.start_s, self._looks_fps()), excerpt.start_s, math.inf)
        frames = self.video.frames(fps=way.fps, start_s=excerpt.start_s, end_s=excerpt.end_s)
        sent = Sent(frames, way, looks)
        return self._judged(sent, excerpt, track, lambda: sent.bits_per_pixel)

    def _judged(
        self, frames: Iterable[Frame], excerpt: Excerpt, track: Track | None, bits: Callable[[], float | None]
    ) -> VideoJudgement:
        threads = self.settings.threads
        finder = FaceFinder(SeekingDetector(threads=threads), irises=False, threads=threads)
        scores = self.eyes.detector.score(watch(frames, finder, self.eyes.pictures))
        length = self.duration_s if excerpt.whole else excerpt.end_s - excerpt.start_s
        return self.judge(scores, track=track, duration_s=length, bits_per_pixel=bits())

    def _sound(self, name: str) -> Track | None:
        media = self.heard.media
        if media is None or self.heard.scores is None:
            return None
        return Track(self.ear.score(Through(media, DELIVERIES[name])), self.ear.card)


def excerpt_of(scores: VideoScores, duration_s: float, fps: float) -> Excerpt:
    """Which part to send: all, or around the most suspicious stretch, or from a face on, or the beginning.

    It begins with a frame of those that are looked at in the whole video, `fps` a second.
    """
    if duration_s <= LONGEST_S:
        return Excerpt(0.0, math.inf, whole=True)
    persons = [one for one in scores.persons if one.llr is not None]
    start = 0.0
    if persons:
        worst = max(persons, key=lambda one: one.llr or 0.0)
        start = worst.series.track.start_s
        if worst.stretches:
            strongest = max(worst.stretches, key=lambda one: one.llr)
            start = (strongest.start_s + strongest.end_s - LONGEST_S) / 2
    elif scores.persons:
        start = min(one.series.track.start_s for one in scores.persons)
    start = math.floor(max(0.0, min(start, duration_s - LONGEST_S)) * fps) / fps
    return Excerpt(start, start + LONGEST_S, whole=False)


def _taken_back(judgement: VideoJudgement, reason: Reason) -> VideoJudgement:
    sound = judgement.sound
    return replace(
        judgement,
        verdict="inconclusive",
        reasons=(reason, *judgement.reasons),
        flagged=frozenset(),
        sound=sound and replace(sound, segments=unmarked(sound.segments)),
    )


def _not_borne_out(alone: VideoJudgement, excerpt: Excerpt) -> NotAnalysed:
    return _gap(
        f"from {excerpt.start_s:.1f} to {excerpt.end_s:.1f} s the pictures, with the sound, get another answer"
        f" (“{PLAIN_VERDICTS[alone.verdict]}”) already as they came; no longer part is delivered"
    )


def _gap(why: str) -> NotAnalysed:
    return NotAnalysed(code="no_stability", text=f"whether the verdict holds in other deliveries: {why}")
