"""Reads what a client says: in the address, and in text messages."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from assay.errors import UnsupportedMedia
from assay.live.messages import End, FromClient, Reset, Start
from assay.media.pcm import PcmFormat
from assay.serve.live.closing import Close, Refused

MAX_TEXT = 4096  # characters of a text message
_MESSAGE: TypeAdapter[Start | End | Reset] = TypeAdapter(FromClient)
_FIELDS = set(Start.model_fields) - {"type"}


def start_of_address(query: Mapping[str, str]) -> Start | None:
    """The format, if the address names it; parameters that are not ours are left to others.

    Raises:
        Refused: If it is malformed.
    """
    given = {name: value for name, value in query.items() if name in _FIELDS}
    if not given:
        return None
    try:
        return Start.model_validate(given)
    except ValidationError as error:
        raise _malformed(error, "The address") from error


def read_message(text: str) -> Start | End | Reset:
    """A text message.

    Raises:
        Refused: If it is too long or malformed.
    """
    if len(text) > MAX_TEXT:
        what = (
            f"A text message of {len(text):,} characters; at most {MAX_TEXT:,} are read. Sound goes into binary frames."
        )
        raise Refused(Close.TOO_BIG, "message_too_long", what)
    try:
        return _MESSAGE.validate_json(text)
    except ValidationError as error:
        raise _malformed(error, "The text message") from error


def format_of(start: Start) -> PcmFormat:
    """What the bytes of a stream mean.

    Raises:
        Refused: If they are not heard here.
    """
    try:
        return PcmFormat(start.encoding, start.sample_rate, start.channels, start.channel)
    except UnsupportedMedia as error:
        raise Refused(Close.UNSUPPORTED, error.code, error.message) from error


def _malformed(error: ValidationError, what: str) -> Refused:
    told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}".lstrip(": ") for one in error.errors()[:3])
    example = '{"type": "start", "encoding": "pcm16", "sample_rate": 16000}'
    return Refused(Close.BAD_REQUEST, "bad_message", f"{what} is malformed: {told}. A good one: {example}.")
