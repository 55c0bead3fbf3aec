import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

import assay
from assay import logs
from assay.errors import SettingsError
from assay.settings import Settings


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def tidy(monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    yield
    logs.reset()


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def test_the_library_alone_shows_nothing():
    code = "import assay, logging; logging.getLogger('assay.media').error('hidden')"
    environment = {"PYTHONPATH": str(Path(assay.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stderr == b""


def test_records_below_the_level_are_left_out(capsys):
    logs.configure(Settings(log_level="INFO"))
    logging.getLogger("assay.scan").info("seen")
    logging.getLogger("assay.scan").debug("hidden")
    (line,) = lines(capsys)
    assert line.endswith("INFO    assay.scan: seen")


def test_a_module_can_have_a_level_of_its_own(capsys):
    logs.configure(Settings(log_levels={"media": "debug", "assay.scan": "ERROR"}))
    logging.getLogger("assay.media.sniff").debug("seen")
    logging.getLogger("assay.scan").warning("hidden")
    logging.getLogger("assay.models").warning("seen as well")
    assert [line.split(": ")[1] for line in lines(capsys)] == ["seen", "seen as well"]


def test_the_root_logger_is_left_alone():
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    logs.configure(Settings(log_level="DEBUG", log_json=True))
    assert (root.level, list(root.handlers)) == before


def test_configuring_twice_does_not_show_records_twice_nor_keep_old_levels(capsys):
    logs.configure(Settings(log_levels={"media": "DEBUG"}))
    logs.configure(Settings())
    logging.getLogger("assay.media").warning("once")
    logging.getLogger("assay.media").debug("hidden")
    assert len(lines(capsys)) == 1


def test_json_lines_hold_time_level_logger_message_and_extras(capsys):
    logs.configure(Settings(log_json=True))
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("assay.scan").exception("%s failed", "a.wav", extra={"path": Path("a.wav"), "n": 3})
    (line,) = lines(capsys)
    record = json.loads(line)
    assert record["time"].endswith("+00:00")
    assert (record["level"], record["logger"], record["message"]) == ("ERROR", "assay.scan", "a.wav failed")
    assert (record["path"], record["n"]) == ("a.wav", 3)
    assert record["traceback"].endswith("ValueError: boom")
    assert set(record) == {"time", "level", "logger", "message", "path", "n", "traceback"}


def test_the_level_is_coloured_on_a_terminal_only(monkeypatch):
    logs.configure(Settings())
    shown = []
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        logging.getLogger("assay").warning("x")
        shown.append(stream.getvalue())
    assert "\x1b[33mWARNING\x1b[0m" in shown[0]
    assert "\x1b" not in shown[1]


@pytest.mark.parametrize(
    ("stream", "environment", "wanted"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": ""}, True),  # no-color.org: when present and not empty
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, stream, environment, wanted):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert logs.colour_wanted(stream) is wanted


def test_the_log_file_is_rotated_and_five_old_ones_are_kept(tmp_path, monkeypatch, capsys):
    assert logs.MAX_BYTES == 10 * 1024 * 1024
    monkeypatch.setattr(logs, "MAX_BYTES", 200)
    logs.configure(Settings(log_file=tmp_path / "assay.log"))
    for number in range(40):
        logging.getLogger("assay").warning("record %d of many", number)
    logs.reset()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["assay.log", *(f"assay.log.{n}" for n in range(1, 6))]
    assert "record 39" in (tmp_path / "assay.log").read_text()
    assert all(path.stat().st_size <= 200 for path in tmp_path.iterdir())


def test_a_log_file_is_json_when_json_is_asked_for(tmp_path, capsys):
    logs.configure(Settings(log_file=tmp_path / "a.log", log_json=True))
    logging.getLogger("assay").warning("übel")
    logs.reset()
    assert json.loads((tmp_path / "a.log").read_text())["message"] == "übel"


def test_an_unknown_level_is_a_settings_error_that_names_it():
    with pytest.raises(SettingsError, match="'LOUD' for 'media' is not a level; use one of DEBUG"):
        logs.configure(Settings(log_levels={"media": "LOUD"}))


def test_a_log_file_that_cannot_be_written_is_a_settings_error(tmp_path):
    with pytest.raises(SettingsError, match=r"log_file: .* cannot be written \(No such file"):
        logs.configure(Settings(log_file=tmp_path / "no" / "such" / "a.log"))


def test_a_failed_configure_leaves_the_earlier_one_in_force(tmp_path, capsys):
    logs.configure(Settings(log_level="INFO"))
    with pytest.raises(SettingsError):
        logs.configure(Settings(log_levels={"media": "LOUD"}))
    logging.getLogger("assay").info("still here")
    assert len(lines(capsys)) == 1
