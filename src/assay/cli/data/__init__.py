"""`assay data`: data for training and evaluation. One module per command; a new one is registered below."""

from __future__ import annotations

import typer

from assay.cli.data import fakes, fetch, separate

app = typer.Typer(help="Fetch and make data for training.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _data() -> None:
    """Fetch and make data for training."""


app.command(epilog=fetch.EPILOG, short_help="Fetch the files of a catalogue.")(fetch.fetch)
app.command(epilog=fakes.EPILOG, short_help="Make spoofs of recordings and of sentences.")(fakes.fakes)
app.command(epilog=separate.EPILOG, short_help="Take out what evaluation holds too.")(separate.separate)
