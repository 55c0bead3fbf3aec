"""Broken pictures end in a MediaError or in a picture, never in another exception or a crash of the process."""

import struct
import zlib
from contextlib import suppress

import drawings
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import MediaError
from assay.media.picture_layout import layout
from assay.media.pictures import open_picture
from assay.media.tiff_directory import exif_orientation
from assay.settings import Settings

SETTINGS = Settings(max_picture_pixels=2**20, max_picture_bytes=2**20, max_picture_frames=100)
SEEDS = drawings.seeds()
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)
QUIET = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}


def flip(draw, data):
    for at in draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=12)):
        data[at] ^= 1 << draw(st.integers(0, 7))
    return data


def edit_header(draw, data):
    at = draw(st.integers(0, min(len(data), 400) - 1))
    width = draw(st.sampled_from((1, 2, 4)))
    data[at : at + width] = bytes([draw(st.sampled_from(INTERESTING))]) * width
    return data


def edit_end(draw, data):
    """TIFF keeps its directories at the end."""
    at = max(0, len(data) - draw(st.integers(1, 400)))
    data[at : at + 2] = bytes([draw(st.sampled_from(INTERESTING))]) * 2
    return data


def truncate(draw, data):
    return data[: draw(st.integers(0, len(data)))]


def remove(draw, data):
    start = draw(st.integers(0, len(data) - 1))
    del data[start : start + draw(st.integers(1, 200))]
    return data


def splice(draw, data):
    other = SEEDS[draw(st.sampled_from(sorted(SEEDS)))]
    start = draw(st.integers(0, len(other) - 1))
    at = draw(st.integers(0, len(data)))
    data[at:at] = other[start : start + draw(st.integers(1, 300))]
    return data


def noise(draw, data):
    start = draw(st.integers(0, len(data) - 1))
    junk = np.random.default_rng(draw(st.integers(0, 2**16))).bytes(draw(st.integers(1, 100)))
    data[start : start + len(junk)] = junk
    return data


MUTATIONS = (flip, edit_header, edit_end, truncate, remove, splice, noise)


@st.composite
def mutated(draw):
    """A seed after one to three of the `MUTATIONS`."""
    data = bytearray(SEEDS[draw(st.sampled_from(sorted(SEEDS)))])
    for _ in range(draw(st.integers(1, 3))):
        if not data:
            break
        data = bytearray(draw(st.sampled_from(MUTATIONS))(draw, data))
    # Without right checksums hardly any damage inside a PNG would reach the decoder.
    return resealed(data) if data.startswith(b"\x89PNG") and draw(st.booleans()) else bytes(data)


def resealed(data):
    """A PNG with the checksums that its chunks now have."""
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(data)


def survives(data):
    """Decode; True if there was a picture."""
    try:
        picture = open_picture(data, settings=SETTINGS)
    except MediaError:
        return False
    assert picture.pixels.shape == (picture.height, picture.width, 3)
    assert picture.pixels.dtype == np.uint8
    assert 0 <= picture.trailing_bytes < len(data)
    return True


@settings(max_examples=400, **QUIET)
@given(data=mutated())
def test_mutated_pictures_end_in_a_picture_or_in_a_media_error(data):
    survives(data)


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_each_seed_is_read_unharmed_and_at_every_truncation_ends_well(name):
    whole = SEEDS[name]
    assert survives(whole)
    for length in np.linspace(0, len(whole) - 1, 15, dtype=int):
        survives(whole[:length])


@settings(max_examples=100, **QUIET)
@given(data=st.binary(max_size=300))
def test_random_bytes_behind_any_magic_are_refused(data):
    for magic in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"MM\0+", b"RIFF\xff\0\0\0WEBP"):
        survives(magic + data)


@settings(max_examples=300, **QUIET)
@given(data=st.binary(max_size=200), head=st.sampled_from((b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0")))
def test_any_exif_gives_an_orientation_or_a_value_error(data, head):
    with suppress(ValueError):
        assert 1 <= exif_orientation(head + data) <= 8


@settings(max_examples=300, **QUIET)
@given(data=st.binary(max_size=200), container=st.sampled_from(drawings.FORMATS))
def test_any_layout_ends_inside_the_file_or_in_a_value_error(data, container):
    try:
        found = layout(container, data, 10)
    except ValueError:
        return
    assert found.end is None or 0 <= found.end <= len(data)
