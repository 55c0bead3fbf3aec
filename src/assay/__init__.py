"""Assay tells whether a recording is bona fide or synthetic, says where and why, and says when it cannot tell.

>>> from assay import scan
>>> result = scan("examples/media/vocoded.wav")  # doctest: +SKIP

Names are loaded when first used, so that ``import assay`` costs next to nothing.
"""

from __future__ import annotations

import logging
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from assay._version import __version__

if TYPE_CHECKING:
    from assay.errors import AssayError
    from assay.explain.door import Explainer, explain
    from assay.explain.explanation import Explanation
    from assay.line import Detector, scan
    from assay.media import open_media
    from assay.result import Outcome, ScanFailure, ScanResult, Segment
    from assay.settings import Settings, load_settings

_HOMES = {
    "AssayError": "assay.errors",
    "Detector": "assay.line",
    "Explainer": "assay.explain.door",
    "Explanation": "assay.explain.explanation",
    "Outcome": "assay.result",
    "ScanFailure": "assay.result",
    "ScanResult": "assay.result",
    "Segment": "assay.result",
    "Settings": "assay.settings",
    "explain": "assay.explain.door",
    "load_settings": "assay.settings",
    "open_media": "assay.media",
    "scan": "assay.line",
}

__all__ = [
    "AssayError",
    "Detector",
    "Explainer",
    "Explanation",
    "Outcome",
    "ScanFailure",
    "ScanResult",
    "Segment",
    "Settings",
    "__version__",
    "explain",
    "load_settings",
    "open_media",
    "scan",
]

logging.getLogger("assay").addHandler(logging.NullHandler())
# ONNX Runtime reports home since 1.31 unless it is told not to before it is imported. Who wants that sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'assay' has no attribute '{name}'")
    member = getattr(import_module(_HOMES[name]), name)
    return globals().get(name, member)  # a package of that name, which importing has put here, can be called


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
