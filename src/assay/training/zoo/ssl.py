"""`ssl`: a speech encoder that was trained on unlabelled speech, and a small head on all its layers.

Layers, for 64,000 samples and an encoder of wav2vec 2.0's base size:

1. samples at mean 0 and variance 1, where the encoder was trained so → convolutions over the wave, one frame each
   20 ms → transformer layers
2. mean of all layers' frames, weighted by a learnt softmax, as in SUPERB: 199 frames of 768
3. dense 128, ReLU → mean and deviation over time, 256 → dropout 0.2, dense 1

Counts of the small one that tests make, for 16,000 samples: 26,900 parameters, 5.9 M multiply-adds.

The encoder comes from the library transformers and is loaded only if asked for: `build("ssl", weights=...)` with a
folder, or a name of the hub such as ``facebook/wav2vec2-base-960h``. Weights must be safetensors; a pickle, which is
all that the hub has of some encoders, is refused, because loading one can run a program: convert it elsewhere first. An
encoder of base size has 94 million parameters and takes 28 billion multiply-adds, far beyond the budget of 150 M: this
is for those who can afford it.

Sources: Baevski et al., "wav2vec 2.0", NeurIPS 2020; Babu et al., "XLS-R", Interspeech 2022; Chen et al., "WavLM",
2022; Yang et al., "SUPERB", Interspeech 2021 (weighted layers); Tak et al., Odyssey 2022 (for anti-spoofing).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from assay.errors import MissingExtra, TrainingError
from assay.training.zoo._front import WINDOW_SAMPLES
from assay.training.zoo._layers import Statistics
from assay.training.zoo.registry import Architecture, register

if TYPE_CHECKING:
    from transformers import PreTrainedModel

KINDS = ("wav2vec2", "wavlm", "hubert")
SMALL = {
    "model_type": "wav2vec2",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": [32, 32, 32, 32],
    "conv_stride": [10, 4, 4, 2],
    "conv_kernel": [10, 8, 4, 4],
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


class Ssl(nn.Module):
    """Raw samples to a logit.

    Args:
        weights: A folder with ``config.json`` and ``model.safetensors``, or a name of the hub.
        config: Instead of `weights`: fields of an encoder with random weights, with ``model_type``.
        fine_tune: Whether training changes the encoder, too; its convolutions stay as they are.

    Raises:
        MissingExtra: If transformers is not installed.
        TrainingError: If there is nothing to load, or it cannot be loaded.
    """

    def __init__(
        self,
        weights: str | None = None,
        config: Mapping[str, object] | None = None,
        *,
        fine_tune: bool = True,
    ) -> None:
        super().__init__()
        self.encoder, self.normalise = _encoder(weights, config)
        settings = self.encoder.config
        self.encoder.requires_grad_(fine_tune)
        self.encoder.feature_extractor.requires_grad_(False)
        for name, values in self.encoder.named_parameters():
            if "masked_spec_embed" in name:  # only there to hide frames, which we do not
                values.requires_grad_(False)
        self.layers = nn.Parameter(torch.zeros(settings.num_hidden_layers + 1))
        self.dense = nn.Linear(settings.hidden_size, 128)
        self.pool = Statistics()
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(256, 1)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to logits (n,)."""
        if self.normalise:
            centred = samples - samples.mean(1, keepdim=True)
            samples = centred / (centred.square().mean(1, keepdim=True) + 1e-7).sqrt()
        every = torch.stack(self.encoder(samples, output_hidden_states=True).hidden_states, -1)
        frames = torch.relu(self.dense(every @ self.layers.softmax(0)))
        logits: torch.Tensor = self.head(self.dropout(self.pool(frames.transpose(1, 2)))).squeeze(1)
        return logits


def _encoder(weights: str | None, config: Mapping[str, object] | None) -> tuple[PreTrainedModel, bool]:
    """The encoder, and whether it wants samples at mean 0 and variance 1."""
    try:
        import transformers
    except ImportError as error:
        raise MissingExtra.of("ssl", "A self-supervised speech encoder") from error
    if (weights is None) == (config is None):
        raise TrainingError(
            "The architecture 'ssl' needs an encoder: give weights, a folder or a name of the hub such as "
            "'facebook/wav2vec2-base-960h', or config for random weights, and not both."
        )
    # Nothing may be hidden or left out at random: an encoder's frames are to be those of its samples alone.
    always: dict[str, Any] = {"apply_spec_augment": False, "layerdrop": 0.0, "attn_implementation": "eager"}
    if config is not None:
        fields: dict[str, Any] = {**config, **always}
        kind = _checked_kind(fields.pop("model_type", None))
        encoder = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(kind, **fields))
        return encoder, True
    if weights is not None and Path(weights).is_dir() and not any(Path(weights).glob("*.safetensors")):
        # Not left to the library: some of its versions fall back to the pickle (its issue 31649).
        raise TrainingError(
            f"The folder '{weights}' holds no weights as safetensors. Save the encoder with save_pretrained of "
            "transformers, which writes model.safetensors.",
            weights=weights,
        )
    try:
        _checked_kind(transformers.AutoConfig.from_pretrained(weights).model_type)
        encoder = transformers.AutoModel.from_pretrained(weights, use_safetensors=True, **always)
        reader = transformers.Wav2Vec2FeatureExtractor.from_pretrained(weights)
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"The encoder '{weights}' cannot be loaded: {error} Give a folder with config.json, "
            "preprocessor_config.json and model.safetensors, or a name of the hub that has them.",
            weights=weights,
        ) from error
    return encoder.float(), bool(reader.do_normalize)


def _checked_kind(kind: object) -> str:
    if kind not in KINDS:
        raise TrainingError(f"The encoder is of kind {kind!r}; known are {', '.join(KINDS)}.", kind=str(kind))
    return str(kind)


register(
    Architecture(
        name="ssl",
        media="audio",
        make=Ssl,
        shape=(WINDOW_SAMPLES,),
        integer=False,
        summary="Self-supervised speech encoder (wav2vec 2.0, XLS-R, WavLM, HuBERT), weighted layers, dense 128, "
        "statistics (Tak et al. 2022).",
        small=(("config", SMALL),),
        small_shape=(WINDOW_SAMPLES // 4,),
        extra="ssl",
    )
)
