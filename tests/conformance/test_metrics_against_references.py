"""Our metrics against scikit-learn, SciPy and torchmetrics, on the same trials.

scikit-learn counts tied scores as we do, so it is asked about tied sets too. torchmetrics computes in float32
and takes the EER at the nearest operating point, so it is asked about scores without ties and with the
tolerance that follows. The references call spoof 1 and bona fide 0.
"""

import math
import warnings

import numpy as np
import pytest
import sklearn.calibration
import sklearn.isotonic
import sklearn.metrics as reference
from scipy import interpolate, optimize, stats

from assay.metrics import (
    act_dcf,
    auc,
    average_precision,
    bayes_threshold,
    best_threshold,
    brier_score,
    cllr,
    confusion,
    det_curve,
    equal_error_rate,
    expected_calibration_error,
    min_cllr,
    min_dcf,
    posterior_probability,
    precision_recall_curve,
    rate_interval,
    reliability_curve,
    roc_curve,
)

SIZES = [(1, 1), (1, 30), (30, 1), (200, 300), (2000, 137)]


def make(n, m, decimals=None, seed=0):
    """LLR-like scores of two overlapping classes; rounding them makes ties."""
    generator = np.random.default_rng((n, m, seed))
    bona_fide, spoof = generator.normal(-1, 1.5, n), generator.normal(1, 1.5, m)
    return (bona_fide, spoof) if decimals is None else (bona_fide.round(decimals), spoof.round(decimals))


SETS = {f"{n}+{m} trials": make(n, m) for n, m in SIZES}
SETS |= {f"{n}+{m} trials, tied": make(n, m, decimals=0) for n, m in SIZES}
SETS |= {"reversed": make(200, 300)[::-1], "constant": (np.full(7, 0.3), np.full(4, 0.3))}
SETS |= {"separated": (np.linspace(-3, -1, 20), np.linspace(1, 3, 30))}
TIE_FREE = {f"{n}+{m} trials": make(n, m) for n, m in [(200, 300), (500, 90), (64, 64)]}


def columns(bona_fide, spoof):
    """Keys (spoof 1) and scores as the references want them."""
    return np.repeat([0, 1], [bona_fide.size, spoof.size]), np.concatenate((bona_fide, spoof))


def weights(bona_fide, spoof, prior):
    """Sample weights that give the spoof trials the share `prior`."""
    n, m = bona_fide.size, spoof.size
    return np.repeat([(1 - prior) / n, prior / m], [n, m])


@pytest.fixture(params=SETS, name="classes")
def _classes(request):
    return SETS[request.param]


@pytest.fixture(params=TIE_FREE, name="tie_free")
def _tie_free(request):
    return TIE_FREE[request.param]


@pytest.fixture(scope="module", name="torch_metrics")
def _torch_metrics():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the import, which is none of our business
        import torch
        import torchmetrics.functional.classification as functional

    def ask(name, posteriors, keys, **options):
        metric = getattr(functional, name)
        return float(metric(torch.tensor(posteriors), torch.tensor(keys), **options))

    return ask


def test_auc_is_that_of_scikit_learn(classes):
    assert auc(*classes) == pytest.approx(reference.roc_auc_score(*columns(*classes)), abs=1e-12)


def test_auc_is_the_mann_whitney_statistic_of_scipy(classes):
    bona_fide, spoof = classes
    statistic = stats.mannwhitneyu(spoof, bona_fide, method="asymptotic").statistic
    assert auc(*classes) == pytest.approx(statistic / (bona_fide.size * spoof.size), abs=1e-12)


def test_average_precision_is_that_of_scikit_learn(classes):
    assert average_precision(*classes) == pytest.approx(
        reference.average_precision_score(*columns(*classes)), abs=1e-12
    )


def test_roc_curve_is_that_of_scikit_learn(classes):
    ours = roc_curve(*classes)
    false_alarm_rate, detection_rate, thresholds = reference.roc_curve(*columns(*classes), drop_intermediate=False)
    np.testing.assert_array_equal(ours.thresholds, thresholds)
    np.testing.assert_allclose(ours.false_alarm_rate, false_alarm_rate, atol=1e-12)
    np.testing.assert_allclose(ours.detection_rate, detection_rate, atol=1e-12)


