"""The figures of the card as the tables of docs/speaker.md, so that the two cannot disagree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from assay.errors import TrainingError

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
COLUMNS = ("speakers", "own probes", "others'", "EER", "minDCF", "Cllr", "false matches", "misses")


def write_figures(page: Path, card: dict[str, Any]) -> None:
    """Put the tables between the marks of a page.

    Raises:
        TrainingError: If the page has no marks.
    """
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise TrainingError(f"'{page}' has no lines {BEGIN} and {END}, between which figures go. Write them.")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{figures(card)}\n{END}{after}", encoding="utf-8")


def figures(card: dict[str, Any]) -> str:
    """All tables."""
    measured = card["measured"]
    development = measured["development"]
    parts = [
        "**Promised and measured** on development speakers, each group of sources at the threshold of the others.",
        _table(
            ("promised false matches", "threshold (llr)", "false matches", "misses", "beyond measurement"),
            _points(card),
        ),
        "**Development speakers**, at the 1 % point, each group judged by the others.",
        _rows("of", [(name, development[name]) for name in ("all", "read or spoken", "acted emotions")]),
        "By language (of those with two speakers or more; a language of one source is a source, too):",
        _rows("language", _several(development["by_language"])),
        "By source:",
        _rows("source", _several(development["by_source"])),
        "**Speakers of the eval partition**, on whom nothing was fitted, at the card's own 1 % point.",
        _rows("of", measured["eval"].items()),
        "**Speech in the probe**, the same probes cut shorter:",
        _rows("speech, s", [(f"{row['speech_s']:g}", row) for row in measured["probe_speech"]]),
        "**Speech in the enrolment**, one recording each:",
        _rows("speech, s", [(f"{row['speech_s']:g}", row) for row in measured["enrolment_speech"]]),
        "**Recordings enrolled with**:",
        _rows("recordings", [(str(row["recordings"]), row) for row in measured["recordings_enrolled"]]),
        "**What the probe went through**; enrolments as they came:",
        _rows("way", [(row["way"], row) for row in measured["ways"]]),
        "**Spoofs of enrolled speakers**: how often they are taken for the speaker, at the 1 % point.",
        _table(("spoofs", "probes", "speakers", "accepted (95 %)"), [_spoofs(row) for row in measured["spoofs"]]),
        "**Back ends compared**, all development speakers:",
        _rows("back end", measured["back_ends"].items()),
    ]
    return "\n\n".join(parts)


def _points(card: dict[str, Any]) -> Iterable[Sequence[str]]:
    for point in card["operating_points"]:
        yield (
            f"{point['max_false_match']:g}",
            f"{point['threshold_llr']:.2f}",
            _rate(point["false_match"], point["false_match_interval"]),
            _rate(point["false_non_match"], point["false_non_match_interval"]),
            "yes" if point["extrapolated"] else "no",
        )


def _several(parts: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, row) for name, row in parts.items() if row.get("speakers", 0) > 1]


def _rows(head: str, parts: Iterable[tuple[str, dict[str, Any]]]) -> str:
    return _table((head, *COLUMNS), [(name, *_cells(row)) for name, row in parts])


def _cells(row: dict[str, Any]) -> list[str]:
    counts = [f"{row.get(name, 0):,}" for name in ("speakers", "own_probes", "others_probes")]
    names = ("eer", "min_dcf", "cllr", "false_match", "false_non_match")
    # One speaker, drawn again and again, tells nothing about others.
    ranges = [row.get(f"{name}_interval") if row.get("speakers", 0) > 1 else None for name in names]
    return counts + [_rate(row[name], span) if name in row else "–" for name, span in zip(names, ranges, strict=True)]


def _spoofs(row: dict[str, Any]) -> tuple[str, ...]:
    accepted = _rate(row["accepted"], row["accepted_interval"])
    return row["spoofs"], str(row["probes"]), str(row["speakers"]), accepted


def _rate(value: float, interval: Sequence[float] | None) -> str:
    if interval is None:
        return f"{value:.3f}"
    return f"{value:.3f} ({interval[0]:.3f}–{interval[1]:.3f})"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
