"""Explains what a network heard in a recording: time × band boxes are hidden, and the scan's own score is taken again.

What is explained is the llr as the scan gives it: the mean over its windows; of a recording that is synthetic in part,
the mean over the parts that stand out. Where somebody speaks is taken from the recording as it is, so that hiding a
place moves the network's answer and not what counts as speech. Of a long recording the stretch that counts most is
explained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.audio.denoise import NoiseReducer
from assay.audio.detector import AudioDetector, AudioScores, ChannelScores
from assay.audio.speech import SAMPLE_RATE_HZ
from assay.explain.adaptive import Box, occlude
from assay.explain.deletion import deletion_test
from assay.explain.explanation import Band, Faithfulness, Range, Saliency
from assay.explain.parallel import asked
from assay.explain.places import coverage, respread, stretches
from assay.explain.spectrogram import NYQUIST_HZ, Canvas
from assay.timeline import Span

if TYPE_CHECKING:
    from assay.audio.deliveries import Recording
    from assay.result import Segment
    from assay.settings import Settings
    from assay.views.network import Network
    from assay.views.sound import HeardScores

LONGEST_S = 16.0  # that is explained at once
CELL_S, MOST_COLUMNS, ROWS = 0.25, 32, 16  # cells of 500 Hz
COARSE_COLUMNS, COARSE_ROWS = 8, 4
FINER = (6, 4)  # boxes that are cut in the second and third round
BLOCK_ROWS, BLOCK_COLUMNS = 10, 20  # of the deletion test
MOST = 3  # ranges and bands that are told
BLOCK_S = 16.0
Samples = NDArray[np.float32]
Floats = NDArray[np.float64]
Llr = Callable[[Samples], float]


@dataclass(frozen=True)
class Heard:
    """A stretch of a recording, and how it is scored.

    Attributes:
        samples: 16 kHz, shape (n,).
        start_s: When it begins.
        llr: Score of such samples.
        threads: As the settings have it.
        whole: Whether it is all that the network looks at.
        partial: Whether only what stands out is scored.
        label: Channel, if channels are scored apart.
    """

    samples: Samples
    start_s: float
    llr: Llr
    threads: int = 1
    whole: bool = True
    partial: bool = False
    label: str = ""


@dataclass(frozen=True)
class SoundFindings:
    """What was found of a recording.

    Attributes:
        saliency: The map.
        ranges, bands: What it marks, with what hiding each costs.
        coverage: See `assay.explain.explanation.Explanation`.
        faithfulness: Of the map.
        duration_s: Of the stretch that was explained.
    """

    saliency: Saliency
    ranges: tuple[Range, ...]
    bands: tuple[Band, ...]
    coverage: float
    faithfulness: Faithfulness | None
    duration_s: float


def heard_by_detector(
    detector: AudioDetector, media: Recording, settings: Settings, suspicious: Sequence[Segment] = ()
) -> Heard | None:
    """What the shipped detector heard; None if nothing of it was scored.

    Args:
        detector: Asked.
        media: The recording.
        settings: Of the scan.
        suspicious: Stretches that stand out, of a recording that is synthetic in part.
    """
    prepare = NoiseReducer if settings.denoise else None
    scores = detector.score(media, channels=settings.channels, prepare=prepare)
    index = _strongest_channel(scores) if not suspicious else suspicious[0].channel or 0
    if index is None:
        return None
    channel, card = scores.channels[index], detector.card
    spans = [(one.start_s, one.end_s) for one in suspicious if (one.channel or 0) == index]
    parts = _parts_in(channel, spans, card.hop_samples / card.sample_rate_hz, scores.part_s)
    size = max(1, round((LONGEST_S * card.sample_rate_hz - card.window_samples) / card.hop_samples) + 1)
    scored = ~np.isnan(channel.llrs)
    if parts.any():
        middle = (np.flatnonzero(parts).mean() * card.hop_samples + card.part_samples / 2) / card.hop_samples
        first = round(middle - (size - 1) / 2 - card.window_samples / card.hop_samples / 2)
    else:
        first = _strongest(channel.llrs, size)
    first = int(np.clip(first, 0, max(0, channel.llrs.size - size)))
    last = min(first + size, channel.llrs.size)
    more = parts.size - channel.llrs.size  # parts are shorter, so there are more of them
    chosen, wanted = scored[first:last], parts[first : last + more]
    ends = last < channel.llrs.size
    stop = (last - 1) * card.hop_samples + card.window_samples if ends else None
    samples = _stretch(media, settings, index, first * card.hop_samples, stop)

    def llr(given: Samples) -> float:
        windows, of_parts = detector.llrs(given)
        return float((of_parts[wanted] if wanted.any() else windows[chosen]).mean())

    return Heard(
        samples,
        first * card.hop_samples / card.sample_rate_hz,
        llr,
        settings.threads,
        whole=last - first == channel.llrs.size,
        partial=bool(wanted.any()),
        label=f"channel {index}" if len(scores.channels) > 1 else "",
    )


def heard_by_network(network: Network, media: Recording, settings: Settings, scores: HeardScores) -> Heard | None:
    """What a network of the zoo heard; None if nobody speaks in it.

    Args:
        network: Asked.
        media: The recording.
        settings: Of the scan.
        scores: Of the scan.
    """
    logits = [-np.inf if one.logit is None else one.logit for one in scores.channels]
    index = int(np.argmax(logits))
    if scores.channels[index].logit is None:
        return None
    samples = _stretch(media, settings, index, 0, round(network.form.longest_s * SAMPLE_RATE_HZ))

    def llr(given: Samples) -> float:
        return network.card.calibration.of(network.logit(network.reader.sound(given, "the recording")))

    whole = scores.duration_s <= network.form.longest_s
    label = f"channel {index}" if len(scores.channels) > 1 else ""
    return Heard(samples, 0.0, llr, settings.threads, whole=whole, label=label)


def explain_sound(heard: Heard, given: Floats | None = None) -> SoundFindings:
    """Hide places, and tell which of them count.

    Args:
        heard: The stretch.
        given: A map that was made in another way, shape (rows, columns), which is only tested and told.
    """
    canvas = Canvas(heard.samples)
    whole = heard.llr(heard.samples)

    def lost(variants: Sequence[tuple[float, float, float, float]]) -> Floats:
        return whole - asked(lambda box: heard.llr(canvas.box(*box)), variants, threads=heard.threads)

    duration = canvas.duration_s
    values = _occluded(duration, lost) if given is None else given
    rows, columns = values.shape
    cell_s, band_hz = duration / columns, NYQUIST_HZ / rows

    def test(marks: Sequence[NDArray[np.bool_]]) -> Floats:
        return asked(lambda marked: heard.llr(canvas.cells(marked)), marks, threads=heard.threads)

    blocks = respread(
        values, (_edges(rows), _edges(rows, BLOCK_ROWS)), (_edges(columns), _edges(columns, BLOCK_COLUMNS))
    )
    when = stretches(values.sum(0), MOST)
    what = stretches(values.sum(1), MOST) if rows > 1 else []
    boxes = [
        *((first * cell_s, last * cell_s, 0.0, NYQUIST_HZ) for first, last in when),
        *((0.0, duration, first * band_hz, last * band_hz) for first, last in what),
    ]
    costs = lost(boxes) if boxes else np.zeros(0)
    found_ranges = [
        Range(round(heard.start_s + box[0], 3), round(heard.start_s + box[1], 3), float(cost))
        for box, cost in zip(boxes[: len(when)], costs[: len(when)], strict=True)
        if cost > 0
    ]
    found_bands = [
        Band(round(box[2], 1), round(box[3], 1), float(cost))
        for box, cost in zip(boxes[len(when) :], costs[len(when) :], strict=True)
        if cost > 0
    ]
    saliency = Saliency(
        kind="spectrogram",
        values=values.astype(np.float32),
        start_s=round(heard.start_s, 3),
        end_s=round(heard.start_s + duration, 3),
        low_hz=0.0,
        high_hz=NYQUIST_HZ,
        label=heard.label,
    )
    tested = deletion_test(blocks, test, whole)
    return SoundFindings(saliency, tuple(found_ranges), tuple(found_bands), coverage(values), tested, duration)


def _occluded(duration_s: float, lost: Callable[[Sequence[tuple[float, float, float, float]]], Floats]) -> Floats:
    columns = int(np.clip(round(duration_s / CELL_S), 1, MOST_COLUMNS))
    cell_s, band_hz = duration_s / columns, NYQUIST_HZ / ROWS

    def ask(boxes: Sequence[Box]) -> Floats:
        return lost([(b.left * cell_s, b.right * cell_s, b.top * band_hz, b.bottom * band_hz) for b in boxes])

    coarse = (ROWS // COARSE_ROWS, -(-columns // COARSE_COLUMNS))
    return occlude(ROWS, columns, coarse, FINER, ask)


def _edges(cells: int, parts: int | None = None) -> Floats:
    """Edges of all cells, or of so many parts of the same axis."""
    return np.linspace(0.0, cells, (parts or cells) + 1)


def _strongest_channel(scores: AudioScores) -> int | None:
    """The channel with the highest score; None if none has one."""
    means = [np.nan if np.isnan(one.llrs).all() else float(np.nanmean(one.llrs)) for one in scores.channels]
    return None if np.isnan(means).all() else int(np.nanargmax(means))


def _parts_in(channel: ChannelScores, spans: Sequence[Span], hop_s: float, part_s: float) -> NDArray[np.bool_]:
    """Scored parts whose middle lies in a stretch that stands out."""
    middles = np.arange(channel.part_llrs.size) * hop_s + part_s / 2
    inside = np.zeros(middles.size, bool)
    for start, end in spans:
        inside |= (middles >= start) & (middles <= end)
    found: NDArray[np.bool_] = inside & ~np.isnan(channel.part_llrs)
    return found


def _strongest(llrs: Floats, size: int) -> int:
    """First of so many consecutive windows with the largest sum of evidence; silence counts as none."""
    if llrs.size <= size:
        return 0
    total = np.cumsum(np.insert(np.nan_to_num(llrs), 0, 0.0))
    return int(np.argmax(total[size:] - total[:-size]))


def _stretch(media: Recording, settings: Settings, channel: int, first: int, stop: int | None) -> Samples:
    """Samples of one channel as the network hears them; decoding ends where the stretch does."""
    reducer = NoiseReducer() if settings.denoise else None
    kept: list[Samples] = []
    at = 0

    def keep(piece: Samples) -> None:
        nonlocal at
        low, high = max(first - at, 0), piece.size if stop is None else max(min(stop - at, piece.size), 0)
        if high > low:
            kept.append(piece[low:high].copy())
        at += piece.size

    for block in media.blocks(channels=settings.channels, block_s=BLOCK_S):
        row = block[channel]
        keep(row if reducer is None else reducer.push(row))
        if stop is not None and at >= stop:
            break
    else:
        if reducer is not None:
            keep(reducer.finish())
    return np.concatenate(kept)
