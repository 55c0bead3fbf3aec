"""The recipe of a picture detector; see `assay.training.recipe` for what recipes are."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import Field

from assay.image.looks import LOOKS
from assay.training.pictures.fit import Plan
from assay.training.pictures.history import Chances
from assay.training.pictures.network import View
from assay.training.recipe import Part, read_recipe


class Optimisation(Part):
    """How the weights are found."""

    steps: int = Field(gt=0, description="optimiser steps in all")
    couples: int = Field(gt=1, description="couples per step: a spoof and a bona fide crop each")
    side: int = Field(default=192, multiple_of=32, description="pixels of a crop's side that the network is shown")
    learning_rate: float = Field(gt=0, description="peak, after the warm-up")
    weight_decay: float = Field(default=0.02, ge=0, description="AdamW decay of convolution and dense weights")
    label_smoothing: float = Field(default=0.02, ge=0, lt=0.5, description="keeps logits finite on wrong labels")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of features dropped before the heads")
    average_decay: float = Field(default=0.999, ge=0, lt=1, description="moving average of the weights")
    evaluate_every: int = Field(default=1000, gt=0, description="steps between two looks at the development part")


class Mixture(Part):
    """Shares of the kinds of couples; see `assay.training.pictures.couples`."""

    twin: float = Field(default=0.12, ge=0, description="a spoof of the fake factory and what it was made from")
    same: float = Field(default=0.25, ge=0, description="a spoof and a bona fide crop of its source")
    any: float = Field(default=0.25, ge=0, description="a spoof and a bona fide crop of any source")
    trip: float = Field(default=0.2, ge=0, description="a round trip through an autoencoder, and what went in")
    blend: float = Field(default=0.3, ge=0, description="a face blended into itself, and the face")


class Looks(Part):
    """Shares of the looks."""

    face: float = Field(default=1.0, ge=0, description="squares around faces")
    whole: float = Field(default=1.0, ge=0, description="pictures made small")
    piece: float = Field(default=1.0, ge=0, description="pieces at full resolution")


class Augmentation(Part):
    """Chances of what happens to both crops of a couple alike."""

    scale: float = Field(default=0.5, ge=0, le=1, description="enlarge or reduce")
    blur: float = Field(default=0.1, ge=0, le=1, description="blur")
    sharpen: float = Field(default=0.1, ge=0, le=1, description="sharpen")
    noise: float = Field(default=0.15, ge=0, le=1, description="add noise")
    light: float = Field(default=0.5, ge=0, le=1, description="change brightness, contrast, colour and gamma")
    grey: float = Field(default=0.05, ge=0, le=1, description="take the colour away")
    jpeg: float = Field(default=0.8, ge=0, le=1, description="save as JPEG")
    again: float = Field(default=0.3, ge=0, le=1, description="save as JPEG, again")
    erase: float = Field(default=0.15, ge=0, le=1, description="hide a part")


class PictureRecipe(Part):
    """One training run."""

    name: str = Field(pattern=r"^[\w-]+$", description="of the weight and its card")
    version: str
    seed: int = Field(ge=0, lt=2**32, description="decides everything that is drawn")
    development_sources: tuple[str, ...] = Field(min_length=1, description="whole sources kept out of training")
    left_out_sources: tuple[str, ...] = Field(default=(), description="sources used for nothing")
    limits: tuple[str, ...] = Field(min_length=1, description="what the card must say the model cannot do")
    view: View = Field(default="pixels", description="what the trunk is shown")
    most_bona_fide: int = Field(default=350, gt=0, description="bona fide pictures of a source at most")
    most_spoof: int = Field(default=600, gt=0, description="spoofs of a source and generator at most")
    spoof_pieces: int = Field(default=3, gt=0, description="pieces of a spoof at most; of a bona fide picture one")
    autoencoder_steps: int = Field(default=2000, gt=0, description="steps of each small autoencoder")
    start_share: float = Field(default=0.0, ge=0, le=1, description="of the weights begun with, in the mean published")
    mosaic: float = Field(default=0.0, ge=0, le=1, description="chance that another couple covers a part, key by key")
    local: float = Field(default=0.3, ge=0, le=1, description="share of round trips that change a part only")
    integers: bool = Field(default=True, description="publish 8-bit convolutions if that costs at most 0.005 of AUC")
    optimisation: Optimisation
    mixture: Mixture = Mixture()
    looks: Looks = Looks()
    augmentation: Augmentation = Augmentation()

    def fingerprint(self) -> str:
        """Hash of every field that the weights depend on."""
        told = {"name", "version", "limits", "integers"}
        return hashlib.sha256(self.model_dump_json(exclude=told).encode()).hexdigest()

    def plan(self) -> Plan:
        """What `fit` takes."""
        given = self.optimisation.model_dump(exclude={"evaluate_every"})
        return Plan(
            **given,
            shares=self.mixture.model_dump(),
            looks={look: getattr(self.looks, look) for look in LOOKS},
            chances=Chances(**self.augmentation.model_dump()),
            local=self.local,
            mosaic=self.mosaic,
            seed=self.seed,
        )


def load_picture_recipe(path: Path) -> PictureRecipe:
    """Read and check a recipe.

    Raises:
        TrainingError: As `assay.training.recipe.load_recipe`.
    """
    return read_recipe(path, PictureRecipe)
