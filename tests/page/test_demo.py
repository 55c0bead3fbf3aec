"""`assay demo` opens the page of a service of its own, and leaves nothing."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import assay


@pytest.mark.skipif(os.name != "posix", reason="stands in for the browser with a shell script")
def test_it_opens_the_page_and_leaves_nothing(tmp_path):
    opened, browser, temporary = tmp_path / "opened", tmp_path / "browser", tmp_path / "tmp"
    temporary.mkdir()
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    more = {"PYTHONPATH": str(Path(assay.__file__).parents[1]), "BROWSER": str(browser), "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "assay", "demo"]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, **more}, stderr=subprocess.PIPE, text=True
    ) as process:
        said = process.stderr.readline()
        address = re.fullmatch(r"The page is at (http://127\.0\.0\.1:\d+) \(Ctrl-C ends it\)\n", said)[1]
        ended = time.monotonic() + 60
        while not (opened.exists() and opened.read_text()) and time.monotonic() < ended:
            time.sleep(0.05)
        assert opened.read_text() == f"{address}\n"
        assert "<title>Assay</title>" in httpx.get(address).text
        assert len(list(temporary.iterdir())) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
    assert list(temporary.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"opened", "browser", "tmp"}
