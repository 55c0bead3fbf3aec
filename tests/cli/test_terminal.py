"""What a person sees: the command runs on a pseudo-terminal."""

import os
import subprocess

import pytest
from cli_fakes import COMMAND, ENVIRONMENT

pty = pytest.importorskip("pty")


def on_terminal(folder, *arguments, piped_out=False, **environment):
    """What the terminal shows, and what went to a piped standard output."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if piped_out else theirs,
        stderr=theirs,
        env={**ENVIRONMENT, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # Linux ends a terminal without writers this way
            break
        if not part:
            break
        shown += part
    os.close(ours)
    out, _ = process.communicate(timeout=30)
    return shown.decode(), out


def test_the_verdict_is_coloured_on_a_terminal_and_no_color_is_honoured(make_wav, tmp_path):
    make_wav("spoof.wav")
    coloured, _ = on_terminal(tmp_path, "scan", "spoof.wav")
    assert "\x1b[31m\x1b[1mlikely synthetic\x1b[0m" in coloured
    for variable, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        plain, _ = on_terminal(tmp_path, "scan", "spoof.wav", **{variable: value})
        assert "spoof.wav: likely synthetic." in plain
        assert "\x1b" not in plain


def test_several_files_get_a_bar_on_standard_error_and_piped_results_stay_clean(make_wav, tmp_path):
    make_wav("a.wav", "b.wav", "broken.wav")
    shown, out = on_terminal(tmp_path, "scan", "a.wav", "b.wav", "broken.wav", piped_out=True)
    assert "/3" in shown  # the count beside the bar
    assert "error:" in shown
    assert out.count(b"\n") == 3
    assert b"\x1b" not in out


def test_one_file_gets_no_bar_and_quiet_shows_none(make_wav, tmp_path):
    make_wav("a.wav", "b.wav")
    one, _ = on_terminal(tmp_path, "scan", "a.wav", NO_COLOR="1")
    quiet, _ = on_terminal(tmp_path, "scan", "a.wav", "b.wav", "--quiet", NO_COLOR="1")
    assert one.count("\n") == 1
    assert quiet.count("\n") == 2
    assert "━" not in one + quiet


def test_text_and_bar_share_a_terminal_without_losing_a_line(make_wav, tmp_path):
    names = [f"{i}.wav" for i in range(9)]
    make_wav(*names)
    shown, _ = on_terminal(tmp_path, "scan", *names)
    assert all(f"\x1b[1m{name}\x1b[0m: " in shown for name in names)
