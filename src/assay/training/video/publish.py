"""Export a temporal network, calibrate it on what networks said of sources left out, and write weight and card."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from assay.errors import TrainingError
from assay.models.card import Calibration, LeftOut, PictureCard, VideoCard, VideoDecision
from assay.training.calibrate import (
    calibration_of,
    operating_points_of,
    part_weights,
    source_weights,
    tail_of,
    weighted_quantiles,
)
from assay.training.publish import commit_of, data_of, traced, write_model
from assay.training.video.fit import FRAMES, HOP, window_logits, windows_of
from assay.training.video.left_out import left_out
from assay.training.video.network import TemporalNet
from assay.training.video.recipe import VideoRecipe
from assay.training.video.sequences import FPS, Clip, FaceSequence, WatchedClip
from assay.video.detector import LEAST_FRAMES, known_features, logits_of

PARITY = 1e-3
MISS_RATE = 0.1
SELF_TEST_LLR = 0.15
KNOWN_ANSWER = "six waves, see assay.video.detector.known_features"
RIDGE = 0.05  # towards equal weights of the two parts
Floats = NDArray[np.float64]
log = logging.getLogger("assay.training.video")


def export(net: TemporalNet) -> bytes:
    """ONNX bytes: ``features (n, frames, f)`` float32 to ``logit (n,)`` and ``frame_logit (n, frames)``."""
    example = torch.zeros((1, FRAMES, net.mean.numel()))
    axes = {"features": {1: "frames"}, "frame_logit": {1: "frames"}}
    return traced(net, example, "features", ["logit", "frame_logit"], axes)


@dataclass(frozen=True)
class Person:
    """One person of a clip.

    Attributes:
        clip: Number of the clip among those given.
        frame: Mean logit of the frames.
        temporal: Mean logit of the windows; nan where no stretch is as long as a window.
    """

    clip: int
    frame: float
    temporal: float


def persons_of(net: TemporalNet, clips: Sequence[WatchedClip]) -> list[Person]:
    """Everybody seen in at least `LEAST_FRAMES` frames."""
    return [
        Person(number, float(face.logits.mean()), _temporal(net, face))
        for number, clip in enumerate(clips)
        for face in clip.faces
        if len(face.logits) >= LEAST_FRAMES
    ]


def _temporal(net: TemporalNet, face: FaceSequence) -> float:
    # As the detector does: a stretch shorter than a window has none.
    return float(window_logits(net, face).mean()) if windows_of(face.times_s) else float("nan")


@dataclass(frozen=True)
class Decided:
    """What the sources left out say."""

    frame: Calibration
    temporal: Calibration
    weights: dict[str, float]
    whole: Calibration
    calibration: Calibration
    decision: VideoDecision
    left_out: tuple[LeftOut, ...]


def decide_card(persons: Sequence[Person], clips: Sequence[WatchedClip], seed: int) -> Decided:
    """Calibrations and thresholds.

    Args:
        persons: Of the clips, each judged by a network that saw nothing of its source.
        clips: All of them.
        seed: Of the resampling.

    Raises:
        TrainingError: If there is too little of a key.
    """
    spoof = np.array([clips[one.clip].clip.key == "spoof" for one in persons])
    sources = [clips[one.clip].clip.source for one in persons]
    if not spoof.any() or spoof.all():
        raise TrainingError("The videos show faces of one key at most.")
    frame = np.array([one.frame for one in persons])
    temporal = np.array([one.temporal for one in persons])
    seen = ~np.isnan(temporal)
    of_frame = calibration_of(frame, spoof, sources, seed)
    of_temporal = calibration_of(temporal[seen], spoof[seen], _chosen(sources, seen), seed)
    llrs = np.stack([of_frame.apply(frame), np.where(seen, of_temporal.apply(np.nan_to_num(temporal)), 0.0)])
    shares = part_weights(llrs[:, None], spoof, source_weights(sources, spoof), RIDGE)
    total = shares @ llrs
    calibration = calibration_of(total, spoof, sources, seed)
    person = calibration.apply(total)
    watched = [clip for clip in clips if clip.whole.size]
    whole = np.array([float(clip.whole.mean()) for clip in watched])
    of_key = np.array([clip.clip.key == "spoof" for clip in watched])
    from_where = [clip.clip.source for clip in watched]
    of_whole = calibration_of(whole, of_key, from_where, seed)
    wholes = of_whole.apply(whole)
    worst: dict[int, float] = {}
    for one, llr in zip(persons, person, strict=True):
        worst[one.clip] = max(float(llr), worst.get(one.clip, -np.inf))
    both = [number for number, clip in enumerate(clips) if clip.whole.size and number in worst]
    llr_of = dict(zip((number for number, clip in enumerate(clips) if clip.whole.size), wholes, strict=True))
    # As the policy weighs them: alike.
    fused = np.array([(llr_of[number] + worst[number]) / 2 for number in both])
    fused_key = np.array([clips[number].clip.key == "spoof" for number in both])
    fused_from = [clips[number].clip.source for number in both]
    rows = (
        ("frames of faces", of_frame.apply(frame), spoof, sources),
        ("faces over time", of_temporal.apply(temporal[seen]), spoof[seen], _chosen(sources, seen)),
        ("persons", person, spoof, sources),
        ("whole frames", wholes, of_key, from_where),
        ("whole frames and persons", fused, fused_key, fused_from),
    )
    return Decided(
        frame=of_frame,
        temporal=of_temporal,
        weights={"frame": float(shares[0]), "temporal": float(shares[1])},
        whole=of_whole,
        calibration=calibration,
        decision=VideoDecision(
            person=_tail(person, spoof, sources),
            whole=_tail(wholes, of_key, from_where),
            person_below_llr=_below(person, spoof, sources),
            whole_below_llr=_below(wholes, of_key, from_where),
            miss_rate=MISS_RATE,
            operating_points=operating_points_of(person[None], spoof, sources, seed),
        ),
        left_out=tuple(left_out(part, llrs, key, names, seed) for part, llrs, key, names in rows),
    )


def _chosen(names: Sequence[str], rows: NDArray[np.bool_]) -> list[str]:
    return [name for name, chosen in zip(names, rows, strict=True) if chosen]


def _tail(llrs: Floats, spoof: NDArray[np.bool_], sources: Sequence[str]) -> Any:
    return tail_of(llrs[~spoof], 1, source_weights(sources, spoof)[~spoof])


def _below(llrs: Floats, spoof: NDArray[np.bool_], sources: Sequence[str]) -> float:
    return float(weighted_quantiles(llrs[spoof], [MISS_RATE], source_weights(sources, spoof)[spoof])[0])


def publish(
    net: TemporalNet,
    plan: VideoRecipe,
    *,
    recipe: str,
    pictures: PictureCard,
    train: Sequence[WatchedClip],
    strangers: Sequence[WatchedClip],
    persons: Sequence[Person],
    licences: dict[str, str],
    folder: Path,
) -> Path:
    """Write ``<name>.onnx`` and ``<name>.json``.

    Args:
        net: The trained network, in eval mode.
        plan: Its recipe.
        recipe: File name of the recipe.
        pictures: Card of the picture detector whose features it takes.
        train: What it learned from, for the card's list of data.
        strangers: Clips whose sources the picture detector never saw.
        persons: Of them, each judged by a network without its source: for everything measured.
        licences: Of each source.
        folder: Created if need be.

    Returns:
        Path of the card.

    Raises:
        TrainingError: If the exported network differs from `net`, or there is too little to measure.
    """
    model = export(net)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(plan.seed)
    probe = rng.normal(size=(1, FRAMES, net.mean.numel())).astype(np.float32)
    with torch.inference_mode():
        wanted = net(torch.from_numpy(probe))[0].numpy()
    worst = float(np.abs(session.run(["logit"], {"features": probe})[0] - wanted).max())
    if worst > PARITY:
        raise TrainingError(f"The exported network differs from the trained one by {worst:.2g} (at most {PARITY:g}).")
    decided = decide_card(persons, strangers, plan.seed)
    known = logits_of(session, known_features(net.mean.numel(), FRAMES))
    fields: dict[str, Any] = {
        "name": plan.name,
        "version": plan.version,
        "kind": "video-detector",
        "summary": "Synthetic and changed faces in videos: a recurrent model over the picture detector's features.",
        "file": f"{plan.name}.onnx",
        "licence_weights": "Apache-2.0",
        "origin": "trained by `assay train video` with the recipe named here, from random weights",
        "limits": plan.limits,
        "features_of": pictures.name,
        "features_sha256": pictures.sha256,
        "fps": FPS,
        "window_frames": FRAMES,
        "hop_frames": HOP,
        "frame": decided.frame.model_dump(),
        "temporal": decided.temporal.model_dump(),
        "weights": decided.weights,
        "whole": decided.whole.model_dump(),
        "calibration": decided.calibration.model_dump(),
        "decision": decided.decision.model_dump(),
        "left_out": [row.model_dump() for row in decided.left_out],
        "recipe": recipe,
        "commit": commit_of(Path(__file__)),
        "precision": {"kept": "float32"},
        "known_answer": {
            "sample": KNOWN_ANSWER,
            "values": tuple(round(float(value), 5) for value in known),
            "tolerance": SELF_TEST_LLR / decided.temporal.slope,
        },
        "data": data_of(((_name(one.clip), one.clip.key) for one in train), licences),
    }
    return write_model(model, fields, VideoCard, folder)


def _name(clip: Clip) -> str:
    return f"made here: {clip.change.name}" if clip.change else clip.source
