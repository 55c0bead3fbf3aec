"""Turning results into something people read."""

from assay.report.summary import Summary, Tally, summarise
from assay.report.text import describe, describe_failure, describe_summary

__all__ = ["Summary", "Tally", "describe", "describe_failure", "describe_summary", "summarise"]
