"""From a picture to a result.

The score is the detector's. What the file itself shows stands beside it, in the evidence and the provenance, and never
enters it; only that a picture whose file names its generator is not called free of signs. See `assay.forensics`,
`assay.provenance`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from assay.evidence import declares_generator, posterior, reference_of, shown_traces
from assay.forensics.inspect import Inspection, inspect
from assay.image.faces import Face as FoundFace
from assay.image.faces import FaceFinder
from assay.image.looks import LEAST_FACE
from assay.picture_policy import decide_picture
from assay.picture_stability import Held, Rescoring
from assay.provenance import read_provenance
from assay.result import Face, NotAnalysed, Piece, ScanResult

if TYPE_CHECKING:
    from assay.image.detector import PictureDetector, PictureScores
    from assay.image.looks import Pixels
    from assay.media.pictures import Picture
    from assay.settings import Settings


def examine(
    picture: Picture,
    detector: PictureDetector,
    settings: Settings,
    *,
    started: float,
    trust_anchors: bytes | None = None,
) -> ScanResult:
    """Make a result of a picture.

    Args:
        picture: Decoded.
        detector: Scores it.
        settings: Whether to look deeply; what the policy needs.
        started: `time.perf_counter` before the file was opened.
        trust_anchors: As for `assay.provenance.read_provenance`.
    """
    opened = time.perf_counter()
    found = inspect(picture, deep=settings.deep)
    inspected = time.perf_counter()
    finder = face_finder(settings.threads, settings.deep)
    faces = finder.find(picture.pixels)
    looked = time.perf_counter()
    provenance = read_provenance(picture.data, picture.format, trust_anchors=trust_anchors)
    vouched = time.perf_counter()
    scores = detector.score(picture.pixels, faces, deep=settings.deep)
    declared = declares_generator(found.traces, provenance)
    judge = partial(decide_picture, card=detector.card, settings=settings, quality=quality_of(found), declared=declared)
    held = Held(judge(scores))
    ended = time.perf_counter()
    if settings.stability:
        again = Rescoring(partial(_scored, detector, finder, settings.deep), judge, settings)
        held = again.check(picture.pixels, scores, held.judgement)
    checked = time.perf_counter()
    judgement = held.judgement
    return ScanResult(
        path=picture.path,
        sha256=picture.sha256,
        media="image",
        container=picture.format,
        codec=picture.format,
        width=picture.width,
        height=picture.height,
        verdict=judgement.verdict,
        spoof_probability=judgement.spoof_probability,
        llr=judgement.llr,
        interval=judgement.interval,
        segments=(),
        timeline=(),
        findings=judgement.findings,
        reasons=judgement.reasons,
        not_analysed=(*gaps_of(found, picture), *held.gaps, *_unseen(scores, faces)),
        faces=_faces(faces, scores, settings.prior),
        pieces=_pieces(scores, settings.prior),
        evidence=tuple(shown_traces(found.traces, picture.notes)),
        provenance=provenance,
        model=reference_of(detector),
        operating_point=judgement.operating_point,
        timings_ms={
            "open": round(1e3 * (opened - started), 3),
            "forensics": round(1e3 * (inspected - opened), 3),
            "faces": round(1e3 * (looked - inspected), 3),
            "network": round(1e3 * (ended - vouched), 3),
            "provenance": round(1e3 * (vouched - looked), 3),
            **({"stability": round(1e3 * (checked - ended), 3)} if settings.stability else {}),
            "total": round(1e3 * (time.perf_counter() - started), 3),
        },
        stability=held.stability,
    )


def _scored(detector: PictureDetector, finder: FaceFinder, deep: bool, pixels: Pixels) -> PictureScores:
    return detector.score(pixels, finder.find(pixels), deep=deep)


@cache
def face_finder(threads: int, deep: bool) -> FaceFinder:
    """What finds faces in pictures; one for all scans."""
    return FaceFinder(irises=False, threads=threads, deep=deep)


def quality_of(found: Inspection) -> int | None:
    """Of a JPEG file by its tables, if they are IJG's or near them."""
    for trace in found.traces:
        if trace.name == "jpeg_quantisation" and isinstance(trace.measured.get("quality"), int):
            return int(trace.measured["quality"] or 0)
    return None


def gaps_of(found: Inspection, picture: Picture) -> Iterator[NotAnalysed]:
    """What the file itself could not be asked."""
    for tool, reason in found.left_out.items():
        if (tool, picture.format == "jpeg") != ("double_jpeg", False):  # nobody misses it there
            yield NotAnalysed(code=f"no_{tool}", text=f"{tool.replace('_', ' ')}: {reason}")


def _unseen(scores: PictureScores, faces: Sequence[FoundFace]) -> Iterator[NotAnalysed]:
    if scores.unseen_faces:
        widths = [round(faces[place].width) for place in scores.unseen_faces]
        text = (
            f"{len(widths)} of {len(faces)} faces were not scored: they are {min(widths)} to {max(widths)} pixels wide,"
            f" {LEAST_FACE:.0f} are needed, and the square around a face must fit into the picture."
        )
        yield NotAnalysed(code="small_faces", text=text)


def _faces(faces: Sequence[FoundFace], scores: PictureScores, prior: float) -> tuple[Face, ...]:
    llrs = {score.face: score.llr for score in scores.of("face")}
    told = []
    for place, face in enumerate(faces):
        left, top, right, bottom = (round(edge, 1) for edge in face.box)
        llr = llrs.get(place)
        told.append(
            Face(
                box=(left, top, right, bottom),
                score=round(min(1.0, face.score), 4),
                spoof_probability=None if llr is None else posterior(llr, prior),
                llr=llr,
            )
        )
    return tuple(told)


def _pieces(scores: PictureScores, prior: float) -> tuple[Piece, ...]:
    return tuple(
        Piece(
            box=(square.left, square.top, square.left + square.side, square.top + square.side),
            spoof_probability=posterior(score.llr, prior),
            llr=score.llr,
        )
        for score in scores.of("piece")
        for square in [score.square]
    )
