import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cli_fakes import COMMAND, ENVIRONMENT

posix = pytest.mark.skipif(os.name == "nt", reason="signals and terminals of POSIX")


@pytest.mark.parametrize(
    ("names", "options", "code"),
    [
        (["a.wav", "spoof.wav"], [], 0),
        (["a.wav", "broken.wav", "b.wav"], [], 1),
        (["a.wav"], ["--max-false-alarm", "0.9"], 2),
        (["a.wav"], ["--no-such-option"], 2),
        (["a.wav"], ["--max-false-alarm", "0.1", "--false-alarm-cost", "3"], 2),
        (["altered.wav"], [], 3),
        (["a.wav", "unsure.wav"], ["--fail-on", "spoof"], 0),
        (["mixed.wav"], ["--fail-on", "spoof"], 4),
        (["broken.wav", "spoof.wav"], ["--fail-on", "spoof"], 4),
        (["unsure.wav"], ["--fail-on", "inconclusive"], 4),
        (["crash.wav"], [], 70),
        (["refused.wav"], [], 74),
        (["interrupt.wav"], [], 130),
    ],
)
def test_exit_code_says_what_happened(run, fake_detector, make_wav, names, options, code):
    make_wav(*names)
    assert run("scan", *names, *options).code == code


def test_help_documents_every_exit_code(run):
    from assay.cli import exits

    codes = {v for v in vars(exits).values() if isinstance(v, int)}
    for command in ((), ("scan",)):
        text = run(*command, "--help").out
        table = text[text.index("Exit codes:") :].splitlines()[1:]
        assert {int(line.split()[0]) for line in table if line.strip()} == codes


def test_a_batch_goes_on_past_a_bad_file(run, fake_detector, make_wav):
    make_wav("broken.wav", "b.wav")
    done = run("scan", "broken.wav", "missing.wav", "b.wav", "--format", "jsonl")
    assert [json.loads(line)["path"] for line in done.out.splitlines()] == ["broken.wav", "missing.wav", "b.wav"]


def test_a_name_that_is_too_long_is_the_failure_of_that_input_only(run, fake_detector, make_wav):
    make_wav("a.wav")
    done = run("scan", "x" * 5_000, "a.wav", "--format", "jsonl")
    assert done.code == 1
    assert json.loads(done.out.splitlines()[-1])["path"] == "a.wav"


def test_setting_out_of_range_is_one_line_that_names_it(run, fake_detector, make_wav):
    make_wav("a.wav")
    done = run("scan", "a.wav", "--prior", "1.5")
    assert done.err.startswith("error: Settings are wrong: prior: ")
    assert done.err.endswith("[bad_setting]\n")
    assert done.err.count("\n") == 1


def test_an_unforeseen_error_is_one_line_and_its_traceback_is_for_debug_only(run, fake_detector, make_wav):
    make_wav("crash.wav")
    plain, debug = run("scan", "crash.wav"), run("--debug", "scan", "crash.wav")
    assert plain.err.count("\n") == 1
    assert plain.err.startswith("error: ValueError: boom.")
    assert "Traceback" in debug.err
    assert debug.code == plain.code


def test_a_model_problem_leaves_an_older_output_as_it_was(run, make_wav, tmp_path):
    make_wav("a.wav")
    (tmp_path / "out.txt").write_text("precious")
    done = run("scan", "a.wav", "-o", "out.txt", "--model", "no-such-model")
    assert done.code == 3
    assert done.err.endswith("[model_not_found]\n")
    assert (tmp_path / "out.txt").read_text() == "precious"


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_an_interrupted_run_keeps_its_output_whole(run, fake_detector, make_wav, tmp_path, form):
    make_wav("a.wav", "interrupt.wav", "b.wav")
    done = run("scan", "a.wav", "interrupt.wav", "b.wav", "-f", form, "-o", "out")
    text = (tmp_path / "out").read_text()
    assert done.code == 130
    assert done.err.startswith("interrupted; ")
    assert text.count("a.wav") == 1
    if form != "csv":
        json.loads(text)


def start_slow(tmp_path, form):
    """A run that has scored a.wav and is busy with slow.wav."""
    process = subprocess.Popen(
        [*COMMAND, "scan", "a.wav", "slow.wav", "-f", form, "-o", "out"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    while "a.wav" not in ((tmp_path / "out").read_text() if (tmp_path / "out").exists() else ""):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    return process


@posix
def test_control_c_ends_with_130_and_keeps_what_is_scored(make_wav, tmp_path):
    make_wav("a.wav", "slow.wav")
    process = start_slow(tmp_path, "jsonl")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert json.loads((tmp_path / "out").read_text())["path"] == "a.wav"


@posix
def test_a_killed_run_keeps_what_is_scored(make_wav, tmp_path):
    make_wav("a.wav", "slow.wav")
    process = start_slow(tmp_path, "jsonl")
    process.kill()
    process.communicate(timeout=60)
    assert json.loads((tmp_path / "out").read_text())["path"] == "a.wav"


@posix
def test_a_reader_that_goes_away_ends_the_run_quietly(make_wav, tmp_path):
    make_wav(*(f"{i}.wav" for i in range(300)))
    command = " ".join(f"'{part}'" for part in [*COMMAND, "scan", "."])
    done = subprocess.run(
        ["bash", "-c", f"{command} -f jsonl -q | head -n 1"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        timeout=60,
    )
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


def test_a_full_disk_is_one_line(run, fake_detector, make_wav):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    make_wav("a.wav")
    done = run("scan", "a.wav", "-f", "jsonl", "-o", "/dev/full")
    assert done.code == 74
    assert "No space left" in done.err
    assert done.err.count("\n") == 1
