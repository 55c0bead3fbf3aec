import itertools
import logging
import math

import numpy as np
import pytest
import service_toys as toys
from scipy import stats as scipy_stats

from assay.errors import RecordNotFound
from assay.models.card import TailModel
from assay.serve.access import LOCAL
from assay.serve.operation import drift, purge, record, stats
from assay.serve.operation.metrics import Metrics
from assay.serve.operation.smirnov import above_card, allowance, exceeding, two_sample
from assay.serve.operation.tables import HistoryEntry

# A normal distribution, as the survival function of a card.
GRID = np.linspace(-3, 2.5, 45)
NORMAL = TailModel(values=tuple(GRID), survival=tuple(scipy_stats.norm.sf(GRID)), scale=0.35)


def test_by_hand_the_test_of_two_and_two():
    # Of the six orders of aabb, aabb and bbaa reach 1; these and abba, baab, abab, baba reach 1/2.
    assert two_sample(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == (1.0, pytest.approx(2 / 6))
    assert two_sample(np.array([1.0, 3.0]), np.array([2.0, 4.0])) == (0.5, pytest.approx(1.0))
    assert two_sample(np.array([1.0]), np.array([1.0])) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("n", "m", "shift"), [(7, 5, 0.5), (40, 30, 0.3), (400, 200, 0.2), (60, 60, 2.5), (400, 200, 1.0)]
)
def test_probabilities_are_those_of_scipys_exact_test(n, m, shift):
    rng = np.random.default_rng(n)
    one, other = rng.normal(size=n), rng.normal(shift, size=m)
    expected = scipy_stats.ks_2samp(one, other, method="exact")
    statistic, p = two_sample(one, other)
    assert statistic == pytest.approx(expected.statistic)
    assert p == pytest.approx(expected.pvalue, rel=1e-8)


def test_probabilities_keep_their_digits_where_they_are_tiny():
    # All of one sample below all of the other: two of the orders.
    assert exceeding(30 * 20, 30, 20) == pytest.approx(2 / math.comb(50, 20), rel=1e-10)
    assert exceeding(400 * 200, 400, 200) == pytest.approx(2 / math.comb(600, 200), rel=1e-10)
    found = [exceeding(steps, 20, 8) for steps in range(1, 161)]
    assert all(one >= other > 0 for one, other in itertools.pairwise(found))


def test_ties_make_it_cautious():
    rng = np.random.default_rng(0)
    ps = [two_sample(np.round(rng.normal(size=60)), np.round(rng.normal(size=30)))[1] for _ in range(400)]
    assert np.mean(np.array(ps) < 0.1) < 0.1


def test_all_allowances_together_are_the_total():
    assert allowance(1, 0.01) == 0.005
    assert sum(allowance(k, 0.01) for k in range(1, 100_000)) == pytest.approx(0.01, rel=1e-4)


def alerts(total, *, streams, batches, n, m, rng):
    """Whether each simulated stream ever gave an alert."""
    for _ in range(streams):
        reference = rng.normal(size=n)
        yield any(
            two_sample(reference, rng.normal(size=m))[1] < allowance(batch, total) for batch in range(1, batches + 1)
        )


@pytest.mark.parametrize("total", [0.3, 0.05])
def test_false_alerts_are_no_more_frequent_than_promised(total):
    """600 streams of 20 batches without drift, which share a reference within each stream."""
    rng = np.random.default_rng(5)
    rate = np.mean(list(alerts(total, streams=600, batches=20, n=80, m=40, rng=rng)))
    # Three standard errors above what is promised; and the test would see a monitor that never alerts.
    assert rate <= total + 3 * math.sqrt(total * (1 - total) / 600)
    assert rate > total / 20


def test_without_the_correction_false_alerts_would_be_the_rule():
    """The same streams, each batch tested at 5 %: what the correction is for."""
    rng = np.random.default_rng(5)
    fooled = 0
    for _ in range(60):
        reference = rng.normal(size=80)
        fooled += any(two_sample(reference, rng.normal(size=40))[1] < 0.05 for _ in range(30))
    assert fooled / 60 > 0.5


def test_a_drift_of_one_deviation_is_found_in_one_batch_even_after_a_thousand():
    rng = np.random.default_rng(1)
    ps = [two_sample(rng.normal(size=400), rng.normal(1.0, size=200))[1] for _ in range(40)]
    assert np.mean(np.array(ps) < allowance(1000, 0.01)) >= 0.95


def test_a_spread_that_doubles_is_found_without_a_shift():
    rng = np.random.default_rng(2)
    assert two_sample(rng.normal(size=400), rng.normal(scale=2.5, size=200))[1] < allowance(10, 0.01)


def test_against_a_card_false_alerts_are_rarer_than_promised_and_long_files_give_none():
    rng = np.random.default_rng(3)
    for spread in (1.0, 0.3):  # longer files vary less
        ps = [above_card(NORMAL, rng.normal(scale=spread, size=40))[1] for _ in range(400)]
        for level in (0.2, 0.02):
            assert np.mean(np.array(ps) < level) <= level + 3 * math.sqrt(level * (1 - level) / 400)


def test_scores_above_a_card_are_found_and_below_it_are_fine():
    rng = np.random.default_rng(4)
    assert above_card(NORMAL, rng.normal(0.8, size=200))[1] < 1e-6
    assert above_card(NORMAL, rng.normal(-2.0, size=200)) == (pytest.approx(0.0, abs=0.05), 1.0)


