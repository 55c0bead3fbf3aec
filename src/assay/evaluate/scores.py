"""Score files of any system: read, turned into our direction, joined to the trials of a protocol.

Accepted: CSV, TSV or columns between spaces, with or without a header; ASVspoof's ``score.txt`` among them (first
column the utterance, last column the score). Decisions:

- The direction of foreign scores is never guessed: many systems score bona fide high, many score spoof high, and a
  guess from the keys would turn a useless system into a useful one. Whoever gives the file says which. Only the files
  that `assay evaluate --scores` writes are known.
- A probability becomes a log-likelihood ratio by its log odds, at even priors; logits are taken as such ratios, which
  they are as far as their system is calibrated; Cllr and the calibration error then say how far. A plain score is a
  ranking and nothing else.
- Trials and scores meet by path, or, where no path fits, by the file's name without folder and ending.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from assay.data import Trial
from assay.errors import ProtocolError

Higher = Literal["spoof", "bona_fide"]
Scale = Literal["llr", "logit", "probability", "score"]
IDS = ("path", "file", "filename", "file_name", "filepath", "utt", "utt_id", "utterance", "trial", "id", "name")
SCALES: dict[str, Scale] = {
    "llr": "llr",
    "logit": "logit",
    "score": "score",
    "cm_score": "score",
    "spoof_probability": "probability",
    "probability": "probability",
    "prob": "probability",
    "posterior": "probability",
}
OURS = frozenset({"spoof_probability", "verdict", "reason"})  # columns that only our own files have together
# fmt: off
MEDIA_ENDINGS = frozenset({
    "aac", "aiff", "amr", "avi", "avif", "bmp", "flac", "gif", "heic", "jpeg", "jpg", "m4a", "mkv", "mov", "mp3", "mp4",
    "mpg", "ogg", "opus", "png", "tif", "tiff", "wav", "webm", "webp", "wma",
})
# fmt: on
_SURE = 1e-12  # nearest a probability comes to 0 or 1: float32 cannot tell 1 - 1e-8 from 1
_SHOWN = 3


@dataclass(frozen=True)
class ScoreFile:
    """Scores of one system, higher for spoof.

    Attributes:
        path: Where they stood.
        ids: What each belongs to, as written.
        scores: One for each; None where the file leaves it blank.
        scale: What they were. ``llr``, ``logit`` and ``probability`` are natural log-likelihood ratios now.
        column: Name of the column, or its number in a file without a header.
    """

    path: Path
    ids: tuple[str, ...]
    scores: tuple[float | None, ...]
    scale: Scale
    column: str

    @property
    def llrs(self) -> bool:
        """Whether the scores are log-likelihood ratios."""
        return self.scale != "score"


def read_scores(
    path: Path, *, higher: Higher | None = None, column: str | None = None, scale: Scale | None = None
) -> ScoreFile:
    """Read a score file.

    Args:
        path: The file, UTF-8.
        higher: Key that high scores mean; needed unless Assay wrote the file.
        column: Name of the score's column; None takes the first that is known, or the last of a file without header.
        scale: What the scores are; None tells it by the column's name, and takes a nameless one as ``score``.

    Raises:
        ProtocolError: If the file cannot be read, has no column of ids or scores, a score is no number or out of
            range, an id stands twice, or the direction was not given.
    """
    header, rows = _table(path)
    names = [_plain(name) for name in header or ()]
    ours = set(names) >= OURS
    place_id, place, title = _columns(path, names, column, width=len(rows[0][1]))
    chosen = scale or SCALES.get(names[place] if names else "", "score")
    if higher is None and not ours:
        raise ProtocolError(
            f"Nothing says whether high scores of '{path}' mean spoof or bona fide. Say which:"
            " --higher spoof or --higher bona_fide."
        )
    ids = tuple(row[place_id].strip() for _, row in rows)
    _refuse_twice(path, ids, [line for line, _ in rows])
    turn = _turn(chosen, "spoof" if higher is None else higher)
    scores = tuple(_number(row[place].strip(), path, line, chosen, turn) for line, row in rows)
    return ScoreFile(path, ids, scores, chosen, title)


def join_scores(
    trials: Sequence[Trial], found: ScoreFile, *, missing: Literal["error", "skip"] = "error"
) -> list[float | None]:
    """The score of each trial.

    Args:
        trials: Of the protocol.
        found: Scores, which may name more than these trials.
        missing: What to do about a trial without a score: stop, or leave it unscored.

    Returns:
        One for each trial, in order; None where it has none.

    Raises:
        ProtocolError: If no id fits, an id fits several trials or several ids one trial, or a trial has no score and
            `missing` is ``error``.
    """
    by_path = dict(zip(map(_slashes, found.ids), found.scores, strict=True))
    keys = [_slashes(trial.path) for trial in trials]
    if not any(key in by_path for key in keys):
        absolute = [trial.file.absolute().as_posix() for trial in trials]
        keys = absolute if any(key in by_path for key in absolute) else [_stem(key) for key in keys]
        if keys is not absolute:
            by_path = _by_stem(trials, keys, found)
    if not any(key in by_path for key in keys):
        raise ProtocolError(
            f"No trial of the protocol is in '{found.path}': it names {_few(found.ids)}, the protocol"
            f" {_few([trial.path for trial in trials])}. Paths, or names without folder and ending, must agree."
        )
    absent = [trial.path for trial, key in zip(trials, keys, strict=True) if key not in by_path]
    if absent and missing == "error":
        raise ProtocolError(
            f"'{found.path}' has no score for {len(absent)} of {len(trials)} trials: {_few(absent)}. Add them, choose"
            " a partition, or count them as not scored with --missing skip."
        )
    return [by_path.get(key) for key in keys]


def _by_stem(trials: Sequence[Trial], stems: Sequence[str], found: ScoreFile) -> dict[str, float | None]:
    """Scores by name without folder and ending, each of which must be one file on both sides."""
    wanted = set(stems)
    named = [stem for stem in map(_stem, found.ids) if stem in wanted]
    for what, names in (("the protocol", stems), (f"'{found.path}'", named)):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice and named:
            raise ProtocolError(
                f"Trials and scores can only meet by file name here, and in {what} {_few(twice)} stand for several"
                f" files. Write the paths of the protocol, such as '{trials[0].path}', into the score file."
            )
    return {_stem(name): score for name, score in zip(found.ids, found.scores, strict=True)}


def _table(path: Path) -> tuple[list[str] | None, list[tuple[int, list[str]]]]:
    """Header, if there is one, and the rows with their line numbers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(f"The score file '{path}' cannot be read: {error}. It must be UTF-8 text.") from error
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    try:
        if "\t" in first or "," in first:
            reader = csv.reader(lines, delimiter="\t" if "\t" in first else ",")
            rows = [(reader.line_num, row) for row in reader if row]
        else:
            rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    except csv.Error as error:
        raise ProtocolError(f"The score file '{path}' cannot be read: {error}. It must be a CSV file.") from error
    header = None
    if rows and {_plain(name) for name in rows[0][1]} & {*IDS, *SCALES}:
        header = rows.pop(0)[1]
    if not rows:
        raise ProtocolError(f"The score file '{path}' holds no scores.")
    width = len(header or rows[0][1])
    odd = next(((line, row) for line, row in rows if len(row) != width), None)
    if odd or width < 2:
        line, row = odd or rows[0]
        raise ProtocolError(
            f"'{path}' line {line} has {len(row)} columns where {max(2, width)} are expected: an id, a score, and what"
            " else the first line has."
        )
    return header, rows


