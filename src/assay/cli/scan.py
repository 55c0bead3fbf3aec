"""`assay scan`: recordings in, verdicts out."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from assay.cli import exits
from assay.cli.completion import detector_names
from assay.cli.formats import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.cli.progress import Bar
    from assay.cli.resume import Earlier
    from assay.cli.sinks import Sink
    from assay.line import Detector
    from assay.report.summary import Tally
    from assay.result import Outcome, ScanFailure
    from assay.settings import Settings

FailOn = Literal["spoof", "inconclusive"]
FAIL_ON: dict[FailOn, frozenset[str]] = {
    "spoof": frozenset({"spoof", "mixed"}),
    "inconclusive": frozenset({"spoof", "mixed", "inconclusive"}),
}

EPILOG = f"""\b
Examples:
  assay scan recording.wav
  assay scan interviews --recursive --format csv --output verdicts.csv
  assay scan '*.mp3' --format jsonl --output verdicts.jsonl --resume
  assay scan interviews --recursive --format parquet --output verdicts.parquet
  assay scan recording.wav --max-false-alarm 0.001 --prior 0.05
  assay scan recording.wav --format json | python -m json.tool
  assay scan - --quiet < recording.wav
  assay scan recording.wav --fail-on spoof
  assay scan recording.wav --stability
  assay scan talk.mp4 --deep
  assay scan recording.wav --model runs/aasist-20260101T120000

