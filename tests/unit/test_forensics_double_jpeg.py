"""Double compression, on pictures whose history the test made. Rates over more pictures: docs/forensics.md."""

import contextlib
import io

import numpy as np
import pytest
from forensic_pictures import jpeg, pixels, textured
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from assay.errors import AssayError, DecodeError, LimitExceeded, UnsupportedMedia
from assay.forensics.coefficients import (
    BASIS,
    block_coefficients,
    luminance,
    quantised,
    shifted_basis,
    spread_windows,
    window_coefficients,
)
from assay.forensics.double_jpeg import FEWEST_BLOCKS, detect_double_compression, double_jpeg_traces
from assay.forensics.jpeg import read_jpeg

PICTURES = [textured(seed) for seed in range(3)]


def detect(data):
    return detect_double_compression(read_jpeg(data))


def test_the_transform_is_orthonormal_and_a_flat_block_has_only_its_mean():
    np.testing.assert_allclose(BASIS @ BASIS.T, np.eye(8), atol=1e-6)
    flat = block_coefficients(np.full((8, 8), 130, np.float32))
    assert flat[0, 0, 0, 0] == pytest.approx(16, abs=1e-4)
    assert np.abs(flat).sum() == pytest.approx(16, abs=1e-3)


@pytest.mark.parametrize("quality", [30, 60, 80])
def test_decoded_coefficients_are_multiples_of_the_steps(quality):
    structure = read_jpeg(jpeg(PICTURES[0] // 2 + 64, quality))  # no pixel is clipped
    table = structure.table_of(0)
    coefficients = block_coefficients(luminance(structure))
    distance = np.abs(coefficients - quantised(coefficients, table) * table)
    assert distance.max() < 2  # rounding of pixels: a deviation of 0.29


def test_the_luminance_is_that_of_the_file_whatever_its_form():
    grey = PICTURES[0][..., 0]
    plain, progressive = (luminance(read_jpeg(jpeg(grey, 80, progressive=way))) for way in (False, True))
    np.testing.assert_array_equal(plain, progressive)
    np.testing.assert_array_equal(plain, pixels(jpeg(grey, 80)))


def test_few_windows_are_spread_over_the_whole_plane():
    plane = np.add.outer(1_000 * np.arange(160), np.arange(320)).astype(np.float32)
    windows = spread_windows(plane, 13, 50)
    rows, _, columns, _ = windows.shape
    assert rows * columns <= 50
    tops, lefts = np.divmod(windows[:, 0, :, 0] + 128, 1_000)
    assert not (tops % 8).any()
    assert not (lefts % 8).any()
    assert (np.diff(tops[:, 0]) > 8).all()
    assert max(tops.min(), lefts.min(), 160 - tops.max(), 320 - lefts.max()) < 48
    assert spread_windows(plane, 13, 10**6).shape == (19, 13, 39, 13)
    assert spread_windows(plane[:9], 13, 50).size == 0


def test_windows_of_a_strip_are_as_many_as_asked_for():
    assert spread_windows(np.zeros((16, 8_000), np.float32), 15, 500).shape == (1, 15, 500, 15)


def test_shifted_coefficients_agree_with_the_transform_of_the_shifted_plane():
    plane = np.random.default_rng(0).uniform(0, 255, (64, 80)).astype(np.float32)
    windows = spread_windows(plane, 15, 10**6)
    found = window_coefficients(windows, shifted_basis((3,), 15, 4), shifted_basis((0, 6), 15, 4))
    expected = block_coefficients(plane, 3, 6, lowest=4)
    np.testing.assert_allclose(found[:, :, :, 4:].transpose(0, 2, 1, 3), expected[:7, :9], atol=1e-3)


def test_few_blocks_are_taken_from_the_middle():
    plane = np.zeros((160, 320), np.float32)
    plane[72:88, 152:168] = 200
    part = block_coefficients(plane, most_blocks=16)
    assert part.shape[0] * part.shape[1] <= 16
    assert (part[..., 0, 0] > 0).sum() == 4


@pytest.mark.parametrize("last", [50, 90, 98])
@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_saved_once_shows_nothing(picture, last):
    found = detect(jpeg(picture, last))
    assert found.first_quality is None
    assert found.strength == 0
    assert found.last_quality == last


@pytest.mark.parametrize(("first", "last"), [(60, 75), (60, 90), (75, 90), (85, 95), (85, 75)])
@pytest.mark.parametrize("picture", PICTURES)
def test_a_first_quality_is_found(picture, first, last):
    found = detect(jpeg(pixels(jpeg(picture, first)), last))
    assert found.strength > 0.2
    assert abs(found.first_quality - first) <= 1


def test_saving_again_at_the_same_quality_changes_nothing_to_be_seen():
    assert detect(jpeg(pixels(jpeg(PICTURES[0], 80)), 80)).strength == 0


def test_a_first_quality_far_above_the_last_is_lost():
    assert detect(jpeg(pixels(jpeg(PICTURES[0], 98)), 60)).strength == 0


def test_metadata_and_progressive_coding_do_not_matter():
    twice = pixels(jpeg(PICTURES[0], 60))
    plain = detect(jpeg(twice, 90))
    assert detect(jpeg(twice, 90, progressive=True, comment=b"x" * 99) + b"PK\x03\x04") == plain


def test_the_same_bytes_give_the_same_answer():
    data = jpeg(PICTURES[1], 83)
    assert detect(data) == detect(data)


def test_the_trace_says_what_was_measured_and_proves_nothing():
    (hit,) = double_jpeg_traces(read_jpeg(jpeg(pixels(jpeg(PICTURES[0], 60)), 90)))
    assert hit.name == "double_jpeg"
    assert hit.measured["blocks"] == 31**2  # of 32 x 32 those beside which a shifted one fits
    assert "nothing about what was changed" in hit.note
    (none,) = double_jpeg_traces(read_jpeg(jpeg(PICTURES[0], 90)))
    assert "would leave none" in none.note


def test_a_small_picture_is_not_measured():
    side = 8 * int(FEWEST_BLOCKS**0.5)
    assert detect(jpeg(PICTURES[0][: side - 1, :side])) is None
    assert double_jpeg_traces(read_jpeg(jpeg(PICTURES[0][:8, :8]))) == ()
    assert detect(jpeg(PICTURES[0][:side, :side])) is not None


def test_a_file_without_tables_is_not_measured():
    assert detect(b"\xff\xd8\xff\xd9") is None


def test_a_picture_over_the_limit_is_refused_before_it_is_decoded():
    with pytest.raises(LimitExceeded, match="65,536 pixels"):
        luminance(read_jpeg(jpeg(PICTURES[0])), max_pixels=65_535)


def test_a_second_frame_header_does_not_get_past_the_limit():
    """A decoder may take the size from the second one, and make room for it before it reads a pixel."""
    data = jpeg(PICTURES[0][..., 0])
    frame = data.index(b"\xff\xc0")
    length = int.from_bytes(data[frame + 2 : frame + 4], "big") + 2
    second = bytearray(data[frame : frame + length])
    second[5:9] = b"\xff\xff\xff\xff"
    with pytest.raises(DecodeError, match="Two frame headers"):
        luminance(read_jpeg(data[: frame + length] + bytes(second) + data[frame + length :]))


def test_a_plane_that_is_there_already_is_not_decoded_again():
    structure = read_jpeg(jpeg(pixels(jpeg(PICTURES[0], 60)), 90))
    assert detect_double_compression(structure, luminance(structure)) == detect_double_compression(structure)


def test_four_components_are_not_read():
    buffer = io.BytesIO()
    Image.fromarray(PICTURES[0]).convert("CMYK").save(buffer, "JPEG")
    with pytest.raises(UnsupportedMedia):
        detect(buffer.getvalue())


def test_a_cut_off_picture_is_an_error_of_ours():
    data = jpeg(PICTURES[0])
    with pytest.raises(DecodeError):
        detect(data[: len(data) // 2])


@settings(max_examples=150)
@given(st.data())
def test_mutants_end_with_an_answer_or_an_error_of_ours(data):
    mutant = bytearray(jpeg(PICTURES[0][:40, :40]))
    for _ in range(data.draw(st.integers(1, 8))):
        mutant[data.draw(st.integers(2, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    structure = read_jpeg(bytes(mutant[: data.draw(st.integers(2, len(mutant)))]))
    with contextlib.suppress(AssayError):
        assert block_coefficients(luminance(structure, max_pixels=10**6)).shape[2:] == (8, 8)
