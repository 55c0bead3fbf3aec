"""The one shape of every forensic finding."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

Measured = bool | int | float | str | None


class Trace(BaseModel):
    """Something measured in a picture's bytes or coefficients. It decides nothing.

    Attributes:
        name: Stable, for programs, for instance ``"jpeg_quantisation"``.
        measured: The numbers and names behind it, by name.
        strength: How clearly the trace is there, in [0, 1]; it is no probability of a spoof. None for plain facts
            (a camera's name) and where nothing could be measured.
        note: One sentence for people: why it matters, and what it does not prove.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    measured: dict[str, Measured]
    strength: float | None = Field(default=None, ge=0, le=1)
    note: str
