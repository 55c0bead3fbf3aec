"""Which packets need not be decoded, when few frames are wanted: exact, or not done at all.

A group is what stands between two packets at which decoding can begin anew whatever came before (`begins_anew`). It is
read whole, so its wanted frames are known: a group without one is left out, behind the last one nothing is decoded,
and of the others the decoder may leave out what no frame refers to. The chosen frames, their numbers and their times
are those of a decoding from front to back.

Where time stamps are missing, go back, or belong to AVI, and in codecs whose beginnings are not looked into, every
packet is decoded. A container's own mark of key frames is not believed: it may lie, and a detector must see what
players show.

References:
    ITU-T H.264 table 7-1 (NAL types 1 to 5, 7, 8); H.265 table 7-1 (19, 20; 32 to 34); ISO/IEC 14496-15 (``avcC``,
    ``hvcC``); RFC 6386 section 9.1 (VP8); VP9 bitstream specification section 6.2.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import packet
    from av.video.stream import VideoStream

    Packet = packet.Packet[VideoStream]

_INTRA = {"mjpeg", "prores", "dnxhd", "dvvideo", "huffyuv", "utvideo", "rawvideo"}  # each packet stands alone
_MOST_PACKETS, _MOST_BYTES = 1_000, 32 * 2**20  # of a group that is held
_MOST_UNITS = 32  # NAL units looked into before the first slice


@dataclass
class Fed:
    """A packet on its way into the decoder.

    Attributes:
        packet: The packet.
        droppable: Whether the decoder may leave it out if no other frame needs it.
        anew: Whether the decoder must be emptied first, since packets before were left out.
    """

    packet: Packet
    droppable: bool = False
    anew: bool = False


class Feed:
    """Passes packets on that need decoding, and counts what was left out.

    Args:
        stream: The track.
        wanted: Whether the frame at a time in seconds is to be chosen; asked once per frame, in rising order. None if
            every frame is needed.
        at: Seconds of a stamp.
        end_s: Nothing is wanted from here on.
    """

    def __init__(
        self,
        stream: VideoStream,
        wanted: Callable[[float], bool] | None,
        at: Callable[[int], float],
        end_s: float = float("inf"),
    ) -> None:
        context = stream.codec_context
        self._codec = str(context.codec.canonical_name)
        self._length_bytes = _length_bytes(self._codec, bytes(context.extradata or b""))
        self._wanted, self._at, self._end_s = wanted, at, end_s
        self._straight = wanted is None or not _can_skip(self._codec, context.field_order)
        self._gap, self._begun = False, False
        self._last: int | None = None  # decoding time
        self._left_out: list[int] = []  # stamps, a heap; of droppable packets, too, until their frame appears
        self.latest: int | None = None  # stamp in the last group
        self.left_out = 0  # of these, those that lie before the frame that came out last

    def passing(self, packets: Iterable[Packet]) -> Iterator[Fed]:
        """Yield what needs decoding, in order. Ends with the file, or behind the end that was given."""
        group: list[Packet] = []
        held = 0
        for packet in packets:
            if not self._straight and not self._orderly(packet):
                self._straight = True
                yield from self._all(group)
                group = []
            if not packet.size:  # the end
                break
            if self._straight:
                yield Fed(packet, anew=self._take_gap())
                continue
            if group and begins_anew(self._codec, packet, self._length_bytes):
                yield from self._group(group)
                group, held = [], 0
                if self._at(_stamp(packet)) >= self._end_s:
                    return
            group.append(packet)
            held += packet.size
            if len(group) >= _MOST_PACKETS or held >= _MOST_BYTES:  # it is decoded as it comes from here on
                self._straight = True
                yield from self._all(group)
                group = []
        if group:
            yield from self._group(group)

    def _orderly(self, packet: Packet) -> bool:
        """Whether stamps are there and rise, as far as one packet tells."""
        if not packet.size:
            return True
        if packet.pts is None or packet.is_discard or packet.is_corrupt:
            return False
        last, self._last = self._last, packet.dts if packet.dts is not None else self._last
        return last is None or packet.dts is None or packet.dts >= last

    def _all(self, group: list[Packet]) -> Iterator[Fed]:
        for packet in group:
            yield Fed(packet, anew=self._take_gap())

    def _take_gap(self) -> bool:
        gap, self._gap = self._gap, False
        return gap and self._codec not in _INTRA

    def _group(self, group: list[Packet]) -> Iterator[Fed]:
        """A whole group: up to its last wanted frame."""
        assert self._wanted is not None
        if not begins_anew(self._codec, group[0], self._length_bytes):  # the beginning of a file that was cut
            yield from self._all(group)
            return
        stamps = sorted(map(_stamp, group))
        self.latest = stamps[-1]
        wanted = {stamp for stamp in stamps if self._wanted(self._at(stamp))}
        needed = max((place for place, packet in enumerate(group) if packet.pts in wanted), default=-1)
        # Parameter sets stay in force behind their group, and so does what x264 tells of its version in the very first
        # packet: FFmpeg decodes 4:4:4 of old versions by it.
        kept, self._begun = (-1 if self._begun else 0), True
        for place, packet in enumerate(group):
            if place <= max(needed, kept) or _sets_parameters(self._codec, packet, self._length_bytes):
                droppable = packet.pts not in wanted and place > 0
                if droppable:
                    heapq.heappush(self._left_out, _stamp(packet))
                yield Fed(packet, droppable, self._take_gap())
            else:
                heapq.heappush(self._left_out, _stamp(packet))
                self._gap = True

    def appeared(self, stamp: int | None) -> None:
        """Tell that a frame with this stamp came out of the decoder; they come in rising order."""
        while stamp is not None and self._left_out and self._left_out[0] <= stamp:
            self.left_out += heapq.heappop(self._left_out) < stamp


def _stamp(packet: Packet) -> int:
    """Of a packet in a group; only packets that have one get there."""
    assert packet.pts is not None
    return packet.pts


def _can_skip(codec: str, field_order: int) -> bool:
    """Whether a packet is a frame of its own, and beginnings can be told. Fields of a frame may come in two packets."""
    unknown, progressive = 0, 1
    if codec in ("h264", "hevc"):
        return field_order == progressive or (codec == "hevc" and field_order == unknown)
    return codec in _INTRA or codec in ("vp8", "vp9")


def begins_anew(codec: str, packet: Packet, length_bytes: int) -> bool:
    """Whether decoding from this packet on gives what decoding from the front gives.

    Args:
        codec: Name of the coding.
        packet: Not empty.
        length_bytes: Size of the length before each NAL unit; 0 for start codes.
    """
    if codec in _INTRA:
        return True
    data = memoryview(packet)
    if codec == "vp8":
        return not data[0] & 1
    if codec == "vp9":
        return _vp9_key_frame(data[0])
    if codec == "h264":
        return 5 in _unit_types(codec, data, length_bytes)
    return bool({19, 20} & set(_unit_types(codec, data, length_bytes)))


def _vp9_key_frame(first: int) -> bool:
    """From the first byte: frame marker 10, profile, then "shows an existing frame" and "is no key frame"."""
    profile = first >> 5 & 1 | first >> 3 & 2
    after = 2 if profile == 3 else 3  # profile 3 has a reserved bit more
    return first >> 6 == 2 and not first >> after & 1 and not first >> (after - 1) & 1


def _sets_parameters(codec: str, packet: Packet, length_bytes: int) -> bool:
    if packet.has_sidedata("new_extradata"):
        return True
    if codec not in ("h264", "hevc"):
        return False
    sets = {7, 8} if codec == "h264" else {32, 33, 34}
    return bool(sets & set(_unit_types(codec, memoryview(packet), length_bytes)))


def _unit_types(codec: str, data: memoryview, length_bytes: int) -> Iterator[int]:
    """Types of the NAL units up to the first slice, that one included."""
    for start in _starts(data, length_bytes):
        kind = data[start] & 31 if codec == "h264" else data[start] >> 1 & 63
        yield kind
        if 1 <= kind <= 5 if codec == "h264" else kind < 32:
            return


def _starts(data: memoryview, length_bytes: int) -> Iterator[int]:
    """Where NAL units begin."""
    at = 0
    raw = b"" if length_bytes else bytes(data[:65_536])
    for _ in range(_MOST_UNITS):
        if length_bytes:
            start = at + length_bytes
            if start >= len(data):
                return
            at = start + int.from_bytes(data[at:start], "big")
        else:
            at = raw.find(b"\0\0\1", at)
            start = at + 3
            if at < 0 or start >= len(raw):
                return
            at = start
        yield start


def _length_bytes(codec: str, extradata: bytes) -> int:
    """Size of the length before each NAL unit in MP4 and Matroska; 0 where start codes stand there."""
    at = {"h264": 4, "hevc": 21}.get(codec)
    if at is None or len(extradata) <= at or extradata[0] != 1:
        return 0
    return (extradata[at] & 3) + 1
