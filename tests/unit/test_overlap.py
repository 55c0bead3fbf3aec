"""Overlap: a copy is found whatever was done to it, other content is not, and protocols keep what they have."""

import csv
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from assay.data import overlap, read_protocol
from assay.data.overlap import Originals, envelope
from assay.data.separate import Separated, separate
from assay.errors import DataError, MediaError, ProtocolError
from assay.settings import Settings

RATE = 16_000


def talk(seed, seconds=4.0):
    """Noise in five bands, each with syllables of its own of 60 to 250 ms and pauses; float32 (n,)."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hertz = np.fft.rfftfreq(n, 1 / RATE)
    total = np.zeros(n)
    edges = (100, 400, 900, 1_700, 3_000, 7_000)
    for low, high in pairwise(edges):
        band = np.fft.irfft(np.where((hertz >= low) & (hertz < high), spectrum, 0), n)
        lengths = rng.uniform(0.06, 0.25, size=round(seconds / 0.06) + 2)
        levels_db = np.where(rng.random(len(lengths)) < 0.15, -60, rng.uniform(-30, 0, len(lengths)))
        course = np.interp(np.arange(n) / RATE, np.cumsum(lengths), levels_db)
        total += band * 10 ** (course / 20)
    return (0.3 * total / np.abs(total).max()).astype(np.float32)


def telephone(samples):
    """8 kHz and mu-law of 8 bit, back at 16 kHz."""
    spectrum = np.fft.rfft(samples)
    spectrum[len(spectrum) // 2 :] = 0
    narrow = np.fft.irfft(spectrum, len(samples))
    coded = np.round(127 * np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)) / 127
    return (np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255).astype(np.float32)


def dispersed(samples):
    """Through an all-pass that delays each frequency by up to 6 ms; the waveform is another one."""
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return np.fft.irfft(np.fft.rfft(samples) * np.exp(3j * np.sin(2 * np.pi * hertz / 500)), len(samples))


def matches(originals, *recordings, threshold=0.9):
    known = Originals([envelope([each]) for each in originals])
    return known.matches([envelope([each]) for each in recordings], threshold=threshold)


COPIES = {
    "itself": lambda x: x,
    "20 dB quieter": lambda x: 0.1 * x,
    "upside down": lambda x: -x,
    "telephone": telephone,
    "0.7 s cut at the start": lambda x: x[11_200:],
    "1.5 s cut at the end": lambda x: x[:-24_000],
    "1.5 s of it": lambda x: x[20_000:44_000],
    "silence before it": lambda x: np.pad(x, (9_999, 0)),
    "other content around it": lambda x: np.concatenate([talk(50), telephone(x), talk(51)]),
    "its end, then something else": lambda x: np.concatenate([x[-34_000:], talk(52)]),
    "something else, then its start": lambda x: np.concatenate([talk(53), x[:34_000]]),
    "3 s out of its middle": lambda x: x[7_000:55_000],
    "other phases": dispersed,
    "noise 25 dB below": lambda x: x + 0.056 * x.std() * np.random.default_rng(1).standard_normal(len(x)),
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_a_copy_is_found(change):
    copy = change(talk(3)).astype(np.float32)
    (match,) = matches([talk(1), talk(2), talk(3)], talk(4), copy)
    assert (match.index, match.original) == (1, 2)
    assert 0.9 <= match.correlation <= 1.0 + 1e-6


@pytest.mark.parametrize(("cut", "before", "lag_s"), [(11_200, 0, -0.7), (0, 8_000, 0.5), (0, 0, 0.0)])
def test_the_lag_is_the_time_in_the_recording_less_that_in_the_original(cut, before, lag_s):
    (match,) = matches([talk(1)], np.pad(talk(1)[cut:], (before, 0)))
    assert match.lag_s == pytest.approx(lag_s, abs=0.011)


@pytest.mark.parametrize("seconds", [1.5, 1.7, 2.0, 2.6, 3.0, 5.0])
def test_a_copy_of_any_length_is_found(seconds):
    original = talk(1, seconds)
    for copy in (original, np.concatenate([talk(8), original]), original[: round(1.5 * RATE)]):
        assert [match.original for match in matches([talk(9), original], copy)] == [1]


@pytest.mark.parametrize("seconds", [2.0, 2.5, 3.0, 4.0])
def test_a_coder_that_delays_loses_nothing(seconds):
    original = talk(1, seconds)
    assert len(matches([original], np.pad(original, (1_100, 0))[: len(original)])) == 1
    assert len(matches([original], np.pad(original, (0, 1_100))[1_100:])) == 1


def test_what_is_shorter_than_1_5_s_is_not_compared():
    assert matches([talk(1)], talk(1)[: round(1.47 * RATE)]) == []
    assert matches([talk(1, 1.4)], talk(1, 1.4)) == []
    assert matches([], talk(1)) == matches([talk(1)]) == []


def test_other_content_stays_well_below_the_threshold():
    originals = [talk(seed, 4.0 if seed % 2 else 1.6) for seed in range(30)]
    others = [talk(seed, 4.0 if seed % 3 else 1.8) for seed in range(100, 160)]
    assert matches(originals, *others, threshold=0.8) == []


@pytest.mark.parametrize("flat", [np.zeros(64_000), np.sin(np.arange(64_000) * 0.3), np.full(64_000, 0.5)])
def test_what_does_not_vary_matches_nothing(flat):
    flat = flat.astype(np.float32)
    assert matches([flat, talk(1)], flat, threshold=0.5) == []


def test_a_hump_alone_is_no_match():
    """Single words between pauses rise and fall alike."""
    rng = np.random.default_rng(0)
    course = 10 ** (-40 * np.abs(np.linspace(-1, 1, 32_000)) / 20)
    one, other = (rng.standard_normal((2, 32_000)) * course).astype(np.float32)
    assert matches([one], other) == []


def test_the_best_original_is_named():
    recording = talk(1)
    worse = recording + 0.1 * recording.std() * np.random.default_rng(2).standard_normal(64_000).astype(np.float32)
    (match,) = matches([worse, recording, talk(2)], 0.5 * recording)
    assert match.original == 1


def test_an_envelope_does_not_depend_on_the_pieces():
    whole = talk(1, 3.21)
    pieces = np.split(whole, [0, 100, 419, 420, 20_000])
    np.testing.assert_allclose(envelope(pieces), envelope([whole]), atol=1e-3)
    assert envelope([]).shape == envelope([whole[:300]]).shape == (0, 4)


def test_memory_is_bounded_and_the_result_does_not_depend_on_it(monkeypatch):
    recordings = [talk(1), np.concatenate([talk(seed) for seed in (5, 6, 2, 7)]), talk(8)]
    expected = matches([talk(1), talk(2)], *recordings)
    assert [(match.index, match.original) for match in expected] == [(0, 0), (1, 1)]
    monkeypatch.setattr(overlap, "_MOST_WINDOWS", 64)
    again = matches([talk(1), talk(2)], *recordings)
    assert [(match.index, match.original, match.lag_s) for match in again] == [
        (match.index, match.original, match.lag_s) for match in expected
    ]


@pytest.fixture
def place(tmp_path):
    """A training protocol with a copy, other content, a short clip and an odd cell; and an evaluation protocol."""
    train, evaluation = tmp_path / "train", tmp_path / "eval"
    for folder in (train, evaluation):
        folder.mkdir()
    sounds = {"copy": telephone(talk(1))[4_000:], "other": talk(2), "short": talk(1)[:16_000]}
    for name, samples in sounds.items():
        soundfile.write(train / f"{name}.flac", samples, RATE)
    soundfile.write(evaluation / "e.flac", talk(1), RATE)
    soundfile.write(evaluation / "d.flac", talk(2), RATE)
    (train / "protocol.csv").write_text(
        "path,key,partition,colour\ncopy.flac,spoof,train,red\n\n"
        'other.flac,bona_fide,train,"a, ""b"""\nshort.flac,spoof,train\n'
    )
    (evaluation / "protocol.csv").write_text("partition,path,key\neval,e.flac,bona_fide\ndev,d.flac,bona_fide\n")
    return train / "protocol.csv", evaluation / "protocol.csv"


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize("jobs", [1, 2])
def test_only_the_partition_of_copies_changes(place, jobs):
    train, evaluation = place
    (result,) = separate([train], evaluation, settings=Settings(jobs=jobs))
    assert result == Separated(train.with_name("separate.csv"), trials=3, overlaps=1, short=1, unread=0)
    assert rows(result.protocol) == [
        ["path", "key", "partition", "colour"],
        ["copy.flac", "spoof", "overlap", "red"],
        ["other.flac", "bona_fide", "train", 'a, "b"'],
        ["short.flac", "spoof", "train", ""],
    ]
    assert [trial.path for trial in read_protocol(result.protocol, partition="train")] == ["other.flac", "short.flac"]
    header, (*names, correlation, lag_s) = rows(train.with_name("overlap.csv"))
    assert header == ["path", "key", "eval_path", "eval_key", "correlation", "lag_s"]
    assert names == ["copy.flac", "spoof", "e.flac", "bona_fide"]
    assert 0.9 <= float(correlation) <= 1
    assert float(lag_s) == pytest.approx(-0.25, abs=0.011)


