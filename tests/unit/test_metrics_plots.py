"""Drawings: whole SVG, the same bytes for the same numbers, in the page's colours, nothing from other hosts."""

import re
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from assay.errors import MissingExtra
from assay.metrics import confusion
from assay.metrics.plots import all_plots, confusion_plot, det_plot, histogram_plot, roc_plot

NAMES = {"scores", "roc", "det", "precision_recall", "calibration", "risk_coverage", "confusion"}


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(5)
    return rng.normal(-1, 1.2, 80), rng.normal(1, 1.0, 60)


@pytest.fixture(scope="module")
def plots(scores):
    return all_plots(*scores, threshold=0.5, llrs=True)


def test_every_drawing_is_there_and_well_formed(plots):
    assert set(plots) == NAMES
    for svg in plots.values():
        root = ElementTree.fromstring(svg)
        assert root.tag.endswith("svg")
        assert root.get("aria-label")


def test_what_the_scores_do_not_allow_is_left_out(scores):
    assert set(all_plots(*scores)) == NAMES - {"calibration", "risk_coverage", "confusion"}


def test_ink_is_that_of_the_page_and_the_ground_is_clear(plots):
    for svg in plots.values():
        assert "currentColor" in svg
        assert "#010203" not in svg
        assert "fill: #ffffff" not in svg.split('<g id="axes_1">')[0]


def test_nothing_is_loaded_and_no_date_is_kept(plots):
    for svg in plots.values():
        assert "<metadata>" not in svg
        assert not re.search(r'(href|src)="(?!#|data:)', svg)
        assert "<script" not in svg


def test_the_same_numbers_give_the_same_bytes(scores, plots):
    assert all_plots(*scores, threshold=0.5, llrs=True) == plots


def test_text_stays_text(plots):
    assert "bona fide called spoof" in plots["roc"]
    assert re.search(r"AUC 0\.9\d\d", plots["roc"])


def test_counts_stand_in_the_matrix():
    svg = confusion_plot(confusion([0.0, 2.0], [1.0, 3.0, 4.0], 1.5))
    assert {">1<", ">2<"} <= set(re.findall(r">\d<", svg))


@pytest.mark.parametrize("draw", [roc_plot, det_plot, histogram_plot])
def test_constant_scores_and_single_trials_can_be_drawn(draw):
    assert ElementTree.fromstring(draw([0.5], [0.5])) is not None
    assert ElementTree.fromstring(draw([0.0], [1.0])) is not None


def test_without_matplotlib_the_extra_is_named(monkeypatch, scores):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"assay\[report\]"):
        roc_plot(*scores)
