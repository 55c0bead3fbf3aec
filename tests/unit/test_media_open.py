"""Every format decodes, whatever its name, and what is not sound is refused by what it is."""

import io
import wave
import zipfile

import numpy as np
import pytest
import signals

from assay.errors import UnsupportedMedia
from assay.media import SAMPLE_RATE_HZ, open_media
from assay.settings import Settings

SETTINGS = Settings()
RATES = {
    "amr": (8_000,),
    "3gp-amr": (8_000,),
    "webm": (8_000, 16_000, 48_000),
    "ogg-opus": (8_000, 16_000, 48_000),
}
MP3_RATES = (8_000, 16_000, 22_050, 44_100, 48_000)
ALL_RATES = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000)


def cases():
    for name in signals.FORMATS:
        rates = MP3_RATES if name == "mp3" else RATES.get(name, ALL_RATES)
        missing = pytest.mark.skipif(not signals.has_encoder(name), reason=f"no encoder for {name} in this build")
        for rate in rates:
            yield pytest.param(name, rate, id=f"{name}-{rate}", marks=missing)


def whole(media, **options):
    return np.concatenate(list(media.blocks(**options)), axis=1)


def strongest_hz(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return spectrum.argmax() * SAMPLE_RATE_HZ / len(samples)


@pytest.mark.parametrize(("name", "rate"), list(cases()))
def test_every_format_decodes_at_every_rate_with_its_pitch_and_length(name, rate):
    data = signals.encoded(name, signals.sine(hz=440, rate=rate, seconds=1.0), rate)
    media = open_media(data, settings=SETTINGS)
    samples = whole(media)
    assert media.container == signals.FORMATS[name][2]
    assert media.channels == 1
    assert samples.dtype == np.float32
    assert 0.99 < samples.shape[1] / SAMPLE_RATE_HZ < 1.2  # codecs pad their frames
    assert strongest_hz(samples[0]) == pytest.approx(440, abs=2)
    assert np.std(samples[0, 4000:12000]) == pytest.approx(0.5 / np.sqrt(2), rel=0.15)  # a codec for speech is no hi-fi


@pytest.mark.parametrize("name", signals.LOSSLESS)
def test_lossless_formats_give_the_very_samples(name):
    signal = np.round(signals.noise(channels=2) * 2**15).clip(-(2**15), 2**15 - 1) / 2**15
    media = open_media(signals.encoded(name, signal, 16_000), settings=SETTINGS)
    assert np.array_equal(whole(media, channels="each"), signal.T.astype(np.float32))


def test_header_facts_of_a_wav_file():
    media = open_media(signals.wav(signals.sine(seconds=0.25, channels=2)), settings=SETTINGS)
    facts = (media.container, media.codec, media.sample_rate_hz, media.channels, media.declared_duration_s)
    assert facts == ("wav", "pcm_16", 16_000, 2, 0.25)
    assert media.notes == ()


def test_sound_that_python_wrote_decodes():
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(16_000)
        made.writeframes(np.array([0, 16384, -32768, 32767], "<i2").tobytes())
    assert whole(open_media(file.getvalue(), settings=SETTINGS)).tolist() == [[0, 0.5, -1, 32767 / 32768]]


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "m4a", "ogg-opus", "webm"])
def test_a_wrong_extension_does_not_matter(name, tmp_path):
    data = signals.seeds()[name]
    path = tmp_path / "lies.pdf"
    path.write_bytes(data)
    assert np.array_equal(whole(open_media(path, settings=SETTINGS)), whole(open_media(data, settings=SETTINGS)))


@pytest.mark.parametrize("name", ["mp3", "aac", "flac"])
def test_an_id3_tag_in_front_is_stepped_over(name):
    tag = b"ID3\x04\x00\x00\x00\x00\x09\x10" + bytes(9 * 128 + 16)
    tagged = open_media(tag + signals.seeds()[name], settings=SETTINGS)
    assert np.array_equal(whole(tagged), whole(open_media(signals.seeds()[name], settings=SETTINGS)))


