"""No password of a URL is shown: not by the command line, not by an error, not by the object that holds it."""

import json

import pytest

from assay.cli import main
from assay.errors import SettingsError
from assay.settings import load_settings
from assay.urls import masked, without_password

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("sqlite:///a/b:c@d.sqlite3", "sqlite:///a/b:c@d.sqlite3"),
        ("postgresql://assay@db/assay", "postgresql://assay@db/assay"),
        ("postgresql://assay:s3cr3t@db:5432/assay", "postgresql://assay:***@db:5432/assay"),
        ("postgresql+psycopg://assay:s3@cr/3t@db/assay", "postgresql+psycopg://assay:***@db/assay"),
        ("redis://:s3cr3t@queue/0", "redis://:***@queue/0"),
        (
            "postgresql://db/assay?user=u&password=s3cr3t&sslmode=x",
            "postgresql://db/assay?user=u&password=***&sslmode=x",
        ),
    ],
)
def test_passwords_are_stars(url, shown):
    assert masked(url) == shown


@pytest.mark.parametrize("url", ["redis://:a/s3cr3t@h", "redis://u:%73%33cr3t@h", "redis://h?password=s3cr3t"])
def test_what_is_said_of_a_url_holds_no_part_of_its_password(url):
    assert SECRET not in without_password(f"cannot read s3cr3t, or {url}", url)


@pytest.mark.parametrize("form", ["text", "json", "toml"])
def test_the_command_line_shows_no_password(monkeypatch, capsys, form):
    monkeypatch.setenv("ASSAY_SERVE_DATABASE", f"postgresql://assay:{SECRET}@db/assay")
    monkeypatch.setenv("ASSAY_SERVE_QUEUE", "redis://queue:6379/0")
    with pytest.raises(SystemExit) as ended:
        main(["config", "--format", form])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert SECRET not in told
    assert "redis://queue:6379/0" in told
    if form == "toml":
        assert "# serve_database = (set, not shown)" in told
    else:
        assert "postgresql://assay:***@db/assay" in told
    if form == "json":
        assert json.loads(told)["serve_database"]["origin"] == "environment"


def test_settings_do_not_show_it_either():
    settings = load_settings(serve_database=f"postgresql://assay:{SECRET}@db/assay")
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("serve_database", "nosuch://assay:s3cr3t@127.0.0.1:1/assay"),
        ("serve_database", "postgresql://assay:s3cr3t@127.0.0.1:port/assay"),
        ("serve_database", "postgresql://assay:s3cr3t@127.0.0.1:1/assay?connect_timeout=1"),
        ("serve_queue", "redis://:pa/s3cr3t@127.0.0.1:1/0"),
        ("serve_queue", "redis://:s3cr3t@127.0.0.1:1/0"),
        ("serve_queue", "postgresql://assay:s3cr3t@127.0.0.1:1/assay?connect_timeout=1"),
        ("serve_queue", "amqp://assay:s3cr3t@127.0.0.1:1"),
    ],
)
def test_errors_do_not_tell_it(name, url, tmp_path):
    pytest.importorskip("sqlalchemy", reason="needs the extra 'serve'")
    from assay.serve.database import Database
    from assay.serve.jobs.queue import JobQueue

    settings = load_settings(**{name: url, "serve_folder": tmp_path})
    with pytest.raises(SettingsError) as refused:
        (Database.of if name == "serve_database" else JobQueue)(settings)
    assert name in str(refused.value)
    assert SECRET not in str(refused.value) + repr(refused.value.context)
