"""A detector whose verdict is told by the file's name, so that the command line is tested without a weight.

Run as a program it is `assay` with that detector: ``python cli_fakes.py scan spoof.wav``.
"""

import hashlib
import importlib
import os
import sys
import time
from pathlib import Path
from typing import ClassVar

import assay
from assay.errors import AssayError, DecodeError, MediaError, MediaNotFound, WeightMismatch
from assay.media import expand
from assay.result import (
    ModelReference,
    NotAnalysed,
    OperatingPointInForce,
    Reason,
    ScanFailure,
    ScanResult,
    Segment,
)

# As a program of its own, in any folder, with the same package that the tests import.
COMMAND = [sys.executable, __file__]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(assay.__file__).parents[1])}
VERDICTS = {"spoof": ("spoof", 0.99), "mixed": ("mixed", 0.95), "unsure": ("inconclusive", 0.5)}


def make_result(path, verdict="bona_fide", probability=0.02, **changes):
    segments = (
        Segment(start_s=0, end_s=12.4, spoof_probability=0.1, llr=-2.2),
        Segment(start_s=12.4, end_s=15.2, spoof_probability=0.98, llr=3.9, suspicious=verdict == "mixed"),
    )
    given = {
        "path": str(path),
        "sha256": hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).hexdigest(),
        "container": "wav",
        "codec": "pcm_s16",
        "sample_rate_hz": 16_000,
        "channels": 1,
        "duration_s": 15.2,
        "speech_s": 11.0,
        "verdict": verdict,
        "spoof_probability": probability,
        "llr": 0.0,
        "interval": (max(0.0, probability - 0.1), min(1.0, probability + 0.01)),
        "segments": segments,
        "timeline": (),
        "findings": (),
        "reasons": (Reason(code="r", text='The score, "so to speak", decided.'),),
        "not_analysed": (NotAnalysed(code="n", text="too little speech", start_s=0.0, end_s=1.5),),
        "model": ModelReference(name="fake", version="1", sha256="0" * 64),
        "operating_point": OperatingPointInForce(
            max_false_alarm=0.01, threshold_llr=2, bona_fide_below_llr=-1, prior=0.5, extrapolated=False
        ),
        "timings_ms": {"total": 2.0},
    }
    return ScanResult(**(given | changes))


class FakeDetector:
    """Answers by name: spoof…, mixed…, unsure…, broken…, crash…, altered…, interrupt…, slow…; bona fide otherwise."""

    scanned: ClassVar[list[str]] = []  # names, over all detectors of a test
    settings = None  # of the latest one

    def __init__(self, *, settings):
        FakeDetector.settings = settings

    def scan_many(self, sources, *, recursive=False, done=()):
        for found in expand(sources, recursive=recursive):
            if isinstance(found, MediaError):
                yield ScanFailure.of("", found)
            elif str(found) not in done:
                yield self._outcome(found)

    def _outcome(self, path):
        name = Path(path).name
        FakeDetector.scanned.append(name)
        try:
            self._misbehave(name)
            if str(path) != "-" and not Path(path).exists():
                raise MediaNotFound(f"There is no file '{path}'.")
        except MediaError as error:
            return ScanFailure.of(str(path), error)
        verdict, probability = next((v for k, v in VERDICTS.items() if name.startswith(k)), ("bona_fide", 0.02))
        return make_result(path, verdict, probability)

    def _misbehave(self, name):
        errors = {
            "broken": DecodeError(f"'{name}' breaks off after 1.0 s.\nGive the whole file."),
            "crash": ValueError("boom"),
            "altered": WeightMismatch("The weight is not the one on its card."),
            "interrupt": KeyboardInterrupt(),
            "refused": PermissionError(13, "Permission denied"),
            "odd": AssayError("Something else."),
        }
        for prefix, error in errors.items():
            if name.startswith(prefix):
                raise error
        if name.startswith("slow"):
            time.sleep(60)


def install(patch=setattr):
    patch(importlib.import_module("assay.line"), "Detector", FakeDetector)


if __name__ == "__main__":
    from assay.cli import main

    install()
    main()
