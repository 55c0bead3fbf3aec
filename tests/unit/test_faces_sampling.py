"""Letterbox, crop and suppression: numbers worked out by hand, and back from where one came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from assay.image.faces.sampling import Placement, Region, crop, letterbox
from assay.image.faces.suppression import Detections, areas, best, intersections, joined, nothing, ranked, weighted


def plane(height, width):
    """Red grows to the right, green downwards: the value tells the place."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.arange(width)
    picture[..., 1] = np.arange(height)[:, None]
    return picture


# Letterbox


def test_a_square_of_the_right_size_stays_itself():
    picture = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    square, placement = letterbox(picture, 128)
    assert np.array_equal(square, picture)
    assert placement == Placement(1.0, (0.0, 0.0))


def test_a_whole_factor_averages_blocks():
    picture = np.random.default_rng(0).integers(0, 256, (384, 384, 3), dtype=np.uint8)
    expected = picture.reshape(128, 3, 128, 3, 3).mean(axis=(1, 3))
    assert letterbox(picture, 128)[0] == pytest.approx(expected, abs=1e-3)


def test_the_bars_are_black_and_the_rest_keeps_its_proportions():
    square, placement = letterbox(np.full((100, 200, 3), 50, np.uint8), 128)
    assert placement == Placement(0.64, (0.0, 32.0))
    assert (square[32:96] == 50).all()
    assert not square[:32].any()
    assert not square[96:].any()


@pytest.mark.parametrize("shape", [(90, 120), (480, 640), (768, 384), (1_500, 2_000)])
def test_it_agrees_with_the_area_filter_of_pillow_on_smooth_pictures(shape):
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize(
        shape[::-1], Image.Resampling.BICUBIC
    )
    size = 128
    square, placement = letterbox(np.asarray(smooth), size)
    scaled = [round(n * placement.scale) for n in shape[::-1]]
    expected = np.asarray(smooth.resize(scaled, Image.Resampling.BILINEAR), float)
    left, top = (round(o) for o in placement.offset)
    inner = square[top : top + scaled[1], left : left + scaled[0]]
    assert np.abs(inner - expected)[2:-2, 2:-2].mean() < 3


@given(st.integers(1, 700), st.integers(1, 700))
def test_values_stay_in_range_and_points_come_back(height, width):
    square, placement = letterbox(np.full((height, width, 3), 255, np.uint8), 128)
    assert square.shape == (128, 128, 3)
    assert square.min() >= 0
    assert square.max() <= 255
    corners = np.array([placement.offset, (128 - placement.offset[0], 128 - placement.offset[1])])
    assert placement.to_picture(corners) == pytest.approx(np.array([[0, 0], [width, height]]), abs=1e-9)


def test_the_place_of_a_pixel_is_the_place_of_its_value():
    square, placement = letterbox(plane(200, 250), 128)
    rows, columns = np.mgrid[20:110, 20:110]
    there = placement.to_picture(np.stack([columns + 0.5, rows + 0.5], axis=-1))
    assert np.abs(square[rows, columns, 0] - (there[..., 0] - 0.5)).max() < 0.01
    assert np.abs(square[rows, columns, 1] - (there[..., 1] - 0.5)).max() < 0.01


# Crop


def test_an_upright_crop_of_its_own_size_is_a_slice():
    picture = np.random.default_rng(0).integers(0, 256, (100, 120, 3), dtype=np.uint8)
    found = crop(picture, Region((50.0, 40.0), 32.0, 0.0), 32)
    assert found == pytest.approx(picture[24:56, 34:66].astype(float), abs=1e-3)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_crop_by_quarters_is_a_turned_slice(turns):
    picture = np.random.default_rng(0).integers(0, 256, (100, 120, 3), dtype=np.uint8)
    found = crop(picture, Region((50.0, 40.0), 32.0, turns * np.pi / 2), 32)
    assert found == pytest.approx(np.rot90(picture[24:56, 34:66], turns).astype(float), abs=0.01)


