"""The recipe of a video detector; see `assay.training.recipe` for what recipes are."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import Field

from assay.training.recipe import Part, read_recipe
from assay.training.video.fit import TemporalPlan
from assay.training.video.network import Kind


class VideoRecipe(Part):
    """One training run."""

    name: str = Field(pattern=r"^[\w-]+$", description="of the weight and its card")
    version: str
    seed: int = Field(ge=0, lt=2**32, description="decides everything that is drawn")
    picture_model: str = Field(default="picture-lite", description="whose features are taken")
    folds: int = Field(default=5, ge=2, description="the sources are dealt to so many, each judged without itself")
    kin: tuple[tuple[str, ...], ...] = Field(default=(), description="sources of the same footage: in one fold")
    left_out_sources: tuple[str, ...] = Field(default=(), description="sources used for nothing")
    limits: tuple[str, ...] = Field(min_length=1, description="what the card must say the model cannot do")
    most: int = Field(default=24, gt=0, description="videos of a source, key and generator at most")
    made: int = Field(default=100, ge=0, description="bona fide videos that are also taken with a face changed")
    kind: Kind = Field(default="lstm", description="recurrent layers")
    steps: int = Field(gt=0, description="optimiser steps in all")
    couples: int = Field(default=32, gt=1, description="a spoof and a bona fide window each")
    same: float = Field(default=0.6, ge=0, le=1, description="share of couples within one source")
    learning_rate: float = Field(default=1e-3, gt=0, description="peak")
    weight_decay: float = Field(default=0.02, ge=0, description="of AdamW")
    noise: float = Field(default=0.2, ge=0, description="added to features, in deviations of each")
    label_smoothing: float = Field(default=0.05, ge=0, lt=0.5, description="keeps logits finite")

    def fingerprint(self) -> str:
        """Hash of every field that the weights depend on."""
        return hashlib.sha256(self.model_dump_json(exclude={"name", "version", "limits"}).encode()).hexdigest()

    def plan(self) -> TemporalPlan:
        """What `fit_temporal` takes."""
        names = TemporalPlan.__dataclass_fields__
        return TemporalPlan(**{name: value for name, value in self.model_dump().items() if name in names})


def load_video_recipe(path: Path) -> VideoRecipe:
    """Read and check a recipe.

    Raises:
        TrainingError: As `assay.training.recipe.load_recipe`.
    """
    return read_recipe(path, VideoRecipe)
