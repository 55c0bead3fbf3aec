"""The one door: every trace and map of a picture, and never an exception for what is inside one."""

import json

import drawings
import numpy as np
import pytest
from forensic_pictures import jpeg, textured
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from test_pictures_fuzz import QUIET, mutated

from assay.errors import MediaError
from assay.forensics import inspect as door
from assay.forensics.containers import read_blocks
from assay.forensics.inspect import inspect
from assay.forensics.jpeg import jpeg_traces, read_jpeg
from assay.forensics.metadata import metadata_traces, read_metadata
from assay.forensics.rates import LEVELS, measured_rates, seen_in, with_rate
from assay.forensics.trace import Trace
from assay.media.pictures import open_picture
from assay.settings import Settings

SETTINGS = Settings(max_picture_pixels=2**20, max_picture_bytes=2**20, max_picture_frames=100)
PIXELS = textured(0, 320, 400)
CHEAP = {"noise", "noise_deviation", "resampling"}
DEEP = CHEAP | {"error_level", "error_level_deviation", "copy_move"}


def read(data):
    return open_picture(data, settings=SETTINGS)


def examined(found):
    """Assert what holds for every inspection."""
    for trace in found.traces:
        assert trace.model_dump_json()
    for placed in found.maps.values():
        assert placed.values.dtype == np.float32
        assert placed.values.ndim == 2
        assert np.isfinite(placed.values).all()
        assert placed.cell >= 8
    assert all(isinstance(reason, str) and reason for reason in found.left_out.values())
    return found


@pytest.mark.parametrize("name", drawings.FORMATS)
def test_every_format_is_looked_at_with_every_tool(name):
    found = examined(inspect(read(drawings.encoded(name, PIXELS)), deep=True))
    names = {trace.name for trace in found.traces}
    assert names >= {"former_jpeg_grid", "noise_inconsistency", "resampling", "error_level", "copy_move"}
    assert ({"jpeg_coding", "jpeg_quantisation", "double_jpeg"} <= names) == (name == "jpeg")
    assert ("double_jpeg" in found.left_out) == (name != "jpeg")
    assert set(found.maps) == DEEP


def test_the_slow_tools_wait_to_be_asked():
    found = examined(inspect(read(jpeg(PIXELS))))
    assert set(found.maps) == CHEAP
    assert not {"error_level", "copy_move"} & {trace.name for trace in found.traces}


def test_small_pictures_say_what_was_left_out():
    found = examined(inspect(read(drawings.encoded("jpeg")), deep=True))
    tools = {"double_jpeg", "former_jpeg_grid", "noise_inconsistency", "resampling", "error_level", "copy_move"}
    assert set(found.left_out) == tools
    assert found.maps == {}


def test_the_same_picture_gives_the_same_answer():
    first, second = (inspect(read(jpeg(PIXELS, 80)), deep=True) for _ in range(2))
    assert first.traces == second.traces
    for name, placed in first.maps.items():
        np.testing.assert_array_equal(placed.values, second.maps[name].values)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_and_maps_are_those_of_the_upright_picture(orientation):
    """A part that lacks the rest's JPEG past, in a picture whose sides are no multiples of 8, however it is stored."""
    upright = np.asarray(Image.open(drawings.io.BytesIO(jpeg(textured(1, 437, 523, 1), 100)))).copy()
    stored = drawings.stored_as(upright, orientation).copy()
    stored = np.asarray(Image.open(drawings.io.BytesIO(jpeg(stored, 70)))).copy()
    height, width = upright.shape
    marked = np.zeros(upright.shape, bool)
    marked[100:260, 250:410] = True
    inside = drawings.stored_as(marked, orientation)
    stored[inside] = drawings.stored_as(textured(2, height, width, 1), orientation)[inside]
    picture = read(jpeg(stored, 95, exif=b"Exif\0\0" + drawings.exif(orientation)))
    assert (picture.height, picture.width) == (height, width)
    found = examined(inspect(picture, deep=True))
    (trace,) = [trace for trace in found.traces if trace.name == "error_level"]
    assert trace.strength > 0
    left, top, wide, high = (trace.measured[side] for side in ("left", "top", "width", "height"))
    assert (left + wide / 2, top + high / 2) == (pytest.approx(330, abs=40), pytest.approx(180, abs=40))
    assert max(wide, high) < 300
    placed = found.maps["error_level_deviation"]
    row, column = (180 - placed.top) // placed.cell, (330 - placed.left) // placed.cell
    assert placed.values[row, column] > 3


