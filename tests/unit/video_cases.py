"""Video cards, scores and networks with numbers that can be worked out by hand.

Both statistics have P(x or more) = exp(-x) over bona fide videos, so that the threshold for a rate p is -log(p).
"""

import math

import numpy as np

from assay.models.card import Calibration, KnownAnswer, TailModel, VideoCard, VideoDecision
from assay.models.registry import picture_card
from assay.video.detector import PersonScores, Stretch, VideoDetector, VideoScores
from assay.video.track import Track
from assay.video.watch import FaceSeries
from assay.video_eyes import Eyes

EXPONENTIAL = TailModel(values=(0.0, 1.0, 2.0), survival=(1.0, math.exp(-1), math.exp(-2)), scale=1.0)
BELOW = -0.5


def calibration(**numbers):
    return Calibration(**{"slope": 1.0, "offset": 0.0, "lowest": -6.0, "highest": 9.0, "offset_sd": 0.2} | numbers)


def make_card(**numbers):
    """A card; keywords replace what stands in it."""
    pictures = picture_card("picture-lite")
    given = {
        "name": "by-hand",
        "version": "1",
        "kind": "video-detector",
        "summary": "",
        "file": "by-hand.onnx",
        "sha256": "0" * 64,
        "size_bytes": 1,
        "licence_weights": "Apache-2.0",
        "origin": "",
        "limits": ("a limit",),
        "known_answer": KnownAnswer(sample="s.png", values=(0.0,), tolerance=0.01),
        "recipe": "",
        "commit": "",
        "calibration": calibration(),
        "data": (),
        "features_of": pictures.name,
        "features_sha256": pictures.sha256,
        "fps": 5.0,
        "window_frames": 8,
        "hop_frames": 4,
        "frame": calibration(),
        "temporal": calibration(),
        "weights": {"frame": 0.5, "temporal": 0.5},
        "whole": calibration(),
        "decision": VideoDecision(
            person=EXPONENTIAL, whole=EXPONENTIAL, person_below_llr=BELOW, whole_below_llr=BELOW, miss_rate=0.1
        ),
    }
    return VideoCard(**(given | numbers))


def make_track(number=0, start_s=0.0, frames=20, fps=5.0):
    """A face that stays where it is."""
    times = start_s + np.arange(frames) / fps
    landmarks = np.random.default_rng(number).uniform(100, 200, (1, 468, 3)).repeat(frames, 0).astype(np.float32)
    confidences = np.full(frames, 0.8, np.float32)
    confidences[frames // 2] = 0.9
    return Track(
        id=number,
        frames=np.arange(frames),
        times_s=times,
        boxes=np.tile(np.float32([100, 100, 200, 200 + number]), (frames, 1)),
        confidences=confidences,
        landmarks=landmarks,
        irises=np.full((frames, 2, 5, 3), np.nan, np.float32),
        pieces=np.zeros(frames, np.int64),
    )


def make_person(llr, number=0, **track):
    """A person of this llr, with two stretches."""
    seen = make_track(number, **track)
    series = FaceSeries(seen, np.zeros(len(seen)), np.zeros((len(seen), 4), np.float16))
    if llr is None:
        return PersonScores(series, None, None, None, ())
    start, half = seen.start_s, (seen.start_s + seen.end_s) / 2
    stretches = (Stretch(start, half + 0.2, llr - 1), Stretch(half, seen.end_s, llr + 1))
    return PersonScores(series, llr, llr - 0.5, llr + 0.5, stretches)


def make_scores(*llrs, whole=-1.0):
    """Persons of these llrs, and whole frames."""
    return VideoScores(tuple(make_person(llr, k) for k, llr in enumerate(llrs)), whole, 20, 3.8)


class Answering:
    """A network that always says the same, and counts how often it is asked."""

    def __init__(self, logit, features=4):
        self.logit, self.features, self.asked = logit, features, 0

    def run(self, names, feeds):
        self.asked += 1
        rows = len(next(iter(feeds.values())))
        if "features" in feeds:
            return [np.full(rows, self.logit, np.float32)]
        found = {
            "logit": np.full((rows, 3), self.logit, np.float32),
            "features": np.full((rows, self.features), 0.5, np.float32),
        }
        return [found[name] for name in names]


def make_eyes(temporal=-2.0, pictures=-2.0, **card):
    """What looks at frames, with networks that always say the same."""
    from assay.image.detector import PictureDetector

    detector = VideoDetector("by-hand", session=Answering(temporal), card=make_card(**card))
    return Eyes(detector, PictureDetector("picture-lite", session=Answering(pictures)))
