"""The examples of docs/jobs.md run, as they stand, against a real server."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from job_toys import make_context, service

from assay.settings import load_settings

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_examples_with_curl_run(tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs" / "jobs.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if "# not run" not in line]
    assert sum("curl" in line for line in lines) >= 8
    context = make_context(load_settings(serve_folder=tmp_path / "service", threads=1))
    with service(context) as client:
        script = "\n".join(lines).replace("http://127.0.0.1:5000", str(client.base_url).rstrip("/"))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, env=os.environ
        )
    context.database.close()
    assert done.returncode == 0, done.stderr + done.stdout
    assert '"verdict":' in done.stdout
    assert '"state":"cancelled"' in done.stdout
