"""Calibrate the speaker encoder and write what its card promises.

    python scripts/calibrate_speaker.py WORK PROTOCOL.csv... [--seed N] [--dry]

Protocols as `assay data fetch` writes them, with the column `speaker`; where two hold one source, the first counts.
WORK keeps embeddings, so that a second run only does what is new. The figures on the shipped card came from, in this
order:

- catalogue/protocol.csv: `assay data fetch` of the shared catalogue's train rows, at most 8 s of a file and 400 files
  of a source (recipes/audio-resnet.sh, step 1);
- evalmore/protocol.csv: the same of four sources of its eval rows (docs/audio-detector.md);
- shared/data/audio/protocol.csv;
- fakes/protocol.csv, fakes2/protocol.csv, fakes3/protocol.csv: spoofs of those recordings (`assay data fakes`).

Persons of the train partition fit and choose, those of eval are reported; see `assay.training.speaker`. What is written
goes onto `src/assay/weights/resemblyzer.json` and into the tables of docs/speaker.md; `--dry` prints it instead.
`scripts/convert_speaker_encoder.py` comes first.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import onnxruntime

from assay.models.registry import weights_folder
from assay.settings import load_settings
from assay.speaker.encoder import MODEL, SpeakerEncoder
from assay.training.speaker.hearing import Hearing
from assay.training.speaker.page import write_figures
from assay.training.speaker.run import measure

SUMMARY = (
    "Embeddings of voices, alike for one speaker (Resemblyzer's GE2E encoder): does a voice sound like an enrolled one?"
)
LIMITS = [
    "A match or a mismatch is no proof: a good clone matches, and the speaker's own voice can fail to.",
    "It tells voices apart, not genuine from synthetic; the spoof verdict of the probe stands beside it.",
    "Acted emotions, whispering, singing, illness and years between recordings move a voice; misses rise.",
    "Trained by its authors mostly on English; other languages were measured on few speakers, see docs/speaker.md.",
    "Siblings, and voices of one sex, age and dialect, are taken for each other more often than strangers.",
    "One voice per recording is assumed; a conversation gives a mixture.",
    "Children, old people and impaired speech were not measured.",
]
KNOWN = "known-answer.flac"
PAGE = Path(__file__).parent.parent / "docs" / "speaker.md"


def session_of(path: Path) -> onnxruntime.InferenceSession:
    """The encoder, whatever its card says so far."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def known_answer(encoder: SpeakerEncoder) -> dict[str, Any]:
    """What the weight says of the shipped sample now."""
    import soundfile

    samples = soundfile.read(weights_folder() / KNOWN, dtype="float32")[0]
    values = [round(float(value), 5) for value in encoder.embed(samples)]
    return {"sample": KNOWN, "values": values, "tolerance": 1e-3}


def main() -> None:
    """Hear, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder of what is kept between runs")
    parser.add_argument("protocols", type=Path, nargs="+", help="CSV files of recordings, with the column speaker")
    parser.add_argument("--seed", type=int, default=0, help="draws other recordings of each person")
    parser.add_argument("--dry", action="store_true", help="print the figures and leave the card alone")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    encoder = SpeakerEncoder(session_of(weights_folder() / f"{MODEL}.onnx"))
    found = measure(given.protocols, Hearing(load_settings(), encoder, given.work / "embeddings.npz"), seed=given.seed)
    if given.dry:
        print(json.dumps(found, indent=1))
        return
    path = weights_folder() / f"{MODEL}.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    card |= {"summary": SUMMARY, "limits": LIMITS, "known_answer": known_answer(encoder), **found}
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    write_figures(PAGE, card)
    print(f"{path} and {PAGE} written")


if __name__ == "__main__":
    main()
