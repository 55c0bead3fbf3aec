"""Where a network is computed: graphics card or accelerator where ONNX Runtime has one, else the processor.

ONNX Runtime's execution providers come with the build that is installed (onnxruntime-gpu, onnxruntime-directml, …); a
provider that is compiled in may still fail to start, as CUDA does without its libraries, and then ONNX Runtime falls
back to the processor by itself. So what counts is what a session answers when it is asked, and that is what
`provider_of` tells. Providers that compile for minutes (TensorRT) are not chosen.

Source: https://onnxruntime.ai/docs/execution-providers
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

CPU: Final = "CPUExecutionProvider"
PROVIDERS: Final[dict[str, str]] = {
    "cuda": "CUDAExecutionProvider",
    "rocm": "MIGraphXExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": CPU,
}
log = logging.getLogger("assay.models")


def wanted_providers(device: str, available: Sequence[str]) -> list[str]:
    """Providers to ask a session for, the processor last.

    Args:
        device: ``auto`` for whatever there is, or a key of `PROVIDERS`; `assay.settings.Device`.
        available: Those that ONNX Runtime was built with.
    """
    named = list(PROVIDERS.values()) if device == "auto" else [PROVIDERS[device]]
    return [*(name for name in named if name in available and name != CPU), CPU]


def provider_of(session: Any) -> str:
    """The provider that a session really computes on, such as ``CUDAExecutionProvider``; empty if it does not say."""
    names: Sequence[str] = getattr(session, "get_providers", list)()
    return str(names[0]) if names else ""


def fell_back(device: str, available: Sequence[str], provider: str) -> bool:
    """Whether the processor answers although something else was named, or is there and did not start.

    Args:
        device: See `wanted_providers`.
        available: See `wanted_providers`.
        provider: That answers.
    """
    if provider != CPU:
        return False
    return device not in ("auto", "cpu") or wanted_providers(device, available) != [CPU]


def tell_fallback(name: str, device: str, available: Sequence[str], session: Any) -> None:
    """Log it where a model is computed on the processor against what was asked for."""
    if fell_back(device, available, provider_of(session)):
        log.warning(
            "'%s' is computed on the processor: this ONNX Runtime (%s) cannot start what device=%s asks for. Install"
            " the build for it, such as onnxruntime-gpu, with its drivers.",
            name,
            ", ".join(available),
            device,
        )
