"""Drawings: right places, no colour alone, names that add nothing, images that can be read."""

import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from assay.explain import Saliency
from assay.look import DARK, LIGHT
from assay.report.bidi import direction, embedding_levels, joined, visual
from assay.report.drawing import Box, Drawing, Label, Paint, Raster
from assay.report.plots import evidence_figure, persons_figure, picture_figure, score_figure, sound_figure
from assay.report.plots.axes import Scale, ticks
from assay.report.plots.colours import indexed_png, loudness, overlay_png, spectrogram_png
from assay.report.seen import COLUMNS, draw_sound
from assay.report.svg import svg


def luminance(colour):
    """Of sRGB, in [0, 1]: WCAG 2.2."""
    parts = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out_from_the_page(colours):
    for name in ("ink", "soft"):
        assert contrast(colours[name], colours["page"]) >= 4.5
        assert contrast(colours[name], colours["bar"]) >= 4.5
    for name in ("bona_fide", "spoof"):
        assert contrast(colours[name], colours["page"]) >= 3.0


def test_a_drawing_is_well_formed_and_names_are_escaped():
    name = "<b>&\"'</b>"
    shapes = (Label(1, 2, name), Box(0, 0, 5, 5, Paint(fill="spoof", opacity=0.5)))
    root = ElementTree.fromstring(svg(Drawing(10, 10, name, name, shapes)))
    assert root.attrib["aria-label"] == f"{name}. {name}"
    assert root.find("{*}text").text == name
    assert root.find("{*}rect").attrib["class"] == "f-spoof"
    assert [child.tag.partition("}")[2] for child in root] == ["text", "rect"]


def test_every_drawing_stays_within_its_page(make):
    drawings = [
        sound_figure(make("audio")),
        sound_figure(make("video")),
        persons_figure(make("video"), {}),
        picture_figure(make("image"), None),
        evidence_figure(make("image")),
        score_figure(make("audio", "spoof"), None),
        score_figure(make("video"), None),
    ]
    for drawing in drawings:
        assert drawing is not None
        ElementTree.fromstring(svg(drawing))
        for shape in drawing.shapes:
            if isinstance(shape, (Box, Raster)):
                assert shape.x >= -0.01
                assert shape.x + shape.width <= drawing.width + 0.01, shape
                assert shape.y + shape.height <= drawing.height + 0.01
            elif isinstance(shape, Label):
                assert 0 <= shape.x <= drawing.width
                assert 0 < shape.y <= drawing.height


def test_what_stands_out_shows_without_colour(make):
    shown = sound_figure(make("audio"))
    plain = sound_figure(make("audio", segments=()))
    bars = [s for s in shown.shapes if isinstance(s, Box) and s.paint.fill == "spoof" and s.height == 5]
    assert len(bars) == 1
    assert len(shown.shapes) > len(plain.shapes)
    assert "What stands out: 0:04–0:06" in shown.words


def test_a_scale_puts_values_where_they_belong_and_keeps_within():
    scale = Scale(-1.0, 1.0, 100.0, 300.0)
    assert [scale(value) for value in (-1, 0, 0.5, 1, 9, -9)] == [100, 200, 250, 300, 300, 100]
    assert Scale(2.0, 2.0, 0.0, 10.0)(2.0) == 5.0


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [(0, 10, 5, [0, 2, 4, 6, 8, 10]), (-1.2, 1.2, 3, [-1, 0, 1]), (0, 0.3, 3, [0, 0.1, 0.2, 0.3]), (1, 1, 5, [1])],
)
def test_ticks_are_round(low, high, most, expected):
    assert ticks(low, high, most) == pytest.approx(expected)


def test_an_image_holds_the_values_that_were_given():
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    image = Image.open(io.BytesIO(indexed_png(values, loudness())))
    assert np.array_equal(np.asarray(image), values)
    assert indexed_png(values, loudness()) == indexed_png(values.copy(), loudness())


def test_a_spectrogram_has_its_lowest_band_at_the_bottom():
    levels = np.full((4, 3), -70.0, np.float32)
    levels[0] = 0.0
    pixels = np.asarray(Image.open(io.BytesIO(spectrogram_png(levels, floor_db=-70.0))))
    assert (pixels[-1] == 255).all()
    assert (pixels[:-1] == 0).all()


