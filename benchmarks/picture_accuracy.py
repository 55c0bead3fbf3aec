"""Measures the shipped picture detector on protocols and writes the figures into its card and docs/picture-detector.md.

    python benchmarks/picture_accuracy.py ../shared/data/image/protocol.csv more/protocol.csv --partition eval

The first protocol is what the card speaks of; further ones are reported beside it. Nothing is chosen here: thresholds
and calibration are those of the card. Both keys go through every condition alike.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from accuracy import promise_table, write_card
from numpy.typing import NDArray
from page import share, write_page
from picture_statistics import table_of
from PIL import Image

from assay import Detector, ScanResult
from assay.data import Trial, read_protocol
from assay.evaluate import ProtocolEvaluation, evaluate_protocol
from assay.media.pictures import open_picture
from assay.metrics import EvaluationOptions, auc, evaluate
from assay.models import picture_card
from assay.settings import Settings, load_settings

PAGE = Path(__file__).parent.parent / "docs" / "picture-detector.md"
Pixels = NDArray[np.uint8]


def saved(image: Image.Image, quality: int) -> bytes:
    """As a JPEG file."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def as_png(image: Image.Image) -> bytes:
    """As a PNG file."""
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def halved(image: Image.Image) -> bytes:
    """Half the size, as PNG."""
    size = max(1, image.width // 2), max(1, image.height // 2)
    return as_png(image.resize(size, Image.Resampling.BICUBIC))


CONDITIONS: dict[str, Callable[[Image.Image], bytes]] = {
    "PNG without metadata": as_png,
    "JPEG 75": lambda image: saved(image, 75),
    "half the size": halved,
    "half the size, JPEG 75": lambda image: saved(Image.open(io.BytesIO(halved(image))), 75),
}


def condition_table(
    trials: Sequence[Trial], detector: Detector, settings: Settings
) -> tuple[str, dict[str, dict[str, float]]]:
    """AUC and error rates at the card's 1 % point per condition, as markdown and as data."""
    threshold = detector.picture_model.card.decision.file.threshold(0.01)
    lines = [
        "| condition | AUC (95 %) | within sources | false alarms at 1 % | detected | verdict turned round |",
        "|---|---|---|---|---|---|",
    ]
    figures: dict[str, dict[str, float]] = {}
    first: list[str] = []
    images = [Image.fromarray(open_picture(trial.file, settings=settings).pixels) for trial in trials]
    for name, change in CONDITIONS.items():
        results = list(detector.scan_many([change(image) for image in images], expanded=True))
        kept = [(t, r) for t, r in zip(trials, results, strict=True) if isinstance(r, ScanResult) and r.llr is not None]
        llrs, keys = np.array([r.llr for _, r in kept], float), [t.key for t, _ in kept]
        sources = [t.source for t, _ in kept]
        options = EvaluationOptions(n_resamples=500)
        report = evaluate(llrs, keys, threshold=threshold, sources=sources, options=options)
        verdicts = [r.verdict if isinstance(r, ScanResult) else "error" for r in results]
        first = first or verdicts
        turned = np.mean([{a, b} == {"spoof", "bona_fide"} for a, b in zip(first, verdicts, strict=True)])
        assert report.decision is not None
        assert report.ranking.auc_interval is not None
        calls, interval = report.decision.confusion, report.ranking.auc_interval
        inside = within(llrs, keys, sources)
        lines.append(
            f"| {name} | {report.ranking.auc:.3f} ({interval.low:.3f}–{interval.high:.3f}) | {inside:.3f} |"
            f" {calls.bpcer:.3f} | {1 - calls.apcer:.3f} | {turned:.1%} |"
        )
        figures[name] = {
            "auc": round(report.ranking.auc, 4),
            "auc_within_sources": round(inside, 4),
            "false_alarm_rate": round(calls.bpcer, 4),
            "detection_rate": round(1 - calls.apcer, 4),
        }
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines), figures


