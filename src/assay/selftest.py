"""The known-answer self-test behind `assay doctor` (row E5).

Every shipped weight must have the SHA-256 on its card and give, on the shipped sample, the answer on its card. The
samples are plain FLAC and plain PNG, so that a fault here points at weight or runtime and not at decoding. Networks of
run folders, those in ``models_dir`` and those that the settings name, are tested on a made input.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, SelfTestFailed
from assay.models.card import Card, DetectorCard, FaceCard, PictureCard, SpeakerCard, VideoCard
from assay.models.known import KNOWN_INPUT, known_input
from assay.models.registry import load_card, model_names, read_sample, weights_folder
from assay.models.runs import FIELDS, TrainedRun, find_run, run_names

if TYPE_CHECKING:
    from assay.settings import Settings


@dataclass(frozen=True)
class SelfTest:
    """Outcome for one model.

    Attributes:
        name: Model name.
        passed: Whether hash and answer are those of the card.
        detail: What was compared, or what went wrong.
        duration_ms: Wall time.
    """

    name: str
    passed: bool
    detail: str
    duration_ms: float


def run_self_tests(settings: Settings) -> list[SelfTest]:
    """Test every model in the package and every run; a failure, also of a card, is reported and not raised."""
    shipped = [_told(name, partial(_shipped_answer, name, settings)) for name in model_names()]
    try:
        runs = _run_names(settings)
    except AssayError as error:
        return [*shipped, SelfTest("models_dir", False, error.message, 0.0)]
    return [*shipped, *(_told(name, partial(_run_answer, name, settings)) for name in runs)]


def _run_names(settings: Settings) -> list[str]:
    """Those in the folder of models, and others that are to judge files."""
    runs = run_names(settings.models_dir)
    named = {getattr(settings, field) for field in FIELDS.values()} - {*model_names(), *runs}
    return [*runs, *sorted(named)]


def known_answers(card: Card, *, threads: int = 1) -> NDArray[np.float64]:
    """What the packaged weight says on the card's sample now.

    Logits per window and part, of each look, probabilities per chunk, an embedding, or places in the picture; see
    `assay.image.faces.answers`.

    Raises:
        SelfTestFailed: If the sample cannot be read.
        WeightMismatch: If the weight was altered.
    """
    if isinstance(card, FaceCard):
        from assay.image.faces.answers import known_answers as face_answers

        return face_answers(card, read_sample(card.known_answer.sample), threads=threads)
    if isinstance(card, PictureCard):
        from assay.image.detector import PictureDetector

        return PictureDetector(card.name, threads=threads).logits(read_sample(card.known_answer.sample))
    if isinstance(card, VideoCard):
        from assay.video.detector import VideoDetector, known_features

        detector = VideoDetector(card.name, threads=threads)
        return detector.logits(known_features(detector.features, card.window_frames))
    samples = _sample(card)
    if isinstance(card, DetectorCard):
        from assay.audio.detector import AudioDetector

        whole = (len(samples) - card.window_samples) // card.hop_samples * card.hop_samples + card.window_samples
        return np.concatenate(AudioDetector(card.name, threads=threads).logits(samples[:whole])).astype(np.float64)
    if isinstance(card, SpeakerCard):
        from assay.speaker.encoder import SpeakerEncoder

        return SpeakerEncoder(threads=threads).embed(samples).astype(np.float64)
    from assay.audio.speech import SpeechActivity

    return SpeechActivity(threads=threads).stream().push(samples).astype(np.float64)


def _sample(card: Card) -> NDArray[np.float32]:
    import soundfile

    path = weights_folder() / card.known_answer.sample
    try:
        samples: NDArray[np.float32] = soundfile.read(path, dtype="float32")[0]
    except (OSError, soundfile.SoundFileError) as error:
        raise SelfTestFailed(f"The sample '{path.name}' cannot be read: {error}. Reinstall Assay.") from error
    return samples


def check_known_answer(card: Card, *, threads: int = 1) -> float:
    """Largest difference between what the packaged weight says now and what its card states.

    Raises:
        SelfTestFailed: If it is above the card's tolerance, or the number of values differs.
        WeightMismatch: If the weight was altered.
    """
    return _compared(card, known_answers(card, threads=threads))


def check_run(run: TrainedRun, settings: Settings) -> float:
    """Largest difference between what the network of a run says of the made input now and what its card states.

    Raises:
        SelfTestFailed: If it is above the card's tolerance, or the card is of another self-test.
        ModelError: If the weight was altered, or cannot be computed.
    """
    from assay.views.network import Network

    card = run.card
    if card.known_answer.sample != KNOWN_INPUT:
        raise SelfTestFailed(
            f"'{run.folder}' states an answer to '{card.known_answer.sample}', not to {KNOWN_INPUT!r}."
        )
    return _compared(card, Network(run, settings).logits(known_input(card.shape, integer=card.integer)))


def _compared(card: Card, found: NDArray[np.float64]) -> float:
    expected = np.asarray(card.known_answer.values)
    if found.shape != expected.shape:
        raise SelfTestFailed(
            f"'{card.name}' gave {found.size} values, its card states {expected.size}.", model=card.name
        )
    worst = float(np.abs(found - expected).max())
    if not worst <= card.known_answer.tolerance:
        raise SelfTestFailed(
            f"'{card.name}' differs from its known answer by {worst:.3g} (at most {card.known_answer.tolerance:g});"
            " do not trust its verdicts on this machine. Reinstall Assay and ONNX Runtime.",
            model=card.name,
        )
    return worst


def _shipped_answer(name: str, settings: Settings) -> tuple[Card, float]:
    card = load_card(name)
    return card, check_known_answer(card, threads=settings.threads)


def _run_answer(name: str, settings: Settings) -> tuple[Card, float]:
    run = find_run(name, settings.models_dir)
    assert run is not None  # names of shipped models are not among them
    return run.card, check_run(run, settings)


def _told(name: str, answer: Callable[[], tuple[Card, float]]) -> SelfTest:
    started = time.perf_counter()
    try:
        card, worst = answer()
        passed, values = True, len(card.known_answer.values)
        detail = f"SHA-256 and {values} value{'s' if values > 1 else ''} agree (worst difference {worst:.2g})"
    except AssayError as error:
        passed, detail = False, error.message
    return SelfTest(name, passed, detail, (time.perf_counter() - started) * 1e3)
