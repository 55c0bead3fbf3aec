"""What the toy corpus is made of: a real reading, made "speech", and a recipe."""

from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
READING = ROOT / "examples" / "media" / "human-long.flac"
RATE = 16_000
RECIPE = """
seed = 7
name = "toy"
version = "0.1"
limits = ["A toy."]
development_sources = ["dev-a", "dev-b"]
codec_versions = 1
integers = false
[fakes]
griffin-lim = 2
lpc = 2
world = 2
[optimisation]
steps = 4
batch_size = 8
evaluate_every = 2
learning_rate = 1e-3
weight_decay = 1e-2
"""


def voiced(seconds, seed):
    """Harmonics of a gliding pitch in bursts, over faint noise, shape (samples,)."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    pitch_hz = rng.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(1, 4) * time))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE
    tone = sum(np.sin(k * phase + rng.uniform(0, 6)) / k for k in range(1, 20))
    bursts = np.clip(2 * np.sin(2 * np.pi * rng.uniform(2, 4) * time) + 1, 0, 1)
    return (0.1 * tone * bursts + 0.003 * rng.standard_normal(len(time))).astype(np.float32)