GAME = "kaivalyagandhi/ai-or-not-game"
PORTRAITS = ("CivilServiceUSA/us-governors", "CivilServiceUSA/us-senate")
# Of the shared protocol: what it is, sources of bona fide pictures (none: all), sources of spoofs, what was aimed at.
KINDS: tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...] = (
    ("faces: StyleGAN2 and landmark swaps against official portraits", PORTRAITS,
     ("u1i/ai-faces", "wuhuikai/FaceSwap"), "0.85"),
    ("of these StyleGAN2", PORTRAITS, ("u1i/ai-faces",), ""),
    ("of these landmark swaps", PORTRAITS, ("wuhuikai/FaceSwap",), ""),
    ("whole pictures: text-to-image, mostly screenshots of it, against the same game's photographs and camera files",
     (GAME, "ianare/exif-samples"), (GAME,), "0.80"),
    ("the same against the game's photographs alone", (GAME,), (GAME,), "0.75"),
    ("the same against all bona fide pictures", (), (GAME,), ""),
)  # fmt: skip


def kinds(evaluation: ProtocolEvaluation) -> str:
    """AUC of each of `KINDS`, with 95 % by resampling pictures."""
    lines = ["| kind | bona fide | spoof | AUC | aim |", "|---|---|---|---|---|"]
    rows = [row for row in evaluation.rows if row["llr"] is not None]
    for name, bona, spoof, aim in KINDS:
        own = [float(row["llr"]) for row in rows if row["key"] == "bona_fide" and (not bona or row["source"] in bona)]
        other = [float(row["llr"]) for row in rows if row["key"] == "spoof" and row["source"] in spoof]
        if not own or not other:
            continue
        area, rng = auc(np.array(own), np.array(other)), np.random.default_rng(0)
        drawn = [auc(rng.choice(own, len(own)), rng.choice(other, len(other))) for _ in range(1000)]
        low, high = np.quantile(drawn, (0.025, 0.975))
        missed = ", **not reached**" if aim and area < float(aim) else ""
        lines.append(f"| {name} | {len(own)} | {len(other)} | {area:.3f} ({low:.3f}–{high:.3f}) | {aim}{missed} |")
    return "\n".join(lines)


def within(llrs: NDArray[np.float64], keys: Sequence[str], sources: Sequence[str]) -> float:
    """AUC averaged over sources that hold both keys; nan if none does."""
    spoof, names = np.array([key == "spoof" for key in keys]), np.array(sources)
    areas = [
        auc(llrs[own & ~spoof], llrs[own & spoof])
        for own in (names == name for name in sorted(set(sources)))
        if (own & spoof).any() and (own & ~spoof).any()
    ]
    return float(np.mean(areas)) if areas else float("nan")


def false_alarms(evaluations: Sequence[ProtocolEvaluation]) -> str:
    """Bona fide pictures flagged at the default point, by source."""
    lines = ["| bona fide pictures of | flagged (95 %) | cannot tell | files |", "|---|---|---|---|"]
    rows = [row for evaluation in evaluations for row in evaluation.rows if row["key"] == "bona_fide"]
    for source in sorted({row["source"] for row in rows}):
        verdicts = [row["verdict"] for row in rows if row["source"] == source]
        flagged = sum(verdict in ("spoof", "mixed") for verdict in verdicts)
        unsure = sum(verdict == "inconclusive" for verdict in verdicts)
        lines.append(f"| {source} | {share(flagged, len(verdicts))} | {unsure / len(verdicts):.0%} | {len(verdicts)} |")
    flagged = sum(row["verdict"] in ("spoof", "mixed") for row in rows)
    lines.append(f"| all | {share(flagged, len(rows))} | | {len(rows)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocols", type=Path, nargs="+")
    parser.add_argument("--partition", default="eval")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    settings = load_settings(jobs=arguments.jobs)
    card = picture_card(settings.image_model)
    evaluations = [
        evaluate_protocol(path, settings=settings, partition=arguments.partition) for path in arguments.protocols
    ]
    for evaluation in evaluations:
        print(evaluation.to_markdown(), file=sys.stderr, flush=True)
    trials = read_protocol(arguments.protocols[0], partition=arguments.partition)
    table, conditions = condition_table(trials, Detector(settings=settings), settings)
    sections = {
        "evaluation": evaluations[0].to_markdown(),
        "further": "\n\n".join(evaluation.to_markdown() for evaluation in evaluations[1:]),
        "kinds": kinds(evaluations[0]),
        "conditions": table,
        "files": table_of(read_protocol(arguments.protocols[0], partition="train"), trials, settings),
        "false-alarms": false_alarms(evaluations),
        "promises": promise_table(card),
        "limits": "\n".join(f"- {limit}" for limit in card.limits),
    }
    write_page(sections, PAGE)
    write_card(card, evaluations[0], conditions)


if __name__ == "__main__":
    main()
