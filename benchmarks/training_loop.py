"""What a user would write instead of the general trainer: a loop over librosa features, as tutorials have it.

Dataset and DataLoader, `librosa.load` at 16 kHz and a log-mel spectrogram or MFCC with Δ and ΔΔ for every file that is
drawn, binary cross-entropy, AdamW, a validation after each epoch, the weights saved at the end. The network is that of
the zoo behind its front end, so that both learn with the same layers.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from load import Load
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset
from training_subjects import BATCH

from assay.data import read_protocol
from assay.training.lab.data import MOST_WORKERS
from assay.training.zoo import architecture

RATE = 16_000
Floats = NDArray[np.float32]


def log_mel(samples: Floats) -> Floats:
    """As the front end of `mel-cnn`: shape (64, frames), dB."""
    import librosa

    power = librosa.feature.melspectrogram(y=samples, sr=RATE, n_fft=512, hop_length=320, n_mels=64)
    decibels: Floats = librosa.power_to_db(power)
    return decibels


def cepstra(samples: Floats) -> Floats:
    """As the front end of `mfcc-net`: shape (39, frames)."""
    import librosa

    first = librosa.feature.mfcc(y=samples, sr=RATE, n_mfcc=13, n_fft=512, hop_length=160, n_mels=40)
    slopes = [librosa.feature.delta(first, order=order) for order in (1, 2)]
    return np.concatenate([first, *slopes])


FEATURES = {"mel-cnn": log_mel, "mfcc-net": cepstra}


class Body(nn.Module):
    """A network of the zoo behind its front end.

    Args:
        model: One of `FEATURES`.
    """

    def __init__(self, model: str) -> None:
        super().__init__()
        self.model, self.net = model, architecture(model).make()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Shape (n, rows, frames) to logits (n,)."""
        net: Any = self.net
        sheet = net.norm(features)
        pooled = net.trunk(sheet.unsqueeze(1)).mean((2, 3)) if self.model == "mel-cnn" else net.pool(net.trunk(sheet))
        logits: torch.Tensor = net.head(torch.relu(net.dense(net.dropout(pooled)))).squeeze(1)
        return logits


class Files(Dataset[tuple[torch.Tensor, float]]):
    """One file's features and whether it is a spoof.

    Args:
        protocol: CSV.
        partition: Of it.
        model: Which features.
        drawn: Cut at random, or in the middle.
        augmented: Add noise and gain.
    """

    def __init__(self, protocol: Path, partition: str, model: str, *, drawn: bool, augmented: bool = False) -> None:
        self._trials = read_protocol(protocol, partition=partition)
        self._features, self._window = FEATURES[model], architecture(model).shape[0]
        self._drawn, self._augmented = drawn, augmented

    def __len__(self) -> int:
        return len(self._trials)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, float]:
        import librosa

        one = self._trials[index]
        samples, _ = librosa.load(one.file, sr=RATE)
        # Torch's numbers: a worker's own, where NumPy's would be the same in all.
        rng = np.random.default_rng(int(torch.randint(2**31, ()))) if self._drawn else None
        samples = self._cut(samples, rng)
        if self._augmented and rng is not None:
            samples = augmented(samples, rng)
        return torch.from_numpy(self._features(samples)), float(one.key == "spoof")

    def _cut(self, samples: Floats, rng: np.random.Generator | None) -> Floats:
        spare = len(samples) - self._window
        if spare <= 0:
            return np.pad(samples, (0, -spare))
        start = int(rng.integers(spare + 1)) if rng else spare // 2
        return samples[start : start + self._window]


def augmented(samples: Floats, rng: np.random.Generator) -> Floats:
    """White noise at 10 to 40 dB below the signal, and a gain of -12 to 6 dB, each for half of the files."""
    if rng.random() < 0.5:
        level = np.sqrt(np.mean(samples**2)) * 10 ** (-rng.uniform(10, 40) / 20)
        samples = samples + level * rng.standard_normal(len(samples))
    if rng.random() < 0.5:
        samples = samples * 10 ** (rng.uniform(-12, 6) / 20)
    return np.clip(samples, -1, 1).astype(np.float32)


class Loop:
    """The loop.

    Args:
        load: The protocol.
        model: One of `FEATURES`.
        augmented: Add noise and gain.
        epochs: Of the run.
        workers: Processes that read, for each of the two loaders; None for as many as the trainer would start.
    """

    def __init__(self, load: Load, model: str, *, augmented: bool, epochs: int, workers: int | None = None) -> None:
        torch.set_num_threads(load.threads)
        protocol = Path(load.files[0])
        self._model, self._epochs = model, epochs
        self._parts = [
            Files(protocol, "train", model, drawn=True, augmented=augmented),
            Files(protocol, "dev", model, drawn=False),
        ]
        if workers is None:
            workers = min(MOST_WORKERS, len(os.sched_getaffinity(0)) - 1)
        self._told: dict[str, Any] = {"batch_size": BATCH, "num_workers": workers, "persistent_workers": workers > 0}
        self._passes: list[dict[str, Any]] = []
        self._parts[1][0]  # librosa loads and compiles what it needs when it is first used

    def __call__(self) -> None:
        """Train from nothing."""
        started = time.perf_counter()
        train = DataLoader(self._parts[0], shuffle=True, **self._told)
        dev = DataLoader(self._parts[1], **self._told)
        net = Body(self._model)
        optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
        epochs_s, found = [], 0.5
        for _ in range(self._epochs):
            begun = time.perf_counter()
            self._learn(net, optimiser, train)
            epochs_s.append(time.perf_counter() - begun)
            found = self._measure(net, dev)
        with tempfile.TemporaryDirectory() as folder:
            torch.save(net.state_dict(), Path(folder) / "weights.pt")
        self._passes.append(
            {
                "prepared_s": 0.0,
                "epochs_s": epochs_s,
                "total_s": time.perf_counter() - started,
                "examples": len(self._parts[0]),
                "val_auc": found,
            }
        )

    def _learn(self, net: nn.Module, optimiser: torch.optim.Optimizer, batches: DataLoader[Any]) -> None:
        net.train()
        for features, spoof in batches:
            optimiser.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(net(features), spoof.float()).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()

    def _measure(self, net: nn.Module, batches: DataLoader[Any]) -> float:
        from assay.metrics import auc

        net.eval()
        with torch.inference_mode():
            told = [(net(features), spoof) for features, spoof in batches]
        logits, spoof = (torch.cat(part).double().numpy() for part in zip(*told, strict=True))
        return auc(logits[spoof == 0], logits[spoof == 1])

    def facts(self) -> dict[str, Any]:
        """Times of each pass."""
        return {"passes": self._passes, "workers": self._told["num_workers"]}
