"""`assay evaluate` through the command line: detectors, score files, comparisons, pages, and what goes wrong."""

import csv
import json
import re
from pathlib import Path

import movies
import pytest

from assay.video import conditions

PLAIN = ("--format", "markdown", "--resamples", "10")


@pytest.fixture
def protocol(examples, tmp_path):
    """Sample sounds beside their protocol."""
    rows = [
        "path,key,generator,source,partition,condition",
        "human.wav,bona_fide,,austen,eval,clean",
        "human-telephone.mp3,bona_fide,,phone,eval,phone",
        "vocoded.wav,spoof,hifigan,austen,eval,clean",
        "espeak.wav,spoof,espeak,made,eval,clean",
        "absent.wav,spoof,espeak,made,eval,clean",
    ]
    for row in rows[1:-1]:
        name = row.partition(",")[0]
        (tmp_path / name).write_bytes((examples / name).read_bytes())
    (tmp_path / "protocol.csv").write_text("\n".join(rows) + "\n")
    return "protocol.csv"


@pytest.fixture
def table(tmp_path):
    """A protocol without media, and scores of two systems for it."""
    rows, one, two = ["path,key,source"], ["utt score"], ["path,prob"]
    for number in range(40):
        spoof = number % 2
        rows.append(f"x/{number}.wav,{'spoof' if spoof else 'bona_fide'},s{number // 4}")
        one.append(f"{number} {-(spoof + (number * 7 % 11) / 10):.2f}")
        two.append(f"x/{number}.wav,{0.3 + 0.3 * spoof + (number * 5 % 13) / 50:.3f}")
    for name, lines in (("p.csv", rows), ("score.txt", one), ("theirs.csv", two)):
        Path(name).write_text("\n".join(lines) + "\n")
    return "p.csv"


def test_a_detector_is_measured_as_before_and_its_scores_are_read_again(run, protocol, real_detector):
    done = run("evaluate", protocol, "--partition", "eval", "--scores", "s.csv", *PLAIN)
    assert done.code == 0
    for word in ("# audio-resnet on protocol.csv, eval", "| EER |", "By condition", "not_found", "## Verdicts"):
        assert word in done.out
    with Path("s.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 5
    again = run("evaluate", "s.csv", protocol, "--format", "json", "--resamples", "0")
    assert again.code == 0
    told = json.loads(again.out)
    assert told["model"]["kind"] == "scores"
    assert told["unscored"] == {"absent.wav": "no score"}
    assert told["pooled"]["n_spoof"] == 2


def test_a_model_can_stand_before_the_protocol(run, protocol, real_detector):
    done = run("evaluate", "audio-resnet", protocol, "--format", "json", "--resamples", "0")
    assert json.loads(done.out)["model"]["name"] == "audio-resnet"
    assert run("evaluate", "no-such", protocol).code == 3


def test_robustness_of_a_detector_is_one_table(run, protocol, real_detector):
    done = run("evaluate", protocol, "--robustness", *PLAIN)
    assert done.code == 0
    rows = re.findall(r"^\| (.+?) \|", done.out[done.out.index("## Robustness") :], re.MULTILINE)
    assert {"as it comes", "noise at 20 dB", "replay (loudspeaker, room, microphone)", "Opus 24 kbit/s"} <= set(rows)


def test_robustness_of_pictures(run, tmp_path):
    image = pytest.importorskip("PIL.Image")
    np = pytest.importorskip("numpy")
    rows = ["path,key"]
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (220, 220, 3), dtype=np.uint8)
        image.fromarray(pixels).save(f"{number}.png")
        rows.append(f"{number}.png,{'spoof' if number else 'bona_fide'}")
    Path("p.csv").write_text("\n".join(rows) + "\n")
    done = run("evaluate", "p.csv", "--robustness", *PLAIN)
    assert done.code == 0
    assert "| JPEG 75 |" in done.out
    assert "# picture-lite on p.csv" in done.out


def test_foreign_scores_are_measured_and_compared(run, table):
    done = run("evaluate", "score.txt", table, "--higher", "bona_fide", "--compare", "theirs.csv=spoof", *PLAIN)
    assert done.code == 0
    assert "| theirs.csv | EER |" in done.out
    assert "Cllr" in done.out  # in the table of groups only: plain scores are a ranking
    assert "| Cllr (bits) |" not in done.out
    told = json.loads(run("evaluate", "theirs.csv", table, "--higher", "spoof", "-f", "json", "--resamples", "9").out)
    assert told["model"]["scale"] == "probability"
    assert told["figures"]["cllr"]["interval"] is not None


