"""What the development part must hold, and the long recordings that are put together from it.

A card promises false-alarm rates, how sure they are, and how far the parts of one genuine recording differ. Each of
these numbers takes a least amount of data, below which it would be invention. `check_development` says so before
anything is made or trained, not hours later when the card is written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from assay.data import Trial
from assay.errors import TrainingError
from assay.training.audio_net import HOP_SAMPLES, SAMPLE_RATE_HZ, WINDOW_SAMPLES
from assay.training.calibrate import MIN_FILES

STRETCH_S = 8.192  # two windows: parts of a recording this long are taken as independent
STRETCH_WINDOWS = round(STRETCH_S * SAMPLE_RATE_HZ / HOP_SAMPLES)
RECORDING_SAMPLES = 60 * SAMPLE_RATE_HZ
MIN_STRETCHES = 20


def check_development(trials: Sequence[Trial], lengths: Sequence[int]) -> None:
    """Refuse a development part that no card can be written from.

    Args:
        trials: The clips.
        lengths: Samples of each.

    Raises:
        TrainingError: Saying what is missing, how much there is and how much it takes.
    """
    _check_sources(trials)
    _check_speech(trials, lengths)


def _check_sources(trials: Sequence[Trial]) -> None:
    """Sources enough, and large enough, to measure tails and how they spread over sources."""
    for key in ("bona_fide", "spoof"):
        sources = {trial.source for trial in trials if trial.key == key}
        if len(sources) < 2:
            raise TrainingError(
                f"Development trials of key '{key}' come from {len(sources)} source; it takes two to measure how far "
                "sources differ. Name more sources under 'development_sources'."
            )
    sizes = Counter(trial.source for trial in trials if trial.key == "bona_fide").values()
    # The smallest set a tail is taken from: all but the largest source, or only the smallest one, drawn every time.
    least = min(sum(sizes) - max(sizes), len(sizes) * min(sizes))
    if least < MIN_FILES:
        raise TrainingError(
            f"Development holds too few bona fide clips: left-out and resampled sources can leave {least}, "
            f"a tail takes {MIN_FILES}. Name more or larger sources under 'development_sources'."
        )


def _check_speech(trials: Sequence[Trial], lengths: Sequence[int]) -> None:
    """Long bona fide recordings enough to measure how far their parts differ."""
    found = sum(stretches(sum(lengths[i] for i in indices)) for indices in recordings(trials, lengths))
    if found < MIN_STRETCHES:
        raise TrainingError(
            f"Bona fide development speech makes {found} stretches of {STRETCH_S:g} s in recordings of one speaker of "
            f"at least {RECORDING_SAMPLES // SAMPLE_RATE_HZ} s; how far the parts of a recording differ takes "
            f"{MIN_STRETCHES}. Name sources with more speech per speaker under 'development_sources'."
        )


def stretches(samples: int) -> int:
    """Whole independent stretches in a recording of so many samples."""
    return max(0, ((samples - WINDOW_SAMPLES) // HOP_SAMPLES + 1) // STRETCH_WINDOWS)


def recordings(trials: Sequence[Trial], lengths: Sequence[int]) -> list[list[int]]:
    """Group bona fide clips of one source and speaker into pretended recordings of `RECORDING_SAMPLES` or more.

    Clips of a source that names no speakers count as one speaker's. Where they are not, parts of a "recording" differ
    more than they should, so the tail errs towards fewer false alarms.

    Args:
        trials: The clips.
        lengths: Samples of each.

    Returns:
        Indices of the clips of each recording; what does not fill one is left out.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, trial in enumerate(trials):
        if trial.key == "bona_fide":
            groups[trial.source, trial.speaker].append(index)
    made = []
    for indices in groups.values():
        current: list[int] = []
        for index in indices:
            current.append(index)
            if sum(lengths[i] for i in current) >= RECORDING_SAMPLES:
                made.append(current)
                current = []
    return made
