"""Folders of spoofs with their protocol: copy-syntheses of a protocol's bona fide clips, and sentences spoken.

Spoofs of pictures come through the same door and are made in `assay.training.fakes.pictures.factory`.

Decisions
- One file is determined by seed, method and parent (or number and the voices installed), so a run that is broken off
  goes on where it was, and the number of processes changes nothing. What is there is kept, even if texts or the longest
  file have changed.
- ``protocol.csv`` is written anew after every `AT_A_TIME` files: it can be read while the folder grows.
- Beside the columns of `assay.data.protocol` stand ``parent_root`` (the folder of the protocol that the parent's path
  starts from) and the span in seconds that was replaced in a partly synthetic clip.
"""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from assay.data import Trial
from assay.data.protocol import COLUMNS, write_csv
from assay.errors import MissingExtra, TrainingError
from assay.media.sniff import sniff
from assay.training.corpus import spread
from assay.training.fakes import METHODS, make_fakes
from assay.training.fakes.engines import ENGINES
from assay.training.fakes.method import generator_of
from assay.training.fakes.partial import span
from assay.training.fakes.pictures.factory import EXTRA_COLUMNS as PICTURE_COLUMNS
from assay.training.fakes.pictures.factory import Made as MadePicture
from assay.training.fakes.pictures.factory import make_pictures
from assay.training.fakes.pictures.generators import GENERATORS
from assay.training.fakes.pictures.methods import METHODS as PICTURE_METHODS
from assay.training.fakes.speech import languages_of, speak_to
from assay.training.fakes.texts import read_texts
from assay.training.parallel import each
from assay.training.sound import SAMPLE_RATE_HZ, Samples, read_sound

AT_A_TIME = 25
PICTURES = (*PICTURE_METHODS, *GENERATORS)
EXTRA_COLUMNS = ("parent_root", "span_start_s", "span_end_s")
log = logging.getLogger("assay.training.fakes")


@dataclass(frozen=True)
class Order:
    """What to make: so many files by a method or an engine."""

    name: str
    count: int


@dataclass(frozen=True)
class Made:
    """One file: its trial, and what stands in `EXTRA_COLUMNS`."""

    trial: Trial
    extra: tuple[str, str, str] = ("", "", "")

    def row(self) -> tuple[str, ...]:
        """Its line in the protocol."""
        return (*(str(getattr(self.trial, name)) for name in COLUMNS), *self.extra)


@dataclass(frozen=True)
class Workshop:
    """What all files of a folder share.

    Attributes:
        folder: Where they go.
        seed: Decides everything that is drawn; a folder belongs to one seed.
        texts: Sentences by language.
        max_samples: Longest file.
    """

    folder: Path
    seed: int
    texts: dict[str, list[str]]
    max_samples: int


def names() -> list[str]:
    """Every method and engine for sounds, methods first, then everything for pictures."""
    return [*METHODS, *ENGINES, *PICTURES]


def names_for(trials: Sequence[Trial]) -> list[str]:
    """Those of `names` that suit the first bona fide file there is: methods for pictures if it is a picture."""
    for trial in trials:
        if trial.key == "bona_fide" and trial.file.is_file() and trial.file.stat().st_size:
            with trial.file.open("rb") as reader:
                kind = sniff(reader, trial.file.stat().st_size)
            return list(PICTURES) if kind.group == "picture" else [*METHODS, *ENGINES]
    return [*METHODS, *ENGINES]


def make_folder(
    orders: Sequence[Order],
    trials: Sequence[Trial],
    folder: Path,
    *,
    seed: int,
    jobs: int = 1,
    texts: Path | None = None,
    max_seconds: float = 4.0,
    max_side: int = 1024,
    engines: Sequence[Path] = (),
    skip_missing: bool = False,
) -> list[Made] | list[MadePicture]:
    """Make what `orders` asks for, or find what is there already, and write ``protocol.csv``.

    Args:
        orders: Carried out in this order.
        trials: Bona fide ones are the parents, drawn evenly over sources.
        folder: Created if need be.
        seed: Decides everything that is drawn.
        jobs: Processes; the result does not depend on them.
        texts: Sentences for the engines; our own if None.
        max_seconds: Longest file; of a longer parent the start is used.
        max_side: Longest side of a picture in pixels; larger parents are reduced first.
        engines: Folders with weights of networks for pictures.
        skip_missing: Go on without what is not installed, with a warning.

    Returns:
        One per file asked for. The protocol lists those of earlier runs with other orders, too.

    Raises:
        TrainingError: If a name is unknown, methods for sounds and for pictures are mixed, there are too few parents
            or two of one path, or the folder holds another seed's files or a protocol that is not ours.
        MissingExtra: If something is not installed; names what to install.
    """
    parents = [trial for trial in trials if trial.key == "bona_fide"]
    _check(orders, parents, folder, seed)
    if orders and orders[0].name in PICTURES:
        return make_pictures(
            [(order.name, order.count) for order in orders],
            parents,
            folder,
            _rows(folder / "protocol.csv", (*COLUMNS, *PICTURE_COLUMNS)),
            seed=seed,
            jobs=jobs,
            max_side=max_side,
            engines=engines,
            skip_missing=skip_missing,
        )
    shop = Workshop(folder, seed, read_texts(texts), round(max_seconds * SAMPLE_RATE_HZ))
    rows = _rows(folder / "protocol.csv", (*COLUMNS, *EXTRA_COLUMNS))
    made: list[Made] = []
    for order in orders:
        done = 0
        for part in _portions_made(order, parents, shop, jobs, skip_missing):
            made += part
            rows.update((item.trial.path, item.row()) for item in part)
            write_csv(folder / "protocol.csv", (*COLUMNS, *EXTRA_COLUMNS), rows.values())
            done += len(part)
            log.info("%d of %d by %s", done, order.count, order.name)
    return made


