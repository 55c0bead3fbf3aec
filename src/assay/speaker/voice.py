"""From a recording to a voice: its speech alone, at one level, as an embedding; and how much speech that was.

Whatever is not speech (pauses, noise before and after) says nothing about who speaks and would move the embedding, so
stretches in which `assay.audio.speech` hears nobody are left out, but for a tenth of a second around speech, as the
encoder was trained. A recording streams by once, and at most `MOST_SPEECH_S` of speech is kept: more does not make an
embedding better, and an hour takes no more memory than five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.audio.speech import CHUNK, SAMPLE_RATE_HZ, SpeechActivity
from assay.errors import UnsupportedMedia
from assay.media import AudioMedia, open_moving
from assay.speaker.encoder import Float32, SpeakerEncoder
from assay.stopping import check_stop

if TYPE_CHECKING:
    from assay.audio.deliveries import Recording
    from assay.settings import Settings

SPEECH = 0.5  # probability from which a chunk counts as speech
AROUND = 3  # chunks kept before and after speech: 96 ms
# Root mean square of the speech; the encoder's mel powers are not logarithmic. -25 dB was better on development
# speakers than -30 and -20 dB: docs/speaker.md.
LEVEL = 10 ** (-25 / 20)
MOST_SPEECH_S = 300.0
BLOCK_S = 16.0


@dataclass(frozen=True)
class Voice:
    """What a recording says about who speaks.

    Attributes:
        embedding: Shape (256,), of length 1; None where nobody speaks.
        speech_s: Seconds in which somebody speaks, as far as it was heard.
        duration_s: Seconds heard.
        path: As the caller named the recording.
        sha256: Of its bytes.
        notes: What a user should know about how it was read.
    """

    embedding: Float32 | None
    speech_s: float
    duration_s: float
    path: str
    sha256: str
    notes: tuple[str, ...]


class VoiceReader:
    """Hears voices; may be shared between threads.

    Args:
        settings: Hold the limits of decoding, and threads and device of the network.
        encoder: None loads the packaged one.

    Raises:
        ModelError: If a weight or its card is missing or damaged.
    """

    def __init__(self, settings: Settings, *, encoder: SpeakerEncoder | None = None) -> None:
        self._settings = settings
        self._encoder = encoder or SpeakerEncoder(threads=settings.threads, device=settings.device)
        self._activity = SpeechActivity()

    def read(self, source: Any, *, name: str | None = None) -> Voice:
        """Hear a recording, or the sound track of a video; channels are averaged.

        Args:
            source: As for `assay.media.open_moving`.
            name: What to call it in messages, instead of its path.

        Raises:
            MediaError: If it cannot be read, holds no sound, is broken or is over a limit.
        """
        media = open_moving(source, settings=self._settings, name=name)
        sound: AudioMedia | None
        if isinstance(media, AudioMedia):
            sound = media
        else:
            track = getattr(media, "audio", None)  # a picture has none
            sound = track() if track is not None else None
        if sound is None:
            raise UnsupportedMedia(
                f"'{media.path}' holds no sound that can be read, so nobody can be heard in it. Give a recording, or a"
                " video with a sound track.",
                path=media.path,
            )
        speech, speech_s, duration_s, stopped = gather(sound, self._activity)
        notes = list(sound.notes)
        if stopped:
            notes.append(f"heard up to {duration_s:.0f} s only: {MOST_SPEECH_S:.0f} s of speech are enough")
        return Voice(
            embedding=self.embed(speech),
            speech_s=round(speech_s, 3),
            duration_s=round(duration_s, 3),
            path=media.path,
            sha256=media.sha256,
            notes=tuple(notes),
        )

    def embed(self, speech: Float32) -> Float32 | None:
        """The embedding of speech, shape (n,), float32 at 16 kHz, at whatever level; None without any."""
        found = self._encoder.embed(levelled(speech)) if speech.size else None
        return found if found is not None and found.any() else None


def levelled(speech: Float32) -> Float32:
    """Speech at the level that embeddings are made of, so that gain cannot matter; silence stays silence."""
    level = float(np.sqrt(np.mean(np.square(speech, dtype=np.float64))))
    return (speech * (LEVEL / level)).astype(np.float32) if level > 0 else speech


def gather(sound: Recording, activity: SpeechActivity) -> tuple[Float32, float, float, bool]:
    """The speech of a recording, shape (n,); its seconds; the seconds heard; whether that was less than all."""
    gate = SpeechGate(activity)
    kept: list[Float32] = []
    samples = 0
    stopped = False
    for block in sound.blocks(channels="mix", block_s=BLOCK_S):
        if gate.speech_s >= MOST_SPEECH_S:
            stopped = True
            break
        check_stop()
        samples += block.shape[1]
        kept.append(gate.push(block[0]))
    kept.append(gate.finish())
    return np.concatenate(kept), gate.speech_s, samples / SAMPLE_RATE_HZ, stopped


class SpeechGate:
    """Lets through the chunks in which somebody speaks and `AROUND` of their neighbours, however a stream is cut."""

    def __init__(self, activity: SpeechActivity) -> None:
        self._stream = activity.stream()
        self._samples = np.empty(0, np.float32)  # of chunks that are not decided yet
        self._flags = np.zeros(AROUND, np.bool_)  # of those, behind `AROUND` that are
        self._spoken = 0

    @property
    def speech_s(self) -> float:
        """Seconds of speech so far, neighbours left out."""
        return self._spoken * CHUNK / SAMPLE_RATE_HZ

    def push(self, samples: Float32) -> Float32:
        """Take the next samples, shape (n,); return those let through so far."""
        self._samples = np.concatenate([self._samples, samples])
        self._hear(self._stream.push(samples))
        return self._decide(self._flags.size - 2 * AROUND)

    def finish(self) -> Float32:
        """End the recording; return the rest."""
        self._hear(self._stream.finish())
        undecided = self._flags.size - AROUND
        self._flags = np.concatenate([self._flags, np.zeros(AROUND, np.bool_)])
        return self._decide(undecided)

    def _hear(self, probability: NDArray[np.float32]) -> None:
        flags = probability >= SPEECH
        self._spoken += int(np.count_nonzero(flags))
        self._flags = np.concatenate([self._flags, flags])

    def _decide(self, chunks: int) -> Float32:
        """Decide the next so many chunks, whose neighbours are all known."""
        if chunks < 1:
            return np.empty(0, np.float32)
        near = np.lib.stride_tricks.sliding_window_view(self._flags, 2 * AROUND + 1)[:chunks].any(axis=1)
        chosen: Float32 = self._samples[: chunks * CHUNK][np.repeat(near, CHUNK)[: self._samples.size]]
        self._samples, self._flags = self._samples[chunks * CHUNK :].copy(), self._flags[chunks:]
        return chosen
