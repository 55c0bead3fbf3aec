"""Commands are run through `assay.cli.main`, in an empty folder, without the user's settings."""

import os
import sys
import wave
from typing import NamedTuple

import cli_fakes
import pytest

import assay
from assay import logs
from assay.cli import main
from assay.errors import ModelNotFound


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def clean_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.startswith("ASSAY_") or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    yield
    logs.reset()


@pytest.fixture
def run(capsys):
    """Run a command line: ``run("scan", "a.wav")``."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Done(ended.value.code or 0, out, err)

    return run


@pytest.fixture
def fake_detector(monkeypatch):
    """The line with a detector that goes by the name of the file."""
    cli_fakes.install(monkeypatch.setattr)
    monkeypatch.setattr(cli_fakes.FakeDetector, "scanned", [])
    return cli_fakes.FakeDetector


@pytest.fixture
def real_detector():
    """Nothing but the certainty that the shipped detector is there."""
    from assay.models.registry import load_card

    try:
        load_card("audio-resnet")
    except ModelNotFound:
        pytest.skip("the weight of audio-resnet is not there yet")


@pytest.fixture
def make_wav(tmp_path):
    """Make tiny recordings: ``make_wav("a.wav", "folder/b.wav")``; the last path is returned."""

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, 16_000, 0, "NONE", "not compressed"))
                file.writeframes(b"\x01\x00" * 400)
        return path

    return make


@pytest.fixture
def untrained(monkeypatch):
    """As where the extra `train` is not installed: modules for training are imported anew, and there is no torch."""
    # The package keeps what was imported last under this name; it must be the old one again afterwards.
    monkeypatch.setattr(assay, "training", getattr(assay, "training", None), raising=False)
    for name in [name for name in sys.modules if name.startswith("assay.training")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("torch", "lightning"):
        monkeypatch.setitem(sys.modules, name, None)
