"""Makes the data that the training benchmark learns from, with their protocols.

    python benchmarks/training_data.py FOLDER --train 128 --dev 32 --many 1024

- **sounds, as they come**: recordings of both keys drawn evenly from the shared data folder (48 kHz Opus); without
  such a folder, cuts of the reading in ``examples/media`` as WAV, FLAC and MP3 by turns, spoofs with a tone behind.
- **the same as WAV**: 16 kHz, mono, 16 bit: nothing to decode and nothing to resample, what the usual way likes best.
- **pictures and videos**: soft blobs, spoofs with stripes. Once decoded, what they show does not change their cost.
- **many**: minutes of faint noise as FLAC, for a set that is larger than the memory allowed.

Prints one JSON object: file names of protocols, and what the sounds are. This is a program of its own so that the
process that measures never holds any of it, and stays small.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from assay import load_settings, open_media
from assay.data import Trial, read_protocol, write_protocol

SHARED = Path(__file__).parents[2] / "shared" / "data" / "audio" / "protocol.csv"
SPEECH = Path(__file__).parent.parent / "examples" / "media" / "human-long.flac"
RATE, FINE_RATE = 16_000, 44_100
MANY_S = 60.0  # of each recording of the large set
TONE_HZ, TONE = 2_500, 0.02
PICTURE_SIDE, FRAME_SIDE, FRAMES, FPS = 256, 160, 24, 12
FORMS = ("wav", "flac", "mp3")

Sizes = dict[str, int]  # media of each partition


def dealt(sizes: Sizes) -> Iterator[tuple[str, int, bool]]:
    """Partition, number and whether it is a spoof, for so many media of each partition; keys take turns."""
    for partition, count in sizes.items():
        for number in range(count):
            yield partition, number, number % 2 == 1


def trial(path: Path, partition: str, *, spoof: bool) -> Trial:
    """A row of a protocol; sources differ between partitions, as where something is to be learnt."""
    return Trial(str(path), "spoof" if spoof else "bona_fide", partition=partition, source=f"made-{partition}")


def drawn(protocol: Path, sizes: Sizes) -> list[Trial]:
    """Trials of the shared protocol's partition ``train``, evenly spread over each key, dealt to our partitions."""
    trials = read_protocol(protocol, partition="train")
    queues = {}
    for spoof, key in enumerate(("bona_fide", "spoof")):
        like = [one for one in trials if one.key == key]
        wanted = sum(1 for *_, is_spoof in dealt(sizes) if is_spoof == bool(spoof))
        places = np.linspace(0, len(like) - 1, wanted).round().astype(int)
        queues[bool(spoof)] = [like[place].file.resolve() for place in np.random.default_rng(0).permutation(places)]
    return [trial(queues[spoof].pop(), partition, spoof=spoof) for partition, _, spoof in dealt(sizes)]


def made_sounds(folder: Path, sizes: Sizes) -> list[Trial]:
    """Cuts of 3 to 6 s of real speech in several forms."""
    speech, _ = soundfile.read(SPEECH, dtype="float32")
    rng = np.random.default_rng(0)
    found = []
    for partition, number, spoof in dealt(sizes):
        length = int(RATE * rng.uniform(3, 6))
        start = int(rng.integers(len(speech) - length))
        samples = 0.9 * speech[start : start + length]
        if spoof:
            samples = samples + TONE * np.sin(2 * np.pi * TONE_HZ * np.arange(length) / RATE)
        form = FORMS[number // 2 % len(FORMS)]
        path = folder / f"{partition}-{number:04d}.{form}"
        if form == "wav":
            soundfile.write(path, samples, RATE)
        else:
            fine = soxr.resample(samples, RATE, FINE_RATE)
            soundfile.write(path, np.stack([fine, 0.8 * fine], 1), FINE_RATE, format=form.upper())
        found.append(trial(path, partition, spoof=spoof))
    return found


def as_wav(folder: Path, trials: list[Trial]) -> list[Trial]:
    """The same recordings at 16 kHz, mono, 16 bit."""
    folder.mkdir()
    settings = load_settings()
    found = []
    for number, one in enumerate(trials):
        media = open_media(one.file, settings=settings)
        samples = np.concatenate([block[0] for block in media.blocks(block_s=30.0)])
        path = folder / f"{number:04d}.wav"
        soundfile.write(path, samples, RATE, subtype="PCM_16")
        found.append(trial(path, one.partition, spoof=one.key == "spoof"))
    return found


def blobs(rng: np.random.Generator, side: int, *, spoof: bool) -> NDArray[np.uint8]:
    """Soft blobs, with stripes in spoofs, shape (side, side, 3)."""
    from PIL import Image

    small = Image.fromarray(rng.integers(60, 190, (8, 8, 3), np.uint8))
    soft = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), np.float32)
    stripes = 12 * np.sin(np.arange(side) * 1.2)[None, :, None] if spoof else 0
    return np.clip(soft + stripes + rng.normal(0, 3, soft.shape), 0, 255).astype(np.uint8)


