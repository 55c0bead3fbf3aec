"""`assay demo`: the page in the browser, with samples to try, and nothing that stays."""

from __future__ import annotations

import tempfile
import threading
import time
import webbrowser
from pathlib import Path
from typing import Annotated
from urllib.request import urlopen

import typer

from assay.cli import exits
from assay.cli.extras import service_extra

EPILOG = f"""\b
Examples:
  assay demo
  assay demo --no-browser

Stop it with Ctrl-C.

{exits.TABLE}
"""
PATIENCE_S = 60.0


def demo(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Show the page, with samples to try.

    It is the service of `assay serve`, on this machine only. History lies in a folder that is removed at the end.
    """
    from assay.cli.terminal import note, prepare

    with tempfile.TemporaryDirectory(prefix="assay-demo-", ignore_cleanup_errors=True) as folder:
        settings = prepare(
            serve_host="127.0.0.1", serve_port=port, serve_require_key=False, serve_folder=Path(folder),
            serve_database="", serve_queue="", speakers_dir=Path(folder) / "speakers",
        )  # fmt: skip
        with service_extra("`assay demo`"):
            from assay.serve.running import serve as run

        def told(address: str) -> None:
            note(f"The page is at {address} (Ctrl-C ends it)")
            if browser:
                threading.Thread(target=_open, args=(address,), daemon=True).start()

        run(settings, told=told)


def _open(address: str) -> None:
    """The page in the browser, once it is there."""
    ended = time.monotonic() + PATIENCE_S
    while time.monotonic() < ended and not _answers(address):
        time.sleep(0.1)
    webbrowser.open(address)


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/livez", timeout=5):
            return True
    except OSError:
        return False
