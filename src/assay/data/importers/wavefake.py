"""WaveFake: copies of LJSpeech and JSUT by vocoders, with the recordings they were made from.

    LJSpeech-1.1/wavs/LJ001-0001.wav                    bona fide; in any folder, told by the name
    jsut_ver1.1/basic5000/wav/BASIC5000_0001.wav        bona fide
    generated_audio/ljspeech_melgan/LJ001-0001_gen.wav  spoof, its parent told by the name
    generated_audio/common_voices_prompts_from_…/gen_0.wav   spoof of a sentence, in LJSpeech's voice, without parent

The folder's name is the generator. WaveFake itself holds the spoofs only; LJSpeech and JSUT are corpora of their own.

References:
    Frank & Schönherr: WaveFake: A data set to facilitate audio deepfake detection, NeurIPS 2021 (Zenodo 5642694).
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from assay.data.importers.importer import SOUNDS, Importer, Listing, files_in
from assay.data.protocol import Trial

LICENCE = "CC-BY-SA-4.0"
_LICENCES = {"LJSpeech": "public domain", "JSUT": "terms of JSUT"}
_LANGUAGES = {"LJSpeech": "en", "JSUT": "ja"}
_GENERATED = re.compile(r"^(ljspeech|jsut|common_voices)_", re.IGNORECASE)
_NAMES = (("LJSpeech", re.compile(r"^LJ\d{3}-\d{4}$")), ("JSUT", re.compile(r"^BASIC5000_\d{4}$")))


def read(folder: Path) -> Listing:
    """See the module."""
    paths, found = list(files_in(folder, SOUNDS)), Listing([])
    originals = {
        PurePosixPath(path).stem: path for path in paths if _corpus(PurePosixPath(path).stem) and not _generator(path)
    }
    for path in paths:
        stem, generator = PurePosixPath(path).stem.removesuffix("_gen"), _generator(path)
        corpus = _corpus(stem)
        if generator:
            corpus = corpus or ("JSUT" if generator.startswith("jsut") else "LJSpeech")
        if not corpus:
            found.ignored.append(path)
            continue
        found.trials.append(
            Trial(
                path=path,
                key="spoof" if generator else "bona_fide",
                generator=f"WaveFake/{generator}" if generator else "",
                speaker=corpus,
                language=_LANGUAGES[corpus],
                source=corpus,
                licence=LICENCE if generator else _LICENCES[corpus],
                parent=originals.get(stem, "") if generator else "",
                root=folder,
            )
        )
    return found


def _generator(path: str) -> str:
    """The folder of generated files that a path lies in; empty if it lies in none."""
    parts = PurePosixPath(path).parent.parts
    return next((part for part in parts if _GENERATED.match(part) and not part.startswith("jsut_ver")), "")


def _corpus(stem: str) -> str:
    return next((corpus for corpus, pattern in _NAMES if pattern.match(stem)), "")


IMPORTER = Importer(
    name="wavefake",
    title="WaveFake",
    expects="Folders ljspeech_*, jsut_* and common_voices_*, and LJSpeech-1.1 and jsut_ver1.1 beside them.",
    licence=LICENCE,
    citation="Frank & Schönherr: WaveFake: A data set to facilitate audio deepfake detection, NeurIPS 2021.",
    read=read,
)
