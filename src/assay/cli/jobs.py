"""`assay jobs`: the service's jobs, and which of its verdicts would change now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from assay.serve.operation.rescore import Rescored

app = typer.Typer(help="Look at the jobs and past verdicts of the service.", no_args_is_help=True)

LIST_EPILOG = """\b
Examples:
  assay jobs list
  assay jobs list --state failed --format json
"""
RESCORE_EPILOG = """\b
Examples:
  assay jobs rescore
  assay jobs rescore --media audio --max-false-alarm 0.001
  assay jobs rescore --format json

Files that were kept are scanned again; of others the kept score meets the thresholds in force now, if the weight is
still the same. Nothing is changed.
"""
State = Literal["queued", "running", "done", "failed", "cancelled"]
Form = Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="For people or programs.")]


@app.command("list", epilog=LIST_EPILOG)
def list_(
    state: Annotated[State | None, typer.Option(help="Only jobs in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    form: Form = "text",
) -> None:
    """List jobs of everybody, newest first."""
    from assay.cli.extras import service_extra
    from assay.cli.service import service
    from assay.cli.terminal import say_json, table

    with service_extra("Listing jobs"):
        from assay.serve.jobs.store import JobStore
    with service("Listing jobs") as context:
        found = JobStore(context.database, context.settings).page(None, state=state, limit=limit).jobs
    if form == "json":
        say_json([job.model_dump(mode="json") for job in found])
        return
    columns = ("id", "state", "submitted", "verdict", "label")
    table(columns, ((job.id, job.state, job.submitted, job.verdict or "", job.label) for job in found))


@app.command(epilog=RESCORE_EPILOG)
def rescore(
    media: Annotated[Literal["audio", "image", "video"] | None, typer.Option(help="Only this medium.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many files, the newest.")] = None,
    audio_model: Annotated[str | None, typer.Option(help="Detector for sound, not that of the settings.")] = None,
    image_model: Annotated[str | None, typer.Option(help="Detector for pictures.")] = None,
    video_model: Annotated[str | None, typer.Option(help="Detector for videos.")] = None,
    max_false_alarm: Annotated[float | None, typer.Option(help="Accepted rate of bona fide files flagged.")] = None,
    form: Form = "text",
) -> None:
    """List past verdicts that the models and settings in force now would change."""
    from dataclasses import asdict

    from assay.cli.service import service
    from assay.cli.terminal import say_json

    changed = {"audio_model": audio_model, "image_model": image_model, "video_model": video_model}
    with service("Scoring again", **changed, max_false_alarm=max_false_alarm) as context:
        from assay.line import Detector
        from assay.serve.operation.rescore import rescore as rescored

        detector = Detector(settings=context.settings)
        found = rescored(
            context.database,
            context.settings,
            lambda path, label: detector.scan(path, name=label),
            media=media,
            limit=limit,
        )
    if form == "json":
        say_json(asdict(found))
    else:
        _show(found)


def _show(found: Rescored) -> None:
    from assay.cli.terminal import note, table

    if found.changes:
        columns = ("id", "media", "verdict", "would be", "llr", "would be", "how", "label")
        rows = []
        for one in found.changes:
            llrs = tuple("" if llr is None else f"{llr:.2f}" for llr in (one.llr_before, one.llr_after))
            rows.append((str(one.id), one.media, one.before, one.after, *llrs, one.how, one.label))
        table(columns, rows)
    note(
        f"{len(found.changes)} verdicts would change, {found.same} would not; of {len(found.unknown)} nothing can be"
        f" told (file not kept), {len(found.failed)} could not be scanned again."
    )
