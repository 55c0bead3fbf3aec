"""Error level, noise, resampling and copy-move, on pictures whose history the test makes. Rates: docs/forensics.md."""

import numpy as np
import pytest
from forensic_pictures import jpeg, pixels, textured
from PIL import Image

from assay.forensics.copy_move import NEAREST, copy_move_traces, detect_copy_move
from assay.forensics.error_level import detect_error_level, error_level_traces, error_levels
from assay.forensics.planes import cell_means
from assay.forensics.resampling import FAINT, SMALLEST_SIDE, detect_resampling, resampling_traces
from assay.forensics.residual import detect_noise_inconsistency, noise_residual, residual_traces

SIDE = 512
GREYS = [textured(seed, SIDE, SIDE, channels=1) for seed in range(4)]
LEFT, TOP, PART = 200, 120, 160


def plane(grey):
    return np.asarray(grey, np.float32)


def with_part(base, part):
    changed = base.copy()
    changed[TOP : TOP + PART, LEFT : LEFT + PART] = part[:PART, :PART]
    return changed


def overlap(trace):
    """Intersection over union of the trace's box and the part."""
    box = trace.measured
    wide = min(box["left"] + box["width"], LEFT + PART) - max(box["left"], LEFT)
    high = min(box["top"] + box["height"], TOP + PART) - max(box["top"], TOP)
    common = max(0, wide) * max(0, high)
    return common / (box["width"] * box["height"] + PART**2 - common)


# Error level


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_the_error_level_is_what_a_jpeg_writer_changes(quality):
    grey = GREYS[0] // 2 + 64  # no pixel is clipped
    saved = plane(pixels(jpeg(grey, quality))) - grey
    theirs = np.sqrt((saved.reshape(64, 8, 64, 8) ** 2).mean(axis=(1, 3)))
    np.testing.assert_allclose(error_levels(plane(grey), quality), theirs, atol=0.15)  # their pixels are rounded


def test_what_was_saved_at_a_quality_has_no_error_there():
    assert error_levels(plane(pixels(jpeg(GREYS[0], 60))), 60).max() < 2 * error_levels(plane(GREYS[0]), 95).mean()
    assert np.median(error_levels(plane(pixels(jpeg(GREYS[0], 60))), 60)) < 0.4


@pytest.mark.parametrize("last", [None, 95, 90])
@pytest.mark.parametrize("seed", range(3))
def test_a_part_that_lacks_the_past_of_the_rest_is_found(seed, last):
    base = with_part(pixels(jpeg(GREYS[seed], 70)), GREYS[seed + 1])
    found = detect_error_level(plane(pixels(jpeg(base, last)) if last else base))
    (trace,) = error_level_traces(found)
    assert trace.strength > 0
    assert trace.measured["higher_inside"] is True
    assert overlap(trace) > 0.5


@pytest.mark.parametrize("last", [None, 95, 75])
@pytest.mark.parametrize("seed", range(3))
def test_an_untouched_picture_has_no_part_that_errs_otherwise(seed, last):
    grey = GREYS[seed]
    found = detect_error_level(plane(pixels(jpeg(grey, last)) if last else grey))
    (trace,) = error_level_traces(found)
    assert trace.strength == 0
    assert "left" not in trace.measured


# Noise


def test_white_noise_keeps_its_deviation_and_slopes_leave_nothing():
    noise = np.random.default_rng(0).normal(0, 5, (300, 300)).astype(np.float32)
    assert noise_residual(noise)[1:-1, 1:-1].std() == pytest.approx(5, rel=0.02)
    rows, columns = np.mgrid[:50, :60].astype(np.float32)
    assert np.abs(noise_residual(3 * rows + columns**2 + 7)).max() < 1e-2


def smooth_and_noisy(seed, sigma):
    """Smooth contents, with noise that grows with brightness."""
    grey = plane(GREYS[seed])
    spectrum = np.fft.rfft2(grey) * (np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)) < 0.1)
    smooth = np.fft.irfft2(spectrum, s=grey.shape)
    noise = np.random.default_rng(seed).normal(0, sigma, grey.shape) * np.sqrt(np.clip(smooth, 1, 255) / 128)
    return np.clip(np.rint(smooth + noise), 0, 255).astype(np.float32)


