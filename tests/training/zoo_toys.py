"""Toy architectures, run folders and protocols for measuring and export; nothing of them is trained for long."""

import json

import numpy as np
import soundfile
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from assay.training.zoo.registry import _KNOWN, Architecture, register

SAMPLES = 8_000


class ToySound(nn.Module):
    """A fixed filter bank, two learnt convolutions in line, a linear layer."""

    def __init__(self, width=8):
        super().__init__()
        self.bank = nn.Conv1d(1, 4, 33, stride=16, bias=False)
        with torch.no_grad():
            time = torch.arange(33) / 16_000
            self.bank.weight.copy_(torch.stack([torch.cos(6.2832 * f * time) for f in (200, 800, 2000, 5000)])[:, None])
        self.bank.weight.requires_grad_(False)
        self.trunk = nn.Sequential(
            nn.Conv1d(4, width, 5, stride=4),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, 5, stride=4),
            nn.ReLU(),
        )
        self.head = nn.Linear(width, 1)

    def forward(self, samples):
        """Shape (n, samples) to (n,)."""
        seen = torch.log(self.bank(samples.float()[:, None]) ** 2 + 1e-3)
        return self.head(self.trunk(seen).mean(2))[:, 0]


class ToyPicture(nn.Module):
    """Convolutions that do not stand in line, so that no channel can be cut."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, stride=2), nn.Conv2d(6, 6, 3, stride=2)
        self.head = nn.Linear(6, 1)

    def forward(self, pixels):
        """Shape (n, side, side, 3), 0 to 255, to (n,)."""
        x = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
        x = torch.relu(self.second(torch.relu(self.first(x))))
        return self.head(x.mean((2, 3)))[:, 0]


TOYS = (
    Architecture("exported-sound", "audio", ToySound, (SAMPLES,), False, "For tests."),
    Architecture("exported-picture", "image", ToyPicture, (32, 32, 3), True, "For tests."),
)


def know_toys():
    """Put the toys on the register, once."""
    for toy in TOYS:
        if toy.name not in _KNOWN:
            register(toy)


def forget_toys():
    """Take them off again, so that other tests see the register as it is."""
    for toy in TOYS:
        _KNOWN.pop(toy.name, None)


def write_run(folder, name, net, **options):
    """A run folder as training leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, folder / "weights.safetensors")
    (folder / "config.json").write_text(json.dumps({"model": name, "options": options}))
    return folder


def tone(spoof, seed, seconds=0.6):
    """Noise, with a tone in it where it is spoofed."""
    rng = np.random.default_rng(seed)
    samples = 0.05 * rng.standard_normal(round(seconds * 16_000))
    if spoof:
        samples += 0.1 * np.sin(2 * np.pi * 2_000 * np.arange(samples.size) / 16_000)
    return samples.astype(np.float32)


def stripes(spoof, seed, side=96):
    """Noise in levels, striped where it is spoofed."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(128, 20, (side, side, 3))
    if spoof:
        pixels += 40 * np.sign(np.sin(np.arange(side) / 4))[None, :, None]
    return np.clip(pixels, 0, 255).astype(np.uint8)


def write_protocol(folder, media, count=6):
    """Files of both keys with their protocol; half of them are for training."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["path,key,generator,source,partition"]
    for number in range(2 * count):
        spoof = number % 2 == 1
        name = f"{number}.{'wav' if media == 'audio' else 'png'}"
        if media == "audio":
            soundfile.write(folder / name, tone(spoof, number), 16_000)
        else:
            Image.fromarray(stripes(spoof, number, side=256)).save(folder / name)
        key, made = ("spoof", "toy") if spoof else ("bona_fide", "")
        rows.append(f"{name},{key},{made},s{number // 4},{'train' if number < count else 'eval'}")
    (folder / "protocol.csv").write_text("\n".join(rows) + "\n")
    return folder / "protocol.csv"


def fit(net, media, steps=60):
    """Learn the toys' task in a second."""
    torch.manual_seed(0)
    optimiser = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 0.02)
    net.train()
    for step in range(steps):
        spoof = torch.arange(16) % 2
        if media == "audio":
            batch = np.stack([tone(bool(s), 100 + 16 * step + i)[:SAMPLES] for i, s in enumerate(spoof)])
        else:
            batch = np.stack([stripes(bool(s), 100 + 16 * step + i)[:32, :32] for i, s in enumerate(spoof)])
        loss = nn.functional.binary_cross_entropy_with_logits(net(torch.from_numpy(batch)), spoof.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()