@pytest.fixture
def context(tmp_path):
    return toys.make_context(tmp_path, serve_drift_batch=20)


def score(context, llrs, *, media="audio", start=0, model_sha256="b" * 64):
    """Scores of files that nobody saw before, put into the history at once."""
    with context.database.session() as session:
        for number, llr in enumerate(llrs):
            entry = HistoryEntry(
                at=0.0, owner="ann", sha256=f"{start + number:064x}", label="", media=media, verdict="bona_fide",
                llr=float(llr), model="toy", model_version="1", model_sha256=model_sha256, fresh=True,
            )  # fmt: skip
            session.add(entry)


def test_the_monitor_takes_a_reference_then_compares_batch_by_batch(context):
    rng = np.random.default_rng(0)
    score(context, rng.normal(size=39))
    assert [view.batches for view in drift.look(context)] == [0]
    score(context, rng.normal(size=1 + 20 + 19), start=100)
    (view,) = drift.look(context)
    assert (view.batches, view.alert, view.allowed) == (1, False, 0.005)
    assert drift.look(context) == [view]


def test_drift_is_told_in_log_stats_and_metric_until_somebody_accepts_it(context, caplog):
    caplog.set_level(logging.WARNING, "assay.serve.drift")
    rng = np.random.default_rng(0)
    score(context, rng.normal(size=60))
    score(context, rng.normal(3, size=20), start=100)
    score(context, rng.normal(size=20), start=200)
    (told,) = stats(context)["drift"]
    assert told["alert"]
    assert (told["batches"], told["media"], told["model"]) == (3, "audio", "toy")
    assert len([line for line in caplog.records if "have drifted" in line.message]) == 1
    labels = {"media": "audio", "model": "toy"}
    registry = Metrics(context, lambda: None).registry
    assert registry.get_sample_value("assay_drift_alert", labels) == 1
    assert drift.accept(context, LOCAL, "audio") == 1
    score(context, rng.normal(3, size=60), start=300)
    (view,) = drift.look(context)
    assert (view.alert, view.batches) == (False, 1)
    assert registry.get_sample_value("assay_drift_alert", labels) == 0


def test_weights_of_one_model_are_one_series_that_hides_no_alert(context):
    rng = np.random.default_rng(0)
    score(context, rng.normal(size=40))
    score(context, rng.normal(3, size=40), start=100)
    score(context, rng.normal(size=60), start=200, model_sha256="0" * 64)
    score(context, rng.normal(size=10), start=300, model_sha256="c" * 64)
    views = drift.look(context)
    assert sorted((view.alert, view.batches) for view in views) == [(False, 0), (False, 1), (True, 2)]
    found = [
        (sample.name, sample.labels, sample.value)
        for family in Metrics(context, lambda: None).registry.collect()
        for sample in family.samples
        if sample.name.startswith("assay_drift")
    ]
    labels = {"media": "audio", "model": "toy"}
    statistic = max(view.statistic for view in views if view.statistic is not None)
    assert found == [
        ("assay_drift_alert", labels, 1.0),
        ("assay_drift_statistic", labels, statistic),
        ("assay_drift_batches", labels, 2.0),
    ]


def test_drift_can_be_accepted_when_retention_has_left_no_results(context):
    rng = np.random.default_rng(0)
    score(context, rng.normal(size=60))
    score(context, rng.normal(3, size=20), start=100)
    assert drift.look(context)[0].alert
    purge(context, now=1e9)
    assert drift.accept(context, LOCAL, "audio") == 1
    (view,) = drift.look(context)
    assert (view.alert, view.batches) == (False, 0)


def test_nothing_to_accept_is_an_error(context):
    with pytest.raises(RecordNotFound, match="compared yet"):
        drift.accept(context, LOCAL, "video")


def test_the_same_file_again_and_again_is_no_drift(context):
    rng = np.random.default_rng(0)
    score(context, rng.normal(size=40))
    for _ in range(25):
        record(context, LOCAL, toys.make_result(5.0), "a.wav")
    assert [view.batches for view in drift.look(context)] == [0]


def test_media_and_models_are_watched_apart(context):
    rng = np.random.default_rng(0)
    score(context, rng.normal(size=60))
    score(context, rng.normal(9, size=60), media="image")
    assert [(view.media, view.batches, view.alert) for view in drift.look(context)] == [
        ("audio", 1, False),
        ("image", 1, False),
    ]


def test_the_shipped_card_can_be_the_reference(tmp_path):
    from assay.models.registry import load_card

    context = toys.make_context(tmp_path, serve_drift_batch=50, serve_drift_reference="card")
    card = load_card(context.settings.audio_model)
    survival = np.random.default_rng(0).uniform(size=50)
    quantiles = [card.decision.file.threshold(max(p, 1e-3)) for p in survival]
    score(context, quantiles)
    score(context, [card.decision.file.threshold(0.01)] * 50, start=100)
    with context.database.session() as session:
        for entry in session.query(HistoryEntry):
            entry.model_sha256 = card.sha256
    (view,) = drift.look(context)
    assert (view.batches, view.alert) == (2, True)
    assert view.statistic == pytest.approx(0.99, abs=0.01)
