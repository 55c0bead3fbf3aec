"""Rebuild Resemblyzer's voice encoder as ONNX, with card and licence.

    pip download --no-deps Resemblyzer==0.1.4
    python scripts/convert_speaker_encoder.py Resemblyzer-0.1.4-py3-none-any.whl src/assay/weights [sounds]

The wheel (PyPI, Apache-2.0, Resemble AI) holds `pretrained.pt`, the weights of a network that was trained with the
generalised end-to-end loss (Wan et al., ICASSP 2018) on LibriSpeech-other, VoxCeleb1 and VoxCeleb2. Only that file is
taken, and read with `weights_only`; the code beside it is imported for the comparison alone. Needed here and nowhere
else: torch, onnx, and librosa for the comparison.

- input ``mels (n, frames, 40)``: mel power of 25 ms every 10 ms, not logarithmic; 160 frames are 1.6 s;
- output ``embedding (n, 256)`` of length 1, no value below 0.

Three LSTM layers and one of ReLU. Weights are stored as float16 and widened when the graph is loaded: half the size,
and what it moves is measured below and written on the card. The front end is numpy (`assay.speaker.encoder`): the
arithmetic of librosa's mel spectrogram, which the house has already.

Parity, network and front end together, against the original code on made noise, a made voice and the sounds named: the
largest difference of a value of an embedding with the original's own weights (float32), and the largest cosine distance
with those stored. Voice activity is left out of the comparison: the original uses webrtcvad, Assay silero-vad.

The card's calibration, thresholds and error rates are kept if there are any; a new card lacks them, and is refused as
malformed until `scripts/calibrate_speaker.py` has measured and written them.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

WHEEL = "Resemblyzer 0.1.4"
NAME = "resemblyzer"
LAYERS, UNITS, BANDS = 3, 256, 40
TOLERANCE = 1e-5  # of an embedding's value, with the original's own weights
DISTANCE = 1e-4  # 1 - cosine, with the stored ones
SOURCE = "resemblyzer/pretrained.pt"
Array = NDArray[Any]


def read_weights(wheel: Path) -> tuple[dict[str, NDArray[np.float32]], str]:
    """Weights by name, and the SHA-256 of the file that held them."""
    import torch

    data = zipfile.ZipFile(wheel).read(SOURCE)
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)["model_state"]
    return {name: value.numpy() for name, value in state.items()}, hashlib.sha256(data).hexdigest()


def build(weights: dict[str, NDArray[np.float32]], *, half: bool) -> bytes:
    """The network; `half` stores its matrices as float16."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def emit(op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def constant(name: str, value: Array) -> str:
        value = np.ascontiguousarray(value)
        if half and value.dtype == np.float32 and value.ndim > 1:
            constants.append(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
            return emit("Cast", [f"{name}.half"], name, to=onnx.TensorProto.FLOAT)
        constants.append(numpy_helper.from_array(value, name))
        return name

    x = emit("Transpose", ["mels"], "frames_first", perm=[1, 0, 2])
    axis = constant("one", np.array([1], np.int64))
    for layer in range(LAYERS):
        arrays = [
            constant(f"w{layer}", gates(weights[f"lstm.weight_ih_l{layer}"])[None]),
            constant(f"r{layer}", gates(weights[f"lstm.weight_hh_l{layer}"])[None]),
            constant(
                f"b{layer}",
                np.concatenate([gates(weights[f"lstm.bias_{part}_l{layer}"]) for part in ("ih", "hh")])[None],
            ),
        ]
        nodes.append(helper.make_node("LSTM", [x, *arrays], [f"states{layer}", f"last{layer}"], hidden_size=UNITS))
        x = emit("Squeeze", [f"states{layer}", axis], f"x{layer}")
    last = emit("Squeeze", [f"last{LAYERS - 1}", constant("zero", np.array([0], np.int64))], "hidden")
    product = emit("MatMul", [last, constant("linear", weights["linear.weight"].T)], "product")
    raw = emit("Relu", [emit("Add", [product, constant("bias", weights["linear.bias"])], "sum")], "raw")
    length = emit("ReduceL2", [raw], "length", axes=[1], keepdims=1)
    # Digital silence gives zeros; they stay zeros instead of becoming no numbers.
    emit("Div", [raw, emit("Max", [length, constant("least", np.array(1e-12, np.float32))], "divisor")], "embedding")
    inputs = [helper.make_tensor_value_info("mels", onnx.TensorProto.FLOAT, ["n", "frames", BANDS])]
    outputs = [helper.make_tensor_value_info("embedding", onnx.TensorProto.FLOAT, ["n", UNITS])]
    model = helper.make_model(
        helper.make_graph(nodes, "resemblyzer", inputs, outputs, constants),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="assay/scripts/convert_speaker_encoder.py",
    )
    helper.set_model_props(model, {"origin": WHEEL, "licence": "Apache-2.0, Resemble AI"})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def gates(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """From torch's order of gates (input, forget, cell, output) to ONNX's (input, output, forget, cell)."""
    i, f, g, o = np.split(array, 4)
    return np.concatenate([i, o, f, g])


def original(wheel: Path, folder: Path) -> Any:
    """The encoder of the wheel, unpacked into `folder`; its voice activity, which needs webrtcvad, is not loaded."""
    for name in ("webrtcvad", "scipy.ndimage.morphology"):
        stub = types.ModuleType(name)
        stub.binary_dilation = None  # type: ignore[attr-defined]  # imported by name there, and never called here
        sys.modules[name] = stub
    zipfile.ZipFile(wheel).extractall(folder)
    sys.path.insert(0, str(folder))
    from resemblyzer import VoiceEncoder  # type: ignore[import-not-found]

    return VoiceEncoder("cpu", verbose=False)


def made_sounds() -> list[NDArray[np.float32]]:
    """Noise of several lengths, and a voice of harmonics: float32 at 16 kHz."""
    rng = np.random.default_rng(0)
    sounds = [rng.normal(0, 0.05, size).astype(np.float32) for size in (9_000, 25_600, 40_000, 100_000)]
    time = np.arange(96_000) / 16_000
    pitch = 140 + 20 * np.sin(3 * time)
    voice = sum(np.sin(k * 2 * np.pi * np.cumsum(pitch) / 16_000) / k for k in range(1, 25))
    return [*sounds, (0.05 * voice * (0.6 + 0.4 * np.sin(20 * time))).astype(np.float32)]


def compare(encoder: Any, model: bytes, sounds: list[NDArray[np.float32]]) -> tuple[float, float]:
    """Largest difference of a value, and largest cosine distance, of whole-recording embeddings."""
    from assay.speaker.encoder import SpeakerEncoder

    ours = SpeakerEncoder(session=onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]))
    worst = distance = 0.0
    for samples in sounds:
        theirs, found = encoder.embed_utterance(samples), ours.embed(samples)
        worst = max(worst, float(np.abs(theirs - found).max()))
        distance = max(distance, 1 - float(theirs @ found))
    return worst, distance


