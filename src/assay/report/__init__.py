"""Turning results into something people read: words, figures over a batch, drawings, reports in PDF and HTML.

What only reports need is loaded with the first of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from assay.report.summary import Summary, Tally, summarise
from assay.report.text import describe, describe_failure, describe_summary

if TYPE_CHECKING:
    from assay.report.make import html_report, pdf_report, report_on, write_report

__all__ = [
    "Summary",
    "Tally",
    "describe",
    "describe_failure",
    "describe_summary",
    "html_report",
    "pdf_report",
    "report_on",
    "summarise",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'assay.report' has no attribute '{name}'")
    return getattr(import_module("assay.report.make"), name)
