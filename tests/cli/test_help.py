"""Help: light, complete, and its examples run."""

import json
import re
import shlex
import subprocess
import sys

import pytest
from cli_fakes import ENVIRONMENT
from cli_runs import write_run

from assay.cli import config, doctor, models, scan

HEAVY = {"av", "numpy", "onnxruntime", "pydantic", "rich", "soundfile", "soxr", "torch"}
COMMANDS = [
    "scan",
    "listen",
    "explain",
    "models",
    "doctor",
    "config",
    "evaluate",
    "export",
    "data",
    "data augment",
    "data check",
    "data fakes",
    "data fetch",
    "data import",
    "data separate",
    "data split",
    "data stats",
    "train",
    "train audio",
    "serve",
    "worker",
    "keys",
    "keys create",
    "keys list",
    "keys revoke",
    "keys rotate",
    "jobs",
    "jobs list",
    "jobs rescore",
    "speaker",
    "speaker delete",
    "speaker enroll",
    "speaker expire",
    "speaker identify",
    "speaker list",
    "speaker rekey",
    "speaker verify",
]


def examples(epilog):
    return [line.strip().removeprefix("assay ") for line in epilog.splitlines() if re.match(r"  assay ", line)]


@pytest.fixture
def named_run(tmp_path, monkeypatch):
    """Makes the run folder that an example names, if it names one."""

    def make(example):
        for name in re.findall(r"runs/\S+", example):
            write_run(tmp_path / name)
            monkeypatch.chdir(tmp_path)

    return make


def test_importing_the_command_line_loads_nothing_heavy():
    code = "import json, sys, assay.cli; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, check=True)
    assert not HEAVY & set(json.loads(done.stdout))


@pytest.mark.parametrize(("command", "excused"), [([], set()), (["scan"], {"pydantic"})])
def test_help_loads_nothing_heavy(command, excused):
    # Recent typer builds the parser of a command's own parameters with pydantic.
    code = (
        "import sys; from assay.cli import main\n"
        f"try: main([*{command}, '--help'])\n"
        "finally: print(*sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, check=True)
    assert b"Usage: assay" in done.stdout
    assert not (HEAVY - excused) & set(done.stderr.decode().split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_every_option_an_explanation(run, command):
    done = run(*command.split(), "--help")
    assert done.code == 0
    options = re.findall(r"^  (?:-\w, )?--[^\n]*(?:\n {10,}[^\n]*)?", done.out, flags=re.MULTILINE)
    assert options
    for option in options:
        assert re.search(r"\s{2,}\S", option.strip().replace("\n", "  ")), option


def test_version_is_that_of_the_package(run):
    from assay import __version__

    assert run("--version").out == f"assay {__version__}\n"


def test_python_dash_m_is_the_same_program():
    done = subprocess.run([sys.executable, "-m", "assay", "--version"], env=ENVIRONMENT, capture_output=True)
    assert done.stdout.startswith(b"assay ")


def test_without_arguments_the_help_is_shown(run):
    done = run()
    assert "Usage: assay" in done.out + done.err


@pytest.mark.parametrize("example", examples(scan.EPILOG))
def test_examples_of_scan_run(run, real_detector, make_wav, monkeypatch, named_run, example):
    named_run(example)
    path = make_wav("interviews/deep/one.wav", "two.mp3", "talk.mp4", "recording.wav")
    command, _, _ = example.partition(" | ")
    command, _, stdin = command.partition(" < ")
    if stdin:
        monkeypatch.setattr("sys.stdin", path.open())
    arguments = shlex.split(command)
    done = run(*arguments)
    sys.stdin.close() if stdin else None
    assert done.code == 0, done.err


@pytest.mark.parametrize("example", [*examples(config.EPILOG), *examples(models.EPILOG), *examples(doctor.EPILOG)])
def test_examples_of_models_config_and_doctor_run(run, request, named_run, example):
    named_run(example)
    if "audio-resnet" in example:
        request.getfixturevalue("real_detector")
    done = run(*shlex.split(example.partition(" > ")[0]))
    assert done.code == 0, done.err
    assert done.out


@pytest.mark.parametrize("example", examples(scan.EPILOG))
def test_examples_of_scan_name_options_that_exist(run, example):
    text = run("scan", "--help").out
    assert all(word in text for word in shlex.split(example.partition(" | ")[0]) if word.startswith("--"))


def test_the_shell_completes_detectors_and_models_from_their_cards(monkeypatch):
    from assay.cli.completion import detector_names, model_names

    assert "silero-vad" in model_names("sil")
    assert "silero-vad" not in detector_names()
    assert model_names("no-such") == []


def test_completion_can_be_shown_for_a_shell():
    environment = {**ENVIRONMENT, "_ASSAY_COMPLETE": "complete_bash", "COMP_WORDS": "assay sc", "COMP_CWORD": "1"}
    code = "from assay.cli import main; main([])"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.stdout.split() == [b"scan"]
