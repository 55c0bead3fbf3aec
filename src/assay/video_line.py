"""From a video to a result.

    frames ──> assay.video.watch ──> VideoDetector ──> persons, whole frames ──┐
    sound track ──> the line of recordings ──> scores over time, level ────────┴──> video_policy ──> result

Frames and samples stream by and are not kept. Where frames are asked for more often than the temporal model was trained
on, faces are described only as often as that, and the frames between tell how they move. What the file itself shows
stands beside the score and never enters it, as for recordings and pictures.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from assay.errors import WeightMismatch
from assay.evidence import declares_generator, findings, shown_traces
from assay.forensics.sound import SoundInspection, inspect_sound
from assay.image.detector import PictureDetector
from assay.image.faces import FaceFinder
from assay.media.video_sampling import Chosen, Grid
from assay.provenance import read_provenance
from assay.result import Finding, ModelReference, NotAnalysed, ScanResult
from assay.video.detector import VideoDetector
from assay.video.seeking import SeekingDetector
from assay.video.watch import Watched, watch
from assay.video_persons import GAZE_FPS, LIPS_FPS, compare_lips, enough, faces_of, persons_of, shown_persons, unseen
from assay.video_policy import Track, decide_video
from assay.video_sound import Ear, hear, sound_fields, sound_gaps

if TYPE_CHECKING:
    from assay.image.detector import Described
    from assay.image.faces import Face
    from assay.image.looks import Pixels
    from assay.media.videos import Frame, Video
    from assay.settings import Settings

CLOSELY_FPS = 25.0  # with `deep`
SPARED = 1.2  # times the rate of the temporal model: from here on frames are left out for it


@dataclass(frozen=True)
class Eyes:
    """What looks at frames: a temporal model, and the picture detector whose features it takes."""

    detector: VideoDetector
    pictures: PictureDetector

    @classmethod
    def load(cls, settings: Settings, pictures: PictureDetector | None = None) -> Eyes:
        """Load the video model that the settings name, and what it needs.

        Args:
            settings: Name of the model; threads.
            pictures: Taken if it is the one that the model needs.

        Raises:
            ModelError: If a model is unknown, its weight was altered, or the two do not belong together.
        """
        detector = VideoDetector(settings.video_model, threads=settings.threads, device=settings.device)
        card = detector.card
        if pictures is None or pictures.card.name != card.features_of:
            pictures = PictureDetector(card.features_of, threads=settings.threads, device=settings.device)
        if pictures.card.sha256 != card.features_sha256:
            raise WeightMismatch(
                f"'{card.name}' was trained on another version of '{card.features_of}' (SHA-256"
                f" {card.features_sha256[:12]}…, installed {pictures.card.sha256[:12]}…). Reinstall Assay.",
                model=card.name,
                expected=card.features_sha256,
                found=pictures.card.sha256,
            )
        return cls(detector, pictures)


def examine(
    video: Video, eyes: Eyes, ear: Ear, settings: Settings, *, started: float, trust_anchors: bytes | None = None
) -> ScanResult:
    """Make a result of a video.

    Args:
        video: Opened.
        eyes: Score its frames.
        ear: Scores its sound.
        settings: How many frames to look at; what the policy needs.
        started: `time.perf_counter` before the file was opened.
        trust_anchors: As for `assay.provenance.read_provenance`.

    Raises:
        MediaError: If the video turns out to be broken or over a limit.
    """
    clock = _Clock(started)
    info, card = video.info, eyes.detector.card
    with closing(video.original.reader()) as reader:
        found = inspect_sound(reader, video.size_bytes, info.container, rated=False)
    clock.lap("forensics")
    provenance = read_provenance(video.original, info.container, trust_anchors=trust_anchors)
    clock.lap("provenance")
    watched = _watch(video, eyes, settings)
    notes, duration_s = video.notes, video.decoded_s or watched.last_s
    fps = watched.frames / max(duration_s, 1e-3)
    clock.lap("watch")
    scores = eyes.detector.score(watched)
    clock.lap("network")
    heard = hear(video, ear, measured=bool(watched.faces) and enough(fps, LIPS_FPS))
    clock.lap("sound")
    density = _bits_per_pixel(video, duration_s)
    judgement = decide_video(
        scores,
        card,
        settings,
        track=Track(heard.scores, ear.card) if heard.scores else None,
        duration_s=duration_s,
        bits_per_pixel=density,
        declared=declares_generator(found.traces, provenance),
    )
    shown = shown_persons(scores)
    lips = compare_lips(shown, heard.level, fps)
    persons = persons_of(shown, lips, flagged=judgement.flagged, prior=settings.prior, fps=fps)
    clock.lap("decide")
    starts_s = info.sound_starts_s or 0.0
    return ScanResult(
        path=video.path,
        sha256=video.sha256,
        media="video",
        container=info.container,
        codec=info.codec,
        duration_s=round(duration_s, 4),
        width=info.width,
        height=info.height,
        verdict=judgement.verdict,
        spoof_probability=judgement.spoof_probability,
        llr=judgement.llr,
        interval=judgement.interval,
        findings=(*_findings(video, watched, density), *(findings(heard.scores) if heard.scores else ())),
        reasons=judgement.reasons,
        not_analysed=(
            *_left_out(found, settings),
            *unseen(scores, card, fps),
            *heard.gaps,
            *judgement.not_analysed,
            *sound_gaps(judgement.sound, starts_s),
        ),
        faces=faces_of(shown, settings.prior),
        persons=persons,
        fusion=judgement.fusion,
        evidence=tuple(shown_traces(found.traces, notes)),
        provenance=provenance,
        model=ModelReference(name=card.name, version=card.version, sha256=card.sha256),
        operating_point=judgement.operating_point,
        timings_ms=clock.spent_ms(),
        **sound_fields(heard, judgement.sound, starts_s),
    )


class _Clock:
    """Wall time from stage to stage."""

    def __init__(self, started: float) -> None:
        self._started = self._last = started
        self._spent: dict[str, float] = {}
        self.lap("open")

    def lap(self, stage: str) -> None:
        """A stage is over."""
        now = time.perf_counter()
        self._spent[stage], self._last = now - self._last, now

    def spent_ms(self) -> dict[str, float]:
        """All stages, and the total."""
        told = {**self._spent, "total": time.perf_counter() - self._started}
        return {stage: round(1e3 * spent, 3) for stage, spent in told.items()}


def _watch(video: Video, eyes: Eyes, settings: Settings) -> Watched:
    """Look at as many frames as the settings ask for, and at no more of each than somebody needs."""
    fps = max(settings.fps, CLOSELY_FPS) if settings.deep else settings.fps
    frames = video.frames(fps=fps, num_frames=settings.num_frames)
    expected = _expected_fps(video, fps, settings.num_frames)
    seeking = SeekingDetector(threads=settings.threads)
    finder = FaceFinder(seeking, irises=enough(expected, GAZE_FPS), threads=settings.threads)
    if expected < SPARED * eyes.detector.card.fps:
        return watch(frames, finder, eyes.pictures)
    sparing = _Sparing(eyes.pictures, eyes.detector.card.fps)
    return watch(sparing.passing(frames), finder, cast(PictureDetector, sparing))


def _expected_fps(video: Video, fps: float, num_frames: int | None) -> float:
    """How many frames a second will be chosen, as far as the header tells."""
    if num_frames is not None:
        fps = num_frames / max(video.info.duration_s or math.inf, 1e-3)
    return min(fps, video.info.fps or fps)


class _Sparing:
    """A picture detector that describes faces no more often than the temporal model was trained on.

    Frames must pass through it one by one, as `watch` takes them: it tells by the latest whether to look.

    Args:
        detector: Looks.
        fps: How often, at most.
    """

    def __init__(self, detector: PictureDetector, fps: float) -> None:
        self._detector, self._chosen, self._looks = detector, Chosen(Grid(0.0, fps), 0.0, math.inf), False

    def passing(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames, unchanged."""
        for frame in frames:
            self._looks = self._chosen.takes(frame.time_s)
            yield frame

    def describe(self, pixels: Pixels, faces: Sequence[Face]) -> list[Described | None]:
        """As `PictureDetector.describe`; nothing of frames in between."""
        return self._detector.describe(pixels, faces) if self._looks else [None] * len(faces)

    def whole_logit(self, pixels: Pixels) -> float:
        """As `PictureDetector.whole_logit`."""
        return self._detector.whole_logit(pixels)


