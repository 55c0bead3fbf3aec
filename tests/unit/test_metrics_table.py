"""All figures in one list, differences between two systems: against scikit-learn, by hand, and in relation."""

import math

import numpy as np
import pytest
from sklearn import metrics as sklearn

from assay.errors import MetricInputError
from assay.metrics import (
    EvaluationOptions,
    VerifierRates,
    auc,
    bootstrap_interval,
    bootstrap_intervals,
    equal_error_rate,
    evaluate,
    figure_table,
    min_tdcf,
    paired_difference,
)

FEW = EvaluationOptions(n_resamples=0)


def eer(*classes):
    return equal_error_rate(*classes).rate


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(5)
    return rng.normal(-1, 1.2, 80), rng.normal(1, 1.0, 60)


def test_figures_at_a_threshold_are_those_of_scikit_learn(scores):
    bona_fide, spoof = scores
    found = {one.name: one.value for one in figure_table(bona_fide, spoof, threshold=0.3, options=FEW)}
    truth = np.repeat([0, 1], [80, 60])
    called = np.concatenate(scores) >= 0.3
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, called))
    assert found["balanced_accuracy"] == pytest.approx(sklearn.balanced_accuracy_score(truth, called))
    assert found["precision"] == pytest.approx(sklearn.precision_score(truth, called))
    assert found["recall"] == pytest.approx(sklearn.recall_score(truth, called))
    assert found["specificity"] == pytest.approx(sklearn.recall_score(truth, called, pos_label=0))
    assert found["f1"] == pytest.approx(sklearn.f1_score(truth, called))
    assert found["auc"] == pytest.approx(sklearn.roc_auc_score(truth, np.concatenate(scores)))
    assert found["average_precision"] == pytest.approx(sklearn.average_precision_score(truth, np.concatenate(scores)))
    assert found["apcer"] == pytest.approx(1 - found["recall"])
    assert found["bpcer"] == pytest.approx(1 - found["specificity"])


def test_brier_of_balanced_trials_is_that_of_scikit_learn(scores):
    bona_fide, spoof = scores[0][:60], scores[1]
    found = {one.name: one.value for one in figure_table(bona_fide, spoof, llrs=True, options=FEW)}
    probability = 1 / (1 + np.exp(-np.concatenate([bona_fide, spoof])))
    assert found["brier_score"] == pytest.approx(sklearn.brier_score_loss(np.repeat([0, 1], 60), probability))


def test_what_needs_a_threshold_llrs_or_a_verifier_is_left_out_without(scores):
    names = {one.name for one in figure_table(*scores, options=FEW)}
    assert names == {"eer", "auc", "average_precision", "min_dcf", "min_cllr"}
    verifier = VerifierRates(0.0, 0.1, 0.1, 0.5)
    found = {one.name: one for one in figure_table(*scores, threshold=0.0, llrs=True, verifier=verifier, options=FEW)}
    assert {"act_dcf", "cllr", "accuracy", "min_tdcf"} <= set(found)
    assert found["min_tdcf"].value == min_tdcf(*scores, verifier=verifier)
    assert all(one.interval is None for one in found.values())


def test_intervals_are_those_of_one_figure_alone(scores):
    options = EvaluationOptions(n_resamples=60)
    groups = ([f"s{i // 8}" for i in range(80)], [f"s{i // 8}" for i in range(60)])
    found = {one.name: one for one in figure_table(*scores, threshold=0.0, groups=groups, options=options)}
    assert found["eer"].interval == bootstrap_interval(eer, *scores, n_resamples=60, groups=groups)
    keys = ["bona_fide"] * 80 + ["spoof"] * 60
    report = evaluate(np.concatenate(scores), keys, sources=groups[0] + groups[1], options=options)
    assert report.ranking.auc_interval == found["auc"].interval
    assert found["accuracy"].interval.low <= found["accuracy"].value <= found["accuracy"].interval.high


def test_a_figure_that_a_resample_leaves_undefined_has_no_interval():
    # One of three spoofs is flagged; where it is not drawn, nothing is, and precision is not defined.
    found = {
        one.name: one
        for one in figure_table([0.0, 0.1], [0.2, 0.3, 2.0], threshold=1.0, options=EvaluationOptions(n_resamples=50))
    }
    assert found["precision"].value == 1.0
    assert found["precision"].interval is None
    assert found["recall"].interval is not None


def test_nothing_flagged_leaves_precision_undefined_and_f1_zero():
    found = {one.name: one.value for one in figure_table([0.0], [1.0], threshold=math.inf, options=FEW)}
    assert math.isnan(found["precision"])
    assert found["f1"] == 0.0


def test_several_metrics_share_their_resamples(scores):
    both = bootstrap_intervals({"eer": eer, "auc": auc}, *scores, n_resamples=30, seed=4)
    assert both == {
        name: bootstrap_interval(f, *scores, n_resamples=30, seed=4) for name, f in (("eer", eer), ("auc", auc))
    }


def test_a_system_does_not_differ_from_itself(scores):
    found = paired_difference(auc, scores, scores, n_resamples=50)
    assert (found.difference, found.interval.low, found.interval.high) == (0.0, 0.0, 0.0)


def test_any_rising_scale_is_the_same_system(scores):
    scaled = tuple(np.exp(one) for one in scores)
    found = paired_difference(eer, scores, scaled, n_resamples=50)
    assert (found.interval.low, found.interval.high) == (0.0, 0.0)


def test_exchanging_the_two_turns_the_sign(scores):
    rng = np.random.default_rng(1)
    other = tuple(one + rng.normal(0, 1.5, one.size) for one in scores)
    groups = ([f"s{i // 8}" for i in range(80)], [f"s{i // 8}" for i in range(60)])
    one = paired_difference(auc, scores, other, n_resamples=80, groups=groups)
    two = paired_difference(auc, other, scores, n_resamples=80, groups=groups)
    assert one.difference == pytest.approx(auc(*scores) - auc(*other)) == pytest.approx(-two.difference)
    assert (one.interval.low, one.interval.high) == pytest.approx((-two.interval.high, -two.interval.low))
    assert one.interval.low > 0  # the noise costs more than chance


def test_pairing_narrows_the_interval(scores):
    rng = np.random.default_rng(2)
    other = tuple(one + rng.normal(0, 0.2, one.size) for one in scores)
    paired = paired_difference(auc, scores, other, n_resamples=200).interval
    alone = bootstrap_interval(auc, *scores, n_resamples=200)
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)


def test_the_order_of_the_trials_does_not_matter(scores):
    rng = np.random.default_rng(3)
    other = tuple(one + rng.normal(0, 1, one.size) for one in scores)
    orders = [rng.permutation(one.size) for one in scores]
    mixed = [tuple(one[order] for one, order in zip(pair, orders, strict=True)) for pair in (scores, other)]
    assert paired_difference(eer, *mixed, n_resamples=40) == paired_difference(eer, scores, other, n_resamples=40)


def test_other_numbers_of_trials_are_refused(scores):
    with pytest.raises(MetricInputError, match=r"\(80, 60\) and \(80, 59\)"):
        paired_difference(auc, scores, (scores[0], scores[1][1:]))
