"""Export a trained network, measure what its card must promise, and write both.

The ONNX file is compared with the torch network on development clips before it gets a card. Everything on the card is
measured with the exported file in ONNX Runtime, as users will run it, not with the torch network.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import subprocess
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import soundfile
import torch
from numpy.typing import NDArray

from assay.errors import TrainingError
from assay.metrics import equal_error_rate
from assay.models.card import Card, Decision, DetectorCard, KnownAnswer
from assay.models.registry import weights_folder
from assay.training.audio_net import HOP_SAMPLES, PART_SAMPLES, SAMPLE_RATE_HZ, WINDOW_SAMPLES, AudioResnet
from assay.training.batches import repeat_pad
from assay.training.calibrate import calibration_of, operating_points_of, source_weights, tail_of, weighted_quantiles
from assay.training.corpus import Corpus, made_here
from assay.training.development import STRETCH_S, STRETCH_WINDOWS, check_development, recordings, stretches
from assay.training.fold import fold
from assay.training.quantise import quantise
from assay.training.recipe import Recipe

Floats = NDArray[np.float64]
MAX_EER_LOSS = 0.005  # of 8-bit integers against floats, on development clips
PARITY = 1e-3  # logits; the two runtimes sum in different orders
BONA_FIDE_MISS_RATE = 0.1
# Runtimes and processors round differently, and a rounding error of 1e-6 in the samples moves the integer network's llr
# by up to 0.02. Five times as much still cannot change a verdict's meaning; an altered weight is told by its hash.
SELF_TEST_LLR = 0.1
KNOWN_ANSWER = "known-answer.flac"
log = logging.getLogger("assay.training.publish")


def export(net: AudioResnet) -> bytes:
    """ONNX bytes of the network: ``samples (n, samples)`` to ``logit (n, windows)`` and ``part_logit (n, parts)``."""
    net.float().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    net.eval()
    example = torch.randn(1, WINDOW_SAMPLES + HOP_SAMPLES) * 0.1
    axes = {"samples": {0: "n", 1: "samples"}, "logit": {0: "n", 1: "windows"}, "part_logit": {0: "n", 1: "parts"}}
    return traced(net, example, "samples", ["logit", "part_logit"], axes)


def traced(
    net: torch.nn.Module, example: torch.Tensor, given: str, told: list[str], axes: dict[str, dict[int, str]]
) -> bytes:
    """ONNX bytes of a network.

    Args:
        net: In eval mode.
        example: What it is traced with.
        given: Name of its input.
        told: Names of its outputs.
        axes: Those that may have another length, by input and output.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The tracing exporter is deprecated in name, but folds these graphs into fewer operators than its successor.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            (example,),
            buffer,  # type: ignore[arg-type] # any file object will do
            dynamo=False,
            opset_version=17,
            input_names=[given],
            output_names=told,
            dynamic_axes=axes,
        )
    return buffer.getvalue()


class Answerer:
    """The exported network in ONNX Runtime, as users will run it."""

    def __init__(self, model: bytes) -> None:
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def __call__(self, samples: NDArray[np.float32], output: str = "logit") -> Floats:
        """Logits of a stretch, shape (samples,) to (windows,), or to (parts,) for output ``part_logit``."""
        logits: Floats = self.session.run([output], {"samples": samples[None]})[0][0].astype(np.float64)
        return logits

    def clips(self, corpus: Corpus, version: int) -> Floats:
        """Mean logit over the windows of every clip, as a file is scored, shape (clips,)."""
        return np.array([self(_whole_hops(corpus.clip(i, version))).mean() for i in range(len(corpus.trials))])


