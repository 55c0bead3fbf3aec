"""`assay train all`: every architecture of a medium with one budget, and a table of what came out."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.data.protocol import write_csv
from assay.errors import AssayError
from assay.training.lab.config import Run, changed
from assay.training.lab.folder import METRICS
from assay.training.lab.run import train
from assay.training.zoo import Media, architecture, names

COLUMNS = (
    "model", "variant", "epochs", "steps", "batch", "seconds", "parameters",
    "validation_auc", "validation_eer", "test_auc", "test_eer", "folder", "error",
)  # fmt: skip
log = logging.getLogger("assay.training.lab")


def train_all(
    run: Run,
    media: Media,
    protocols: Sequence[Path],
    out: Path,
    *,
    variants: bool = False,
    resume: bool = False,
    caches: Path | None = None,
    jobs: int = 1,
) -> Path:
    """Train every architecture of a medium alike; one that fails is told in the table, and the others go on.

    Args:
        run: The budget and everything else; its model and options are those of each architecture.
        media: Which.
        protocols: CSV files used together.
        out: Folder of run folders and of the table.
        variants: Train the variants that architectures name, too.
        resume: Finished runs of the same settings and data are not repeated, an interrupted one is gone on with.
        caches: Folder of decoded media; ``cache`` in `out` if None.
        jobs: Processes that decode.

    Returns:
        Path of the table, a CSV.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"all-{media}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}.csv"
    rows: list[dict[str, Any]] = []
    for name in names(media):
        options = [("", {}), *(architecture(name).variants if variants else ())]
        for variant, given in options:
            row = {"model": name, "variant": variant, "batch": run.data.batch_size}
            try:
                one = changed(run, {"model": name, "options": {**run.options, **given}})
                folder = train(one, protocols, out, caches=caches, resume=resume, jobs=jobs)
                row |= _told(folder)
            except AssayError as error:
                log.error("%s: %s", name, error.message)
                row["error"] = error.message
            rows.append(row)
            write_csv(path, COLUMNS, ([each.get(column, "") for column in COLUMNS] for each in rows))
    return path


def _told(folder: Path) -> dict[str, Any]:
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    training = metrics.get("training", {})
    row = {"folder": folder.name, "parameters": metrics.get("parameters", ""), "seconds": metrics.get("seconds", "")}
    row |= {name: training.get(name, "") for name in ("epochs", "steps")}
    for role in ("validation", "test", "out_of_fold"):
        pooled = metrics.get(role, {}).get("pooled")
        if pooled:
            shown = "test" if role == "out_of_fold" else role
            row |= {f"{shown}_{name}": round(pooled["ranking"][name], 4) for name in ("auc", "eer")}
    return row