@pytest.mark.parametrize("shape", [(240, 300), (241, 303), (256, 240), (300, 255)])
def test_noise_measured_in_strips_is_that_of_the_whole(shape):
    noisy = np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)
    whole = cell_means(np.abs(noise_residual(noisy)), 8) * np.sqrt(np.pi / 2)
    np.testing.assert_allclose(detect_noise_inconsistency(noisy).sigmas, whole, rtol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_noise_that_follows_brightness_is_the_pictures_own(seed):
    found = detect_noise_inconsistency(smooth_and_noisy(seed, 3))
    assert found.strength == 0
    assert found.sigma == pytest.approx(3, rel=0.25)
    assert residual_traces(found)[0].measured["noisier_inside"] is None


@pytest.mark.parametrize(("sigma", "noisier"), [(6, True), (1, False)])
@pytest.mark.parametrize("seed", range(3))
def test_a_part_with_other_noise_is_found(seed, sigma, noisier):
    base = with_part(smooth_and_noisy(seed, 3), smooth_and_noisy(seed, sigma)[TOP:, LEFT:])
    (trace,) = residual_traces(detect_noise_inconsistency(base))
    assert trace.strength > 0
    assert trace.measured["noisier_inside"] is noisier
    assert overlap(trace) > 0.5


# Resampling


def resized(grey, factor, kernel):
    side = round(SIDE / factor)
    return np.asarray(Image.fromarray(grey[:side, :side]).resize((round(side * factor),) * 2, kernel))


@pytest.mark.parametrize("kernel", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS])
@pytest.mark.parametrize("factor", [1.1, 1.25, 1.4, 1.75])
def test_the_period_of_an_enlargement_is_found(factor, kernel):
    found = detect_resampling(plane(resized(GREYS[1], factor, kernel)))
    assert found.peak > FAINT
    period = min(1 - 1 / factor, 1 / factor)
    harmonics = [abs(k * period - round(k * period)) for k in (1, 2, 3)]
    assert min(abs(found.frequency - one) for one in harmonics) < 0.006


@pytest.mark.parametrize("factor", [1.25, 1.75])
def test_the_factor_is_told_for_either_direction(factor):
    found = detect_resampling(plane(resized(pixels(jpeg(GREYS[1], 90)), factor, Image.Resampling.BILINEAR)))
    assert found.factor == pytest.approx(factor, rel=0.02)
    assert 1 / found.factor_if_reduced + 1 / found.factor == pytest.approx(2, rel=0.002)
    (trace,) = resampling_traces(found)
    assert trace.strength > 0
    assert trace.measured["factor_if_enlarged"] == found.factor


def test_sides_of_odd_length_are_measured_like_even_ones():
    """The p-map of an odd side has no bin at half a cycle per pixel."""
    large = resized(GREYS[2], 1.3, Image.Resampling.BICUBIC)[:501, :497]
    assert detect_resampling(plane(large)).factor is not None


@pytest.mark.parametrize("last", [None, 95, 75])
@pytest.mark.parametrize("seed", range(4))
def test_a_picture_that_was_never_resized_shows_no_period(seed, last):
    found = detect_resampling(plane(pixels(jpeg(GREYS[seed], last)) if last else GREYS[seed]))
    whole, part = resampling_traces(found)
    assert (whole.strength, part.strength) == (0, 0)
    assert (whole.measured["factor_if_enlarged"], found.factor) == (None, None)


def test_a_part_that_was_enlarged_is_found():
    large = np.asarray(Image.fromarray(GREYS[2]).resize((700, 700), Image.Resampling.BICUBIC))
    base = textured(3, 1024, 1024, channels=1)
    base[128:448, 64:384] = large[:320, :320]
    found = detect_resampling(plane(base))
    (*_, trace) = resampling_traces(found, left=1000)
    assert trace.name == "resampling_of_a_part"
    assert trace.strength > 0
    assert 1064 <= trace.measured["left"] <= 1128
    assert 128 <= trace.measured["top"] <= 192


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_show_nothing(value):
    flat = np.full((SIDE, SIDE), value, np.float32)
    assert detect_resampling(flat).strength == 0
    assert detect_noise_inconsistency(flat).strength == 0
    assert detect_error_level(flat).strength == 0
    assert detect_copy_move(flat).strength == 0


