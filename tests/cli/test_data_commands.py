"""`assay data import|check|split|stats|augment` through the public door."""

import csv
import io
import json

import pytest


@pytest.fixture
def corpus(make_wav, tmp_path):
    """Folders named after their key, with four short recordings of as many speakers."""
    make_wav("mine/real/ann/a.wav", "mine/real/bob/b.wav", "mine/fake/x/c.wav", "mine/fake/x/d.wav")
    (tmp_path / "mine" / "readme.txt").write_text("")
    return tmp_path / "mine"


@pytest.fixture
def protocol(corpus, run):
    run("data", "import", "folders", "mine", "--to", "mine.csv")
    return "mine.csv"


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_import_prints_the_protocol_and_tells_what_is_in_it(run, corpus, tmp_path):
    done = run("data", "import", "folders", corpus, "--to", "lists/mine.csv")
    assert (done.code, done.out, done.err) == (0, "lists/mine.csv\n", "2 bona fide, 2 spoof\n")
    rows = rows_of(tmp_path / "lists" / "mine.csv")
    assert rows[2] | {"path": "../mine/real/ann/a.wav", "key": "bona_fide", "speaker": "ann"} == rows[2]


def test_import_lists_what_it_knows(run):
    done = run("data", "import", "list")
    assert done.code == 0
    assert "asvspoof2019" in done.out
    assert "faceforensics" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("vctk", "mine"), 1, "no importer 'vctk'"),
        (("folders",), 2, "folder is missing"),
        (("folders", "absent"), 2, "absent"),
        (("dfdc", "mine"), 1, "metadata.json"),
    ],
)
def test_import_refuses_what_it_cannot_do(run, corpus, arguments, code, words):
    done = run("data", "import", *arguments)
    assert done.code == code
    assert words in done.err


def test_check_ends_with_1_and_tells_what_is_wrong(run, protocol):
    done = run("data", "check", protocol)
    assert done.code == 1
    assert done.out.startswith("4 trials: 4 sound\n")
    assert "but one is bona fide and the other spoof. [key_conflict]" in done.out
    assert done.out.splitlines()[-1] == "2 errors, 1 warnings"


def test_check_as_json_to_a_file(run, protocol, tmp_path):
    done = run("data", "check", protocol, "--format", "json", "--output", "report.json", "--no-leaks")
    assert (done.code, done.out) == (1, "")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["trials"] == 4
    assert report["leaks"] is None
    assert {finding["code"] for finding in report["findings"]} >= {"key_conflict"}


def test_check_without_copies_finds_these_data_good_and_strictness_is_a_choice(run, make_wav, tmp_path):
    make_wav("a.wav", "b.wav", "c.wav", "d.wav")
    rows = ["a.wav,bona_fide,train,ann", "b.wav,spoof,train,", "c.wav,spoof,eval,ann", "d.wav,bona_fide,eval,"]
    (tmp_path / "p.csv").write_text("path,key,partition,speaker\n" + "\n".join(rows))
    done = run("data", "check", "p.csv", "--no-copies")
    assert done.code == 0
    assert "warning: 1 of 1 speaker values are in several partitions, such as 'ann'" in done.out
    assert done.out.splitlines()[-1] == "0 errors, 1 warnings"
    assert run("data", "check", "p.csv", "--no-copies", "--strict").code == 1
    assert run("data", "check", "p.csv", "--no-copies", "--strict", "--partition", "eval").code == 0


def test_split_writes_partitions_and_tells_their_sizes(run, protocol, tmp_path):
    done = run("data", "split", protocol, "--to", "split.csv", "--shares", "0.5,0.5")
    assert (done.code, done.out, done.err) == (0, "split.csv\n", "4 groups: 2 train, 2 eval\n")
    rows = rows_of(tmp_path / "split.csv")
    assert sorted(row["partition"] for row in rows if row["key"] == "spoof") == ["eval", "train"]
    done = run("data", "split", protocol, "--to", "split.csv", "--shares", "0.5,0.25,0.25", "--names", "a,b,c")
    assert done.err.startswith("4 groups: 2 a, 1 b, 1 c\n")


@pytest.mark.parametrize(
    "wrong", [("--shares", "0.5"), ("--shares", "a,b"), ("--names", "a,a,b"), ("--shares", "1,-1"), ("--by", "colour")]
)
def test_split_refuses_shares_and_columns_that_mean_nothing(run, protocol, wrong):
    assert run("data", "split", protocol, "--to", "split.csv", *wrong).code == 2


def test_stats_as_text_csv_and_json(run, protocol):
    assert "real" not in run("data", "stats", protocol).out
    table = list(csv.DictReader(io.StringIO(run("data", "stats", protocol, "--format", "csv").out)))
    assert {row["value"]: (row["bona fide"], row["spoof"]) for row in table if row["column"] == "key"} == {
        "bona_fide": ("2", "0"),
        "spoof": ("0", "2"),
    }
    report = json.loads(run("data", "stats", protocol, "--format", "json").out)
    assert (report["trials"], report["unreadable"]) == (4, 0)


def test_stats_draws(run, protocol, tmp_path):
    pytest.importorskip("matplotlib")
    done = run("data", "stats", protocol, "--plots", "figures")
    assert done.out.splitlines()[-1] == "figures/length.svg"
    assert (tmp_path / "figures" / "generator.svg").is_file()


def test_augment_prints_its_protocol(run, protocol, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_LOG_LEVEL", "WARNING")
    done = run("data", "augment", protocol, "--to", "more", "--copies", "2", "--jobs", "1")
    assert (done.code, done.out) == (0, "more/protocol.csv\n")
    assert done.err.endswith("8 copies\n")
    assert len(list((tmp_path / "more").glob("*.flac"))) == 8


@pytest.mark.parametrize("command", ["import", "check", "split", "stats", "augment"])
def test_every_command_has_help_with_examples(run, command):
    done = run("data", command, "--help")
    assert done.code == 0
    assert f"assay data {command} " in done.out
