"""A report as one HTML page: nothing loaded from anywhere, no scripts, drawings inside.

Everything that comes from files is escaped, names stand apart from their surroundings in the direction of their script
(``bdi``). The policy in the page allows its own style by digest and images in the page, and nothing else. Without
colours and styles the order of the page still makes sense.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape

from assay._version import __version__
from assay.look import PAGE_STYLE
from assay.report.document import Block, Chapter, Document, Facts, Figure, Points, Table, Words
from assay.report.svg import STYLE as DRAWING_STYLE
from assay.report.svg import svg

STYLE = f"""{PAGE_STYLE}{DRAWING_STYLE}
body {{ max-width: 50rem; }}
article + article {{ border-top: 3px solid var(--line); margin-top: 3rem; padding-top: 2rem; }}
header {{ border-left: .5rem solid var(--soft); padding-left: 1rem; }}
header.bona_fide {{ border-color: var(--bona-fide); }}
header.spoof {{ border-color: var(--spoof); }}
header.mixed {{ border-color: var(--spoof); border-left-style: double; }}
header.inconclusive, header.failed {{ border-left-style: dashed; }}
header p.subject {{ color: var(--soft); margin: 0; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.8rem; }}
h3 {{ font-size: 1rem; margin: 1.2rem 0 .2rem; }}
p, li, td, dd {{ overflow-wrap: anywhere; }}
p.strong {{ font-weight: 600; }}
.scroll {{ margin: .8rem 0; }}
table {{ table-layout: fixed; width: 100%; }}
th {{ white-space: normal; }}
.scroll table {{ min-width: 32rem; }}
dl {{ display: grid; gap: .2rem 1.2rem; grid-template-columns: minmax(9rem, 15rem) minmax(0, 1fr); margin: .4rem 0; }}
dt {{ color: var(--soft); }}
dd {{ margin: 0; font-variant-numeric: tabular-nums; }}
figure {{ margin: 1rem 0; }}
figure .scroll svg {{ color: var(--ink); display: block; height: auto; min-width: 34rem; width: 100%; }}
header figure .scroll svg {{ min-width: 0; }}
figcaption {{ color: var(--soft); font-size: .9rem; }}
footer {{ border-top: 1px solid var(--line); color: var(--soft); margin-top: 3rem; padding-top: .6rem; }}
@media (max-width: 36rem) {{ body {{ padding: 1rem; }} dl {{ grid-template-columns: 1fr; gap: 0; }}
  dd {{ margin-bottom: .5rem; }} }}
@media print {{ body {{ max-width: none; padding: 0; }} figure, tr, dl > * {{ break-inside: avoid; }} }}
"""


def html_page(documents: Sequence[Document]) -> str:
    """The page.

    Args:
        documents: One article for each; at least one.
    """
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title_of(documents))}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *(line for document in documents for line in _article(document)),
            "</main>",
            f"<footer>Made by Assay {escape(__version__)}. The same result gives the same report.</footer>",
            "</body>",
            "</html>",
            "",
        ]
    )


def title_of(documents: Sequence[Document]) -> str:
    """What a report about these is called."""
    first = documents[0].subject
    return f"Report: {first}" + (f" and {len(documents) - 1} more" if len(documents) > 1 else "")


def _article(document: Document) -> Iterator[str]:
    yield "<article>"
    yield f'<header class="{document.verdict}">'
    yield f'<p class="subject">{escape(document.kind)} <bdi>{escape(document.subject)}</bdi></p>'
    yield f"<h1>{escape(document.answer[:1].upper() + document.answer[1:])}</h1>"
    yield from _blocks(document.head)
    yield "</header>"
    for chapter in document.chapters:
        yield from _chapter(chapter)
    yield "</article>"


def _chapter(chapter: Chapter) -> Iterator[str]:
    yield f"<section><h2>{escape(chapter.title)}</h2>"
    yield from _blocks(chapter.blocks)
    yield "</section>"


def _blocks(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Words):
        kind = "" if block.kind == "plain" else f' class="{block.kind}"'
        yield f'<p{kind} dir="auto">{escape(block.text)}</p>'
    elif isinstance(block, Facts):
        yield "<dl>"
        for name, value in block.rows:
            yield f"<dt>{escape(name)}</dt><dd><bdi>{escape(value)}</bdi></dd>"
        yield "</dl>"
    elif isinstance(block, Points):
        yield f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in block.items)}</ul>"
    elif isinstance(block, Table):
        yield from _table(block)
    else:
        yield from _figure(block)


def _table(table: Table) -> Iterator[str]:
    columns = "".join(f'<col width="{share:.0%}">' for share in table.shares)
    yield f'<div class="scroll" tabindex="0"><table><colgroup>{columns}</colgroup><thead><tr>'
    yield "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    yield "</tr></thead><tbody>"
    for row in table.rows:
        yield f"<tr>{''.join(f'<td><bdi>{escape(cell)}</bdi></td>' for cell in row)}</tr>"
    yield "</tbody></table></div>"


def _figure(figure: Figure) -> Iterator[str]:
    yield f'<figure><div class="scroll" tabindex="0">{svg(figure.drawing)}</div>'
    if figure.caption:
        yield f"<figcaption>{escape(figure.caption)}</figcaption>"
    yield "</figure>"