def test_large_pictures_are_seen_in_the_middle_and_that_is_said(monkeypatch):
    monkeypatch.setattr(door, "MOST_PIXELS", 280 * 350)
    found = examined(inspect(read(jpeg(PIXELS))))
    assert "400 x 320" in found.left_out["edges"]
    placed = found.maps["noise"]
    assert placed.left > 0
    assert placed.top + placed.cell * placed.values.shape[0] <= 320


def test_a_colour_profile_does_not_disturb_what_compression_left():
    twice = jpeg(np.asarray(Image.open(drawings.io.BytesIO(jpeg(PIXELS, 60)))), 90)
    profiled = jpeg(np.asarray(Image.open(drawings.io.BytesIO(jpeg(PIXELS, 60)))), 90, icc_profile=drawings.profile())
    (plain,), (other,) = (
        [trace for trace in inspect(read(data)).traces if trace.name == "double_jpeg"] for data in (twice, profiled)
    )
    assert read(profiled).icc == "converted"
    assert plain == other
    assert plain.strength > 0


def test_four_components_are_looked_at_as_pixels():
    buffer = drawings.io.BytesIO()
    Image.fromarray(PIXELS).convert("CMYK").save(buffer, "JPEG")
    found = examined(inspect(read(buffer.getvalue()), deep=True))
    assert "one or three components" in found.left_out["double_jpeg"]
    assert set(found.maps) == DEEP


# How often


def test_every_trace_with_a_strength_was_measured_on_camera_files():
    table = measured_rates()
    names = {t.name for t in inspect(read(jpeg(PIXELS)), deep=True).traces if t.strength is not None}
    assert names <= set(table)
    for rate in table.values():
        assert len(rate["reached"]) == len(rate["high"]) == len(LEVELS)
        assert rate["reached"] == sorted(rate["reached"], reverse=True)
        assert all(0 <= count <= rate["files"] for count in rate["reached"])
        assert all(count / rate["files"] <= high for count, high in zip(rate["reached"], rate["high"], strict=True))


def test_the_sentence_quotes_the_level_that_was_reached(monkeypatch):
    table = {"x": {"files": 50, "reached": [10, 5, 2, 1, 0], "high": [0.34, 0.22, 0.14, 0.11, 0.08]}}
    monkeypatch.setattr("assay.forensics.rates.measured_rates", lambda: table)
    assert "20 % of 50 camera files (with 95 % confidence in at most 34 %)" in seen_in("x", 0.01)
    assert "4 % of 50" in seen_in("x", 0.74)
    assert "none of 50" in seen_in("x", 1.0)
    assert seen_in("x", 0.0) == seen_in("x", None) == seen_in("y", 1.0) == ""
    assert with_rate(Trace(name="x", measured={}, strength=0.3, note="A.")).note.startswith("A. Seen so strongly")
    silent = Trace(name="x", measured={}, note="A.")
    assert with_rate(silent) is silent


def test_the_table_is_part_of_the_package():
    from importlib import resources

    text = resources.files("assay.forensics").joinpath("rates.json").read_text(encoding="utf-8")
    assert json.loads(text)["levels"] == list(LEVELS)


# Broken files


@settings(max_examples=2_000, **QUIET)
@given(data=mutated())
def test_mutants_of_every_format_end_without_an_exception(data):
    read_blocks(data)
    metadata_traces(read_metadata(data))
    if data[:2] == b"\xff\xd8":
        jpeg_traces(read_jpeg(data))
    try:
        picture = read(data)
    except MediaError:
        return
    examined(inspect(picture, deep=True))


LARGER = {name: drawings.encoded(name, textured(3, 256, 264)) for name in ("jpeg", "png", "webp")}


@settings(max_examples=60, **QUIET)
@given(name=st.sampled_from(sorted(LARGER)), seed=st.integers(0, 2**32 - 1), changes=st.integers(1, 9))
def test_mutants_that_are_large_enough_for_every_tool_end_without_an_exception(name, seed, changes):
    rng = np.random.default_rng(seed)
    data = np.frombuffer(LARGER[name], np.uint8).copy()
    data[rng.integers(2, data.size, changes)] = rng.integers(0, 256, changes)
    try:
        picture = read(data.tobytes())
    except MediaError:
        return
    examined(inspect(picture, deep=True))
