"""What the trainer keeps of files: forms of architectures, what they are cached under, and the reading itself.

How a file becomes an array is told in `assay.views.form` and done by `assay.views.reader`, as it is in a scan. Pictures
and frames are stored larger than the network sees (`stored_side`), so that they can be cut at random; outside training
the middle is cut.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import assay.views.form
import assay.views.reader
from assay.settings import load_settings
from assay.training.pictures.history import EDGE
from assay.training.zoo import Architecture
from assay.views.form import Form, Look
from assay.views.reader import MediaReader

READ_BY = (assay.views.form, assay.views.reader)


def form_of(architecture: Architecture, *, longest_s: float, look: str) -> Form:
    """What an architecture is fed with.

    Args:
        architecture: With the shape that is trained.
        longest_s: Seconds of a recording or video that are looked at.
        look: ``whole`` or ``face``, for pixels.
    """
    media, shape = architecture.media, architecture.shape
    if media == "audio":
        return Form("audio", shape, "float32", longest_s, "")
    if not architecture.integer:
        return Form("video", shape, "float32", longest_s, "face")
    part: Look = "face" if look == "face" else "whole"
    return Form(media, shape, "uint8", longest_s if media == "video" else 0.0, part, stored_side(shape[-2]))


def key_of(form: Form) -> str:
    """What everything stored in this form, by this version of the code, is cached under."""
    told = [form.media, form.stored_shape, form.stored_dtype, form.longest_s, form.look, _code(), watched_by(form)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def whole_blocks(side: int) -> int:
    """The next multiple of 16, which JPEG and `assay.training.pictures.history` work on."""
    return -(-side // 16) * 16


def stored_side(side: int) -> int:
    """Side of what is kept for a network that sees `side` pixels."""
    return whole_blocks(side) + EDGE


def decode(file: Path, form: Form) -> NDArray[Any]:
    """The stored array of a file.

    Raises:
        MediaError: If it cannot be read, or does not hold what the form asks for.
    """
    return _reader(form).read(file)


def watched_by(form: Form) -> str:
    """Hash of the picture detector whose features videos become; empty for other forms."""
    return _reader(form).watched_by()


@cache
def _reader(form: Form) -> MediaReader:
    """One for each form and process: it keeps the networks that find faces.

    On the processor: what is kept does not depend on the machine, and forked workers cannot share an accelerator.
    """
    return MediaReader(form, load_settings(device="cpu"))


@cache
def _code() -> str:
    """Hash of the text of what reads files."""
    digest = hashlib.sha256()
    for module in READ_BY:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
