"""How well parts that were spliced in are found, and how often unspliced recordings are flagged.

    python benchmarks/splices.py ../shared/data/audio/protocol.csv --partition eval

For every source with both keys, bona fide clips of one speaker (or, where no speaker is named, of the source) are
joined to a recording of 60 s, or of what there is if that is at least 30 s. Each spoof of 2 to 4 s of that source then
goes between two clips of one such recording. Unspliced recordings are the same clips in other orders, and recordings
of sources without spoofs. A joined recording is harsher than a real one: its clips differ more than sentences of one
take do.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from page import publish, share

from assay import Detector
from assay.data import Trial, read_protocol

RATE = 16_000
LONG_S, SHORTEST_S = 60.0, 30.0
RATES = (0.05, 0.02, 0.01)
SEED = 1
Samples = NDArray[np.float32]
Splice = tuple[Samples, float, float]


def load(trial: Trial) -> Samples:
    """The clip, mono, 16 kHz (the shared corpus is)."""
    samples, rate = soundfile.read(trial.file, dtype="float32", always_2d=True)
    if rate != RATE:
        raise SystemExit(f"{trial.file} has {rate} Hz; this benchmark reads protocols of 16 kHz clips")
    return samples.mean(axis=1)


def orders(clips: list[Samples], count: int, rng: np.random.Generator) -> list[list[Samples]]:
    """Up to `count` recordings of about `LONG_S` out of the clips in random order; none if they are too few."""
    made = []
    for _ in range(count):
        chosen: list[Samples] = []
        for index in rng.permutation(len(clips)):
            if sum(map(len, chosen)) < LONG_S * RATE:
                chosen.append(clips[int(index)])
        if sum(map(len, chosen)) >= SHORTEST_S * RATE:
            made.append(chosen)
    return made


def splice(recording: list[Samples], spoof: Samples, rng: np.random.Generator) -> Splice:
    """Recording with the spoof between two of its clips, and where it starts and ends in seconds."""
    at = int(rng.integers(1, len(recording)))
    before = np.concatenate(recording[:at])
    # At the level of its surroundings: loudness must not give it away, nor hide it.
    level = np.sqrt(np.mean(before**2) / max(float(np.mean(spoof**2)), 1e-9))
    joined = np.concatenate([before, spoof * np.float32(level), *recording[at:]])
    return joined, len(before) / RATE, (len(before) + len(spoof)) / RATE


def recordings(trials: Sequence[Trial]) -> tuple[list[Samples], list[Splice]]:
    """Unspliced and spliced recordings made of a protocol's clips, decided by `SEED`."""
    rng = np.random.default_rng(SEED)
    bona_fide: dict[tuple[str, str], list[Samples]] = defaultdict(list)
    spoofs: dict[str, list[Samples]] = defaultdict(list)
    for trial in trials:
        if trial.key == "bona_fide":
            bona_fide[trial.source, trial.speaker].append(load(trial))
        else:
            spoofs[trial.source].append(load(trial))
    unspliced, spliced = [], []
    for (source, _), clips in bona_fide.items():
        made = orders(clips, 6, rng)
        unspliced += [np.concatenate(recording) for recording in made]
        fitting = [spoof for spoof in spoofs[source] if 2.0 <= len(spoof) / RATE <= 4.1] if made else []
        spliced += [splice(made[int(rng.integers(len(made)))], spoof, rng) for spoof in fitting]
    return unspliced, spliced


def measure(trials: Sequence[Trial]) -> str:
    """The table, as markdown."""
    unspliced, spliced = recordings(trials)
    lines = [
        f"{len(unspliced)} unspliced and {len(spliced)} spliced recordings,"
        f" {np.mean([len(samples) for samples in unspliced]) / RATE:.0f} s long on average.",
        "",
        "| accepted false alarms | unspliced flagged | spliced flagged | span found overlaps | median edge error |",
        "|---|---|---|---|---|",
    ]
    for rate in RATES:
        detector = Detector(max_false_alarm=rate)
        false = sum(detector.scan((samples, RATE)).verdict in ("spoof", "mixed") for samples in unspliced)
        flagged, errors = 0, []
        for samples, start, end in spliced:
            result = detector.scan((samples, RATE))
            flagged += result.verdict in ("spoof", "mixed")
            spans = [s for s in result.segments if s.suspicious and s.start_s < end and s.end_s > start]
            if spans:
                best = max(spans, key=lambda s: min(s.end_s, end) - max(s.start_s, start))
                errors.append((abs(best.start_s - start), abs(best.end_s - end)))
        edge = f"{np.median(errors):.2f} s" if errors else "–"
        lines.append(
            f"| {rate:g} | {share(false, len(unspliced))} | {share(flagged, len(spliced))} |"
            f" {share(len(errors), len(spliced))} | {edge} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", type=Path)
    parser.add_argument("--partition", default="eval")
    parser.add_argument("--write", action="store_true", help="put the table into docs/audio-detector.md, too")
    arguments = parser.parse_args()
    table = measure(read_protocol(arguments.protocol, partition=arguments.partition))
    publish("splices", table, write=arguments.write)


if __name__ == "__main__":
    main()
