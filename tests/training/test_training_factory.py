"""A folder of fakes: what it lists, going on with it, and what it refuses."""

import csv

import numpy as np
import pytest

pytest.importorskip("torch")

import soundfile

from assay.data import read_protocol
from assay.errors import MissingExtra, TrainingError
from assay.training.fakes import factory, speech
from assay.training.fakes.engines import Engine, Spoken
from assay.training.fakes.factory import Order, make_folder


def tone(text, language, rng):
    pitch_hz = rng.uniform(100, 400)
    sound = np.sin(2 * np.pi * pitch_hz * np.arange(32_000) / 16_000).astype(np.float32)
    return Spoken(np.pad(sound, 16_000), f"voice of {len(text)} letters")


def absent():
    raise MissingExtra("Install the orchestra.", extra="orchestra")


@pytest.fixture(autouse=True)
def engines(monkeypatch):
    """One engine that hums, one that is not installed, one that speaks what nobody wrote."""
    made = {
        "hum": Engine("hum", "Hum(own)", "CC0-1.0", lambda: ("en", "xx"), tone),
        "orchestra": Engine("orchestra", "Orchestra(own)", "CC0-1.0", absent, tone),
        "martian": Engine("martian", "Martian(own)", "CC0-1.0", lambda: ("xx",), tone),
    }
    monkeypatch.setattr(factory, "ENGINES", made)


@pytest.fixture
def trials(protocol):
    return read_protocol(protocol, partition="train")


def rows(folder):
    with (folder / "protocol.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_copies_name_their_parents_and_sentences_have_none(trials, tmp_path):
    folder = tmp_path / "fakes"
    made = make_folder([Order("lpc", 2), Order("hum", 3)], trials, folder, seed=1)
    listed = rows(folder)
    assert [row["path"] for row in listed] == [item.trial.path for item in made]
    assert {row["key"] for row in listed} == {"spoof"}
    parents = {trial.path: trial for trial in trials if trial.key == "bona_fide"}
    for row in listed[:2]:
        assert row["source"] == parents[row["parent"]].source
        assert (row["generator"], row["parent_root"]) == ("LPC(own)", "data")
        assert len(soundfile.read(folder / row["path"])[0]) == len(soundfile.read(parents[row["parent"]].file)[0])
    for row in listed[2:]:
        assert (row["parent"], row["source"], row["generator"], row["language"]) == ("", "tts:hum", "Hum(own)", "en")
        assert row["speaker"].startswith("hum:voice of")
    assert len(read_protocol(folder / "protocol.csv", partition="train")) == 5


def test_a_span_that_was_replaced_is_listed(trials, tmp_path):
    pytest.importorskip("pyworld")
    (made,) = make_folder([Order("partial", 1)], trials, tmp_path / "fakes", seed=1)
    (row,) = rows(tmp_path / "fakes")
    start_s, end_s = float(row["span_start_s"]), float(row["span_end_s"])
    parent = next(trial for trial in trials if trial.path == made.trial.parent)
    assert 0 <= start_s < end_s <= soundfile.info(parent.file).duration


def test_going_on_keeps_files_and_adds_to_the_list(trials, tmp_path, monkeypatch):
    folder = tmp_path / "fakes"
    make_folder([Order("lpc", 2), Order("hum", 1)], trials, folder, seed=1)
    before = {path: path.read_bytes() for path in folder.rglob("*.flac")}
    monkeypatch.setattr(factory, "_load", lambda path, max_samples: pytest.fail("loaded"))
    make_folder([Order("hum", 2), Order("lpc", 2)], trials, folder, seed=1)
    assert all(path.read_bytes() == content for path, content in before.items())
    assert sorted(row["path"].split("/")[0] for row in rows(folder)) == ["hum", "hum", "lpc", "lpc"]


def test_two_processes_make_the_same_files(trials, tmp_path):
    for jobs in (1, 2):
        make_folder([Order("lpc", 3)], trials, tmp_path / str(jobs), seed=1, jobs=jobs)
    assert (tmp_path / "1" / "protocol.csv").read_bytes() == (tmp_path / "2" / "protocol.csv").read_bytes()
    for path in (tmp_path / "1").rglob("*.flac"):
        assert path.read_bytes() == (tmp_path / "2" / path.relative_to(tmp_path / "1")).read_bytes()


def test_no_file_is_longer_than_asked(trials, tmp_path):
    make_folder([Order("lpc", 2), Order("hum", 2)], trials, tmp_path / "fakes", seed=1, max_seconds=1.0)
    assert all(soundfile.info(path).duration == 1.0 for path in (tmp_path / "fakes").rglob("*.flac"))


def test_what_is_not_installed_stops_a_run_or_is_left_out(trials, tmp_path, caplog):
    orders = [Order("orchestra", 1), Order("lpc", 1)]
    with pytest.raises(MissingExtra, match="orchestra"):
        make_folder(orders, trials, tmp_path / "fakes", seed=1)
    assert len(make_folder(orders, trials, tmp_path / "fakes", seed=1, skip_missing=True)) == 1
    assert "without orchestra" in caplog.text


@pytest.mark.parametrize(
    ("order", "said"),
    [(Order("nonsense", 1), "Unknown methods"), (Order("lpc", 99), "99 parents of 9"), (Order("martian", 1), "xx")],
)
def test_what_cannot_be_made_is_refused(order, said, trials, tmp_path):
    with pytest.raises(TrainingError, match=said):
        make_folder([order], trials, tmp_path / "fakes", seed=1)


def test_a_folder_belongs_to_one_seed(trials, tmp_path):
    make_folder([Order("lpc", 1)], trials, tmp_path / "fakes", seed=1)
    with pytest.raises(TrainingError, match="another seed"):
        make_folder([Order("lpc", 1)], trials, tmp_path / "fakes", seed=2)


def test_a_protocol_that_is_not_ours_is_not_written_over(protocol, trials):
    before = protocol.read_bytes()
    assert protocol.name == "protocol.csv"
    with pytest.raises(TrainingError, match="none of fakes"):
        make_folder([Order("lpc", 1)], trials, protocol.parent, seed=1)
    assert protocol.read_bytes() == before


def test_two_parents_of_one_path_are_refused(trials, tmp_path):
    with pytest.raises(TrainingError, match="more than once"):
        make_folder([Order("lpc", 1)], [*trials, *trials], tmp_path / "fakes", seed=1)


def test_a_sentence_keeps_its_language_when_other_ones_can_be_spoken(trials, tmp_path):
    for languages in ("en",), ("en", "xx", "yy", "zz"):
        texts = tmp_path / "texts.tsv"
        texts.write_text("".join(f"{language}\tGood evening.\n" for language in languages), encoding="utf-8")
        make_folder([Order("hum", 6)], trials, tmp_path / "fakes", seed=1, texts=texts)
        assert {row["language"] for row in rows(tmp_path / "fakes")} == {"en"}


def test_a_spoken_clip_has_short_rests_at_its_ends_and_a_drawn_level():
    spoken = np.pad(tone("", "en", np.random.default_rng(0)).samples, 32_000)
    for seed in range(8):
        clip = speech.as_recorded(spoken, np.random.default_rng(seed), max_samples=64_000)
        assert 32_000 <= len(clip) < 32_000 + 2 * speech.LONGEST_REST
        level_db = 20 * np.log10(np.sqrt(np.mean(clip**2)))
        assert -34.01 <= level_db <= -15.99


def test_a_silent_engine_is_an_error():
    with pytest.raises(TrainingError, match="silence"):
        speech.as_recorded(np.zeros(1000, np.float32), np.random.default_rng(0), max_samples=100)