def test_silence_and_a_fifth_of_a_second_are_sound_like_any_other():
    silence = whole(open_media(signals.wav(np.zeros(3_200, np.float32)), settings=SETTINGS))
    assert silence.shape == (1, 3_200)
    assert not silence.any()


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG picture"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG picture"),
        (b"GIF89a\x01\x00", "a GIF picture"),
        (b"II*\x00\x08\x00", "a TIFF picture"),
        (b"MM\x00*\x00\x00", "a TIFF picture"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "a WebP picture"),
        (b"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00" + bytes(40), "a BMP picture"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "a HEIC/HEIF picture"),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1avif", "an AVIF picture"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00avifmiaf", "an AVIF picture"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"RIFF\x24\x00\x00\x00AVI LIST", "an AVI video"),
        (b"\x00\x00\x01\xba\x44", "an MPEG video"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media"),
        (b"Hello, this is a transcript.\n", "a text file"),
        ("Grüße\n".encode("utf-16"), "a text file"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "a playlist"),
        (b"ffconcat version 1.0\nfile secret.wav\n", "a playlist"),
        (bytes(600), "nothing but zero bytes"),
        (b"\x01\x02\x03\x04\xff\xfe\xfd", "of a kind Assay does not know"),
    ],
)
def test_what_is_not_sound_is_named_and_refused(head, said, tmp_path):
    path = tmp_path / "it is.wav"
    path.write_bytes(head)
    with pytest.raises(UnsupportedMedia, match=f"it is.wav' seems to be {said}"):
        open_media(path, settings=SETTINGS)


def test_a_zip_archive_is_named_and_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.wav", signals.seeds()["wav"])
    with pytest.raises(UnsupportedMedia, match="ZIP archive"):
        open_media(file.getvalue(), settings=SETTINGS)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "aac"), ("mov", "aac"), ("matroska", "aac"), ("avi", "mp3"), ("mpegts", "aac")],
)
def test_a_video_is_refused_with_the_command_that_extracts_its_sound(container, codec, tmp_path):
    codec = "libmp3lame" if codec == "mp3" else codec
    path = tmp_path / "my film"
    path.write_bytes(signals.muxed(container, codec, signals.sine(rate=44_100), 44_100, picture="mpeg4"))
    with pytest.raises(UnsupportedMedia, match=r"ffmpeg -i '.*my film' -vn sound.wav"):
        open_media(path, settings=SETTINGS)


def test_a_video_whose_index_hides_its_picture_is_refused_by_the_decoder():
    data = signals.muxed("mp4", "aac", signals.sine(rate=44_100), 44_100, picture="mpeg4")
    assert data.count(b"vide") == 1
    # FFmpeg finds out from the sample description; our own look at the index only sees "other".
    with pytest.raises(UnsupportedMedia):
        open_media(data.replace(b"vide", b"vidx"), settings=SETTINGS)


def test_only_the_first_of_several_sound_tracks_is_analysed_and_that_is_noted():
    data = signals.muxed("matroska", "flac", signals.sine(), 16_000, tracks=2)
    media = open_media(data, settings=SETTINGS)
    assert whole(media).shape == (1, 8_000)
    assert media.notes == ("1 more sound track(s) in the file were not analysed",)


@pytest.mark.parametrize("name", ["flac", "ogg-vorbis", "ogg-opus", "mp3"])
def test_files_joined_end_to_end_are_analysed_to_the_last(name):
    first, second = (signals.encoded(name, signals.noise(seconds=2.0, seed=n), 16_000) for n in range(2))
    assert whole(open_media(first + second, settings=SETTINGS)).shape[1] >= 64_000


@pytest.mark.parametrize("url", ["https://example.org/a.wav", "s3://bucket/a.wav", "file:///etc/passwd"])
def test_a_url_is_refused_and_never_opened(url):
    with pytest.raises(UnsupportedMedia, match="Download it first"):
        open_media(url, settings=SETTINGS)


def test_the_result_is_frozen_and_equal_for_equal_content(tmp_path):
    data = signals.seeds()["wav"]
    first, second = (open_media(data, settings=SETTINGS) for _ in range(2))
    assert first == second
    with pytest.raises(AttributeError):
        first.path = "other"