def _check(orders: Sequence[Order], parents: Sequence[Trial], folder: Path, seed: int) -> None:
    unknown = {order.name for order in orders} - set(names())
    if unknown:
        raise TrainingError(f"Unknown methods {sorted(unknown)}; known are {names()}.")
    if len({order.name in PICTURES for order in orders}) > 1:
        raise TrainingError("Methods for sounds and for pictures are mixed. Make them apart, each in its own folder.")
    for order in orders:
        if order.name in {*METHODS, *PICTURE_METHODS} and order.count > len(parents):
            raise TrainingError(f"'{order.name}' is to have {order.count} parents of {len(parents)} bona fide files.")
    twice = [path for path, count in Counter(trial.path for trial in parents).items() if count > 1]
    if twice:
        raise TrainingError(
            f"The protocols name '{twice[0]}' more than once. Paths tell parents apart; rename one folder."
        )
    stamp = folder / "seed.txt"
    if (folder / "protocol.csv").exists() and not stamp.exists():
        raise TrainingError(f"'{folder}' holds a protocol that is none of fakes. Take another folder.")
    if stamp.exists() and stamp.read_text(encoding="utf-8").strip() != str(seed):
        raise TrainingError(f"'{folder}' holds files of another seed than {seed}. Take another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    stamp.write_text(f"{seed}\n", encoding="utf-8")


def _plan(order: Order, parents: Sequence[Trial], shop: Workshop) -> tuple[list[Any], Callable[[Any], list[Made]]]:
    """Portions of work, and what turns one into files."""
    if order.name in METHODS:
        chosen = spread(parents, order.count, f"{shop.seed}/{order.name}")
        return list(_portions(chosen)), partial(_copy, name=order.name, shop=shop)
    languages = languages_of(ENGINES[order.name], shop.texts)
    return list(_portions(range(order.count))), partial(_speak, name=order.name, languages=languages, shop=shop)


def _portions_made(
    order: Order, parents: Sequence[Trial], shop: Workshop, jobs: int, skip_missing: bool
) -> Iterator[list[Made]]:
    try:
        portions, run = _plan(order, parents, shop)
        yield from each(run, portions, jobs=jobs)
    except MissingExtra as error:
        if not skip_missing:
            raise
        log.warning("without %s: %s", order.name, error.message)


def _portions(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + AT_A_TIME] for start in range(0, len(items), AT_A_TIME))


def _load(path: Path, max_samples: int) -> Samples:
    return read_sound(path)[:max_samples]


def _copy(parents: Sequence[Trial], *, name: str, shop: Workshop) -> list[Made]:
    clips = ((trial.path, partial(_load, trial.file, shop.max_samples)) for trial in parents)
    files = make_fakes(clips, METHODS[name], folder=shop.folder / name, seed=shop.seed)
    return [_copied(parent, path, name, shop) for parent, (_, path) in zip(parents, files, strict=True)]


def _copied(parent: Trial, path: Path, name: str, shop: Workshop) -> Made:
    trial = replace(
        parent,
        path=path.relative_to(shop.folder).as_posix(),
        key="spoof",
        generator=METHODS[name].generator,
        parent=parent.path,
        root=shop.folder,
    )
    start_s = end_s = ""
    if name == "partial":
        length = len(_load(parent.file, shop.max_samples))
        start, end = span(length, generator_of(shop.seed, name, parent.path))
        start_s, end_s = f"{start / SAMPLE_RATE_HZ:.3f}", f"{end / SAMPLE_RATE_HZ:.3f}"
    return Made(trial, (parent.root.resolve().name, start_s, end_s))


def _speak(numbers: Sequence[int], *, name: str, languages: tuple[str, ...], shop: Workshop) -> list[Made]:
    engine, made = ENGINES[name], []
    for number in numbers:
        path = shop.folder / name / f"{number:05d}.flac"
        rng = generator_of(shop.seed, name, str(number))
        voice, language = speak_to(path, engine, languages, shop.texts, rng, max_samples=shop.max_samples)
        trial = Trial(
            path=path.relative_to(shop.folder).as_posix(),
            key="spoof",
            partition="train",
            generator=engine.generator,
            speaker=f"{name}:{voice}",
            language=language,
            source=f"tts:{name}",
            licence=engine.licence,
            root=shop.folder,
        )
        made.append(Made(trial))
    return made


def _rows(path: Path, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Lines of an earlier run's protocol by path.

    Raises:
        TrainingError: If they are of sounds where pictures are to be made, or the reverse.
    """
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if ("twin" in (reader.fieldnames or ())) != ("twin" in columns):
            raise TrainingError(f"'{path}' lists spoofs of another kind: sounds or pictures. Take another folder.")
        return {row["path"]: tuple(row.get(name) or "" for name in columns) for row in reader}
