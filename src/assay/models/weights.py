"""Verified weights: no session is made of a file whose SHA-256 is not the one on its card."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from assay.errors import ModelError, WeightMismatch
from assay.models.card import Card
from assay.models.providers import tell_fallback, wanted_providers
from assay.models.registry import load_card, weights_folder

REINSTALL = "Reinstall Assay."


def read_weight(name: str) -> bytes:
    """Bytes of a model's ONNX file, checked against its card.

    Raises:
        ModelNotFound: If there is no such model.
        CardError: If its card is malformed.
        WeightMismatch: If the file is missing or unreadable, or its SHA-256 differs.
    """
    card = load_card(name)
    return verified(weights_folder() / card.file, card, remedy=REINSTALL)


def verified(path: Path, card: Card, *, remedy: str) -> bytes:
    """Bytes of a weight, checked against its card.

    Args:
        path: Of the file.
        card: That states its SHA-256.
        remedy: What to do where it is another file.

    Raises:
        WeightMismatch: If the file is missing or unreadable, or its SHA-256 differs.
    """
    name = card.name
    if not path.is_file():
        raise WeightMismatch(f"The weight '{card.file}' of '{name}' is missing. {remedy}", model=name)
    try:
        weight = path.read_bytes()
    except OSError as error:
        raise WeightMismatch(f"The weight '{card.file}' cannot be read: {error}. {remedy}", model=name) from error
    found = hashlib.sha256(weight).hexdigest()
    if found != card.sha256:
        raise WeightMismatch(
            f"The weight '{card.file}' is not the one on its card (SHA-256 {found[:12]}…, expected"
            f" {card.sha256[:12]}…); it is refused. {remedy}",
            model=name,
            expected=card.sha256,
            found=found,
        )
    return weight


def load_session(name: str, *, threads: int = 1, device: str = "cpu") -> Any:
    """An ONNX Runtime session of a packaged model.

    Args:
        name: Model name.
        threads: Threads within one operator.
        device: Where it is computed; see `assay.models.providers`. What cannot be had falls back to the processor,
            which `provider_of` tells.

    Returns:
        An `onnxruntime.InferenceSession`; it may be shared between Python threads.

    Raises:
        ModelError: If the weight was altered, or this ONNX Runtime cannot run it.
    """
    return session_of(read_weight(name), name, threads=threads, device=device)


def session_of(weight: bytes, name: str, *, threads: int = 1, device: str = "cpu") -> Any:
    """An ONNX Runtime session of a weight that was checked; arguments and errors as of `load_session`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads that spin would take the other core away from whoever else uses it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        providers = wanted_providers(device, onnxruntime.get_available_providers())
        session = onnxruntime.InferenceSession(weight, options, providers=providers)
    except runtime_errors() as error:
        raise ModelError(
            f"ONNX Runtime {onnxruntime.__version__} cannot run '{name}': {error}."
            " Upgrade it: pip install -U onnxruntime",
            model=name,
        ) from error
    tell_fallback(name, device, onnxruntime.get_available_providers(), session)
    return session


def runtime_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises of a graph that it cannot load or compute; these have no common root."""
    from onnxruntime.capi import onnxruntime_pybind11_state as foreign

    names = ("EPFail", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented")
    return (foreign.RuntimeException, *(getattr(foreign, name) for name in names))
