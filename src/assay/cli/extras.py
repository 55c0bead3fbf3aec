"""Commands that need an optional part of the installation: its absence becomes one line that names the extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from assay.errors import MissingExtra

TRAINING_MODULES = frozenset(
    {"lightning", "onnx", "onnxscript", "optuna", "pyworld", "safetensors", "tensorboard", "torch"}
)


@contextmanager
def training_extra(purpose: str) -> Iterator[None]:
    """What is imported here needs the extra `train`.

    Args:
        purpose: What the user wants, to begin the sentence with.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in TRAINING_MODULES:
            raise MissingExtra.of("train", purpose) from error
        raise


SERVICE_MODULES = frozenset({"fastapi", "huey", "prometheus_client", "sqlalchemy", "starlette", "uvicorn"})


@contextmanager
def service_extra(purpose: str) -> Iterator[None]:
    """What is imported here needs the extra `serve`.

    Args:
        purpose: What the user wants, to begin the sentence with.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in SERVICE_MODULES:
            raise MissingExtra.of("serve", purpose) from error
        raise
