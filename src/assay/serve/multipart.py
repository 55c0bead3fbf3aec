"""Reads a request of files and fields (multipart/form-data, RFC 7578) piece by piece.

Small files stay in memory, which spares them the way over the disk; larger ones go there while they arrive.

Every limit is held while reading: bytes of the request and of a file, number of files and fields, length of the
headers of a part, and time. A name that a client sends is a label for people and nothing else: no path is made of it.
Splitting at the boundaries is python-multipart's.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from assay.errors import BadRequest, LimitExceeded, Unavailable, UnsupportedMedia, UploadTooSlow
from assay.serve.cutting import Cut
from assay.serve.uploads import UploadFolder, remove

if TYPE_CHECKING:
    from starlette.requests import Request

    from assay.settings import Settings

FIELD_BYTES = 4_096
HEADER_BYTES = 4_096  # of all headers of a part
HELD_BYTES = 2**20  # written at once; what is smaller never waits for a thread
LABEL_LENGTH = 200
LINGER_S, LINGER_BYTES = 2.0, 2**24  # how long, and how much, a refused client may go on sending
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # control, format (text direction), surrogates, line ends

Receive = Callable[[], Awaitable[Any]]


class ClientGone(Exception):
    """The client hung up; nobody is left to tell."""


@dataclass(frozen=True)
class Upload:
    """A file that arrived.

    Attributes:
        source: Its bytes, or where it lies; the file is removed when its form is left.
        name: What the client calls it, cleaned: a label.
        size: In bytes.
    """

    source: bytes | Path
    name: str
    size: int


@dataclass(frozen=True)
class Form:
    """What a request sent: files in their order, and fields by name."""

    files: tuple[Upload, ...]
    fields: dict[str, str]


@dataclass(frozen=True)
class FormRules:
    """What a request may send.

    Attributes:
        file_field: Name of the parts that are files.
        fields: Names of the others; each may come once.
        max_files: Most files.
        file_bytes, request_bytes: Largest file, largest request.
        memory_bytes: Files held in memory, together; 0 for none, so that every `Upload.source` is a path.
        wait_s: Longest pause, and the time that every request has.
        bytes_per_s: Slowest rate beyond that time.
    """

    file_field: str
    fields: Collection[str]
    max_files: int
    file_bytes: int
    request_bytes: int
    memory_bytes: int
    wait_s: float
    bytes_per_s: int

    @classmethod
    def of(
        cls, settings: Settings, *, fields: Collection[str] = (), file_field: str = "file", max_files: int = 1
    ) -> FormRules:
        """With the limits that the settings say."""
        return cls(
            file_field=file_field,
            fields=fields,
            max_files=max_files,
            file_bytes=min(settings.serve_max_upload_bytes, settings.max_file_bytes),
            request_bytes=settings.serve_max_request_bytes,
            memory_bytes=settings.serve_memory_bytes,
            wait_s=settings.serve_upload_wait_s,
            bytes_per_s=settings.serve_upload_bytes_per_s,
        )


@asynccontextmanager
async def received(request: Request, rules: FormRules, folder: UploadFolder) -> AsyncIterator[Form]:
    """Receive the form of a request; its files are there within the block and removed after it, however it ends.

    Raises:
        BadRequest: If it is broken, or sends what nobody asked for.
        UnsupportedMedia: If it is no form.
        LimitExceeded: If it is over a limit.
        UploadTooSlow: If it does not arrive in time.
        ClientGone: If the client hangs up.
    """
    reader: _Reader | None = None
    try:
        try:
            boundary = _boundary(request)
            _check_announced(request, rules)
            reader = _Reader(boundary, rules, folder)
            await _read(request.receive, reader, rules)
            form = reader.form()
        except (BadRequest, LimitExceeded, UnsupportedMedia):
            waits = "expect" in request.headers  # for "100 Continue", and has sent nothing
            if not waits and not (reader and reader.arrived):
                await _linger(request.receive)
            raise
        except OSError as error:
            raise Unavailable(f"The file cannot be kept while it is scored: {error.strerror}.") from error
        yield form
    finally:
        if reader is not None:
            reader.discard()


def label(name: str) -> str:
    """A client's name of a file, for people: without folders and without what cannot be seen."""
    seen = "".join(sign for sign in name if unicodedata.category(sign) not in _UNSEEN)
    last = re.split(r"[/\\]", seen)[-1].strip()
    if len(last) > LABEL_LENGTH:
        last = last[: LABEL_LENGTH // 2 - 1] + "…" + last[-LABEL_LENGTH // 2 :]
    return last if last.strip(".") else "upload"


def _boundary(request: Request) -> bytes:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("The request is compressed (Content-Encoding). Send the form as it is.")
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:  # RFC 2046, 5.1.1
        given = kind.decode("latin-1")[:100] or "nothing"
        raise UnsupportedMedia(
            f"Content-Type is {given!r}, and files come as 'multipart/form-data; boundary=…'. With curl: -F file=@FILE",
            given=given,
        )
    return boundary


def _check_announced(request: Request, rules: FormRules) -> None:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > rules.request_bytes:
        raise _too_large("request", int(announced), rules.request_bytes, "serve_max_request_bytes")


def _too_large(what: str, value: int, allowed: int, setting: str) -> LimitExceeded:
    return LimitExceeded(
        f"The {what} has {value:,} bytes or more, and this service accepts {allowed:,}. Send less at a time, or have"
        f" the setting {setting} raised.",
        limit=setting,
        setting=f"ASSAY_{setting.upper()}",
        value=value,
        allowed=allowed,
    )


async def _read(receive: Receive, reader: _Reader, rules: FormRules) -> None:
    clock = asyncio.get_running_loop().time
    started, total = clock(), 0
    with Cut() as cut:
        more = True
        while more:
            now = clock()
            cut.by(min(now, started + total / rules.bytes_per_s) + rules.wait_s)
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece, more = message.get("body", b""), message.get("more_body", False)
            total += len(piece)
            if total > rules.request_bytes:
                raise _too_large("request", total, rules.request_bytes, "serve_max_request_bytes")
            reader.arrived = not more
            await reader.push(piece)
    if cut.done:
        raise UploadTooSlow(
            f"After {clock() - started:.0f} s {total:,} bytes have arrived. Each request has {rules.wait_s:g} s and"
            f" a second more for every {rules.bytes_per_s:,} bytes.",
            received_bytes=total,
        )


async def _linger(receive: Receive) -> None:
    """Let a refused client finish sending, within reason: many read no answer before, and see a broken connection."""
    with Cut() as cut:
        cut.by(asyncio.get_running_loop().time() + LINGER_S)
        await _drain(receive)


async def _drain(receive: Receive) -> None:
    drained = 0
    while drained < LINGER_BYTES:
        message = await receive()
        drained += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


@dataclass
class _Part:
    """The part that is being read."""

    headers: dict[str, bytearray] = field(default_factory=dict)
    header_bytes: int = 0
    header: str = ""
    name: str = ""
    is_file: bool = False
    label: str = ""
    value: bytearray = field(default_factory=bytearray)


class _Reader:
    """Takes the pieces of a request apart; see `received`."""

    def __init__(self, boundary: bytes, rules: FormRules, folder: UploadFolder) -> None:
        self._rules, self._folder = rules, folder
        self._part = _Part()
        self._files: list[Upload] = []
        self._fields: dict[str, str] = {}
        self._paths: list[Path] = []
        self._file: IO[bytes] | None = None
        self._held: list[bytes] = []  # joined once: a buffer that grows would leave holes in the heap
        self._held_bytes = self._size = self._in_memory = 0
        self._ended = False
        self.arrived = False  # all of the request, whatever it holds
        parts = ("part_begin", "headers_finished", "part_data", "part_end", "end")
        names = (*parts, "header_begin", "header_field", "header_value")
        callbacks: Any = {f"on_{name}": getattr(self, f"_{name}") for name in names}
        self._parser = MultipartParser(boundary, callbacks)

    async def push(self, piece: bytes) -> None:
        """Take the next piece of the request."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise BadRequest(f"The form is broken: {error}. Send multipart/form-data as RFC 7578 says.") from error
        if self._held_bytes >= max(HELD_BYTES, self._rules.memory_bytes - self._in_memory):
            await asyncio.to_thread(self._open().write, self._take())

    def form(self) -> Form:
        """What has arrived.

        Raises:
            BadRequest: If it is not complete, or there is no file.
        """
        if not self._ended:
            raise BadRequest("The form ends before its closing boundary. Send all of it.")
        if not self._files:
            name = self._rules.file_field
            raise BadRequest(f"The form holds no file. Send one in the field '{name}'; with curl: -F {name}=@FILE")
        return Form(tuple(self._files), self._fields)

    def discard(self) -> None:
        """Close and remove every file, and let go of what is in memory."""
        # The parser holds methods of this object: a cycle, whose files would wait for the collector.
        self._parser.callbacks = {}
        self._files, self._held = [], []
        if self._file is not None:
            self._file.close()
            self._file = None
        for path in self._paths:
            remove(path)

    def _part_begin(self) -> None:
        self._part = _Part()

    def _header_begin(self) -> None:
        self._part.header = ""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._part.header += data[start:end].decode("latin-1").lower()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._part.headers.setdefault(self._part.header, bytearray()).extend(data[start:end])

    def _count_header(self, length: int) -> None:
        self._part.header_bytes += length
        if self._part.header_bytes > HEADER_BYTES:
            raise BadRequest(f"The headers of a part of the form are longer than {HEADER_BYTES:,} bytes.")

    def _headers_finished(self) -> None:
        part, rules = self._part, self._rules
        kind, options = parse_options_header(bytes(part.headers.get("content-disposition", b"")))
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        if kind != b"form-data" or not part.name:
            raise BadRequest("A part of the form has no 'Content-Disposition: form-data; name=…'.")
        if part.name == rules.file_field:
            if len(self._files) >= rules.max_files:
                raise LimitExceeded(
                    f"The form holds more than {rules.max_files} file(s) in '{part.name}'. Send fewer at a time.",
                    limit="files" if rules.max_files == 1 else "serve_max_files",
                    value=len(self._files) + 1,
                    allowed=rules.max_files,
                )
            part.is_file, part.label = True, label(options.get(b"filename", b"").decode("utf-8", "replace"))
            self._size = 0
        elif part.name not in rules.fields:
            known = ", ".join(f"'{name}'" for name in (rules.file_field, *rules.fields))
            raise BadRequest(f"The form has a field {part.name[:100]!r}; known are {known}.", field=part.name[:100])
        elif part.name in self._fields:
            raise BadRequest(f"The field '{part.name}' comes twice. Send it once.", field=part.name)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        part, size = self._part, end - start
        if not part.is_file:
            if len(part.value) + size > FIELD_BYTES:
                raise BadRequest(f"The field '{part.name}' is longer than {FIELD_BYTES:,} bytes.", field=part.name)
            part.value += data[start:end]
            return
        self._size += size
        if self._size > self._rules.file_bytes:
            raise _too_large("file", self._size, self._rules.file_bytes, "serve_max_upload_bytes")
        self._held.append(data[start:end])
        self._held_bytes += size

    def _part_end(self) -> None:
        part = self._part
        if not part.is_file:
            self._fields[part.name] = part.value.decode("utf-8", "replace")
            return
        if self._file is None and self._in_memory + self._size <= self._rules.memory_bytes:
            self._in_memory += self._size
            source: bytes | Path = self._take()
        else:
            self._open().write(self._take())  # less than HELD_BYTES and a piece, or what memory_bytes allows
            self._open().close()
            source, self._file = self._paths[-1], None
        self._files.append(Upload(source, part.label, self._size))

    def _take(self) -> bytes:
        """What has come of this part since the last call."""
        held = b"".join(self._held)
        self._held, self._held_bytes = [], 0
        return held

    def _open(self) -> IO[bytes]:
        """The file of this part."""
        if self._file is None:
            path, self._file = self._folder.create()
            self._paths.append(path)
        return self._file

    def _end(self) -> None:
        self._ended = True