def _bits_per_pixel(video: Video, duration_s: float) -> float | None:
    """Size of the file over all pixels that it shows: no less than what the pictures got."""
    info = video.info
    pixels = info.width * info.height * (info.fps or 0.0) * duration_s
    return 8 * video.size_bytes / pixels if pixels else None


def _findings(video: Video, watched: Watched, density: float | None) -> Iterator[Finding]:
    info = video.info
    rows = (
        ("frames_seen", float(watched.frames), "1", "frames that were looked at"),
        ("persons", float(len(watched.faces)), "1", "persons whose face was followed"),
        ("frame_rate", info.fps, "1/s", "frames a second, as the file states; the mean where they vary"),
        ("rotation", float(info.rotation_degrees), "degrees", "clockwise rotation that the file asked for"),
        ("bits_per_pixel", density, "bits", "size of the file over all pixels shown; traces of synthesis fade with it"),
    )
    for name, value, unit, text in rows:
        yield Finding(name=name, value=None if value is None else round(value, 5), unit=unit, text=text)


def _left_out(found: SoundInspection, settings: Settings) -> Iterator[NotAnalysed]:
    for tool, reason in found.left_out.items():
        yield NotAnalysed(code=f"no_{tool}", text=f"{tool.replace('_', ' ')}: {reason}")
    if settings.stability:
        text = "whether the verdict holds in other deliveries: of videos that is not checked"
        yield NotAnalysed(code="no_stability", text=text)
