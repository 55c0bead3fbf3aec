"""`assay speaker`: from enrolment to deletion through the command line, with the real networks and a key file."""

import json
import os
import stat
from pathlib import Path

import pytest

from assay.cli.config import toml_lines
from assay.settings import Settings
from assay.speaker import NO_PROOF

CONSENT = ("--name", "A. Reader", "--consent-by", "B. Clerk", "--consent", "signed form 17")
SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OTHER = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="


@pytest.fixture
def enrolled(run, examples):
    """Id of a profile made of two recordings of one reader."""
    done = run("speaker", "enroll", examples / "human-long.flac", examples / "human.wav", *CONSENT, "--format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)["profile"]["id"]


@pytest.mark.parametrize("command", ["", "enroll", "verify", "identify", "list", "delete", "expire", "rekey"])
def test_every_command_has_help(run, command):
    done = run("speaker", *command.split(), "--help")
    assert done.code == 0
    assert "Usage: assay speaker" in done.out


def test_enrolment_is_told_with_its_end_and_kept_for_the_owner_alone(run, enrolled):
    (profile,) = json.loads(run("speaker", "list", "--format", "json").out)["profiles"]
    assert profile["id"] == enrolled
    assert profile["consent"]["reference"] == "signed form 17"
    assert profile["retain_until"] > profile["created"][:10]
    home = Path.home()
    files = [home / ".local/share/assay/speakers" / f"{enrolled}.speaker", home / ".config/assay/speaker.key"]
    for path in files if os.name == "posix" else ():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_match_stands_beside_the_verdict_of_the_scan_and_is_called_no_proof(run, enrolled, examples):
    done = run("speaker", "verify", examples / "vocoded.wav", "A. Reader")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].endswith("vocoded.wav: sounds like the enrolled speaker")
    assert any(line.startswith("  synthesis: ") and "not scanned" not in line for line in lines)
    assert f"  {NO_PROOF}" in lines


def test_a_mismatch_is_called_no_proof_either(run, enrolled, examples):
    done = run("speaker", "verify", examples / "espeak.wav", enrolled, "--no-scan", "--format", "json")
    found = json.loads(done.out)
    assert found["decision"] == "no_match"
    assert found["statement"] == NO_PROOF
    assert found["spoof"] is None
    assert "not scanned" in found["no_spoof"]


@pytest.mark.parametrize(
    ("probe", "fail_on", "code"),
    [
        ("espeak.wav", "no_match", 4),
        ("espeak.wav", "match", 0),
        ("noise.ogg", "not_enough_speech", 4),
        ("missing.wav", "match", 1),
    ],
)
def test_exit_codes_say_what_was_decided(run, enrolled, examples, probe, fail_on, code):
    assert run("speaker", "verify", examples / probe, enrolled, "--no-scan", "--fail-on", fail_on).code == code


def test_an_identification_names_the_best_first(run, enrolled, examples):
    other = run("speaker", "enroll", examples / "espeak.wav", "--name", "Machine", *CONSENT[2:], "--format", "json")
    assert other.code == 0, other.err
    done = run("speaker", "identify", examples / "human-telephone.mp3", "--no-scan", "--format", "json")
    found = json.loads(done.out)
    assert [one["name"] for one in found["candidates"]] == ["A. Reader", "Machine"]
    assert found["operating_point"]["comparisons"] == 2
    text = run("speaker", "identify", examples / "human-telephone.mp3", "--no-scan", "--most", "1").out
    assert "Machine" not in text
    assert NO_PROOF in text


def test_a_probe_comes_from_standard_input_too(run, enrolled, examples, monkeypatch):
    with (examples / "human.wav").open("rb") as stream:
        monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": stream})())
        done = run("speaker", "verify", "-", enrolled, "--format", "json")
    found = json.loads(done.out)
    assert found["probe"]["path"] == "-"
    assert found["spoof"]["verdict"]
    assert found["notes"]  # it was enrolled with


def test_deletion_is_final(run, enrolled):
    assert run("speaker", "delete", "A. Reader").out == f"deleted {enrolled}\n"
    assert json.loads(run("speaker", "list", "--format", "json").out)["profiles"] == []
    assert run("speaker", "delete", enrolled).code == 2


def test_a_new_key_keeps_the_profiles(run, enrolled):
    key = Path.home() / ".config/assay/speaker.key"
    before = key.read_text()
    assert json.loads(run("speaker", "rekey", "--format", "json").out) == {"sealed_anew": 1}
    assert key.read_text() != before
    assert enrolled in run("speaker", "list", "--format", "json").out


def test_a_key_from_the_settings_is_changed_with_the_old_one_in_a_file(run, examples, monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAY_SPEAKER_KEY", SECRET)
    assert run("speaker", "enroll", examples / "human.wav", *CONSENT).code == 0
    (tmp_path / "old").write_text(SECRET)
    (tmp_path / "old").chmod(0o600)
    monkeypatch.setenv("ASSAY_SPEAKER_KEY", OTHER)
    listed = run("speaker", "list")
    assert (listed.code, "another key" in listed.err) == (1, True)
    assert run("speaker", "rekey").code == 2
    assert run("speaker", "rekey", "--old-key-file", tmp_path / "none").code == 2
    assert run("speaker", "rekey", "--old-key-file", tmp_path / "old").out == "1 profiles sealed with the new key\n"
    assert run("speaker", "list").code == 0


def test_a_damaged_profile_is_told_and_ends_with_1(run, enrolled):
    path = Path.home() / ".local/share/assay/speakers" / f"{enrolled}.speaker"
    path.write_bytes(path.read_bytes()[:-1])
    done = run("speaker", "list")
    assert done.code == 1
    assert "cut off" in done.err
    assert done.err.rstrip().endswith("[profile_damaged]")


def test_expired_profiles_go(run, enrolled):
    assert run("speaker", "expire").out == "0 expired profiles deleted\n"


def test_blank_consent_is_a_usage_error(run, examples):
    done = run("speaker", "enroll", examples / "human.wav", "--name", "A", "--consent-by", " ", "--consent", "x")
    assert done.code == 2
    assert run("speaker", "enroll", examples / "human.wav", "--name", "A").code == 2


def test_the_key_is_not_among_the_settings_that_are_shown(run, monkeypatch):
    monkeypatch.setenv("ASSAY_SPEAKER_KEY", SECRET)
    for form in ("text", "json", "toml"):
        shown = run("config", "--format", form).out
        assert "speaker_key" in shown
        assert SECRET not in shown
    assert "# speaker_key = (set, not shown)" in toml_lines(Settings(speaker_key=SECRET))
