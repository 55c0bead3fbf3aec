"""`assay data`: data for training and evaluation. One module per command; a new one is registered below."""

from __future__ import annotations

import typer

from assay.cli.data import augment, check, fakes, fetch, importing, separate, split, stats

app = typer.Typer(
    help="Get, check, part and make data for training and evaluation.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _data() -> None:
    """Get, check, part and make data for training and evaluation."""


app.command(epilog=fetch.EPILOG, short_help="Fetch the files of a catalogue.")(fetch.fetch)
app.command(epilog=fakes.EPILOG, short_help="Make spoofs of recordings and of sentences.")(fakes.fakes)
app.command(epilog=separate.EPILOG, short_help="Take out what evaluation holds too.")(separate.separate)
app.command("import", epilog=importing.EPILOG, short_help="Write the protocol of a corpus.")(importing.import_)
app.command(epilog=check.EPILOG, short_help="Check files, copies, partitions and leaks.")(check.check)
app.command(epilog=split.EPILOG, short_help="Part a protocol by groups.")(split.split)
app.command(epilog=stats.EPILOG, short_help="Count what a protocol holds.")(stats.stats)
app.command(epilog=augment.EPILOG, short_help="Make augmented copies.")(augment.augment)
