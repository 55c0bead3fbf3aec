"""What an explanation holds: where a network reacted, how much, and whether the map can be trusted.

An explanation tells what the network reacted to, not what was done to the file. Every llr here is evidence that is
lost when a place is hidden: above 0 the place speaks for a spoof, below 0 for bona fide. Plain data: nothing is
computed here, so that reports may read it without loading a detector.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.errors import ExplanationError

SCHEMA_VERSION = 1
PLACES = 4  # decimals of an llr in JSON
LEAST_DIFFERENCE = 0.005  # llr; what two decimals can show
Media = Literal["audio", "image", "video"]
Method = Literal["occlusion", "grad_cam"]
SaliencyKind = Literal["spectrogram", "picture", "frame"]
Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Saliency:
    """Evidence over places.

    Attributes:
        kind: ``spectrogram`` of a recording or sound track, ``picture``, or ``frame`` of a video.
        values: llr lost when a place is hidden, float32, shape (rows, columns). Row 0 is the lowest band of a
            spectrogram, and the top of a picture; columns go with time, or from left to right. 0 where nothing was
            looked at. Of ``grad_cam`` they are shares of the llr, spread by the network's own gradients.
        start_s, end_s: What the columns span, of a spectrogram; when a frame is shown, the same twice; else None.
        low_hz, high_hz: What the rows span, of a spectrogram, evenly in hertz; else None.
        width, height: Of the upright picture or frame, in pixels, which rows and columns span; else None.
        label: What it is about, such as ``person 0`` or ``channel 1``; empty if there is only one.
    """

    kind: SaliencyKind
    values: Values
    start_s: float | None = None
    end_s: float | None = None
    low_hz: float | None = None
    high_hz: float | None = None
    width: int | None = None
    height: int | None = None
    label: str = ""


@dataclass(frozen=True)
class Range:
    """A stretch of time that speaks for a spoof; seconds from the start of the file."""

    start_s: float
    end_s: float
    llr: float


@dataclass(frozen=True)
class Band:
    """Frequencies that speak for a spoof."""

    low_hz: float
    high_hz: float
    llr: float


@dataclass(frozen=True)
class Region:
    """A part of a picture, or of a frame, that speaks for a spoof; pixels of the upright original.

    Attributes:
        x, y: Of its left upper corner.
        width, height: Its size.
        llr: Evidence that is lost without it.
    """

    x: int
    y: int
    width: int
    height: int
    llr: float


@dataclass(frozen=True)
class Faithfulness:
    """Deletion test: does hiding what the map marks move the answer more than hiding other places does?

    Attributes:
        share: Of the medium that is hidden, in (0, 1).
        llr: Of the whole, as the scan gives it before it weighs parts.
        marked: llr when the places with the highest values are hidden.
        random: Mean llr when places drawn at random, as many, are hidden.
        trials: How many draws.
    """

    share: float
    llr: float
    marked: float
    random: float
    trials: int

    @property
    def holds(self) -> bool:
        """Whether the marked places lower the llr more than places at random do, by more than rounding."""
        return self.marked <= self.random - LEAST_DIFFERENCE


@dataclass(frozen=True)
class Explanation:
    """What a network reacted to in one file.

    Attributes:
        media: Of the file.
        method: How the map was made: places hidden one by one, or the network's own gradients.
        model: Name of the model that was asked.
        saliency: Maps; several of a video with persons, or of channels; empty where nothing could be scored.
        ranges: Of recordings and sound tracks, and of videos, in order of time.
        bands: Of recordings and sound tracks, from low to high.
        regions: Of pictures, and of the frame that counts most in a video; the strongest first.
        coverage: Smallest share of the medium that holds half of the evidence for a spoof, in [0, 1]: small when the
            network reacted to one place. 0 where nothing speaks for a spoof.
        faithfulness: Of the map; None where no map was made.
        sentences: The same in words, from measured figures.
    """

    media: Media
    method: Method
    model: str
    saliency: tuple[Saliency, ...]
    ranges: tuple[Range, ...]
    bands: tuple[Band, ...]
    regions: tuple[Region, ...]
    coverage: float
    faithfulness: Faithfulness | None
    sentences: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values: arrays become nested lists, rounded."""
        return {
            "schema_version": SCHEMA_VERSION,
            "media": self.media,
            "method": self.method,
            "model": self.model,
            "saliency": [_map_as_dict(one) for one in self.saliency],
            "ranges": [_rounded(asdict(one)) for one in self.ranges],
            "bands": [_rounded(asdict(one)) for one in self.bands],
            "regions": [_rounded(asdict(one)) for one in self.regions],
            "coverage": round(self.coverage, PLACES),
            "faithfulness": None if self.faithfulness is None else _rounded(asdict(self.faithfulness)),
            "sentences": list(self.sentences),
        }

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Explanation:
        """From what `as_dict` gave.

        Raises:
            ExplanationError: If it is something else, or of another version.
        """
        version = told.get("schema_version") if isinstance(told, dict) else None
        if version != SCHEMA_VERSION:
            raise ExplanationError(
                f"This is no explanation of version {SCHEMA_VERSION} (it says {version!r}). Give what `assay explain"
                " --format json` wrote with this version of Assay."
            )
        try:
            tested = told["faithfulness"]
            return cls(
                media=told["media"],
                method=told["method"],
                model=told["model"],
                saliency=tuple(_map_of(one) for one in told["saliency"]),
                ranges=tuple(Range(**one) for one in told["ranges"]),
                bands=tuple(Band(**one) for one in told["bands"]),
                regions=tuple(Region(**one) for one in told["regions"]),
                coverage=told["coverage"],
                faithfulness=None if tested is None else Faithfulness(**tested),
                sentences=tuple(told["sentences"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ExplanationError(f"This explanation is incomplete or damaged: {error}. Make it anew.") from error


def _map_as_dict(one: Saliency) -> dict[str, Any]:
    told = {field.name: getattr(one, field.name) for field in fields(one)}
    return {**_rounded(told), "values": np.round(one.values.astype(np.float64), PLACES).tolist()}


def _map_of(told: dict[str, Any]) -> Saliency:
    values = np.asarray(told["values"], np.float32)
    if values.ndim != 2:
        raise ValueError(f"a map has {values.ndim} axes in place of 2")
    return Saliency(**{**told, "values": values})


def _rounded(told: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, PLACES) if isinstance(value, float) else value for name, value in told.items()}
