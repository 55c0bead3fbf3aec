"""Kind from content: every format we can make, and the traps."""

import io

import pytest
import signals

from assay.media import kinds
from assay.media.mpeg import adts_frame, find_frames, id3_length, layer_frame, stated_samples
from assay.media.sniff import sniff
from assay.media.tracks import matroska_tracks, mp4_tracks, ogg_holds_video

MP3_HEADER = bytes.fromhex("fffb9000")  # MPEG 1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes


def kind(data):
    return sniff(io.BytesIO(data), len(data))


@pytest.mark.parametrize("name", sorted(signals.seeds()))
def test_every_format_is_recognised(name):
    found = kind(signals.seeds()[name])
    assert found.container == signals.FORMATS[name][2]
    assert found.is_sound


def test_lengths_of_frames_worked_out_by_hand():
    assert layer_frame(MP3_HEADER, 0) == 144 * 128_000 // 44_100 == 417
    assert layer_frame(bytes.fromhex("fffb9200"), 0) == 418  # with a padding byte
    assert layer_frame(bytes.fromhex("fff388c4"), 0) == 72 * 64_000 // 16_000 == 288  # MPEG 2, 16 kHz
    assert layer_frame(bytes.fromhex("fffdc404"), 0) == 144 * 256_000 // 48_000  # layer II
    assert adts_frame(bytes.fromhex("fff150401cbffc"), 0) == 0xE5


@pytest.mark.parametrize("header", ["fffe9000", "fff99000", "fffbf000", "fffb0000", "fffb9c00", "ffeb9000", "fffb"])
def test_reserved_fields_are_no_frame(header):
    assert layer_frame(bytes.fromhex(header), 0) == 0


def test_two_frames_at_the_beginning_are_an_mp3_and_one_is_if_the_file_ends_there():
    frame = MP3_HEADER + bytes(413)
    assert find_frames(frame * 2, whole=False) == "mp3"
    assert find_frames(frame, whole=True) == "mp3"
    assert find_frames(frame[:100], whole=True) == "mp3"
    assert find_frames(frame + bytes(500), whole=True) is None
    assert find_frames(bytes(100) + frame * 2, whole=True) is None  # behind junk it takes three
    assert find_frames(bytes(100) + frame * 3, whole=True) == "mp3"


def test_utf16_text_is_not_mistaken_for_mpeg_sound():
    assert kind("A long enough text to fill a frame. ".encode("utf-16") * 50) is kinds.TEXT


def test_random_bytes_are_unknown():
    import numpy as np

    assert kind(np.random.default_rng(3).bytes(70_000)) is kinds.UNKNOWN


def test_the_length_of_an_id3_tag_has_seven_bits_per_byte():
    assert id3_length(b"ID3\x04\x00\x00\x00\x00\x02\x01") == 10 + 2 * 128 + 1
    assert id3_length(b"ID3\x04\x00\x10\x00\x00\x00\x05") == 10 + 5 + 10  # with a footer
    assert id3_length(b"ID3\x04\x00\x00\x80\x00\x00\x05") == 0
    assert id3_length(b"ID3") == 0


def test_samples_that_a_xing_header_states():
    xing = MP3_HEADER + bytes(32) + b"Xing" + (1).to_bytes(4, "big") + (100).to_bytes(4, "big") + bytes(300)
    assert stated_samples(xing) == 100 * 1152
    lame = MP3_HEADER + bytes(32) + b"Info" + (15).to_bytes(4, "big") + (100).to_bytes(4, "big")
    lame += bytes(141 - 12) + (576 << 12 | 1000).to_bytes(3, "big") + bytes(100)
    assert stated_samples(lame) == 100 * 1152 - 576 - 1000
    assert stated_samples(MP3_HEADER + bytes(400)) is None
    assert stated_samples(b"no frame") is None


@pytest.mark.parametrize("container", ["mp4", "mov", "3gp"])
def test_tracks_of_an_mp4(container):
    sound = signals.muxed(container, "aac", signals.sine(rate=44_100), 44_100)
    video = signals.muxed(container, "aac", signals.sine(rate=44_100), 44_100, picture="mpeg4")
    assert mp4_tracks(io.BytesIO(sound), len(sound)) - {"other"} == {"audio"}
    assert mp4_tracks(io.BytesIO(video), len(video)) - {"other"} == {"audio", "video"}


def test_tracks_of_a_matroska_file():
    sound = signals.muxed("matroska", "flac", signals.sine(), 16_000)
    video = signals.muxed("matroska", "flac", signals.sine(), 16_000, picture="mpeg4")
    assert matroska_tracks(io.BytesIO(sound), len(sound)) == {"audio"}
    assert matroska_tracks(io.BytesIO(video), len(video)) == {"audio", "video"}


def test_an_index_that_points_at_itself_ends():
    loop = (8).to_bytes(4, "big") + b"moov"
    assert mp4_tracks(io.BytesIO(loop * 100_000), 800_000) == set()
    endless = b"\x1a\x45\xdf\xa3\x80" + b"\xec\x80" * 100_000
    assert matroska_tracks(io.BytesIO(endless), len(endless)) == set()


def test_an_ogg_with_a_theora_stream_is_a_video():
    def page(payload, flags=2):
        return b"OggS\x00" + bytes([flags]) + bytes(20) + b"\x01" + bytes([len(payload)]) + payload

    assert ogg_holds_video(page(b"\x01vorbis" + bytes(20)) + page(b"\x80theora" + bytes(20)))
    assert not ogg_holds_video(page(b"\x01vorbis" + bytes(20)) + page(b"\x80theora" + bytes(20), flags=0))
    assert kind(page(b"\x80theora" + bytes(20))) is kinds.OGG_VIDEO


def test_a_bm_at_the_beginning_alone_is_no_picture():
    assert kind(b"BMW has a new car.\n" * 5) is kinds.TEXT
