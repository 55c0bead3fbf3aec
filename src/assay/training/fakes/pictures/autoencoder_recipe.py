"""An autoencoder's recipe: everything but the pictures that determines its weights, read from one TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from assay.training.pictures.autoencoders import Shape
from assay.training.recipe import Part, read_recipe


class AutoencoderRecipe(Part):
    """One autoencoder."""

    name: str = Field(pattern=r"^[\w-]+$", description="of the weights and their card")
    version: str
    enlarging: Literal["transposed", "nearest", "bilinear", "shuffle"] = Field(description="how it doubles the sides")
    halvings: int = Field(ge=1, le=4, description="how often the encoder halves them")
    latent: int = Field(gt=0, description="channels between encoder and decoder")
    discerned: float = Field(
        default=0.02, ge=0, description="weight of the patch discriminator, from 40 % of the steps"
    )
    seed: int = Field(ge=0, lt=2**32, description="decides everything that is drawn")
    pictures: int = Field(gt=1, description="bona fide pictures to learn from and to hold out, evenly over sources")
    held_out_pictures: int = Field(default=32, gt=0, description="of them, kept for the error on the card")
    max_side: int = Field(default=640, gt=0, description="longer pictures are reduced to so many pixels")
    crop: int = Field(default=96, gt=15, multiple_of=16, description="pixels a side of what is learnt from")
    batch_size: int = Field(default=8, gt=0, description="crops per step")
    steps: int = Field(gt=0, description="optimiser steps in all")
    left_out_sources: tuple[str, ...] = Field(default=(), description="sources used for nothing")

    @model_validator(mode="after")
    def _fits(self) -> AutoencoderRecipe:
        if self.held_out_pictures >= self.pictures:
            raise ValueError("held_out_pictures must leave pictures to learn from")
        return self

    @property
    def shape(self) -> Shape:
        """How the network is built."""
        return Shape(self.enlarging, self.halvings, self.latent, self.discerned)


def load_autoencoder_recipe(path: Path) -> AutoencoderRecipe:
    """Read and check a recipe.

    Raises:
        TrainingError: If the file cannot be read or is no TOML; or naming each field that is missing, unknown or out
            of range.
    """
    return read_recipe(path, AutoencoderRecipe)
