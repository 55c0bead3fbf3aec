"""Results for reports: one for each medium and verdict, made by hand, so that no detector is asked."""

import numpy as np
import pytest

from assay.credentials import Provenance
from assay.result import (
    Delivery,
    Evidence,
    Face,
    Finding,
    FusedPart,
    Fusion,
    LipAgreement,
    ModelReference,
    NotAnalysed,
    OperatingPointInForce,
    Person,
    Piece,
    Reason,
    ScanResult,
    Segment,
    Speech,
    Stability,
    Timeline,
)

POINT = OperatingPointInForce(
    max_false_alarm=0.01, threshold_llr=2.2, bona_fide_below_llr=-1.0, prior=0.5, extrapolated=False
)
COMMON = {
    "sha256": "ab" * 32,
    "model": ModelReference(name="unknown", version="1.0", sha256="cd" * 32, provider="CPUExecutionProvider"),
    "operating_point": POINT,
    "timings_ms": {"open": 1.0, "total": 12.5},
    "evidence": (
        Evidence(name="double_jpeg", measured={"first_quality": 60}, strength=0.9, text="It was saved twice"),
        Evidence(name="camera", measured={"Model": "X-1"}, strength=None, text="A camera left its name."),
    ),
    "provenance": Provenance(findings=("The file holds no Content Credentials.",)),
}


def segment(start, end, llr, **more):
    return Segment(start_s=start, end_s=end, spoof_probability=float(1 / (1 + np.exp(-llr))), llr=llr, **more)


def person(number, llr, **more):
    course = (segment(0.0, 2.0, llr or 0.0), segment(2.0, 4.0, llr or 0.0, suspicious=(llr or 0) > 2))
    shown = {
        "start_s": 0.0,
        "end_s": 4.0,
        "seen_s": 4.0,
        "spoof_probability": None if llr is None else course[0].spoof_probability,
        "llr": llr,
        "frame_llr": llr,
        "temporal_llr": llr,
        "stretches": () if llr is None else course,
    }
    return Person(id=number, **(shown | more))


def _audio():
    lane = Timeline(start_s=0.0, step_s=0.25, spoof_probability=(None,) * 6 + (0.2, 0.3, 0.6, 0.9) * 8 + (None,) * 2)
    return {
        "media": "audio",
        "container": "wav",
        "codec": "pcm_16",
        "sample_rate_hz": 16_000,
        "channels": 1,
        "duration_s": 10.0,
        "speech_s": 8.0,
        "segments": (segment(0.0, 4.0, -1.0), segment(4.0, 6.0, 3.0, suspicious=True), segment(6.0, 10.0, -1.0)),
        "timeline": (lane,),
        "findings": (Finding(name="snr", value=21.5, unit="dB", text="speech over the quietest tenth"),),
        "not_analysed": (NotAnalysed(code="too_little_speech", text="too little speech", start_s=0.0, end_s=1.5),),
    }


def _image():
    faces = tuple(
        Face(box=(40.0 * k, 10.0, 40.0 * k + 30, 50.0), score=0.9, spoof_probability=0.1 + 0.02 * k, llr=-2 + 0.1 * k)
        for k in range(12)
    )
    return {
        "media": "image",
        "container": "jpeg",
        "codec": "jpeg",
        "width": 640,
        "height": 480,
        "faces": faces,
        "pieces": (Piece(box=(0, 0, 224, 224), spoof_probability=0.4, llr=-0.4),),
        "segments": (),
        "timeline": (),
        "findings": (),
        "not_analysed": (),
    }


def _video():
    parts = (
        FusedPart(
            name="image",
            llr=1.5,
            weight=0.5,
            moved=0.3,
            threshold_llr=1.4,
            bona_fide_below_llr=-0.7,
            stands_out=True,
        ),
        FusedPart(
            name="audio",
            llr=-1.3,
            weight=0.5,
            moved=-0.4,
            threshold_llr=2.8,
            bona_fide_below_llr=-1.0,
            stands_out=False,
        ),
    )
    lips = LipAgreement(offset_s=0.04, strength=0.6, p=0.1, n=10, seconds=4.0)
    cue = Evidence(name="blink_rate", measured={}, strength=None, text="As often as people do")
    return {
        "media": "video",
        "container": "mp4",
        "codec": "h264",
        "sample_rate_hz": 16_000,
        "channels": 2,
        "duration_s": 4.0,
        "width": 640,
        "height": 360,
        "segments": (),
        "timeline": (Timeline(start_s=0.0, step_s=0.5, spoof_probability=(0.1,) * 8),),
        "findings": (),
        "not_analysed": (),
        "persons": (
            person(0, 3.0, voice=True, speaking=(Speech(start_s=0.5, end_s=1.5),), agreement=lips, cues=(cue,)),
            person(1, None, no_agreement="The face is too small."),
        ),
        "fusion": Fusion(rule="weighted-0.40-0.40-0.20", llr=0.4, parts=parts),
    }


MEDIA = {"audio": _audio, "image": _image, "video": _video}


@pytest.fixture(scope="session")
def make():
    """Makes a result: ``make("audio", "mixed", path=...)``."""

    def result(media="audio", verdict="spoof", **changes):
        given = {
            "path": f"folder/one.{media}",
            "verdict": verdict,
            "spoof_probability": 0.93,
            "llr": 2.6,
            "interval": (0.81, 0.98),
            "reasons": (Reason(code="x", text="The score 2.60 reaches the threshold"),),
            "stability": Stability(
                verdict=verdict,
                deliveries=(Delivery(delivery="Opus 24 kbit/s", verdict=verdict, llr=2.0, spoof_probability=0.88),),
                llr_spread=0.6,
            ),
        }
        return ScanResult(**(COMMON | MEDIA[media]() | given | changes))

    return result
