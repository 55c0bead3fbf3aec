"""Nothing reports home: ONNX Runtime's own telemetry is off, which leaves a session file where it is on."""

import os
import subprocess
import sys

import pytest

CODE = """
from assay.models.weights import load_session
load_session("silero-vad")
"""


@pytest.mark.parametrize("wanted", [None, "1"])
def test_a_session_leaves_no_mark_of_telemetry(tmp_path, wanted):
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"TMPDIR": str(tmp_path)} | ({} if wanted is None else {"ORT_DISABLE_TELEMETRY": wanted})
    subprocess.run([sys.executable, "-c", CODE], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_who_wants_it_may_have_it():
    code = "import os, assay; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "0"
