"""Networks of others and of ours whose weights lie in folders of the user's, and nothing else needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assay.errors import MissingExtra


def find_weights(engines: Sequence[Path], name: str, *files: str) -> list[Path]:
    """Where the files of a network are.

    Args:
        engines: Folders to look in, in this order.
        name: Of the network; its files lie in a folder or in a sub-folder of this name.
        files: Their names; of alternatives, separated by ``|``, the first one there is taken.

    Returns:
        One path for each of `files`, all of one folder.

    Raises:
        MissingExtra: If no folder has all of them.
    """
    for folder in (place for engine in engines for place in (engine, engine / name)):
        found = [next((p for n in file.split("|") if (p := folder / n).is_file()), None) for file in files]
        if all(found):
            return [path for path in found if path is not None]
    wanted = ", ".join(f"'{file.replace('|', chr(39) + ' or ' + chr(39))}'" for file in files)
    places = ", ".join(f"'{folder}'" for folder in engines) or "none was given"
    raise MissingExtra(f"'{name}' needs its weights {wanted} in a folder given by --engines ({places}).", extra=name)
