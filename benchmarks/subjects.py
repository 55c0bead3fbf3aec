"""What is measured: Assay's whole scan, and what it is held against.

| name | what one pass over the files does |
|---|---|
| `scan` | `Detector.scan_many`: hash, sniff, decode, speech activity, quality, network, decision, result |
| `usual` | librosa loads and computes two log-mel spectrograms, PyTorch scores the windows that Assay scores |
| `usual-half` | the same with windows that overlap by half, an eighth as many |
| `network` | the detector network alone in ONNX Runtime: the floor |
| `networks` | speech activity and the detector network, both alone |

`network` and `networks` get samples that are already decoded, cut by the same `WindowCutter` as in a scan. `usual`
puts spectrograms of the same shape into the same trunks, pooling and heads, with random weights: they cost as much as
trained ones. Each subject is built once (models loaded, not timed) and then called, once per pass. Those of pictures
are in picture_subjects.py, those of videos in video_subjects.py, those of training in training_subjects.py.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from load import Load
from numpy.typing import NDArray
from picture_subjects import PictureDecode, PictureScan, PictureUsual
from training_subjects import TRAINING_SUBJECTS
from video_subjects import VideoDecode, VideoScan, VideoUsual

Samples = NDArray[np.float32]

RATE = 16_000
HALF_WINDOW = 32_768  # samples
BATCH = 16


class Scan:
    """The whole scan, through the public door."""

    def __init__(self, load: Load) -> None:
        from assay import Detector, load_settings

        self._files = load.files
        self._detector = Detector(settings=load_settings(threads=load.threads, jobs=load.jobs))
        self._stages_ms: dict[str, list[float]] = defaultdict(list)

    def __call__(self) -> None:
        """Scan every file; one that fails ends the benchmark."""
        from assay.result import ScanFailure

        for outcome in self._detector.scan_many(self._files, expanded=True):
            if isinstance(outcome, ScanFailure):
                raise SystemExit(f"a file could not be scanned: {outcome}")
            for stage, spent_ms in outcome.timings_ms.items():
                self._stages_ms[stage].append(spent_ms)

    def facts(self) -> dict[str, Any]:
        """Windows of the first file, and where the time of a scan went, medians."""
        from assay import open_media

        scores = self._detector.model.score(open_media(self._files[0], settings=self._detector.settings))
        stages_ms = {stage: statistics.median(spent) for stage, spent in self._stages_ms.items()}
        return {"windows": scores.channels[0].llrs.size, "stages_ms": stages_ms}


class Network:
    """The detector network alone, with or without speech activity, on samples in memory."""

    def __init__(self, load: Load, *, speech: bool) -> None:
        from assay import load_settings, open_media
        from assay.audio.detector import BLOCK_S, STRETCH_WINDOWS, AudioDetector
        from assay.audio.speech import SpeechActivity
        from assay.audio.windows import WindowCutter

        settings = load_settings()
        self._load = load
        self._detector = AudioDetector(settings.audio_model, threads=load.threads)
        self._speech = SpeechActivity() if speech else None
        self._inputs: list[tuple[list[Samples], list[Samples]]] = []
        for file in load.files:
            blocks = [block[0] for block in open_media(file, settings=settings).blocks(block_s=BLOCK_S)]
            card = self._detector.card
            cutter = WindowCutter(card.window_samples, card.hop_samples, windows=STRETCH_WINDOWS)
            # Copies, as a scan makes them: views of one array would share its place in memory.
            stretches = [stretch.copy() for block in blocks for stretch in cutter.push(block)]
            stretches += [stretch.copy() for stretch in cutter.finish()]
            self._inputs.append((blocks if speech else [], stretches))

    def __call__(self) -> None:
        """Run the network(s) over every file."""
        self._load.over_files(self._answer, self._inputs)

    def _answer(self, item: tuple[list[Samples], list[Samples]]) -> int:
        blocks, stretches = item
        if self._speech is not None:
            stream = self._speech.stream()
            for block in blocks:
                stream.push(block)
            stream.finish()
        return sum(len(self._detector.logits(stretch)[0]) for stretch in stretches)

    def facts(self) -> dict[str, Any]:
        """Windows of the first file."""
        return {"windows": self._answer(self._inputs[0])}


class Usual:
    """librosa and PyTorch, file by file, as a competent user writes it in an afternoon."""

    def __init__(self, load: Load, *, hop: int | None = None) -> None:
        import librosa
        import torch

        from assay.training.audio_net import HOP_SAMPLES, WINDOW_SAMPLES, AudioResnet

        torch.set_num_threads(load.threads)
        torch.manual_seed(0)
        self._load, self._librosa, self._torch = load, librosa, torch
        self._window, self._hop = WINDOW_SAMPLES, hop or HOP_SAMPLES
        # channels_last is what suits these convolutions on a processor; it costs one word.
        self._net = AudioResnet().eval().to(memory_format=torch.channels_last)

    def __call__(self) -> None:
        """Score every file."""
        self._load.over_files(self._score, self._load.files)

    def _score(self, file: str) -> int:
        samples, _ = self._librosa.load(file, sr=RATE)
        # As in a scan, what remains behind the last whole hop is scored, too.
        starts = range(0, max(1, len(samples) - self._window + self._hop), self._hop)
        logits = [self._branch(branch, samples, starts) for branch in self._net.branches]
        return len(sum(logits))

    def _branch(self, branch: Any, samples: Samples, starts: range) -> Samples:
        """Logits of one branch for the windows that begin at `starts`, `BATCH` at a time."""
        view = branch.spectrum.view
        frames = self._turns(samples, view) if view.phase else self._mel(samples, view)
        # As many frames as the trunk sees of one window, once the level is taken off.
        seen = (self._window - view.frame) // view.step + 2 - view.level_frames
        firsts = [min(start // view.step, frames.shape[1] - seen) for start in starts]
        return np.concatenate(
            [
                self._logits(branch, np.stack([frames[:, first : first + seen] for first in firsts[at : at + BATCH]]))
                for at in range(0, len(firsts), BATCH)
            ]
        )

    def _mel(self, samples: Samples, view: Any) -> Samples:
        """Log-mel spectrogram, shape (1, frames, bands)."""
        mel = self._librosa.feature.melspectrogram(
            y=samples, sr=RATE, n_fft=view.frame, hop_length=view.step, n_mels=view.mels
        )
        decibels: Samples = self._librosa.power_to_db(mel).T[None]
        return decibels

    def _turns(self, samples: Samples, view: Any) -> Samples:
        """Log power, and cosine and sine of how phases turn in time and over frequency, shape (10, frames, bins / 2).

        Even bins first, as the network takes them.
        """
        spectrum = self._librosa.stft(samples, n_fft=view.frame, hop_length=view.step)[: view.frame // 2].T
        unit = np.exp(1j * np.angle(spectrum)).astype(np.complex64)
        in_time = unit[1:] * unit[:-1].conj()
        over_frequency = unit[1:] * np.roll(unit[1:], 1, axis=1).conj()
        decibels = self._librosa.power_to_db(np.abs(spectrum[1:]) ** 2)
        parts = [decibels, in_time.real, in_time.imag, over_frequency.real, over_frequency.imag]
        maps = np.stack(parts).astype(np.float32)
        return np.concatenate([maps[..., ::2], maps[..., 1::2]])

    def _logits(self, branch: Any, windows: Samples) -> Samples:
        """One batch of windows through trunk, pooling and head."""
        with self._torch.inference_mode():
            spectrum = self._torch.from_numpy(windows).contiguous(memory_format=self._torch.channels_last)
            logits: Samples = branch.head(
                branch.pool(branch.trunk(spectrum).flatten(2), branch.lengths[:1])[0]
            ).numpy()[:, 0, 0]
        return logits

    def facts(self) -> dict[str, Any]:
        """Windows of the first file."""
        return {"windows": self._score(self._load.files[0])}


SUBJECTS: dict[str, Callable[[Load], Any]] = {
    "scan": Scan,
    "usual": Usual,
    "usual-half": lambda load: Usual(load, hop=HALF_WINDOW),
    "network": lambda load: Network(load, speech=False),
    "networks": lambda load: Network(load, speech=True),
    "scan-pictures": PictureScan,
    "usual-pictures": PictureUsual,
    "decode-pictures": PictureDecode,
    "scan-videos": VideoScan,
    "scan-videos-even": lambda load: VideoScan(load, close_s=0),
    "usual-videos": lambda load: VideoUsual(load, halved=True),
    "usual-videos-full": lambda load: VideoUsual(load, halved=False),
    "decode-videos": VideoDecode,
    **TRAINING_SUBJECTS,
}
