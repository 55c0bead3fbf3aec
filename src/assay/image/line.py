"""From a picture to a result.

This version has no detector of synthetic pictures: the verdict is ``inconclusive``, and what the file itself shows
stands in the evidence and the provenance. Neither ever becomes a verdict; see `assay.forensics`, `assay.provenance`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from assay.forensics.inspect import Inspection, inspect
from assay.image.faces import Face as FoundFace
from assay.image.faces import FaceFinder
from assay.provenance import read_provenance
from assay.result import Evidence, Face, NotAnalysed, Reason, ScanResult

if TYPE_CHECKING:
    from assay.media.pictures import Picture
    from assay.settings import Settings

_NO_DETECTOR = Reason(
    code="no_detector",
    text="This version has no detector for pictures; what the file itself shows is listed as evidence.",
)


def examine(picture: Picture, settings: Settings, *, started: float, trust_anchors: bytes | None = None) -> ScanResult:
    """Make a result of a picture.

    Args:
        picture: Decoded.
        settings: Whether to look deeply.
        started: `time.perf_counter` before the file was opened.
        trust_anchors: As for `assay.provenance.read_provenance`.
    """
    opened = time.perf_counter()
    found = inspect(picture, deep=settings.deep)
    inspected = time.perf_counter()
    faces = _finder(settings.threads).find(picture.pixels)
    looked = time.perf_counter()
    provenance = read_provenance(picture.data, picture.format, trust_anchors=trust_anchors)
    ended = time.perf_counter()
    return ScanResult(
        path=picture.path,
        sha256=picture.sha256,
        media="image",
        container=picture.format,
        codec=picture.format,
        width=picture.width,
        height=picture.height,
        verdict="inconclusive",
        spoof_probability=None,
        llr=None,
        interval=None,
        segments=(),
        timeline=(),
        findings=(),
        reasons=(_NO_DETECTOR,),
        not_analysed=tuple(
            NotAnalysed(code=f"no_{tool}", text=f"{tool.replace('_', ' ')}: {reason}")
            for tool, reason in found.left_out.items()
            if (tool, picture.format == "jpeg") != ("double_jpeg", False)  # nobody misses it there
        ),
        faces=tuple(_face(face) for face in faces),
        evidence=tuple(_evidence(picture, found)),
        provenance=provenance,
        model=None,
        operating_point=None,
        timings_ms={
            "open": round(1e3 * (opened - started), 3),
            "forensics": round(1e3 * (inspected - opened), 3),
            "faces": round(1e3 * (looked - inspected), 3),
            "provenance": round(1e3 * (ended - looked), 3),
            "total": round(1e3 * (time.perf_counter() - started), 3),
        },
    )


@cache
def _finder(threads: int) -> FaceFinder:
    return FaceFinder(irises=False, threads=threads)


def _face(face: FoundFace) -> Face:
    left, top, right, bottom = (round(edge, 1) for edge in face.box)
    score = round(min(1.0, face.score), 4)
    return Face(box=(left, top, right, bottom), score=score, spoof_probability=None, llr=None)


def _evidence(picture: Picture, found: Inspection) -> Iterator[Evidence]:
    for note in picture.notes:
        yield Evidence(name="decoding", measured={}, strength=None, text=note)
    for trace in found.traces:
        yield Evidence(name=trace.name, measured=trace.measured, strength=trace.strength, text=trace.note)
