"""What FFmpeg is allowed to do, how foreign errors come out, and what an import costs."""

import subprocess
import sys

import av
import pytest
import signals
import soundfile

from assay.errors import DecodeError, LimitExceeded, MediaError, MediaUnreadable, UnsupportedMedia
from assay.media import decode_av, decode_soundfile, kinds, open_media
from assay.settings import Settings

SETTINGS = Settings()
SOUNDS = [value for value in vars(kinds).values() if isinstance(value, kinds.Kind) and value.is_sound]


@pytest.mark.parametrize("name", ["mp3", "m4a", "aac", "webm", "ogg-opus"])
def test_ffmpeg_gets_a_reader_the_demuxer_and_no_protocol(name, monkeypatch):
    calls = []
    opened = av.open

    def spy(file, mode, **options):
        calls.append((file, options))
        return opened(file, mode, **options)

    monkeypatch.setattr(av, "open", spy)
    list(open_media(signals.seeds()[name], settings=SETTINGS).blocks())
    assert calls
    for file, options in calls:
        assert hasattr(file, "read")
        assert options["format"] == options["options"]["format_whitelist"]
        assert options["options"]["protocol_whitelist"] == "none"


def test_no_kind_reaches_a_demuxer_that_opens_other_files():
    assert SOUNDS
    assert not {kind.demuxer for kind in SOUNDS} & {"hls", "concat", "dash", "sdp", "rtsp", "image2", "lavfi", "imf"}


@pytest.mark.parametrize("kind", [kind for kind in SOUNDS if kind.demuxer], ids=lambda kind: kind.container)
@pytest.mark.parametrize("playlist", ["#EXTM3U\n#EXTINF:1,\n{}\n", "ffconcat version 1.0\nfile '{}'\n"])
def test_a_playlist_forced_into_a_sound_demuxer_opens_nothing(kind, playlist, tmp_path):
    secret = tmp_path / "secret.wav"
    secret.write_bytes(signals.seeds()["wav"])
    text = tmp_path / "list"
    text.write_text(playlist.format(secret) * 50)
    with text.open("rb") as file:
        try:
            header = decode_av.probe(file, text.stat().st_size, kind, "list")
        except (av.error.FFmpegError, UnsupportedMedia):
            return
        assert header.sample_rate_hz == 0  # no sound was found, which `open_media` turns into an error


def test_an_mp4_that_refers_to_another_file_does_not_get_it(tmp_path):
    """The data reference box may name a file; here it names the very file that holds the sound."""
    data = signals.encoded("m4a", signals.sine(rate=44_100), 44_100)
    outside = tmp_path / "outside.m4a"
    outside.write_bytes(data)
    at = data.index(b"url \x00\x00\x00\x01")
    index = data[data.index(b"moov") - 4 :]
    link = data[:28] + index.replace(data[at : at + 8], b"url \x00\x00\x00\x00")
    with pytest.raises(MediaError):
        list(open_media(link, settings=SETTINGS).blocks())


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        (soundfile.LibsndfileError(2), DecodeError),
        (soundfile.SoundFileRuntimeError("no"), DecodeError),
        (av.error.InvalidDataError(1094995529, "Invalid data"), DecodeError),
        (av.error.PermissionError(1, "Operation not permitted"), DecodeError),
        (av.error.EOFError(541478725, "End of file"), DecodeError),
        (ValueError("bad"), DecodeError),
        (OverflowError("big"), DecodeError),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), DecodeError),
        (MemoryError(), LimitExceeded),
        (OSError(5, "Input/output error"), MediaUnreadable),
        (PermissionError(13, "Permission denied"), MediaUnreadable),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
@pytest.mark.parametrize("stage", ["probe", "pieces"])
def test_every_foreign_exception_becomes_one_of_ours(foreign, ours, stage, monkeypatch):
    def fail(*_):
        raise foreign

    for module in (decode_soundfile, decode_av):
        monkeypatch.setattr(module, stage, fail)
    with pytest.raises(ours, match=r"it\.wav") as caught:
        list(open_media(signals.seeds()["wav"], settings=SETTINGS, name="it.wav").blocks())
    assert caught.value.__cause__ is foreign


def test_an_error_of_the_disk_while_decoding_is_reported(monkeypatch, tmp_path):
    from assay.media import source

    monkeypatch.setattr(source, "IN_MEMORY_BYTES", 10)
    path = tmp_path / "a.wav"
    path.write_bytes(signals.seeds()["wav"])
    media = open_media(path, settings=SETTINGS)

    class Broken:
        def __init__(self, file):
            self.file, self.seek, self.tell, self.close = file, file.seek, file.tell, file.close

        def readinto(self, buffer):
            if self.tell() > 2_000:
                raise OSError(5, "Input/output error")
            return self.file.readinto(memoryview(buffer)[:100])

    real = source.FileBytes.reader
    monkeypatch.setattr(source.FileBytes, "reader", lambda self: Broken(real(self)))
    with pytest.raises(MediaUnreadable, match="Input/output error"):
        list(media.blocks())


def test_importing_the_room_loads_no_decoder():
    code = (
        "import sys, assay.media; print([m for m in ('av', 'soundfile', 'soxr', 'scipy', 'torch') if m in sys.modules])"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "[]"


def test_a_wav_file_is_read_without_loading_ffmpeg(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(signals.seeds()["wav"])
    code = (
        "import sys; from assay.media import open_media; from assay.settings import Settings; "
        f"list(open_media({str(path)!r}, settings=Settings()).blocks()); print('av' in sys.modules)"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "False"
