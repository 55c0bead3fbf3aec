"""The known-answer self-test behind `assay doctor` (row E5).

Every shipped weight must have the SHA-256 on its card and give, on the shipped sample, the answer on its card. The
samples are plain FLAC and plain PNG, so that a fault here points at weight or runtime and not at decoding.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, SelfTestFailed
from assay.models.card import Card, DetectorCard, FaceCard, PictureCard, SpeakerCard, VideoCard
from assay.models.registry import load_card, model_names, read_sample, weights_folder

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
    """Test every model in the package; a failure, also of a card, is reported and not raised."""
    return [_run(name, settings) for name in model_names()]


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
    """Largest difference between what the weight says now and what its card states.

    Raises:
        SelfTestFailed: If it is above the card's tolerance, or the number of values differs.
        WeightMismatch: If the weight was altered.
    """
    expected = np.asarray(card.known_answer.values)
    found = known_answers(card, threads=threads)
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


def _run(name: str, settings: Settings) -> SelfTest:
    started = time.perf_counter()
    try:
        card = load_card(name)
        worst = check_known_answer(card, threads=settings.threads)
        passed, values = True, len(card.known_answer.values)
        detail = f"SHA-256 and {values} values agree (worst difference {worst:.2g})"
    except AssayError as error:
        passed, detail = False, error.message
    return SelfTest(name, passed, detail, (time.perf_counter() - started) * 1e3)