def check_parity(net: AudioResnet, answer: Answerer, corpus: Corpus) -> float:
    """Largest difference between torch and ONNX logits on every n-th clip, at least 64 of them or all.

    Raises:
        TrainingError: If it is above `PARITY`.
    """
    every = max(1, len(corpus.trials) // 64)
    waves = np.stack([repeat_pad(corpus.clip(i), WINDOW_SAMPLES) for i in range(0, len(corpus.trials), every)])
    with torch.inference_mode():
        windows, parts = (logits.numpy() for logits in net(torch.from_numpy(waves)))
    off = (windows - [answer(wave) for wave in waves], parts - [answer(wave, "part_logit") for wave in waves])
    worst = max(float(np.abs(difference).max()) for difference in off)
    if worst > PARITY:
        raise TrainingError(f"The exported network differs from the trained one by {worst:.2g} (at most {PARITY:g}).")
    return worst


def choose_precision(
    floats: bytes, integers: bytes, development: Corpus, max_loss: float = MAX_EER_LOSS
) -> tuple[bytes, dict[str, Any]]:
    """The integer model if its equal error rate on development clips is at most `max_loss` above that of floats.

    Returns:
        The model to publish, and what the card says about the choice.
    """
    spoof = _spoof(development)
    rates = {}
    for name, model in (("float32", floats), ("int8", integers)):
        logits = Answerer(model).clips(development, 0)
        rates[name] = equal_error_rate(logits[~spoof], logits[spoof]).rate
    kept = "int8" if rates["int8"] <= rates["float32"] + max_loss else "float32"
    log.info("EER on development clips %s; %s is published", rates, kept)
    return (integers if kept == "int8" else floats), {"kept": kept, **{f"eer_{n}": r for n, r in rates.items()}}


def decision_of(llrs: Floats, corpus: Corpus, answer: Answerer, calibrate: Any, seed: int) -> Decision:
    """Everything the policy needs, measured on development clips.

    Args:
        llrs: Shape (versions, clips).
        corpus: The development clips.
        answer: The exported network.
        calibrate: Logits to llrs.
        seed: Of the resampling.
    """
    spoof = _spoof(corpus)
    sources = [trial.source for trial in corpus.trials]
    weights = source_weights(sources, spoof)
    spoofed = np.tile(weights[spoof], llrs.shape[0])
    miss_threshold = float(weighted_quantiles(llrs[:, spoof].ravel(), [BONA_FIDE_MISS_RATE], spoofed)[0])
    return Decision(
        file=tail_of(llrs[:, ~spoof].ravel(), llrs.shape[0], np.tile(weights[~spoof], llrs.shape[0])),
        contrast=tail_of(_contrasts(corpus, answer, calibrate)),
        stretch_s=STRETCH_S,
        bona_fide_below_llr=miss_threshold,
        miss_rate=BONA_FIDE_MISS_RATE,
        min_contrast_duration_s=2 * STRETCH_S,
        codec_sd=float(llrs.std(axis=0).mean()),
        operating_points=operating_points_of(llrs, spoof, sources, seed),
    )


def _contrasts(corpus: Corpus, answer: Answerer, calibrate: Any) -> Floats:
    """Largest llr above the recording's median in each stretch of pretended long bona fide recordings."""
    found: list[float] = []
    for indices in recordings(corpus.trials, corpus.lengths.tolist()):
        samples = np.concatenate([corpus.clip(i) for i in indices])
        llrs = calibrate(answer(_whole_hops(samples), "part_logit"))
        above = llrs - np.median(llrs)
        starts = range(0, stretches(len(samples)) * STRETCH_WINDOWS, STRETCH_WINDOWS)
        found += [float(above[start : start + STRETCH_WINDOWS].max()) for start in starts]
    return np.array(found)


def _whole_hops(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The longest beginning that the network takes: a window and whole hops; a shorter clip is repeated."""
    hops = max(0, len(samples) - WINDOW_SAMPLES) // HOP_SAMPLES
    return repeat_pad(samples, WINDOW_SAMPLES + hops * HOP_SAMPLES)


def publish(
    net: AudioResnet, plan: Recipe, *, recipes: Sequence[str], train: Corpus, development: Corpus, folder: Path
) -> Path:
    """Write ``<name>.onnx`` and ``<name>.json``.

    Args:
        net: The trained network, on the processor.
        plan: Its recipe.
        recipes: Names of the files that the branches were trained by, `plan`'s last.
        train: For the card's list of data.
        development: Clips that training never saw, for everything measured.
        folder: Created if need be.

    Returns:
        Path of the card.

    Raises:
        TrainingError: If the exported network differs from `net`, or there is too little to measure.
    """
    check_development(development.trials, development.lengths.tolist())
    weight = export(fold(net))
    log.info("torch and ONNX differ by at most %.2g", check_parity(net, Answerer(weight), development))
    precision: dict[str, Any] = {"kept": "float32"}
    if plan.integers:
        weight, precision = choose_precision(weight, quantise(weight, train, WINDOW_SAMPLES), development)
    answer = Answerer(weight)
    versions = range(min(2, development.starts.shape[1]))
    logits = np.stack([answer.clips(development, version) for version in versions])
    spoof = _spoof(development)
    calibration = calibration_of(logits, spoof, [t.source for t in development.trials], plan.seed)
    decision = decision_of(calibration.apply(logits), development, answer, calibration.apply, plan.seed)
    fields: dict[str, Any] = {
        "name": plan.name,
        "version": plan.version,
        "kind": "audio-detector",
        "summary": f"Synthetic speech: {len(net.branches)} views, convolutions and attentive pooling on each.",
        "file": f"{plan.name}.onnx",
        "licence_weights": "Apache-2.0",
        "origin": "trained by `assay train audio` with the recipe named here",
        "limits": plan.limits,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "window_samples": WINDOW_SAMPLES,
        "part_samples": PART_SAMPLES,
        "hop_samples": HOP_SAMPLES,
        "min_speech_s": 1.0,
        "recipe": ", ".join(dict.fromkeys(recipes)),
        "commit": commit_of(Path(__file__)),
        "calibration": calibration.model_dump(),
        "precision": precision,
        "decision": decision.model_dump(),
        "known_answer": _known_answer(answer, calibration.slope).model_dump(),
        "data": _data(train),
    }
    return write_model(weight, fields, DetectorCard, folder)


def write_model(weight: bytes, fields: dict[str, Any], kind: type[Card], folder: Path) -> Path:
    """Write a network with its card inside, and the card beside it.

    Args:
        weight: ONNX bytes.
        fields: Of the card, without ``sha256`` and ``size_bytes``.
        kind: Class of the card.
        folder: Created if need be.

    Returns:
        Path of the card.
    """
    model = onnx.load_from_string(weight)
    onnx.helper.set_model_props(model, {"assay_card": json.dumps(fields, sort_keys=True)})
    whole = model.SerializeToString(deterministic=True)
    card = kind(**fields, sha256=hashlib.sha256(whole).hexdigest(), size_bytes=len(whole))
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / card.file, whole)
    path = folder / f"{card.name}.json"
    _replace(path, (card.model_dump_json(indent=1) + "\n").encode())
    return path


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def _spoof(corpus: Corpus) -> NDArray[np.bool_]:
    return np.array([trial.key == "spoof" for trial in corpus.trials])


def _known_answer(answer: Answerer, slope: float) -> KnownAnswer:
    samples, _ = soundfile.read(weights_folder() / KNOWN_ANSWER, dtype="float32")
    whole = _whole_hops(samples)
    logits = np.concatenate([answer(whole), answer(whole, "part_logit")])
    values = tuple(round(float(value), 5) for value in logits)
    return KnownAnswer(sample=KNOWN_ANSWER, values=values, tolerance=SELF_TEST_LLR / slope)


def _data(corpus: Corpus) -> tuple[dict[str, Any], ...]:
    names = ((f"made here: {t.generator}" if made_here(t) else t.source, t.key) for t in corpus.trials)
    return data_of(names, {t.source: t.licence for t in corpus.trials})


def data_of(files: Iterable[tuple[str, str]], licences: dict[str, str]) -> tuple[dict[str, Any], ...]:
    """What a card tells of the data: for each source its licence and the number of files of each key.

    Args:
        files: Source and key of each; what was made here has no licence of its own.
        licences: By source.
    """
    counts = Counter(files)
    return tuple(
        {
            "source": name,
            "licence": licences.get(name, "of the parent files"),
            "bona_fide": counts[name, "bona_fide"],
            "spoof": counts[name, "spoof"],
        }
        for name in sorted({name for name, _ in counts})
    )


def commit_of(here: Path) -> str:
    """Commit of the checkout a file is tracked in, with ``-dirty`` behind it if there are changes; else empty."""
    try:
        _git(here, "ls-files", "--error-unmatch", here.name)
        return _git(here, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(file: Path, *arguments: str) -> str:
    command = ["git", "-C", str(file.parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
