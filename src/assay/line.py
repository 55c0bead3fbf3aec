"""The line itself: source, media, scores, verdict, result. Library, CLI and service all walk it here.

`Detector.scan` answers for one source and raises; `Detector.scan_many` goes on past bad ones and yields a
`ScanFailure` in their place. A caller who wants to stop earlier uses `open_media`, `AudioDetector.score` and `decide`.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from functools import cached_property
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from assay import sound_line
from assay.audio.deliveries import Recording
from assay.audio.denoise import NoiseReducer
from assay.audio.detector import AudioDetector, AudioScores
from assay.audio.speech import SpeechActivity
from assay.errors import AssayError, MediaError, SettingsError
from assay.media import AudioMedia, expand, open_moving
from assay.provenance import read_provenance
from assay.result import Outcome, ScanFailure, ScanResult
from assay.settings import Settings, load_settings
from assay.sound_line import SoundJudge
from assay.stability import require_deliveries
from assay.zoo_line import examine_picture, examine_video, load_networks, shipped

if TYPE_CHECKING:
    from assay.image.detector import PictureDetector
    from assay.media.pictures import Picture
    from assay.media.videos import Video
    from assay.video_eyes import Eyes

log = logging.getLogger("assay.line")


class Detector:
    """Scans recordings, pictures and videos with one set of settings; may be shared between threads.

    A network that was trained here, named in the place of a shipped detector, judges the files of its own medium; the
    shipped detectors judge all else, the sound track of videos included.

    Args:
        settings: The settings in force; None loads them (file, environment).
        model: Anything that scores sound like `AudioDetector`; None loads the one that the settings name.
        **overrides: Single settings, when `settings` is None: ``Detector(max_false_alarm=0.001)``.

    Raises:
        SettingsError: If a setting is unknown or out of range, or stands beside `settings`.
        ModelError: If the model is unknown or its weight was altered.
        MissingExtra: If a setting needs what is not installed.
    """

    def __init__(
        self, *, settings: Settings | None = None, model: AudioDetector | None = None, **overrides: Any
    ) -> None:
        if settings is not None and overrides:
            raise SettingsError(f"Give a settings object or single settings ({', '.join(overrides)}), not both.")
        self.settings = settings if settings is not None else load_settings(**overrides)
        _require_extras(self.settings)
        self._trust_anchors = _read_anchors(self.settings.trust_anchors)
        self.networks = load_networks(self.settings, but="audio" if model else "")
        self.model = model or AudioDetector(
            self._shipped("audio"), threads=self.settings.threads, device=self.settings.device
        )
        self._picture_model: PictureDetector | None = None
        self._eyes: Eyes | None = None
        self._lock = Lock()

    def _shipped(self, media: str) -> str:
        return shipped(media, self.settings, instead=media in self.networks)

    def scan(self, source: Any, *, name: str | None = None) -> ScanResult:
        """Analyse one recording, picture or video.

        Args:
            source: Path, ``"-"`` for standard input, bytes, binary file object, or ``(array, sample_rate_hz)``.
            name: Name to show instead of the source's own.

        Raises:
            MediaError: If it cannot be read, is neither sound nor picture nor video, is broken, or is over a limit.
            ModelError: If the model for pictures or videos, loaded when the first one comes, is unknown or altered.
        """
        started = time.perf_counter()
        return self.examine(open_moving(source, settings=self.settings, name=name), started=started)

    def examine(self, media: AudioMedia | Picture | Video, *, started: float | None = None) -> ScanResult:
        """Analyse what `assay.media.open_moving` opened.

        Args:
            media: Opened with the limits of these settings.
            started: `time.perf_counter` before it was opened; None for now.

        Raises:
            MediaError: If it turns out to be broken or over a limit.
            ModelError: As for `scan`.
            Stopped: If `assay.stopping` was told so.
        """
        started = time.perf_counter() if started is None else started
        if isinstance(media, AudioMedia):
            anchors = self._trust_anchors
            return sound_line.examine(media, self.sound_judge, self.settings, started=started, trust_anchors=anchors)
        from assay.media.pictures import Picture

        return self._scan_picture(media, started) if isinstance(media, Picture) else self._scan_video(media, started)

    def _scan_picture(self, picture: Picture, started: float) -> ScanResult:
        settings, anchors, network = self.settings, self._trust_anchors, self.networks.get("image")
        if network is not None:
            return examine_picture(picture, network, settings, started=started, trust_anchors=anchors)
        from assay.picture_line import examine  # loads what only pictures need

        return examine(picture, self.picture_model, settings, started=started, trust_anchors=anchors)

    def varied(self, settings: Settings) -> Detector:
        """A detector with the models of this one, and other settings.

        Args:
            settings: Those that name models, threads and devices do not count: the models are loaded.

        Raises:
            MissingExtra: If a setting needs what is not installed.
        """
        _require_extras(settings)
        _ = self.video_models  # and with them that of pictures: loaded once for all
        other = copy(self)
        other.__dict__.pop("sound_judge", None)  # judges by the settings
        other.settings, other._lock = settings, Lock()
        other._trust_anchors = _read_anchors(settings.trust_anchors)
        return other

    def _scan_video(self, video: Video, started: float) -> ScanResult:
        settings, anchors, network = self.settings, self._trust_anchors, self.networks.get("video")
        if network is not None:
            return examine_video(video, network, settings, started=started, trust_anchors=anchors)
        from assay.video_line import examine
        from assay.video_sound import Ear

        ear = Ear(self._score, self.model.card)
        return examine(video, self.video_models, ear, settings, started=started, trust_anchors=anchors)

    @cached_property
    def sound_judge(self) -> SoundJudge:
        """What judges recordings: the network that the settings name, else the shipped detector."""
        network = self.networks.get("audio")
        if network is None:
            return SoundJudge.of_detector(self.model, self.settings)
        return SoundJudge.of_network(network, self.settings, SpeechActivity())

    @property
    def video_models(self) -> Eyes:
        """What scores videos; loaded when the first one comes.

        Raises:
            ModelError: If a model is unknown, its weight was altered, or the two do not belong together.
        """
        pictures = self.picture_model
        with self._lock:
            if self._eyes is None:
                from assay.video_eyes import Eyes

                named = self.settings.model_copy(update={"video_model": self._shipped("video")})
                self._eyes = Eyes.load(named, pictures)
            return self._eyes

    @property
    def picture_model(self) -> PictureDetector:
        """What scores pictures; loaded when the first one comes.

        Raises:
            ModelError: If the model is unknown or its weight was altered.
        """
        with self._lock:
            if self._picture_model is None:
                from assay.image.detector import PictureDetector

                threads, device = self.settings.threads, self.settings.device
                self._picture_model = PictureDetector(self._shipped("image"), threads=threads, device=device)
            return self._picture_model

    def _score(self, recording: Recording) -> AudioScores:
        prepare = NoiseReducer if self.settings.denoise else None
        return self.model.score(recording, channels=self.settings.channels, prepare=prepare)

    def scan_many(
        self, sources: Iterable[Any], *, expanded: bool = False, recursive: bool = False, done: Container[str] = ()
    ) -> Iterator[Outcome]:
        """Analyse many files, lazily and in order, `settings.jobs` at a time.

        Args:
            sources: Paths, folders and patterns are expanded; everything else goes to `scan` as it is. A single path
                counts as a list of one.
            expanded: Each source is one file already; yields exactly one outcome for each.
            recursive: Descend into folders.
            done: Paths to leave out.

        Yields:
            A `ScanResult`, or a `ScanFailure` where an input could not be analysed.
        """
        if isinstance(sources, (str, os.PathLike)):
            sources = [sources]
        items = iter(sources) if expanded else _expanded(sources, recursive, done)
        if self.settings.jobs == 1:
            yield from map(self._outcome, items)
            return
        with ThreadPoolExecutor(self.settings.jobs, thread_name_prefix="assay-scan") as pool:
            yield from _ordered(pool, self._outcome, items, ahead=2 * self.settings.jobs)

    def _outcome(self, source: Any) -> Outcome:
        if isinstance(source, MediaError):
            return ScanFailure.of(str(source.context.get("path", "")), source)
        try:
            return self.scan(source)
        except AssayError as error:
            path = _name_of(source)
            log.info("%s: %s", path, error)
            return ScanFailure.of(path, error)


def scan(source: Any, *, name: str | None = None, **settings: Any) -> ScanResult:
    """Analyse one file with the default model; see `Detector.scan`.

    A program that scans more than one should keep a `Detector`, which loads the model once.
    """
    return Detector(**settings).scan(source, name=name)


def _require_extras(settings: Settings) -> None:
    """Refuse settings that need what is not installed.

    Raises:
        MissingExtra: Then.
    """
    if settings.denoise:
        NoiseReducer()
    if settings.stability:
        require_deliveries()


def _read_anchors(path: Path | None) -> bytes | None:
    """Certificates in PEM; checked here, so that a wrong file ends the run before its first input."""
    if path is None:
        return None
    try:
        anchors = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"trust_anchors: '{path}' cannot be read ({error.strerror}). Name a PEM file.") from error
    read_provenance(b"", trust_anchors=anchors)
    return anchors


def _name_of(source: Any) -> str:
    """What `open_media` would call it."""
    if isinstance(source, (str, os.PathLike)):
        return os.fsdecode(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "<bytes>"
    own = getattr(source, "name", None)
    return "<array>" if isinstance(source, tuple) else own if isinstance(own, str) and own else "<file>"


def _expanded(sources: Iterable[Any], recursive: bool, done: Container[str]) -> Iterator[Any]:
    for named, group in groupby(sources, key=lambda source: isinstance(source, (str, os.PathLike))):
        if not named:
            yield from group
            continue
        for found in expand(group, recursive=recursive):
            if isinstance(found, MediaError) or os.fspath(found) not in done:
                yield found


def _ordered(
    pool: ThreadPoolExecutor, work: Callable[[Any], Outcome], items: Iterable[Any], *, ahead: int
) -> Iterator[Outcome]:
    """Results in the order of `items`, each as soon as it is there, with at most `ahead` of them under way."""
    pending: deque[Future[Outcome]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            while pending and (len(pending) >= ahead or pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
