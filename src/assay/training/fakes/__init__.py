"""The fake factory: ways of making spoofs, from bona fide speech or from text.

A copy-synthesised clip shares speaker, words, room and length with its parent; only the synthesis differs, so a
detector trained on such pairs cannot win by anything else (Wang & Yamagishi, "Spoofed training data for speech
spoofing countermeasure can be efficiently created using neural vocoders", ICASSP 2023). One file per way, all of them
in `METHODS` (`methods.py`); `method.py` holds what they share. `engines/` speaks text; `factory.py` writes folders of
both.
"""

from __future__ import annotations

from assay.training.fakes.method import Make, Method, copy_synthesise, make_fakes
from assay.training.fakes.methods import METHODS

__all__ = ["METHODS", "Make", "Method", "copy_synthesise", "make_fakes"]
