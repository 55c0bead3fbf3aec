"""Models: cards, verified weights and the runtime that answers."""

from assay.models.card import Calibration, Card, DetectorCard, OperatingPoint, PictureCard, TailModel, VideoCard
from assay.models.providers import provider_of
from assay.models.registry import detector_card, list_cards, picture_card, video_card
from assay.models.weights import load_session

__all__ = [
    "Calibration",
    "Card",
    "DetectorCard",
    "OperatingPoint",
    "PictureCard",
    "TailModel",
    "VideoCard",
    "detector_card",
    "list_cards",
    "load_session",
    "picture_card",
    "provider_of",
    "video_card",
]
