"""`assay data import`: the protocol of a corpus as it was unpacked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """\b
Examples:
  assay data import folders mine --to mine.csv
  assay data import asvspoof2019 LA --to la.csv
  assay data import faceforensics FaceForensics++ --to ff.parquet
  assay data import list
"""


def import_(
    corpus: Annotated[str, typer.Argument(help="Name of a corpus or layout; 'list' shows all.")],
    folder: Annotated[
        Path | None, typer.Argument(help="Folder that it was unpacked to.", exists=True, file_okay=False)
    ] = None,
    to: Annotated[Path, typer.Option("--to", help="Protocol to write, CSV or .parquet.", dir_okay=False)] = Path(
        "protocol.csv"
    ),
) -> None:
    """Write the protocol of a corpus. Nothing is decoded or copied.

    Paths lead from the protocol's folder to the files. What the corpus does not tell stays empty.
    """
    from assay.cli.terminal import note, prepare, say, table
    from assay.errors import SettingsError

    prepare()
    from assay.data.importers import IMPORTERS, import_corpus

    if corpus == "list":
        table(("name", "corpus", "expects"), [(each.name, each.title, each.expects) for each in IMPORTERS.values()])
        return
    if folder is None:
        raise SettingsError("The folder is missing: assay data import CORPUS FOLDER --to protocol.csv")
    made = import_corpus(corpus, folder, to)
    spoof = sum(trial.key == "spoof" for trial in made.trials)
    left = [f"{len(made.missing)} listed and missing"] * bool(made.missing)
    left += [f"{len(made.ignored)} ignored"] * bool(made.ignored)
    note(f"{len(made.trials) - spoof} bona fide, {spoof} spoof" + "".join(f", {count}" for count in left))
    say(str(to))
