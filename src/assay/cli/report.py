"""`assay report`: results or media in, a report in PDF or HTML out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli import exits
from assay.cli.completion import detector_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assay.explain import Explanation
    from assay.report.document import Document
    from assay.result import Outcome, ScanResult
    from assay.settings import Settings

EPILOG = f"""\b
Examples:
  assay report recording.wav --output report.html
  assay report recording.wav --output report.pdf
  assay report recording.wav --explain --stability --output report.pdf
  assay report result.json --output report.html
  assay report results.jsonl --media recording.wav --output report.html

{exits.TABLE}
"""

# Settings that change an answer, and that a result does not hold.
TOLD = ("channels", "deep", "stability", "fps", "close_s", "num_frames", "device", "trust_anchors")


def report(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|RESULT",
            help="Recordings, pictures and videos, which are scanned; or results as `assay scan --format json` or jsonl"
            " wrote them.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Report to write: NAME.pdf or NAME.html.")],
    media: Annotated[
        list[Path] | None,
        typer.Option(
            help="File that a result is of, to draw it; told apart by SHA-256. Can be given again.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    explanation: Annotated[
        Path | None,
        typer.Option(
            help="What `assay explain --format json` wrote, to show where the network reacted; told apart by SHA-256.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain/--no-explain", help="Explain media that are scanned, too; see `assay explain`.")
    ] = False,
    stability: Annotated[
        bool | None, typer.Option("--stability/--no-stability", help="Scan media with this setting; see `assay scan`.")
    ] = None,
    deep: Annotated[
        bool | None, typer.Option("--deep/--no-deep", help="Scan media with this setting; see `assay scan`.")
    ] = None,
    max_false_alarm: Annotated[
        float | None, typer.Option(help="Accepted rate of bona fide files flagged, such as 0.01.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Detector for files of its medium; see `assay scan`.", autocompletion=detector_names),
    ] = None,
) -> None:
    """Write a report that can be read without Assay: verdict, reasons, drawings, traces, model, settings, limits.

    Media are scanned first. Of a result, what it holds is reported, and what is missing is said; with --media it is
    drawn, too. Several inputs follow each other in one file. An input that cannot be analysed gets a page that says
    so. PDF needs the extra 'report'.
    """
    from assay.cli.sinks import opening
    from assay.cli.terminal import model_setting, prepare
    from assay.report.make import form_of, write_report

    form = form_of(output)
    if form == ".pdf":  # before anything is scanned
        from assay.report.fonts import register

        register()
    settings = prepare(**model_setting(model), stability=stability, deep=deep, max_false_alarm=max_false_alarm)
    work = _Work(settings, media or [], _explanations(explanation), explain=explain)
    documents = [document for path in paths for document in work.documents(path)]
    work.finish()
    with opening(output):
        write_report(documents, output)
    raise typer.Exit(exits.INPUT_FAILED if work.failed else exits.OK)


def _explanations(path: Path | None) -> dict[str, Explanation]:
    """By SHA-256 of what they are about."""
    if path is None:
        return {}
    import json

    from assay.errors import ReportError
    from assay.explain import Explanation

    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        records = [record for record in told if "explanation" in record]
        found = {str(record["sha256"]): record["explanation"] for record in records}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ReportError(
            f"'{path}' holds no explanations ({error}). Give what `assay explain --format json` wrote.", path=str(path)
        ) from error
    return {digest: Explanation.from_dict(one) for digest, one in found.items()}


class _Work:
    """Makes documents, input by input.

    Args:
        settings: In force.
        media: Files that results may be of.
        explanations: By SHA-256.
        explain: Whether to explain what is scanned.
    """

    def __init__(
        self, settings: Settings, media: list[Path], explanations: dict[str, Explanation], *, explain: bool
    ) -> None:
        self._settings, self._explanations, self._explain = settings, explanations, explain
        self._media, self._used = {_digest(path, settings): path for path in media}, set[str]()
        self._detector: Any = None
        self.failed = 0

    def documents(self, path: str) -> Iterator[Document]:
        """Of one argument: a medium, or a file of results."""
        from assay.report.reading import holds_results, read_outcomes

        if path != "-" and holds_results(Path(path)):
            for outcome in read_outcomes(Path(path)):
                yield self._document(outcome, self._medium_of(outcome), None)
        else:
            yield from self._scanned(path)

    def _scanned(self, path: str) -> Iterator[Document]:
        from assay.cli.terminal import complain
        from assay.line import Detector
        from assay.result import ScanFailure

        if self._detector is None:
            self._detector = Detector(settings=self._settings)
        told = {name: value for name in TOLD if (value := getattr(self._settings, name)) is not None}
        for outcome in self._detector.scan_many([path]):
            if isinstance(outcome, ScanFailure):
                self.failed += 1
                complain(outcome.error.message, outcome.error.code)
            # Standard input is used up by the scan.
            yield self._document(outcome, None if outcome.path == "-" else outcome.path, told)

    def _document(self, outcome: Outcome, medium: Any, told: Mapping[str, Any] | None) -> Document:
        from assay.report.make import report_on

        return report_on(
            outcome,
            medium=medium,
            explanation=self._explained(outcome, medium if told is not None else None),
            card=self._card(outcome),
            settings=self._settings,
            told=told,
        )

    def _explained(self, outcome: Outcome, scanned: Any) -> Explanation | None:
        """What was given for it, or made of what was scanned just now."""
        digest = getattr(outcome, "sha256", "")
        if digest in self._explanations:
            self._used.add(digest)
            return self._explanations[digest]
        if not self._explain or scanned is None or not digest:
            return None
        from assay.explain.door import Explainer

        found: Explanation = Explainer(self._detector).explain(scanned, result=outcome).explanation  # type: ignore[arg-type]
        return found

    def _card(self, outcome: Outcome) -> Any:
        """Of a network that was trained here, if it is the one that answered."""
        network = self._detector.networks.get(getattr(outcome, "media", "")) if self._detector is not None else None
        reference = getattr(outcome, "model", None)
        if network is None or reference is None or network.card.sha256 != reference.sha256:
            return None
        return network.card

    def _medium_of(self, outcome: Outcome | ScanResult) -> Path | None:
        digest = getattr(outcome, "sha256", None)
        if digest not in self._media:
            return None
        self._used.add(str(digest))
        return self._media[digest]

    def finish(self) -> None:
        """Refuse what was given and fits nothing, before anything is written.

        Raises:
            ReportError: If a medium or an explanation is of none of the inputs.
        """
        from assay.errors import ReportError

        unused = [str(path) for digest, path in self._media.items() if digest not in self._used]
        if unused:
            raise ReportError(f"--media: no result is of {', '.join(unused)}; their SHA-256 differ. Leave them out.")
        strange = [digest[:12] for digest in self._explanations if digest not in self._used]
        if strange:
            raise ReportError(
                f"--explanation: no input has the SHA-256 that begins with {', '.join(strange)}. Leave out what is of"
                " other files."
            )


def _digest(path: Path, settings: Settings) -> str:
    from assay.media.source import open_bytes

    return open_bytes(path, settings)[1].sha256
