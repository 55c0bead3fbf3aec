"""The one shape of every cue, and the ranges in which it was measured on bona fide videos."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TypedDict

from pydantic import BaseModel, ConfigDict, Field


class Range(TypedDict):
    """Where a cue lies on bona fide videos; written by ``scripts/measure_video_cues.py``.

    Attributes:
        low: 1 % quantile.
        high: 99 % quantile.
        videos: How many videos it was measured on.
    """

    low: float
    high: float
    videos: int


class Cue(BaseModel):
    """One number that describes how a face moves, beside the range that bona fide videos have. It decides nothing.

    Attributes:
        name: Stable, for programs, for instance ``"blink_rate"``.
        value: None where it cannot be told; `note` then says why.
        unit: Of value, low and high.
        low: 1 % quantile of bona fide videos; None where none was measured.
        high: Their 99 % quantile.
        videos: How many bona fide videos are behind the range.
        sample: How many frames or events the value rests on.
        reliable: Whether length, frame rate and size of the face are such that the range applies.
        limits: What the value does not prove, one sentence.
        note: Why there is no value, or why it is not reliable; else None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    videos: int = Field(default=0, ge=0)
    sample: int = Field(ge=0)
    reliable: bool
    limits: str
    note: str | None = None

    @property
    def outside(self) -> bool | None:
        """Whether the value lies outside the range of bona fide videos; None where that cannot be told."""
        if self.value is None or self.low is None or self.high is None or not self.reliable:
            return None
        return not self.low <= self.value <= self.high


@cache
def measured_ranges() -> dict[str, Range]:
    """Range by the name of the cue."""
    text = resources.files("assay.video.cues").joinpath("ranges.json").read_text(encoding="utf-8")
    table: dict[str, Range] = json.loads(text)["cues"]
    return table


def cue(name: str, unit: str, value: float, *, sample: int, limits: str, doubt: str | None = None) -> Cue:
    """A cue with its range; `doubt` says why it is not reliable, None where it is."""
    known = measured_ranges().get(name)
    return Cue(
        name=name,
        value=value,
        unit=unit,
        low=known["low"] if known else None,
        high=known["high"] if known else None,
        videos=known["videos"] if known else 0,
        sample=sample,
        reliable=doubt is None,
        limits=limits,
        note=doubt,
    )


def untold(name: str, unit: str, *, sample: int, limits: str, note: str) -> Cue:
    """A cue that cannot be told, and why."""
    return Cue(name=name, value=None, unit=unit, sample=sample, reliable=False, limits=limits, note=note)