def pictures(folder: Path, sizes: Sizes) -> list[Trial]:
    """JPEG files."""
    from PIL import Image

    folder.mkdir()
    rng = np.random.default_rng(1)
    found = []
    for partition, number, spoof in dealt(sizes):
        path = folder / f"{partition}-{number:04d}.jpg"
        Image.fromarray(blobs(rng, PICTURE_SIDE, spoof=spoof)).save(path, quality=95)
        found.append(trial(path, partition, spoof=spoof))
    return found


def videos(folder: Path, sizes: Sizes) -> list[Trial]:
    """H.264 files of two seconds."""
    import av

    folder.mkdir()
    rng = np.random.default_rng(2)
    found = []
    for partition, number, spoof in dealt(sizes):
        path = folder / f"{partition}-{number:04d}.mp4"
        still = blobs(rng, FRAME_SIDE, spoof=spoof)
        with av.open(str(path), "w") as file:
            stream = file.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
            stream.width = stream.height = FRAME_SIDE
            stream.pix_fmt = "yuv420p"
            for step in range(FRAMES):
                frame = np.ascontiguousarray(np.roll(still, 2 * step, axis=0))
                file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            file.mux(stream.encode(None))
        found.append(trial(path, partition, spoof=spoof))
    return found


def many(folder: Path, sizes: Sizes) -> list[Trial]:
    """Recordings of `MANY_S`: noise of a few steps of 16 bit, which FLAC packs well and a cache does not."""
    folder.mkdir()
    rng = np.random.default_rng(3)
    found = []
    for partition, number, spoof in dealt(sizes):
        path = folder / f"{partition}-{number:04d}.flac"
        faint = rng.integers(-1, 2, int(MANY_S * RATE), np.int16)
        soundfile.write(path, faint * np.int16(40 if spoof else 20), RATE, subtype="PCM_16")
        found.append(trial(path, partition, spoof=spoof))
    return found


def make(folder: Path, *, train: int, dev: int, most: int, shared: Path = SHARED) -> dict[str, object]:
    """Make everything.

    Args:
        folder: Where to; it must exist.
        train: Recordings that are learnt from, even.
        dev: Those that are measured on, even.
        most: Recordings of the large set; a quarter of them makes a set of its own.
        shared: Protocol of the shared data folder.

    Returns:
        File names of protocols by what they hold, ``kinds``: sounds by ending, and ``made``: whether they were made.
    """
    sizes = {"train": train, "dev": dev}
    few = {"train": min(train, 64), "dev": min(dev, 32)}
    sounds = drawn(shared, sizes) if shared.exists() else made_sounds(folder, sizes)
    large = many(folder / "many", {"train": most, "dev": 4})
    protocols = {
        "sounds": sounds,
        "sounds-wav": as_wav(folder / "wav", sounds),
        "pictures": pictures(folder / "pictures", few),
        "videos": videos(folder / "videos", few),
        "many": large,
        "fewer": [*large[: most // 4], *large[most:]],
    }
    names = {name: folder / f"{name}.csv" for name in protocols}
    for name, trials in protocols.items():
        write_protocol(names[name], trials)
    kinds = Counter(one.file.suffix[1:] for one in sounds)
    return {
        "protocols": {name: str(path) for name, path in names.items()},
        "kinds": dict(sorted(kinds.items())),
        "made": not shared.exists(),
    }


def main() -> None:
    """Make them, and print their names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=128, help="recordings that are learnt from")
    parser.add_argument("--dev", type=int, default=32, help="recordings that are measured on")
    parser.add_argument("--many", type=int, default=1024, help=f"recordings of {MANY_S:g} s of the large set")
    arguments = parser.parse_args()
    print(json.dumps(make(arguments.folder, train=arguments.train, dev=arguments.dev, most=arguments.many)))


if __name__ == "__main__":
    main()
