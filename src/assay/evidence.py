"""What a result shows of the scores (segments, timeline, gaps, findings) and of the file. It decides nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.result import Evidence, Finding, ModelReference, NotAnalysed, Segment, Timeline
from assay.timeline import Floats, Span, cell_means, runs

if TYPE_CHECKING:
    from assay.audio.detector import AudioScores, ChannelScores
    from assay.audio.statistics import Statistics
    from assay.credentials import Provenance
    from assay.forensics import Trace
    from assay.models.card import DetectorCard
    from assay.views.sound import HeardChannel, HeardScores

MAX_TIMELINE = 1_000
MAX_SEGMENTS = 600
DECLARING = ("generator_tag", "digital_source_type")  # traces by which a file says what made it
CLEAR = 0.5


def posterior(llr: float, prior: float) -> float:
    """P(spoof | evidence) in [0, 1] from a natural log-likelihood ratio and a prior in (0, 1)."""
    odds = llr + math.log(prior) - math.log1p(-prior)
    low = math.exp(-abs(odds))  # never overflows
    return (1 if odds >= 0 else low) / (1 + low)


def reference_of(detector: Any) -> ModelReference:
    """Which weight a detector answers with, and what computes it.

    Args:
        detector: Anything with a ``card``, and a ``provider`` if that is known.
    """
    card = detector.card
    provider = getattr(detector, "provider", "")
    return ModelReference(name=card.name, version=card.version, sha256=card.sha256, provider=provider)


class ChannelView:
    """One channel's scores cut into cells of one hop, ready to be shown.

    Args:
        part_llrs: Of the channel's parts, shape (n,).
        duration_s: Of the recording.
        card: Of the model.
        prior: P(spoof) behind the shown probabilities.
        index: Number of the channel; None when channels were averaged.
        first_part: How many parts of the recording came before the first one given.
    """

    def __init__(
        self,
        part_llrs: Floats,
        duration_s: float,
        card: DetectorCard,
        prior: float,
        index: int | None = None,
        first_part: int = 0,
    ) -> None:
        self.index, self._prior, self._duration_s, self._first = index, prior, duration_s, first_part
        self._hop_s = card.hop_samples / card.sample_rate_hz
        self._part_cells = card.part_samples // card.hop_samples
        cells = cell_means(part_llrs, self._part_cells)
        # A short recording was repeated up to a window; its cells beyond the end are of no place in it.
        samples = round(duration_s * card.sample_rate_hz)  # whole numbers: 1.792 / 0.256 is a little above 7
        self._cells: Floats = cells[: max(1, -(-samples // card.hop_samples) - first_part)]

    def _second(self, cell: int) -> float:
        return round(min((self._first + cell) * self._hop_s, self._duration_s), 3)

    def segments(self, spans: Sequence[Span]) -> list[Segment]:
        """What was analysed, cut at the edges of suspicious spans and into even pieces."""
        cells = self._cells
        marked = np.zeros(cells.size, bool)
        for start, end in spans:
            first, last = (round(edge / self._hop_s) - self._first for edge in (start, end))
            first = min(max(first, 0), cells.size - 1)
            marked[first : max(first + 1, last)] = True
        longest = max(self._part_cells, math.ceil(cells.size / MAX_SEGMENTS))
        segments = []
        for flag in (False, True):
            for first, last in runs(~np.isnan(cells) & (marked == flag)):
                parts = 1 if flag else max(1, round((last - first) / longest))
                edges = np.linspace(first, last, parts + 1).round().astype(int).tolist()
                segments += [self._segment(begin, end, flag) for begin, end in pairwise(edges)]
        return sorted(segments, key=lambda segment: segment.start_s)

    def _segment(self, begin: int, end: int, suspicious: bool) -> Segment:
        part = self._cells[begin:end]
        # Cells at the edge of a suspicious span share parts with its surroundings; its peak is what it is about.
        llr = float(part.max() if suspicious else part.mean())
        return Segment(
            start_s=self._second(begin),
            end_s=self._second(end),
            spoof_probability=posterior(llr, self._prior),
            llr=llr,
            suspicious=suspicious,
            channel=self.index,
        )

    def timeline(self) -> Timeline:
        """Probabilities at an even step, at most `MAX_TIMELINE` of them."""
        each = math.ceil(self._cells.size / MAX_TIMELINE)
        llrs = self._cells if each == 1 else _means(self._cells, each)
        # The posterior of all of them at once; see `posterior`.
        low = np.exp(-np.abs(odds := llrs + math.log(self._prior) - math.log1p(-self._prior)))
        shown = np.round(np.where(odds >= 0, 1.0, low) / (1 + low), 4).tolist()
        return Timeline(
            start_s=self._first * self._hop_s,
            step_s=each * self._hop_s,
            spoof_probability=tuple(value if value == value else None for value in shown),
            channel=self.index,
        )

    def gaps(self) -> list[NotAnalysed]:
        """Stretches that no scored part covers."""
        where = "" if self.index is None else f" in channel {self.index}"
        return [
            NotAnalysed(
                code="too_little_speech",
                text=f"too little speech{where}",
                start_s=self._second(first),
                end_s=self._second(last),
            )
            for first, last in runs(np.isnan(self._cells))
        ]


def _means(cells: Floats, each: int) -> Floats:
    """Mean of each so many cells over those that are scored; nan where none is."""
    rows = np.pad(cells, (0, -cells.size % each), constant_values=np.nan).reshape(-1, each)
    scored = ~np.isnan(rows)
    count = scored.sum(1)
    means: Floats = np.where(count > 0, np.where(scored, rows, 0.0).sum(1), np.nan) / np.maximum(count, 1)
    return means


def findings(scores: AudioScores | HeardScores) -> tuple[Finding, ...]:
    """Measured properties of the recording, of its channel with most speech."""
    channels: Sequence[ChannelScores | HeardChannel] = scores.channels
    return findings_of(max(channels, key=lambda channel: channel.speech_s))


def findings_of(heard: ChannelScores | HeardChannel | Statistics) -> tuple[Finding, ...]:
    """Measured properties of one channel."""
    quality = heard.quality
    rows = (
        ("speech", heard.speech_s, "s", "seconds in which somebody speaks"),
        ("speech_level", quality.level_db, "dBFS", "level of the speech"),
        ("snr", quality.snr_db, "dB", "speech over the quietest tenth of the recording"),
        ("bandwidth", quality.bandwidth_hz, "Hz", "highest frequency at which there is sound"),
        ("clipped", quality.clipped, "1", "share of samples at full scale"),
    )
    return tuple(
        Finding(name=name, value=round(value, 4) if math.isfinite(value) else None, unit=unit, text=text)
        for name, value, unit, text in rows
    )


def declares_generator(traces: Iterable[Trace], provenance: Provenance | None) -> bool:
    """Whether a file says that a generator made it, or a part of it: in a tag, or in its Content Credentials.

    A claim in credentials that do not hold counts like a tag, which nobody signed either.
    """
    tagged = any(trace.name in DECLARING and (trace.strength or 0.0) >= CLEAR for trace in traces)
    return tagged or (provenance is not None and provenance.declares_ai)


def shown_traces(traces: Iterable[Trace], notes: Iterable[str] = ()) -> Iterator[Evidence]:
    """Traces in the form of a result, behind what was noted while the file was decoded."""
    for note in notes:
        yield Evidence(name="decoding", measured={}, strength=None, text=note)
    for trace in traces:
        yield Evidence(name=trace.name, measured=trace.measured, strength=trace.strength, text=trace.note)
