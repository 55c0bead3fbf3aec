"""Festival: diphones, unit selection and HMM voices (Taylor, Black & Caley, 1998), by its script text2wave."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from assay.errors import MissingExtra
from assay.training.fakes.engines.engine import Engine, Spoken, from_wav
from assay.training.fakes.installed import program, run

PACKAGES = "festival festvox-kallpc16k festvox-us-slt-hts festvox-italp16k …"
# voice: language, encoding of its text
VOICES = {
    "kal_diphone": ("en", "latin-1"),
    "ked_diphone": ("en", "latin-1"),
    "cmu_us_slt_arctic_hts": ("en", "latin-1"),
    "lp_diphone": ("it", "latin-1"),
    "pc_diphone": ("it", "latin-1"),
    "czech_dita": ("cs", "iso-8859-2"),
    "czech_machac": ("cs", "iso-8859-2"),
    "czech_krb": ("cs", "iso-8859-2"),
    "czech_ph": ("cs", "iso-8859-2"),
    "hy_fi_mv_diphone": ("fi", "latin-1"),
    "suo_fi_lj_diphone": ("fi", "latin-1"),
    "msu_ru_nsh_clunits": ("ru", "utf-8"),
    "upc_ca_ona_hts": ("ca", "latin-1"),
}


@cache
def _installed() -> dict[str, tuple[str, ...]]:
    """Voices by language, as Festival lists them."""
    festival = program("festival", PACKAGES)
    listed = run([festival, "--pipe"], b"(print (voice.list))").decode(errors="replace")
    names = set(listed.replace("(", " ").replace(")", " ").split())
    found: dict[str, tuple[str, ...]] = {}
    for voice, (language, _) in VOICES.items():
        if voice in names:
            found[language] = (*found.get(language, ()), voice)
    return found


def _speak(text: str, language: str, rng: np.random.Generator) -> Spoken:
    voice = str(rng.choice(_installed()[language]))
    stretch = rng.uniform(0.8, 1.25)
    with tempfile.TemporaryDirectory() as folder:
        written, out = Path(folder) / "in.txt", Path(folder) / "out.wav"
        written.write_bytes(text.encode(VOICES[voice][1], errors="ignore"))
        script = f"(begin (voice_{voice}) (Parameter.set 'Duration_Stretch {stretch:.2f}))"
        run([program("text2wave", PACKAGES), "-eval", script, "-o", str(out), str(written)])
        return Spoken(from_wav(out.read_bytes()), voice)


def _languages() -> tuple[str, ...]:
    if not _installed():
        raise MissingExtra(f"Festival has no voices here. Install some of Debian's {PACKAGES}.", extra=PACKAGES)
    return tuple(_installed())


ENGINE = Engine("festival", "Festival(own)", "see package licence", _languages, _speak)
