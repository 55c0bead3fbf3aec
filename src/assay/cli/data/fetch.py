"""`assay data fetch`: the files of a catalogue, prepared, with their protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.errors import SettingsError

EPILOG = """\b
Examples:
  assay data fetch audio.csv.gz --to data
  assay data fetch audio.csv.gz --to data --partition train --max-per-source 400 --jobs 2
  assay data fetch audio.csv.gz --to data --only-repos OWNER/NAME --only-repos debian:PACKAGE

Run it again to go on where it was interrupted.
"""


def fetch(
    catalogue: Annotated[Path, typer.Argument(help="CSV with repo, path and key; may be packed (.csv.gz).")],
    to: Annotated[Path, typer.Option("--to", help="Folder for files, protocol.csv and report.csv.", file_okay=False)],
    mirror: Annotated[
        Path | None,
        typer.Option(
            help="Folder of bare repositories, OWNER+NAME/repo; nothing is cloned then.", exists=True, file_okay=False
        ),
    ] = None,
    base: Annotated[str, typer.Option(help="Address before /OWNER/NAME of what is cloned.")] = "https://github.com",
    partition: Annotated[str | None, typer.Option(help="Only rows of this partition.")] = None,
    only_repos: Annotated[
        list[str] | None,
        typer.Option(help="Only this repository, or those that a file lists, one per line. May be repeated."),
    ] = None,
    max_per_source: Annotated[int | None, typer.Option(min=1, help="At most so many files per repository.")] = None,
    max_seconds: Annotated[float, typer.Option(min=0.7, help="Sound kept per file, from its start.")] = 12.0,
    seed: Annotated[int, typer.Option(help="Another seed draws other files for --max-per-source.")] = 0,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Files prepared at the same time.")] = None,
) -> None:
    """Fetch the files of a catalogue, prepare them and write protocol.csv and report.csv.

    Sound becomes FLAC: one channel, 16 kHz, without silence at its ends. Other media stay as they are.
    """
    from assay.cli.progress import progress_bar
    from assay.cli.terminal import note, prepare, say

    settings = prepare(jobs=jobs)
    from assay.data.fetch import fetch as run

    with progress_bar(True, None) as bar:
        tally = run(
            catalogue,
            to,
            settings=settings,
            mirror=mirror,
            base=base,
            partition=partition,
            repos=_names(only_repos or ()),
            max_per_source=max_per_source,
            max_seconds=max_seconds,
            seed=seed,
            progress=bar.at,
        )
    note(", ".join(f"{count} {status}" for status, count in tally.counts.items()))
    say(str(tally.protocol))


def _names(given: list[str] | tuple[str, ...]) -> set[str]:
    """Repositories as given, files among them replaced by their lines."""
    names: set[str] = set()
    for entry in given:
        path = Path(entry)
        try:
            names.update(path.read_text(encoding="utf-8").split() if path.is_file() else [entry])
        except UnicodeDecodeError as error:
            raise SettingsError(f"--only-repos: '{path}' is no UTF-8 text. Give a file of OWNER/NAME lines.") from error
    return names
