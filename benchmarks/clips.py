"""Makes the clips that the video benchmark reads, out of a photograph of a face and real speech.

    python benchmarks/clips.py FOLDER --from PICTURE_OR_FOLDER --lengths 20 60 240 1800

1080p, 25 frames a second, H.264 with AAC at 48 kHz. One photograph drifts over grey and is back where it was after five
seconds; the reading of ``examples/media`` is heard over and over. There are two kinds: ``clean``, in which nothing but
the face moves, as in a video call, and ``grain``, with fresh noise in every frame, as cameras have it, which makes
several times the bits and so more work for any decoder.

Twenty seconds are encoded. Longer clips are copies of these packets with growing times, so that half an hour is
written in seconds.

Prints one JSON object: for each kind, file names by length in seconds. This is a program of its own so that the process
that measures never holds a picture, and stays small.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from heapq import merge
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from portraits import SHARED, photographs

if TYPE_CHECKING:
    import av

SPEECH = Path(__file__).parent.parent / "examples" / "media" / "human-long.flac"
WIDTH, HEIGHT, FPS = 1920, 1080, 25
ENCODED_S = 20
FACE_WIDTH, DRIFT, PERIOD_S = 720, 80, 5  # pixels, pixels to either side, and how long to and fro takes
GRAIN = {"clean": 0.0, "grain": 4.0}  # standard deviation of 8-bit values
SOUND_HZ = 48_000


def drifting(photograph: Path, grain: float, seconds: int) -> Iterator[av.VideoFrame]:
    """The photograph over grey, frame by frame."""
    import av
    from PIL import Image

    with Image.open(photograph) as image:
        face = image.convert("RGB").resize((FACE_WIDTH, round(FACE_WIDTH * image.height / image.width)))
    rng = np.random.default_rng(0)
    ground = Image.fromarray(rng.integers(90, 130, (HEIGHT, WIDTH, 3)).astype(np.uint8))
    # Eight fields of noise, each moved elsewhere every time: nothing repeats that an encoder would find.
    fields = [rng.normal(0, grain, (HEIGHT, WIDTH, 1)).round().astype(np.int16) for _ in range(8)] if grain else []
    for number in range(FPS * seconds):
        shown = ground.copy()
        shown.paste(face, (600 + round(DRIFT * np.sin(2 * np.pi * number / (FPS * PERIOD_S))), 100))
        if not fields:
            yield av.VideoFrame.from_image(shown)
            continue
        noise = np.roll(fields[number % len(fields)], 7 * number, axis=1)
        noisy = np.clip(np.asarray(shown) + noise, 0, 255).astype(np.uint8)
        yield av.VideoFrame.from_ndarray(noisy, format="rgb24")


def encode(path: Path, frames: Iterator[av.VideoFrame]) -> None:
    """Pictures, no sound."""
    import av

    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in frames:
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def encode_speech(path: Path) -> None:
    """The reading, once."""
    import av

    with av.open(str(SPEECH)) as spoken, av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=SOUND_HZ, layout="mono")
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=SOUND_HZ)
        for frame in (*spoken.decode(audio=0), None):
            for piece in resampler.resample(frame):
                file.mux(stream.encode(piece))
        file.mux(stream.encode(None))


def around(path: Path) -> Iterator[Any]:
    """The packets of a file with one stream over and over, each time later."""
    import av

    shift = 0
    while True:
        count = ticks = 0
        with av.open(str(path)) as file:  # open for as long as its packets are in use
            for packet in file.demux(file.streams[0]):
                if packet.dts is None:  # what tells that there is no more
                    continue
                count, ticks = count + 1, ticks or packet.duration
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                yield packet
        shift += count * ticks  # all are taken to be as long as the first: the last one of sound is filled up


def copy(video: Path, sound: Path, target: Path, seconds: int) -> None:
    """So many seconds of pictures and sound, without encoding anything."""
    import av

    def early(packet: Any) -> bool:
        return float(packet.pts * packet.time_base) < seconds

    with av.open(str(video)) as shown, av.open(str(sound)) as heard, av.open(str(target), "w") as file:
        streams = {one.type: file.add_stream_from_template(one) for one in (shown.streams[0], heard.streams[0])}
        parts = [takewhile(early, around(path)) for path in (video, sound)]
        for packet in merge(*parts, key=lambda packet: packet.dts * packet.time_base):
            packet.stream = streams[packet.stream.type]
            file.mux(packet)


def make(folder: Path, photograph: Path, lengths: dict[str, list[int]]) -> dict[str, dict[int, str]]:
    """Write the clips.

    Args:
        folder: Where to.
        photograph: Of a face.
        lengths: Seconds, for each kind of `GRAIN`.

    Returns:
        File names by kind and length.
    """
    sound = folder / "speech.mp4"
    encode_speech(sound)
    names: dict[str, dict[int, str]] = {}
    for kind, several in lengths.items():
        video = folder / f"{kind}.mp4"
        encode(video, drifting(photograph, GRAIN[kind], ENCODED_S))
        names[kind] = {seconds: str(folder / f"{kind}-{seconds}.mp4") for seconds in several}
        for seconds, name in names[kind].items():
            copy(video, sound, Path(name), seconds)
    return names


def main() -> None:
    """Make them, and print their names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--from", type=Path, default=SHARED, dest="source", help="a photograph of a face, or a folder")
    parser.add_argument("--lengths", type=int, nargs="+", default=[ENCODED_S], help="seconds of the clean clips")
    parser.add_argument("--grain", type=int, nargs="*", default=[], help="seconds of the clips with grain")
    arguments = parser.parse_args()
    found = photographs(arguments.source, 1)
    lengths = {"clean": arguments.lengths, **({"grain": arguments.grain} if arguments.grain else {})}
    print(json.dumps(make(arguments.folder, found[0], lengths) if found else {}))


if __name__ == "__main__":
    main()
