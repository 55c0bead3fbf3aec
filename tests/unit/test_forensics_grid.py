"""A former block grid is found where the test put it. Rates over more pictures: docs/forensics.md."""

import numpy as np
import pytest
from forensic_pictures import jpeg, pixels, textured

from assay.forensics.coefficients import luminance
from assay.forensics.grid import FAINT, FEWEST_BLOCKS, FIRST_BLOCKS, detect_former_grid, grid_traces
from assay.forensics.jpeg import read_jpeg

PICTURES = [textured(seed) for seed in range(3)]
GREY = PICTURES[0][..., 1]


def detect(data):
    return detect_former_grid(luminance(read_jpeg(data)))


@pytest.mark.parametrize("offset", range(1, 8))
def test_a_crop_before_the_second_save_is_found(offset):
    other = offset * 3 % 8
    cropped = pixels(jpeg(PICTURES[offset % 3], 70))[offset:, other:]
    found = detect(jpeg(cropped, 90))
    assert (found.row, found.column) == ((8 - offset) % 8, (8 - other) % 8)
    assert found.strength > 0.5
    assert abs(found.quality - 70) <= 3


@pytest.mark.parametrize(("row", "column"), [(0, 4), (4, 0), (1, 0)])
def test_a_crop_along_one_side_is_found(row, column):
    found = detect(jpeg(pixels(jpeg(PICTURES[1], 65))[row:, column:], 92))
    assert (found.row, found.column) == (-row % 8, -column % 8)
    assert found.strength > 0


@pytest.mark.parametrize("last", [60, 90, 100])
@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_saved_once_has_no_former_grid(picture, last):
    found = detect(jpeg(picture, last))
    assert found.strength == 0
    assert found.contrast < FAINT


def test_more_blocks_are_measured_where_the_first_show_something_or_a_deep_look_is_asked_for():
    once = luminance(read_jpeg(jpeg(textured(1, 520, 520), 90)))
    assert detect_former_grid(once).blocks <= FIRST_BLOCKS
    assert detect_former_grid(once, deep=True).blocks > FIRST_BLOCKS
    cropped = detect(jpeg(pixels(jpeg(textured(1, 520, 520), 70))[3:, 5:], 90))
    assert cropped.blocks > FIRST_BLOCKS
    assert cropped.strength == 1


def test_saving_twice_on_one_grid_is_no_other_grid():
    assert detect(jpeg(pixels(jpeg(PICTURES[0], 60)), 90)).strength == 0


def test_a_crop_by_whole_blocks_cannot_be_seen():
    assert detect(jpeg(pixels(jpeg(PICTURES[0], 60))[8:, 16:], 90)).strength == 0


def test_pixels_need_not_come_from_a_jpeg_file():
    cropped = pixels(jpeg(GREY, 70))[2:, 5:]
    found = detect_former_grid(cropped.astype(np.float32))
    assert (found.row, found.column) == (6, 3)


def test_transposing_the_picture_transposes_the_offset():
    cropped = pixels(jpeg(GREY, 70))[2:, 5:].astype(np.float32)
    found = detect_former_grid(np.ascontiguousarray(cropped.T))
    assert (found.row, found.column) == (3, 6)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_picture_has_no_grid(value):
    assert detect_former_grid(np.full((256, 256), value, np.float32)).strength == 0


def test_a_small_picture_is_not_measured():
    side = 8 * int(FEWEST_BLOCKS**0.5) + 7
    assert detect_former_grid(np.zeros((side - 1, side), np.float32)) is None
    assert detect_former_grid(np.zeros((3, 3000), np.float32)) is None
    assert grid_traces(np.zeros((1, 1), np.float32)) == ()


def test_the_trace_names_an_offset_only_where_one_is_clear():
    (none,) = grid_traces(luminance(read_jpeg(jpeg(PICTURES[0], 90))))
    assert none.measured["row"] is None
    assert "leave none" in none.note
    (hit,) = grid_traces(luminance(read_jpeg(jpeg(pixels(jpeg(PICTURES[0], 70))[1:, 1:], 90))))
    assert (hit.measured["row"], hit.measured["column"]) == (7, 7)
    assert "cropped" in hit.note
