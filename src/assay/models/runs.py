"""Networks that were trained here, in folders of their own: found by path or by name, checked like shipped weights.

A run folder is what `assay train audio|image|video MODEL` leaves: ``card.json`` (`assay.models.card.ZooCard`), the ONNX
file that it names, and more that is of no concern here. A model is looked for

    1. among the shipped ones, by name;
    2. in the folder that the setting ``models_dir`` names: ``NAME``, or the newest ``NAME-<time>`` that has a card;
    3. as the path of a run folder.

What holds a slash is a path and nothing else, so that no name reaches outside ``models_dir``. Cards are data of
strangers: validated, never run.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay.errors import CardError, ModelNotFound, SettingsError
from assay.models.card import ZooCard
from assay.models.registry import load_card, model_names
from assay.models.weights import verified

CARD: Final = "card.json"
MOST_CARD_BYTES: Final = 4 * 2**20
FIELDS: Final = {"audio": "audio_model", "image": "image_model", "video": "video_model"}
WHAT: Final = {"audio": "sound", "image": "pictures", "video": "videos"}
_KINDS: Final = {"audio-detector": "audio", "picture-detector": "image", "video-detector": "video"}
_STAMP = r"-(\d{8}T\d{6})(?:-(\d{1,3}))?"  # as `assay.training.lab.folder` writes it
_MOST_LISTED = 20


@dataclass(frozen=True)
class TrainedRun:
    """A network in its folder.

    Attributes:
        folder: Of the run.
        card: Its card.
    """

    folder: Path
    card: ZooCard

    def weight(self) -> bytes:
        """Bytes of its ONNX file, checked against its card.

        Raises:
            WeightMismatch: If the file is missing or unreadable, or its SHA-256 differs.
        """
        return verified(self.folder / self.card.file, self.card, remedy="Train or copy it again.")


def read_run(folder: Path) -> TrainedRun:
    """Read the card of a run folder.

    Raises:
        ModelNotFound: If there is none.
        CardError: If it cannot be read, or is not the card of a network of the zoo.
    """
    path = folder / CARD
    if not path.is_file():
        raise ModelNotFound(
            f"'{folder}' holds no {CARD}: it is no finished run of `assay train audio|image|video MODEL`. Of a run with"
            " folds name one of its folders, such as fold-1.",
            model=str(folder),
        )
    try:
        if path.stat().st_size > MOST_CARD_BYTES:
            raise CardError(f"The card '{path}' is longer than {MOST_CARD_BYTES} bytes; no card is.", model=str(folder))
        return TrainedRun(folder, ZooCard.model_validate_json(path.read_bytes()))
    except (OSError, ValueError) as error:  # pydantic's ValidationError is a ValueError
        raise CardError(f"The card '{path}' is malformed: {error}. Train it again.", model=str(folder)) from error


def find_run(name: str, models_dir: Path | None) -> TrainedRun | None:
    """The run of a name or path; None for a shipped model.

    Args:
        name: Of a model, a run folder or an architecture; or a path.
        models_dir: Folder of run folders, if there is one.

    Raises:
        ModelNotFound: If there is no such model; the message lists what there is.
        CardError: If its card is malformed.
    """
    if name in model_names():
        return None
    folder = None if models_dir is None or not _is_plain(name) else _within(models_dir, name)
    if folder is None and _is_folder(name):
        folder = Path(name)
    if folder is None:
        raise unknown_model(name, models_dir)
    return read_run(folder)


def run_names(models_dir: Path | None) -> list[str]:
    """Names of the folders in a folder that have a card, sorted; those without one are no models.

    Raises:
        SettingsError: If it is no folder that can be read.
    """
    if models_dir is None:
        return []
    try:
        return sorted(entry.name for entry in os.scandir(models_dir) if (models_dir / entry.name / CARD).is_file())
    except OSError as error:
        raise SettingsError(
            f"models_dir: '{models_dir}' cannot be listed ({error.strerror}). Name a folder of run folders."
        ) from error


def setting_of(name: str, models_dir: Path | None) -> str:
    """The setting that a model goes into, by the medium that it judges; ``audio_model`` for one that there is not.

    Raises:
        CardError: If its card is malformed.
        SettingsError: If `models_dir` cannot be read.
    """
    try:
        run = find_run(name, models_dir)
    except ModelNotFound:
        return FIELDS["audio"]  # whoever loads it tells what there is
    return FIELDS[_KINDS.get(load_card(name).kind, "audio") if run is None else run.card.media]


def unknown_model(name: str, models_dir: Path | None) -> ModelNotFound:
    """The error that lists what there is."""
    runs = run_names(models_dir)
    if models_dir is None:
        further = "Networks of your own are named by the path of their run folder, or looked for in `models_dir`."
    elif runs:
        more = f" and {len(runs) - _MOST_LISTED} more" if len(runs) > _MOST_LISTED else ""
        further = f"In '{models_dir}' there are: {', '.join(runs[:_MOST_LISTED])}{more}."
    else:
        further = f"'{models_dir}' (models_dir) holds no run folders."
    shipped = ", ".join(model_names())
    return ModelNotFound(f"There is no model '{name}'. `assay models` lists: {shipped}. {further}", model=name)


def _is_plain(name: str) -> bool:
    """Whether a name is one part of a path, on any system."""
    return bool(name) and name not in (".", "..") and not any(sign in name for sign in "/\\:\0")


def _within(models_dir: Path, name: str) -> Path | None:
    """The folder of that name, else the newest run of that architecture; None if neither has a card."""
    known = run_names(models_dir)
    if name in known:
        return models_dir / name
    pattern = re.compile(re.escape(name) + _STAMP)
    runs = [(match[1], int(match[2] or 1), one) for one in known if (match := pattern.fullmatch(one))]
    return models_dir / max(runs)[2] if runs else None


def _is_folder(name: str) -> bool:
    try:
        return bool(name) and Path(name).is_dir()
    except (OSError, ValueError):  # too long, or with a NUL
        return False