def test_the_direction_turns_the_figures(run, table):
    rates = {}
    for higher in ("spoof", "bona_fide"):
        done = run("evaluate", "score.txt", table, "--higher", higher, "-f", "json", "--resamples", "0")
        rates[higher] = json.loads(done.out)["figures"]["auc"]["value"]
    assert rates["spoof"] == pytest.approx(1 - rates["bona_fide"])
    done = run("evaluate", "score.txt", table)
    assert (done.code, done.err[-15:]) == (2, "[bad_protocol]\n")
    assert "--higher" in done.err


def test_a_verifier_gives_the_tandem_cost(run, table):
    Path("asv.txt").write_text("b target 3\nb target 2\nb nontarget 0\nb spoof 2.5\nb spoof 1\n")
    done = run("evaluate", "score.txt", table, "--higher", "bona_fide", "--asv-scores", "asv.txt", *PLAIN)
    assert "| min t-DCF |" in done.out


def test_missing_scores_stop_or_are_counted(run, table):
    Path("few.txt").write_text("\n".join(Path("score.txt").read_text().splitlines()[:30]) + "\n")
    done = run("evaluate", "few.txt", table, "--higher", "bona_fide")
    assert done.code == 2
    assert "no score for 11 of 40 trials" in done.err
    done = run("evaluate", "few.txt", table, "--higher", "bona_fide", "--missing", "skip", *PLAIN)
    assert "11 unscored" in done.out


def test_groups_thresholds_and_lists_can_be_chosen(run, table):
    done = run(
        *["evaluate", "score.txt", table, "--higher", "bona_fide", "--threshold", "-0.5", "--by", "path"],
        *["--worst", "1", *PLAIN],
    )
    assert "as given" in done.out
    assert "## By path" in done.out
    assert "## By source" not in done.out
    done = run("evaluate", "score.txt", table, "--higher", "bona_fide", "--by", "bits")
    assert done.code == 2
    assert "no column 'bits'" in done.err


def test_the_page_is_written(run, table):
    pytest.importorskip("matplotlib")
    done = run("evaluate", "score.txt", table, "--higher", "bona_fide", "--html", "page.html", "-o", "f.md", *PLAIN)
    assert (done.code, done.out) == (0, "")
    assert Path("page.html").read_text(encoding="utf-8").count("<svg") == 6
    assert Path("f.md").read_text(encoding="utf-8").startswith("# score.txt on p.csv")


def test_scores_alone_cannot_be_scored_again(run, table):
    done = run("evaluate", "score.txt", table, "--higher", "bona_fide", "--robustness")
    assert done.code == 2
    assert "holds scores alone" in done.err


@pytest.mark.parametrize("given", [("a", "b", "c"), ("a", "b", "--model", "m"), ()])
def test_one_system_and_one_protocol(run, given):
    assert run("evaluate", *given).code == 2


def test_a_protocol_that_cannot_be_read_is_exit_2(run, real_detector):
    done = run("evaluate", "missing.csv")
    assert done.code == 2
    assert done.err.endswith("[bad_protocol]\n")


def test_a_run_without_torch_names_the_extra(run, table, untrained):
    Path("run").mkdir()
    done = run("evaluate", "run", table)
    assert done.code == 2
    assert "pip install 'assay[train]'" in done.err
    done = run("export", "run", "--to", "out")
    assert done.code == 2
    assert "pip install 'assay[train]'" in done.err


def test_a_folder_that_is_no_run_is_told(run, table):
    pytest.importorskip("torch")
    Path("run").mkdir()
    for command in (("evaluate", "run", table), ("export", "run", "--to", "out")):
        done = run(*command)
        assert done.code == 2
        assert "is no run folder" in done.err


def test_export_of_a_shipped_detector_is_refused_in_one_line(run, table, real_detector):
    pytest.importorskip("torch")
    done = run("export", "audio-resnet", "--to", "out", "--calibrate", table)
    assert done.code == 2
    assert "in integers already" in done.err
    assert not Path("out").exists()


def test_robustness_of_videos(run, real_detector, monkeypatch):
    few = ("stored anew, H.264 CRF 12", "half the size", "sound taken away")
    monkeypatch.setattr(conditions, "CONDITIONS", {name: conditions.CONDITIONS[name] for name in few})
    rows = ["path,key"]
    for number in range(2):
        frames = [movies.texture(number, 320, 180) for _ in range(6)]
        Path(f"{number}.mp4").write_bytes(movies.video("mp4", frames, rate=10, sound="aac"))
        rows.append(f"{number}.mp4,{'spoof' if number else 'bona_fide'}")
    Path("p.csv").write_text("\n".join(rows) + "\n")
    done = run("evaluate", "p.csv", "--robustness", *PLAIN)
    assert done.code == 0
    found = re.findall(r"^\| (.+?) \|", done.out[done.out.index("## Robustness") :], re.MULTILINE)
    assert [name for name in found if name in ("as it comes", *few)] == ["as it comes", *few]
    assert "# video-lite on p.csv" in done.out
