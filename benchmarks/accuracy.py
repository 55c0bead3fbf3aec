"""Measures the shipped detector on a protocol and writes the figures into its card and into docs/audio-detector.md.

    python benchmarks/accuracy.py ../shared/data/audio/protocol.csv --partition eval

Nothing is chosen here: thresholds and calibration are those of the card. Both keys go through every condition alike.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from page import write_page
from splices import RATE, load
from splices import measure as measure_splices

from assay import Detector
from assay.audio.deliveries import filtered
from assay.audio.denoise import NoiseReducer
from assay.data import Trial, read_protocol
from assay.evaluate import ProtocolEvaluation, evaluate_protocol
from assay.metrics import EvaluationOptions, evaluate
from assay.models import DetectorCard, PictureCard, VideoCard, detector_card
from assay.models.registry import weights_folder
from assay.settings import load_settings
from assay.training.codecs import Codec, transcode

Samples = NDArray[np.float32]
SEED = 3


def with_noise(samples: Samples) -> Samples:
    """White noise at 20 dB, the same for the same samples."""
    noise = np.random.default_rng([SEED, len(samples)]).standard_normal(len(samples)).astype(np.float32)
    return samples + noise * np.float32(0.1 * np.sqrt(np.mean(samples**2)))


CONDITIONS: dict[str, Callable[[Samples], Samples]] = {
    "as it comes": lambda x: x,
    "Opus 24 kbit/s": lambda x: transcode(x, Codec("libopus", "ogg", 48_000, 24_000)),
    "MP3 64 kbit/s": lambda x: transcode(x, Codec("libmp3lame", "mp3", 44_100, 64_000)),
    "AMR 12.2 kbit/s": lambda x: transcode(x, Codec("libopencore_amrnb", "amr", 8_000, 12_200)),
    "µ-law 8 kHz": lambda x: transcode(x, Codec("pcm_mulaw", "wav", 8_000)),
    "noise at 20 dB": with_noise,
    "gain -12 dB": lambda x: x * np.float32(0.25),
    "noise reduction": lambda x: filtered(x, NoiseReducer()),
}


def condition_table(trials: Sequence[Trial], detector: Detector) -> tuple[str, dict[str, dict[str, float]]]:
    """EER, AUC and error rates at the card's 1 % point per condition, as markdown and as data."""
    clips = [load(trial) for trial in trials]
    threshold = detector.model.card.decision.file.threshold(0.01)
    lines = [
        "| condition | EER (95 %) | AUC | false alarms at 1 % | detected | verdict turned round |",
        "|---|---|---|---|---|---|",
    ]
    figures: dict[str, dict[str, float]] = {}
    first: list[str] = []
    for name, change in CONDITIONS.items():
        results = [detector.scan((np.clip(change(clip), -1, 1), RATE)) for clip in clips]
        kept = [(t, r) for t, r in zip(trials, results, strict=True) if r.llr is not None]
        report = evaluate(
            np.array([r.llr for _, r in kept], float),
            [t.key for t, _ in kept],
            threshold=threshold,
            sources=[t.source for t, _ in kept],
            options=EvaluationOptions(n_resamples=500),
        )
        verdicts = [r.verdict for r in results]
        first = first or verdicts
        flipped = np.mean([{a, b} == {"spoof", "bona_fide"} for a, b in zip(first, verdicts, strict=True)])
        assert report.decision is not None
        assert report.ranking.eer_interval is not None
        calls, eer = report.decision.confusion, report.ranking.eer_interval
        lines.append(
            f"| {name} | {report.ranking.eer:.3f} ({eer.low:.3f}–{eer.high:.3f}) | {report.ranking.auc:.3f} |"
            f" {calls.bpcer:.3f} | {1 - calls.apcer:.3f} | {flipped:.1%} |"
        )
        figures[name] = {
            "eer": round(report.ranking.eer, 4),
            "eer_low": round(eer.low, 4),
            "eer_high": round(eer.high, 4),
            "auc": round(report.ranking.auc, 4),
            "false_alarm_rate": round(calls.bpcer, 4),
            "detection_rate": round(1 - calls.apcer, 4),
        }
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines), figures


def promise_table(card: DetectorCard | PictureCard | VideoCard) -> str:
    """The card's operating points, measured on development sources."""
    lines = [
        "| promised false alarms | threshold (95 %) | measured, each source at the others' threshold (95 %) |"
        " development spoofs detected (95 %) | beyond measurement |",
        "|---|---|---|---|---|",
    ]
    for point in card.decision.operating_points:
        (low, high), (f_low, f_high) = point.threshold_interval, point.false_alarm_interval
        d_low, d_high = point.detection_interval
        lines.append(
            f"| {point.max_false_alarm:g} | {point.threshold_llr:.2f} ({low:.2f}–{high:.2f}) |"
            f" {point.false_alarm:.4f} ({f_low:.4f}–{f_high:.4f}) |"
            f" {point.detection_rate:.3f} ({d_low:.3f}–{d_high:.3f}) | {'yes' if point.extrapolated else 'no'} |"
        )
    return "\n".join(lines)


def write_card(
    card: DetectorCard | PictureCard | VideoCard,
    evaluation: ProtocolEvaluation,
    conditions: dict[str, dict[str, float]],
) -> None:
    """Put the figures on the card beside the weight."""
    measured = {"partition": "eval", "pooled": evaluation.summary(), "conditions": conditions}
    new = card.model_copy(update={"measured": measured})
    path = weights_folder() / f"{card.name}.json"
    path.write_text(json.dumps(new.model_dump(mode="json"), indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", type=Path)
    parser.add_argument("--partition", default="eval")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    settings = load_settings(jobs=arguments.jobs)
    card = detector_card(settings.audio_model)
    trials = read_protocol(arguments.protocol, partition=arguments.partition)
    evaluation = evaluate_protocol(arguments.protocol, settings=settings, partition=arguments.partition)
    print(evaluation.to_markdown(), file=sys.stderr, flush=True)
    table, conditions = condition_table(trials, Detector(settings=settings))
    sections = {
        "evaluation": evaluation.to_markdown(),
        "conditions": table,
        "promises": promise_table(card),
        "splices": measure_splices(trials),
        "limits": "\n".join(f"- {limit}" for limit in card.limits),
    }
    write_page(sections)
    write_card(card, evaluation, conditions)


if __name__ == "__main__":
    main()
