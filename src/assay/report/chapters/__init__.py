"""The chapters of a report, and the report as a whole."""

from assay.report.chapters.compose import card_of, compose, compose_failure
from assay.report.chapters.given import Given

__all__ = ["Given", "card_of", "compose", "compose_failure"]