# Copy-move


@pytest.mark.parametrize("last", [None, 90, 75])
@pytest.mark.parametrize(("down", "across"), [(201, 13), (-97, 190), (5, -180), (0, 210)])
def test_a_copied_part_is_found_at_both_places(down, across, last):
    base = GREYS[0].copy()
    base[TOP + down : TOP + down + 96, LEFT + across : LEFT + across + 96] = base[TOP : TOP + 96, LEFT : LEFT + 96]
    found = detect_copy_move(plane(pixels(jpeg(base, last)) if last else base))
    first, second = sorted([found.source, found.target], key=lambda box: (box[1] - TOP) ** 2 + (box[0] - LEFT) ** 2)
    assert (second[1] - first[1], second[0] - first[0]) == (down, across)
    assert abs(first[0] - LEFT) <= 16
    assert abs(first[1] - TOP) <= 16
    assert set(np.unique(found.mask)) == {0, 1, 2}
    (trace,) = copy_move_traces(found)
    assert trace.strength > 0
    assert trace.measured["correlation"] > 0.9


@pytest.mark.parametrize("seed", range(4))
def test_nothing_occurs_twice_in_an_untouched_picture(seed):
    found = detect_copy_move(plane(GREYS[seed]))
    assert (found.strength, found.source, found.cells) == (0, None, 0)
    assert not found.mask.any()


def test_a_periodic_texture_is_no_copy():
    tile = textured(9, 48, 48, channels=1)
    assert detect_copy_move(plane(np.tile(tile, (10, 10)))).strength == 0


def test_places_nearer_than_the_least_distance_are_not_compared():
    base = GREYS[1].copy()
    shift = NEAREST - 1
    base[TOP : TOP + 64, LEFT + shift : LEFT + shift + 64] = GREYS[1][TOP : TOP + 64, LEFT : LEFT + 64]
    assert detect_copy_move(plane(base)).strength == 0


def test_a_large_picture_is_reduced_and_boxes_are_in_its_own_pixels():
    base = np.asarray(Image.fromarray(textured(5, 700, 900, channels=1)).resize((1800, 1400), Image.Resampling.BICUBIC))
    changed = base.copy()
    changed[900:1200, 1200:1500] = base[200:500, 100:400]
    found = detect_copy_move(plane(changed))
    assert found.cell == 16
    assert sorted([found.target[0] - found.source[0], found.source[0] - found.target[0]])[1] == pytest.approx(
        1100, abs=3
    )
    assert found.strength > 0


# All of them


@pytest.mark.parametrize("tool", [detect_error_level, detect_noise_inconsistency, detect_resampling, detect_copy_move])
def test_small_pictures_are_not_measured_and_the_same_picture_gives_the_same_answer(tool):
    for height, width in ((1, 1), (1, 3000), (2, 2), (7, 900), (40, 40), (63, 64)):
        assert tool(np.zeros((height, width), np.float32)) is None
    first, second = (tool(plane(GREYS[0][: SMALLEST_SIDE + 90, :300])) for _ in range(2))
    for name in vars(first):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("tool", [detect_error_level, detect_noise_inconsistency, detect_resampling, detect_copy_move])
@pytest.mark.parametrize(("height", "width"), [(192, 1100), (1100, 193), (255, 257), (300, 300)])
def test_any_shape_gives_finite_maps(tool, height, width):
    rng = np.random.default_rng(height)
    for contents in (rng.integers(0, 256, (height, width)), np.tile([0, 255], (height, width // 2 + 1))[:, :width]):
        found = tool(contents.astype(np.float32))
        arrays = [value for value in vars(found).values() if isinstance(value, np.ndarray)]
        assert arrays
        assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in arrays)
