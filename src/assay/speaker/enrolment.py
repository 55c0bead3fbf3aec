"""What an enrolment must have, and what is remarked about its recordings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from assay.errors import EnrolmentRefused
from assay.speaker.encoder import unit
from assay.speaker.scoring import Scorer
from assay.speaker.voice import Voice, VoiceReader

MOST_RECORDINGS = 20
RECOMMENDED = (3, 5)


def retention(wanted: date | None, now: datetime, days: int) -> date:
    """The last day of a profile's use: the one that is wanted, or the latest that `days` allows.

    Raises:
        EnrolmentRefused: If it lies in the past or too far ahead.
    """
    latest = (now + timedelta(days=days)).date()
    if wanted is None:
        return latest
    if not now.date() <= wanted <= latest:
        raise EnrolmentRefused(
            f"A profile cannot be kept until {wanted}: from today, {now.date()}, to {latest} is accepted, because"
            f" speaker_retention_days is {days}. Give an earlier date, or enrol"
            " anew later."
        )
    return wanted


def voices_of(
    sources: Sequence[Any], reader: VoiceReader, needed_s: float, names: Sequence[str] | None = None
) -> list[Voice]:
    """The voices in the recordings of an enrolment.

    Raises:
        EnrolmentRefused: If there are too many, one stands there twice, or they hold too little speech.
        MediaError: If one cannot be read.
    """
    if not 1 <= len(sources) <= MOST_RECORDINGS:
        raise EnrolmentRefused(
            f"{len(sources)} recordings were given; 1 to {MOST_RECORDINGS} are accepted, and {RECOMMENDED[0]} to"
            f" {RECOMMENDED[1]} recommended."
        )
    called = names if names is not None else [None] * len(sources)
    voices = [reader.read(source, name=name) for source, name in zip(sources, called, strict=True)]
    if len({voice.sha256 for voice in voices}) < len(voices):
        raise EnrolmentRefused("A recording was given twice, which adds nothing. Give each once.")
    silent = [voice.path for voice in voices if voice.embedding is None]
    if silent:
        raise EnrolmentRefused(f"Nobody speaks in {', '.join(silent)}. Leave it out, or give another recording.")
    speech_s = sum(voice.speech_s for voice in voices)
    if speech_s < needed_s:
        raise EnrolmentRefused(
            f"The recordings hold {speech_s:.1f} s of speech; at least {needed_s:g} s are"
            " needed. Give more or longer ones.",
            speech_s=speech_s,
            needed_s=needed_s,
        )
    return voices


def remarks(voices: Sequence[Voice], scorer: Scorer, max_false_match: float) -> list[str]:
    """What to know about the recordings of an enrolment: their number, and any that sounds like somebody else."""
    low, high = RECOMMENDED
    notes = [f"{voice.path}: {note}" for voice in voices for note in voice.notes]
    if not low <= len(voices) <= high:
        notes.append(
            f"{len(voices)} recordings were given; {low} to {high} of different days and devices are recommended"
        )
    threshold = scorer.point(max_false_match).threshold_llr
    for voice in voices if len(voices) > 2 else ():
        others = [v.embedding for v in voices if v is not voice and v.embedding is not None]
        if voice.embedding is None or voice.speech_s < scorer.card.min_probe_speech_s:
            continue
        if scorer.llr(scorer.score(unit(np.mean(others, axis=0)), voice.embedding)) < threshold:
            notes.append(f"{voice.path} does not sound like the other recordings; is it the same speaker, and alone?")
    return notes