{exits.TABLE}
"""


def scan(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Files, folders or patterns; - is standard input.", show_default=False),
    ],
    form: Annotated[
        Format, typer.Option("--format", "-f", help="text for people; json, jsonl, csv and parquet for programs.")
    ] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write results to this file.")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Files analysed at the same time.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the network for one file.")] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Search folders with subfolders.")] = False,
    max_false_alarm: Annotated[
        float | None, typer.Option(help="Accepted rate of bona fide files flagged, such as 0.01.")
    ] = None,
    false_alarm_cost: Annotated[
        float | None, typer.Option(help="Cost of a false alarm, a miss costing 1; instead of a rate.")
    ] = None,
    prior: Annotated[float | None, typer.Option(help="Prior probability that a file is synthetic.")] = None,
    channels: Annotated[
        Literal["mix", "each"] | None, typer.Option(help="Score the mean of the channels, or each apart.")
    ] = None,
    stability: Annotated[
        bool | None,
        typer.Option(
            "--stability/--no-stability",
            help="Score again after codecs, telephone, JPEG, smaller size and cut; a verdict that turns round becomes"
            " inconclusive.",
        ),
    ] = None,
    deep: Annotated[
        bool | None,
        typer.Option(
            "--deep/--no-deep",
            help="Look at all of a picture, for error levels and copies, too, and closely at a video; slower.",
        ),
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Frames of a video to look at, per second.")] = None,
    close_s: Annotated[
        float | None, typer.Option(help="Seconds of a video to look at closely, for blinks and lips; 0 for none.")
    ] = None,
    num_frames: Annotated[
        int | None, typer.Option(help="Frames of a video to look at, evenly spread; instead of --fps.")
    ] = None,
    trust_anchors: Annotated[
        Path | None,
        typer.Option(help="PEM file of authorities whose Content Credentials count as trusted."),
    ] = None,
    denoise: Annotated[
        bool | None,
        typer.Option("--denoise/--no-denoise", help="Reduce noise before scoring; needs the extra 'denoise'."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Detector, as `assay models` lists them, or the folder of a training run, for files of its medium.",
            autocompletion=detector_names,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with --output: leave out files that have a result in it.")
    ] = False,
    fail_on: Annotated[
        FailOn | None,
        typer.Option(help="End with 4 if a file is synthetic at least in part (spoof), or not cleared (inconclusive)."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no summary.")] = False,
) -> None:
    """Tell whether recordings, pictures and videos are bona fide or synthetic, where and why.

    A file that cannot be analysed is reported and the others go on. Settings that are not given here come
    from the environment, assay.toml or the defaults; see `assay config`.
    """
    _check(paths, form, output, resume, max_false_alarm, false_alarm_cost)
    if fps is not None and num_frames is not None:
        raise typer.BadParameter("give either --fps or a number of frames.", param_hint="--num-frames")
    from assay.cli.terminal import model_setting, prepare

    settings = prepare(
        **model_setting(model),
        jobs=jobs,
        threads=threads,
        max_false_alarm=max_false_alarm,
        false_alarm_cost=false_alarm_cost,
        prior=prior,
        channels=channels,
        stability=stability,
        deep=deep,
        fps=fps,
        close_s=close_s,
        num_frames=num_frames,
        trust_anchors=trust_anchors,
        denoise=denoise,
    )
    batch = _Batch(paths, form=form, output=output, recursive=recursive, resume=resume, quiet=quiet)
    raise typer.Exit(batch.run(settings, fail_on))


def _check(
    paths: Sequence[str],
    form: Format,
    output: Path | None,
    resume: bool,
    max_false_alarm: float | None,
    false_alarm_cost: float | None,
) -> None:
    """Refuse combinations that cannot be meant."""
    if form == "parquet" and output is None:
        raise typer.BadParameter("parquet is written to a file; name one with --output.", param_hint="--format")
    if resume and form == "parquet":
        raise typer.BadParameter(
            "a Parquet file cannot be continued; resume with --format jsonl or csv.", param_hint="--resume"
        )
    if resume and (output is None or form not in ("jsonl", "csv")):
        raise typer.BadParameter("it needs --output FILE and --format jsonl or csv.", param_hint="--resume")
    if resume and "-" in paths:
        raise typer.BadParameter("standard input cannot be resumed; name files.", param_hint="--resume")
    if max_false_alarm is not None and false_alarm_cost is not None:
        raise typer.BadParameter("give either --max-false-alarm or a cost.", param_hint="--false-alarm-cost")


class _Batch:
    """One run over many inputs."""

    def __init__(
        self,
        paths: Sequence[str],
        *,
        form: Format,
        output: Path | None,
        recursive: bool,
        resume: bool,
        quiet: bool,
    ) -> None:
        self._paths, self._form, self._output = paths, form, output
        self._recursive, self._resume, self._quiet = recursive, resume, quiet

    def run(self, settings: Settings, fail_on: FailOn | None) -> int:
        """Scan, write, and tell the exit code."""
        from assay.line import Detector
        from assay.report.summary import Tally

        detector = Detector(settings=settings)  # before the output is touched: a model may be refused
        earlier = self._earlier()
        tally, started = Tally(), time.monotonic()
        try:
            self._scan(detector, earlier, tally)
        except KeyboardInterrupt:
            self._sum_up(tally, earlier, time.monotonic() - started, stopped=True)
            return exits.INTERRUPTED
        self._sum_up(tally, earlier, time.monotonic() - started)
        summary = tally.summary()
        if fail_on is not None:
            found = {v for v, count in summary.verdicts.items() if count} | set(earlier.verdicts)
            if found & FAIL_ON[fail_on]:
                return exits.FLAGGED
        return exits.INPUT_FAILED if summary.failed else exits.OK

    def _scan(self, detector: Detector, earlier: Earlier, tally: Tally) -> None:
        from assay.cli.progress import count_inputs, progress_bar
        from assay.cli.sinks import open_sink

        total = count_inputs(self._paths)
        several = total != 1 and not self._quiet
        left = None if total is None else total - sum(str(Path(path)) in earlier.done for path in set(self._paths))
        with (
            open_sink(self._form, self._output, append=self._resume) as sink,
            progress_bar(several, left) as bar,
        ):
            for outcome in detector.scan_many(self._paths, recursive=self._recursive, done=earlier.done):
                self._show(outcome, sink, bar)
                tally.add(outcome)
                bar.advance()

    def _show(self, outcome: Outcome, sink: Sink, bar: Bar) -> None:
        """Write an outcome; a failure is told on standard error too, unless the text is read right here."""
        from assay.result import ScanFailure

        on_terminal = self._output is None and sys.stdout.isatty()
        told = isinstance(outcome, ScanFailure) and not (on_terminal and self._form == "text")
        with bar.aside() if on_terminal or told else nullcontext():
            sink.write(outcome)
            if isinstance(outcome, ScanFailure) and told:
                _tell(outcome)

    def _earlier(self) -> Earlier:
        from assay.cli.resume import Earlier, recover

        if not self._resume or self._output is None or self._form not in ("jsonl", "csv"):
            return Earlier()
        return recover(self._output, self._form)

    def _sum_up(self, tally: Tally, earlier: Earlier, wall_s: float, *, stopped: bool = False) -> None:
        """The last words on standard error."""
        from assay.cli.terminal import note
        from assay.report.text import describe_summary

        summary = tally.summary()
        if stopped:
            resumable = self._output is not None and self._form in ("jsonl", "csv")
            note("interrupted; " + ("go on with --resume." if resumable else "what was written is kept."))
        if self._quiet or (summary.inputs < 2 and not earlier.done):
            return
        note(describe_summary(summary, wall_s=wall_s))
        if earlier.done:
            note(f"{len(earlier.done)} files had a result in {self._output} already.")


def _tell(failure: ScanFailure) -> None:
    from assay.cli.terminal import complain

    message = failure.error.message
    # Most messages name the file themselves.
    named = message if not failure.path or failure.path in message else f"{failure.path}: {message}"
    complain(named, failure.error.code)
