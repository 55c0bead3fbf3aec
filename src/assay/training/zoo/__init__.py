"""Architectures by name, one file each; every one can be trained, measured, exported and scanned with.

Importing this package imports them all, so that the list is complete. A new one is a new file here that registers a
class, and a line in `ARCHITECTURES`.
"""

from __future__ import annotations

from importlib import import_module

from assay.training.zoo.registry import Architecture, Media, architecture, build, names, register

ARCHITECTURES: tuple[str, ...] = (  # modules of this package
    "aasist",
    "anomaly_ae",
    "attention_cnn",
    "audio_resnet",
    "cnn_bilstm",
    "denoising_ae",
    "efficientnet",
    "frame_cnn",
    "frame_gru",
    "frame_hybrid",
    "frame_rnn",
    "hybrid",
    "mel_cnn",
    "mfcc_net",
    "mobilenet",
    "picture_lite",
    "resnet",
    "sinc_lcnn",
    "ssl",
    "vae",
    "voice_consistency",
)

for _module in ARCHITECTURES:
    import_module(f"assay.training.zoo.{_module}")

__all__ = ["ARCHITECTURES", "Architecture", "Media", "architecture", "build", "names", "register"]
