"""What every way of making a spoof from bona fide speech has in common, and how one file is made from a seed.

Decision: a method takes and returns 16 kHz mono float32 of the same length, and draws all that is random from a
generator that is seeded by the run's seed, the method and the parent's path, so that any single file can be made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from assay.training.sound import SAMPLE_RATE_HZ, Samples

Make = Callable[[Samples, np.random.Generator], Samples]


@dataclass(frozen=True)
class Method:
    """One way to make a spoof.

    Attributes:
        name: The name a recipe uses.
        generator: What the protocol's ``generator`` column says.
        make: ``(samples (n,), rng) -> samples (n,)``, 16 kHz float32.
    """

    name: str
    generator: str
    make: Make


def fit(samples: Samples, length: int) -> Samples:
    """Cut or zero-pad to `length`, float32."""
    return np.asarray(np.pad(samples[:length], (0, max(0, length - len(samples)))), dtype=np.float32)


def generator_of(seed: int, method: str, subject: str) -> np.random.Generator:
    """The random generator that belongs to one file: of `seed`, a method's name and a parent's path (or a number)."""
    digest = hashlib.sha256(f"{seed}/{method}/{subject}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def copy_synthesise(method: Method, samples: Samples, *, parent: str, seed: int) -> Samples:
    """Make the one spoof that `method`, `seed` and the parent's path determine.

    Args:
        method: How.
        samples: The bona fide clip, shape (n,), 16 kHz float32.
        parent: Path of the clip, as its protocol names it.
        seed: Seed of the run.

    Returns:
        Shape (n,), float32, at the parent's RMS level, or lower where its peak would leave [-1, 1].
    """
    made = method.make(samples, generator_of(seed, method.name, parent))
    level = np.sqrt(np.mean(samples**2) / max(float(np.mean(made**2)), 1e-12))
    made = made * np.float32(level)
    return np.asarray(made / max(1.0, float(np.abs(made).max())), dtype=np.float32)


def make_fakes(
    clips: Iterable[tuple[str, Callable[[], Samples]]], method: Method, *, folder: Path, seed: int
) -> Iterator[tuple[str, Path]]:
    """Write one FLAC per clip into `folder`; files that are there already are kept.

    Args:
        clips: The parent's path, and what loads it, called only if there is something to make.
        method: How.
        folder: Created if need be.
        seed: Seed of the run.

    Yields:
        The parent's path and the file made from it, as each is ready.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for parent, load in clips:
        path = folder / (hashlib.sha256(parent.encode()).hexdigest()[:20] + ".flac")
        if not path.exists():
            write_flac(path, copy_synthesise(method, load(), parent=parent, seed=seed))
        yield parent, path


def write_flac(path: Path, samples: Samples) -> None:
    """Write 16-bit FLAC under a temporary name first: a killed run leaves no half file under the final one."""
    part = path.with_suffix(".part")
    soundfile.write(part, samples, SAMPLE_RATE_HZ, format="FLAC")
    part.replace(path)