def test_a_map_is_clear_where_there_is_nothing():
    values = np.zeros((2, 3), np.float32)
    values[0, 1], values[1, 2] = 2.0, -1.0
    image = np.asarray(Image.open(io.BytesIO(overlay_png(values, upwards=False))).convert("RGBA"))
    assert image[0, 0, 3] == 0
    red, _, blue, opacity = image[0, 1]
    assert red > blue
    assert opacity > 150
    red, _, blue, opacity = image[1, 2]
    assert blue > red
    assert 0 < opacity < image[0, 1, 3]


def test_a_tone_is_drawn_at_its_pitch_and_time():
    from assay.media import open_media
    from assay.settings import Settings

    rate, seconds = 16_000, 4.0
    time = np.arange(int(rate * seconds)) / rate
    tone = np.where(time >= 2.0, 0.5 * np.sin(2 * np.pi * 3000 * time), 0.0).astype(np.float32)
    sound = draw_sound(open_media((tone, rate), settings=Settings()), seconds)
    assert sound.levels.shape == (128, COLUMNS)
    loud = sound.levels[:, 3 * COLUMNS // 4]
    assert loud.argmax() == pytest.approx(3000 / 8000 * 128, abs=1.0)
    assert sound.levels[:, : COLUMNS // 2 - 10].max() == -70.0
    assert sound.wave[1, : COLUMNS // 2 - 1].max() == 0.0
    assert sound.wave[1, COLUMNS // 2 + 5 :].min() > 0.35
    later = draw_sound(open_media((tone, rate), settings=Settings()), seconds + 1, starts_s=1.0)
    assert later.wave[1, : int(COLUMNS * 3 / 5) - 1].max() == 0.0
    assert later.wave[1, int(COLUMNS * 3 / 5) + 3 :].min() > 0.35


def test_a_map_without_the_medium_lies_on_a_plain_ground(make):
    saliency = Saliency("spectrogram", np.ones((2, 2), np.float32), 0.0, 10.0, 0.0, 8000.0)
    drawing = sound_figure(make("audio"), None, saliency)
    assert sum(isinstance(shape, Raster) for shape in drawing.shapes) == 1


# Text from right to left; expected orders worked out by the rules of UAX 9.


@pytest.mark.parametrize(
    ("text", "base", "expected"),
    [
        ("abc", None, "abc"),
        ("אבג", None, "גבא"),
        ("a אבג b", None, "a גבא b"),
        ("אבג abc דה", None, "הד abc גבא"),
        ("אב 12 גד", None, "דג 12 בא"),
        ("אב (גד)", None, "(דג) בא"),
        ("אב (cd)", None, "(cd) בא"),
        ("x-אב-y", None, "x-בא-y"),
        ("אב.jpg", 0, "בא.jpg"),
        ("אב.jpg", 1, "jpg.בא"),
        ("אב 3.5 %", None, "% 3.5 בא"),
    ],
)
def test_lines_are_put_into_the_order_of_drawing(text, base, expected):
    assert visual(text, base) == expected


def test_arabic_letters_take_the_forms_of_their_places():
    assert joined("بيت") == "\ufe91\ufef4\ufe96"  # initial, medial, final
    assert joined("دار") == "\ufea9\ufe8d\ufead"  # none links onwards
    assert joined("سلام") == "\ufeb3\ufefc\ufee1"  # lam with alef, final
    assert joined("abc אבג") == "abc אבג"


@given(st.text(alphabet="ab 12.,()אבגثلا٠-", max_size=20), st.integers(0, 1))
def test_ordering_loses_nothing(text, base):
    levels = embedding_levels(text, base)
    assert len(levels) == len(text)
    assert all(level in (0, 1, 2) for level in levels)
    swapped = {"(": ")", ")": "("}
    drawn = sorted(swapped.get(c, c) if c in swapped else c for c in visual(text, base))
    plain = sorted(joined(text))
    assert [c for c in drawn if c not in "()"] == [c for c in plain if c not in "()"]
    assert direction(text) in (0, 1)
