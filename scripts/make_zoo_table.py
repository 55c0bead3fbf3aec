"""Makes the tables of `docs/zoo.md` from run folders, and `docs/zoo.csv` with the same figures unrounded.

    python scripts/make_zoo_table.py runs/zoo

In the folder lie, for each medium, the run folders of `assay train all` with `recipes/zoo-MEDIA.toml` (``audio``),
those of the cross-validation with `recipes/zoo-MEDIA-folds.toml` (``audio-folds``) and what `assay evaluate
--robustness --format json` wrote for each run (``audio-robustness/RUN.json``). What is missing stays empty. Times are
taken here: one input through ONNX Runtime with one thread, the median of rounds in which all models take turns.
"""

from __future__ import annotations

import csv
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from assay.models.known import known_input
from assay.training.zoo import architecture
from assay.training.zoo.counts import count

PAGE = Path(__file__).parent.parent / "docs" / "zoo.md"
ROUNDS = 25
CLEAN = "as it comes"
ATTACKS = ("FGSM", "PGD")


def main(runs: Path) -> None:
    """Fill the tables in."""
    text = PAGE.read_text(encoding="utf-8")
    every: list[dict[str, Any]] = []
    for media in ("audio", "image", "video"):
        rows = [row for folder in finished(runs / media) if (row := row_of(folder, runs, media))]
        time_all(rows)
        rows.sort(key=lambda row: -row["auc"])
        before, rest = text.split(f"<!-- {media} -->\n", 1)
        _, after = rest.split(f"<!-- end of {media} -->", 1)
        text = f"{before}<!-- {media} -->\n{table(rows)}\n<!-- end of {media} -->{after}"
        every += rows
    PAGE.write_text(text, encoding="utf-8")
    columns = [name for name in every[0] if name != "folder"]
    with PAGE.with_suffix(".csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(every)


def finished(folder: Path) -> list[Path]:
    """Run folders that hold figures."""
    return sorted(path.parent for path in folder.glob("*/metrics.json"))


def row_of(folder: Path, runs: Path, media: str) -> dict[str, Any]:
    """All that is known of one run."""
    metrics = read(folder / "metrics.json")
    card = read(folder / "card.json")
    one = architecture(card["architecture"])
    counts = count(one.make(**card["options"]), one.example(1))
    ranking = metrics["test"]["pooled"]["ranking"]
    return {
        "media": media,
        "model": card["architecture"],
        "variant": variant_of(one, card["options"]),
        "parameters": metrics["parameters"],
        "multiply_adds": counts.multiply_adds,
        "bytes": (folder / "model.onnx").stat().st_size,
        "milliseconds": 0.0,
        "steps": metrics["training"]["steps"],
        "auc": ranking["auc"],
        "auc_low": ranking["auc_interval"]["low"],
        "auc_high": ranking["auc_interval"]["high"],
        "eer": ranking["eer"],
        "eer_low": ranking["eer_interval"]["low"],
        "eer_high": ranking["eer_interval"]["high"],
        "bona_fide": metrics["test"]["counts"]["bona_fide"],
        "spoof": metrics["test"]["counts"]["spoof"],
        **folds_of(runs / f"{media}-folds", card),
        **robustness_of(runs / f"{media}-robustness" / f"{folder.name}.json"),
        "folder": folder,
    }


def variant_of(one: Any, options: dict[str, Any]) -> str:
    """Name of the variant whose options these are; empty for none."""
    for name, its in one.variants:
        if all(json.dumps(options.get(key)) == json.dumps(value) for key, value in dict(its).items()):
            return str(name)
    return ""


def folds_of(folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    """Out-of-fold figures of the same architecture with the same options."""
    empty = dict.fromkeys(("fold_auc", "fold_auc_low", "fold_auc_high", "fold_eer"))
    for path in finished(folder):
        metrics = read(path / "metrics.json")
        of = path / "fold-1" / "card.json"
        if metrics.get("folds") and metrics["model"] == card["architecture"] and of.exists():
            if read(of)["options"] != card["options"]:
                continue
            ranking = metrics["out_of_fold"]["pooled"]["ranking"]
            interval = ranking["auc_interval"]
            return {
                "fold_auc": ranking["auc"],
                "fold_auc_low": interval["low"],
                "fold_auc_high": interval["high"],
                "fold_eer": ranking["eer"],
            }
    return empty


def robustness_of(path: Path) -> dict[str, Any]:
    """Mean change of the area over conditions, the worst condition, and the area under attack."""
    if not path.exists():
        return dict.fromkeys(("clean_sample_auc", "mean_change", "worst_change", "worst", "fgsm_auc", "pgd_auc"))
    rows = [row for row in read(path)["robustness"] if row["auc"] is not None]
    changes = {
        row["condition"]: row["auc_change"]["value"]
        for row in rows
        if row["condition"] != CLEAN and not row["condition"].startswith(ATTACKS)
    }
    worst = min(changes, key=lambda name: changes[name])
    attacked = {row["condition"].split(",")[0].lower(): row["auc"] for row in rows if row["condition"] != CLEAN}
    return {
        "clean_sample_auc": next(row["auc"] for row in rows if row["condition"] == CLEAN),
        "mean_change": statistics.fmean(changes.values()),
        "worst_change": changes[worst],
        "worst": worst,
        "fgsm_auc": attacked.get("fgsm"),
        "pgd_auc": attacked.get("pgd"),
    }


def time_all(rows: list[dict[str, Any]]) -> None:
    """Milliseconds of one input of each, taking turns."""
    sessions = []
    for row in rows:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        card = read(row["folder"] / "card.json")
        session = onnxruntime.InferenceSession(
            row["folder"] / "model.onnx", options, providers=["CPUExecutionProvider"]
        )
        given = {card["input"]: np.ascontiguousarray(known_input(tuple(card["shape"]), integer=card["integer"])[:1])}
        session.run(None, given)
        sessions.append((session, given))
    times: list[list[float]] = [[] for _ in rows]
    for _ in range(ROUNDS):
        for taken, (session, given) in zip(times, sessions, strict=True):
            begun = time.perf_counter()
            session.run(None, given)
            taken.append(1000 * (time.perf_counter() - begun))
    for row, taken in zip(rows, times, strict=True):
        row["milliseconds"] = statistics.median(taken)


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| model | parameters | multiply-adds | MB | ms | eval AUC | eval EER | out-of-fold AUC, EER |"
        " after conditions, the worst | FGSM, PGD |",
        "|---|--:|--:|--:|--:|---|---|---|---|---|",
    ]
    for row in rows:
        variant = f", {row['variant']}" if row["variant"] else ""
        folds, robust, attacked = "–", "–", "–"
        if row["fold_auc"] is not None:
            folds = (
                f"{row['fold_auc']:.3f} ({row['fold_auc_low']:.2f}–{row['fold_auc_high']:.2f}), {row['fold_eer']:.3f}"
            )
        if row["mean_change"] is not None:
            robust = f"{row['mean_change']:+.3f}, {row['worst_change']:+.3f} {row['worst']}"
        if row["fgsm_auc"] is not None:
            attacked = (
                f"{row['fgsm_auc']:.2f}, {row['pgd_auc']:.2f}"
                if row["pgd_auc"] is not None
                else f"{row['fgsm_auc']:.2f}"
            )
        lines.append(
            f"| `{row['model']}`{variant} | {row['parameters']:,} | {row['multiply_adds'] / 1e6:.0f} M |"
            f" {row['bytes'] / 1e6:.1f} | {row['milliseconds']:.1f} |"
            f" {row['auc']:.3f} ({row['auc_low']:.2f}–{row['auc_high']:.2f}) |"
            f" {row['eer']:.3f} ({row['eer_low']:.2f}–{row['eer_high']:.2f}) | {folds} | {robust} | {attacked} |"
        )
    return "\n".join(lines)


def read(path: Path) -> dict[str, Any]:
    """A JSON file."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


if __name__ == "__main__":
    main(Path(sys.argv[1]))
