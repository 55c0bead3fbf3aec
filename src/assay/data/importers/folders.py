"""Folders that are named after their key.

    root/{real,fake}/files
    root/{train,val,test}/{real,fake}/files        (or root/{real,fake}/{train,val,test}/files)
    root/{real,fake}/<who or what>/files

Any spelling of bona fide, genuine, original, human; fake, spoof, synthetic, generated, manipulated is understood, and
``training_fake`` as both. Below a folder of fakes the first folder is the generator, below one of bona fide files the
speaker; a folder above the key is the source. What lies in no such folder is ignored and counted.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from assay.data.importers.importer import Importer, Listing, files_in, key_of, partition_of, words_of
from assay.data.protocol import Trial


def read(folder: Path) -> Listing:
    """See the module."""
    found = Listing([])
    for path in files_in(folder):
        trial = trial_of(path, folder)
        if trial is None:
            found.ignored.append(path)
        else:
            found.trials.append(trial)
    return found


def trial_of(path: str, root: Path) -> Trial | None:
    """What the folders of a path, relative to `root`, tell; None if they tell no key."""
    key, partition, above, below = None, "", "", ""
    for name in [word for folder in PurePosixPath(path).parent.parts for word in words_of(folder)]:
        told = partition_of(name)
        if told and not partition:
            partition = told
        elif key is None:
            key = key_of(name)
            above = name if key is None and not above else above
        elif not below:
            below = name
    if key is None:
        return None
    spoof = key == "spoof"
    return Trial(
        path=path,
        key=key,
        partition=partition,
        generator=below if spoof else "",
        speaker="" if spoof else below,
        source=above,
        root=root,
    )


IMPORTER = Importer(
    name="folders",
    title="Folders named after their key",
    expects="Folders such as real/ and fake/, alone or below train/, val/ and test/.",
    licence="",
    citation="",
    read=read,
)
