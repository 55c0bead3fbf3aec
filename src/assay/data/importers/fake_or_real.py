"""FoR, Fake-or-Real: ``for-norm/{training,validation,testing}/{real,fake}/*.wav``.

Its four versions (original, norm, 2sec, rerec) hold the same recordings, so one at a time is imported. Which of its
seven systems made a fake, and who speaks, the corpus does not tell.

References:
    Reimao & Tzerpos: FoR: A dataset for synthetic speech detection, SpeD 2019.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from assay.data.importers.folders import trial_of
from assay.data.importers.importer import SOUNDS, Importer, Listing, files_in
from assay.errors import DataError

LICENCE = "terms of FoR (York University)"


def read(folder: Path) -> Listing:
    """See the module.

    Raises:
        DataError: If several versions are below the folder.
    """
    paths = list(files_in(folder, SOUNDS))
    versions = sorted({part for path in paths for part in Path(path).parts[:-1] if part.startswith("for-")})
    if len(versions) > 1:
        raise DataError(f"'{folder}' holds {versions}, which are the same recordings. Give the folder of one of them.")
    found = Listing([])
    for path in paths:
        below = Path(path).parts
        start = next((place + 1 for place, part in enumerate(below) if part.startswith("for-")), 0)
        told = trial_of("/".join(below[start:]), folder)
        if told is None:
            found.ignored.append(path)
            continue
        # What stands between key and file is no speaker here.
        found.trials.append(
            replace(told, path=path, language="en", source="FoR", speaker="", generator="", licence=LICENCE)
        )
    return found


IMPORTER = Importer(
    name="for",
    title="FoR (Fake-or-Real)",
    expects="for-norm/{training,validation,testing}/{real,fake}, or another version.",
    licence=LICENCE,
    citation="Reimao & Tzerpos: FoR: A dataset for synthetic speech detection, SpeD 2019.",
    read=read,
)
