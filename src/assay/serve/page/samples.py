"""The samples that the page offers to try: small, in the package, so that an installed service has them, too.

They are not answers: each goes to the service like a file of one's own. `scripts/make_samples.py` makes them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One sample.

    Attributes:
        file: Its name in the folder.
        media: ``audio``, ``image`` or ``video``.
        title: What it is, in two words.
        text: What it is, in a sentence.
    """

    file: str
    media: str
    title: str
    text: str

    def told(self) -> dict[str, str]:
        """For the page."""
        return asdict(self)


SAMPLES = (
    Sample("person-reading.flac", "audio", "A person", "Somebody reads from a novel, recorded as it was spoken."),
    Sample("machine-copy.flac", "audio", "A machine", "A sentence of the same reader, made anew by a neural vocoder."),
    Sample("one-sentence-replaced.flac", "audio", "A splice", "The reading, with one sentence put in by a program."),
    Sample("generator-mark.png", "image", "A picture", "A drawing that carries the mark of a picture generator."),
    Sample("talking-drawing.mp4", "video", "A video", "A drawn face that speaks with the reader's voice."),
)


def samples_folder() -> Path:
    """Where they lie."""
    return Path(__file__).parent / "media"
