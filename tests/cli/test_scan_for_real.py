"""The whole line behind the command: the shipped weight on the shipped sample."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_fakes import ENVIRONMENT

from assay.models.registry import weights_folder

pytestmark = pytest.mark.usefixtures("real_detector")

SCORED = {"spoof_probability", "llr", "verdict", "duration_s", "sha256"}
PROMISED = SCORED | {
    "path", "media", "interval", "segments", "reasons", "not_analysed", "model", "operating_point", "timings_ms",
}  # fmt: skip


@pytest.fixture
def speech(tmp_path):
    return shutil.copy(weights_folder() / "known-answer.flac", tmp_path / "speech.flac")


def scan_json(run, *arguments):
    return json.loads(run("scan", *arguments, "--format", "json").out)


def test_json_lines_carry_what_is_promised(run, speech):
    (result,) = scan_json(run, speech)
    assert set(result) >= PROMISED
    assert result["media"] == "audio"
    assert 0 <= result["interval"][0] <= result["spoof_probability"] <= result["interval"][1] <= 1
    assert {"name", "version", "sha256", "provider"} == set(result["model"])


def test_the_same_bytes_give_the_same_answer_by_path_by_standard_input_and_twice(run, speech, monkeypatch):
    (by_path,) = scan_json(run, speech)
    (again,) = scan_json(run, speech)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(speech).read_bytes())))
    (by_stdin,) = scan_json(run, "-")
    for name in SCORED:
        assert by_path[name] == again[name] == by_stdin[name]


def test_jobs_change_neither_order_nor_answers(run, speech, tmp_path):
    names = [shutil.copy(speech, tmp_path / f"{i}.flac") for i in range(4)]
    names.insert(2, tmp_path / "missing.flac")
    one, three = (run("scan", *names, "--format", "csv", "--jobs", jobs).out for jobs in (1, 3))
    assert one == three
    assert one.count("\n") == 6


def test_deliveries_are_in_the_json_and_the_text_where_asked_for(run, speech):
    (plain,), (checked,) = scan_json(run, speech), scan_json(run, speech, "--stability")
    assert plain["stability"] is None
    assert len(checked["stability"]["deliveries"]) == 6
    assert set(checked["stability"]["deliveries"][0]) == {"delivery", "verdict", "llr", "spoof_probability"}
    text = run("scan", speech, "--stability").out
    assert any(words in text for words in ("other deliveries", "Delivered otherwise", "does not hold"))


def test_noise_reduction_is_told_where_asked_for(run, speech):
    pytest.importorskip("noisereduce")
    assert "Noise was reduced" in run("scan", speech, "--denoise").out
    assert "Noise" not in run("scan", speech).out


def test_noise_reduction_without_its_extra_ends_with_2_and_touches_nothing(run, speech, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "noisereduce", None)
    done = run("scan", speech, "--denoise", "--output", tmp_path / "out.txt")
    assert done.code == 2
    assert "assay[denoise]" in done.err
    assert not (tmp_path / "out.txt").exists()


def test_text_tells_verdict_and_reason_of_real_speech_and_of_silence(run, speech, make_wav):
    make_wav("silent.wav")
    done = run("scan", speech, "silent.wav")
    first, second = done.out.splitlines()
    assert first.startswith(f"{speech}: ")
    assert "probability of synthesis in it" in first.lower()
    assert second.startswith("silent.wav: cannot tell. Nothing in it could be scored.")
    assert done.code == 0


def test_a_batch_of_bad_inputs_loses_nothing_and_ends_with_1(run, speech, tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("not sound at all")
    (tmp_path / "torn.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    (tmp_path / "folder").mkdir()
    names = ["empty.wav", "text.wav", "torn.wav", "missing.wav", "folder", "no*such", speech]
    done = run("scan", *names, "--format", "jsonl")
    outcomes = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 1
    assert [o.get("error", {}).get("code") for o in outcomes[:2]] == ["empty", "unsupported"]
    assert [bool(o.get("error")) for o in outcomes] == [True] * 6 + [False]
    assert done.err.count("error: ") == 6


def test_settings_move_the_answer_the_right_way(run, speech):
    low, even = (scan_json(run, speech, "--prior", prior)[0] for prior in ("0.05", "0.5"))
    assert low["spoof_probability"] < even["spoof_probability"]
    assert low["llr"] == even["llr"]
    strict, lax = (scan_json(run, speech, "--max-false-alarm", rate)[0] for rate in ("0.001", "0.1"))
    assert strict["operating_point"]["threshold_llr"] > lax["operating_point"]["threshold_llr"]


def test_channels_are_scored_apart_when_asked(run, speech, tmp_path):
    import soundfile

    samples, rate = soundfile.read(speech, dtype="float32")
    soundfile.write(tmp_path / "two.wav", samples[:, None].repeat(2, axis=1), rate)
    (mixed,) = scan_json(run, "two.wav")
    (apart,) = scan_json(run, "two.wav", "--channels", "each")
    assert {s["channel"] for s in mixed["segments"]} == {None}
    assert {s["channel"] for s in apart["segments"]} == {0, 1}


def test_scanning_loads_neither_torch_nor_rich(speech):
    code = (
        "import sys; from assay.cli import main\n"
        f"try: main(['scan', {str(speech)!r}])\n"
        "finally: print(*sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, check=True)
    assert not {"av", "rich", "scipy", "torch"} & set(done.stderr.decode().split())
