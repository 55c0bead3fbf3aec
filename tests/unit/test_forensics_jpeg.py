"""JPEG structure: what a writer was told to do is read back, and nothing that is broken stops the reader."""

import io
import struct

import numpy as np
import pytest
from forensic_pictures import jpeg, textured
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from assay.errors import DecodeError
from assay.forensics.ijg import CHROMINANCE, LUMINANCE, estimate_quality, scaled
from assay.forensics.jpeg import ZIGZAG, jpeg_traces, read_jpeg

PIXELS = textured(0, 48, 80)
PLAIN = jpeg(PIXELS, 90)


def with_segment(data, marker, payload):
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload + data[2:]


def exif_with_thumbnail(thumbnail):
    """A TIFF with an empty first directory and a second one that points at the thumbnail."""
    second = 8 + 2 + 4
    at = second + 2 + 2 * 12 + 4
    entries = struct.pack("<HHII", 0x201, 4, 1, at) + struct.pack("<HHII", 0x202, 4, 1, len(thumbnail))
    head = b"II*\x00" + struct.pack("<I", 8) + struct.pack("<HI", 0, second)
    return head + struct.pack("<H", 2) + entries + bytes(4) + thumbnail


def test_the_zigzag_begins_and_ends_as_the_standard_draws_it():
    assert ZIGZAG[:10] == (0, 1, 8, 16, 9, 2, 3, 10, 17, 24)
    assert ZIGZAG[-4:] == (47, 55, 62, 63)
    assert sorted(ZIGZAG) == list(range(64))


@pytest.mark.parametrize("quality", range(1, 101))
def test_the_quality_of_a_writer_is_read_back(quality):
    found = read_jpeg(jpeg(PIXELS, quality)).quality
    assert (found.quality, found.exact, found.mean_error) == (quality, True, 0)


@pytest.mark.parametrize("quality", [1, 5, 20, 24, 25, 50, 99])
def test_tables_of_16_bits_are_scaled_beyond_255(quality):
    tables = [scaled(base, quality, largest=32_767) for base in (LUMINANCE, CHROMINANCE)]
    assert estimate_quality(*tables).quality == quality
    assert estimate_quality(*tables).exact


def test_a_table_of_16_bits_is_read_in_natural_order():
    steps = np.arange(1, 65).reshape(8, 8) * 1000
    payload = b"\x13" + struct.pack(">64H", *(steps.ravel()[i] for i in ZIGZAG))
    found = read_jpeg(with_segment(PLAIN, 0xDB, payload)).tables
    (table,) = [table for table in found if table.slot == 3]
    assert table.bits == 16
    np.testing.assert_array_equal(table.array, steps)


def test_tables_agree_with_those_pillow_reads():
    data = jpeg(PIXELS, 83)
    theirs = Image.open(io.BytesIO(data)).quantization
    assert {table.slot: list(table.steps) for table in read_jpeg(data).tables} == theirs


