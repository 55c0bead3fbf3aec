"""`open_video` and the `Video` it returns: the one way moving pictures come into Assay.

    source ── source.py ──> bytes, SHA-256 ── sniff.py ──> kind ── decode_video.py ──> container, track
           ── video_packets.py ──> packets worth decoding ── video_frames.py ──> frames, times
           ── video_sampling.py ──> chosen ones ── video_pixels.py ──> upright RGB
           ── audio.py ──> the sound track, a recording like any other

Decisions
- Opening reads the header and decodes one frame, since only that tells size, colours and rotation for certain. `frames`
  decodes from the front, as often as it is called, and holds one frame besides the decoder's own.
- Only chosen frames become RGB. A damaged frame is never chosen.
- The file decides nothing by its claims: times come from frames, lengths from packets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import DecodeError, EmptyMedia, SettingsError, UnsupportedMedia
from assay.media import kinds
from assay.media.audio import AudioMedia, kind_of, open_sound
from assay.media.foreign import broken_video, decoding_video
from assay.media.held import ByteSource
from assay.media.kinds import Kind
from assay.media.limits import check_duration
from assay.media.source import open_bytes
from assay.media.video_frames import Decoded, Decoding, extent_of
from assay.media.video_header import Header, VideoInfo, no_frames, read_header
from assay.media.video_pixels import Converter, Pixels
from assay.media.video_sampling import Between, Cells, Chosen, ChosenBetween, Grid, Instants, Shots, Spread

if TYPE_CHECKING:
    from assay.settings import Settings

_SHORTFALL_S = 0.5  # a header that speaks for the whole file includes the sound, which may last a little longer
_MOST_TOLD = 5  # changes of size that are told one by one


@dataclass(frozen=True)
class Frame:
    """A chosen frame.

    Attributes:
        index: Its number among all frames of the track, from 0.
        time_s: Seconds from the first frame to the one at which it is shown.
        pixels: Upright, shape (height, width, 3), uint8 RGB, contiguous, read-only. Sizes may change within a file.
    """

    index: int
    time_s: float
    pixels: Pixels = field(repr=False, compare=False)


@dataclass(frozen=True)
class Video:
    """A video, opened; frames are decoded when asked for.

    Attributes:
        path: What the user gave, for display; ``"-"``, ``"<bytes>"`` or ``"<file>"`` without a path.
        sha256: Digest of the file's bytes, hexadecimal.
        size_bytes: Their number.
        info: What the header and the first frame tell.
    """

    path: str
    sha256: str
    size_bytes: int
    info: VideoInfo
    _data: ByteSource = field(repr=False, compare=False)
    _kind: Kind = field(repr=False, compare=False)
    _settings: Settings = field(repr=False, compare=False)
    _header: Header = field(repr=False, compare=False)
    _notes: list[str] = field(default_factory=list, repr=False, compare=False)
    _sound_notes: list[str] = field(default_factory=list, repr=False, compare=False)
    _ended_s: list[float] = field(default_factory=list, repr=False, compare=False)

    @property
    def original(self) -> ByteSource:
        """The bytes that were hashed."""
        return self._data

    @property
    def decoded_s(self) -> float | None:
        """Length in seconds, whatever the header claims; None until `frames` was consumed to the end of the file."""
        return self._ended_s[0] if self._ended_s else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about the decoding; complete once `frames` was consumed."""
        return (*self._header.notes, *self._notes, *self._sound_notes)

    def frames(
        self,
        *,
        fps: float | None = 2.0,
        at: Sequence[float] = (),
        num_frames: int | None = None,
        scenes: bool = False,
        start_s: float = 0.0,
        end_s: float | None = None,
        between: Between | None = None,
    ) -> Iterator[Frame]:
        """Decode, and choose by time.

        Args:
            fps: Frames per second to choose, > 0: the one nearest at or after each instant. None for all of them.
            at: Choose the frame nearest at or after each of these seconds, and not by `fps`.
            num_frames: Choose as many, evenly spread over what is there (fewer if there are fewer), and not by `fps`.
            scenes: Choose the first frame of each shot, too; then every frame is decoded.
            start_s: Where to begin, in seconds from the first frame.
            end_s: Where to stop; None for the end.
            between: Frames besides, switched on and off while iterating.

        Returns:
            An iterator over the chosen frames, in rising order.

        Raises:
            SettingsError: If an argument is out of range; at once.
            MediaError: While iterating: broken, changed since it was opened, or over a limit.
        """
        end = math.inf if end_s is None else end_s
        if not 0 <= start_s < end:
            raise SettingsError(f"start_s is {start_s!r} and end_s {end_s!r}; accepted is 0 <= start_s < end_s.")
        if fps is not None and not 0 < fps < math.inf:
            raise SettingsError(f"fps is {fps!r}; give the frames wanted per second, such as 2.0, or None for all.")
        if num_frames is not None and num_frames < 1:
            raise SettingsError(f"num_frames is {num_frames!r}; give how many frames are wanted, 1 or more.")
        cells = Instants(at) if at else Grid(start_s, fps) if fps else None
        return self._frames(cells, num_frames, scenes, start_s, end, between)

    def _frames(
        self, cells: Cells | None, count: int | None, scenes: bool, start: float, end: float, between: Between | None
    ) -> Iterator[Frame]:
        cells = self._spread(count, start, end) if count else cells
        if between is None:
            chosen, expected = Chosen(cells, start, end), Chosen(cells, start, end)
        else:
            chosen, expected = (ChosenBetween(cells, start, end, between, foreseen=ahead) for ahead in (False, True))
        skips = not scenes and (cells is not None or start > 0)
        header, settings = self._header, self._settings
        decoding = Decoding(
            self.path,
            self._kind,
            settings,
            origin=header.origin,
            wanted=expected.takes if skips else None,
            end_s=end,
        )
        shots, converter = Shots() if scenes else None, Converter(settings.threads)
        self._notes[:] = []
        reading = closing(self._data.reader())
        with reading as reader, decoding_video(self.path, self._kind.label), closing(decoding.frames(reader)) as found:
            for decoded in found:
                if decoded.time_s >= end:
                    break
                if decoded.intact and self._takes(decoded, chosen, shots, converter):
                    yield Frame(decoded.index, round(decoded.time_s, 6), converter.rgb(decoded.frame, header.turn))
        self._data.verify()
        self._notes[:] = self._found(decoding, whole=math.isinf(end))
        self._ended_s[:] = [decoding.ended_s] if math.isinf(end) else []

    @staticmethod
    def _takes(decoded: Decoded, chosen: Chosen, shots: Shots | None, converter: Converter) -> bool:
        """Whether to choose a frame; both ways of choosing see every one."""
        takes = chosen.takes(decoded.time_s)
        if shots is not None and shots.begins(converter.thumbnail(decoded.frame)):
            return takes or chosen.covers(decoded.time_s)
        return takes

    def _spread(self, count: int, start: float, end: float) -> Cells:
        """Cells for `count` frames of what is there."""
        with closing(self._data.reader()) as reader, decoding_video(self.path, self._kind.label):
            found = extent_of(reader, self.path, self._kind, self._settings)
        length = max(min(end, found.duration_s) - start, 1e-3)
        there = max(1, round(found.frames * length / max(found.duration_s, length)))
        return Spread(start, length, count, there)

    def _found(self, decoding: Decoding, *, whole: bool) -> Iterator[str]:
        """Notes about a pass."""
        damage, clock = decoding.damage, decoding.clock
        changes = decoding.sizes[1:]
        for since, width, height in changes[:_MOST_TOLD]:
            yield f"the size of the pictures, as stored, changes to {width} × {height} at {since:.2f} s"
        if len(changes) > _MOST_TOLD:
            yield f"the size of the pictures changes {len(changes) - _MOST_TOLD} times more"
        if clock is not None:
            if clock.new_parts_s:
                yield f"time stamps begin anew {len(clock.new_parts_s)} time(s), first at {clock.new_parts_s[0]:.2f} s"
            if clock.missing:
                yield f"{clock.missing} frame(s) had no time stamp; their times were guessed from the frame rate"
            if clock.disordered:
                yield f"{clock.disordered} frame(s) had time stamps out of order; their times were guessed"
        if damage.packets:
            yield f"{damage.packets} damaged packet(s) of pictures were left out"
        if damage.frames:
            yield f"{damage.frames} damaged frame(s) were left out"
        declared = self.info.duration_s
        if whole and declared is not None and declared - decoding.ended_s > _SHORTFALL_S:
            got = f"pictures of {decoding.ended_s:.1f} s were found, {declared:.1f} s are declared"
            yield f"the file may be cut off or damaged: {got}"

    def measured_s(self) -> float:
        """Length of the pictures in seconds by their packets, of which none is decoded.

        Raises:
            MediaError: If the file is broken, changed since it was opened, or over a limit.
        """
        with closing(self._data.reader()) as reader, decoding_video(self.path, self._kind.label):
            found = extent_of(reader, self.path, self._kind, self._settings)
        check_duration(self.path, found.duration_s, self._settings)
        return found.duration_s

    def audio(self) -> AudioMedia | None:
        """The sound track, as `assay.media.open_media` would give it; None, with a note, if there is none to analyse.

        Raises:
            MediaUnreadable: If the file is not any more what it was.
            LimitExceeded: If the sound is over a limit.
        """
        if not self.info.has_sound:
            return None
        try:
            return open_sound(self.path, self._data, self._kind.sound_track, self._settings)
        except (UnsupportedMedia, DecodeError, EmptyMedia) as error:
            self._sound_notes[:] = [f"the sound track is not analysed: {error.message}"]
            return None


