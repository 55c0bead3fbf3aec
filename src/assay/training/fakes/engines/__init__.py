"""Text-to-speech engines, one file each; all of them stand in `ENGINES`."""

from __future__ import annotations

from assay.training.fakes.engines import espeak, festival, flite, hibari, kokoro, open_jtalk, piper, rhvoice
from assay.training.fakes.engines.engine import Engine, Spoken

__all__ = ["ENGINES", "Engine", "Spoken"]

ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        kokoro.ENGINE,
        piper.ENGINE,
        hibari.ENGINE,
        espeak.ESPEAK,
        espeak.MBROLA_ENGINE,
        flite.ENGINE,
        festival.ENGINE,
        rhvoice.ENGINE,
        open_jtalk.ENGINE,
    )
}
