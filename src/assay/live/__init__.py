"""Live sound: a verdict that rolls along with a stream, second by second.

    bytes ──> stream (samples, speech, windows) ──> engine (one network for many streams) ──> judge ──> messages

`Stream` is one stream and knows no threads but a lock around what comes in; `Engine` scores many at once; `score_now`
scores one where it stands. Messages are pydantic models (`assay.live.messages`), the last of them holds the result
that a scan of the same recording gives. Neither fastapi nor a socket is needed here: `assay.serve.live` and
`assay listen` are doors to it.
"""

from assay.live.engine import Engine
from assay.live.stream import Stream, score_now

__all__ = ["Engine", "Stream", "score_now"]