def open_video(source: object, *, settings: Settings, name: str | None = None) -> Video:
    """Open a video: take hold of its bytes, hash them, find out what it is, read its header and its first frame.

    Args:
        source: A path (``str`` or ``os.PathLike``); ``"-"`` for standard input; bytes; or a binary file object, read
            from its position on.
        settings: Holds ``max_file_bytes``, ``max_duration_s``, ``max_video_pixels``, ``max_video_frames``; and
            ``threads``, with which frames are decoded.
        name: What to call the source in messages and results, instead of its path.

    Raises:
        MediaNotFound: There is no such file.
        MediaUnreadable: It cannot be read, or changes meanwhile.
        EmptyMedia: No bytes, or no frames.
        UnsupportedMedia: Not a video, one of a kind or codec that is not read, or one without moving pictures.
        DecodeError: A video, but broken.
        LimitExceeded: Over a limit; the message names the setting.
    """
    if isinstance(source, (tuple, list, np.ndarray)):
        raise UnsupportedMedia("An array was given. Give a video as a path, '-', bytes or a binary file object.")
    name, held = open_bytes(source, settings, name)
    kind = kind_of(name, held)
    if kind == kinds.MP4_WITHOUT_INDEX:
        raise broken_video(name, "an MP4/MOV file", "the index of its tracks is missing: it is cut off or unfinished")
    if not kind.is_video:
        accepted = "Give a video: mp4, mov, mkv, webm, avi or mpg."
        raise UnsupportedMedia(f"'{name}' seems to be {kind.label}. {accepted}", kind=kind.container)
    video = open_held_video(name, held, kind, settings)
    if video is None:
        raise UnsupportedMedia(
            f"'{name}' is {kind.label} that holds sound without moving pictures. Open it as a recording.",
            kind=kind.container,
        )
    return video


def open_held_video(name: str, held: ByteSource, kind: Kind, settings: Settings) -> Video | None:
    """Open bytes that were told to be a container of videos; None if it holds sound, and no moving pictures.

    Raises:
        MediaError: As `open_video` does.
    """
    with closing(held.reader()) as reader, decoding_video(name, kind.label):
        try:
            header = read_header(reader, name, kind, settings)
        except EOFError as error:  # FFmpeg's, too: there is a header and nothing behind it
            raise no_frames(name, kind) from error
    if header is None:
        return None
    return Video(name, held.sha256, held.size, header.info, held, kind, settings, header)
