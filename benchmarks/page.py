"""What the measuring scripts share: how a rate is written, and how a table gets into docs/audio-detector.md."""

from __future__ import annotations

from pathlib import Path

from assay.metrics import rate_interval

PAGE = Path(__file__).parent.parent / "docs" / "audio-detector.md"


def share(count: int, total: int, digits: int = 3) -> str:
    """A rate with its exact 95 % interval; a dash where there is nothing to count."""
    if not total:
        return "–"
    interval = rate_interval(count, total)
    return f"{count / total:.{digits}f} ({interval.low:.{digits}f}–{interval.high:.{digits}f})"


def write_page(sections: dict[str, str], page: Path = PAGE) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->`` in the page."""
    text = page.read_text(encoding="utf-8")
    for name, body in sections.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, rest = text.split(start)
        text = f"{before}{start}\n{body}\n{end}{rest.split(end)[1]}"
    page.write_text(text, encoding="utf-8")


def publish(name: str, body: str, *, write: bool) -> None:
    """Print a section and, if asked, put it on the page."""
    print(body)
    if write:
        write_page({name: body})
