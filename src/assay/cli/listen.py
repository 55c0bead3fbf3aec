"""`assay listen`: sound comes in, a line a second goes out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from assay.cli import exits
from assay.cli.completion import detector_names
from assay.cli.scan import FAIL_ON, FailOn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from assay.live.messages import Alarm, Heard, Result, Update
    from assay.media.pcm import PcmFormat, Pick
    from assay.settings import Settings

MICROPHONE = "mic"
READ_BYTES = 2**16

EPILOG = f"""\b
Examples:
  assay listen
  arecord -q -f S16_LE -r 16000 -t wav | assay listen -
  ffmpeg -v error -i https://radio.example/live -f s16le -ar 16000 -ac 1 - | assay listen - --rate 16000
  assay listen - --encoding mulaw --rate 8000 --format jsonl < call.ulaw
  assay listen - --duration 60 --fail-on spoof < recording.wav

The microphone needs the extra 'microphone'; Ctrl-C ends the stream, and the result is shown.

{exits.TABLE}
"""


def listen(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="mic for the microphone, - for a pipe: raw sound, or WAV.")
    ] = MICROPHONE,
    encoding: Annotated[
        Literal["pcm16", "mulaw", "alaw"], typer.Option(help="Of raw sound; the head of a WAV stream says it itself.")
    ] = "pcm16",
    rate: Annotated[
        int | None, typer.Option(help="Sample rate in hertz, 8000 to 48000: of raw sound, or for the microphone.")
    ] = None,
    channels: Annotated[int, typer.Option(help="Channels of raw sound, interleaved, or of the microphone.")] = 1,
    channel: Annotated[
        Literal["mean", "first"], typer.Option(help="Hear the mean of the channels, or the first one.")
    ] = "mean",
    device: Annotated[str | None, typer.Option(help="Name or number of the microphone.")] = None,
    duration: Annotated[float | None, typer.Option(help="Stop after so many seconds of sound.")] = None,
    form: Annotated[
        Literal["text", "jsonl"], typer.Option("--format", "-f", help="text for people, jsonl for programs.")
    ] = "text",
    max_false_alarm: Annotated[
        float | None, typer.Option(help="Accepted rate of bona fide streams flagged, such as 0.01.")
    ] = None,
    prior: Annotated[float | None, typer.Option(help="Prior probability that a stream is synthetic.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Detector; `assay models` lists them.", autocompletion=detector_names)
    ] = None,
    fail_on: Annotated[
        FailOn | None,
        typer.Option(help="End with 4 if the stream is synthetic at least in part (spoof), or not cleared."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the result, no line a second.")] = False,
) -> None:
    """Judge sound while it comes: each second a score of the last ten and of all so far; the result at the end.

    The result is that of `assay scan` for a recording of the same sound. An alarm is raised at most once; no more than
    the accepted share of bona fide streams ever raises one, however long they run.
    """
    if duration is not None and duration <= 0:
        raise typer.BadParameter("give seconds, more than 0.", param_hint="--duration")
    from assay.cli.microphone import microphone
    from assay.cli.terminal import prepare
    from assay.media.pcm import PcmFormat

    settings = prepare(max_false_alarm=max_false_alarm, prior=prior, audio_model=model)
    if source == MICROPHONE:
        pcm = PcmFormat("pcm16", rate or 16_000, channels, channel)
        pieces: Iterable[bytes] = microphone(pcm, device)
    elif source == "-":
        pcm, pieces = _pipe(rate, lambda hertz: PcmFormat(encoding, hertz, channels, channel), channel)
    else:
        raise typer.BadParameter(f"'{source}' is neither mic nor -; for files there is `assay scan`.")
    raise typer.Exit(_Listener(source, pcm, settings, form, quiet).run(_first(pieces, pcm, duration), fail_on))


def _pipe(rate: int | None, raw: Callable[[int], PcmFormat], channel: Pick) -> tuple[PcmFormat, Iterator[bytes]]:
    """What standard input holds, and its sound."""
    from assay.errors import EmptyMedia
    from assay.media.wav_head import is_wav, read_head

    pipe = sys.stdin.buffer
    head = pipe.read(12)
    if not head:
        raise EmptyMedia("Standard input is empty. Pipe sound into it.")
    if is_wav(head):
        return read_head(pipe, channel=channel), _read(pipe, b"")
    if rate is None:
        raise typer.BadParameter(
            "standard input holds no WAV. Raw sound needs its sample rate; anything else goes through"
            " ffmpeg -i … -f s16le -ar 16000 -ac 1 - first.",
            param_hint="--rate",
        )
    return raw(rate), _read(pipe, head)


def _read(pipe: BinaryIO, head: bytes) -> Iterator[bytes]:
    """What comes, as soon as it comes."""
    if head:
        yield head
    read = getattr(pipe, "read1", pipe.read)
    while data := read(READ_BYTES):
        yield data


def _first(pieces: Iterable[bytes], pcm: PcmFormat, duration_s: float | None) -> Iterator[bytes]:
    """The pieces of the first so many seconds; all for None."""
    left = None if duration_s is None else round(duration_s * pcm.sample_rate_hz) * pcm.frame_bytes
    for piece in pieces:
        yield piece if left is None else piece[:left]
        if left is not None:
            left -= len(piece)
            if left <= 0:
                return


class _Listener:
    """One stream, on its way to the terminal."""

    def __init__(self, name: str, pcm: PcmFormat, settings: Settings, form: str, quiet: bool) -> None:
        from assay.audio.detector import AudioDetector
        from assay.live import Stream

        self._detector = AudioDetector(settings.audio_model, threads=settings.threads, device=settings.device)
        self._stream = Stream(self._detector, settings, pcm, name=name)
        self._form, self._quiet = form, quiet
        self._rolling = form == "text" and sys.stdout.isatty()
        self._alarm: Alarm | None = None
        self._result: Result | None = None

    def run(self, pieces: Iterable[bytes], fail_on: FailOn | None) -> int:
        """Listen to the end, and tell the exit code."""
        interrupted = False
        try:
            for piece in pieces:
                self._stream.feed(piece)
                self._score()
        except KeyboardInterrupt:
            interrupted = True
        self._stream.end()
        self._score()
        if interrupted:
            return exits.INTERRUPTED
        return exits.FLAGGED if fail_on is not None and self._flagged(fail_on) else exits.OK

    def _flagged(self, fail_on: FailOn) -> bool:
        assert self._result is not None
        return self._result.result.verdict in FAIL_ON[fail_on] or self._result.alarm is not None

    def _score(self) -> None:
        from assay.live import score_now

        for message in score_now(self._stream, self._detector.logits):
            self._show(message)

    def _show(self, message: Heard) -> None:
        from assay.cli.terminal import say
        from assay.report.text import describe

        if message.type == "result":
            self._result = message
        if self._form == "jsonl":
            if not self._quiet or message.type == "result":
                say(message.model_dump_json())
            return
        if message.alarm is not None and self._alarm is None and not self._quiet:
            self._line(f"Alarm at {_clock(message.alarm.since_s)}: {message.alarm.text}", stay=True)
        self._alarm = message.alarm
        if message.type == "result":
            self._line(describe(message.result), stay=True)
        elif not self._quiet:
            self._line(_told(message), stay=not self._rolling)

    def _line(self, text: str, *, stay: bool) -> None:
        """A line; on a terminal in place of the one before, unless that was to stay."""
        from assay.cli.terminal import write

        if self._rolling:
            import shutil

            text = f"\r\x1b[K{text}" if stay else f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}"
        write(sys.stdout, text + ("\n" if stay else ""))


def _told(update: Update) -> str:
    """A second in a line."""
    from assay.result import PLAIN_VERDICTS

    now = f"{update.recent.spoof_probability:.2f}" if update.recent else " -- "
    head = f"{_clock(update.time_s):>7}  speech {_clock(update.speech_s):>7}  last 10 s {now}"
    if update.state == "waiting" or update.overall is None:
        return f"{head}  {update.reasons[0].text}"
    return f"{head}  all {update.overall.spoof_probability:.2f}  {PLAIN_VERDICTS[update.verdict]}"


def _clock(seconds: float) -> str:
    from assay.report.text import clock

    return clock(seconds)