def test_det_curve_holds_every_point_of_scikit_learns(classes):
    # scikit-learn leaves out the ends where one of the rates no longer changes.
    ours = det_curve(*classes)
    false_alarm_rate, miss_rate, thresholds = reference.det_curve(*columns(*classes))
    at = np.searchsorted(ours.thresholds, thresholds)
    np.testing.assert_array_equal(ours.thresholds[at], thresholds)
    np.testing.assert_allclose(ours.false_alarm_rate[at], false_alarm_rate, atol=1e-12)
    np.testing.assert_allclose(ours.miss_rate[at], miss_rate, atol=1e-12)


def test_precision_recall_curve_is_that_of_scikit_learn(classes):
    ours = precision_recall_curve(*classes)
    precision, recall, thresholds = reference.precision_recall_curve(*columns(*classes))
    # Theirs ascends, and ends with a point at recall 0 that no threshold reaches.
    np.testing.assert_array_equal(ours.thresholds, thresholds[::-1])
    np.testing.assert_allclose(ours.precision, precision[-2::-1], atol=1e-12)
    np.testing.assert_allclose(ours.recall, recall[-2::-1], atol=1e-12)


def test_eer_is_the_root_of_the_interpolated_roc_curve(classes):
    # The recipe of many papers, root of 1 - x - ROC(x), on the curve of scikit-learn. Where that is vertical
    # the interpolation jumps, and bisection still finds the place.
    false_alarm_rate, detection_rate, _ = reference.roc_curve(*columns(*classes), drop_intermediate=False)
    curve = interpolate.interp1d(np.append(false_alarm_rate, 2.0), np.append(detection_rate, 1.0))
    root = optimize.bisect(lambda x: 1 - x - curve(x), -0.0, 1.0 + 1e-9, xtol=1e-13)
    assert equal_error_rate(*classes).rate == pytest.approx(root, abs=1e-8)


def test_eer_is_within_a_quarter_step_of_the_nearest_point_rule(tie_free):
    # The rule of the ASVspoof evaluation packages: the mean of both rates where they are closest.
    bona_fide, spoof = tie_free
    false_alarm_rate, detection_rate, _ = reference.roc_curve(*columns(*tie_free), drop_intermediate=False)
    nearest = np.argmin(np.abs(false_alarm_rate - (1 - detection_rate)))
    mean = (false_alarm_rate[nearest] + 1 - detection_rate[nearest]) / 2
    bound = 1 / (4 * min(bona_fide.size, spoof.size))
    assert equal_error_rate(*tie_free).rate == pytest.approx(mean, abs=bound + 1e-12)


def test_eer_and_auc_are_those_of_torchmetrics(tie_free, torch_metrics):
    bona_fide, spoof = tie_free
    keys, scores = columns(*tie_free)
    posteriors = posterior_probability(scores, prior=0.5)
    step = 1 / min(bona_fide.size, spoof.size)
    theirs = torch_metrics("binary_eer", posteriors, keys)
    assert equal_error_rate(*tie_free).rate == pytest.approx(theirs, abs=step / 4 + 1e-6)
    assert auc(*tie_free) == pytest.approx(torch_metrics("binary_auroc", posteriors, keys), abs=1e-6)


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 1.0])
def test_decision_figures_are_those_of_scikit_learn(classes, threshold):
    keys, scores = columns(*classes)
    calls = (scores >= threshold).astype(int)
    at = confusion(*classes, threshold)
    matrix = reference.confusion_matrix(keys, calls, labels=[0, 1])
    assert matrix.tolist() == [[at.cleared, at.false_alarms], [at.missed, at.detected]]
    assert at.accuracy == pytest.approx(reference.accuracy_score(keys, calls))
    assert at.balanced_accuracy == pytest.approx(reference.balanced_accuracy_score(keys, calls))
    assert at.recall == pytest.approx(reference.recall_score(keys, calls))
    assert at.f1 == pytest.approx(reference.f1_score(keys, calls))
    precision = reference.precision_score(keys, calls, zero_division=np.nan)
    assert at.precision == pytest.approx(precision, nan_ok=True)


