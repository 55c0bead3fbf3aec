"""Five hundred broken files: every answer is one of ours, and no altered content is ever vouched for."""

import typing

import numpy as np
import pytest

from assay.credentials import State
from assay.provenance import child, guard, read_provenance

pytest.importorskip("c2pa", reason="needs the extra 'provenance'")
pytest.importorskip("cryptography")

import provenance_chain as chain

KINDS = ("jpeg", "png", "webp", "tiff", "gif", "avif", "wav", "mp3", "flac", "m4a")
FILES = 50  # of each kind


@pytest.fixture
def in_this_process(monkeypatch):
    """Without a process for each file, which would take a minute."""
    monkeypatch.setattr(guard, "ask", child.answer)


def mutated(rng, data, number):
    """Some bytes replaced, every second time near the store; every fifth is cut off."""
    store = data.index(chain.STORE)
    low, high = (max(store - 200, 0), min(store + 3_300, len(data))) if number % 2 else (0, len(data))
    broken = bytearray(data)
    for at in rng.integers(low, high, rng.integers(1, 8)):
        broken[at] = rng.integers(256)
    return bytes(broken[: rng.integers(1, len(data))] if number % 5 == 0 else broken)


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_file_raises_nothing(kind, in_this_process):
    rng = np.random.default_rng(KINDS.index(kind))
    data = chain.sign(chain.media(kind), chain.MIMES[kind])
    files = [mutated(rng, data, number) for number in range(FILES)]
    states = [read_provenance(file, chain.MIMES[kind], trust_anchors=chain.ROOT.pem).state for file in files]
    assert set(states) <= set(typing.get_args(State))
    assert {"invalid", "unreadable"} <= set(states)


@pytest.mark.parametrize("kind", ["jpeg", "png", "wav", "mp3"])
def test_altered_content_is_never_vouched_for(kind, in_this_process):
    rng = np.random.default_rng(9)
    original = chain.media(kind)
    data = chain.sign(original, chain.MIMES[kind])
    content = original[len(original) // 2 : len(original) // 2 + 400]
    begin = data.index(content)
    for _ in range(25):
        altered = chain.flip(data, begin + int(rng.integers(400)), 1 << int(rng.integers(8)))
        assert read_provenance(altered, kind, trust_anchors=chain.ROOT.pem).state == "invalid"
