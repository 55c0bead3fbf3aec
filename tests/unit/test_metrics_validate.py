"""What the metrics accept, and what their refusals say."""

import enum

import numpy as np
import pytest

import assay.metrics
from assay.errors import MetricInputError
from assay.metrics import (
    act_dcf,
    auc,
    average_precision,
    best_threshold,
    bootstrap_interval,
    brier_score,
    cllr,
    det_curve,
    equal_error_rate,
    evaluate,
    expected_calibration_error,
    min_cllr,
    min_dcf,
    precision_recall_curve,
    reliability_curve,
    roc_curve,
    split_by_key,
    validate,
)

GOOD = [0.5, 1.5]
TWO_CLASS_METRICS = [
    act_dcf,
    auc,
    average_precision,
    best_threshold,
    brier_score,
    cllr,
    det_curve,
    equal_error_rate,
    expected_calibration_error,
    min_cllr,
    min_dcf,
    precision_recall_curve,
    reliability_curve,
    roc_curve,
    validate,
    lambda bona_fide, spoof: bootstrap_interval(auc, bona_fide, spoof, n_resamples=2),
]
UNUSABLE = {
    "empty": (np.array([]), "no {key} trial"),
    "empty list": ([], "no {key} trial"),
    "NaN": ([1.0, np.nan], "1 of 2 {key} scores are not finite; the first, at index 1, is nan"),
    "infinity": ([-np.inf, 1.0], "at index 0, is -inf"),
    "2-D": (np.zeros((3, 2)), r"shape \(3, 2\).*ravel"),
    "0-D": (np.float64(1.0), r"shape \(\)"),
    "int": (np.array([0, 1], dtype=np.int64), r"type int64; floats.*astype\(float\)"),
    "bool": (np.array([True]), "type bool"),
    "complex": (np.array([1j]), "type complex128"),
    "text": (["0.5"], "floats are accepted"),
    "objects": (np.array([0.5, None]), "type object"),
    "ragged": ([[0.5], [0.5, 1.0]], "not a plain array"),
    "masked": (np.ma.masked_array([1.0, 2.0], mask=[True, False]), "compressed"),
}


@pytest.mark.parametrize("metric", TWO_CLASS_METRICS)
@pytest.mark.parametrize("what", UNUSABLE)
def test_unusable_scores_of_either_class_are_refused_by_every_metric(metric, what):
    scores, message = UNUSABLE[what]
    with pytest.raises(MetricInputError, match=message.format(key="bona_fide")):
        metric(scores, GOOD)
    with pytest.raises(MetricInputError, match=message.format(key="spoof")):
        metric(GOOD, scores)


def test_float32_lists_and_views_are_accepted_and_counted_in_float64():
    bona_fide, spoof = validate([0.25], np.arange(6, dtype=np.float32)[::2])
    assert bona_fide.dtype == spoof.dtype == np.float64
    assert spoof.tolist() == [0.0, 2.0, 4.0]


def test_scores_are_never_changed_in_place():
    bona_fide, spoof = np.array([3.0, 1.0]), np.array([2.0, 5.0, 4.0])
    before = bona_fide.copy(), spoof.copy()
    evaluate(np.concatenate((bona_fide, spoof)), ["bona_fide"] * 2 + ["spoof"] * 3, options=_few_resamples())
    for metric in TWO_CLASS_METRICS:
        metric(bona_fide, spoof)
    np.testing.assert_array_equal(bona_fide, before[0])
    np.testing.assert_array_equal(spoof, before[1])


def test_split_by_key_keeps_the_order_within_each_class():
    bona_fide, spoof = split_by_key([3.0, 1.0, 2.0, 0.0], ["spoof", "bona_fide", "spoof", "bona_fide"])
    assert bona_fide.tolist() == [1.0, 0.0]
    assert spoof.tolist() == [3.0, 2.0]


def test_split_by_key_of_one_class_leaves_the_other_empty():
    bona_fide, spoof = split_by_key([1.0], np.array(["bona_fide"]))
    assert bona_fide.tolist() == [1.0]
    assert spoof.size == 0


def test_split_by_key_of_nothing_is_two_empty_classes():
    bona_fide, spoof = split_by_key([], [])
    assert bona_fide.size == spoof.size == 0


def test_keys_may_be_members_of_a_text_enumeration():
    class Key(str, enum.Enum):
        BONA_FIDE = "bona_fide"
        SPOOF = "spoof"

    bona_fide, spoof = split_by_key([1.0, 2.0], [Key.SPOOF, Key.BONA_FIDE])
    assert (bona_fide.tolist(), spoof.tolist()) == ([2.0], [1.0])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["bona_fide", "bonafide"], "1 of 2 keys are unknown; the first, at index 1, is 'bonafide'"),
        (["bona_fide"], r"shape \(1,\) but there are 2 scores"),
        ([0, 1], "must be strings; the one at index 0 is 0"),
        (["spoof", None], "index 1 is None"),
        ([["spoof", "spoof"]], r"shape \(1, 2\)"),
    ],
)
def test_malformed_keys_are_refused_with_the_first_offender(keys, message):
    with pytest.raises(MetricInputError, match=message):
        split_by_key([1.0, 2.0], keys)


def test_refusals_carry_their_numbers_for_programs():
    with pytest.raises(MetricInputError) as caught:
        auc([1.0, np.nan, np.inf], GOOD)
    assert caught.value.context == {"count": 2, "first_index": 1}


def test_public_names_are_sorted_complete_and_documented():
    names = assay.metrics.__all__
    assert names == sorted(names)
    public = {
        name
        for name, value in vars(assay.metrics).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("assay.metrics")
    }
    assert set(names) == public
    assert all(getattr(assay.metrics, name).__doc__ for name in names)


def _few_resamples():
    return assay.metrics.EvaluationOptions(n_resamples=2)
