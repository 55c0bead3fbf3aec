"""`assay train search`: settings tried by Optuna, each by a short training; nothing is exported."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.data.optional import optional
from assay.data.protocol import write_csv
from assay.errors import TrainingError
from assay.training.lab.config import Run, changed, to_toml
from assay.training.lab.fit import fit
from assay.training.lab.run import best_of
from assay.training.lab.setting import Setting, ready
from assay.training.lab.weights import begin

TRIALS, BEST = "trials.csv", "best.toml"
DEFAULT: dict[str, Any] = {
    "optimisation.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "optimisation.weight_decay": {"low": 1e-4, "high": 1e-1, "log": True},
    "optimisation.label_smoothing": {"low": 0.0, "high": 0.1},
}
log = logging.getLogger("assay.training.lab")


def search(
    run: Run, protocols: Sequence[Path], folder: Path, *, trials: int, caches: Path | None = None, jobs: int = 1
) -> Path:
    """Try settings and write the best.

    Args:
        run: How each is trained; its ``search`` table names the space, by dotted name: ``{low, high}`` with ``log`` or
            ``step``, or a list of choices. Without it, learning rate, weight decay and label smoothing.
        protocols: CSV files used together.
        folder: For ``trials.csv`` and ``best.toml``, a recipe for `assay train`.
        trials: How many settings.
        caches: Folder of decoded media; ``cache`` beside `folder` if None.
        jobs: Processes that decode.

    Returns:
        Path of ``best.toml``.

    Raises:
        MissingExtra: If optuna is not installed.
        TrainingError: If the space is wrong, or no setting could be trained.
    """
    optuna: Any = optional("optuna", "train", "A search")
    space = _flat(run.search) or DEFAULT
    for name, values in space.items():
        changed(run, {name: _checked(name, values)})
    setting = ready(run, protocols, caches or folder.parent / "cache", jobs=jobs)
    monitor = run.optimisation.monitor
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # what fails is told by ourselves
    direction = "maximize" if monitor == "auc" else "minimize"
    study = optuna.create_study(direction=direction, sampler=optuna.samplers.TPESampler(seed=run.seed))
    folder.mkdir(parents=True, exist_ok=True)

    def tried(trial: Any) -> float:
        given = {name: _suggested(trial, name, values) for name, values in space.items()}
        one = changed(run, given)
        try:
            value = best_of(_history(setting, one), monitor)
        except TrainingError as error:
            log.warning("trial %d of %d with %s: %s", trial.number + 1, trials, given, error.message)
            raise
        log.info("trial %d of %d: %s %.4f with %s", trial.number + 1, trials, monitor, value, given)
        return value

    study.optimize(tried, n_trials=trials, catch=(TrainingError,))
    done = [trial for trial in study.trials if trial.value is not None]
    write_csv(
        folder / TRIALS,
        ["trial", monitor, *space],
        ([t.number, t.value, *(json.dumps(t.params.get(name)) for name in space)] for t in study.trials),
    )
    if not done:
        raise TrainingError(f"None of {trials} settings could be trained; '{folder / TRIALS}' lists them.")
    best = changed(run, study.best_params)
    (folder / BEST).write_text(to_toml(best.model_dump(exclude={"search"})), encoding="utf-8")
    log.info("best %s %.4f: %s", monitor, study.best_value, study.best_params)
    return folder / BEST


def _flat(space: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """Tables within tables as dotted names, down to ``{low, high}`` and lists."""
    found: dict[str, Any] = {}
    for key, values in space.items():
        own = f"{name}.{key}" if name else key
        if isinstance(values, Mapping) and "low" not in values:
            found |= _flat(values, own)
        else:
            found[own] = values
    return found


def _history(setting: Setting, run: Run) -> Sequence[dict[str, float]]:
    """Checks of a training of which nothing else is kept."""
    with tempfile.TemporaryDirectory(prefix="assay-search-") as work:
        return fit(
            begin(setting.architecture, run),
            run,
            setting.reader("train"),
            setting.reader("validation"),
            Path(work),
            fingerprint="search",
            resume=False,
        ).history


def _checked(name: str, values: Any) -> Any:
    """One value of a space.

    Raises:
        TrainingError: If it is none.
    """
    if isinstance(values, Sequence) and not isinstance(values, str) and values:
        return values[0]
    if isinstance(values, Mapping) and {"low", "high"} <= set(values) <= {"low", "high", "log", "step"}:
        return values["low"]
    raise TrainingError(
        f"The space of '{name}' is {values!r}; it takes a list of choices, or low and high, with log or step."
    )


def _suggested(trial: Any, name: str, values: Any) -> Any:
    if not isinstance(values, Mapping):
        return trial.suggest_categorical(name, list(values))
    low, high, log_scale = values["low"], values["high"], bool(values.get("log", False))
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, step=values.get("step", 1), log=log_scale)
    return trial.suggest_float(name, float(low), float(high), step=values.get("step"), log=log_scale)
