"""Calibration and tails on made scores whose answers are known, and the least data that they take."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

from assay.errors import TrainingError
from assay.training.calibrate import (
    MIN_FILES,
    calibration_of,
    logistic,
    operating_points_of,
    resampled_sources,
    source_weights,
    tail_of,
)
from assay.training.development import check_development, recordings, stretches

HOP, WINDOW, CLIP = 4096, 65_536, 65_536


def gaussian(count, spoof_mean, bona_fide_mean, deviation, seed=0):
    rng = np.random.default_rng(seed)
    spoof = np.arange(count) % 2 == 0
    return rng.normal(np.where(spoof, spoof_mean, bona_fide_mean), deviation), spoof


def clip(source, key="bona_fide", speaker="p"):
    return SimpleNamespace(source=source, key=key, speaker=speaker)


def test_logistic_finds_the_known_likelihood_ratio():
    # Two Gaussians of one deviation s: llr = (m1 - m0) / s² x - (m1² - m0²) / (2 s²); here 1.5 x - 0.75.
    logits, spoof = gaussian(40_000, 2.0, -1.0, np.sqrt(2.0))
    slope, offset = logistic(logits, spoof)
    assert slope == pytest.approx(1.5, abs=0.05)
    assert offset == pytest.approx(-0.75, abs=0.05)


def test_logistic_does_not_mind_how_many_there_are_of_each_key():
    logits, spoof = gaussian(40_000, 1.0, -1.0, 1.0)
    kept = ~spoof | (np.arange(len(spoof)) % 20 == 0)
    assert logistic(logits[kept], spoof[kept]) == pytest.approx(logistic(logits, spoof), abs=0.1)


def test_a_large_source_weighs_no_more_than_the_most_it_may():
    spoof = np.array([False] * 600 + [True] * 30)
    weights = source_weights(["large"] * 590 + ["small"] * 10 + ["large"] * 30, spoof)
    assert weights[:590].sum() == pytest.approx(60)
    assert set(weights[590:]) == {1.0}


def test_weights_count_as_so_many_copies():
    rng = np.random.default_rng(2)
    logits, spoof = rng.normal(size=60), np.arange(60) % 2 == 0
    weights = 1.0 + np.arange(60) % 3
    copies = np.repeat(np.arange(60), weights.astype(int))
    assert logistic(logits, spoof, weights) == pytest.approx(logistic(logits[copies], spoof[copies]))


def test_a_tail_follows_its_weights():
    values = np.concatenate([np.zeros(2000) + np.linspace(0, 0.1, 2000), 5 + np.linspace(0, 0.1, 2000)])
    mostly_low = tail_of(values, weights=np.repeat([1.0, 0.25], 2000))
    assert mostly_low.threshold(0.1) == pytest.approx(5.05, abs=0.02)  # 0.2 lies above 5
    alike = tail_of(values, weights=np.full(4000, 0.3))
    assert alike.values == pytest.approx(tail_of(values).values)


def test_equal_weights_give_the_usual_quantiles():
    values = np.random.default_rng(1).exponential(2.0, 2000)
    tail = tail_of(values)
    assert tail.values == pytest.approx([np.quantile(values, 1 - rate) for rate in tail.survival])


def test_scores_the_wrong_way_round_are_never_turned():
    logits, spoof = gaussian(1000, -1.0, 1.0, 1.0)
    assert logistic(logits, spoof)[0] > 0


def test_a_resample_takes_whole_sources_of_each_key():
    sources = ["a"] * 3 + ["b"] * 2 + ["c"] * 4
    spoof = np.array([False] * 5 + [True] * 4)
    picked = resampled_sources(sources, spoof, np.random.default_rng(0))
    assert (picked >= 5).sum() == 4  # the only source of spoofs
    assert np.isin(np.bincount(picked, minlength=9)[:3], [0, 1, 2]).all()
    assert len(set(np.bincount(picked, minlength=9)[:3])) == 1


def test_calibration_knows_how_far_sources_differ():
    logits, spoof = gaussian(400, 1.0, -1.0, 1.0)
    sources = [f"s{i // 40}" for i in range(400)]
    shifted = logits + np.repeat(np.linspace(-1, 1, 10), 40)
    alike, apart = (calibration_of(x, spoof, sources, seed=1) for x in (logits, shifted))
    assert apart.offset_sd > 2 * alike.offset_sd
    assert alike.highest == pytest.approx(np.log(201))


def test_calibration_without_spread_has_no_correlation():
    logits, spoof = gaussian(40, 1.0, -1.0, 1.0)
    made = calibration_of(logits, spoof, ["one"] * 40, seed=1)
    assert (made.slope_sd, made.correlation) == pytest.approx((0, 0), abs=1e-9)


@pytest.mark.parametrize("p", [0.8, 0.3, 0.05, 0.011, 0.004, 1e-4])
def test_a_tails_threshold_is_the_inverse_of_its_p_value(p):
    tail = tail_of(np.random.default_rng(1).exponential(2.0, 2000))
    assert tail.p_value(tail.threshold(p)) == pytest.approx(p, rel=1e-6)


def test_a_tail_of_exponential_values_goes_on_exponentially():
    tail = tail_of(np.random.default_rng(1).exponential(2.0, 4000))
    assert tail.survival[-1] == 0.005  # 20 of 4000 lie beyond; at 0.2 % only 8 would
    assert tail.scale == pytest.approx(2.0, rel=0.6)
    assert tail.threshold(1e-3) == pytest.approx(-2 * np.log(1e-3), rel=0.2)


def test_versions_of_a_file_do_not_count_as_files():
    values = np.random.default_rng(1).exponential(2.0, 100)
    assert tail_of(np.tile(values, 4), 4).survival == tail_of(values).survival


@pytest.mark.parametrize("values", [np.arange(MIN_FILES - 1.0), np.ones(50), np.empty(0)])
def test_a_tail_of_too_little_is_refused(values):
    with pytest.raises(TrainingError, match=f"it takes {MIN_FILES} files"):
        tail_of(values)


def test_operating_points_rise_and_say_when_they_are_extrapolated():
    llrs, spoof = gaussian(1200, 4.0, -4.0, 2.0)
    sources = [f"s{i % 6}" for i in range(1200)]
    points = operating_points_of(llrs[None], spoof, sources, seed=1)
    assert [point.max_false_alarm for point in points] == [0.05, 0.01, 0.001]
    assert points[0].threshold_llr < points[1].threshold_llr < points[2].threshold_llr
    assert [point.extrapolated for point in points] == [False, True, True]  # 600 bona fide: 30, 6 and 0.6 beyond
    # N(-4, 2) exceeds 2 * 1.645 - 4 at 5 %.
    assert points[0].threshold_llr == pytest.approx(2 * 1.645 - 4, abs=0.4)
    assert points[0].false_alarm == pytest.approx(0.05, abs=0.03)
    for point in points:
        assert point.threshold_interval[0] <= point.threshold_llr <= point.threshold_interval[1]


def test_recordings_join_clips_of_one_person_only():
    trials = [clip("a", speaker=str(i % 2)) for i in range(60)] + [clip("a", "spoof", "0")] * 60
    made = recordings(trials, [CLIP] * 120)
    # 15 clips of 4.096 s make 61 s; 30 clips of each person make two recordings.
    assert [len(indices) for indices in made] == [15] * 4
    assert all(len({i % 2 for i in indices}) == 1 and max(indices) < 60 for indices in made)


def test_stretches_are_counted_in_whole_windows():
    assert stretches(WINDOW - 1) == 0
    assert stretches(WINDOW + 30 * HOP) == 0  # 31 windows
    assert stretches(WINDOW + 31 * HOP) == 1
    assert stretches(15 * CLIP) == 7  # 225 windows


def enough():
    """Three recordings of 61 s, seven stretches each."""
    return [clip("a")] * 30 + [clip("b")] * 15 + [clip("a", "spoof"), clip("b", "spoof")]


def test_enough_development_data_passes():
    assert check_development(enough(), [CLIP] * 47) is None


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        ([clip("a")] * 45 + [clip("a", "spoof"), clip("b", "spoof")], "'bona_fide' come from 1 source"),
        ([clip("a")] * 30 + [clip("b")] * 15 + [clip("a", "spoof")] * 2, "'spoof' come from 1 source"),
        ([clip("a")] * 43 + [clip("b")] * 2 + [clip("a", "spoof"), clip("b", "spoof")], "can leave 2, a tail takes 11"),
        ([clip("a")] * 29 + [clip("b")] * 16 + [clip("a", "spoof"), clip("b", "spoof")], "makes 14 stretches"),
    ],
)
def test_too_little_development_data_is_refused_with_numbers(trials, words):
    with pytest.raises(TrainingError, match=words):
        check_development(trials, [CLIP] * 47)
