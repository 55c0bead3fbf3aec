"""The page about live sound: its client runs, and it leaves out no field, no code and no setting."""

import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")
pytest.importorskip("uvicorn", reason="needs the extra 'serve'")

sys.path.insert(0, str(Path(__file__).parent))
from live_server import served

from assay.live import messages
from assay.serve.live.closing import Close
from assay.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
SPOKEN = (messages.Ready, messages.Update, messages.Result, messages.SlowDown, messages.GoOn, messages.Error)


def test_the_client_of_the_page_runs(monkeypatch, capsys):
    (block,) = [text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "ws://" in text]
    monkeypatch.chdir(ROOT)
    with served() as address:
        exec(compile(block.replace("127.0.0.1:5000", address), "docs/live.md", "exec"), {})
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "ready"
    assert len(told) == 9
    assert told[-1] in ("bona_fide", "spoof", "mixed", "inconclusive")


@pytest.mark.parametrize("message", SPOKEN, ids=lambda message: message.__name__)
def test_every_field_is_explained(message):
    kind = message.model_fields["type"].default
    section = re.search(rf"^#### {kind}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]
    assert [name for name in message.model_fields if name != "type" and f"| `{name}` |" not in section] == []


def test_every_close_code_error_and_setting_is_named():
    assert [code for code in Close if str(int(code)) not in PAGE] == []
    source = "".join(path.read_text() for path in (ROOT / "src/assay/serve/live").glob("*.py"))
    codes = set(re.findall(r'(?:code=|Close\.\w+,\s+)"(\w+)"', source))
    assert {"idle", "frame_too_long", "odd_bytes", "bad_message"} <= codes
    assert [code for code in codes if f"`{code}`" not in PAGE] == []
    assert [name for name in Settings.model_fields if name.startswith("serve_live") and f"`{name}`" not in PAGE] == []
