"""`assay data check`: whether data can be trained on and measured with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from assay.cli import exits

if TYPE_CHECKING:
    from assay.data.check import Report

EPILOG = """\b
Examples:
  assay data check protocol.csv
  assay data check protocol.csv --jobs 2 --format json --output report.json
  assay data check protocol.csv --no-copies --strict

Ends with 1 if there are errors, with --strict also if there are warnings.
"""
_MOST = 10  # findings of a code that are shown as text


def check(
    protocol: Annotated[Path, typer.Argument(help="CSV or Parquet with path and key.", exists=True, dir_okay=False)],
    partition: Annotated[str | None, typer.Option(help="Only the trials of this partition.")] = None,
    copies: Annotated[bool, typer.Option(help="Look for files with the same content.")] = True,
    leaks: Annotated[bool, typer.Option(help="Measure what tells the key by accident.")] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    seed: Annotated[int, typer.Option(help="Of the folds and intervals of the leak audit.")] = 0,
    form: Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="How to report.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the report to this file.")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Files looked at at the same time.")] = None,
) -> None:
    """Look at every file of a protocol: readable, found once, on one side of the split, and no key told by accident."""
    import json

    from assay.cli.progress import progress_bar
    from assay.cli.terminal import prepare, say

    settings = prepare(jobs=jobs)
    from assay.data.check import check as run

    with progress_bar(True, None) as bar:
        report = run(
            protocol,
            settings=settings,
            partition=partition,
            copies=copies,
            leaks=leaks,
            seed=seed,
            progress=bar.at,
        )
    text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False) if form == "json" else "\n".join(_lines(report))
    if output is None:
        say(text)
    else:
        output.write_text(f"{text}\n", encoding="utf-8")
    if report.count("error") or (strict and report.count("warning")):
        raise typer.Exit(exits.INPUT_FAILED)


def _lines(report: Report) -> list[str]:
    """The report as text."""
    media = ", ".join(f"{count} {name}" for name, count in report.media.items())
    lines = [f"{report.trials} trials: {media}"]
    shown: dict[str, int] = {}
    for finding in report.findings:
        shown[finding.code] = shown.get(finding.code, 0) + 1
        if shown[finding.code] <= _MOST:
            lines.append(f"{finding.severity}: {finding.message} [{finding.code}]")
    lines += [f"... {count - _MOST} more [{code}]" for code, count in shown.items() if count > _MOST]
    if report.audit is not None and report.audit.leaks:
        groups = ", ".join(f"{medium} by {by}" for medium, by in report.audit.groups.items())
        lines += ["", f"What tells the key by accident (0.5 nothing, 1 all; groups: {groups}):"]
        for leak in report.audit.leaks:
            interval = f"{leak.interval.low:.2f}-{leak.interval.high:.2f}"
            more = f"  more in {leak.higher}" if leak.higher else ""
            lines.append(f"  {leak.medium:8}{leak.name:22}{leak.auc:.2f}  {interval}{more}")
    lines += ["", f"{report.count('error')} errors, {report.count('warning')} warnings"]
    return lines
