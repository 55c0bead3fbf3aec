"""From measurements to the tables in README.md. Medians over turns, smallest and largest in brackets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import Series, median_of, ratios
from targets import Groups, growth, targets

SHORT_S = 8
BEGIN, END = "<!-- table: written by run.py -->\n", "<!-- end of table -->\n"
NAMES = {
    "scan": "**Assay, whole scan**",
    "network": "(b) detector network alone, ONNX Runtime",
    "networks": "(b2) both networks alone, ONNX Runtime",
    "usual": "(a) librosa + PyTorch, same hop (0.256 s)",
    "usual-half": "(a½) librosa + PyTorch, windows half overlapping (2.048 s)",
}
COMMANDS = {
    "python": "`python -c pass`, for comparison",
    "help": "`python -m assay --help`",
    "scan": "`python -m assay scan 8s.wav --format jsonl`",
    "usual": "(a) librosa + PyTorch on the same file",
}
STAGES = ("open", "decode", "speech", "quality", "network", "decide")


@dataclass(frozen=True)
class Results:
    """Everything measured in one run; `middle_s` is the length of the single file all subjects were compared on."""

    groups: Groups
    middle_s: int
    facts: dict[str, Any]
    notes: list[str]

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file: every single measurement."""
        groups = {name: {key: one.as_dict() for key, one in group.items()} for name, group in self.groups.items()}
        return {"facts": self.facts, "notes": self.notes, "groups": groups}


def markdown(results: Results) -> str:
    """All tables."""
    parts = (_facts, _targets, _speed, _ratios, _lengths, _start, _others, _stages)
    return "\n".join([*(part(results) for part in parts), *(f"{note}\n" for note in results.notes)])


def write_readme(path: Path, table: str) -> None:
    """Put the tables between the markers of the README; the text around them is written by hand."""
    write_between(path, BEGIN, END, table)


def write_between(path: Path, begin: str, end: str, text: str) -> None:
    """Replace what stands between two markers of a page, each of which is a line."""
    before, rest = path.read_text(encoding="utf-8").split(begin)
    path.write_text(before + begin + "\n" + text + "\n" + end + rest.split(end)[1], encoding="utf-8")


def duration(seconds: float) -> str:
    """Length in words."""
    for unit_s, unit in ((3600, "h"), (60, "min")):
        if seconds >= unit_s:
            return f"{seconds / unit_s:g} {unit}"
    return f"{seconds:g} s"


def _spread(values: Sequence[float], form: Callable[[float], str]) -> str:
    middle = form(median_of(values))
    return f"{middle} ({form(min(values))}–{form(max(values))})" if len(values) > 1 else f"{middle} (once)"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _whole(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}"


def _megabytes(series: Series) -> str:
    return f"{max(series.peak_bytes) / 1e6:.0f} MB"


def _facts(results: Results) -> str:
    facts = results.facts
    versions = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    busy = facts["load_before"] > 0.3 * facts["cores"]
    warning = "\n**The machine was busy with something else when this began; do not rely on these numbers.**\n"
    return (
        f"{facts['date']}, commit {facts['commit']}. {facts['processor']} ({facts['instructions']}),"
        f" {facts['cores']} cores, {facts['memory_gb']} GB, {facts['system']}. Python {facts['python']}, {versions}."
        f" Load average before: {facts['load_before']}. The run took {facts['elapsed_s']} s.\n{warning if busy else ''}"
    )


def _targets(results: Results) -> str:
    words = {True: "met", False: "**not met**", None: "not measured"}
    rows = [[t.promise, t.measured, words[t.met]] for t in targets(results.groups, duration(results.middle_s))]
    return "### Targets\n\n" + _table(["target", "measured", ""], rows)


def _comparisons(results: Results) -> list[tuple[str, dict[str, Series]]]:
    """The four groups in which all subjects take part, with their headings."""
    middle = duration(results.middle_s)
    heads = {
        "short, threads 1": f"{SHORT_S} s files, 1 thread",
        "short, threads 2": f"{SHORT_S} s files, 2 threads",
        "middle, threads 1": f"{middle}, 1 thread",
        "middle, threads 2": f"{middle}, 2 threads",
    }
    return [(head, results.groups[name]) for name, head in heads.items()]


