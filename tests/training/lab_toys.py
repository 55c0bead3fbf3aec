"""Tiny architectures, one or two of each medium, and tiny data that they can learn: what the laboratory is tested with.

Spoofs hum: a tone in recordings, stripes in pictures and frames. Importable by name, since spawned processes import it.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import soundfile
import torch
from PIL import Image
from torch import nn

from assay.training.zoo import registry
from assay.training.zoo.registry import Architecture, register

RATE = 16_000
SAMPLES = 4_000
SIDE = 32


class ToyAudio(nn.Module):
    """Levels in bands of the wave, and dropout, so that random numbers matter."""

    def __init__(self, width=4, dropout=0.2, norm=True):
        super().__init__()
        self.trunk = nn.Conv1d(1, width, 32, 16)
        self.norm = nn.BatchNorm1d(width) if norm else nn.Identity()
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(width, 1)

    def forward(self, samples):
        x = self.norm(self.trunk(samples[:, None]))
        return self.head(self.drop(torch.log(x.square().mean(2) + 1e-4))).squeeze(1)


class ToyPicture(nn.Module):
    """Levels of filtered pixels; frames are pooled, so that it takes videos, too."""

    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.head = nn.Linear(width, 1)

    def forward(self, pixels):
        x = pixels.float().flatten(0, -4).permute(0, 3, 1, 2) / 127.5 - 1
        x = torch.log(self.conv(x).square().mean((2, 3)) + 1e-3)
        return self.head(x.view(pixels.shape[0], -1, x.shape[1]).mean(1)).squeeze(1)


class ToyAutoencoder(nn.Module):
    """Learns what bona fide pictures look like."""

    def __init__(self):
        super().__init__()
        self.code = nn.Linear(3 * 4 * 4, 4)
        self.back = nn.Linear(4, 3 * 4 * 4)

    def _error(self, pixels):
        x = pixels.float().permute(0, 3, 1, 2) / 127.5 - 1
        x = nn.functional.avg_pool2d(x, SIDE // 4).flatten(1)
        return (self.back(self.code(x)) - x).square().mean(1)

    def forward(self, pixels):
        return torch.log(self._error(pixels) + 1e-6)

    def reconstruction_loss(self, pixels):
        return self._error(pixels).mean()


class ToyFeatures(nn.Module):
    """A mean over frames of features."""

    def __init__(self, features=1280):
        super().__init__()
        self.head = nn.Linear(features, 1)

    def forward(self, features):
        return self.head(features.mean(1)).squeeze(1)


TOYS = (
    Architecture("toy-audio", "audio", ToyAudio, (SAMPLES,), False, "A toy.", variants=(("wide", {"width": 8}),)),
    Architecture("toy-picture", "image", ToyPicture, (SIDE, SIDE, 3), True, "A toy."),
    Architecture("toy-ae", "image", ToyAutoencoder, (SIDE, SIDE, 3), True, "A toy.", one_class=True),
    Architecture("toy-video", "video", ToyPicture, (4, SIDE, SIDE, 3), True, "A toy."),
    Architecture("toy-features", "video", ToyFeatures, (8, 1280), False, "A toy."),
)


def register_toys():
    """Make the toys known, once."""
    for toy in TOYS:
        if toy.name not in registry.names():
            register(toy)


def hum(seconds, seed, *, spoof):
    """Noise, with a tone in spoofs, shape (samples,)."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    noise = 0.1 * rng.standard_normal(len(time))
    return (noise + (0.1 * np.sin(2 * np.pi * 2500 * time) if spoof else 0)).astype(np.float32)


def stripes(seed, *, spoof, side=128):
    """Soft blobs, with stripes in spoofs, uint8 (side, side, 3)."""
    rng = np.random.default_rng(seed)
    soft = np.asarray(Image.fromarray(rng.integers(60, 190, (8, 8, 3), np.uint8)).resize((side, side)), np.float32)
    lines = 50 * np.sin(np.arange(side) * 1.2)[None, :, None] if spoof else 0
    return np.clip(soft + lines, 0, 255).astype(np.uint8)


def write_rows(path, rows):
    """A protocol of rows of path, key, partition, source, speaker and generator."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "key", "partition", "source", "speaker", "generator", "licence"])
        writer.writerows([(*row, "CC0-1.0") for row in rows])
    return path


def sounds(folder, *, sources=4, each=3, partitions=("train",), seconds=0.4):
    """Recordings of both keys in `sources` sources, dealt out over partitions by source; gives the protocol."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for source in range(sources):
        for number in range(2 * each):
            spoof = number % 2 == 1
            name = f"s{source}-{number}.wav"
            soundfile.write(folder / name, hum(seconds, 100 * source + number, spoof=spoof), RATE)
            key, maker = ("spoof", "maker") if spoof else ("bona_fide", "")
            part = partitions[source % len(partitions)]
            rows.append((name, key, part, f"source-{source}", f"person-{source}-{number // 2}", maker))
    return write_rows(folder / "protocol.csv", rows)


def pictures(folder, *, sources=4, each=3):
    """Pictures of both keys; gives the protocol."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for source in range(sources):
        for number in range(2 * each):
            spoof = number % 2 == 1
            name = f"p{source}-{number}.png"
            Image.fromarray(stripes(100 * source + number, spoof=spoof)).save(folder / name)
            rows.append((name, "spoof" if spoof else "bona_fide", "train", f"source-{source}", "", ""))
    return write_rows(folder / "protocol.csv", rows)


def videos(folder, *, sources=4, each=1):
    """Short videos of both keys; gives the protocol."""
    import av

    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for source in range(sources):
        for number in range(2 * each):
            spoof = number % 2 == 1
            name = f"v{source}-{number}.mp4"
            with av.open(str(folder / name), "w") as container:
                stream = container.add_stream("mpeg4", rate=10)
                stream.width = stream.height = 128
                stream.pix_fmt = "yuv420p"
                for step in range(6):
                    pixels = np.roll(stripes(100 * source + number, spoof=spoof), step, axis=0)
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
                container.mux(stream.encode())
            rows.append((name, "spoof" if spoof else "bona_fide", "train", f"source-{source}", "", ""))
    return write_rows(folder / "protocol.csv", rows)


def main(arguments):
    """Train a toy as a process of its own: ``protocol out [key=value ...] [--resume]``."""
    from assay.training.lab.config import load_run
    from assay.training.lab.run import train

    register_toys()
    torch.set_num_threads(1)
    changes = [argument for argument in arguments[2:] if argument != "--resume"]
    run = load_run("toy-audio", None, changes)
    train(run, [Path(arguments[0])], Path(arguments[1]), resume="--resume" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
