"""`assay data split`: partitions that share no speaker, identity, source or parent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.errors import SettingsError

EPILOG = """\b
Examples:
  assay data split protocol.csv --to split.csv
  assay data split protocol.csv --to split.csv --shares 0.7,0.3 --seed 1
  assay data split protocol.csv --to split.parquet --by speaker,parent,content
  assay data split protocol.csv --to split.csv --shares 0.6,0.2,0.2 --names train,dev,test
"""


def split(
    protocol: Annotated[Path, typer.Argument(help="CSV or Parquet with path and key.", exists=True, dir_okay=False)],
    to: Annotated[Path, typer.Option("--to", help="Protocol to write, CSV or .parquet.", dir_okay=False)],
    shares: Annotated[str, typer.Option(help="Share of each partition, commas between.")] = "0.8,0.1,0.1",
    names: Annotated[
        str | None, typer.Option(help="Of the partitions; train,dev,eval or, of two, train,eval if left out.")
    ] = None,
    by: Annotated[
        str,
        typer.Option(help="What partitions must not share: speaker, identity, source, parent, content (equal bytes)."),
    ] = "speaker,identity,source,parent",
    seed: Annotated[int, typer.Option(help="Another seed gives another split.")] = 0,
) -> None:
    """Write a protocol again with its partitions set, whole groups in each, keys and generators in proportion.

    What is joined through others is one group, too. A column that says the same of every trial is not used.
    """
    from assay.cli.terminal import note, prepare, say

    prepare()
    from assay.data.split import split_protocol

    made = split_protocol(protocol, to, _shares(shares, names), by=[name.strip() for name in by.split(",")], seed=seed)
    sizes = made.sizes()
    note(f"{made.groups.count} groups: " + ", ".join(f"{sizes[name]} {name}" for name in _shares(shares, names)))
    for line in made.notes:
        note(f"note: {line}")
    say(str(to))


def _shares(given: str, names: str | None) -> dict[str, float]:
    """Partition -> share.

    Raises:
        SettingsError: If the shares are no numbers above 0, or not as many as the names.
    """
    from assay.data.split import NAMES

    try:
        shares = [float(part) for part in given.split(",")]
    except ValueError:
        shares = []
    called = [name.strip() for name in names.split(",")] if names else list(NAMES.get(len(shares), ()))
    if not shares or not all(0 < share <= 1 for share in shares) or len({*called} - {""}) != len(shares):
        raise SettingsError(
            f"--shares is '{given}'" + (f" and --names '{names}'" if names else "") + "; accepted are numbers in (0, 1]"
            " with commas between, such as 0.8,0.1,0.1, and as many different names if they are neither two nor three."
        )
    return dict(zip(called, shares, strict=True))