def _columns(path: Path, names: list[str], column: str | None, *, width: int) -> tuple[int, int, str]:
    """Places of id and score, and what to call the latter."""
    if not names:
        if column is not None:
            raise ProtocolError(f"'{path}' has no header, so there is no column '{column}'; its last one is taken.")
        return 0, width - 1, f"column {width}"
    place_id = next((names.index(name) for name in IDS if name in names), None)
    wanted = [_plain(column)] if column is not None else list(SCALES)
    place = next((names.index(name) for name in wanted if name in names), None)
    if place_id is None or place is None:
        lacks = f"of ids ({', '.join(IDS[:5])}, …)" if place_id is None else f"of scores ({', '.join(wanted)})"
        raise ProtocolError(f"'{path}' has no column {lacks}; its columns are {', '.join(names)}. See --column.")
    return place_id, place, names[place]


def _refuse_twice(path: Path, ids: Sequence[str], lines: Sequence[int]) -> None:
    seen: dict[str, int] = {}
    for name, line in zip(ids, lines, strict=True):
        if not name:
            raise ProtocolError(f"'{path}' line {line} names no file.")
        if name in seen:
            raise ProtocolError(f"'{path}' scores '{name}' twice, in lines {seen[name]} and {line}; remove one.")
        seen[name] = line


def _turn(scale: Scale, higher: Higher) -> Callable[[float], float]:
    """From what the file says to a score that is higher for spoof."""
    sign = 1.0 if higher == "spoof" else -1.0
    if scale == "probability":

        def log_odds(given: float) -> float:
            kept = min(max(given, _SURE), 1 - _SURE)
            return sign * math.log(kept / (1 - kept))

        return log_odds
    return lambda given: sign * given


def _number(text: str, path: Path, line: int, scale: Scale, turn: Callable[[float], float]) -> float | None:
    if not text:
        return None
    try:
        given = float(text)
    except ValueError:
        given = math.nan
    if not math.isfinite(given):
        raise ProtocolError(f"'{path}' line {line}: the score '{text}' is not a finite number.")
    if scale == "probability" and not 0 <= given <= 1:
        raise ProtocolError(
            f"'{path}' line {line}: {text} is no probability, which is from 0 to 1. Say what the scores are:"
            f" --scale {' or '.join(get_args(Scale))}."
        )
    return turn(given)


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def _slashes(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).as_posix()


def _stem(path: str) -> str:
    name = PurePosixPath(path.replace("\\", "/")).name
    known = PurePosixPath(name)
    # Only endings of media: an utterance may be called DF_E_1.5.
    return known.stem if known.suffix.lower().lstrip(".") in MEDIA_ENDINGS else name


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(f"'{name}'" for name in listed[:_SHOWN]) + more
