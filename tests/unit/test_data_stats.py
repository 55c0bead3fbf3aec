"""Counting data: files, hours and persons, and the figures drawn of them."""

import math
import sys

import numpy as np
import pytest
import signals
from PIL import Image

from assay.data import Trial, write_protocol
from assay.data.plots import draw
from assay.data.stats import stats
from assay.errors import MissingExtra
from assay.settings import Settings


@pytest.fixture
def protocol(tmp_path):
    """Two recordings of half an hour's thousandth each, a longer one, a picture and one that is not there."""
    trials = [
        Trial("a.wav", "bona_fide", "train", speaker="ann", source="s"),
        Trial("b.wav", "spoof", "train", "vocoder", speaker="ann", source="s"),
        Trial("c.mp3", "spoof", "eval", "engine", speaker="bob;cem", source="t"),
        Trial("d.png", "spoof", "eval", "gan", identity="bob", source="t"),
        Trial("e.wav", "bona_fide", "eval", source="t"),
    ]
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(signals.wav(signals.noise(seconds=1.8)))
    (tmp_path / "c.mp3").write_bytes(signals.encoded("mp3", signals.noise(seconds=3.6), 16_000))
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "d.png")
    write_protocol(tmp_path / "protocol.csv", trials)
    return tmp_path / "protocol.csv"


def test_files_hours_and_persons_are_counted(protocol):
    found = stats(protocol, settings=Settings())
    train, ev = sorted(found.of("partition"), key=lambda line: line.value == "eval")
    assert (train.value, train.bona_fide, train.spoof, train.persons) == ("train", 1, 1, 1)
    assert train.hours == pytest.approx(0.001)
    assert train.megabytes == pytest.approx(2 * (44 + 57_600) / 1e6)
    assert (ev.bona_fide, ev.spoof, ev.persons) == (1, 2, 3)  # bob and cem by voice, bob by face
    assert ev.hours == pytest.approx(0.001, rel=0.1)
    assert found.unreadable == 1
    assert [math.isnan(seconds) for seconds in found.seconds] == [False, False, False, True, True]
    assert {line.value for line in found.of("generator")} == {"", "vocoder", "engine", "gan"}
    assert found.of("language") == []  # the protocol says nothing there


@pytest.mark.parametrize(("form", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_figures_are_drawn_and_the_same_every_time(protocol, tmp_path, form, begins):
    pytest.importorskip("matplotlib")
    found = stats(protocol, settings=Settings())
    drawn = draw(found, tmp_path / "one", form=form)
    assert [path.name for path in drawn] == [
        f"{name}.{form}" for name in ("partition", "source", "generator", "length")
    ]
    again = draw(found, tmp_path / "two", form=form)
    for one, other in zip(drawn, again, strict=True):
        assert one.read_bytes().startswith(begins)
        assert one.read_bytes() == other.read_bytes()


def test_without_matplotlib_the_extra_is_named(protocol, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"assay\[train\]"):
        draw(stats(protocol, settings=Settings()), tmp_path)
