"""Makes the sample video in ``examples/media``: a drawn person who says what `human.wav` says.

    python scripts/make_sample_video.py

Nobody was filmed and nothing was generated: the pictures are ellipses painted here, frame by frame, and the voice is
that of a person who reads. The head sways, the eyes close at `BLINKS_S`, and the mouth is open as far as the voice is
loud. So what a close look at the video should tell is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

MEDIA = Path(__file__).parent.parent / "examples" / "media"
VOICE, VIDEO = MEDIA / "human.wav", MEDIA / "talking-drawing.mp4"
WIDTH, HEIGHT, FPS = 640, 480, 25
SECONDS = 8.2  # a rate of blinks needs 8
SPEECH_STARTS_S = 0.5
BLINKS_S = (1.0, 2.88, 4.6, 6.8)  # when the eyes are closed; these are times of frames
CLOSING_S, OPENING_S = 0.12, 0.2  # lids close faster than they open
SIDE = 420  # pixels of 1, the unit of the drawing; the face is 0.47 wide and 0.64 high
REACH_DB = 25.0  # below the loudest syllable: the mouth is closed
LOUDNESS_S = 0.08  # over which loudness is told: lips do not follow single periods of a voice
SEED = 7

Array = NDArray[np.float64]
Colour = tuple[int, int, int]

SKIN, SHADE, LIGHT, RED = (222, 172, 142), (165, 112, 90), (242, 200, 172), (228, 140, 120)
HAIR, LASH, LIP, THROAT = (60, 42, 30), (62, 40, 32), (172, 78, 78), (58, 18, 24)
WHITE, IRIS, BLACK, TEETH, TONGUE = (240, 238, 235), (72, 92, 70), (12, 10, 10), (232, 226, 216), (160, 70, 74)
NECK, SHIRT, COLLAR = (196, 146, 118), (52, 84, 92), (214, 214, 206)


@dataclass(frozen=True)
class Moment:
    """What the person does in one frame.

    Attributes:
        x: Middle of the face, in pixels of the frame.
        y: Likewise.
        lean: Of the head, radians, clockwise.
        turn: By how much eyes, nose and mouth are nearer to the right, in units of the drawing.
        nod: Likewise, to the bottom.
        eyes: How far they are open, from 0 to 1.
        mouth: Likewise.
    """

    x: float
    y: float
    lean: float
    turn: float
    nod: float
    eyes: float
    mouth: float


class Canvas:
    """A picture on which soft ellipses are painted, in units of a drawing that is moved and turned.

    Args:
        pixels: Shape (HEIGHT, WIDTH, 3); painted on in place.
        x: Where the drawing has its middle, in pixels.
        y: Likewise.
        lean: Radians, clockwise.
    """

    def __init__(self, pixels: Array, x: float, y: float, lean: float = 0.0) -> None:
        self._pixels, self._x, self._y = pixels, x, y
        self._cos, self._sin = np.cos(lean), np.sin(lean)

    def paint(
        self,
        at: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        opacity: float = 1.0,
        soft: float = 0.004,
        within: tuple[tuple[float, float], tuple[float, float]] | None = None,
    ) -> None:
        """Paint an ellipse.

        Args:
            at: Its middle.
            radii: Along and across.
            colour: Of it.
            opacity: 1 hides what is beneath.
            soft: How wide its edge is.
            within: Middle and radii of another ellipse, outside of which nothing is painted.
        """
        reach = SIDE * (max(radii) + 2 * soft)  # beyond, the edge has faded
        x = self._x + SIDE * (self._cos * at[0] - self._sin * at[1])
        y = self._y + SIDE * (self._sin * at[0] + self._cos * at[1])
        left, right = (int(np.clip(edge, 0, WIDTH)) for edge in (x - reach, x + reach + 1))
        top, bottom = (int(np.clip(edge, 0, HEIGHT)) for edge in (y - reach, y + reach + 1))
        across = (np.arange(left, right)[None] + 0.5 - self._x) / SIDE
        down = (np.arange(top, bottom)[:, None] + 0.5 - self._y) / SIDE
        place = self._cos * across + self._sin * down, self._cos * down - self._sin * across
        mask = opacity * _inside(place, at, radii, soft)
        if within:
            mask = mask * _inside(place, *within, 0.004)
        part = self._pixels[top:bottom, left:right]
        part += (np.array(colour) - part) * mask[..., None]


def _inside(place: tuple[Array, Array], at: tuple[float, float], radii: tuple[float, float], soft: float) -> Array:
    """1 inside an ellipse, 0 outside, between them over its soft edge."""
    across, down = (place[0] - at[0]) / radii[0], (place[1] - at[1]) / radii[1]
    ring = np.hypot(across, down)  # 1 on the ellipse
    # A value over its slope is nearly a distance, so that the edge is as wide at the ends as along the sides.
    distance = ring * (ring - 1) / np.maximum(np.hypot(across / radii[0], down / radii[1]), 1e-9)
    mask: Array = 1 / (1 + np.exp(np.clip(4 * distance / soft, -30, 30)))
    return mask


def room() -> Array:
    """A wall with a window and a lamp, out of focus, with the noise of a sensor that stands still."""
    rng = np.random.default_rng(SEED)
    y = np.linspace(0, 1, HEIGHT)[:, None, None]
    pixels = (1 - y) * (168.0, 176, 178) + y * (132.0, 130, 128) + np.zeros((1, WIDTH, 1))
    canvas = Canvas(pixels, 0, 0)
    canvas.paint((0.18, 0.25), (0.22, 0.34), (206, 220, 232), 0.9, 0.12)
    canvas.paint((1.38, 0.80), (0.03, 0.34), (92, 74, 60), 0.9, 0.04)
    canvas.paint((1.38, 0.36), (0.16, 0.13), (236, 206, 150), 0.9, 0.1)
    return pixels + rng.normal(0, 1.5, pixels.shape)


def draw(behind: Array, moment: Moment) -> NDArray[np.uint8]:
    """The person before the room, shape (HEIGHT, WIDTH, 3)."""
    pixels = behind.copy()
    body = Canvas(pixels, (moment.x + WIDTH / 2) / 2, (moment.y + 210) / 2)  # the shoulders sway half as much
    body.paint((0, 0.74), (0.46, 0.30), SHIRT, soft=0.008)
    body.paint((0, 0.46), (0.15, 0.06), COLLAR, soft=0.006)
    head = Canvas(pixels, moment.x, moment.y, moment.lean)
    head.paint((0, 0.33), (0.125, 0.17), NECK)
    head.paint((0, 0.31), (0.14, 0.08), SHADE, 0.6, 0.05, within=((0, 0.33), (0.125, 0.17)))
    _skull(head, moment)
    for side in (-1, 1):
        _eye(head, moment, side)
    _nose(head, moment)
    _mouth(head, moment)
    return pixels.round().clip(0, 255).astype(np.uint8)


def _gap(moment: Moment) -> float:
    """How far the lips are apart."""
    return 0.085 * moment.mouth


def _skull(head: Canvas, moment: Moment) -> None:
    """Hair, ears and skin; the chin sinks when the mouth opens."""
    head.paint((0, -0.13), (0.29, 0.30), HAIR, soft=0.008)
    for side in (-1, 1):
        head.paint((0.242 * side - 0.3 * moment.turn, 0.0), (0.03, 0.065), (205, 150, 122))
    sunk = _gap(moment) / 4
    face = (0.0, sunk), (0.235, 0.32 + sunk)
    head.paint(*face, SKIN)
    head.paint((0.24, 0.07), (0.16, 0.4), SHADE, 0.45, 0.3, face)  # the side away from the light
    head.paint((moment.turn - 0.03, -0.2 + moment.nod), (0.16, 0.08), LIGHT, 0.6, 0.12, face)
    head.paint((0, -0.335), (0.19, 0.09), HAIR, soft=0.03)
    head.paint((0, 0.34 + 2 * sunk), (0.16, 0.035), SHADE, 0.5, 0.06, face)


def _eye(head: Canvas, moment: Moment, side: int) -> None:
    """An eye; the upper lid sinks to the lower one when it closes."""
    x, y = 0.105 * side + moment.turn, -0.06 + moment.nod
    closed = 1 - moment.eyes
    head.paint((x, y - 0.004), (0.064, 0.042), SHADE, 0.45, 0.05)
    head.paint((x, y - 0.072), (0.06, 0.011), LASH, 0.9, 0.012)
    head.paint((x, y + 0.035), (0.05, 0.008), SHADE, 0.3, 0.02)
    ball = (x, y + 0.015 * closed), (0.046, 0.0195 * moment.eyes + 0.001)
    head.paint((x, y), (0.05, 0.024), (208, 156, 128), closed)  # skin of the lid
    head.paint((ball[0][0], ball[0][1] - 0.004), (0.049, ball[1][1] + 0.003), LASH, 0.95)
    head.paint(*ball, WHITE, moment.eyes)
    head.paint((x, y), (0.021, 0.021), IRIS, 1.0, 0.004, ball)
    head.paint((x, y), (0.010, 0.010), BLACK, 1.0, 0.004, ball)
    head.paint((x - 0.006, y - 0.006), (0.004, 0.004), (255, 255, 255), moment.eyes, 0.004, ball)
    if closed > 0.5:
        head.paint((x, y + 0.016), (0.046, 0.0035), LASH, 2 * closed - 1)


def _nose(head: Canvas, moment: Moment) -> None:
    """Nose and cheeks; the tip is nearer to us than the rest, so it moves more when the head turns."""
    x, y = 1.4 * moment.turn, 1.2 * moment.nod
    for side in (-1, 1):
        head.paint((0.13 * side + moment.turn, 0.075 + moment.nod), (0.05, 0.05), RED, 0.3, 0.08)
        head.paint((0.022 * side + x, 0.098 + y), (0.011, 0.007), (95, 52, 42), 0.8, 0.008)
    head.paint((0.025 + x, 0.02 + y), (0.018, 0.085), SHADE, 0.5, 0.03)
    head.paint((-0.006 + x, 0.07 + y), (0.018, 0.022), LIGHT, 0.7, 0.025)
    head.paint((x, 0.116 + y), (0.04, 0.009), SHADE, 0.55, 0.02)


def _mouth(head: Canvas, moment: Moment) -> None:
    """Lips around what is between them: the upper one stays, the lower one sinks."""
    gap = _gap(moment)
    x, y = moment.turn, 0.18 + moment.nod + gap / 2
    wide = 0.080 - 0.012 * moment.mouth
    head.paint((x, y), (wide, 0.024 + gap / 2), LIP, soft=0.006)
    hole = (x, y), (wide - 0.012, 0.002 + gap / 2)
    head.paint(*hole, THROAT)
    head.paint((x, y + 0.35 * gap), (0.6 * wide, 0.25 * gap + 0.001), TONGUE, moment.mouth, 0.01, hole)
    head.paint((x, y - 0.5 * gap), (0.75 * wide, 0.2 * gap + 0.001), TEETH, moment.mouth, 0.006, hole)
    head.paint((x, 0.245 + moment.nod + gap), (0.05, 0.010), SHADE, 0.5, 0.03)


def voice() -> tuple[NDArray[np.float32], int]:
    """Samples of the whole video, shape (n,), and how many there are in a second."""
    spoken, rate = soundfile.read(VOICE, dtype="float32")
    samples = np.zeros(round(SECONDS * rate), np.float32)
    first = round(SPEECH_STARTS_S * rate)
    samples[first : first + spoken.size] = spoken
    return samples, rate


def loudness(samples: NDArray[np.float32], rate: int, times_s: Array) -> Array:
    """How loud it is at some times: 1 at the loudest of them, 0 at `REACH_DB` less and below."""
    sums = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    first, stop = (
        np.clip(((times_s + part) * rate).round().astype(int), 0, samples.size)
        for part in (-LOUDNESS_S / 2, LOUDNESS_S / 2)
    )
    level_db = 10 * np.log10((sums[stop] - sums[first]) / (LOUDNESS_S * rate) + 1e-12)
    found: Array = np.clip(1 + (level_db - level_db.max()) / REACH_DB, 0, 1)
    return found


def moments() -> list[Moment]:
    """What happens, frame by frame."""
    times = np.arange(round(SECONDS * FPS)) / FPS
    mouth = loudness(*voice(), times)
    eyes = np.ones(times.size)
    for closed in BLINKS_S:
        eyes = np.minimum(eyes, np.interp(times, [closed - CLOSING_S, closed, closed + OPENING_S], [1, 0, 1]))

    def sway(*parts: tuple[float, float, float]) -> Array:
        """Sum of sines: amplitude, hertz, phase in radians."""
        waves = [size * np.sin(2 * np.pi * hertz * times + phase) for size, hertz, phase in parts]
        together: Array = np.sum(waves, axis=0)
        return together

    series = (
        WIDTH / 2 + sway((9, 0.13, 0.3), (3, 0.37, 1.0)),
        210 + sway((4, 0.19, 2.0), (1.5, 0.53, 0.0)),
        sway((0.035, 0.16, 1.2), (0.01, 0.45, 0.4)),
        sway((0.014, 0.15, 0.0), (0.004, 0.41, 2.2)),
        sway((0.008, 0.23, 0.7), (0.003, 0.61, 1.4)),
        eyes,
        mouth,
    )
    return [Moment(*(float(value) for value in row)) for row in np.stack(series, axis=1)]


def frames() -> Iterator[NDArray[np.uint8]]:
    """The pictures, one after the other, (HEIGHT, WIDTH, 3)."""
    behind = room()
    return (draw(behind, moment) for moment in moments())


def main() -> None:
    """Write the video."""
    samples, rate = voice()
    with av.open(str(VIDEO), "w", options={"movflags": "faststart"}) as file:
        options = {"crf": "19", "preset": "veryslow", "x264-params": "threads=1"}
        pictures = file.add_stream("libx264", rate=FPS, options=options)
        pictures.width, pictures.height, pictures.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = file.add_stream("aac", rate=rate, layout="mono")
        sound.bit_rate = 48_000
        for number, pixels in enumerate(frames()):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            file.mux(pictures.encode(frame))
        file.mux(pictures.encode(None))
        spoken = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        spoken.sample_rate, spoken.pts = rate, 0
        shaper = av.AudioResampler("fltp", "mono", rate, frame_size=sound.codec_context.frame_size)
        for piece in [*shaper.resample(spoken), *shaper.resample(None), None]:
            file.mux(sound.encode(piece))


if __name__ == "__main__":
    main()
