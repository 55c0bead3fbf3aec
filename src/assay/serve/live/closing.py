"""Why a connection is closed: codes of the WebSocket, beside those of RFC 6455 a few of our own from 4400 on.

Ours are an HTTP status and 4000. Each is sent behind an ``error`` message that says more; docs/live.md lists them.
"""

from __future__ import annotations

from enum import IntEnum

from assay.live.messages import Error


class Close(IntEnum):
    """Close codes."""

    DONE = 1000
    GOING_AWAY = 1001
    TOO_BIG = 1009
    FAULT = 1011
    TRY_LATER = 1013
    BAD_REQUEST = 4400
    IDLE = 4408
    UNSUPPORTED = 4415
    TOO_MANY = 4429


class Refused(Exception):
    """Ends a session with an error message and a close code.

    Args:
        close: The code.
        code: Stable name for programs.
        message: What was given, what is accepted, what to do.
    """

    def __init__(self, close: Close, code: str, message: str) -> None:
        super().__init__(message)
        self.told = Error(code=code, message=message, close_code=close)
