"""The door of this room: a file in, an `Explanation` out, by the models and settings of a scan.

    source ──> assay.line ──> result ──> what a network heard or saw ──> places hidden ──> Explanation

The scan itself is that of `assay.line.Detector`; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from assay.errors import MissingExtra, SettingsError
from assay.explain import told
from assay.explain.explanation import Explanation, Method
from assay.explain.sound import SoundFindings, explain_sound, heard_by_detector, heard_by_network
from assay.line import Detector
from assay.media import AudioMedia, open_moving
from assay.result import ScanResult

if TYPE_CHECKING:
    from assay.media.pictures import Picture
    from assay.media.videos import Video
    from assay.views.network import Network


@dataclass(frozen=True, eq=False)
class Explained:
    """An explanation with what it is about.

    Attributes:
        media: `AudioMedia`, `Picture` or `Video`, opened, so that a map can be drawn over it.
        result: Of the scan.
        explanation: Of that.
    """

    media: Any
    result: ScanResult
    explanation: Explanation


class Explainer:
    """Explains files with one set of settings; may be shared between threads.

    Args:
        detector: Whose answers are explained; None makes one.
        **settings: Of that one.

    Raises:
        SettingsError: As of `assay.line.Detector`.
        ModelError: Likewise.
    """

    def __init__(self, detector: Detector | None = None, **settings: Any) -> None:
        self.detector = detector if detector is not None else Detector(**settings)

    def explain(
        self, source: Any, *, result: ScanResult | None = None, method: Method = "occlusion", name: str | None = None
    ) -> Explained:
        """Explain one file.

        Args:
            source: As for `assay.line.Detector.scan`.
            result: Of a scan of this file with these settings, if there is one; else it is scanned.
            method: ``occlusion`` for every model; ``grad_cam`` for networks that were trained here.
            name: Name to show instead of the source's own.

        Raises:
            MediaError: If it cannot be read.
            ModelError: If a model is unknown, altered or fails.
            SettingsError: If the model has no gradients to look at.
            MissingExtra: If torch or captum is missing for ``grad_cam``.
            ExplanationError: If no layer of the network can be looked at.
        """
        media = open_moving(source, settings=self.detector.settings, name=name)
        kind = "audio" if isinstance(media, AudioMedia) else _kind(media)
        network = self.detector.networks.get(kind)
        if method == "grad_cam":
            _require_gradients(network, kind)
        result = result if result is not None else self.detector.examine(media)
        by_kind: dict[str, Callable[..., Explanation]]
        by_kind = {"audio": self._sound, "image": self._picture, "video": self._video}
        return Explained(media, result, by_kind[kind](media, result, network, method))

    def _sound(self, media: AudioMedia, result: ScanResult, network: Network | None, method: Method) -> Explanation:
        settings = self.detector.settings
        if network is None:
            spans = result.suspicious if result.verdict == "mixed" else ()
            heard = heard_by_detector(self.detector.model, media, settings, spans)
        else:
            heard = heard_by_network(network, media, settings, self.detector.sound_judge.score(media))
        if heard is None:
            return told.nothing(result, method)
        given = None
        if method == "grad_cam" and network is not None:
            from assay.explain.grad_cam import sound_map

            given = sound_map(network, heard)
        return told.of_sound(explain_sound(heard, given), heard, result, method)

    def _picture(self, media: Picture, result: ScanResult, network: Network | None, method: Method) -> Explanation:
        from assay.explain.pictures import explain_picture, seen_by_detector, seen_by_network
        from assay.picture_line import face_finder

        settings, pixels = self.detector.settings, media.pixels
        if network is None:
            detector = self.detector.picture_model
            scores = detector.score(
                pixels, face_finder(settings.threads, settings.deep).find(pixels), deep=settings.deep
            )
            face = result.verdict == "mixed"
            seen = seen_by_detector(detector, pixels, scores, threads=settings.threads, face=face)
        else:
            seen = seen_by_network(network, pixels, media.path, threads=settings.threads)
        if seen is None:
            return told.nothing(result, method)
        given = None
        if method == "grad_cam" and network is not None:
            from assay.explain.grad_cam import picture_map

            given = picture_map(network, seen)
        return told.of_picture(explain_picture(seen, given), result, method, partial=seen.partial)

    def _video(self, media: Video, result: ScanResult, network: Network | None, method: Method) -> Explanation:
        from assay.explain.videos import explain_row, explain_shot, telling_frames
        from assay.picture_line import face_finder
        from assay.views.reader import NothingSeen

        settings = self.detector.settings
        if network is not None:
            try:
                stored = network.reader.video(media)
            except NothingSeen:
                return told.nothing(result, method)
            seconds = min(network.form.longest_s, result.duration_s or network.form.longest_s)
            return told.of_row(explain_row(network, stored, seconds, threads=settings.threads), result, method)
        eyes = self.detector.video_models
        shots = telling_frames(media, eyes, face_finder(settings.threads, False), result)
        label = "person 0" if len(result.persons) == 1 else ""
        frames = [explain_shot(shot, eyes, threads=settings.threads, label=label) for shot in shots]
        sound = self._track(media, result)
        return told.of_video(shots, frames, sound, result) if frames or sound else told.nothing(result, method)

    def _track(self, media: Video, result: ScanResult) -> SoundFindings | None:
        """Of the sound track, by the clock of the frames; None where the scan did not count it."""
        counted = result.fusion is not None and any(part.name == "audio" for part in result.fusion.parts)
        sound = media.audio() if counted else None
        if sound is None:
            return None
        starts_s = media.info.sound_starts_s or 0.0
        spans = [
            one.model_copy(update={"start_s": max(0.0, one.start_s - starts_s), "end_s": one.end_s - starts_s})
            for one in result.segments
            if one.suspicious and one.end_s > starts_s
        ]
        heard = heard_by_detector(self.detector.model, sound, self.detector.settings, spans)
        return explain_sound(replace(heard, start_s=heard.start_s + starts_s, label="sound")) if heard else None


def explain(
    source: Any,
    *,
    result: ScanResult | None = None,
    method: Method = "occlusion",
    name: str | None = None,
    **settings: Any,
) -> Explanation:
    """Explain one file with the default models; see `Explainer.explain`.

    A program that explains more than one should keep an `Explainer`, which loads the models once.
    """
    return Explainer(**settings).explain(source, result=result, method=method, name=name).explanation


def _kind(media: Any) -> str:
    """Of what is no recording."""
    from assay.media.pictures import Picture

    return "image" if isinstance(media, Picture) else "video"


def _require_gradients(network: Network | None, kind: str) -> None:
    """Whether there is a network whose gradients can be looked at, and what looks at them."""
    if network is None or kind == "video":
        raise SettingsError(
            "Grad-CAM needs the torch weights of a network for sound or pictures that was trained here; name its run"
            " folder as the model of that medium (--model RUN). Shipped detectors and networks for videos are explained"
            " by occlusion."
        )
    if any(find_spec(name) is None for name in ("torch", "captum")):
        raise MissingExtra.of("explain", "Grad-CAM")
