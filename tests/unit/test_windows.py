"""Windows: however a recording is cut into blocks and stretches, the network sees the same windows of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.audio.windows import WindowCutter

WINDOW, HOP = 12, 3


def stretches_of(samples, *, blocks=(), windows=4):
    """Stretches of a recording that comes in blocks of the given sizes, the rest in one."""
    cutter = WindowCutter(WINDOW, HOP, windows=windows)
    found = []
    for block in np.split(samples, np.minimum(np.cumsum(blocks, dtype=int), samples.size)):
        found += list(cutter.push(block))
    return [*found, *cutter.finish()]


def windows_of(stretches):
    """All windows of the stretches, in order, (n, WINDOW); a stretch must be a whole number of them."""
    found = []
    for stretch in stretches:
        assert stretch.size >= WINDOW
        assert (stretch.size - WINDOW) % HOP == 0
        found += list(np.lib.stride_tricks.sliding_window_view(stretch, WINDOW)[::HOP])
    return np.array(found).reshape(-1, WINDOW)


def recording(size):
    return np.arange(1, size + 1, dtype=np.float32)


@given(st.integers(0, 120), st.lists(st.integers(0, 50), max_size=6), st.integers(1, 6))
def test_cutting_changes_nothing(size, blocks, windows):
    whole = windows_of(stretches_of(recording(size), windows=10**6))
    assert np.array_equal(windows_of(stretches_of(recording(size), blocks=blocks, windows=windows)), whole)


@given(st.integers(WINDOW, 200), st.integers(1, 6))
def test_windows_start_every_hop_and_reach_the_end(size, windows):
    samples = recording(size)
    found = windows_of(stretches_of(samples, windows=windows))
    assert len(found) == 1 + -(-(size - WINDOW) // HOP)
    for k, window in enumerate(found):
        there = samples[k * HOP : k * HOP + WINDOW]
        assert np.array_equal(window[: there.size], there)
    assert samples[-1] in found[-1]
    assert found[-1][-1] == samples[-1]


@pytest.mark.parametrize("windows", [1, 2, 5])
@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_around_the_length_of_a_stretch_no_window_is_lost_or_twice(windows, extra):
    size = WINDOW + (windows - 1) * HOP + extra
    found = windows_of(stretches_of(recording(size), windows=windows))
    assert len(found) == max(1, 1 + -(-(size - WINDOW) // HOP))


def test_an_exact_window_is_one_window_as_it_is():
    assert np.array_equal(windows_of(stretches_of(recording(WINDOW))), [recording(WINDOW)])


@given(st.integers(1, WINDOW - 1))
def test_a_short_recording_is_repeated_forwards(size):
    (only,) = stretches_of(recording(size))
    assert only.tolist() == [1 + k % size for k in range(WINDOW)]


def test_the_end_is_filled_up_with_the_samples_before_it():
    last = windows_of(stretches_of(recording(WINDOW + 1)))[-1]
    assert last.tolist() == [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 12, 13]


@pytest.mark.parametrize("blocks", [(), (0,), (0, 0, 0)])
def test_no_samples_give_no_window(blocks):
    assert stretches_of(recording(0), blocks=blocks) == []


@given(st.lists(st.integers(1, 100), min_size=1, max_size=30))
def test_no_more_than_a_stretch_is_held(blocks):
    cutter = WindowCutter(WINDOW, HOP, windows=4)
    for block in blocks:
        list(cutter.push(recording(block)))
        assert cutter._held.size < WINDOW + 3 * HOP
        assert cutter._held.base is None  # a view would keep the block


def test_the_callers_block_is_not_kept():
    cutter = WindowCutter(WINDOW, HOP, windows=4)
    block = recording(5)
    list(cutter.push(block))
    block[:] = 0
    list(cutter.push(recording(7)))
    (stretch,) = cutter.finish()
    assert stretch[:5].tolist() == [1, 2, 3, 4, 5]
