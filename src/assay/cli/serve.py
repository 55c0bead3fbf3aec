"""`assay serve`: the same line behind REST."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli import exits
from assay.cli.extras import service_extra

EPILOG = f"""\b
Examples:
  assay serve
  assay serve --host 0.0.0.0 --port 8080 --jobs 8
  curl -F file=@recording.wav http://127.0.0.1:5000/api/predict/audio

Stop it with Ctrl-C or SIGTERM: it finishes what it is scoring, and refuses the rest.

{exits.TABLE}
"""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 for a free one.")] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", help="Files scored at once; 0 for one more than cores.")
    ] = None,
) -> None:
    """Answer over HTTP: programs send files and get results.

    One process serves all cores: its threads share one set of models. Limits, folder and database are
    settings whose names begin with serve_; see `assay config`.
    """
    from assay.cli.terminal import note, prepare_long

    settings = prepare_long(serve_host=host, serve_port=port, serve_jobs=jobs)
    with service_extra("`assay serve`"):
        from assay.serve.running import serve as run
    run(settings, told=lambda address: note(f"Assay listens on {address}"))
