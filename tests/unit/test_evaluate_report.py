"""Figures of any system's scores: the numbers, the errors, the comparison, the tables and the page."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from assay.data import Trial
from assay.errors import ProtocolError
from assay.evaluate import Point, Report, ScoredTrial, System, assess, compare, condition_figures, read_scores
from assay.evaluate.robustness import CLEAN
from assay.evaluate.trials import read_extra, usual_groups
from assay.metrics import EvaluationOptions, VerifierRates, auc, equal_error_rate, min_tdcf

FEW = EvaluationOptions(n_resamples=25)
SYSTEM = System("theirs", "scores", True, {"column": "llr"})
NASTY = '<img src=x onerror="alert(1)">|`& ü'


def made(count=30, seed=0, root=Path("media")):
    """Trials of three sources with overlapping scores; one without."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(2 * count):
        spoof = number % 2 == 1
        trial = Trial(
            f"{number}.wav",
            "spoof" if spoof else "bona_fide",
            generator=f"g{number % 3}" if spoof else "",
            source=f"s{number // 2 % 5}",
            root=root,
        )
        found.append(ScoredTrial(trial, float(rng.normal(1.0 if spoof else -1.0)), extra={"codec": f"c{number % 4}"}))
    found.append(ScoredTrial(Trial("lost.wav", "spoof", source="s0"), None, reason="no_speech"))
    return found


@pytest.fixture(scope="module")
def assessment():
    return assess(made(), SYSTEM, by=("generator", "source", "codec"), options=FEW, worst=3)


def test_pooled_figures_are_those_of_the_metrics(assessment):
    bona_fide, spoof = assessment.classes()
    assert (bona_fide.size, spoof.size) == (30, 30)
    assert assessment.pooled.ranking.eer == equal_error_rate(bona_fide, spoof).rate
    figures = {one.name: one for one in assessment.figures}
    assert figures["auc"].value == auc(bona_fide, spoof)
    assert assessment.pooled.ranking.auc_interval == figures["auc"].interval
    assert assessment.unscored == {"lost.wav": "no_speech"}


def test_the_threshold_is_the_bayes_threshold_for_ratios_and_the_best_for_scores(assessment):
    assert "Bayes" in assessment.point.origin
    assert assessment.point.threshold == pytest.approx(np.log(0.95 / (10 * 0.05)))
    ranked = assess(made(), System("x", "scores", False), options=FEW)
    assert "flatters" in ranked.point.origin
    assert ranked.point.threshold == ranked.best["balanced_accuracy"][0]
    assert ranked.pooled.calibration is None
    given = assess(made(), SYSTEM, point=Point(0.25, "as given"), options=FEW)
    assert given.pooled.decision.threshold == 0.25


def test_the_best_threshold_is_at_least_as_good_as_any(assessment):
    bona_fide, spoof = assessment.classes()
    accuracies = [
        (np.sum(bona_fide < t) + np.sum(spoof >= t)) / 60 for t in [*np.concatenate([bona_fide, spoof]), np.inf]
    ]
    assert assessment.best["accuracy"][1].accuracy == pytest.approx(max(accuracies))


def test_groups_are_those_asked_for(assessment):
    assert set(assessment.groups) == {"generator", "source", "codec"}
    assert set(assessment.groups["codec"].groups) == {"c0", "c1", "c2", "c3"}
    assert set(assessment.groups["generator"].groups) == {"bona fide", "g0", "g1", "g2"}
    own = assessment.groups["source"].groups["s1"]
    assert own.ranking.eer_interval is not None
    assert assessment.auc_within_sources[1] == 5


def test_the_worst_errors_are_the_furthest_on_the_wrong_side(assessment):
    bona_fide, spoof = assessment.classes()
    threshold = assessment.point.threshold
    assert [one.score for one in assessment.false_accepts] == sorted(spoof)[:3]
    wrong = sorted((score for score in bona_fide if score >= threshold), reverse=True)
    assert [one.score for one in assessment.false_rejects] == wrong[:3]
    assert all(one.trial.key == "spoof" for one in assessment.false_accepts)


def test_one_key_alone_cannot_be_measured():
    one_key = [one for one in made() if one.trial.key == "spoof"]
    with pytest.raises(ProtocolError, match="no scored trials of both keys; 1 of 31"):
        assess(one_key, SYSTEM)


def test_a_verifier_adds_the_tandem_cost():
    verifier = VerifierRates(0.0, 0.05, 0.05, 0.6)
    found = assess(made(), SYSTEM, verifier=verifier, options=FEW)
    figures = {one.name: one.value for one in found.figures}
    assert figures["min_tdcf"] == min_tdcf(*found.classes(), verifier=verifier)


def test_scores_that_are_written_are_read_again(assessment, tmp_path):
    assessment.write_scores(tmp_path / "own.csv")
    found = read_scores(tmp_path / "own.csv")
    assert found.scores == tuple(one.score for one in assessment.scored)
    with (tmp_path / "own.csv").open(newline="") as stream:
        assert next(csv.DictReader(stream))["key"] == "bona_fide"
    ranked = assess(made(), System("x", "scores", False), options=FEW)
    ranked.write_scores(tmp_path / "ranked.csv")
    assert read_scores(tmp_path / "ranked.csv").scale == "score"


