"""Examples in the OpenAPI document; a test holds them against the schema."""

from __future__ import annotations

from typing import Any

from assay.result import ModelReference, OperatingPointInForce, Reason, ScanResult, Segment


def sample() -> ScanResult:
    """A result as it might be; no file has it."""
    return ScanResult(
        path="recording.wav",
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        media="audio",
        container="wav",
        codec="pcm_s16",
        sample_rate_hz=16_000,
        channels=1,
        duration_s=8.0,
        speech_s=6.4,
        verdict="spoof",
        spoof_probability=0.97,
        llr=3.48,
        interval=(0.93, 0.99),
        segments=(Segment(start_s=0.0, end_s=8.0, spoof_probability=0.97, llr=3.48),),
        timeline=(),
        findings=(),
        reasons=(
            Reason(code="above_threshold", text="The score 3.48 reaches the threshold 2.10 for synthetic sound."),
        ),
        not_analysed=(),
        model=ModelReference(
            name="audio-resnet",
            version="1",
            sha256="2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            provider="CPUExecutionProvider",
        ),
        operating_point=OperatingPointInForce(
            max_false_alarm=0.01, threshold_llr=2.1, bona_fide_below_llr=-1.0, prior=0.5, extrapolated=False
        ),
        timings_ms={"total": 15.2},
    )


def result_sample() -> dict[str, Any]:
    """The example of a result for a response of OpenAPI."""
    return {"content": {"application/json": {"example": sample().model_dump(mode="json")}}}
