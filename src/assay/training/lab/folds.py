"""Cross-validation: every medium is scored once, by a network that learnt from nothing related to it.

Which check of a fold's training is kept is decided on media split off from those it learns from, never on the fold.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from assay.training.lab.check import Item, check_keys
from assay.training.lab.figures import Floats, Scored, calibrated, figures, joined, write_scores
from assay.training.lab.folder import METRICS, SCORES, write_json
from assay.training.lab.groups import folds_of, split_off
from assay.training.lab.plots import draw
from assay.training.lab.setting import Parts, Setting

log = logging.getLogger("assay.training.lab")


def parts_of(items: Sequence[Item], setting: Setting, number: int) -> Parts:
    """What fold `number` learns from, is checked on and is measured on; no group stands in two of them."""
    run = setting.run
    fold = folds_of(items, run.folds, by=run.data.group_by, seed=run.seed)
    rest = [item for item, own in zip(items, fold, strict=True) if own != number]
    train, validation = split_off(rest, run.data.validation_share, by=run.data.group_by, seed=run.seed)
    measured = [item for item, own in zip(items, fold, strict=True) if own == number]
    return {"train": train, "validation": validation, "test": measured}


def cross_validate(
    setting: Setting, folder: Path, fingerprint: str, train_in: Callable[..., dict[str, Scored]], *, resume: bool
) -> Scored:
    """Train and measure every fold, each in a folder of its own, and write the figures of all together.

    The networks of different folds give scores on different scales; each is calibrated by its own validation part
    before they are pooled.

    Args:
        setting: Of the run.
        folder: Of the run.
        fingerprint: Of the run.
        train_in: Trains one fold, as `assay.training.lab.run.train_in` does.
        resume: Finished folds are not repeated.

    Returns:
        Out-of-fold scores, as llrs.
    """
    items = setting.parts["train"]
    scored, each = [], []
    for number in range(setting.run.folds):
        parts = parts_of(items, setting, number)
        check_keys(parts, one_class=setting.architecture.one_class)
        here = folder / f"fold-{number + 1}"
        log.info("fold %d of %d", number + 1, setting.run.folds)
        told = train_in(replace(setting, parts=parts), here, f"{fingerprint}/{number}", resume=resume)
        calibration, decision = calibrated(told["validation"], setting.run.seed)
        scored.append(Scored(told["test"].items, calibration.apply(told["test"].logits)))
        each.append(figures(told["test"], calibration, decision))
    pooled = joined(scored)
    calibration, decision = calibrated(pooled, setting.run.seed)
    write_scores(folder / SCORES, {f"fold-{number + 1}": part for number, part in enumerate(scored)}, calibration)
    draw(folder, calibration.apply(pooled.logits), pooled.spoof, decision.eer_llr, [])
    told_of = figures(pooled, calibration, decision)
    write_json(
        folder / METRICS,
        {"model": setting.run.model, "folds": setting.run.folds, "out_of_fold": told_of, "spread": _spread(each)},
    )
    return pooled


def _spread(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over folds."""
    found: dict[str, Any] = {}
    for name in ("auc", "eer"):
        values: Floats = np.array([told["pooled"]["ranking"][name] for told in each])
        found[name] = {"mean": float(values.mean()), "sd": float(values.std(ddof=1)), "folds": values.tolist()}
    return found
