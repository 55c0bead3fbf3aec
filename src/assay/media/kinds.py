"""The kinds of content Assay can tell apart, and what it does with each.

A `Kind` is the answer of `assay.media.sniff`. Sound and video kinds name the demuxer PyAV must use: FFmpeg never
guesses a format, so its playlist, concat and network formats stay out of reach. Every other kind carries a
refusal with the next step.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Literal

Turn = Literal["first", "second", "never"]
Group = Literal["sound", "other sound", "picture", "video", "other"]


def convert_first(name: str) -> str:
    """The next step for sound that only FFmpeg's own program reads."""
    return f"Convert it first: ffmpeg -i {shlex.quote(name)} sound.wav"


# {quoted} is the file as the user gave it, quoted for a shell.
_ADVICE: dict[Group, str] = {
    "sound": "",
    "other sound": "{convert}",
    "picture": "Sound was expected here; `assay scan` takes pictures, too.",
    "video": (
        "It holds a moving picture; `assay scan` takes mp4, mov, mkv, webm, avi and mpg. "
        "Sound alone is extracted by: ffmpeg -i {quoted} -vn sound.wav"
    ),
    "other": (
        "Give a sound file (wav, aiff, flac, ogg, mp3, m4a, aac, amr, webm, caf or au), a picture (jpeg, png, webp, "
        "tiff, bmp, gif, heic or avif) or a video (mp4, mov, mkv, webm, avi or mpg). If this should be one, it is "
        "damaged at its beginning."
    ),
}