def write(target: Path, model: bytes, source_sha256: str, parity: dict[str, float], on: str) -> None:
    """Weight, licence and card."""
    (target / f"{NAME}.onnx").write_bytes(model)
    apache = (Path(__file__).parent.parent / "LICENSE").read_text(encoding="utf-8")
    (target / f"{NAME}.LICENSE").write_text(
        "resemblyzer/pretrained.pt\nCopyright 2019 Resemble.AI\nhttps://github.com/resemble-ai/Resemblyzer\n\n"
        "Licensed under the Apache License, Version 2.0, which follows. Changed by the authors of Assay: converted to\n"
        f"ONNX as {NAME}.onnx, see scripts/convert_speaker_encoder.py.\n\n{apache}",
        encoding="utf-8",
    )
    path = target / f"{NAME}.json"
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    card = {
        **old,
        "name": NAME,
        "version": "0.1.4",
        "kind": "speaker-encoder",
        "licence_weights": "Apache-2.0",
        "origin": f"pretrained.pt of the wheel {WHEEL} (PyPI), converted by scripts/convert_speaker_encoder.py",
        "file": f"{NAME}.onnx",
        "sha256": hashlib.sha256(model).hexdigest(),
        "size_bytes": len(model),
        "source_sha256": source_sha256,
        "parity": parity,
        "conversion": on,
    }
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(f"{len(model)} bytes, SHA-256 {card['sha256']}")
    if "calibration" not in old:
        print("The card is not whole yet: run scripts/calibrate_speaker.py")


def main() -> None:
    """Convert, compare, write."""
    if len(sys.argv) < 3:
        raise SystemExit((__doc__ or "").split("\n\n")[1])
    import tempfile

    import soundfile

    wheel, target, *files = (Path(argument) for argument in sys.argv[1:])
    weights, source_sha256 = read_weights(wheel)
    sounds = made_sounds()
    for file in files:
        samples, rate = soundfile.read(file, dtype="float32")
        if rate != 16_000 or samples.ndim != 1:
            raise SystemExit(f"{file} has {rate} Hz and {samples.ndim} dimensions; give mono recordings at 16 kHz.")
        sounds.append(samples)
    with tempfile.TemporaryDirectory() as folder:
        encoder = original(wheel, Path(folder))
        worst, _ = compare(encoder, build(weights, half=False), sounds)
        stored = build(weights, half=True)
        moved, distance = compare(encoder, stored, sounds)
    print(f"largest |Δ| {worst:.1e} as float32, {moved:.1e} as stored; cosine distance as stored {distance:.1e}")
    if not (worst < TOLERANCE and distance < DISTANCE):
        raise SystemExit(f"More than {TOLERANCE} or a cosine distance of {DISTANCE} apart; nothing written.")
    parity = {"float32": worst, "stored": moved, "stored_cosine_distance": distance}
    on = f"Resemblyzer's own code (torch, librosa) on {len(sounds)} sounds, voice activity left out"
    write(target, stored, source_sha256, {name: float(f"{value:.2g}") for name, value in parity.items()}, on)


if __name__ == "__main__":
    main()
