"""The one door to picture forensics: every trace that can be looked for in a picture, and maps of where.

    bytes      JPEG structure, metadata                     always
    pixels     double JPEG, former grid, noise, resampling  always
               error level, copy-move                       with ``deep``

Nothing in a picture makes this raise: a tool that cannot work on it is named in `Inspection.left_out` with the reason.
The same picture gives the same answer. Time is bounded by bounding pixels: tools that measure by place see at most
`MOST_PIXELS` from the middle, those that look for an earlier compression blocks spread over the whole, and copy-move a
reduced picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from assay.errors import AssayError
from assay.forensics.coefficients import Floats, luminance
from assay.forensics.copy_move import copy_move_traces, detect_copy_move
from assay.forensics.double_jpeg import double_jpeg_traces
from assay.forensics.error_level import detect_error_level, error_level_traces, error_levels
from assay.forensics.grid import grid_traces
from assay.forensics.jpeg import JpegStructure, jpeg_traces, read_jpeg
from assay.forensics.metadata import metadata_traces, read_metadata
from assay.forensics.planes import grid_origin, middle, picture_luminance
from assay.forensics.rates import with_rate
from assay.forensics.resampling import STEP, detect_resampling, resampling_traces
from assay.forensics.residual import CELL, detect_noise_inconsistency, residual_traces
from assay.forensics.trace import Trace
from assay.media.pictures import Picture

MOST_PIXELS = 2**22

_UPRIGHT: dict[int, Callable[[Floats], Floats]] = {
    2: np.fliplr,
    3: lambda plane: plane[::-1, ::-1],
    4: np.flipud,
    5: np.transpose,
    6: lambda plane: np.rot90(plane, -1),
    7: lambda plane: plane[::-1, ::-1].T,
    8: np.rot90,
}


@dataclass(frozen=True)
class TraceMap:
    """Values by place.

    Attributes:
        values: Shape (rows, columns), float32, finite.
        cell: Side of a cell in pixels of the upright picture, >= 8.
        left: Pixels left of the first cell.
        top: Pixels above it.
    """

    values: Floats
    cell: int
    left: int = 0
    top: int = 0


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        traces: In the order of the tools. Boxes in them (``left``, ``top``, ``width``, ``height``) are pixels of the
            upright picture.
        maps: By name: ``"noise"`` (standard deviation in levels), ``"noise_deviation"`` (from cells of like brightness
            and contrast), ``"resampling"`` (peak over what is around it), and with ``deep`` ``"error_level"`` (root
            mean square in levels when saved at 90), ``"error_level_deviation"`` and ``"copy_move"`` (1 one place, 2
            the other).
        left_out: What could not be looked for, and why; by tool.
    """

    traces: tuple[Trace, ...]
    maps: dict[str, TraceMap] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def inspect(picture: Picture, *, deep: bool = False) -> Inspection:
    """Look for every trace.

    Args:
        picture: From `assay.media.pictures.open_picture`.
        deep: Look for error levels and copy-move as well, and for a former grid in more blocks, which takes longer;
            see docs/forensics.md for times.

    Returns:
        Traces, maps, and what was left out.
    """
    return _Inspector(picture, deep).inspect()


class _Inspector:
    """Collects what one picture gives."""

    def __init__(self, picture: Picture, deep: bool) -> None:
        self._picture, self._deep = picture, deep
        self._traces: list[Trace] = []
        self._maps: dict[str, TraceMap] = {}
        self._left_out: dict[str, str] = {}

    def inspect(self) -> Inspection:
        self._traces += metadata_traces(read_metadata(self._picture.data))
        stored, structure = self._stored()
        plane = _UPRIGHT.get(self._picture.orientation, np.asarray)(stored) if stored is not None else None
        plane = picture_luminance(self._picture) if plane is None else np.ascontiguousarray(plane)
        self._compression(stored, structure, plane)
        part, top, left = middle(plane, MOST_PIXELS, *grid_origin(self._picture))
        if part.size < plane.size * 0.98:
            self._left_out["edges"] = (
                f"of {plane.shape[1]} x {plane.shape[0]} pixels the tools by place saw {part.shape[1]} x"
                f" {part.shape[0]} in the middle"
            )
        self._noise(part, left, top)
        self._resampling(part, left, top)
        if self._deep:
            self._error_level(part, left, top)
            self._copy_move(plane)
        return Inspection(tuple(with_rate(trace) for trace in self._traces), self._maps, self._left_out)

    def _stored(self) -> tuple[Floats | None, JpegStructure | None]:
        """Luminance as a JPEG file holds it, before any colour profile; and the file's structure."""
        if self._picture.format != "jpeg":
            self._left_out["double_jpeg"] = "the file is no JPEG"
            return None, None
        structure = None
        try:
            structure = read_jpeg(self._picture.data)
            self._traces += jpeg_traces(structure)
            stored = luminance(structure)
        except AssayError as error:
            self._left_out["double_jpeg"] = error.message
            return None, structure
        return (stored, structure) if self._same_size(stored) else (None, structure)

    def _same_size(self, stored: Floats) -> bool:
        """Readers of broken files may disagree about them; then the picture's own pixels are looked at."""
        same = stored.shape == (self._picture.stored_height, self._picture.stored_width)
        if not same:
            self._left_out["double_jpeg"] = "two readers of the file disagree about its size"
        return same

    def _compression(self, stored: Floats | None, structure: JpegStructure | None, plane: Floats) -> None:
        if stored is not None and structure is not None:
            self._found("double_jpeg", double_jpeg_traces(structure, stored))
        # Rows and columns of a former grid are counted as stored, where there is a JPEG; see `grid`.
        self._found("former_jpeg_grid", grid_traces(plane if stored is None else stored, deep=self._deep))

    def _noise(self, part: Floats, left: int, top: int) -> None:
        found = detect_noise_inconsistency(part)
        self._found("noise_inconsistency", residual_traces(found, left, top) if found else ())
        if found:
            self._maps["noise"] = TraceMap(found.sigmas, CELL, left, top)
            self._maps["noise_deviation"] = TraceMap(found.deviations, CELL, left, top)

    def _resampling(self, part: Floats, left: int, top: int) -> None:
        found = detect_resampling(part)
        self._found("resampling", resampling_traces(found, left, top) if found else ())
        if found:
            self._maps["resampling"] = TraceMap(found.map, STEP, left, top)

    def _error_level(self, part: Floats, left: int, top: int) -> None:
        found = detect_error_level(part)
        self._found("error_level", error_level_traces(found, left, top) if found else ())
        if found:
            self._maps["error_level"] = TraceMap(error_levels(part), 8, left, top)
            self._maps["error_level_deviation"] = TraceMap(found.deviations, 8, left, top)

    def _copy_move(self, plane: Floats) -> None:
        found = detect_copy_move(plane)
        self._found("copy_move", copy_move_traces(found) if found else ())
        if found:
            self._maps["copy_move"] = TraceMap(found.mask, found.cell)

    def _found(self, tool: str, traces: tuple[Trace, ...]) -> None:
        self._traces += traces
        if not traces:
            self._left_out[tool] = "the picture is too small"
