"""Drawings of a result, in one look for page and report; each is None where there is nothing to draw."""

from assay.report.plots.evidence import evidence_figure
from assay.report.plots.persons import persons_figure
from assay.report.plots.picture import overlay_figure, picture_figure
from assay.report.plots.score import probability_figure, score_figure
from assay.report.plots.sound import sound_figure

__all__ = [
    "evidence_figure",
    "overlay_figure",
    "persons_figure",
    "picture_figure",
    "probability_figure",
    "score_figure",
    "sound_figure",
]
