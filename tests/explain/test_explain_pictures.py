"""Hiding places of pictures and frames, and what networks saw there."""

import numpy as np
import pytest

from assay.explain.adaptive import Box
from assay.explain.crop import Crop
from assay.explain.pictures import explain_picture, seen_by_detector
from assay.image.detector import LookScore, PictureDetector, PictureScores, fused
from assay.image.looks import Square, cut

SIDE = 192
HEIGHT, WIDTH = 400, 600
PLACE = Square(300, 120, 60)  # of the texture


class Texture:
    """Answers with the mean difference between neighbours, for each look: what blurring takes away."""

    def run(self, _, given):
        pixels = given["pixels"].astype(np.float32)
        steps = np.abs(np.diff(pixels, axis=2)).mean((1, 2, 3)) + np.abs(np.diff(pixels, axis=1)).mean((1, 2, 3))
        return [np.repeat(steps[:, None] - 1.0, 3, axis=1)]


@pytest.fixture(scope="module")
def detector():
    return PictureDetector("picture-lite", session=Texture())


@pytest.fixture(scope="module")
def pixels():
    """Even grey with a coarse pattern in one place."""
    found = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    blocks = np.random.default_rng(2).integers(0, 256, (10, 10, 1)).repeat(6, 0).repeat(6, 1)
    found[PLACE.top : PLACE.top + PLACE.side, PLACE.left : PLACE.left + PLACE.side] = blocks
    return found


@pytest.fixture(scope="module")
def seen(detector, pixels):
    return seen_by_detector(detector, pixels, detector.score(pixels, []))


def test_what_is_explained_is_the_score_of_the_scan(detector, pixels, seen):
    assert seen.llr([None] * len(seen.crops)) == pytest.approx(detector.score(pixels, []).llr)
    shown = [crop.pixels for crop in seen.crops]
    assert seen.llr(shown) == pytest.approx(detector.score(pixels, []).llr)


def test_the_place_that_the_network_reacts_to_is_found(seen):
    found = explain_picture(seen)
    values = found.saliency.values
    assert (found.saliency.width, found.saliency.height, found.saliency.kind) == (WIDTH, HEIGHT, "picture")
    assert values.shape == (32, 48)
    row, column = np.unravel_index(values.argmax(), values.shape)
    cell = WIDTH / 48
    assert PLACE.left <= (column + 0.5) * cell <= PLACE.left + PLACE.side
    assert PLACE.top <= (row + 0.5) * cell <= PLACE.top + PLACE.side
    first = found.regions[0]
    assert first.x < PLACE.left + PLACE.side
    assert first.x + first.width > PLACE.left
    assert first.llr > 0.1
    assert found.faithfulness.holds
    assert found.coverage < 0.05


def test_the_same_picture_gets_the_same_explanation(detector, pixels, seen):
    again = seen_by_detector(detector, pixels, detector.score(pixels, []), threads=3)
    first, second = explain_picture(seen), explain_picture(again)
    assert np.array_equal(first.saliency.values, second.saliency.values)
    assert first.regions == second.regions


def test_of_a_picture_flagged_for_a_face_that_face_is_explained(detector, pixels):
    scores = detector.score(pixels, [])
    face = Square(250, 80, 160)
    inner = cut(pixels, detector.seen("face", face), SIDE)
    logit = float(detector.shown_logits(inner[None])[0, 0])
    llr = detector.card.looks["face"].calibration.of(logit)
    told = LookScore("face", face, logit, llr, 0)
    several = PictureScores((told, *scores.looks), fused([told, *scores.looks], detector.card), 1.0, 0.0, ())
    only = seen_by_detector(detector, pixels, several, face=True)
    assert only.partial
    assert len(only.crops) == 1
    assert only.llr([None]) == pytest.approx(llr)
    assert only.llr([only.crops[0].pixels]) == pytest.approx(llr)


def test_a_picture_without_looks_has_nothing_to_explain(detector):
    scores = PictureScores((), None, 0.0, 0.0, ())
    assert seen_by_detector(detector, np.zeros((20, 20, 3), np.uint8), scores) is None


@pytest.fixture
def crop(pixels):
    square = Square(100, 0, 400)
    return Crop(square, cut(pixels, square, SIDE), 8, 2, (5,))


def test_hidden_places_are_blurred_and_others_stay(crop):
    pixels = crop.hidden(crop.box(Box(2, 4, 0, 8)))
    cell = SIDE // 8
    assert np.array_equal(pixels[: 2 * cell - 4], crop.pixels[: 2 * cell - 4])
    assert np.array_equal(pixels[4 * cell + 4 :], crop.pixels[4 * cell + 4 :])
    assert np.abs(np.diff(pixels[2 * cell + 4 : 4 * cell - 4].astype(int), axis=1)).max() < 30
    assert np.array_equal(crop.hidden(np.zeros((SIDE, SIDE), np.float32)), crop.pixels)


def test_boxes_of_a_crop_cover_it_once(crop):
    total = sum(crop.box(Box(row, row + 1, column, column + 1)) for row in range(8) for column in range(8))
    assert total == pytest.approx(np.ones((SIDE, SIDE)), abs=1e-5)
    assert crop.box(Box(0, 8, 0, 8)) == pytest.approx(np.ones((SIDE, SIDE)))


def test_a_mask_over_the_picture_lands_on_the_same_pixels_of_a_crop(crop):
    weights = np.zeros((4, 6), np.float32)
    weights[1, 3] = 1.0  # 300 to 400 across, 100 to 200 down
    mask = crop.under(weights, HEIGHT, WIDTH)
    rows, columns = np.flatnonzero(mask.max(1) > 0.5), np.flatnonzero(mask.max(0) > 0.5)
    scale = SIDE / 400
    assert (rows[0], rows[-1] + 1) == pytest.approx((100 * scale, 200 * scale), abs=1)
    assert (columns[0], columns[-1] + 1) == pytest.approx((200 * scale, 300 * scale), abs=1)
    assert crop.under(np.ones((4, 6), np.float32), HEIGHT, WIDTH) == pytest.approx(np.ones((SIDE, SIDE)), abs=1e-5)
