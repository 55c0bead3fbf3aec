"""What looks at the frames of a video: two models that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.errors import WeightMismatch
from assay.image.detector import PictureDetector
from assay.video.detector import VideoDetector

if TYPE_CHECKING:
    from assay.settings import Settings


@dataclass(frozen=True)
class Eyes:
    """What looks at frames: a temporal model, and the picture detector whose features it takes."""

    detector: VideoDetector
    pictures: PictureDetector

    @classmethod
    def load(cls, settings: Settings, pictures: PictureDetector | None = None) -> Eyes:
        """Load the video model that the settings name, and what it needs.

        Args:
            settings: Name of the model; threads.
            pictures: Taken if it is the one that the model needs.

        Raises:
            ModelError: If a model is unknown, its weight was altered, or the two do not belong together.
        """
        detector = VideoDetector(settings.video_model, threads=settings.threads, device=settings.device)
        card = detector.card
        if pictures is None or pictures.card.name != card.features_of:
            pictures = PictureDetector(card.features_of, threads=settings.threads, device=settings.device)
        if pictures.card.sha256 != card.features_sha256:
            raise WeightMismatch(
                f"'{card.name}' was trained on another version of '{card.features_of}' (SHA-256"
                f" {card.features_sha256[:12]}…, installed {pictures.card.sha256[:12]}…). Reinstall Assay.",
                model=card.name,
                expected=card.features_sha256,
                found=pictures.card.sha256,
            )
        return cls(detector, pictures)