def test_another_partition_may_be_kept_apart(place):
    train, evaluation = place
    separate([train], evaluation, settings=Settings(), partition="dev")
    assert [row[:2] for row in rows(train.with_name("overlap.csv"))[1:]] == [["other.flac", "bona_fide"]]


def test_trials_of_the_evaluation_partition_do_not_overlap_with_themselves(place):
    _, evaluation = place
    (result,) = separate([evaluation], evaluation, settings=Settings())
    assert (result.trials, result.overlaps) == (2, 0)


def test_progress_counts_every_trial(place, monkeypatch):
    monkeypatch.setattr("assay.data.separate._BATCH", 2)
    seen = []
    separate([place[0]], place[1], settings=Settings(), progress=lambda *at: seen.append(at))
    assert seen == [(2, 3), (3, 3)]


def test_what_cannot_be_read_stays_and_is_counted(place, caplog):
    train, evaluation = place
    (train.parent / "other.flac").write_bytes(b"broken")
    (train.parent / "short.flac").unlink()
    (result,) = separate([train], evaluation, settings=Settings())
    assert (result.overlaps, result.short, result.unread) == (1, 0, 2)
    assert [row[2] for row in rows(result.protocol)] == ["partition", "overlap", "train", "train"]
    assert caplog.text.count("not compared: ") == 2


