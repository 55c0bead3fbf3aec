"""The shared parts, against numbers worked out by hand and slow ways of doing the same."""

import drawings
import numpy as np
import pytest

from assay.forensics.coefficients import luminance
from assay.forensics.jpeg import read_jpeg
from assay.forensics.planes import (
    Region,
    among_peers,
    box_mean,
    cell_means,
    compact_region,
    grid_origin,
    largest_region,
    middle,
    picture_luminance,
    ramp,
    region_strength,
    regions,
)
from assay.media.pictures import open_picture
from assay.settings import Settings

RNG = np.random.default_rng(1)


def test_cells_are_means_of_whole_squares():
    plane = np.arange(35, dtype=np.float32).reshape(5, 7)
    np.testing.assert_allclose(cell_means(plane, 2), [[4, 6, 8], [18, 20, 22]])
    assert cell_means(plane, 8).shape == (0, 0)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 9), (12, 5)])
def test_a_box_mean_agrees_with_the_slow_way(height, width):
    plane = RNG.normal(size=(height, width)).astype(np.float32)
    slow = [[plane[max(0, r - 2) : r + 3, max(0, c - 2) : c + 3].mean() for c in range(width)] for r in range(height)]
    np.testing.assert_allclose(box_mean(plane, 5), slow, atol=1e-5)


def test_regions_touch_along_sides_only():
    mask = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]], bool)
    assert largest_region(mask) == Region(cells=3, left=2, top=1, width=2, height=2)
    assert largest_region(np.zeros((3, 3), bool)) is None
    assert largest_region(np.ones((3, 5), bool)).box(8, 100, 50) == (100, 50, 40, 24)


@pytest.mark.parametrize("share", [0.1, 0.45, 0.6, 0.9])
def test_regions_agree_with_the_slow_way(share):
    mask = np.random.default_rng(3).random((30, 41)) < share
    left, slow = {tuple(cell) for cell in np.argwhere(mask).tolist()}, []
    while left:
        part = [min(left)]
        left.remove(part[0])
        for row, column in part:
            near = {(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)} & left
            left -= near
            part += near
        slow.append(sorted(part))
    found = [sorted(zip(rows.tolist(), columns.tolist(), strict=True)) for rows, columns in regions(mask)]
    assert found == slow
    assert largest_region(mask).cells == max(map(len, slow))


def test_a_thin_outline_and_the_whole_picture_are_no_part():
    outline = np.zeros((40, 40), np.float32)
    outline[5:30, 5] = outline[29, 5:30] = 9
    assert compact_region(outline, 1) is None
    assert compact_region(np.full((40, 40), 9, np.float32), 1) is None
    square = np.zeros((40, 40), np.float32)
    square[3:9, 4:9] = -9
    assert compact_region(square, 1) == (Region(30, 4, 3, 5, 6), -1)


def test_values_that_follow_from_their_peers_do_not_stand_out():
    first = RNG.uniform(size=(64, 64)).astype(np.float32)
    second = RNG.uniform(size=(64, 64)).astype(np.float32)
    values = 5 * first + RNG.normal(0, 0.05, (64, 64)).astype(np.float32)
    values[10:20, 10:20] += 3
    found = among_peers(values, first, second)
    assert found[10:20, 10:20].min() > 3
    assert np.median(np.abs(found)) < 1
    assert not among_peers(values[:5, :5], first[:5, :5], second[:5, :5]).any()


def test_the_middle_keeps_the_aspect_and_the_grid():
    plane = np.zeros((1003, 2005), np.float32)
    part, top, left = middle(plane, 500_000, 3, 5)
    assert part.size <= 500_000
    assert part.shape[1] / part.shape[0] == pytest.approx(2, rel=0.01)
    assert ((top - 3) % 8, (left - 5) % 8) == (0, 0)
    assert middle(plane, 10**9, 3, 5)[0].shape == (1000, 2000)


@pytest.mark.parametrize(("value", "strength"), [(0, 0), (2, 0), (4, 0.5), (8, 1), (99, 1)])
def test_strength_rises_with_the_logarithm(value, strength):
    assert ramp(value, 2, 8) == strength


def test_a_region_needs_a_share_and_a_number_of_cells():
    assert region_strength(200, 10_000, 0.02, 0.08, 150) == 0
    assert region_strength(400, 10_000, 0.02, 0.08, 150) == 0.5
    assert region_strength(150, 1_000, 0.02, 0.08, 150) == 0
    assert region_strength(300, 1_000, 0.02, 0.08, 150) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_grid_is_found_in_a_turned_picture(orientation):
    """A block of one colour, stored at the corner of a picture that is no multiple of 8, and turned upright."""
    stored = np.zeros((35, 45, 3), np.uint8)
    stored[:32, :40] = 200
    picture = open_picture(drawings.encoded("png", stored, exif=drawings.exif(orientation)), settings=Settings())
    row, column = grid_origin(picture)
    bright = picture_luminance(picture) > 100
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    assert (rows[0], columns[0]) == (row, column)
    assert {rows.size, columns.size} == {32, 40}


def test_luminance_agrees_with_that_of_the_file():
    data = drawings.encoded("jpeg", quality=95, subsampling=0)
    picture = open_picture(data, settings=Settings())
    assert np.abs(picture_luminance(picture) - luminance(read_jpeg(data))).max() < 4  # colours out of range are clipped
