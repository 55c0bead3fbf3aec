"""Broken files end in a MediaError or in sound, never in another exception or a crash of the process."""

import numpy as np
import pytest
import signals
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import MediaError
from assay.media import open_media
from assay.settings import Settings

SETTINGS = Settings(max_duration_s=60.0, max_file_bytes=2**22)
SEEDS = signals.seeds()
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)


@st.composite
def mutated(draw):
    """A seed after one to four of the `MUTATIONS`."""
    data = bytearray(SEEDS[draw(st.sampled_from(sorted(SEEDS)))])
    for _ in range(draw(st.integers(1, 4))):
        if not data:
            break
        data = bytearray(draw(st.sampled_from(MUTATIONS))(draw, data))
    # Without right checksums hardly any damage inside an Ogg page would reach a decoder.
    return signals.resealed(data) if draw(st.booleans()) else bytes(data)


def flip(draw, data):
    for at in draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=20)):
        data[at] ^= 1 << draw(st.integers(0, 7))
    return data


def edit_header(draw, data):
    at = draw(st.integers(0, min(len(data), 160) - 1))
    width = draw(st.sampled_from((1, 2, 4, 8)))
    data[at : at + width] = bytes([draw(st.sampled_from(INTERESTING))]) * width
    return data


def edit_index(draw, data):
    """Containers such as MP4 keep their index at the end."""
    at = max(0, len(data) - draw(st.integers(1, 900)))
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


def noise(draw, data):
    start = draw(st.integers(0, len(data) - 1))
    junk = np.random.default_rng(draw(st.integers(0, 2**16))).bytes(draw(st.integers(1, 200)))
    data[start : start + len(junk)] = junk
    return data


MUTATIONS = (flip, edit_header, edit_index, truncate, remove, splice, noise)


def survives(data):
    """Decode everything; True if there was sound."""
    try:
        media = open_media(data, settings=SETTINGS)
        for block in media.blocks(channels="each", block_s=0.1):
            assert block.dtype == np.float32
            assert np.isfinite(block).all()
    except MediaError:
        return False
    return True


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=mutated())
def test_mutated_files_end_in_sound_or_in_a_media_error(data):
    survives(data)


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_each_seed_decodes_unharmed_and_at_every_truncation_ends_well(name):
    whole = SEEDS[name]
    assert survives(whole)
    for length in np.linspace(0, len(whole) - 1, 25, dtype=int):
        survives(whole[:length])


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(data=st.binary(max_size=300))
def test_random_bytes_are_refused(data):
    assert not survives(data)