def test_files_are_replaced_in_one_step(place):
    train, evaluation = place
    out = train.with_name("separate.csv")
    out.write_text("old")
    with out.open() as held:
        separate([train], evaluation, settings=Settings())
        assert held.read() == "old"
    assert out.read_text().startswith("path,key,partition")
    assert not list(train.parent.glob("*.part"))


def test_an_evaluation_trial_that_cannot_be_read_leaves_everything_as_it_was(place):
    train, evaluation = place
    (evaluation.parent / "e.flac").unlink()
    train.with_name("separate.csv").write_text("old")
    with pytest.raises(MediaError, match=r"e\.flac"):
        separate([train], evaluation, settings=Settings())
    assert train.with_name("separate.csv").read_text() == "old"
    assert not train.with_name("overlap.csv").exists()


@pytest.mark.parametrize("name", ["protocol.csv", "overlap.csv", "sub/separate.csv", "..", ""])
def test_nothing_is_written_over_or_elsewhere(place, name):
    with pytest.raises(DataError):
        separate([place[0]], place[1], settings=Settings(), out_name=name)


def test_two_protocols_of_one_folder_are_refused(place):
    train, evaluation = place
    other = train.with_name("other.csv")
    other.write_text(train.read_text())
    with pytest.raises(DataError, match="different folders"):
        separate([train, other], evaluation, settings=Settings())


def test_a_protocol_without_partitions_is_refused(place):
    train, evaluation = place
    train.write_text("path,key\ncopy.flac,spoof\n")
    with pytest.raises(ProtocolError, match="no column 'partition'"):
        separate([train], evaluation, settings=Settings())
