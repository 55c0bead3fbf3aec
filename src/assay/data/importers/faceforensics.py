"""FaceForensics++, with the videos of actors of the Deep Fake Detection Dataset.

    original_sequences/{youtube,actors}/{raw,c23,c40}/videos/000.mp4 | 01__exit_phone_room.mp4
    manipulated_sequences/<method>/{raw,c23,c40}/videos/000_003.mp4 | 01_02__exit_phone_room__YVGY8LOK.mp4
    {train,val,test}.json, anywhere: lists of pairs of video numbers, ``[["071", "054"], …]``

``000_003`` is video 000 with what belongs to 003, so both are its `identity` and video 000 of the same compression its
`parent`. A pair of the lists lies in one partition, so nobody is in two. Frames in folders of a video's name instead of
``videos`` work too; masks are left out. For the actors there is no official partition.

References:
    Rössler et al.: FaceForensics++: Learning to detect manipulated facial images, ICCV 2019;
    github.com/ondyari/FaceForensics, dataset/README.md and dataset/splits.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from assay.data.importers.importer import PICTURES, VIDEOS, Importer, Listing, files_in
from assay.data.protocol import Trial
from assay.errors import DataError

LICENCE = "FaceForensics terms of use"
_SPLITS = {"train": "train", "val": "dev", "test": "eval"}
_PATH = re.compile(
    r"(?P<start>.*/)?(?P<kind>original|manipulated)_sequences/(?P<set>[^/]+)/(?P<compression>[^/]+)/(?P<what>[^/]+)/(?P<name>[^/.]+)"
)
_YOUTUBE = re.compile(r"^(\d{3})(?:_(\d{3}))?$")
_ACTORS = re.compile(r"^(\d{2})(?:_(\d{2}))?__(.+?)(?:__[A-Z0-9]+)?$")


def read(folder: Path) -> Listing:
    """See the module."""
    partitions, found = _partitions(folder), Listing([])
    paths = list(files_in(folder, PICTURES | VIDEOS))
    there = set(paths)
    for path in paths:
        told = _PATH.match(path)
        if told is None or told["what"] == "masks":
            found.ignored.append(path)
            continue
        spoof, name = told["kind"] == "manipulated", told["name"]
        youtube, actors = _YOUTUBE.match(name), _ACTORS.match(name)
        if youtube is None and actors is None:
            found.ignored.append(path)
            continue
        persons, original = _persons(youtube, actors)
        rest = path[told.end() :]  # the ending, or the frame in its folder
        where = f"original_sequences/{'youtube' if youtube else 'actors'}/{told['compression']}/{told['what']}"
        parent = f"{told['start'] or ''}{where}/{original}{rest}"
        found.trials.append(
            Trial(
                path=path,
                key="spoof" if spoof else "bona_fide",
                partition=partitions.get(name.partition("_")[0], "") if youtube else "",
                generator=f"FaceForensics++/{told['set']}" if spoof else "",
                identity=persons,
                source="FaceForensics++",
                licence=LICENCE,
                parent=parent if spoof and parent in there else "",
                root=folder,
            )
        )
    return found


def _persons(youtube: re.Match[str] | None, actors: re.Match[str] | None) -> tuple[str, str]:
    """Who is seen, and the name of the original video."""
    told = youtube or actors
    assert told is not None
    prefix = "ff" if youtube else "actor"
    persons = ";".join(f"{prefix}-{number}" for number in (told[1], told[2]) if number)
    return persons, told[1] if youtube else f"{told[1]}__{told[3]}"


def _partitions(folder: Path) -> dict[str, str]:
    """Partition of each video number, from the lists that are there."""
    found: dict[str, str] = {}
    for name, partition in _SPLITS.items():
        for path in sorted(folder.rglob(f"{name}.json")):
            found.update(dict.fromkeys(_numbers(path), partition))
    return found


def _numbers(path: Path) -> list[str]:
    """Every number of a list of pairs."""
    try:
        pairs = json.loads(path.read_text(encoding="utf-8"))
        return [str(number) for pair in pairs for number in pair]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"'{path}' is no list of pairs of videos: {error}. Fetch dataset/splits again.") from error


IMPORTER = Importer(
    name="faceforensics",
    title="FaceForensics++",
    expects="original_sequences/ and manipulated_sequences/, and train.json, val.json, test.json for the partitions.",
    licence=LICENCE,
    citation="Rössler et al.: FaceForensics++: Learning to detect manipulated facial images, ICCV 2019.",
    read=read,
)
