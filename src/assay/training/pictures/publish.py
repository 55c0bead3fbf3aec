"""Export a trained picture network, measure what its card must promise, and write both.

Everything on the card is measured with the exported file through `assay.image.detector`, on whole pictures of the
development sources, as users will run it.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from assay.errors import TrainingError
from assay.image.detector import PictureDetector, PictureScores
from assay.image.faces import FaceFinder
from assay.image.looks import LOOKS, Look
from assay.media.pictures import open_picture
from assay.metrics import auc
from assay.models.card import Calibration, KnownAnswer, LookScale, PictureCard, PictureDecision, TailModel
from assay.models.registry import weights_folder
from assay.settings import load_settings
from assay.training.calibrate import (
    calibration_of,
    operating_points_of,
    part_weights,
    source_weights,
    tail_of,
    weighted_quantiles,
)
from assay.training.parallel import each
from assay.training.pictures.crops import SIDE, Crop, Original, read_pixels
from assay.training.pictures.network import PictureNet
from assay.training.pictures.recipe import PictureRecipe
from assay.training.publish import commit_of, data_of, traced, write_model
from assay.training.quantise import static_integers

PIECES = 4
PARITY = 2e-2  # logits; the runtimes sum in different orders
MAX_AUC_LOSS = 0.005
MISS_RATE = 0.1
SELF_TEST_LLR = 0.15
LEAST_DETAIL = 0.5
KNOWN_ANSWER = "drawn-face.png"
CALIBRATION_CROPS = 192
QUANTISED = ("Conv", "Add", "Clip")
QUANTISING = ("QuantizeLinear", "DequantizeLinear")
FIRST_IN_INTEGERS = 5
CONDITIONS = ("plain", "jpeg 75", "half size")
Floats = NDArray[np.float64]
log = logging.getLogger("assay.training.pictures")


class _Exported(nn.Module):
    """From the bytes of pixels, (n, side, side, 3), to logits and to the features that gave them."""

    def __init__(self, net: PictureNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.net.features(pixels.permute(0, 3, 1, 2).float())
        return self.net.head(features), features


def export(net: PictureNet, side: int) -> bytes:
    """ONNX bytes: ``pixels (n, side, side, 3)`` uint8 to ``logit (n, 3)`` and ``features (n, f)``."""
    net.float().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    example = torch.zeros((2, side, side, 3), dtype=torch.uint8)
    axes = {name: {0: "n"} for name in ("pixels", "logit", "features")}
    return traced(_Exported(net).eval(), example, "pixels", ["logit", "features"], axes)


def fold_pads(model: bytes) -> bytes:
    """The same network with zero padding told to the convolutions instead of done before them.

    The runtime keeps its own order of values from one convolution to the next only if nothing else stands between them;
    a fifth of the time went into changing it for the five padded ones.
    """
    graph = onnx.load_from_string(model)
    nodes, constants = graph.graph.node, {one.name: one for one in graph.graph.initializer}
    readers: dict[str, list[Any]] = {}
    for node in nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for pad in [node for node in nodes if node.op_type == "Pad"]:
        last = pad
        while len(readers[last.output[0]]) == 1 and readers[last.output[0]][0].op_type in QUANTISING:
            last = readers[last.output[0]][0]
        convolutions = readers[last.output[0]]
        if pad.input[1] not in constants or any(node.op_type != "Conv" for node in convolutions):
            continue
        width = onnx.numpy_helper.to_array(constants[pad.input[1]]).tolist()
        for node in convolutions:
            told = next(one for one in node.attribute if one.name == "pads")
            told.ints[:] = [a + b for a, b in zip(told.ints, [*width[2:4], *width[6:8]], strict=True)]
        for reader in readers[pad.output[0]]:
            reader.input[0] = pad.input[0]
        nodes.remove(pad)
    read = {name for node in nodes for name in node.input}
    for name in constants.keys() - read:
        graph.graph.initializer.remove(constants[name])
    onnx.checker.check_model(graph)
    whole: bytes = graph.SerializeToString()
    return whole


def _crops(pixels: NDArray[np.uint8], side: int) -> Iterator[dict[str, Any]]:
    """The middles of training crops, one at a time."""
    for crop in _middles(pixels, side):
        yield {"pixels": crop.transpose(1, 2, 0)[None].copy()}


def quantise(model: bytes, pixels: NDArray[np.uint8]) -> bytes:
    """Put the convolutions from block `FIRST_IN_INTEGERS` on into integers; decisions as in `assay.training.quantise`.

    The blocks before see fine detail, which 256 steps wipe out: with all blocks in integers the looks lost 0.02 of AUC.

    Args:
        model: From `export`.
        pixels: Training crops for the ranges of activations, (n, 3, SIDE, SIDE).
    """

    def chosen(graph: onnx.GraphProto) -> list[str]:
        return [node.name for node in graph.node if node.op_type in QUANTISED and _late(node.name)]

    feeds = _crops(pixels, side_of(session_of(model)))
    return fold_pads(static_integers(model, feeds, chosen, QUANTISED))


def _late(name: str) -> bool:
    block = re.search(r"_blocks[./](\d+)", name)
    return int(block[1]) >= FIRST_IN_INTEGERS if block else "_conv_head" in name


def halves(model: bytes) -> bytes:
    """The same network with its weights stored in sixteen bits, computed in thirty-two."""
    graph = onnx.load_from_string(model)
    casts = []
    for weight in graph.graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT and np.prod(weight.dims) > 64:
            values = onnx.numpy_helper.to_array(weight).astype(np.float16)
            name = weight.name
            weight.CopyFrom(onnx.numpy_helper.from_array(values, f"{name}_half"))
            casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], f"{name}_cast", to=1))
    for cast in reversed(casts):
        graph.graph.node.insert(0, cast)
    onnx.checker.check_model(graph)
    whole: bytes = graph.SerializeToString()
    return whole


def side_of(session: Any) -> int:
    """Side of what a network takes, in pixels."""
    return int(session.get_inputs()[0].shape[1])


def _middles(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The middles of crops, shape (n, 3, side, side)."""
    start = (SIDE - side) // 2
    return pixels[:, :, start : start + side, start : start + side]


