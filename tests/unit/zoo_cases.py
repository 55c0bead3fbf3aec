"""A card of a network of the zoo with numbers that can be worked out by hand, and a folder that it lies in.

P(llr or more) = exp(-llr) over bona fide files, so that the threshold for a rate p is -log(p); rates from 0.001 to 0.05
are promised.
"""

import hashlib

from policy_cases import EXPONENTIAL

from assay.models.card import Calibration, KnownAnswer, OperatingPoint, ZooCard, ZooDecision

WEIGHT = b"no graph at all"
RATES = (0.05, 0.01, 0.001)


def promised(rate):
    """An operating point of a rate."""
    return OperatingPoint(
        max_false_alarm=rate,
        threshold_llr=0.0,
        threshold_interval=(0.0, 0.0),
        false_alarm=rate,
        false_alarm_interval=(0.0, 1.0),
        detection_rate=0.5,
        detection_interval=(0.0, 1.0),
        extrapolated=False,
    )


def make_zoo_card(*, file=EXPONENTIAL, rates=RATES, **fields):
    """A card for recordings; keywords replace what stands in it."""
    decision = ZooDecision(
        file=file,
        bona_fide_below_llr=-1.0,
        miss_rate=0.1,
        eer_llr=0.25,
        operating_points=tuple(map(promised, rates)),
    )
    given = {
        "name": "by-hand",
        "version": "1",
        "summary": "By hand.",
        "file": "model.onnx",
        "sha256": hashlib.sha256(WEIGHT).hexdigest(),
        "size_bytes": len(WEIGHT),
        "licence_weights": "",
        "origin": "",
        "limits": (),
        "known_answer": KnownAnswer(sample="made by assay.models.known", values=(0.0,), tolerance=0.01),
        "recipe": "",
        "commit": "",
        "calibration": Calibration(slope=2.0, offset=0.0, lowest=-20.0, highest=20.0),
        "data": (),
        "architecture": "by-hand",
        "media": "audio",
        "input": "samples",
        "shape": (16_000,),
        "integer": False,
        "views": 3,
        "longest_s": 30.0,
        "look": "",
        "parameters": 1,
        "parity": 0.0,
        "decision": decision,
    }
    return ZooCard(**given | fields)


def write_run(folder, **fields):
    """A run folder with such a card and a file that is no graph; gives the folder."""
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(make_zoo_card(**fields).model_dump_json())
    (folder / "model.onnx").write_bytes(WEIGHT)
    return folder


PIXELS = {
    "media": "image",
    "input": "pixels",
    "shape": (32, 32, 3),
    "integer": True,
    "views": 1,
    "longest_s": 0.0,
    "look": "whole",
    "stored_pixels": 64,
}
FRAMES = {**PIXELS, "media": "video", "input": "frames", "shape": (4, 32, 32, 3), "longest_s": 30.0}
FEATURES = {
    **FRAMES,
    "input": "features",
    "shape": (8, 1280),
    "integer": False,
    "look": "face",
    "stored_pixels": 0,
    "features_sha256": "1" * 64,
}