@pytest.mark.parametrize("criterion", ["accuracy", "balanced_accuracy", "f1"])
def test_no_threshold_of_scikit_learns_curve_beats_ours(classes, criterion):
    keys, scores = columns(*classes)
    figure = getattr(reference, {"f1": "f1_score"}.get(criterion, f"{criterion}_score"))
    candidates = np.append(np.unique(scores)[:: max(1, scores.size // 40)], np.inf)
    ours = figure(keys, (scores >= best_threshold(*classes, criterion=criterion)).astype(int))
    assert all(figure(keys, (scores >= threshold).astype(int)) <= ours + 1e-12 for threshold in candidates)


@pytest.mark.parametrize("prior", [None, 0.05, 0.5, 0.8])
def test_brier_score_is_that_of_scikit_learn(classes, prior):
    keys, scores = columns(*classes)
    share = keys.mean() if prior is None else prior
    posteriors = posterior_probability(scores, prior=share)
    theirs = reference.brier_score_loss(keys, posteriors, sample_weight=weights(*classes, share))
    assert brier_score(*classes, prior=prior) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("n_bins", [1, 10, 15])
def test_calibration_error_is_that_of_torchmetrics(tie_free, torch_metrics, n_bins):
    keys, scores = columns(*tie_free)
    posteriors = posterior_probability(scores, prior=keys.mean())
    theirs = torch_metrics("binary_calibration_error", posteriors, keys, n_bins=n_bins, norm="l1")
    assert expected_calibration_error(*tie_free, n_bins=n_bins) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize(("ours", "theirs"), [("equal_width", "uniform"), ("equal_mass", "quantile")])
def test_reliability_curve_is_that_of_scikit_learn(tie_free, ours, theirs):
    # Sizes divisible by 5 and no ties: both ways to cut quantiles give the same bins.
    bona_fide, spoof = (scores[: scores.size // 5 * 5] for scores in tie_free)
    keys, scores = columns(bona_fide, spoof)
    curve = reliability_curve(bona_fide, spoof, n_bins=5, binning=ours)
    posteriors = posterior_probability(scores, prior=keys.mean())
    share, mean = sklearn.calibration.calibration_curve(keys, posteriors, n_bins=5, strategy=theirs)
    np.testing.assert_allclose(curve.spoof_share, share, atol=1e-12)
    np.testing.assert_allclose(curve.posterior, mean, atol=1e-12)


def test_cllr_is_the_class_balanced_log_loss_in_bits(classes):
    keys, scores = columns(*classes)
    posteriors = posterior_probability(scores, prior=0.5)
    theirs = reference.log_loss(keys, posteriors, sample_weight=weights(*classes, 0.5), labels=[0, 1])
    assert cllr(*classes) == pytest.approx(theirs / math.log(2), abs=1e-12)


def test_min_cllr_is_the_log_loss_after_isotonic_regression(classes):
    keys, scores = columns(*classes)
    balanced = weights(*classes, 0.5)
    fitted = sklearn.isotonic.IsotonicRegression(y_min=0, y_max=1).fit_transform(scores, keys, sample_weight=balanced)
    theirs = reference.log_loss(keys, fitted, sample_weight=balanced, labels=[0, 1])
    assert min_cllr(*classes) == pytest.approx(theirs / math.log(2), abs=1e-9)


@pytest.mark.parametrize(("prior", "cost_miss", "cost_false_alarm"), [(0.05, 10, 1), (0.5, 1, 1), (0.2, 1, 9)])
def test_detection_costs_follow_from_scikit_learns_roc_curve(classes, prior, cost_miss, cost_false_alarm):
    costs = {"prior": prior, "cost_miss": cost_miss, "cost_false_alarm": cost_false_alarm}
    false_alarm_rate, detection_rate, thresholds = reference.roc_curve(*columns(*classes), drop_intermediate=False)
    dcf = cost_miss * prior * (1 - detection_rate) + cost_false_alarm * (1 - prior) * false_alarm_rate
    dcf /= min(cost_miss * prior, cost_false_alarm * (1 - prior))
    assert min_dcf(*classes, **costs) == pytest.approx(dcf.min(), abs=1e-12)
    at_bayes = np.flatnonzero(thresholds >= bayes_threshold(**costs))[-1]
    assert act_dcf(*classes, **costs) == pytest.approx(dcf[at_bayes], abs=1e-12)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
@pytest.mark.parametrize(
    ("k", "n"), [(0, 7), (1, 7), (3, 7), (7, 7), (12, 600), (599, 600), (40, 20_000), (150_000, 300_000)]
)
def test_rate_interval_is_that_of_scipy(k, n, confidence):
    theirs = stats.binomtest(k, n).proportion_ci(confidence, method="exact")
    ours = rate_interval(k, n, confidence)
    assert ours.low == pytest.approx(theirs.low, rel=1e-7, abs=1e-12)
    assert ours.high == pytest.approx(theirs.high, rel=1e-7, abs=1e-12)
