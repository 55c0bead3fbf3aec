"""One connection: frames in, messages out.

The engine's threads hand finished texts to the event loop; a task of its own sends them. Reading stops while too much
sound waits to be scored, or too many messages wait to be taken: then the network's own flow control slows the client
down, after it was told.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from assay.errors import AssayError
from assay.evidence import reference_of
from assay.live import Engine, Stream
from assay.live.engine import Ticket
from assay.live.messages import End, Error, GoOn, Heard, Ready, Reset, Result, SlowDown, Start
from assay.live.stream import NOT_APPLIED
from assay.media.pcm import PcmFormat
from assay.policy import operating_point
from assay.result import ScanResult
from assay.serve.access import principal_of
from assay.serve.live.closing import Close, Refused
from assay.serve.live.protocol import format_of, read_message, start_of_address
from assay.serve.live.room import Room
from assay.serve.operation.recording import Recorder

MOST_MESSAGES = 64  # that a client has not taken yet
log = logging.getLogger("assay.serve.live")

LABEL = "live stream"  # in the history
# A text, the close code that follows it, and what has to be written down before it is sent.
Out = tuple[str, int | None, ScanResult | None]


class Session:
    """One connection.

    Args:
        websocket: Not accepted yet.
        room: What it shares with others.
        recorder: Writes results down; None for nobody.
    """

    def __init__(self, websocket: WebSocket, room: Room, recorder: Recorder | None = None) -> None:
        self._websocket, self._room, self._settings = websocket, room, room.settings
        self._recorder = recorder
        self._loop = asyncio.get_running_loop()
        self._out: asyncio.Queue[Out] = asyncio.Queue()
        self._moved = asyncio.Event()
        self._engine: Engine | None = None
        self._ticket: Ticket | None = None

    async def run(self) -> None:
        """Serve the connection to its end; whatever happens ends it with a close code."""
        await self._websocket.accept()
        writer = asyncio.create_task(self._write())
        try:
            await self._guarded(writer)
        finally:
            self._drop()
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer

    async def _guarded(self, writer: asyncio.Task[None]) -> None:
        try:
            await self._serve(writer)
        except WebSocketDisconnect:
            return
        except Refused as refused:
            self._say(refused.told)
        except AssayError as error:  # of the model: nothing that the client sent
            self._say(Error(code=error.code, message=error.message, close_code=Close.FAULT))
        except Exception:  # the outermost place of a stream: its client is told, the others go on
            log.exception("A live session failed")
            self._say(Error(code="unexpected", message="A fault in Assay ended the stream.", close_code=Close.FAULT))
        await writer

    async def _serve(self, writer: asyncio.Task[None]) -> None:
        state, client = self._websocket.state, self._websocket.client
        address = getattr(state, "address", client.host if client else "")  # behind proxies, `access` knows it
        with self._room.entered(address):
            form = await self._format()
            self._engine = await asyncio.to_thread(self._room.engine)
            self._open(self._engine, form)
            log.info("a stream of %s was opened by %s", form, principal_of(self._websocket).id)
            await self._read(self._engine, form)
            await writer  # the result is on its way

    async def _format(self) -> PcmFormat:
        start = start_of_address(self._websocket.query_params)
        if start is None:
            event = await self._receive()
            text = event.get("text")
            message = read_message(text) if text is not None else None
            if not isinstance(message, Start):
                what = 'Say what the sound is first: {"type": "start", "encoding": "pcm16", "sample_rate": 16000}.'
                raise Refused(Close.BAD_REQUEST, "no_start", what)
            start = message
        return format_of(start)

    def _open(self, engine: Engine, form: PcmFormat) -> None:
        """Begin a stream, in place of the one before."""
        self._drop()
        stream = Stream(engine.detector, self._settings, form)
        self._ticket = engine.open(stream, lambda messages: self._deliver(stream, messages))
        card, settings = engine.detector.card, self._settings
        self._say(
            Ready(
                encoding=form.encoding,
                sample_rate=form.sample_rate_hz,
                channels=form.channels,
                channel=form.channel,
                model=reference_of(engine.detector),
                operating_point=operating_point(card, settings),
                buffer_s=settings.serve_live_buffer_s,
                frame_s=settings.serve_live_frame_s,
                idle_s=settings.serve_live_idle_s,
                not_applied=tuple(name for name in NOT_APPLIED if getattr(settings, name)),
            )
        )

    def _drop(self) -> None:
        if self._ticket is not None and self._engine is not None:
            self._engine.drop(self._ticket)
        self._ticket = None

    async def _read(self, engine: Engine, form: PcmFormat) -> None:
        """Take frames until the client says that it was the last."""
        while True:
            assert self._ticket is not None
            await self._have_room(self._ticket.stream)
            event = await self._receive()
            data, text = event.get("bytes"), event.get("text")
            if data is not None:
                self._check_frame(len(data), form)
                self._ticket.stream.feed(data)
                engine.wake()
                continue
            message = read_message(text or "")
            if isinstance(message, End):
                self._ticket.stream.end()
                engine.wake()
                return
            if not isinstance(message, Reset):
                what = "The stream has begun already; a format is named once. Open another connection, or send a reset."
                raise Refused(Close.BAD_REQUEST, "second_start", what)
            self._open(engine, form)

    async def _receive(self) -> dict[str, Any]:
        """The next frame or text.

        Raises:
            WebSocketDisconnect: If the client went away.
            Refused: If nothing came for too long.
        """
        try:
            event = await asyncio.wait_for(self._websocket.receive(), self._settings.serve_live_idle_s)
        except asyncio.TimeoutError as error:
            raise self._idle("Nothing was sent") from error
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        return dict(event)

    def _idle(self, what: str) -> Refused:
        wait = f"{what} for {self._settings.serve_live_idle_s:g} s; the stream is closed. Send silence to keep it open."
        return Refused(Close.IDLE, "idle", wait)

    def _check_frame(self, size: int, form: PcmFormat) -> None:
        longest = self._settings.serve_live_frame_s
        if size > longest * form.second_bytes:
            raise Refused(
                Close.TOO_BIG,
                "frame_too_long",
                f"A frame of {size:,} bytes holds {size / form.second_bytes:.1f} s of sound; at most {longest:g} s are"
                " accepted. Cut it.",
            )

    async def _have_room(self, stream: Stream) -> None:
        """Wait while too much waits to be scored or to be taken.

        Raises:
            Refused: If nothing moves for too long: the client does not take its messages.
        """
        limit = self._settings.serve_live_buffer_s
        if stream.behind_s <= limit and self._out.qsize() <= MOST_MESSAGES:
            return
        self._say(SlowDown(behind_s=round(stream.behind_s, 3)))
        while stream.behind_s > limit / 2 or self._out.qsize() > MOST_MESSAGES // 2:
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), self._settings.serve_live_idle_s)
            except asyncio.TimeoutError as error:
                raise self._idle("Messages were not taken") from error
        self._say(GoOn(behind_s=round(stream.behind_s, 3)))

    def _deliver(self, stream: Stream, messages: list[Heard | Error]) -> None:
        """Called in a thread of the engine: texts are made here, not in the event loop."""
        out: list[Out] = []
        for message in messages:
            result = message.result if isinstance(message, Result) else None
            out.append((message.model_dump_json(), _code_behind(message), result))
            if result is not None and stream.odd_bytes:
                odd = _odd(stream)  # the result stands; that its end was cut is said behind it
                out[-1:] = [(message.model_dump_json(), None, result), (odd.model_dump_json(), odd.close_code, None)]
        with suppress(RuntimeError):  # the loop is closed: the service is going down
            self._loop.call_soon_threadsafe(self._take, stream, out)

    def _take(self, stream: Stream, out: list[Out]) -> None:
        if self._ticket is None or self._ticket.stream is not stream:
            return  # of a stream that was reset
        for one in out:
            self._out.put_nowait(one)
        self._moved.set()

    def _say(self, message: Ready | SlowDown | GoOn | Error) -> None:
        self._out.put_nowait((message.model_dump_json(), _code_behind(message), None))

    async def _write(self) -> None:
        """Send what there is, until a message that closes."""
        with suppress(
            WebSocketDisconnect, RuntimeError, asyncio.TimeoutError
        ):  # the client went away, or takes nothing
            while True:
                text, code, result = await self._out.get()
                if result is not None and self._recorder is not None:
                    text, code = await self._recorded(self._recorder, result, text, code)
                await asyncio.wait_for(self._websocket.send_text(text), self._settings.serve_live_idle_s)
                self._moved.set()
                if code is not None:
                    await self._websocket.close(code)
                    return

    async def _recorded(
        self, recorder: Recorder, result: ScanResult, text: str, code: int | None
    ) -> tuple[str, int | None]:
        """What is sent once a result is written down: itself, or that it could not be."""
        try:
            await recorder.write(self._websocket, result, LABEL)
        except AssayError as error:
            told = Error(code=error.code, message=error.message, close_code=Close.FAULT)
            return told.model_dump_json(), told.close_code
        return text, code


def _code_behind(message: Heard | Ready | SlowDown | GoOn | Error) -> int | None:
    """The code with which the connection is closed behind a message."""
    if isinstance(message, Error):
        return message.close_code
    return Close.DONE if isinstance(message, Result) else None


def _odd(stream: Stream) -> Error:
    form = stream.form
    what = (
        f"The stream ended in the middle of a sample: {stream.odd_bytes} bytes are left, and {form.encoding} of"
        f" {form.channels} channels has {form.frame_bytes}. They were dropped; was the format named right?"
    )
    return Error(code="odd_bytes", message=what, close_code=Close.BAD_REQUEST)