def test_tables_that_are_not_libjpegs_are_said_to_be_so():
    tables = [[7 + i // 3 for i in range(64)], [9 + i // 2 for i in range(64)]]
    structure = read_jpeg(jpeg(PIXELS, qtables=tables))
    assert not structure.quality.exact
    assert structure.quality.mean_error > 1
    (trace,) = [trace for trace in jpeg_traces(structure) if trace.name == "jpeg_quantisation"]
    assert trace.measured["ijg_exact"] is False
    assert "not libjpeg's" in trace.note


@pytest.mark.parametrize("name", ["4:4:4", "4:2:2", "4:2:0"])
def test_sampling_factors(name):
    assert read_jpeg(jpeg(PIXELS, subsampling=name)).subsampling == name


def test_a_grey_picture_has_one_component():
    structure = read_jpeg(jpeg(PIXELS[..., 0]))
    assert structure.subsampling == "grey"
    assert structure.quality.exact
    assert (structure.width, structure.height, structure.precision_bits) == (80, 48, 8)


@pytest.mark.parametrize(
    ("options", "process", "huffman"),
    [
        ({}, "baseline", "standard"),
        ({"optimize": True}, "baseline", "optimised"),
        ({"progressive": True}, "progressive", "optimised"),
    ],
)
def test_process_and_huffman_tables(options, process, huffman):
    structure = read_jpeg(jpeg(PIXELS, **options))
    assert (structure.process, structure.huffman) == (process, huffman)
    assert structure.scans == (1 if process == "baseline" else 10)
    assert not structure.truncated
    assert structure.faults == ()


def test_restart_interval_comment_and_app_segments():
    data = jpeg(
        PIXELS, restart_marker_blocks=3, comment=b"made by a test", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00"
    )
    structure = read_jpeg(data)
    assert structure.restart_interval == 3
    assert structure.comments == (b"made by a test",)
    assert [(number, label) for number, label, _ in structure.app_segments] == [(0, "JFIF"), (1, "Exif")]


def test_the_thumbnail_of_exif_is_found():
    small = jpeg(PIXELS[::4, ::4], 60)
    structure = read_jpeg(with_segment(PLAIN, 0xE1, b"Exif\x00\x00" + exif_with_thumbnail(small)))
    assert structure.thumbnail == small
    assert read_jpeg(structure.thumbnail).quality.quality == 60
    assert read_jpeg(PLAIN).thumbnail is None


@pytest.mark.parametrize(("tail", "kind"), [(PLAIN, "jpeg"), (b"PK\x03\x04rest", "zip"), (b"\x00" * 9, None)])
def test_bytes_behind_the_end_are_counted(tail, kind):
    structure = read_jpeg(PLAIN + tail)
    assert (structure.trailing_bytes, structure.trailing_kind) == (len(tail), kind)
    assert "jpeg_trailing_bytes" in {trace.name for trace in jpeg_traces(structure)}
    assert not structure.truncated


def test_a_thumbnails_end_is_not_the_end():
    data = with_segment(PLAIN, 0xE1, b"Exif\x00\x00" + exif_with_thumbnail(jpeg(PIXELS[::4, ::4])))
    assert read_jpeg(data).trailing_bytes == 0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_file_is_truncated(share):
    structure = read_jpeg(PLAIN[: int(share * len(PLAIN))])
    assert structure.truncated
    assert "jpeg_damage" in {trace.name for trace in jpeg_traces(structure)}


def test_a_whole_file_has_no_damage():
    assert {trace.name for trace in jpeg_traces(read_jpeg(PLAIN))} == {"jpeg_coding", "jpeg_quantisation"}


def test_a_file_that_stops_is_said_to_stop_and_nothing_else():
    assert read_jpeg(PLAIN[:-2]).faults == ("there is no end marker",)


def test_bytes_between_segments_are_passed_over():
    structure = read_jpeg(PLAIN[:2] + b"rubbish" + PLAIN[2:])
    assert structure.quality.quality == 90
    assert structure.faults == ("there are bytes between segments",)


def test_the_bare_picture_is_the_same_picture():
    described = with_segment(PLAIN, 0xE1, b"Exif\x00\x00" + bytes(90)) + b"PK\x03\x04"
    bare = read_jpeg(described).bare()
    assert len(bare) < len(PLAIN)
    np.testing.assert_array_equal(Image.open(io.BytesIO(bare)), Image.open(io.BytesIO(PLAIN)))


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(294)])
def test_what_is_no_jpeg_is_refused(data):
    with pytest.raises(DecodeError, match="no JPEG"):
        read_jpeg(data)


@pytest.mark.parametrize(
    "data", [b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xd9", b"\xff\xd8" * 50_000, b"\xff\xd8" + b"\xff" * 99_999]
)
def test_a_start_marker_with_nothing_behind_it_is_truncated(data):
    structure = read_jpeg(data)
    assert structure.truncated
    assert structure.width is None
    assert structure.quality is None
    assert jpeg_traces(structure)


def test_a_polyglot_of_300_bytes():
    data = (
        b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"<script>/*" + bytes(40) + b"%PDF-1.4 PK\x03\x04" + b"\xff\xdb\x00\x43"
    ).ljust(300, b"\xff")
    structure = read_jpeg(data)
    assert structure.truncated
    assert structure.faults


@settings(max_examples=300)
@given(st.data())
def test_mutants_end_without_a_foreign_error(data):
    original = bytearray(with_segment(jpeg(PIXELS[:16, :16]), 0xE1, b"Exif\x00\x00" + exif_with_thumbnail(PLAIN[:200])))
    for _ in range(data.draw(st.integers(1, 8))):
        original[data.draw(st.integers(2, len(original) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(2, len(original)))
    structure = read_jpeg(bytes(original[:cut]))
    assert all(trace.note for trace in jpeg_traces(structure))
    assert structure.thumbnail is None or structure.thumbnail
    assert len(structure.bare()) <= len(original) + 2
