import sys
import wave
from types import ModuleType, SimpleNamespace

import pytest


@pytest.fixture
def protocol(tmp_path):
    """A bona fide clip of noise and a row that is no parent."""
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(range(256)) * 125)
    rows = ["path,key,partition,source", "a.wav,bona_fide,train,here", "b.wav,bona_fide,train,there"]
    (tmp_path / "p.csv").write_text("\n".join([*rows, "c.wav,bona_fide,eval,here"]) + "\n")
    return "p.csv"


@pytest.fixture
def calls(monkeypatch):
    """Calls of make_folder, which is replaced."""
    seen = []
    module = ModuleType("assay.training.fakes.factory")
    module.Order = lambda name, count: (name, count)
    module.names_for = lambda trials: ["lpc", "flite"]
    module.make_folder = lambda orders, trials, to, **given: (
        seen.append(SimpleNamespace(orders=orders, sources=[trial.source for trial in trials], to=to, **given))
        or [1, 2]
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for package in ("assay.training", "assay.training.fakes"):  # importing a part imports its packages: without torch
        monkeypatch.setitem(sys.modules, package, ModuleType(package))
    return seen


def test_it_hands_on_what_it_is_given_and_prints_the_protocol(run, calls, protocol):
    done = run(
        *[
            "data",
            "fakes",
            "p.csv",
            "--to",
            "out",
            "--methods",
            "lpc,flite=7",
            "--per-method",
            "3",
            "--seed",
            "5",
            "--jobs",
            "2",
        ]
    )
    assert done.out == "out/protocol.csv\n"
    assert "2 spoofs" in done.err
    (call,) = calls
    assert call.orders == [("lpc", 3), ("flite", 7)]
    assert (call.seed, call.jobs, call.skip_missing, call.texts, call.max_seconds) == (5, 2, False, None, 4.0)


def test_all_is_what_is_installed(run, calls, protocol):
    run("data", "fakes", protocol, "--to", "out")
    assert calls[0].orders == [("lpc", 100), ("flite", 100)]
    assert calls[0].skip_missing


def test_sources_are_left_out_and_the_partition_is_chosen(run, calls, protocol):
    run("data", "fakes", protocol, "--to", "out", "--leave-out", "there")
    run("data", "fakes", protocol, "--to", "out", "--partition", "eval")
    assert [call.sources for call in calls] == [["here"], ["here"]]


@pytest.mark.parametrize("wrong", ["lpc=0", "lpc=many", "lpc=", "lpc=²"])
def test_a_count_that_is_no_number_is_refused(run, calls, protocol, wrong):
    done = run("data", "fakes", protocol, "--to", "out", "--methods", wrong)
    assert (done.code, calls) == (2, [])
    assert "NAME=COUNT" in done.err


def test_without_torch_the_extra_is_named(run, protocol, untrained):
    done = run("data", "fakes", protocol, "--to", "out", "--methods", "lpc")
    assert "assay[train]" in done.err


def test_for_real(run, protocol, tmp_path):
    pytest.importorskip("torch")
    done = run("data", "fakes", protocol, "--to", "out", "--methods", "lpc=1", "--leave-out", "there")
    assert done.code == 0
    assert len([*(tmp_path / "out" / "lpc").glob("*.flac")]) == 1
    assert "a.wav" in (tmp_path / "out" / "protocol.csv").read_text()
