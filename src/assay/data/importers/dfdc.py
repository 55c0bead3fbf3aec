"""DFDC, the Deepfake Detection Challenge: a ``metadata.json`` in each part, with a row for each video beside it.

    {"aagfhgtpmv.mp4": {"label": "FAKE", "split": "train", "original": "vudstovrck.mp4"}, …}

The original of a fake is its `parent` where it lies in the same folder. Whose faces were swapped, and by which of the
methods, the corpus does not tell.

References:
    Dolhansky et al.: The DeepFake Detection Challenge (DFDC) dataset, arXiv 2006.07397, 2020.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assay.data.importers.importer import VIDEOS, Importer, Listing, files_in, labelled, lists_in, partition_of
from assay.data.protocol import Trial
from assay.errors import DataError

LICENCE = "DFDC terms of use"


def read(folder: Path) -> Listing:
    """See the module.

    Raises:
        DataError: If a ``metadata.json`` is none of this corpus.
    """
    there, found = set(files_in(folder, VIDEOS)), Listing([])
    for path in lists_in(folder, "metadata.json", "DFDC"):
        inside = path.parent.relative_to(folder)
        for name, row in _rows(path).items():
            label, split = str(row.get("label", "")), str(row.get("split", ""))
            key = labelled(label, f"'{path}', '{name}'")
            file, original = (inside / name).as_posix(), (inside / str(row.get("original") or "-")).as_posix()
            if file not in there:
                found.missing.append(file)
                continue
            found.trials.append(
                Trial(
                    path=file,
                    key=key,
                    partition=partition_of(split) or split,
                    generator="DFDC" if key == "spoof" else "",
                    source="DFDC",
                    licence=LICENCE,
                    parent=original if original in there else "",
                    root=folder,
                )
            )
    return found


def _rows(path: Path) -> dict[str, dict[str, Any]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"'{path}' cannot be read: {error}. Unpack the part again.") from error
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        raise DataError(f"'{path}' is no list of videos with their labels. Is it of DFDC?")
    return rows


IMPORTER = Importer(
    name="dfdc",
    title="DFDC",
    expects="Parts such as dfdc_train_part_0, each with its metadata.json.",
    licence=LICENCE,
    citation="Dolhansky et al.: The DeepFake Detection Challenge (DFDC) dataset, arXiv 2006.07397, 2020.",
    read=read,
)