@dataclass(frozen=True)
class Kind:
    """What the content of a file is.

    Attributes:
        container: Short stable name, ``"wav"``, ``"mp4"``, ``"jpeg"``.
        label: What to call it in a sentence, "a WAV file".
        group: ``"sound"`` if this version decodes it.
        demuxer: FFmpeg's name of the container, for sound and for videos that are read; None if only soundfile reads
            it, or nothing.
        soundfile: Whether libsndfile reads it ``"first"``, ``"second"`` (after PyAV) or ``"never"``.
        beside_pictures: Whether moving pictures may stand beside the sound; see `sound_track`.
    """

    container: str
    label: str
    group: Group
    demuxer: str | None = None
    soundfile: Turn = "never"
    beside_pictures: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether it is sound that this version decodes."""
        return self.group == "sound"

    @property
    def is_picture(self) -> bool:
        """Whether it is a still picture, of a kind that this version decodes or of another."""
        return self.group == "picture"

    @property
    def is_video(self) -> bool:
        """Whether it is a container of moving pictures that `assay.media.videos` opens; it may hold only sound."""
        return self.group == "video" and self.demuxer is not None

    @property
    def sound_track(self) -> Kind:
        """The same container, opened for its sound."""
        return replace(self, group="sound", beside_pictures=True)

    @property
    def is_analysed(self) -> bool:
        """Whether a scan takes it."""
        return self.is_sound or self.is_picture or self.is_video

    def refusal(self, name: str) -> str:
        """The sentence that tells a user why the file is not analysed, and the next step."""
        advice = _ADVICE[self.group].format(quoted=shlex.quote(name), convert=convert_first(name))
        return f"'{name}' seems to be {self.label}. {advice}"


def _sound(container: str, label: str, demuxer: str | None, soundfile: Turn) -> Kind:
    return Kind(container, label, "sound", demuxer, soundfile)


WAV = _sound("wav", "a WAV file", "wav", "first")
RF64 = _sound("rf64", "an RF64 (long WAV) file", "wav", "first")
W64 = _sound("w64", "a Wave64 file", "w64", "first")
AIFF = _sound("aiff", "an AIFF file", "aiff", "first")
FLAC = _sound("flac", "a FLAC file", "flac", "first")
OGG = _sound("ogg", "an Ogg sound file", "ogg", "second")
MP3 = _sound("mp3", "an MP3 file", "mp3", "second")
CAF = _sound("caf", "a CAF file", "caf", "first")
AU = _sound("au", "an AU file", "au", "first")
SPHERE = _sound("sphere", "a NIST SPHERE file", None, "first")
MP4 = _sound("mp4", "an MP4/M4A sound file", "mp4", "never")
MP4_WITHOUT_INDEX = _sound("mp4", "an MP4 file, of sound or pictures", "mp4", "never")  # cut off, most often
ADTS = _sound("adts", "an AAC (ADTS) file", "aac", "never")
AMR = _sound("amr", "an AMR file", "amr", "never")
MATROSKA = _sound("matroska", "a WebM/Matroska sound file", "matroska", "never")

UNKNOWN = Kind("unknown", "of a kind Assay does not know", "other")
TEXT = Kind("text", "a text file", "other")
ZEROS = Kind("zeros", "nothing but zero bytes", "other")
PLAYLIST = Kind("playlist", "a playlist, which only names other files", "other")
MP4_VIDEO = Kind("mp4", "an MP4/MOV video", "video", "mp4")
MATROSKA_VIDEO = Kind("matroska", "a WebM/Matroska video", "video", "matroska")
OGG_VIDEO = Kind("ogg", "an Ogg video", "video")
AVI = Kind("avi", "an AVI video", "video", "avi")
MPEG_TS = Kind("mpegts", "an MPEG transport stream", "video", "mpegts")
WEBP = Kind("webp", "a WebP picture", "picture")
HEIC = Kind("heic", "a HEIC/HEIF picture", "picture")
AVIF = Kind("avif", "an AVIF picture", "picture")
BMP = Kind("bmp", "a BMP picture", "picture")
RIFF_OTHER = Kind("riff", "a RIFF file that holds neither sound nor video", "other")

# Magic bytes at the very beginning of a file; each is long enough to stand alone.
MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"fLaC", FLAC),
    (b"caff\x00\x01", CAF),
    (b".snd", AU),
    (b"dns.", AU),
    (b"NIST_1A", SPHERE),
    (b"#!AMR\n", AMR),
    (b"#!AMR-WB\n", AMR),
    (b"riff\x2e\x91\xcf\x11", W64),
    (b"\xff\xd8\xff", Kind("jpeg", "a JPEG picture", "picture")),
    (b"\x89PNG\r\n\x1a\n", Kind("png", "a PNG picture", "picture")),
    (b"GIF87a", Kind("gif", "a GIF picture", "picture")),
    (b"GIF89a", Kind("gif", "a GIF picture", "picture")),
    (b"II*\x00", Kind("tiff", "a TIFF picture", "picture")),
    (b"MM\x00*", Kind("tiff", "a TIFF picture", "picture")),
    (b"II+\x00", Kind("tiff", "a TIFF picture", "picture")),
    (b"MM\x00+", Kind("tiff", "a TIFF picture", "picture")),
    (b"8BPS", Kind("psd", "a Photoshop picture", "picture")),
    (b"\x00\x00\x00\x0cjP  ", Kind("jp2", "a JPEG 2000 picture", "picture")),
    (b"\x00\x00\x00\x0cJXL ", Kind("jxl", "a JPEG XL picture", "picture")),
    (b"%PDF-", Kind("pdf", "a PDF document", "other")),
    (b"PK\x03\x04", Kind("zip", "a ZIP archive or an office document", "other")),
    (b"PK\x05\x06", Kind("zip", "an empty ZIP archive", "other")),
    (b"\x1f\x8b", Kind("gzip", "a gzip archive", "other")),
    (b"7z\xbc\xaf\x27\x1c", Kind("7z", "a 7z archive", "other")),
    (b"Rar!\x1a\x07", Kind("rar", "a RAR archive", "other")),
    (b"\xfd7zXZ\x00", Kind("xz", "an XZ archive", "other")),
    (b"BZh", Kind("bzip2", "a bzip2 archive", "other")),
    (b"\x28\xb5\x2f\xfd", Kind("zstd", "a Zstandard archive", "other")),
    (b"\x7fELF", Kind("elf", "a program", "other")),
    (b"SQLite format 3\x00", Kind("sqlite", "an SQLite database", "other")),
    (b"PAR1", Kind("parquet", "a Parquet table", "other")),
    (b"\x89HDF\r\n\x1a\n", Kind("hdf5", "an HDF5 file", "other")),
    (b"\x93NUMPY", Kind("npy", "a NumPy array; load it and give (array, sample rate)", "other")),
    (b"MThd", Kind("midi", "a MIDI score, which holds notes instead of sound", "other")),
    (b"FLV\x01", Kind("flv", "a Flash video", "video")),
    (b"\x00\x00\x01\xba", Kind("mpeg", "an MPEG video", "video", "mpeg")),
    (b"\x00\x00\x01\xb3", Kind("mpeg", "an MPEG video", "video", "mpegvideo")),  # pictures without a container
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("asf", "a Windows Media (WMA/WMV) file", "other sound")),
    (b"wvpk", Kind("wavpack", "a WavPack file", "other sound")),
    (b"MAC ", Kind("ape", "a Monkey's Audio file", "other sound")),
    (b"TTA1", Kind("tta", "a TTA file", "other sound")),
    (b"DSD ", Kind("dsf", "a DSD file", "other sound")),
    (b"FRM8", Kind("dsdiff", "a DSD file", "other sound")),
    (b".RMF", Kind("realmedia", "a RealMedia file", "other sound")),
    (b"\x0b\x77", Kind("ac3", "an AC-3 file", "other sound")),
    (b"\x7f\xfe\x80\x01", Kind("dts", "a DTS file", "other sound")),
    (b"Creative Voice File\x1a", Kind("voc", "a Creative Voice file", "other sound")),
    (b"#!SILK_V3", Kind("silk", "a SILK file", "other sound")),
    (b"\x02#!SILK_V3", Kind("silk", "a SILK file", "other sound")),
    (b"#!AMR_MC", Kind("amr-mc", "a multi-channel AMR file", "other sound")),
    (b"#!AMR-WB_MC", Kind("amr-mc", "a multi-channel AMR file", "other sound")),
)