def session_of(model: bytes, threads: int = 1) -> Any:
    """An ONNX Runtime session, on the processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True)
class Measured:
    """Scores of one development picture.

    Attributes:
        original: Which.
        conditions: Of `CONDITIONS`; None where nothing could be looked at.
    """

    original: Original
    conditions: tuple[PictureScores | None, ...]


def delivered(pixels: NDArray[np.uint8], condition: str) -> NDArray[np.uint8]:
    """A picture after one of `CONDITIONS`."""
    if condition == "plain":
        return pixels
    image = Image.fromarray(pixels)
    if condition == "half size":
        return np.asarray(image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.BICUBIC))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=75)
    with Image.open(out) as saved:
        return np.asarray(saved.convert("RGB"))


def look_mean(scores: PictureScores, look: Look) -> float:
    """Mean logit of a look; nan without one."""
    logits = [score.logit for score in scores.of(look)]
    return float(np.mean(logits)) if logits else float("nan")


def scales_of(
    logits: dict[Look, Floats], spoof: NDArray[np.bool_], sources: Sequence[str], seed: int
) -> dict[str, LookScale]:
    """Calibration and weight of each look.

    Args:
        logits: Mean logit of each look of each picture, shape (versions, n), nan where there is none.
        spoof: Shape (n,).
        sources: Shape (n,).
        seed: Of the resampling.
    """
    calibrations: dict[Look, Calibration] = {}
    areas: dict[Look, float] = {}
    columns = []
    for look in logits:
        seen: NDArray[np.bool_] = np.asarray(~np.isnan(logits[look]).any(0))
        own = [name for name, there in zip(sources, seen, strict=True) if there]
        if not (seen & spoof).any() or not (seen & ~spoof).any():
            raise TrainingError(
                f"The look '{look}' cannot be measured: the development part has it of one key at most."
            )
        calibrations[look] = calibration_of(logits[look][:, seen], spoof[seen], own, seed)
        areas[look] = auc(logits[look][0, seen & ~spoof], logits[look][0, seen & spoof])
        columns.append(np.where(seen, np.nan_to_num(calibrations[look].apply(logits[look])), 0.0))
    llrs = np.stack(columns)  # (looks, versions, n)
    weights = part_weights(llrs, spoof, source_weights(sources, spoof), RIDGE)
    log.info("weights of the looks %s", dict(zip(logits, weights.round(3).tolist(), strict=True)))
    return {
        look: LookScale(calibration=calibrations[look], weight=float(weight), auc=areas[look])
        for look, weight in zip(logits, weights, strict=True)
    }


RIDGE = 0.02  # towards equal weights: the development part is small


def publish(
    net: PictureNet,
    plan: PictureRecipe,
    *,
    recipe: str,
    train: tuple[Path, Sequence[Crop]],
    originals: Sequence[Original],
    development: Sequence[Original],
    licences: dict[str, str],
    folder: Path,
    jobs: int = 1,
) -> Path:
    """Write ``<name>.onnx`` and ``<name>.json``.

    Args:
        net: The trained network, on the processor.
        plan: Its recipe.
        recipe: File name of the recipe.
        train: Folder and rows of the training crops.
        originals: What they were cut from, for the card's list of data.
        development: Pictures that training never saw, for everything measured.
        licences: Of each source.
        folder: Created if need be.
        jobs: Processes that score the development part.

    Returns:
        Path of the card.

    Raises:
        TrainingError: If the exported network differs from `net`, or there is too little to measure.
    """
    learnt = [look for look in LOOKS if getattr(plan.looks, look) > 0]
    floats = export(net, plan.optimisation.side)
    rng = np.random.default_rng(plan.seed)
    rows = [
        train[1][i] for i in sorted(rng.choice(len(train[1]), min(CALIBRATION_CROPS, len(train[1])), replace=False))
    ]
    pixels = read_pixels(train[0], rows)
    _check_parity(net, floats, pixels[:16])
    model, precision = halves(floats), {"kept": "float32"}
    if plan.integers:
        model, precision = _choose_precision(model, quantise(floats, pixels), development, learnt, jobs)
    found = _measured(model, development, CONDITIONS, jobs)
    decided = decide_card(found, learnt, plan.seed)
    fields: dict[str, Any] = {
        "name": plan.name,
        "version": plan.version,
        "kind": "picture-detector",
        "summary": "Synthetic and changed pictures: EfficientNet-Lite0 on faces, on the whole and on pieces.",
        "file": f"{plan.name}.onnx",
        "licence_weights": "Apache-2.0",
        "origin": "trained by `assay train image` with the recipe named here, begun with the ImageNet weights of"
        " efficientnet_lite0 (Apache-2.0)",
        "limits": plan.limits,
        "input_pixels": plan.optimisation.side,
        "crop_pixels": SIDE,
        "most_pieces": PIECES,
        "looks": {look: scale.model_dump() for look, scale in decided.looks.items()},
        "calibration": decided.calibration.model_dump(),
        "decision": decided.decision.model_dump(),
        "recipe": recipe,
        "commit": commit_of(Path(__file__)),
        "precision": precision,
        "known_answer": _known_answer(model, decided).model_dump(),
        "data": data_of(((f"made here: {o.generator}" if o.twin else o.source, o.key) for o in originals), licences),
    }
    return write_model(model, fields, PictureCard, folder)


def _check_parity(net: PictureNet, model: bytes, pixels: NDArray[np.uint8]) -> None:
    session = session_of(model)
    shown = _middles(pixels, side_of(session))
    with torch.inference_mode():
        wanted = net(torch.from_numpy(shown.astype(np.float32))).numpy()
    given = session.run(["logit"], {"pixels": np.ascontiguousarray(shown.transpose(0, 2, 3, 1))})[0]
    worst = float(np.abs(wanted - given).max())
    log.info("torch and ONNX differ by at most %.2g", worst)
    if worst > PARITY:
        raise TrainingError(f"The exported network differs from the trained one by {worst:.2g} (at most {PARITY:g}).")


def _choose_precision(
    floats: bytes, integers: bytes, development: Sequence[Original], learnt: Sequence[Look], jobs: int
) -> tuple[bytes, dict[str, Any]]:
    """The integer model unless it costs more than `MAX_AUC_LOSS` of the looks' mean AUC on development pictures."""
    areas = {}
    for name, model in (("float32", floats), ("int8", integers)):
        found = _measured(model, development, CONDITIONS[:1], jobs)
        spoof = np.array([one.original.key == "spoof" for one in found])
        own = [_look_logits(found, look)[0] for look in learnt]
        seen = [~np.isnan(logits) for logits in own]
        areas[name] = float(
            np.mean([auc(x[there & ~spoof], x[there & spoof]) for x, there in zip(own, seen, strict=True)])
        )
    kept = "int8" if areas["int8"] >= areas["float32"] - MAX_AUC_LOSS else "float32"
    log.info("mean AUC of the looks on development pictures %s; %s is published", areas, kept)
    return (integers if kept == "int8" else floats), {"kept": kept, **{f"auc_{n}": a for n, a in areas.items()}}


