"""`assay train audio|image|video MODEL`: from a protocol to a run folder, in one command that can be interrupted."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assay.errors import TrainingError
from assay.models.card import Calibration, ZooCard, ZooDecision
from assay.training.lab.config import Run
from assay.training.lab.decode import watched_by
from assay.training.lab.export import Exported, check_parity, export, input_name, score
from assay.training.lab.figures import Scored, calibrated, figures, write_scores
from assay.training.lab.fit import Fitted, fit
from assay.training.lab.folder import METRICS, SCORES, run_folder, write_json
from assay.training.lab.plots import draw
from assay.training.lab.setting import Setting, ready
from assay.training.lab.weights import WEIGHTS, begin, write_weights
from assay.training.publish import commit_of, data_of, write_model

ONNX, CARD = "model.onnx", "card.json"
LIMITS = (
    "Trained by the general trainer as one of many; see its metrics before relying on it.",
    "Says nothing about speech activity, faces or quality of what it is given.",
)
FEW = "Too few validation files or sources to promise false-alarm rates."
log = logging.getLogger("assay.training.lab")


def train(
    run: Run, protocols: Sequence[Path], out: Path, *, caches: Path | None = None, resume: bool = False, jobs: int = 1
) -> Path:
    """Train one architecture, measure it and write its run folder.

    Args:
        run: How; see `assay.training.lab.config`.
        protocols: CSV files used together; their partitions are those that the run names.
        out: Folder of run folders.
        caches: Folder of decoded media, which many runs share; ``cache`` in `out` if None.
        resume: Go on with the newest run of the same settings and data, if any; a finished one is not repeated.
        jobs: Processes that decode.

    Returns:
        The run folder.

    Raises:
        ProtocolError: If a protocol is malformed.
        DataError: If data are bad and errors stop the run.
        TrainingError: If settings, data and weights do not fit together.
    """
    setting = ready(run, protocols, caches or out / "cache", jobs=jobs)
    fingerprint = setting.fingerprint()
    folder = run_folder(run, fingerprint, out, resume=resume)
    if (folder / METRICS).exists():
        log.info("%s is finished already", folder)
    elif run.folds:
        from assay.training.lab.folds import cross_validate

        cross_validate(setting, folder, fingerprint, train_in, resume=resume)
    else:
        train_in(setting, folder, fingerprint, resume=resume)
    return folder


def train_in(setting: Setting, folder: Path, fingerprint: str, *, resume: bool) -> dict[str, Scored]:
    """Train with the parts of a setting and write everything into a folder.

    Returns:
        What was measured: the scores of ``validation`` and, if there is one, ``test``.
    """
    run, one = setting.run, setting.architecture
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    fitted = fit(
        begin(one, run),
        run,
        setting.reader("train"),
        setting.reader("validation"),
        folder,
        fingerprint=fingerprint,
        resume=resume,
    )
    write_weights(fitted.net, folder / WEIGHTS, {"model": run.model, "options": json.dumps(run.options)})
    weight = export(fitted.net, one)
    answer = Exported.of(weight, one)
    parity = check_parity(fitted.net, answer, setting.reader("validation"))
    roles = [role for role in ("validation", "test") if setting.parts[role]]
    scored = {role: score(answer, setting.reader(role), run.data.windows) for role in roles}
    calibration, decision = calibrated(scored["validation"], run.seed)
    told = {role: figures(part, calibration, decision) for role, part in scored.items()}
    parameters = sum(value.numel() for value in fitted.net.parameters())
    card = _card(setting, answer, calibration, decision, parity, parameters, told)
    write_model(weight, card, ZooCard, folder).replace(folder / CARD)
    write_scores(folder / SCORES, scored, calibration)
    shown = scored.get("test", scored["validation"])
    if shown.both_keys():
        draw(folder, calibration.apply(shown.logits), shown.spoof, decision.eer_llr, fitted.history)
    write_json(
        folder / METRICS,
        {
            "model": run.model,
            "parameters": parameters,
            "seconds": round(time.monotonic() - begun, 1),
            "training": _training(setting, fitted, scored),
            **told,
            "history": list(fitted.history),
        },
    )
    log.info("%s: %s", folder, summary(told))
    return scored


def summary(told: dict[str, Any]) -> dict[str, float]:
    """Area under the curve and equal error rate of each part that has them."""
    pooled = {role: part["pooled"]["ranking"] for role, part in told.items() if "pooled" in part}
    return {f"{role}_{name}": round(ranking[name], 4) for role, ranking in pooled.items() for name in ("auc", "eer")}


def _training(setting: Setting, fitted: Fitted, scored: dict[str, Scored]) -> dict[str, Any]:
    """How it went, and what was left out."""
    spent = sum(row["seconds"] for row in fitted.history)
    busy = sum(row["seconds"] * row["network_share"] for row in fitted.history)
    unread = {role: len(setting.parts[role]) - len(part.items) for role, part in scored.items()}
    return {
        "epochs": len(fitted.history),
        "steps": fitted.history[-1]["step"],
        "seconds": round(spent, 1),
        "network_share": round(busy / max(spent, 1e-9), 4),
        "trials": {role: len(part) for role, part in setting.parts.items()},
        "left_out": {**setting.left_out, "unreadable in training": fitted.unread, **{
            f"unreadable in {role}": count for role, count in unread.items()}},
    }  # fmt: skip


def _card(
    setting: Setting,
    answer: Exported,
    calibration: Calibration,
    decision: ZooDecision,
    parity: float,
    parameters: int,
    told: dict[str, Any],
) -> dict[str, Any]:
    run, one = setting.run, setting.architecture
    form = setting.cache.form
    files = ((item.trial.source, item.trial.key) for item in setting.reader("train").items)
    return {
        "name": run.model,
        "version": run.version,
        "kind": "zoo-detector",
        "summary": one.summary,
        "file": ONNX,
        "licence_weights": "as the data that it was trained on allow",
        "origin": f"trained by `assay train {one.media} {run.model}` with the config.toml beside it",
        "limits": LIMITS if decision.operating_points else (*LIMITS, FEW),
        "known_answer": answer.known_answer().model_dump(),
        "recipe": "config.toml",
        "commit": commit_of(Path(__file__)),
        "calibration": calibration.model_dump(),
        "precision": {"kept": "float32"},
        "data": data_of(files, setting.licences()),
        "measured": summary(told),
        "architecture": run.model,
        "options": run.options,
        "media": one.media,
        "input": input_name(one),
        "shape": one.shape,
        "integer": one.integer,
        "views": run.data.windows if one.media == "audio" else 1,
        "longest_s": form.longest_s,
        "look": form.look,
        "stored_pixels": form.stored_pixels,
        "features_sha256": watched_by(form),
        "parameters": parameters,
        "parity": parity,
        "decision": decision.model_dump(),
    }


def best_of(history: Sequence[dict[str, float]], monitor: str) -> float:
    """The best check of a training by what it monitors: the highest area, or the lowest loss or error rate.

    Raises:
        TrainingError: If there was no check.
    """
    if not history:
        raise TrainingError("Training ended before its first check. Give it more time or smaller epochs.")
    values = np.array([row[f"val_{monitor}"] for row in history])
    return float(values.max() if monitor == "auc" else values.min())
