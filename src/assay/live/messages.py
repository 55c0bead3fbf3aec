"""What is said about a stream while it runs, and what a client may say; docs/live.md explains each field.

Times are seconds of sound from the start of the stream. Scores rise for spoof.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.media.pcm import Encoding, Pick
from assay.result import ModelReference, OperatingPointInForce, Reason, ScanResult, Segment, Verdict


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# From the client.


class Start(_Message):
    """The first message of a client that did not say it in the address."""

    type: Literal["start"] = "start"
    encoding: Encoding
    sample_rate: int = Field(description="Hz, 8000 to 48000")
    channels: int = Field(1, description="interleaved, 1 to 8")
    channel: Pick = Field("mean", description="hear the mean of the channels or the first one")


class End(_Message):
    """No more sound; the result follows."""

    type: Literal["end"]


class Reset(_Message):
    """Forget everything heard; the next frame begins a new stream of the same format."""

    type: Literal["reset"]


FromClient = Annotated[Start | End | Reset, Field(discriminator="type")]


# To the client.


class Ready(_Message):
    """The stream was accepted; sound may come.

    Attributes:
        encoding, sample_rate, channels, channel: As they were understood.
        model: Which weight answers.
        operating_point: Thresholds for a recording of a single window.
        buffer_s: Sound that may wait to be scored before nothing more is read.
        frame_s: Longest frame.
        idle_s: Silence on the line, in seconds of the clock, after which it is closed.
        not_applied: Settings in force for files that live sound does without.
    """

    type: Literal["ready"] = "ready"
    schema_version: Literal[1] = 1
    encoding: Encoding
    sample_rate: int
    channels: int
    channel: Pick
    model: ModelReference
    operating_point: OperatingPointInForce
    buffer_s: float
    frame_s: float
    idle_s: float
    not_applied: tuple[str, ...] = ()


class Score(_Message):
    """Evidence of a stretch.

    Attributes:
        start_s, end_s: Of the sound that it rests on.
        llr: Mean llr of the windows in it.
        spoof_probability: Posterior at the prior in force.
    """

    start_s: float
    end_s: float
    llr: float
    spoof_probability: float = Field(ge=0, le=1)


class Alarm(_Message):
    """Raised once, and kept until the stream ends or is reset.

    At most the accepted share of bona fide streams ever raises one, however long they run: see docs/live.md.

    Attributes:
        since_s: When it was raised.
        verdict: Whether the whole or a part of it was flagged.
        llr: The evidence then.
        text: Why, for people.
    """

    since_s: float
    verdict: Literal["spoof", "mixed"]
    llr: float
    text: str


class Update(_Message):
    """Once for each second of sound.

    Attributes:
        time_s: Seconds heard.
        state: ``waiting`` until there is enough speech for a score; ``scoring`` from then on.
        speech_s: Seconds of speech among them.
        recent: Of the windows of the last ten seconds; None where nobody spoke enough in them.
        overall: Of all windows.
        verdict: What a scan would say if the stream ended here.
        reasons: Why.
        alarm: None until it is raised.
        segments: Those of the last half minute, and before that those that stand out.
        behind_s: Sound that came in and waits to be scored.
    """

    type: Literal["update"] = "update"
    time_s: float
    state: Literal["waiting", "scoring"]
    speech_s: float
    recent: Score | None
    overall: Score | None
    verdict: Verdict
    reasons: tuple[Reason, ...]
    alarm: Alarm | None
    segments: tuple[Segment, ...]
    behind_s: float


class Result(_Message):
    """The last one about a stream.

    Attributes:
        time_s: Length of the stream.
        alarm: As in the updates.
        result: As `assay scan` gives it for a recording of these samples; `sha256` is that of the bytes sent.
    """

    type: Literal["result"] = "result"
    time_s: float
    alarm: Alarm | None
    result: ScanResult


class SlowDown(_Message):
    """More sound waits than may; nothing is read until a part of it is scored."""

    type: Literal["slow_down"] = "slow_down"
    behind_s: float


class GoOn(_Message):
    """Frames are read again."""

    type: Literal["go_on"] = "go_on"
    behind_s: float


class Error(_Message):
    """Something cannot be accepted; the connection is closed behind it.

    Attributes:
        code: Stable, for programs.
        message: What was given, what is accepted, what to do.
        close_code: Of the WebSocket.
    """

    type: Literal["error"] = "error"
    code: str
    message: str
    close_code: int


Heard = Update | Result
ToClient = Annotated[Ready | Update | Result | SlowDown | GoOn | Error, Field(discriminator="type")]
