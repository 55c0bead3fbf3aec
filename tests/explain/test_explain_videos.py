"""Videos: which frames are explained, and networks that see a row of frames."""

from types import SimpleNamespace

import numpy as np
import pytest

from assay.explain.videos import Shot, explain_row, explain_shot, telling_frames
from assay.image.detector import PictureDetector
from assay.image.looks import LOOKS
from assay.models.card import Calibration
from assay.video.detector import VideoDetector
from assay.video_eyes import Eyes

EVEN = Calibration(slope=1.0, offset=0.0, lowest=-50.0, highest=50.0)


class Row:
    """A network whose logit is the mean of a row of numbers."""

    card = SimpleNamespace(calibration=EVEN)

    def logit(self, stored):
        return float(stored.mean())


def test_the_frames_that_count_are_found_and_told_in_seconds():
    stored = np.zeros((20, 3))
    stored[8:10] = 10.0
    found = explain_row(Row(), stored, 10.0)
    (only,) = found.ranges
    assert (only.start_s, only.end_s) in ((4.0, 4.5), (4.0, 5.0), (4.5, 5.0))
    assert found.coverage <= 0.1


class Bright:
    """Answers by how much of the picture is bright and how much brightness changes, alike for every look."""

    def run(self, wanted, given):
        pixels = given["pixels"].astype(np.float32)
        logits = np.repeat(np.abs(np.diff(pixels, axis=2)).mean((1, 2, 3))[:, None], len(LOOKS), axis=1)
        return [logits, np.zeros((len(pixels), 4), np.float32)][: len(wanted)]


@pytest.fixture(scope="module")
def eyes():
    return Eyes(VideoDetector("video-lite", session=object()), PictureDetector("picture-lite", session=Bright()))


def frame(index, contrast):
    """Stripes of some contrast in one place of a grey frame."""
    pixels = np.full((240, 320, 3), 100, np.uint8)
    pixels[60:120, 120:180:2] += np.uint8(contrast)
    return SimpleNamespace(index=index, time_s=index * 0.1, pixels=pixels)


class Video:
    """Frames by number; asks are noted."""

    def __init__(self, contrasts):
        self.shown, self.asked = [frame(*pair) for pair in enumerate(contrasts)], []

    def frames(self, *, num_frames, start_s, end_s):
        self.asked.append((num_frames, start_s, end_s))
        there = [one for one in self.shown if start_s <= one.time_s <= (end_s or np.inf)]
        return iter(there[:: max(1, len(there) // num_frames)][:num_frames])


NOBODY = SimpleNamespace(find=lambda pixels: ())
STRETCH = SimpleNamespace(llr=2.0, start_s=1.5, end_s=1.9)
PERSON = SimpleNamespace(stretches=(STRETCH, SimpleNamespace(llr=-1.0, start_s=0.0, end_s=0.5)))


def test_the_frames_that_speak_most_for_a_spoof_are_chosen_and_none_beside_another(eyes):
    contrasts = [0] * 20
    contrasts[4], contrasts[16], contrasts[17], contrasts[18] = 50, 100, 120, 110
    video = Video(contrasts)
    shots = telling_frames(video, eyes, NOBODY, SimpleNamespace(persons=(PERSON,)))
    assert video.asked == [(8, 0.0, None), (4, 1.5, 1.9)]
    assert [round(shot.time_s, 1) for shot in shots] == [1.7, 0.4]
    assert shots[0].llr > shots[1].llr


def test_without_persons_frames_are_taken_from_all_over(eyes):
    video = Video([10] * 20)
    assert telling_frames(video, eyes, NOBODY, SimpleNamespace(persons=()))
    assert video.asked == [(8, 0.0, None)]
    tiny = SimpleNamespace(frames=lambda **_: iter([SimpleNamespace(index=0, time_s=0.0, pixels=_tiny())]))
    assert telling_frames(tiny, eyes, NOBODY, SimpleNamespace(persons=())) == []


def _tiny():
    return np.zeros((40, 40, 3), np.uint8)


def test_the_place_in_a_frame_is_found(eyes):
    video = Video([100])
    (shot,) = telling_frames(video, eyes, NOBODY, SimpleNamespace(persons=()))
    assert isinstance(shot, Shot)
    found = explain_shot(shot, eyes, label="person 0")
    saliency = found.saliency
    assert (saliency.kind, saliency.start_s, saliency.end_s, saliency.label) == ("frame", 0.0, 0.0, "person 0")
    assert (saliency.width, saliency.height) == (320, 240)
    row, column = np.unravel_index(saliency.values.argmax(), saliency.values.shape)
    cell = 320 / saliency.values.shape[1]
    assert 110 <= (column + 0.5) * cell <= 190
    assert 50 <= (row + 0.5) * cell <= 130
    assert found.faithfulness.llr == pytest.approx(shot.llr)
