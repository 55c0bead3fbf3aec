"""Cells, runs and spans, against brute force and against known truth."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from policy_cases import HOP_S, WINDOW_S, spliced

from assay.timeline import cell_means, runs, suspicious_spans

LLRS = hnp.arrays(float, st.integers(1, 40), elements=st.floats(-10, 10) | st.just(math.nan))


def find(llrs, *, threshold=4.0, median=None):
    median = float(np.nanmedian(llrs)) if median is None else median
    return suspicious_spans(np.asarray(llrs, float), median=median, threshold=threshold, hop_s=HOP_S, part_s=WINDOW_S)


@given(LLRS, st.integers(1, 20))
def test_a_cell_is_the_mean_of_the_scored_windows_over_it(llrs, per_cell):
    found = cell_means(llrs, per_cell)
    assert found.shape == (llrs.size + per_cell - 1,)
    for cell, value in enumerate(found):
        over = llrs[max(0, cell - per_cell + 1) : cell + 1]
        scored = over[~np.isnan(over)]
        assert value == pytest.approx(scored.mean() if scored.size else math.nan, nan_ok=True, abs=1e-9)


def test_cells_of_three_windows_by_hand():
    assert cell_means(np.array([1.0, 3.0, 5.0]), 2).tolist() == [1, 2, 4, 5]


@given(hnp.arrays(bool, st.integers(0, 60)))
def test_runs_are_the_longest_stretches_of_true(flags):
    found = runs(flags)
    again = np.zeros_like(flags)
    for first, last in found:
        assert first < last
        again[first:last] = True
    assert np.array_equal(again, flags)
    assert all(last < first for (_, last), (first, _) in pairwise(found))


@pytest.mark.parametrize("length_s", [2, 3, 4, 5, 8, 20])
@pytest.mark.parametrize("start_s", [0, 1, 5, 30])
def test_a_spoofed_part_is_found_to_within_a_window(start_s, length_s):
    ((start, end),) = find(spliced(60, start_s, start_s + length_s))
    assert abs(start - start_s) <= WINDOW_S
    assert abs(end - (start_s + length_s)) <= WINDOW_S


@pytest.mark.parametrize("length_s", [4, 6, 12])
def test_edges_inside_a_recording_are_found_to_within_a_hop(length_s):
    ((start, end),) = find(spliced(60, 20, 20 + length_s))
    assert abs(start - 20) <= HOP_S
    assert abs(end - (20 + length_s)) <= HOP_S


def test_a_part_up_to_the_end_is_found():
    ((start, end),) = find(spliced(60, 50, 60))
    assert abs(start - 50) <= HOP_S
    assert 60 - WINDOW_S <= end <= 60


def test_two_parts_apart_are_two_spans():
    first, second = spliced(60, 5, 12), spliced(60, 40, 47)
    found = find(np.maximum(first, second))
    assert len(found) == 2
    assert found[0][1] < found[1][0]


def test_a_part_below_the_threshold_is_no_span():
    assert find(spliced(60, 20, 30, spoof=0.5), threshold=4.0) == []


def test_a_flat_recording_has_no_span():
    assert find(np.zeros(50)) == []


def test_unscored_windows_end_a_span():
    llrs = spliced(60, 20, 40)
    llrs[28:32] = math.nan
    assert len(find(llrs)) == 2


def test_a_single_window_that_stands_out_is_as_long_as_a_hop():
    llrs = np.zeros(30)
    llrs[10] = 8.0
    assert find(llrs) == [(11.5, 12.5)]


@given(LLRS, st.floats(0.5, 8))
def test_spans_are_in_order_and_inside_the_recording(llrs, threshold):
    found = find(np.where(np.isnan(llrs).all(), 0.0, llrs), threshold=threshold, median=0.0)
    flat = [edge for span in found for edge in span]
    assert flat == sorted(flat)
    assert all(0 <= edge <= llrs.size - 1 + WINDOW_S for edge in flat)
