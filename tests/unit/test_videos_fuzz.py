"""Broken videos end in a MediaError or in frames, never in another exception or a crash of the process."""

import movies
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import MediaError
from assay.media.opening import open_moving
from assay.media.videos import Video
from assay.settings import Settings

SETTINGS = Settings(max_duration_s=60.0, max_file_bytes=2**20, max_video_pixels=2**16, max_video_frames=200)
SEEDS = movies.seeds()
CONTAINERS = ("mp4", "mov", "mkv", "webm", "avi", "mpg", "ts")  # the other seeds are further codecs in these
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)
ASKED = ({"fps": None}, {"fps": 2.0, "scenes": True}, {"num_frames": 2}, {"fps": 10.0, "start_s": 0.1, "end_s": 0.2})
QUIET = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}


def flip(draw, data):
    for at in draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=20)):
        data[at] ^= 1 << draw(st.integers(0, 7))
    return data


def edit_header(draw, data):
    at = draw(st.integers(0, min(len(data), 600) - 1))
    width = draw(st.sampled_from((1, 2, 4, 8)))
    data[at : at + width] = bytes([draw(st.sampled_from(INTERESTING))]) * width
    return data


def edit_index(draw, data):
    """MP4 and AVI keep their index at the end."""
    at = max(0, len(data) - draw(st.integers(1, 1_500)))
    data[at : at + 4] = bytes([draw(st.sampled_from(INTERESTING))]) * 4
    return data


def truncate(draw, data):
    return data[: draw(st.integers(0, len(data)))]


def remove(draw, data):
    start = draw(st.integers(0, len(data) - 1))
    del data[start : start + draw(st.integers(1, 400))]
    return data


def splice(draw, data):
    other = SEEDS[draw(st.sampled_from(sorted(SEEDS)))]
    start = draw(st.integers(0, len(other) - 1))
    at = draw(st.integers(0, len(data)))
    data[at:at] = other[start : start + draw(st.integers(1, 600))]
    return data


def repeat(draw, data):
    """Time stamps go back, and streams begin anew."""
    start = draw(st.integers(0, len(data) - 1))
    return data + data[start:]


def noise(draw, data):
    start = draw(st.integers(0, len(data) - 1))
    junk = np.random.default_rng(draw(st.integers(0, 2**16))).bytes(draw(st.integers(1, 200)))
    data[start : start + len(junk)] = junk
    return data


MUTATIONS = (flip, edit_header, edit_index, truncate, remove, splice, repeat, noise)


@st.composite
def mutated(draw, seed):
    """A file after one to three of the `MUTATIONS`, and what to ask of it."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 3))):
        if not data:
            break
        data = bytearray(draw(st.sampled_from(MUTATIONS))(draw, data))
    return bytes(data), draw(st.sampled_from(ASKED))


def survives(data, asked):
    """Decode; True if there were frames."""
    count, before = 0, -1.0
    try:
        media = open_moving(data, settings=SETTINGS)
        if not isinstance(media, Video):
            for block in media.blocks():
                assert np.isfinite(block).all()
            return False
        for frame in media.frames(**asked):
            assert frame.pixels.dtype == np.uint8
            assert frame.pixels.shape[2] == 3
            assert frame.time_s > before
            count, before = count + 1, frame.time_s
        sound = media.audio()
        for block in sound.blocks() if sound else ():
            assert np.isfinite(block).all()
    except MediaError:
        return False
    return count > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SEEDS))
def test_mutated_videos_end_in_frames_or_in_a_media_error(name):
    @settings(max_examples=500 if name in CONTAINERS else 150, **QUIET)
    @given(case=mutated(SEEDS[name]))
    def check(case):
        survives(*case)

    check()


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_each_seed_decodes_unharmed_and_at_every_truncation_ends_well(name):
    whole = SEEDS[name]
    for asked in ASKED:
        assert survives(whole, asked)
    for number, length in enumerate(np.linspace(0, len(whole) - 1, 16, dtype=int)):
        survives(whole[:length], ASKED[number % len(ASKED)])


HEADS = (
    b"RIFF\xff\0\0\0AVI LIST",
    b"\0\0\1\xba\x44",
    b"\0\0\1\xb3",
    b"\x1a\x45\xdf\xa3",
    b"\0\0\0\x14ftypqt  \0\0\0\0",
)


@settings(max_examples=100, **QUIET)
@given(data=st.binary(max_size=300))
def test_random_bytes_behind_any_magic_are_refused(data):
    for head in HEADS:
        assert not survives(head + data, {})
