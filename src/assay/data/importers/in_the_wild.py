"""In-the-Wild: ``meta.csv`` with the columns ``file,speaker,label`` (``bona-fide`` or ``spoof``), the files beside it.

References:
    Müller et al.: Does audio deepfake detection generalize?, Interspeech 2022.
"""

from __future__ import annotations

from pathlib import Path

from assay.data.importers.importer import SOUNDS, Importer, Listing, files_in, labelled, lists_in
from assay.data.protocol import Trial
from assay.data.table import read_table
from assay.errors import DataError

LICENCE = "terms of In-the-Wild (deepfake-total.com)"


def read(folder: Path) -> Listing:
    """See the module.

    Raises:
        DataError: If ``meta.csv`` lacks a column or has a key that is none.
    """
    path = lists_in(folder, "meta.csv", "In-the-Wild")[0]
    table = read_table(path)
    lacking = {"file", "speaker", "label"} - set(table.columns)
    if lacking:
        raise DataError(f"'{path}' has no column {sorted(lacking)}; its columns are {table.columns}.")
    there, found = set(files_in(folder, SOUNDS)), Listing([])
    inside = path.parent.relative_to(folder)
    columns = zip(table.lines, *(table.cells(name) for name in ("file", "speaker", "label")), strict=True)
    for line, name, speaker, label in columns:
        key = labelled(label, f"'{path}' line {line}")
        file = (inside / name).as_posix()
        if file not in there:
            found.missing.append(name)
            continue
        found.trials.append(
            Trial(
                path=file,
                key=key,
                speaker=speaker,
                language="en",
                source="In-the-Wild",
                licence=LICENCE,
                root=folder,
            )
        )
    return found


IMPORTER = Importer(
    name="in-the-wild",
    title="In-the-Wild",
    expects="release_in_the_wild: meta.csv and the recordings it lists.",
    licence=LICENCE,
    citation="Müller et al.: Does audio deepfake detection generalize?, Interspeech 2022.",
    read=read,
)
