"""From a corpus as it was unpacked to a protocol: one module per corpus; a new one is one file and its line below.

Nothing is decoded or copied; `assay data check` does the former. What a corpus does not tell stays empty.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from assay.data.importers import (
    asvspoof5,
    asvspoof2019,
    asvspoof2021,
    celeb_df,
    dfdc,
    faceforensics,
    fake_or_real,
    folders,
    in_the_wild,
    wavefake,
)
from assay.data.importers.importer import Importer, Listing
from assay.data.protocol import Trial, write_protocol
from assay.data.table import relative_to
from assay.errors import DataError

log = logging.getLogger("assay.data.importers")

_MODULES = (
    folders,
    asvspoof2019,
    asvspoof2021,
    asvspoof5,
    fake_or_real,
    in_the_wild,
    wavefake,
    faceforensics,
    celeb_df,
    dfdc,
)
IMPORTERS: dict[str, Importer] = {module.IMPORTER.name: module.IMPORTER for module in _MODULES}


@dataclass(frozen=True)
class Imported:
    """What became of a corpus.

    Attributes:
        trials: As they stand in the protocol that was written.
        missing: Files that the corpus lists and that are not there.
        ignored: Files that are there and whose key nothing tells.
    """

    trials: tuple[Trial, ...]
    missing: tuple[str, ...]
    ignored: tuple[str, ...]


def import_corpus(name: str, folder: Path, to: Path) -> Imported:
    """Write the protocol of a corpus.

    Args:
        name: Of an importer, see `IMPORTERS`.
        folder: Where the corpus was unpacked.
        to: The protocol, CSV or ``.parquet``; its paths lead from its folder to the files.

    Raises:
        DataError: If there is no such importer or folder, nothing is found, or a list of the corpus is malformed.
        MissingExtra: If it is to be Parquet and pyarrow is not installed.
    """
    importer = IMPORTERS.get(name)
    if importer is None:
        raise DataError(f"There is no importer '{name}'; there are {sorted(IMPORTERS)}.")
    if not folder.is_dir():
        raise DataError(f"'{folder}' is no folder. Give the one that {importer.title} was unpacked to.")
    listing = importer.read(folder)
    if not listing.trials:
        raise DataError(
            f"'{folder}' holds nothing that '{name}' knows ({len(listing.missing)} files are listed and not there,"
            f" {len(listing.ignored)} are there and not known). Expected: {importer.expects}"
        )
    for what, names in (("listed and not there", listing.missing), ("there and of unknown key", listing.ignored)):
        if names:
            log.warning("%d files are %s, such as '%s'", len(names), what, names[0])
    to.parent.mkdir(parents=True, exist_ok=True)
    trials = [_moved(trial, to.parent) for trial in _once(listing.trials)]
    write_protocol(to, trials)
    return Imported(tuple(trials), tuple(listing.missing), tuple(listing.ignored))


def _once(trials: list[Trial]) -> list[Trial]:
    """Each file once; a corpus may hold the same list twice, packed and unpacked."""
    kept: dict[str, Trial] = {}
    for trial in trials:
        other = kept.setdefault(trial.path, trial)
        if other.key != trial.key:
            raise DataError(
                f"The lists of the corpus call '{trial.path}' both bona fide and spoof. Remove the wrong list."
            )
    return list(kept.values())


def _moved(trial: Trial, folder: Path) -> Trial:
    """A trial as a protocol in another folder names it."""
    parent = relative_to(trial.root / trial.parent, folder) if trial.parent else ""
    return replace(trial, path=relative_to(trial.file, folder), parent=parent, root=folder)


__all__ = ["IMPORTERS", "Imported", "Importer", "Listing", "import_corpus"]
