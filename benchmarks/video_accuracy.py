"""Measures the shipped video detector on protocols and writes the figures into its card and docs/video-detector.md.

    python benchmarks/video_accuracy.py ../shared/data/video/protocol.csv more/protocol.csv --partition eval

Every file goes through the whole scan, sound track included. The first protocol is what the card speaks of; the others
are reported beside it. Nothing is chosen here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from accuracy import promise_table, write_card
from numpy.typing import NDArray
from page import share, write_page

from assay import Detector, ScanResult
from assay.data import Trial, read_protocol
from assay.evaluate import evaluate_protocol
from assay.metrics import auc
from assay.models import VideoCard, video_card
from assay.settings import load_settings

PAGE = Path(__file__).parent.parent / "docs" / "video-detector.md"
PARTS = ("file", "image", "video", "audio", "frames of faces", "faces over time")
Floats = NDArray[np.float64]


def llr_of(result: ScanResult, part: str) -> float:
    """The llr of one of `PARTS`; nan where it is not there."""
    if part == "file":
        return float("nan") if result.llr is None else result.llr
    if part in ("frames of faces", "faces over time"):
        field = "frame_llr" if part.startswith("frames") else "temporal_llr"
        found = [getattr(person, field) for person in result.persons]
        return max((llr for llr in found if llr is not None), default=float("nan"))
    parts = result.fusion.parts if result.fusion else ()
    return next((one.llr for one in parts if one.name == part), float("nan"))


def area(llrs: Floats, spoof: NDArray[np.bool_]) -> str:
    """AUC with 95 % by resampling files."""
    own, other = llrs[~spoof], llrs[spoof]
    if not own.size or not other.size:
        return "–"
    rng = np.random.default_rng(0)
    drawn = [auc(rng.choice(own, own.size), rng.choice(other, other.size)) for _ in range(1000)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{auc(own, other):.3f} ({low:.3f}–{high:.3f})"


def part_table(trials: Sequence[Trial], results: Sequence[ScanResult]) -> str:
    """Every part alone and all together, by file; and by person."""
    spoof = np.array([trial.key == "spoof" for trial in trials])
    lines = ["| scored by | bona fide | spoof | AUC (95 %, by resampling files) |", "|---|---|---|---|"]
    for part in PARTS:
        llrs = np.array([llr_of(result, part) for result in results])
        there = ~np.isnan(llrs)
        told = area(llrs[there], spoof[there])
        lines.append(f"| {part} | {(there & ~spoof).sum()} | {(there & spoof).sum()} | {told} |")
    tracks = [
        (person.llr, trial.key == "spoof")
        for trial, result in zip(trials, results, strict=True)
        for person in result.persons
        if person.llr is not None
    ]
    llrs, keys = np.array([llr for llr, _ in tracks], float), np.array([key for _, key in tracks], bool)
    lines.append(f"| each person alone | {(~keys).sum()} | {keys.sum()} | {area(llrs, keys)} |")
    return "\n".join(lines)


def source_table(trials: Sequence[Trial], results: Sequence[ScanResult]) -> str:
    """Verdicts by source, key and generator."""
    lines = ["| source | key | generator | spoof or mixed (95 %) | cannot tell | files |", "|---|---|---|---|---|---|"]
    groups = sorted({(trial.source, trial.key, trial.generator) for trial in trials})
    for group in groups:
        verdicts = [
            result.verdict
            for trial, result in zip(trials, results, strict=True)
            if (trial.source, trial.key, trial.generator) == group
        ]
        flagged = sum(verdict in ("spoof", "mixed") for verdict in verdicts)
        unsure = sum(verdict == "inconclusive" for verdict in verdicts)
        source, key, generator = group
        told = share(flagged, len(verdicts), 2)
        lines.append(f"| {source} | {key} | {generator} | {told} | {unsure / len(verdicts):.0%} | {len(verdicts)} |")
    for key in ("bona_fide", "spoof"):
        verdicts = [r.verdict for t, r in zip(trials, results, strict=True) if t.key == key]
        flagged = sum(verdict in ("spoof", "mixed") for verdict in verdicts)
        lines.append(f"| all | {key} | | {share(flagged, len(verdicts), 2)} | | {len(verdicts)} |")
    return "\n".join(lines)


def left_out_table(card: VideoCard) -> str:
    """What training measured on sources that were left out, as the card has it."""
    lines = [
        "| part | bona fide | spoof | sources | AUC (95 %, by resampling sources) | within sources"
        " | false alarms at 0.01 | spoofs found there |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in card.left_out:
        low, high = row.auc_interval
        within = "–" if row.auc_within_sources is None else f"{row.auc_within_sources:.3f}"
        lines.append(
            f"| {row.part} | {row.bona_fide} | {row.spoof} | {row.sources} | {row.auc:.3f} ({low:.3f}–{high:.3f})"
            f" | {within} | {share(round(row.false_alarm * row.bona_fide), row.bona_fide)}"
            f" | {share(round(row.detection_rate * row.spoof), row.spoof)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocols", type=Path, nargs="+")
    parser.add_argument("--partition", default="eval")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    settings = load_settings(jobs=arguments.jobs)
    card = video_card(settings.video_model)
    detector, sections = Detector(settings=settings), {}
    for number, path in enumerate(arguments.protocols):
        trials = list(read_protocol(path, partition=arguments.partition))
        found = list(detector.scan_many([trial.file for trial in trials]))
        kept = [(t, r) for t, r in zip(trials, found, strict=True) if isinstance(r, ScanResult)]
        kept_trials, results = [t for t, _ in kept], [r for _, r in kept]
        lost = [
            f"{t.path}: {r.error.message}" for t, r in zip(trials, found, strict=True) if not isinstance(r, ScanResult)
        ]
        print(*lost, sep="\n", file=sys.stderr)
        which = "" if number == 0 else "further-"
        sections[f"{which}parts"] = part_table(kept_trials, results)
        sections[f"{which}sources"] = source_table(kept_trials, results)
        print(sections[f"{which}parts"], sections[f"{which}sources"], sep="\n", flush=True)
    sections["promises"] = promise_table(card)
    sections["left-out"] = left_out_table(card)
    sections["limits"] = "\n".join(f"- {limit}" for limit in card.limits)
    write_page(sections, PAGE)
    write_card(card, evaluate_protocol(arguments.protocols[0], settings=settings, partition=arguments.partition), {})


if __name__ == "__main__":
    main()
