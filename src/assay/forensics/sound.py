"""What the bytes of a recording or video tell about where it has been: encoders, programs, recorders, generators.

    bytes ── sound_riff, sound_mpeg, sound_tags, sound_boxes ──> SoundBlocks ──> traces, each with how often bona fide
             recordings (`sound_rates`) or videos (`video_rates`) show it

Nothing is decoded, nothing in a file is resolved or executed, and nothing in it raises. Traces are claims of whoever
wrote the file last: most services and messengers write it anew, so their absence proves nothing, and FFmpeg, which
half of the world uses, says nothing about synthesis. A name that a generator left there is another matter: few would
write it falsely.
"""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from assay.forensics.packets import read_xmp
from assay.forensics.programs import MADE_BY_MODELS, SOURCE_TYPES
from assay.forensics.sound_blocks import Pieces, SoundBlocks, Text
from assay.forensics.sound_boxes import read_matroska, read_mp4
from assay.forensics.sound_mpeg import read_mpeg
from assay.forensics.sound_names import EDITORS, ENCODERS, RECORDERS, generator, may_only, written_by
from assay.forensics.sound_rates import with_rate
from assay.forensics.sound_riff import read_aiff, read_avi, read_caf, read_riff
from assay.forensics.sound_tags import read_flac, read_ogg
from assay.forensics.trace import Trace

log = logging.getLogger("assay.forensics")

MOST_SHOWN = 200  # characters of a text in a trace
_USUAL_CHUNKS = frozenset(["fmt", "data", "fact", "LIST", "PEAK", "JUNK", "ds64", "COMM", "SSND", "FVER", "bext"])
_SOURCE_TYPE = re.compile(r"digitalsourcetype/(\w+)")
_READERS: dict[str, Callable[[Pieces, SoundBlocks], None]] = {
    "wav": read_riff,
    "rf64": read_riff,
    "aiff": read_aiff,
    "caf": read_caf,
    "flac": read_flac,
    "ogg": read_ogg,
    "mp3": read_mpeg,
    "adts": read_mpeg,
    "mp4": read_mp4,
    "matroska": read_matroska,
    "avi": read_avi,
}
READ = tuple(_READERS)


@dataclass(frozen=True)
class SoundInspection:
    """What was found.

    Attributes:
        traces: In a fixed order; the note of each says how often bona fide files show it.
        left_out: What could not be looked for, and why; by tool.
    """

    traces: tuple[Trace, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)


def inspect_sound(
    reader: BinaryIO, size: int, container: str, *, rate: Callable[[Trace, str], Trace] = with_rate
) -> SoundInspection:
    """Look for every trace in the bytes of a recording or video.

    Args:
        reader: Of the original bytes, seekable; the position afterwards is undefined. At most 16 MiB are read.
        size: Length of the file in bytes.
        container: Name of `assay.media.kinds`; of others than `READ` nothing is known.
        rate: Tells in the note of a trace how often bona fide files in the container show it; of videos
            `assay.forensics.video_rates.with_rate`.

    Returns:
        Traces, and what was left out. Nothing inside a file raises; reading errors of the reader pass.
    """
    blocks, fault = read_sound_blocks(reader, size, container)
    traces = tuple(rate(trace, container) for trace in sound_traces(blocks))
    return SoundInspection(traces, {"container": fault} if fault else {})


def read_sound_blocks(reader: BinaryIO, size: int, container: str) -> tuple[SoundBlocks, str | None]:
    """Cut the metadata of a recording out of its bytes.

    Returns:
        What was read, and why that is not all, or None.
    """
    blocks = SoundBlocks(container)
    read = _READERS.get(container)
    if read is None:
        return blocks, None
    try:
        read(Pieces(reader, size), blocks)
    except (ArithmeticError, LookupError, ValueError, RecursionError, struct.error) as error:
        # The readers are written not to raise; should one all the same, its trace is missing and not the scan.
        log.warning("%s container: %s: %s", container, type(error).__name__, error)
        return blocks, "the container could not be read to its end"
    return blocks, None


def sound_traces(blocks: SoundBlocks) -> tuple[Trace, ...]:
    """Traces of what was cut out, without rates."""
    xmp, faults = read_xmp(blocks.xmp) if blocks.xmp is not None else ({}, ())
    texts = (*blocks.texts, *(Text("xmp", name, text) for name, text in xmp.items()))
    found = (
        _named("recorder", texts, RECORDERS, "A recorder is named, as its own files do; anybody can copy the name."),
        _named(
            "editing_software",
            texts,
            EDITORS,
            "A program for editing wrote the file; what it changed is not told, and most edited files are genuine.",
        ),
        _encoder(texts),
        *_generators(texts, xmp),
        _c2pa(blocks),
        _broadcast(texts, blocks),
        _mp3(blocks),
        _dates(blocks),
        _layout(blocks),
        _unfinished(blocks),
        _behind(blocks),
        _damage((*blocks.faults, *faults)),
    )
    return tuple(trace for trace in found if trace is not None)


def _shown(text: str) -> str:
    """Cut, and without what could move a cursor."""
    return "".join(char if char.isprintable() else " " for char in text[:MOST_SHOWN])