def test_a_comparison_is_over_what_both_scored():
    first = made()
    second = [None if number == 4 else one.score for number, one in enumerate(first)]
    second[-1] = 1.0
    found = compare(first, second, "other", options=FEW)
    assert (found.n_bona_fide, found.n_spoof, found.left_out) == (29, 30, 2)
    assert found.differences["eer"].difference == 0
    with pytest.raises(ProtocolError, match="'other' scored, too"):
        compare(first, [None] * len(first), "other")


def test_a_condition_is_held_against_the_clean_scores():
    clean = made()
    worse = [None if one.score is None else -one.score for one in clean]
    worse[0] = None
    found = condition_figures("turned", worse, clean, 0.0, options=FEW)
    assert found.unscored == 1
    assert found.turned == 1.0
    kept = [one for one in clean[1:] if one.score is not None]
    area = auc([o.score for o in kept if o.trial.key == "bona_fide"], [o.score for o in kept if o.trial.key == "spoof"])
    assert found.auc == pytest.approx(1 - area)
    assert found.auc_change[0] == pytest.approx(1 - 2 * area)
    assert found.auc_change[1].high < 0
    itself = condition_figures(CLEAN, [one.score for one in clean], clean, 0.0, options=FEW)
    assert (itself.turned, itself.auc_change) == (0.0, None)


def test_a_condition_under_which_nothing_can_be_scored_is_told():
    clean = made()
    found = condition_figures("too small", [None] * len(clean), clean, 0.0)
    assert (found.unscored, found.n_spoof, found.eer_change) == (60, 0, None)
    assert found.to_dict()["eer"] is None
    table = list(Report(assess(clean, SYSTEM, options=FEW), Path("p.csv"), conditions=(found,)).tables())[3]
    assert [cell.text for cell in table.rows[0]] == ["too small", *["–"] * 7, "60"]


@pytest.fixture(scope="module")
def report(assessment):
    clean = list(assessment.scored)
    scores = [one.score for one in clean]
    rows = tuple(condition_figures(name, scores, clean, 0.0, options=FEW) for name in (CLEAN, "JPEG <75>"))
    return Report(assessment, Path("p/protocol.csv"), "eval", (compare(clean, scores, "b.csv", options=FEW),), rows)


def test_the_data_are_plain(report):
    found = json.loads(json.dumps(report.to_dict()))
    assert {"pooled", "generators", "sources", "unscored", "threshold_llr", "model", "verdicts"} <= set(found)
    assert found["figures"]["eer"]["value"] == report.assessment.pooled.ranking.eer
    assert len(found["robustness"]) == 2
    assert found["comparisons"][0]["auc"]["difference"] == 0


def test_tables_have_whole_rows(report):
    text = report.to_markdown()
    for word in ("EER", "Cllr", "g1", "c3", "Worst false accepts", "Robustness", "b.csv"):
        assert word in text
    for part in text.split("\n\n"):
        if part.startswith("|"):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in part.splitlines()}) == 1


def test_the_page_is_one_whole_file_that_loads_nothing(report, tmp_path):
    pytest.importorskip("matplotlib")
    from assay.evaluate.page import html_page

    page = html_page(report, tmp_path)
    assert page.startswith("<!doctype html>")
    assert page.count("<svg") == page.count("</svg>") == 7
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert "<script" not in page
    assert "prefers-color-scheme: dark" in page
    assert "JPEG &lt;75&gt;" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'xlink:href="#([^"]+)"|url\(#([^)]+)\)', page):
        assert (target[0] or target[1]) in ids


def test_names_from_files_are_escaped_and_media_are_linked_relatively(tmp_path):
    pytest.importorskip("matplotlib")
    from assay.evaluate.page import html_page

    folder = tmp_path / "media"
    trials = [
        ScoredTrial(Trial(f"{NASTY}.wav", "spoof", generator=NASTY, source=NASTY, root=folder), -3.0),
        ScoredTrial(Trial("b.wav", "bona_fide", source="s", root=folder), -1.0),
        ScoredTrial(Trial("c.wav", "bona_fide", source="s", root=folder), None, reason=NASTY),
    ]
    found = assess(trials, System(NASTY, "scores", True), by=("generator",), options=FEW)
    page = html_page(Report(found, Path(f"{NASTY}.csv")), tmp_path / "pages")
    assert "<img" not in page
    assert "&lt;img src=x" in page
    assert 'href="../media/%3Cimg' in page
    assert "\\|" in Report(found, Path("p.csv")).to_markdown()


def test_columns_of_the_protocol(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("path,key,source,condition,bits\na.wav,spoof,s,phone,8\n")
    assert usual_groups(path) == ("source", "condition")
    assert read_extra(path, ["bits"]) == {"a.wav": {"bits": "8"}}
    with pytest.raises(ProtocolError, match=r"no column 'codec' to group by; it has path, key"):
        read_extra(path, ["codec"])