def _measured(model: bytes, development: Sequence[Original], conditions: Sequence[str], jobs: int) -> list[Measured]:
    """Scores of the development part; pictures that cannot be looked at in every condition are left out."""
    found = each(partial(_measure_one, model=model, conditions=tuple(conditions)), development, jobs=jobs, chunk=8)
    return [one for one in found if None not in one.conditions]


def _measure_one(original: Original, model: bytes, conditions: tuple[str, ...]) -> Measured:
    finder, detector = _tools(model)
    pixels = open_picture(original.file, settings=load_settings()).pixels
    found: list[PictureScores | None] = []
    for condition in conditions:
        shown = delivered(pixels, condition)
        scores = detector.score(shown, finder.find(shown))
        found.append(scores if scores.looks else None)
    return Measured(original, tuple(found))


@lru_cache(maxsize=1)
def _tools(model: bytes) -> tuple[FaceFinder, PictureDetector]:
    session = session_of(model)
    return FaceFinder(irises=False), PictureDetector("new", session=session, card=_blank_card(side_of(session)))


def _blank_card(side: int) -> PictureCard:
    """A card on which a logit is an llr, for measuring before there is one."""
    plain = Calibration(slope=1, offset=0, lowest=-1e6, highest=1e6, slope_sd=0, offset_sd=0, correlation=0)
    tail = TailModel(values=(0.0, 1.0), survival=(0.5, 0.1), scale=1.0)
    return PictureCard(
        name="new",
        version="0",
        kind="picture-detector",
        summary="",
        file="",
        sha256="",
        size_bytes=0,
        licence_weights="",
        origin="",
        limits=(),
        known_answer=KnownAnswer(sample=KNOWN_ANSWER, values=(0.0,), tolerance=1.0),
        input_pixels=side,
        crop_pixels=SIDE,
        most_pieces=PIECES,
        looks={look: LookScale(calibration=plain, weight=1.0, auc=0.5) for look in LOOKS},
        calibration=plain,
        decision=PictureDecision(
            file=tail,
            face=tail,
            bona_fide_below_llr=0.0,
            miss_rate=MISS_RATE,
            condition_sd=0.0,
            least_detail=0.0,
            operating_points=(),
        ),
        recipe="",
        commit="",
        data=(),
    )


