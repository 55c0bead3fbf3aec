"""Folders of picture spoofs with their protocol, each beside its bona fide twin.

Decisions
- One file is determined by seed, method, parent and, where another picture goes in, the other parents; so a run that is
  broken off goes on where it was, and the number of processes changes nothing.
- Every parent of a spoof gets one twin in ``bona_fide/``: its pixels read and stored as the spoofs made of it are
  (`storing.py`). A spoof differs from its twin by the synthesis alone. ``protocol.csv`` lists the spoofs, ``twins.csv``
  the twins: who reads the parents' protocol, too, should not meet them twice.
- A parent that a method cannot use (no face, too small) is passed over and the next one taken.
- A generator's picture has no parent and no twin; its source is ``generator:NAME``.
- Beside the columns of `assay.data.protocol` stand ``parent_root`` (folder that the parent's path starts from, relative
  to this one), ``twin`` (path of the twin, in this folder), ``mask`` (grey PNG of what is new, 0 to 255; empty if all
  is), ``box`` (left, top, right and bottom of it in pixels) and ``other`` (path, in the parents' protocol, of the
  picture that a face or a region was taken from).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from assay.data import Trial
from assay.data.protocol import COLUMNS, write_csv
from assay.errors import MissingExtra
from assay.training.corpus import spread
from assay.training.fakes.method import generator_of
from assay.training.fakes.pictures.donors import Candidate, fitting, pool_of
from assay.training.fakes.pictures.faces import largest_face
from assay.training.fakes.pictures.generators import GENERATORS, Generator
from assay.training.fakes.pictures.masks import box_of
from assay.training.fakes.pictures.method import Helps, Method, Other, Unfit
from assay.training.fakes.pictures.methods import METHODS
from assay.training.fakes.pictures.storing import Store, read_pixels, store_of, write_mask, write_picture
from assay.training.parallel import each

AT_A_TIME = 10
TWINS = "bona_fide"
EXTRA_COLUMNS = ("parent_root", "twin", "mask", "box", "other")
log = logging.getLogger("assay.training.fakes")


@dataclass(frozen=True)
class Made:
    """One file: its trial, and what stands in `EXTRA_COLUMNS`."""

    trial: Trial
    extra: tuple[str, str, str, str, str]

    def row(self) -> tuple[str, ...]:
        """Its line in the protocol."""
        return (*(str(getattr(self.trial, name)) for name in COLUMNS), *self.extra)


@dataclass(frozen=True)
class Workshop:
    """What all files of a folder share.

    Attributes:
        folder: Where they go.
        seed: Decides everything that is drawn; a folder belongs to one seed.
        max_side: Longest side in pixels; larger pictures are reduced first.
        engines: Folders with weights of networks.
        parents: Bona fide pictures, from which others are drawn.
        pool: Faces of them.
    """

    folder: Path
    seed: int
    max_side: int
    engines: tuple[Path, ...]
    parents: tuple[Trial, ...]
    pool: tuple[Candidate, ...] = ()


def make_pictures(
    orders: Sequence[tuple[str, int]],
    parents: Sequence[Trial],
    folder: Path,
    rows: dict[str, tuple[str, ...]],
    *,
    seed: int,
    jobs: int,
    max_side: int,
    engines: Sequence[Path],
    skip_missing: bool,
) -> list[Made]:
    """Make what is asked for, or find what is there already, and write ``protocol.csv`` as it grows.

    Args:
        orders: Names of methods or generators and how many files by each.
        parents: Bona fide pictures.
        folder: Exists.
        rows: Lines of an earlier run's protocol by path; added to.
        seed: Decides everything that is drawn.
        jobs: Processes; the result does not depend on them.
        max_side: Longest side in pixels.
        engines: Folders with weights of networks.
        skip_missing: Go on without what is not installed, with a warning.

    Returns:
        The spoofs; fewer than asked for, with a warning, where the parents do not suffice.

    Raises:
        MissingExtra: If something is not installed; says what to do.
        MediaError: If a parent is no picture or broken.
    """
    shop = Workshop(folder, seed, max_side, tuple(engines), tuple(parents))
    made: list[Made] = []
    for name, count in orders:
        method = METHODS.get(name) or GENERATORS[name]
        try:
            method.check(*([engines] if isinstance(method, Method) else []))
        except MissingExtra as error:
            if not skip_missing:
                raise
            log.warning("without %s: %s", name, error.message)
            continue
        if isinstance(method, Method) and method.needs == "other face" and not shop.pool:
            pool = pool_of(parents, folder, seed=seed, max_side=max_side, jobs=jobs)
            shop = replace(shop, pool=tuple(pool))
        done = 0
        for spoofs in (
            _by(method, count, shop, jobs) if isinstance(method, Method) else _drawn(method, count, shop, jobs)
        ):
            done += len(spoofs)
            made += spoofs
            rows.update((spoof.trial.path, spoof.row()) for spoof in spoofs)
            write_csv(folder / "protocol.csv", (*COLUMNS, *EXTRA_COLUMNS), rows.values())
            _write_twins(folder / "twins.csv", rows)
            log.info("%d of %d by %s", done, count, name)
        if done < count:
            log.warning("%d of %d by %s: no other parent will do", done, count, name)
    return made


def _by(method: Method, count: int, shop: Workshop, jobs: int) -> Iterator[list[Made]]:
    """Spoofs by a method until there are `count` or no parents are left."""
    left = spread(shop.parents, len(shop.parents), f"{shop.seed}/{method.name}")
    run = partial(_portion, method=method, shop=shop)
    while count > 0 and left:
        some, left = left[:count], left[count:]
        portions = [some[start : start + AT_A_TIME] for start in range(0, len(some), AT_A_TIME)]
        # Processes take longer to start than a few pictures to make.
        for spoofs in each(run, portions, jobs=jobs if len(portions) > 1 else 1):
            count -= len(spoofs)
            yield spoofs


def _drawn(generator: Generator, count: int, shop: Workshop, jobs: int) -> Iterator[list[Made]]:
    """Pictures without parents."""
    portions = [range(start, min(start + AT_A_TIME, count)) for start in range(0, count, AT_A_TIME)]
    yield from each(partial(_draw, generator=generator, shop=shop), portions, jobs=jobs)


def _draw(numbers: Sequence[int], *, generator: Generator, shop: Workshop) -> list[Made]:
    made = []
    for number in numbers:
        name = f"{generator.name}/{number:05d}"
        store = store_of(name, shop.seed)
        path = shop.folder / f"{name}{store.suffix}"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            rng = generator_of(shop.seed, generator.name, str(number))
            write_picture(path, generator.make(rng, shop.max_side), store)
        trial = Trial(
            path=path.relative_to(shop.folder).as_posix(),
            key="spoof",
            partition="train",
            generator=generator.generator,
            source=f"generator:{generator.name}",
            licence=generator.licence,
            root=shop.folder,
        )
        made.append(Made(trial, ("", "", "", "", "")))
    return made


def _portion(parents: Sequence[Trial], *, method: Method, shop: Workshop) -> list[Made]:
    made = (make_one(parent, method, shop) for parent in parents)
    return [spoof for spoof in made if spoof is not None]


def make_one(parent: Trial, method: Method, shop: Workshop) -> Made | None:
    """The spoof that seed, method and parent determine, with its twin, unless both are there; None if it cannot be."""
    store = store_of(parent.path, shop.seed)
    stem = hashlib.sha256(parent.path.encode()).hexdigest()[:20]
    path = shop.folder / method.name / f"{stem}{store.suffix}"
    twin = shop.folder / TWINS / path.name
    beside = path.with_suffix(".json")
    if not (path.exists() and beside.exists() and twin.exists()) and not _make(parent, method, shop, path, twin, store):
        return None
    said = json.loads(beside.read_text(encoding="utf-8"))
    trial = replace(
        parent,
        path=path.relative_to(shop.folder).as_posix(),
        key="spoof",
        generator=method.generator,
        parent=parent.path,
        root=shop.folder,
    )
    extra = (twin.relative_to(shop.folder).as_posix(), said["mask"], said["box"], said["other"])
    root = os.path.relpath(parent.root.resolve(), shop.folder.resolve())
    return Made(trial, (Path(root).as_posix(), *extra))


def _make(parent: Trial, method: Method, shop: Workshop, path: Path, twin: Path, store: Store) -> bool:
    rng = generator_of(shop.seed, method.name, parent.path)
    pixels = read_pixels(parent.file, shop.max_side)
    try:
        helps, other = _helps(parent, method, pixels, shop, rng)
        spoof, mask = method.make(pixels, rng, helps)
    except Unfit as reason:
        log.debug("%s of %s: %s", method.name, parent.path, reason)
        return False
    box = None if mask is None else box_of(mask)
    if np.array_equal(spoof, pixels) or (mask is not None and box is None):
        return False  # a region of one colour, copied within itself
    path.parent.mkdir(parents=True, exist_ok=True)
    twin.parent.mkdir(parents=True, exist_ok=True)
    name = ""
    if mask is not None:
        place = shop.folder / "masks" / method.name / f"{path.stem}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        write_mask(place, mask)
        name = place.relative_to(shop.folder).as_posix()
    if not twin.exists():
        write_picture(twin, pixels, store)
    said = {"mask": name, "box": " ".join(map(str, box or ())), "other": other}
    path.with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")
    write_picture(path, spoof, store)  # last: it stands for all of them
    return True


def _helps(
    parent: Trial, method: Method, pixels: np.ndarray, shop: Workshop, rng: np.random.Generator
) -> tuple[Helps, str]:
    """What the method needs, and the path of the other picture."""
    helps = Helps(engines=shop.engines)
    if method.needs in {"face", "other face"}:
        face = largest_face(pixels)
        if face is None:
            raise Unfit("There is no face of a fit size in it.")
        helps = replace(helps, face=face)
        if method.needs == "other face":
            found = fitting(face, parent, shop.pool, rng, max_side=shop.max_side)
            if found is None:
                raise Unfit("Nobody else looks that way.")
            return replace(helps, other=found[1]), found[0].path
    elif method.needs == "other":
        others = [trial for trial in shop.parents if trial.path != parent.path]
        if not others:
            raise Unfit("There is no other picture.")
        other = others[int(rng.integers(len(others)))]
        return replace(helps, other=Other(read_pixels(other.file, shop.max_side))), other.path
    return helps, ""


def _write_twins(path: Path, rows: dict[str, tuple[str, ...]]) -> None:
    """The protocol of the twins of all spoofs, each once."""
    columns = (*COLUMNS, *EXTRA_COLUMNS)
    twins = {}
    for row in rows.values():
        told = dict(zip(columns, row, strict=True))
        twin = told["twin"]
        if not twin:
            continue  # of a generator
        twins[twin] = tuple({**told, "path": twin, "key": "bona_fide", "generator": ""}[name] for name in COLUMNS)
    write_csv(path, COLUMNS, (twins[name] for name in sorted(twins)))
