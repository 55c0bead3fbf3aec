"""The report: every figure once, pooled and per group."""

import dataclasses
import json
import math

import numpy as np
import pytest

from assay.errors import MetricInputError
from assay.metrics import (
    EvaluationOptions,
    act_dcf,
    auc,
    average_precision,
    bootstrap_interval,
    brier_score,
    cllr,
    confusion,
    equal_error_rate,
    evaluate,
    evaluate_groups,
    expected_calibration_error,
    min_cllr,
    min_dcf,
    rate_interval,
    split_by_key,
)

FEW = EvaluationOptions(n_resamples=20)


@pytest.fixture
def trials():
    """Two recordings' worth of bona fide and two generators' worth of spoof trials, shuffled together."""
    generator = np.random.default_rng(5)
    groups = np.repeat(["phone", "studio", "tts", "vc"], (20, 30, 25, 15))
    scores = generator.normal(0, 1, 90) + np.repeat([0.5, -1.0, 2.0, 0.2], (20, 30, 25, 15))
    keys = np.repeat(["bona_fide", "spoof"], (50, 40))
    order = generator.permutation(90)
    return scores[order], keys[order], groups[order]


def test_the_report_holds_what_the_functions_say(trials):
    scores, keys, _ = trials
    report = evaluate(scores, keys, llr=2 * scores, threshold=0.4, options=FEW)
    classes = split_by_key(scores, keys)
    llrs = split_by_key(2 * scores, keys)
    eer = equal_error_rate(*classes)
    assert (report.n_bona_fide, report.n_spoof) == (50, 40)
    assert (report.ranking.eer, report.ranking.eer_threshold) == (eer.rate, eer.threshold)
    assert report.ranking.auc == auc(*classes)
    assert report.ranking.average_precision == average_precision(*classes)
    assert report.ranking.min_dcf == min_dcf(*classes)
    assert report.ranking.min_cllr == min_cllr(*classes)
    assert report.ranking.auc_interval == bootstrap_interval(auc, *classes, n_resamples=20)
    assert report.calibration.act_dcf == act_dcf(*llrs)
    assert report.calibration.cllr == cllr(*llrs)
    assert report.calibration.brier_score == brier_score(*llrs, prior=0.5)
    assert report.calibration.expected_calibration_error == expected_calibration_error(*llrs, prior=0.5)
    assert report.decision.confusion == confusion(*classes, 0.4)
    assert report.decision.false_alarm_interval == rate_interval(report.decision.confusion.false_alarms, 50)
    assert report.decision.miss_interval == rate_interval(report.decision.confusion.missed, 40)
    assert report.borrowed is None


def test_options_reach_every_figure_they_name(trials):
    scores, keys, _ = trials
    options = EvaluationOptions(
        prior=0.3,
        cost_miss=2.0,
        cost_false_alarm=3.0,
        posterior_prior=0.2,
        n_bins=4,
        confidence=0.8,
        n_resamples=20,
        seed=9,
    )
    report = evaluate(scores, keys, llr=scores, threshold=0.0, options=options)
    classes = split_by_key(scores, keys)
    costs = {"prior": 0.3, "cost_miss": 2.0, "cost_false_alarm": 3.0}
    assert report.ranking.min_dcf == report.calibration.min_dcf == min_dcf(*classes, **costs)
    assert report.calibration.act_dcf == act_dcf(*classes, **costs)
    assert report.calibration.brier_score == brier_score(*classes, prior=0.2)
    assert report.calibration.expected_calibration_error == expected_calibration_error(*classes, prior=0.2, n_bins=4)
    assert report.ranking.auc_interval == bootstrap_interval(auc, *classes, n_resamples=20, confidence=0.8, seed=9)
    assert report.decision.miss_interval == rate_interval(report.decision.confusion.missed, 40, 0.8)
    assert report.options == options


def test_what_was_not_given_is_left_out_and_not_guessed(trials):
    scores, keys, _ = trials
    report = evaluate(scores, keys, options=EvaluationOptions(n_resamples=0))
    assert report.calibration is None
    assert report.decision is None
    assert report.ranking.eer_interval is None
    assert report.ranking.auc_interval is None


def test_reports_are_frozen_and_repeatable(trials):
    scores, keys, _ = trials
    report = evaluate(scores, keys, options=FEW)
    assert evaluate(scores, keys, options=FEW) == report
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.n_spoof = 1


