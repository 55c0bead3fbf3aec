"""Commands that need an optional part of the installation: its absence becomes one line that names the extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from assay.errors import MissingExtra

TRAINING_MODULES = frozenset(
    {"lightning", "onnx", "onnxscript", "optuna", "pyworld", "safetensors", "tensorboard", "torch"}
)

SERVICE_MODULES = frozenset(
    {
        "anyio",
        "cryptography",
        "fastapi",
        "huey",
        "prometheus_client",
        "python_multipart",
        "sqlalchemy",
        "starlette",
        "uvicorn",
        "websockets",
    }
)


@contextmanager
def training_extra(purpose: str) -> Iterator[None]:
    """What is imported here needs the extra `train`.

    Args:
        purpose: What the user wants, to begin the sentence with.
    """
    with _extra("train", TRAINING_MODULES, purpose):
        yield


@contextmanager
def service_extra(purpose: str) -> Iterator[None]:
    """What is imported here needs the extra `serve`.

    Args:
        purpose: What the user wants, to begin the sentence with.
    """
    with _extra("serve", SERVICE_MODULES, purpose):
        yield


@contextmanager
def _extra(extra: str, modules: frozenset[str], purpose: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in modules:
            raise MissingExtra.of(extra, purpose) from error
        raise