def _speed(results: Results) -> str:
    groups = _comparisons(results)
    first = groups[0][1]
    rows = [
        [
            name,
            *(_spread(group[subject].speeds, _whole) for _, group in groups),
            _whole(median_of(first[subject].core_speeds)),
            str(first[subject].facts["windows"]),
        ]
        for subject, name in NAMES.items()
    ]
    head = ["seconds of sound per second", *(head for head, _ in groups), "per core-second ¹", "windows ²"]
    notes = f"¹ {SHORT_S} s files, 1 thread: processor time instead of wall time. ² Scored in one {SHORT_S} s file.\n"
    return "### Speed\n\n" + _table(head, rows) + "\n" + notes


def _ratios(results: Results) -> str:
    groups = _comparisons(results)
    forms: dict[str, Callable[[float], str]] = {
        "usual": lambda value: f"{value:.1f}×",
        "usual-half": lambda value: f"{value:.1f}×",
        "network": lambda value: f"{value:.0%}",
        "networks": lambda value: f"{value:.0%}",
    }
    rows = [
        [NAMES[subject], *(_spread(ratios(group["scan"], group[subject]), form) for _, group in groups)]
        for subject, form in forms.items()
    ]
    return "### Assay's speed over that of …\n\n" + _table(["…", *(head for head, _ in groups)], rows)


def _lengths(results: Results) -> str:
    lengths = results.groups["lengths"]
    rows = [_length_row(f"{duration(series.audio_s)}, 1 thread", series) for series in lengths.values()]
    extra = {
        "longest, threads 2": "2 threads",
        "longest, command line": "`assay scan`, start included",
        "longest, the usual way": "(a½) librosa + PyTorch",
    }
    for group, what in extra.items():
        found = results.groups.get(group, {}).values()
        rows += [_length_row(f"{duration(series.audio_s)}, {what}", series) for series in found]
    for subject in ("usual", "usual-half"):
        series = results.groups["middle, threads 1"][subject]
        rows.append(_length_row(f"{duration(series.audio_s)}, {NAMES[subject]}", series))
    first, *_, last = (name for name in lengths if int(name) >= 60)
    head = ["one file, Assay if not said otherwise", "time, s", "seconds of sound per second", "peak memory"]
    grown = f"From {duration(int(first))} to {duration(int(last))}, time grows with length to the power"
    text = f"{grown} {growth(lengths, first, last):.3f} (1 is proportional).\n"
    return "### Cost against length\n\n" + _table(head, rows) + "\n" + text


def _length_row(name: str, series: Series) -> list[str]:
    return [
        name,
        _spread(series.wall_s, lambda value: f"{value:.3g}"),
        _whole(median_of(series.speeds)),
        _megabytes(series),
    ]


def _start(results: Results) -> str:
    group = results.groups["cold start"]
    rows = [
        [name, _spread(group[command].wall_s, lambda value: f"{value:.2f}"), _megabytes(group[command])]
        for command, name in COMMANDS.items()
    ]
    return "### Cold start\n\n" + _table(["fresh process, start to end", "time, s", "peak memory"], rows)


def _others(results: Results) -> str:
    rows = [
        [f"44.1 kHz stereo {form}", _spread(series.speeds, _whole)]
        for form, series in results.groups["other formats"].items()
    ]
    head = ["Assay, 8 s files, 1 thread", "seconds of sound per second"]
    return "### Other formats, for information\n\n" + _table(head, rows)


def _stages(results: Results) -> str:
    stages = results.groups["short, threads 1"]["scan"].facts["stages_ms"]
    total = stages["total"]
    rows = [[stage, f"{stages[stage]:.3f}", f"{stages[stage] / total:.1%}"] for stage in STAGES]
    rest = total - sum(stages[stage] for stage in STAGES)
    rows += [["everything else", f"{rest:.3f}", f"{rest / total:.1%}"], ["total", f"{total:.3f}", ""]]
    head = [f"stage of the scan of one {SHORT_S} s wav", "ms", "share"]
    return "### Where the time of a scan goes\n\n" + _table(head, rows)
