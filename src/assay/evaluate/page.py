"""One HTML page of an evaluation: tables and drawings in one file, nothing loaded from anywhere.

Everything that comes from files (paths, names, reasons) is escaped. Media are linked relative to the page, not copied.
Colours follow the reader's choice of light or dark. A policy in the page forbids scripts and any other host.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote

from assay._version import __version__
from assay.evaluate.report import Cell, Report, Table
from assay.look import PAGE_STYLE
from assay.metrics.plots import all_plots

STYLE = f"""{PAGE_STYLE}tbody tr:hover {{ background: var(--bar); }}
.plots {{ display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); margin-top: 1rem; }}
.plots svg {{ color: var(--ink); height: auto; width: 100%; }}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def html_page(report: Report, folder: Path) -> str:
    """The page.

    Args:
        report: What it shows.
        folder: Where it will lie; links to media are relative to it.

    Raises:
        MissingExtra: If matplotlib is not installed.
    """
    found = report.assessment
    bona_fide, spoof = found.classes()
    plots = all_plots(bona_fide, spoof, threshold=found.point.threshold, llrs=found.system.llrs)
    tables = list(report.tables())
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(report.title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<h1>{escape(report.title)}</h1>",
            f'<p class="facts">{escape(_facts(report))}</p>',
            *_section(tables[0], folder),
            f'<div class="plots">{"".join(_drawings(plots))}</div>',
            *(line for table in tables[1:] for line in _section(table, folder)),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _facts(report: Report) -> str:
    system = report.assessment.system
    details = [f"{name} {value}" for name, value in system.details.items() if name != "name" and value]
    return f"{system.kind}; {''.join(f'{one}; ' for one in details)}measured by Assay {__version__}"


def _drawings(plots: Mapping[str, str]) -> Iterator[str]:
    for name, svg in plots.items():
        yield f'<figure id="{name}" style="margin:0">{_own_ids(svg, name)}</figure>'


def _own_ids(svg: str, name: str) -> str:
    """Ids that no other drawing of the page has."""
    return svg.replace('id="', f'id="{name}-').replace('"#', f'"#{name}-').replace("url(#", f"url(#{name}-")


def _section(table: Table, folder: Path) -> Iterator[str]:
    yield f"<section><h2>{escape(table.title)}</h2>"
    if table.note:
        yield f'<p class="note">{escape(table.note)}</p>'
    yield '<div class="scroll"><table><thead><tr>'
    yield "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    yield "</tr></thead><tbody>"
    for row in table.rows:
        yield f"<tr>{''.join(f'<td>{_cell(cell, folder)}</td>' for cell in row)}</tr>"
    yield "</tbody></table></div></section>"


def _cell(cell: Cell, folder: Path) -> str:
    if cell.link is None:
        return escape(cell.text)
    try:
        target = os.path.relpath(cell.link, folder)
    except ValueError:  # another drive: there is no relative way
        return escape(cell.text)
    return f'<a href="{escape(quote(Path(target).as_posix()))}">{escape(cell.text)}</a>'