def test_sources_widen_the_interval_of_repeated_trials(trials):
    scores, keys, _ = trials
    repeated, names = np.tile(scores, 4), [f"{i:02d}" for i in range(90)] * 4
    grouped = evaluate(repeated, np.tile(keys, 4), sources=names, options=FEW).ranking.auc_interval
    naive = evaluate(repeated, np.tile(keys, 4), options=FEW).ranking.auc_interval
    assert grouped.high - grouped.low > 1.3 * (naive.high - naive.low)


def test_to_dict_is_strict_json_and_shows_the_decision_figures(trials):
    scores, keys, groups = trials
    report = evaluate_groups(scores, keys, groups, llr=scores, threshold=0.4, options=FEW)
    plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert list(plain["groups"]) == ["phone", "studio", "tts", "vc"]
    assert plain["pooled"]["ranking"]["eer"] == report.pooled.ranking.eer
    assert plain["pooled"]["ranking"]["eer_interval"] == dataclasses.asdict(report.pooled.ranking.eer_interval)
    assert plain["groups"]["vc"]["decision"]["confusion"]["apcer"] == report.groups["vc"].decision.confusion.apcer
    assert plain["pooled"]["options"]["n_resamples"] == 20


def test_undefined_figures_become_none_in_to_dict():
    report = evaluate([0.0, 1.0], ["bona_fide", "spoof"], threshold=math.inf, options=FEW)
    confusion_figures = report.to_dict()["decision"]["confusion"]
    assert confusion_figures["precision"] is None
    assert confusion_figures["f1"] == 0.0


def test_a_generator_is_measured_against_all_bona_fide_trials(trials):
    scores, keys, groups = trials
    report = evaluate_groups(scores, keys, groups, llr=scores, threshold=0.4, options=FEW)
    vc = report.groups["vc"]
    assert (vc.n_bona_fide, vc.n_spoof, vc.borrowed) == (50, 15, "bona_fide")
    by_hand = scores[keys == "bona_fide"], scores[groups == "vc"]
    assert vc.ranking.auc == auc(*by_hand)
    assert vc.calibration.cllr == cllr(*by_hand)
    assert report.groups["tts"].ranking.eer < report.pooled.ranking.eer < vc.ranking.eer


def test_a_bona_fide_source_has_its_own_false_alarm_rate(trials):
    scores, keys, groups = trials
    report = evaluate_groups(scores, keys, groups, threshold=0.4, options=FEW)
    phone = report.groups["phone"]
    assert (phone.n_bona_fide, phone.n_spoof, phone.borrowed) == (20, 40, "spoof")
    assert phone.decision.confusion.bpcer == np.mean(scores[groups == "phone"] >= 0.4)
    total = sum(report.groups[name].decision.confusion.false_alarms for name in ("phone", "studio"))
    assert total == report.pooled.decision.confusion.false_alarms


def test_a_group_with_both_keys_is_measured_on_its_own_trials(trials):
    scores, keys, _ = trials
    codecs = np.where(np.arange(90) % 2, "mp3", "wav")
    report = evaluate_groups(scores, keys, codecs, sources=[str(i) for i in range(90)], options=FEW)
    alone = evaluate(scores[1::2], keys[1::2], sources=[str(i) for i in range(1, 90, 2)], options=FEW)
    assert report.groups["mp3"] == alone
    assert report.pooled == evaluate(scores, keys, sources=[str(i) for i in range(90)], options=FEW)


def test_one_group_of_everything_is_the_pooled_report(trials):
    scores, keys, _ = trials
    report = evaluate_groups(scores, keys, ["all"] * 90, options=FEW)
    assert report.groups == {"all": report.pooled}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"keys": ["spoof", "spoof"]}, "no bona_fide trial"),
        ({"keys": ["bona_fide", "bona_fide"]}, "no spoof trial"),
        ({"llr": [0.0]}, "2 scores but 1 LLRs"),
        ({"llr": [0.0, math.inf]}, "LLR scores are not finite"),
        ({"sources": ["a"]}, "sources have shape"),
        ({"groups": ["a"]}, "groups have shape"),
        ({"groups": [1, 2]}, "groups must be strings"),
        ({"threshold": math.nan}, "threshold is NaN"),
        ({"options": EvaluationOptions(n_resamples=-1)}, "n_resamples is -1"),
        ({"scores": [0, 1]}, "astype"),
        ({"scores": []}, "0 scores"),
    ],
)
def test_unusable_columns_are_refused(columns, message):
    usable = {"scores": [0.0, 1.0], "keys": ["bona_fide", "spoof"], "groups": ["a", "b"], "options": FEW}
    with pytest.raises(MetricInputError, match=message):
        evaluate_groups(**{**usable, **columns})