@pytest.mark.parametrize(("side", "angle"), [(64.0, 0.3), (90.0, -1.2), (150.0, 0.0), (40.0, 2.0)])
def test_a_rotated_crop_shows_what_lies_there(side, angle):
    region = Region((120.0, 110.0), side, angle)
    found = crop(plane(220, 240), region, 64)
    rows, columns = np.mgrid[0:64, 0:64]
    there = region.to_picture((np.stack([columns, rows], axis=-1) + 0.5) / 64)
    assert np.abs(found[..., :2] - (there - 0.5)).max() < (0.05 if side < 128 else 0.6)  # averages are rounded


def test_beyond_the_edge_the_last_pixels_go_on():
    picture = np.full((50, 50, 3), 7, np.uint8)
    picture[:, 0] = 200
    assert (crop(picture, Region((-500.0, 25.0), 20.0, 0.0), 16) == 200).all()
    assert (crop(picture, Region((900.0, 900.0), 20.0, 0.4), 16) == 7).all()
    assert crop(picture[:1, :1], Region((0.5, 0.5), 400.0, 0.1), 16) == pytest.approx(200)


def test_depth_is_in_sides():
    region = Region((10.0, 20.0), 8.0, np.pi / 2)
    assert region.to_picture(np.array([[0.5, 0.5, 0.25], [1.0, 0.5, 0]])) == pytest.approx(
        np.array([[10, 20, 2], [10, 24, 0]])
    )


# Suppression


def detections(*rows):
    boxes = np.array([row[:4] for row in rows], float).reshape(-1, 4)
    points = np.repeat(boxes[:, None, :2], 6, axis=1)
    return Detections(boxes, np.array([row[4] for row in rows], float), points)


def test_areas_and_intersections_by_hand():
    boxes = np.array([[0, 0, 2, 3], [1, 1, 5, 5], [3, 3, 3, 9], [9, 9, 8, 8]], float)
    assert areas(boxes).tolist() == [6, 16, 0, 0]
    assert intersections(boxes[0], boxes).tolist() == [6, 2, 0, 0]


def test_a_group_is_averaged_by_score():
    found = weighted(detections((0, 0, 10, 10, 0.9), (1, 0, 11, 10, 0.6), (50, 50, 60, 60, 0.7)))
    assert found.scores.tolist() == [0.9, 0.7]
    assert found.boxes[0] == pytest.approx([0.4, 0, 10.4, 10])
    assert found.points[0, 0] == pytest.approx([0.4, 0])
    assert found.boxes[1].tolist() == [50, 50, 60, 60]


def test_the_better_of_two_passes_stands_and_pieces_within_go():
    found = best(detections((0, 0, 10, 10, 0.8), (1, 1, 11, 11, 0.9), (3, 3, 6, 6, 0.7), (20, 0, 30, 10, 0.6)))
    assert found.boxes.tolist() == [[1, 1, 11, 11], [20, 0, 30, 10]]


def test_neighbours_that_touch_stay():
    assert len(best(detections((0, 0, 10, 10, 0.8), (9, 0, 19, 10, 0.9)))) == 2


def test_empty_boxes_end():
    for suppress in (weighted, best):
        assert len(suppress(detections((3, 3, 3, 3, 0.8), (3, 3, 3, 3, 0.7)))) == 2
        assert len(suppress(nothing())) == 0


@given(st.permutations(range(6)))
def test_the_order_of_the_passes_does_not_matter(order):
    rows = [
        (0, 0, 9, 9, 0.8),
        (1, 0, 10, 9, 0.8),
        (0, 1, 9, 10, 0.8),
        (20, 0, 29, 9, 0.8),
        (4, 4, 6, 6, 0.9),
        (2, 2, 9, 9, 0.5),
    ]
    expected, found = detections(*rows), joined([detections(rows[i]) for i in order])
    for suppress in (ranked, weighted, best):
        assert np.array_equal(suppress(found).boxes, suppress(expected).boxes)