def _named(name: str, texts: tuple[Text, ...], names: dict[str, str], note: str) -> Trace | None:
    for text in texts:
        if program := written_by(text, names):
            where = f"{text.where} {text.name}"
            return Trace(name=name, measured={"program": program, "where": where, "text": _shown(text.text)}, note=note)
    return None


def _encoder(texts: tuple[Text, ...]) -> Trace | None:
    """Who encoded or wrapped it; every program named, the first one with its text."""
    note = (
        "The program that wrote the file names itself. Generators, services and people use the same few encoders, so it"
        " says how the file came here and not what made its content."
    )
    trace = _named("encoder", texts, ENCODERS, note)
    if trace is None:
        return None
    programs = dict.fromkeys(filter(None, (written_by(text, ENCODERS) for text in texts)))
    return trace.model_copy(update={"measured": {**trace.measured, "all_programs": ", ".join(programs)}})


def _generators(texts: tuple[Text, ...], xmp: dict[str, str]) -> Iterator[Trace]:
    """What the file declares about its own making; each kind and each program once."""
    kinds = set(_SOURCE_TYPE.findall(" ".join(text.text for text in texts)))
    kinds |= {kind.strip() for kind in xmp.get("DigitalSourceType", "").split(";")}
    for kind in sorted(kinds & set(SOURCE_TYPES)):
        yield Trace(
            name="digital_source_type",
            measured={"type": kind, "meaning": SOURCE_TYPES[kind]},
            strength=1.0 if kind in MADE_BY_MODELS else None,
            note="The file itself declares this in IPTC's vocabulary; few would declare it falsely, many leave it out.",
        )
    told: set[str] = set()
    for text in texts:
        program = generator(text)
        if program and program not in told:
            told.add(program)
            where = f"{text.where} {text.name}"
            yield Trace(
                name="generator_tag",
                measured={"program": program, "where": where, "text": _shown(text.text)},
                strength=0.25 if may_only(program) else 1.0,
                note="The file says that a generator made it; a tag can be forged, and is lost with the first"
                " messenger.",
            )


def _c2pa(blocks: SoundBlocks) -> Trace | None:
    if not blocks.c2pa_bytes:
        return None
    return Trace(
        name="c2pa_present",
        measured={"bytes": blocks.c2pa_bytes},
        note="Content Credentials (C2PA) are in the file. For this trace they are not verified, and without that they"
        " prove nothing; the provenance of a result tells whether they hold.",
    )


def _broadcast(texts: tuple[Text, ...], blocks: SoundBlocks) -> Trace | None:
    told = {text.name: _shown(text.text) for text in texts if text.where == "bext"}
    if "bext" not in blocks.chunks:
        return None
    return Trace(
        name="broadcast_extension",
        measured={**told, "version": blocks.layout.get("bext_version")},
        note="A broadcast extension: field recorders and studio programs write it, with who recorded when and through"
        " which coding steps; all of it can be written by hand.",
    )


def _mp3(blocks: SoundBlocks) -> Trace | None:
    if not blocks.coding:
        return None
    return Trace(
        name="mp3_coding",
        measured=dict(blocks.coding),
        note="How the MP3 was encoded. A stream without the header of its encoder was written while it was made, as web"
        " services do, or cut; sound above a low-pass that is lower than the sample rate asks for was removed.",
    )


def _dates(blocks: SoundBlocks) -> Trace | None:
    if not blocks.dates:
        return None
    return Trace(
        name="creation_date",
        measured={place: _shown(date) for place, date in blocks.dates.items()},
        note="When it was made, by the clock of whoever wrote the file; exporting it again sets a new date.",
    )


def _layout(blocks: SoundBlocks) -> Trace | None:
    """Chunks in their order, boxes and brands: what tells writers apart that name nobody."""
    if not blocks.chunks and not blocks.layout:
        return None
    unusual = [name for name in blocks.chunks if name not in _USUAL_CHUNKS]
    measured = {"chunks": _shown(" ".join(blocks.chunks)), "count": len(blocks.chunks), **blocks.layout}
    if blocks.container in ("wav", "rf64", "aiff"):
        measured["unusual"] = _shown(" ".join(unusual))
    return Trace(
        name="container_layout",
        measured=measured,
        note="What the container is put together from, in order. Programs differ in it, and a file that was cut with"
        " one keeps its layout; it names nobody by itself.",
    )


def _unfinished(blocks: SoundBlocks) -> Trace | None:
    if not blocks.unfinished:
        return None
    return Trace(
        name="unfinished_header",
        measured={"unfinished": True},
        note="The header states no length: the file was written to a pipe, as web services and FFmpeg do, or the"
        " recorder was stopped before it could finish.",
    )


def _behind(blocks: SoundBlocks) -> Trace | None:
    if not blocks.behind:
        return None
    return Trace(
        name="bytes_behind_end",
        measured={"bytes": blocks.behind},
        note="Bytes stand behind the end that the header states: something was appended, or a program put tags there"
        " without telling the header.",
    )


def _damage(faults: tuple[str, ...]) -> Trace | None:
    if not faults:
        return None
    return Trace(
        name="metadata_damage",
        measured={"faults": _shown("; ".join(faults)), "count": len(faults)},
        note="Parts of the container or its tags could not be read; cut downloads and programs that edit without"
        " understanding them are the common causes.",
    )