def _look_logits(found: Sequence[Measured], look: Look) -> Floats:
    """Mean logit of a look, shape (conditions, pictures), nan where there is none."""
    return np.array([[look_mean(scores, look) if scores else np.nan for scores in one.conditions] for one in found]).T


@dataclass(frozen=True)
class Decided:
    """What the development part says."""

    looks: dict[str, LookScale]
    calibration: Calibration
    decision: PictureDecision


def decide_card(found: Sequence[Measured], learnt: Sequence[Look], seed: int) -> Decided:
    """Calibrations, weights and thresholds from the scores of development pictures.

    Args:
        found: Scores with plain logits; see `_blank_card`.
        learnt: Looks that were trained.
        seed: Of the resampling.
    """
    spoof = np.array([one.original.key == "spoof" for one in found])
    sources = [one.original.source for one in found]
    logits = {look: _look_logits(found, look) for look in learnt}
    looks = scales_of(logits, spoof, sources, seed)
    sums = np.zeros((len(CONDITIONS), len(found)))
    for look in learnt:
        llrs = np.array(
            [
                [_mean_llr(scores, look, looks[look].calibration) if scores else 0.0 for scores in one.conditions]
                for one in found
            ]
        ).T
        sums += looks[look].weight * llrs
    calibration = calibration_of(sums, spoof, sources, seed)
    llrs = calibration.apply(sums)
    weights = source_weights(sources, spoof)
    versions = len(CONDITIONS)
    tiled = np.tile(weights[spoof], versions)
    face = None
    if "face" in looks:
        faces, owners = _face_llrs(found, looks["face"].calibration)
        face = tail_of(faces, 1, source_weights(owners, np.zeros(len(owners), bool)))
    return Decided(
        looks=looks,
        calibration=calibration,
        decision=PictureDecision(
            file=tail_of(llrs[:, ~spoof].ravel(), versions, np.tile(weights[~spoof], versions)),
            face=face,
            bona_fide_below_llr=float(weighted_quantiles(llrs[:, spoof].ravel(), [MISS_RATE], tiled)[0]),
            miss_rate=MISS_RATE,
            condition_sd=float(llrs.std(axis=0).mean()),
            least_detail=LEAST_DETAIL,
            operating_points=operating_points_of(llrs, spoof, sources, seed),
        ),
    )


def _mean_llr(scores: PictureScores, look: Look, calibration: Calibration) -> float:
    """As `assay.image.detector.fused` counts a look."""
    llrs = [calibration.of(score.logit) for score in scores.of(look)]
    return float(np.mean(llrs)) if llrs else 0.0


def _face_llrs(found: Sequence[Measured], calibration: Calibration) -> tuple[Floats, list[str]]:
    """The llr of every bona fide face in the plain condition, and its source."""
    llrs, owners = [], []
    for one in found:
        if one.original.key == "bona_fide" and one.conditions[0]:
            for score in one.conditions[0].of("face"):
                llrs.append(calibration.of(score.logit))
                owners.append(one.original.source)
    return np.array(llrs), owners


def _known_answer(model: bytes, decided: Decided) -> KnownAnswer:
    with Image.open(weights_folder() / KNOWN_ANSWER) as image:
        pixels = np.asarray(image.convert("RGB"))
    session = session_of(model)
    logits = PictureDetector("new", session=session, card=_blank_card(side_of(session))).logits(pixels)
    steepest = max(scale.calibration.slope for scale in decided.looks.values())
    values = tuple(round(float(value), 5) for value in logits)
    return KnownAnswer(sample=KNOWN_ANSWER, values=values, tolerance=SELF_TEST_LLR / steepest)
