"""What a picture's metadata claim, and where the claims disagree.

Metadata are claims: anybody can write them, and most services strip them. A generator's tag says that somebody called
the picture generated, which few do falsely; a camera's name says little; the absence of either says nothing.

References:
    CIPA DC-008 (Exif 2.32); ISO 16684-1 (XMP); IPTC Photo Metadata 2023.1; MWG Guidelines 2.0 (which of EXIF, IPTC and
    XMP should agree).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.errors import DecodeError
from assay.forensics.containers import Blocks, read_blocks
from assay.forensics.exif import Exif, Value, read_exif
from assay.forensics.jpeg import read_jpeg
from assay.forensics.packets import read_iptc, read_xmp
from assay.forensics.programs import EDITORS, GENERATORS, MADE_BY_MODELS, SOURCE_TYPES, chunk_generator, named
from assay.forensics.trace import Measured, Trace

MOST_SHOWN = 200  # characters of a text in a trace
_ASPECT_TOLERANCE = 0.04  # thumbnails are rounded to whole pixels, and often to multiples of 8
_CLOCK = timedelta(hours=26)  # zones differ by at most that, and many writers leave them out
_DATE = re.compile(r"(\d{4})[:-](\d{2})[:-](\d{2})[ T](\d{2}):(\d{2})(?::(\d{2}))?")
_SOURCE_TYPE = re.compile(r"digitalsourcetype/(\w+)")
_SOFTWARE_FIELDS = ("CreatorTool", "Software", "softwareAgent", "Credit", "OriginatingProgram", "creator", "Source")


@dataclass(frozen=True)
class Metadata:
    """Everything that was read, as plain data.

    Attributes:
        container: ``"jpeg"``, ``"png"``, ``"webp"``, ``"tiff"`` or ``"other"``.
        width: Pixels, None if the container does not tell.
        height: The same.
        exif: Directories; None without.
        xmp: Properties by local name.
        iptc: Datasets by name.
        texts: (keyword, text) of text chunks and comments.
        c2pa_bytes: Length of C2PA boxes, 0 without.
        chunks: Segments or chunks in order.
        faults: What is broken, one sentence each.
    """

    container: str
    width: int | None
    height: int | None
    exif: Exif | None
    xmp: dict[str, str]
    iptc: dict[str, str]
    texts: tuple[tuple[str, str], ...]
    c2pa_bytes: int
    chunks: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def tags(self) -> dict[str, Value]:
        """EXIF tags, empty without EXIF."""
        return self.exif.tags if self.exif else {}

    def fields(self) -> Iterator[tuple[str, str, str]]:
        """Where it stands, name and content of every text."""
        yield from (("exif", name, value) for name, value in self.tags.items() if isinstance(value, str))
        yield from (("xmp", name, value) for name, value in self.xmp.items())
        yield from (("iptc", name, value) for name, value in self.iptc.items())
        yield from (("text", name, value) for name, value in self.texts)


def read_metadata(data: bytes) -> Metadata:
    """Read a picture's metadata; never raises for content, what is broken is in `Metadata.faults`.

    Args:
        data: The whole file.
    """
    blocks: Blocks = read_blocks(data)
    exif = read_exif(blocks.exif) if blocks.exif is not None else None
    xmp, xmp_faults = read_xmp(blocks.xmp) if blocks.xmp is not None else ({}, ())
    iptc = read_iptc(blocks.iptc) if blocks.iptc is not None else {}
    return Metadata(
        container=blocks.container,
        width=blocks.width,
        height=blocks.height,
        exif=exif,
        xmp=xmp,
        iptc=iptc,
        texts=tuple(blocks.texts),
        c2pa_bytes=blocks.c2pa_bytes,
        chunks=tuple(blocks.chunks),
        faults=(*blocks.faults, *(exif.faults if exif else ()), *xmp_faults),
    )


def metadata_traces(metadata: Metadata) -> tuple[Trace, ...]:
    """What the metadata tell: camera, software, generator tags, C2PA boxes, contradictions, damage."""
    found = (
        _camera(metadata),
        _software(metadata),
        *_generators(metadata),
        _c2pa(metadata),
        _dates(metadata),
        _sizes(metadata),
        _thumbnail(metadata),
        _damage(metadata),
    )
    return tuple(trace for trace in found if trace is not None)


def _shown(value: object) -> str:
    return str(value)[:MOST_SHOWN]


def _camera(metadata: Metadata) -> Trace | None:
    names = ("Make", "Model", "LensModel")
    measured: dict[str, Measured] = {
        name: _shown(value) for name in names if (value := metadata.tags.get(name) or metadata.xmp.get(name))
    }
    if not measured:
        return None
    exposure = [name for name in ("ExposureTime", "FNumber", "ISOSpeedRatings", "FocalLength") if name in metadata.tags]
    note_bytes = metadata.exif.maker_note_bytes if metadata.exif else 0
    return Trace(
        name="camera",
        measured=measured | {"exposure_tags": len(exposure), "maker_note_bytes": note_bytes},
        note="A camera is named; with exposure data and a maker note that is what its own files look like, but all of"
        " it can be copied into any picture.",
    )


def _software(metadata: Metadata) -> Trace | None:
    for where, name, text in metadata.fields():
        if name in (*_SOFTWARE_FIELDS, "HostComputer", "comment") and (editor := named(text, EDITORS)):
            return Trace(
                name="editing_software",
                measured={"program": editor, "where": f"{where} {name}", "text": _shown(text)},
                note="A program that edits pictures wrote the file or kept its history; what it changed is not told.",
            )
    return None


def _generators(metadata: Metadata) -> Iterator[Trace]:
    for where, name, text in metadata.fields():
        kinds = {*_SOURCE_TYPE.findall(text)} | ({text} if name == "DigitalSourceType" else set())
        for kind in sorted(kinds & set(SOURCE_TYPES)):
            yield Trace(
                name="digital_source_type",
                measured={"type": kind, "meaning": SOURCE_TYPES[kind], "where": f"{where} {name}"},
                strength=1.0 if kind in MADE_BY_MODELS else None,
                note="The file itself declares this in IPTC's vocabulary; few would declare it falsely, many leave it"
                " out.",
            )
        generator = chunk_generator(name, text)
        if generator is None and name in (*_SOFTWARE_FIELDS, "Make", "Model", "Artist", "Author", "Byline", "comment"):
            generator = named(text, GENERATORS)
        if generator:
            yield Trace(
                name="generator_tag",
                measured={"program": generator, "where": f"{where} {name}", "text": _shown(text)},
                strength=1.0,
                note="A program that generates pictures left its mark; a mark can be forged, and is lost with the first"
                " messenger.",
            )


def _c2pa(metadata: Metadata) -> Trace | None:
    if not metadata.c2pa_bytes:
        return None
    return Trace(
        name="c2pa_present",
        measured={"bytes": metadata.c2pa_bytes},
        note="Content Credentials (C2PA) are in the file. For this trace they are not verified, and without that they"
        " prove nothing; the provenance of a result tells whether they hold.",
    )


def _dates(metadata: Metadata) -> Trace | None:
    """Dates of taking that differ by more than zones explain, or that come after the file was changed."""
    places = {
        "exif DateTimeOriginal": metadata.tags.get("DateTimeOriginal"),
        "exif DateTimeDigitized": metadata.tags.get("DateTimeDigitized"),
        "xmp DateTimeOriginal": metadata.xmp.get("DateTimeOriginal"),
        "xmp DateCreated": metadata.xmp.get("DateCreated"),
    }
    taken = {place: date for place, text in places.items() if (date := _date(text))}
    changed = {
        place: date
        for place, text in (
            ("exif DateTime", metadata.tags.get("DateTime")),
            ("xmp ModifyDate", metadata.xmp.get("ModifyDate")),
        )
        if (date := _date(text))
    }
    apart = max(taken.values()) - min(taken.values()) if taken else timedelta(0)
    early = max(taken.values()) - min(changed.values()) if taken and changed else timedelta(0)
    if max(apart, early) <= _CLOCK:
        return None
    measured: dict[str, Measured] = {place: date.isoformat() for place, date in (taken | changed).items()}
    return Trace(
        name="dates_disagree",
        measured=measured | {"days_apart": round(max(apart, early) / timedelta(days=1), 2)},
        note="Dates within the file contradict each other by more than time zones explain: one was edited, or a clock"
        " was set wrongly.",
    )


def _date(text: object) -> datetime | None:
    match = _DATE.search(text) if isinstance(text, str) else None
    if not match:
        return None
    try:
        return datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]
    except ValueError:  # 0000:00:00, which cameras without a set clock write
        return None


def _sizes(metadata: Metadata) -> Trace | None:
    """EXIF's pixel dimensions against the picture's, which programs that do not know EXIF leave behind."""
    claimed = metadata.tags.get("PixelXDimension"), metadata.tags.get("PixelYDimension")
    if not all(isinstance(side, int) and side > 0 for side in claimed) or not metadata.width or not metadata.height:
        return None
    if sorted((metadata.width, metadata.height)) == sorted(claimed):  # type: ignore[type-var]
        return None
    return Trace(
        name="size_disagrees",
        measured={
            "exif_width": claimed[0] if isinstance(claimed[0], int) else None,
            "exif_height": claimed[1] if isinstance(claimed[1], int) else None,
            "width": metadata.width,
            "height": metadata.height,
        },
        note="EXIF states another size than the picture has: it was cropped or resized by a program that left EXIF as"
        " it was.",
    )


def _thumbnail(metadata: Metadata) -> Trace | None:
    """Aspect of the thumbnail against that of the picture, in either orientation."""
    if not metadata.exif or not metadata.exif.thumbnail or not metadata.width or not metadata.height:
        return None
    try:
        small = read_jpeg(metadata.exif.thumbnail)
    except DecodeError:
        return None
    if not small.width or not small.height:
        return None
    aspect, other = metadata.width / metadata.height, small.width / small.height
    apart = min(abs(other / aspect - 1), abs(other * aspect - 1))
    # DCF asks for 160x120 whatever the picture's aspect; cameras fill it up with black bars.
    if apart <= _ASPECT_TOLERANCE or sorted((small.width, small.height)) == [120, 160]:
        return None
    return Trace(
        name="thumbnail_disagrees",
        measured={
            "thumbnail_width": small.width,
            "thumbnail_height": small.height,
            "width": metadata.width,
            "height": metadata.height,
            "aspect_difference": round(apart, 4),
        },
        note="The thumbnail has another aspect than the picture, which was cropped after the thumbnail was made; it may"
        " show what was cut away.",
    )


def _damage(metadata: Metadata) -> Trace | None:
    if not metadata.faults:
        return None
    return Trace(
        name="metadata_damage",
        measured={"faults": _shown("; ".join(metadata.faults)), "count": len(metadata.faults)},
        note="Parts of the metadata could not be read; programs that edit without understanding them are the common"
        " cause.",
    )
