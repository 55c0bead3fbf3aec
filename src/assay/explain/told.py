"""Puts what was found into an `Explanation`, with its sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from assay.explain.explanation import Explanation, Faithfulness, Method, Saliency
from assay.explain.places import coverage
from assay.explain.words import Facts, sentences

if TYPE_CHECKING:
    from assay.explain.pictures import PictureFindings
    from assay.explain.sound import Heard, SoundFindings
    from assay.explain.videos import OverTime, Shot
    from assay.result import ScanResult


def nothing(result: ScanResult, method: Method) -> Explanation:
    """Where nothing could be scored."""
    return _told(replace(_facts(result, method), llr=None), ())


def of_sound(found: SoundFindings, heard: Heard, result: ScanResult, method: Method) -> Explanation:
    """Of a recording."""
    end_s = heard.start_s + found.duration_s
    facts = replace(
        _facts(result, method),
        ranges=found.ranges,
        bands=found.bands,
        coverage=found.coverage,
        faithfulness=found.faithfulness,
        partial=heard.partial,
        span=None if heard.whole else (heard.start_s, end_s, result.duration_s or end_s),
    )
    return _told(facts, (found.saliency,))


def of_picture(found: PictureFindings, result: ScanResult, method: Method, *, partial: bool) -> Explanation:
    """Of a picture; `partial` if one face of it is explained."""
    facts = replace(
        _facts(result, method),
        regions=found.regions,
        coverage=found.coverage,
        faithfulness=found.faithfulness,
        partial=partial,
    )
    return _told(facts, (found.saliency,))


def of_row(found: OverTime, result: ScanResult, method: Method) -> Explanation:
    """Of a video that a network sees as a row of frames or features."""
    facts = replace(
        _facts(result, method), ranges=found.ranges, coverage=found.coverage, faithfulness=found.faithfulness
    )
    return _told(facts, ())


def of_video(
    shots: Sequence[Shot], frames: Sequence[PictureFindings], sound: SoundFindings | None, result: ScanResult
) -> Explanation:
    """Of a video, by its most telling frames and its sound track; at least one of them.

    Regions are those of the first frame, the check is the mean over frames, or that of the sound where there are none.
    """
    tests = [one.faithfulness for one in frames if one.faithfulness is not None]
    if not frames and sound is not None and sound.faithfulness is not None:
        tests = [sound.faithfulness]
    facts = replace(
        _facts(result, "occlusion"),
        ranges=sound.ranges if sound else (),
        bands=sound.bands if sound else (),
        regions=frames[0].regions if frames else (),
        coverage=_coverage(frames, sound),
        faithfulness=_mean(tests),
        frames=tuple(sorted(round(shot.time_s, 3) for shot in shots)),
    )
    return _told(facts, (*(one.saliency for one in frames), *([sound.saliency] if sound else [])))


def _facts(result: ScanResult, method: Method) -> Facts:
    name = result.model.name if result.model else "no model"
    return Facts(result.media, result.verdict, result.llr, name, method)


def _told(facts: Facts, maps: tuple[Saliency, ...]) -> Explanation:
    return Explanation(
        media=facts.media,
        method=facts.method,
        model=facts.model,
        saliency=maps,
        ranges=facts.ranges,
        bands=facts.bands,
        regions=facts.regions,
        coverage=facts.coverage,
        faithfulness=facts.faithfulness,
        sentences=sentences(facts),
    )


def _coverage(frames: Sequence[PictureFindings], sound: SoundFindings | None) -> float:
    """Over the places of all frames together, or of the sound where there are none."""
    if not frames:
        return sound.coverage if sound else 0.0
    return coverage(np.concatenate([one.saliency.values.ravel() for one in frames]).astype(np.float64))


def _mean(tests: Sequence[Faithfulness]) -> Faithfulness | None:
    if not tests:
        return None
    share, llr, marked, random = np.mean([(t.share, t.llr, t.marked, t.random) for t in tests], axis=0).tolist()
    return Faithfulness(share, llr, marked, random, tests[0].trials)
