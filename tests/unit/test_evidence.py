"""What a result shows of the scores: nothing twice, nothing left out, and never more than a page can draw."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases import CLEAN, HOP_S, RATE, WINDOW_S, make_card, make_channel, make_scores, spliced

from assay.audio.detector import AudioScores
from assay.evidence import MAX_SEGMENTS, MAX_TIMELINE, ChannelView, findings, posterior

CARD = make_card()


def view(scores, *, index=None, prior=0.5):
    return ChannelView(scores.channels[0].part_llrs, scores.duration_s, CARD, prior, index)


def gappy(seed, windows):
    """Random llrs with unscored stretches."""
    rng = np.random.default_rng(seed)
    llrs = rng.normal(0, 2, windows)
    for first in rng.integers(0, windows, 3):
        llrs[first : first + 7] = np.nan
    return llrs


@pytest.mark.parametrize(("llr", "prior", "expected"), [(0, 0.5, 0.5), (0, 0.01, 0.01), (math.log(99), 0.01, 0.5)])
def test_posteriors_by_hand(llr, prior, expected):
    assert posterior(llr, prior) == pytest.approx(expected)


@given(st.floats(-1e6, 1e6), st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_posterior_is_a_probability_however_extreme(llr, prior):
    assert 0 <= posterior(llr, prior) <= 1


@given(st.floats(-30, 30), st.floats(-30, 30), st.floats(0.001, 0.999))
def test_posteriors_rise_with_the_evidence_and_mirror(low, high, prior):
    low, high = sorted((low, high))
    assert posterior(low, prior) <= posterior(high, prior)
    assert posterior(-high, 1 - prior) == pytest.approx(1 - posterior(high, prior))


@given(st.integers(0, 10**6), st.integers(1, 300))
def test_segments_and_gaps_share_the_recording_without_overlap(seed, windows):
    scores = make_scores(gappy(seed, windows))
    shown = view(scores)
    pieces = sorted([(s.start_s, s.end_s) for s in shown.segments([])] + [(g.start_s, g.end_s) for g in shown.gaps()])
    assert pieces[0][0] == 0
    assert pieces[-1][1] == scores.duration_s
    assert all(end == start for (_, end), (start, _) in pairwise(pieces))
    assert all(start < end for start, end in pieces)


@given(st.integers(0, 10**6), st.floats(0, 50), st.floats(1, 10))
def test_suspicious_segments_are_the_given_spans(seed, start, length):
    scores = make_scores(np.random.default_rng(seed).normal(0, 2, 60))
    shown = view(scores).segments([(start, start + length)])
    (marked,) = [segment for segment in shown if segment.suspicious]
    assert abs(marked.start_s - start) <= HOP_S
    assert abs(marked.end_s - (start + length)) <= HOP_S
    assert [s.start_s for s in shown] == sorted(s.start_s for s in shown)


@pytest.mark.parametrize("hours", [0.1, 1, 10])
def test_a_long_recording_is_shown_in_bounded_detail(hours):
    windows = round(hours * 3600)
    spans = [(100.0, 110.0), (200.0, 203.0)]
    shown = view(make_scores(np.random.default_rng(0).normal(0, 1, windows)))
    unbroken = 1 + len(spans)
    assert len(shown.segments(spans)) <= MAX_SEGMENTS + len(spans) + unbroken
    timeline = shown.timeline()
    assert 500 <= len(timeline.spoof_probability) <= MAX_TIMELINE or windows < 500
    assert timeline.step_s * len(timeline.spoof_probability) >= windows + WINDOW_S - 1


@pytest.mark.parametrize("samples", [1, RATE - 1, RATE, RATE + 1, 2 * RATE, 3 * RATE, 4 * RATE - 1, 4 * RATE])
def test_a_recording_within_a_window_is_shown_to_its_end_and_no_further(samples):
    duration_s = samples / RATE
    made = make_scores(make_channel([1.0], duration_s=max(duration_s, 0.04)))
    scores = AudioScores(made.channels, duration_s, float(WINDOW_S), (), {})
    (segment,) = view(scores).segments([])
    assert (segment.start_s, segment.end_s) == (0, round(duration_s, 3))
    assert len(view(scores).timeline().spoof_probability) == -(-samples // (HOP_S * RATE))


def test_the_timeline_is_the_mean_over_the_windows_at_each_time():
    llrs = spliced(30, 10, 20)
    drawn = view(make_scores(llrs)).timeline()
    assert drawn.step_s == HOP_S
    assert drawn.spoof_probability[0] == pytest.approx(posterior(llrs[0], 0.5), abs=1e-4)
    assert int(np.argmax(drawn.spoof_probability)) in range(10, 20)


def test_the_timeline_has_holes_where_nothing_was_scored():
    drawn = view(make_scores([1.0] + [math.nan] * 10 + [1.0])).timeline()
    assert drawn.spoof_probability.count(None) == 7
    assert drawn.spoof_probability[0] is not None
    assert drawn.spoof_probability[-1] is not None


@pytest.mark.parametrize("index", [None, 0, 3])
def test_everything_names_its_channel(index):
    shown = view(make_scores([1.0] + [math.nan] * 10), index=index)
    assert {segment.channel for segment in shown.segments([])} == {index}
    assert shown.timeline().channel == index
    (gap,) = shown.gaps()
    assert gap.text == ("too little speech" if index is None else f"too little speech in channel {index}")


def test_findings_are_those_of_the_channel_with_most_speech():
    little = make_channel([0.0] * 10, speech_s=2)
    much = make_channel([0.0] * 10, speech_s=9, quality=CLEAN)
    values = {finding.name: finding.value for finding in findings(make_scores(little, much))}
    assert values["speech"] == pytest.approx(9, abs=0.02)
    assert values["snr"] == CLEAN.snr_db


def test_what_cannot_be_measured_is_none():
    from dataclasses import replace

    silent = make_channel([0.0], quality=replace(CLEAN, level_db=-math.inf))
    values = {finding.name: finding.value for finding in findings(make_scores(silent))}
    assert values["speech_level"] is None
