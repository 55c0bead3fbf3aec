"""Celeb-DF, versions 1 and 2.

    Celeb-real/id0_0000.mp4   YouTube-real/00000.mp4   Celeb-synthesis/id0_id1_0000.mp4
    List_of_testing_videos.txt: ``1 YouTube-real/00170.mp4``, 1 for real and 0 for synthesis

``id0_id1_0000`` is made of ``id0_0000``, its `parent`, and the face of id1. What the list names is ``eval``, the rest
``train``; persons are in both, as the corpus has it. A folder ``videos`` in between does not matter.

References:
    Li et al.: Celeb-DF: A large-scale challenging dataset for DeepFake forensics, CVPR 2020;
    github.com/yuezunli/celeb-deepfakeforensics.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from assay.data.importers.importer import VIDEOS, Importer, Listing, fields_of, files_in, plain
from assay.data.protocol import Key, Trial
from assay.errors import DataError

LICENCE = "Celeb-DF terms of use"
_FOLDERS: dict[str, Key] = {"celebreal": "bona_fide", "youtubereal": "bona_fide", "celebsynthesis": "spoof"}
_NAME = re.compile(r"^(id\d+)_(?:(id\d+)_)?(\d+)$")


def read(folder: Path) -> Listing:
    """See the module.

    Raises:
        DataError: If the list and a folder tell different keys.
    """
    found = Listing([])
    places = {}
    for path in files_in(folder, VIDEOS):
        place = _place(path)
        if place is None:
            found.ignored.append(path)
        else:
            places[path] = place
    by_place = {place: path for path, place in places.items()}
    listed = _listed(folder, found, set(by_place))
    for path, (kind, stem) in places.items():
        name = _NAME.match(stem)
        persons = [person for person in (name[1], name[2]) if person] if name else [f"youtube-{stem}"]
        spoof = _FOLDERS[kind] == "spoof"
        parent = by_place.get(("celebreal", f"{name[1]}_{name[3]}"), "") if spoof and name else ""
        partition = ("eval" if (kind, stem) in listed else "train") if listed else ""
        found.trials.append(
            Trial(
                path=path,
                key=_FOLDERS[kind],
                partition=partition,
                generator="Celeb-DF" if spoof else "",
                identity=";".join(f"celeb-df-{person}" for person in persons),
                source="Celeb-DF",
                licence=LICENCE,
                parent=parent,
                root=folder,
            )
        )
    return found


def _place(path: str) -> tuple[str, str] | None:
    """Which of the three folders a file lies in, and its name; None if in none."""
    parts = PurePosixPath(path).parts
    kind = next((plain(part) for part in parts[:-1] if plain(part) in _FOLDERS), None)
    return (kind, PurePosixPath(path).stem) if kind else None


def _listed(folder: Path, found: Listing, there: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """What the lists of testing videos name; what is not there goes to `missing`."""
    names = set()
    for path in sorted(folder.rglob("List_of_testing_videos.txt")):
        for number, (label, name, *_) in fields_of(path, 2):
            place = _place(name)
            if place is None or label != {"bona_fide": "1", "spoof": "0"}[_FOLDERS[place[0]]]:
                raise DataError(f"'{path}' line {number}: '{label} {name}' is not '1' for real or '0' for synthesis.")
            names.add(place)
            if place not in there:
                found.missing.append(name)
    return names


IMPORTER = Importer(
    name="celeb-df",
    title="Celeb-DF (v1, v2)",
    expects="Celeb-real, YouTube-real, Celeb-synthesis and List_of_testing_videos.txt.",
    licence=LICENCE,
    citation="Li et al.: Celeb-DF: A large-scale challenging dataset for DeepFake forensics, CVPR 2020.",
    read=read,
)
