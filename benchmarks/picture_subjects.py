"""What the picture benchmark measures: Assay's whole scan of pictures, and what it is held against.

| name | what one pass over the files does |
|---|---|
| `scan-pictures` | `Detector.scan_many`: all that a scan of a picture does, whatever that is at present |
| `usual-pictures` | Pillow decodes; PyTorch scores six crops of 224 × 224 pixels with an EfficientNet-Lite0 |
| `decode-pictures` | Pillow decodes, and nothing else: the floor |

The usual way is what a competent user writes in an afternoon: a face crop and five crops (the corners and the middle)
through one convolutional network, in floats, in one batch. It knows nothing of metadata, of compression, or of where
the face is: the middle of the picture counts as the face, which costs nothing and favours it. Weights are random and
cost what trained ones cost. Each subject is built once (not timed) and then called, once per pass.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from load import Load

CROP = 224  # pixels
# EfficientNet-Lite0 (Tan & Le, ICML 2019; TensorFlow's efficientnet-lite): widening, channels, repeats, stride, kernel.
STAGES = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
          (6, 320, 1, 1, 3))  # fmt: skip


class PictureScan:
    """The whole scan, through the public door."""

    def __init__(self, load: Load) -> None:
        from assay import Detector, load_settings

        self._files = load.files
        self._detector = Detector(settings=load_settings(threads=load.threads, jobs=load.jobs))
        self._stages_ms: dict[str, list[float]] = defaultdict(list)
        self._faces = 0

    def __call__(self) -> None:
        """Scan every file; one that fails ends the benchmark."""
        from assay.result import ScanFailure

        self._faces = 0
        for outcome in self._detector.scan_many(self._files, expanded=True):
            if isinstance(outcome, ScanFailure):
                raise SystemExit(f"a file could not be scanned: {outcome}")
            self._faces += len(outcome.faces)
            for stage, spent_ms in outcome.timings_ms.items():
                self._stages_ms[stage].append(spent_ms)

    def facts(self) -> dict[str, Any]:
        """Where the time of a scan went, medians, and how many faces were found in all files."""
        stages_ms = {stage: statistics.median(spent) for stage, spent in self._stages_ms.items()}
        return {"stages_ms": stages_ms, "faces": self._faces}


class PictureUsual:
    """Pillow and PyTorch."""

    def __init__(self, load: Load) -> None:
        import torch

        torch.set_num_threads(load.threads)
        torch.manual_seed(0)
        self._load, self._torch = load, torch
        # channels_last is what suits these convolutions on a processor; it costs one word.
        self._net = efficientnet_lite0().eval().to(memory_format=torch.channels_last)

    def __call__(self) -> None:
        """Score every file."""
        self._load.over_files(self._score, self._load.files)

    def _score(self, file: str) -> float:
        from PIL import Image

        with Image.open(file) as image:
            picture = image.convert("RGB")
        width, height = picture.size
        side = min(width, height) // 2
        corner = ((width - side) // 2, (height - side) // 2)
        face = picture.crop((*corner, corner[0] + side, corner[1] + side)).resize((CROP, CROP))
        corners = [(left, top) for left in (0, width - CROP) for top in (0, height - CROP)]
        crops = [picture.crop((left, top, left + CROP, top + CROP)) for left, top in (*corners, corner)]
        batch = np.stack([np.asarray(one, np.float32) for one in (face, *crops)]) / 127.5 - 1
        with self._torch.inference_mode():
            pixels = self._torch.from_numpy(batch).permute(0, 3, 1, 2)  # channels are last in memory already
            return float(self._net(pixels).mean())

    def facts(self) -> dict[str, Any]:
        """Crops of a picture."""
        return {"crops": 6}


class PictureDecode:
    """Pillow alone."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def __call__(self) -> None:
        """Decode every file."""
        self._load.over_files(self._decode, self._load.files)

    @staticmethod
    def _decode(file: str) -> int:
        from PIL import Image

        with Image.open(file) as image:
            return int(np.asarray(image.convert("RGB")).size)

    def facts(self) -> dict[str, Any]:
        """Nothing more to say."""
        return {}


def efficientnet_lite0() -> Any:
    """The network with random weights and one logit: 0.39 billion multiplications per crop of 224 × 224 pixels."""
    from torch import nn

    def convolution(
        inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, *, act: bool = True
    ) -> Any:
        layers = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        return nn.Sequential(*layers, nn.ReLU6()) if act else nn.Sequential(*layers)

    class Block(nn.Module):
        """Inverted bottleneck."""

        def __init__(self, inputs: int, outputs: int, wider: int, kernel: int, stride: int) -> None:
            super().__init__()
            inner = inputs * wider
            self.body = nn.Sequential(
                *([convolution(inputs, inner, 1)] if wider > 1 else []),
                convolution(inner, inner, kernel, stride, inner),
                convolution(inner, outputs, 1, act=False),
            )
            self.skips = stride == 1 and inputs == outputs

        def forward(self, x: Any) -> Any:
            return x + self.body(x) if self.skips else self.body(x)

    layers, channels = [convolution(3, 32, 3, 2)], 32
    for wider, outputs, repeats, stride, kernel in STAGES:
        for repeat in range(repeats):
            layers.append(Block(channels, outputs, wider, kernel, 1 if repeat else stride))
            channels = outputs
    head = [convolution(channels, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1)]
    return nn.Sequential(*layers, *head)
