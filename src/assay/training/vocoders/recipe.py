"""A vocoder's recipe: everything but the clips that determines its weights, read from one TOML file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from assay.training.recipe import Part, read_recipe
from assay.training.sound import SAMPLE_RATE_HZ

HEAD_N_FFT, HEAD_HOP = 16, 4  # the small inverse transform at the end of the upsampling kind


class Features(Part):
    """The mel spectrogram, of 16 kHz sound, that a vocoder hears beside the pitch; see `fakes.spectra.log_mel`."""

    n_fft: int = Field(gt=0, multiple_of=2, description="samples of a frame")
    hop: int = Field(gt=0, description="samples from frame to frame")
    n_mels: int = Field(gt=0, description="bands")
    fmax_hz: float = Field(gt=0, le=SAMPLE_RATE_HZ / 2, description="upper edge of the highest band")


class Layers(Part):
    """Sizes of the generator."""

    channels: int = Field(gt=1, description="width of the network; an upsampling halves it")
    hidden: int = Field(default=384, gt=0, description="kind istft: width inside a block")
    blocks: int = Field(default=6, gt=0, description="kind istft: number of blocks")
    upsamplings: tuple[int, ...] = Field(default=(), description="kind upsample: factors; times 4 they give the hop")


class Training(Part):
    """How the weights are found."""

    steps: int = Field(gt=0, description="optimiser steps in all")
    batch_size: int = Field(default=16, gt=0, description="segments per step")
    segment_frames: int = Field(default=32, gt=7, description="length of a segment in hops")
    learning_rate: float = Field(default=1e-3, gt=0, description="generator's peak; falls to zero along a cosine")
    critic_rate: float = Field(default=5e-4, gt=0, description="discriminators' peak; falls likewise")
    weight_decay: float = Field(default=1e-2, ge=0, description="AdamW decay")
    warm_up: float = Field(default=0.3, ge=0, lt=1, description="share of the steps before the adversarial part")
    clip_norm: float = Field(default=5.0, gt=0, description="largest norm of a gradient")
    average_decay: float = Field(default=0.998, ge=0, lt=1, description="exponential moving average of the weights")
    checkpoint_every: int = Field(default=500, gt=0, description="steps")


class Losses(Part):
    """Weights of the parts of the generator's loss."""

    spectra: float = Field(default=2.5, ge=0, description="spectral convergence and log magnitude, three resolutions")
    mel: float = Field(default=15.0, ge=0, description="mean absolute difference of the mel spectrograms")
    adversarial: float = Field(default=1.0, ge=0, description="least squares, mean over discriminators")
    matching: float = Field(default=2.0, ge=0, description="feature matching, mean over layers and discriminators")


class Critics(Part):
    """The discriminators, one per resolution."""

    n_ffts: tuple[int, ...] = Field(default=(1024, 512, 256), min_length=1, description="hop is a quarter")
    channels: int = Field(default=24, gt=0, description="of the first layer; later ones have up to twice as many")
    segments: int = Field(default=8, gt=0, description="of a batch, that they judge")


class VocoderRecipe(Part):
    """One vocoder."""

    name: str = Field(pattern=r"^[\w-]+$", description="of the weights and their card")
    version: str
    kind: Literal["istft", "upsample"] = Field(description="which generator")
    seed: int = Field(ge=0, lt=2**32, description="decides everything that is drawn")
    clips: int = Field(gt=1, description="bona fide clips to learn from and to hold out, evenly over sources")
    held_out_clips: int = Field(default=64, gt=0, description="of them, kept for the mel error of the card")
    clip_seconds: float = Field(default=4.0, gt=0, description="what is read of a clip, from its start")
    left_out_sources: tuple[str, ...] = Field(default=(), description="sources used for nothing")
    features: Features
    layers: Layers
    training: Training
    losses: Losses = Losses()
    critics: Critics = Critics()

    @model_validator(mode="after")
    def _fits(self) -> VocoderRecipe:
        if self.held_out_clips >= self.clips:
            raise ValueError("held_out_clips must leave clips to learn from")
        if self.kind == "istft" and self.features.hop > self.features.n_fft // 2:
            raise ValueError("kind istft needs a hop of at most half of n_fft")
        product = HEAD_HOP
        for factor in self.layers.upsamplings:
            product *= factor
        if self.kind == "upsample" and product != self.features.hop:
            raise ValueError(f"upsamplings times {HEAD_HOP} give {product}, but hop is {self.features.hop}")
        if self.segment_samples <= self.features.n_fft or self.segment_samples <= max(self.critics.n_ffts):
            raise ValueError("segment_frames times hop must be more than any n_fft")
        return self

    @property
    def segment_samples(self) -> int:
        """Samples of a segment."""
        return self.training.segment_frames * self.features.hop

    def fingerprint(self) -> str:
        """Hash of every field that the weights depend on."""
        return hashlib.sha256(self.model_dump_json(exclude={"name", "version"}).encode()).hexdigest()


def load_vocoder_recipe(path: Path) -> VocoderRecipe:
    """Read and check a vocoder's recipe.

    Raises:
        TrainingError: If the file cannot be read or is no TOML; or naming each field that is missing, unknown or out
            of range.
    """
    return read_recipe(path, VocoderRecipe)
