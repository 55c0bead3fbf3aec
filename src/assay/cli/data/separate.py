"""`assay data separate`: takes out of training what an evaluation partition holds too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """\b
Examples:
  assay data separate data/protocol.csv --from eval/protocol.csv
  assay data separate a/protocol.csv b/protocol.csv --from eval/protocol.csv --jobs 2
"""


def separate(
    protocols: Annotated[
        list[Path],
        typer.Argument(metavar="PROTOCOL", help="CSV with path, key and partition.", exists=True, dir_okay=False),
    ],
    evaluation: Annotated[
        Path, typer.Option("--from", help="Protocol of what must not be trained on.", exists=True, dir_okay=False)
    ],
    partition: Annotated[str, typer.Option(help="Partition of --from.")] = "eval",
    threshold: Annotated[float, typer.Option(min=0.5, max=1.0, help="Least correlation of a copy.")] = 0.9,
    out_name: Annotated[str, typer.Option(help="Name of what is written beside each protocol.")] = "separate.csv",
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Recordings compared at the same time.")] = None,
) -> None:
    """Write each protocol again, with what repeats a recording of another one set to partition 'overlap'.

    Found are copies of the same sound in any codec, at any level and cut anywhere; overlap.csv lists them.
    """
    from assay.cli.progress import progress_bar
    from assay.cli.terminal import note, prepare, say

    settings = prepare(jobs=jobs)
    from assay.data.separate import separate as run

    with progress_bar(True, None) as bar:
        results = run(
            protocols,
            evaluation,
            settings=settings,
            partition=partition,
            threshold=threshold,
            out_name=out_name,
            progress=bar.at,
        )
    for result in results:
        left = [f"{result.short} too short"] * bool(result.short) + [f"{result.unread} unreadable"] * bool(
            result.unread
        )
        note(f"{result.overlaps} of {result.trials} overlap" + "".join(f", {count}" for count in left))
        say(str(result.protocol))
