"""From a video to a result.

    frames ──> assay.video.watch ──> VideoDetector ──> persons, whole frames ──┐
    sound track ──> the line of recordings ──> scores over time, level ────────┴──> video_policy ──> result

Frames and samples stream by and are not kept. Of a part of the video more frames are looked at (`assay.video.closely`):
they tell how faces move. Faces are scored no more often than the temporal model was trained on (`assay.video.pace`).
What the file itself shows stands beside the score and never enters it, as for recordings and pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from assay.evidence import declares_generator, findings, reference_of, shown_traces
from assay.forensics import video_rates
from assay.forensics.sound import SoundInspection, inspect_sound
from assay.image.faces import FaceFinder
from assay.provenance import read_provenance
from assay.result import Finding, NotAnalysed, ScanResult
from assay.stages import Stages
from assay.video.closely import LIPS_FPS, Closely, enough
from assay.video.pace import plan
from assay.video.seeking import SeekingDetector
from assay.video.watch import Watched, watch
from assay.video_persons import compare_lips, faces_of, persons_of, shown_persons, unmoved, unseen
from assay.video_policy import Track, decide_video
from assay.video_sound import Ear, hear, sound_fields, sound_gaps
from assay.video_stability import Held, Rescoring

if TYPE_CHECKING:
    from assay.media.videos import Video
    from assay.settings import Settings
    from assay.video_eyes import Eyes


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
    clock = Stages(started)
    info, card = video.info, eyes.detector.card
    with closing(video.original.reader()) as reader:
        found = inspect_sound(reader, video.size_bytes, info.container, rate=video_rates.with_rate)
    clock.lap("forensics")
    provenance = read_provenance(video.original, info.container, trust_anchors=trust_anchors)
    clock.lap("provenance")
    watched = _watch(video, eyes, settings)
    notes, duration_s = video.notes, video.decoded_s or watched.last_s
    closely = watched.closely or Closely(watched.frames / max(duration_s, 1e-3))
    clock.lap("watch")
    scores = eyes.detector.score(watched)
    clock.lap("network")
    heard = hear(video, ear, measured=bool(watched.faces) and enough(closely.fps, LIPS_FPS))
    clock.lap("sound")
    density = bits_per_pixel(video, duration_s)
    declared = declares_generator(found.traces, provenance)
    judge = partial(decide_video, card=card, settings=settings, declared=declared)
    track = Track(heard.scores, ear.card) if heard.scores else None
    held = Held(judge(scores, track=track, duration_s=duration_s, bits_per_pixel=density))
    if settings.stability:
        again = Rescoring(video, eyes, ear, settings, heard, judge, duration_s, density)
        held = again.check(held.judgement, scores)
        clock.lap("stability")
    judgement = held.judgement
    shown = shown_persons(scores)
    lips = compare_lips(shown, heard.level, closely)
    persons = persons_of(shown, lips, flagged=judgement.flagged, prior=settings.prior, closely=closely)
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
        findings=(*_findings(video, watched, density, closely), *(findings(heard.scores) if heard.scores else ())),
        reasons=judgement.reasons,
        not_analysed=(
            *gaps_of(found),
            *held.gaps,
            *unseen(scores, card, watched.scored / max(duration_s, 1e-3)),
            *unmoved(persons, closely),
            *heard.gaps,
            *judgement.not_analysed,
            *sound_gaps(judgement.sound, starts_s),
        ),
        faces=faces_of(shown, settings.prior),
        persons=persons,
        fusion=judgement.fusion,
        evidence=tuple(shown_traces(found.traces, notes)),
        provenance=provenance,
        model=reference_of(eyes.detector),
        operating_point=judgement.operating_point,
        timings_ms=clock.spent_ms(),
        stability=held.stability,
        **sound_fields(heard, judgement.sound, starts_s),
    )


def _watch(video: Video, eyes: Eyes, settings: Settings) -> Watched:
    """Look at as many frames as the settings ask for, and at no more of each than somebody needs."""
    asked, seeking = plan(video.info, settings, eyes.detector.card.fps), SeekingDetector(threads=settings.threads)
    frames = video.frames(fps=asked.fps, num_frames=settings.num_frames, between=asked.between)
    finder = FaceFinder(seeking, irises=False, threads=settings.threads)
    return watch(frames, finder, eyes.pictures, asked.pace(seeking, threads=settings.threads))


def bits_per_pixel(video: Video, duration_s: float) -> float | None:
    """Size of the file over all pixels that it shows: no less than what the pictures got."""
    info = video.info
    pixels = info.width * info.height * (info.fps or 0.0) * duration_s
    return 8 * video.size_bytes / pixels if pixels else None


def _findings(video: Video, watched: Watched, density: float | None, closely: Closely) -> Iterator[Finding]:
    seen = (
        ("frames_seen", float(watched.frames), "1", "frames that were looked at"),
        *([("close_look", closely.seconds, "s", closely.words)] if watched.closely else ()),
        ("persons", float(len(watched.faces)), "1", "persons whose face was followed"),
    )
    for name, value, unit, text in seen:
        yield Finding(name=name, value=round(value, 5), unit=unit, text=text)
    yield from facts_of(video, density)


def facts_of(video: Video, density: float | None) -> Iterator[Finding]:
    """What the file itself tells.

    Args:
        video: Opened.
        density: Of its `bits_per_pixel`.
    """
    info = video.info
    rows = (
        ("frame_rate", info.fps, "1/s", "frames a second, as the file states; the mean where they vary"),
        ("rotation", float(info.rotation_degrees), "degrees", "clockwise rotation that the file asked for"),
        ("bits_per_pixel", density, "bits", "size of the file over all pixels shown; traces of synthesis fade with it"),
    )
    for name, value, unit, text in rows:
        yield Finding(name=name, value=None if value is None else round(value, 5), unit=unit, text=text)


def gaps_of(found: SoundInspection) -> Iterator[NotAnalysed]:
    """What the file itself could not be asked."""
    for tool, reason in found.left_out.items():
        yield NotAnalysed(code=f"no_{tool}", text=f"{tool.replace('_', ' ')}: {reason}")
