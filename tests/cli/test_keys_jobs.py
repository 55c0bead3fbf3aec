"""`assay keys` and `assay jobs`, on the service's SQLite file in an empty folder."""

import hashlib
import json
import re

import cli_fakes
import pytest
from sqlalchemy import select

from assay.result import ModelReference
from assay.serve.access.keys import check_key
from assay.serve.access.principal import LOCAL
from assay.serve.context import Context
from assay.serve.database import Database
from assay.serve.operation.audit import AuditEntry, verify
from assay.serve.operation.recording import record
from assay.settings import load_settings


@pytest.fixture
def session(clean_place):
    database = Database.of(load_settings())
    database.create_tables()
    with database.session() as session:
        yield session
    database.close()


def made(run, *arguments):
    done = run("keys", "create", "lab", *arguments, "--format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_a_key_is_shown_once(run, session):
    done = run("keys", "create", "news room", "--role", "user", "--days", "90")
    text = done.out.strip()
    assert re.fullmatch(r"assay_[0-9a-f]{12}_[\w-]{43}", text)
    assert check_key(session, text).name == "news room"
    assert "shown this once" in done.err
    for form in ("text", "json"):
        listed = run("keys", "list", "--all", "--format", form).out
        assert text[6:18] in listed
        assert text[19:] not in listed


def test_keys_are_listed_while_they_are_good(run):
    first, second = made(run, "--scope", "metrics", "--rate", "5"), made(run, "--role", "admin")
    assert (first["scopes"], first["rate"]) == (["metrics"], 5)
    assert run("keys", "revoke", first["id"]).out == f"{first['id']} (lab) is revoked\n"
    assert [key["id"] for key in json.loads(run("keys", "list", "--format", "json").out)] == [second["id"]]
    found = json.loads(run("keys", "list", "--all", "--format", "json").out)
    assert {key["id"]: key["state"] for key in found} == {first["id"]: "revoked", second["id"]: "active"}


def test_rotation_leaves_the_old_key_for_the_overlap(run, session):
    old = made(run, "--role", "user")
    new = json.loads(run("keys", "rotate", old["id"], "--overlap-hours", "2", "--format", "json").out)
    assert new["holder"] == old["id"]
    assert check_key(session, old["key"])
    assert check_key(session, new["key"])
    (listed,) = (key for key in json.loads(run("keys", "list", "-f", "json").out) if key["id"] == old["id"])
    assert listed["replaced_by"] == new["id"]


def test_what_is_done_with_keys_is_in_the_audit_log(run, session):
    old = made(run, "--role", "user")
    run("keys", "rotate", old["id"])
    run("keys", "revoke", old["id"])
    entries = list(session.scalars(select(AuditEntry).order_by(AuditEntry.seq)))
    assert [entry.action for entry in entries] == ["key.create", "key.rotate", "key.revoke"]
    assert verify(session, b"").intact
    assert not any(old["key"][19:] in entry.detail for entry in entries)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "lab"), "needs a role or a scope"),
        (("create", "lab", "--role", "root"), "neither a role nor a scope"),
        (("create", "lab", "--role", "user", "--days", "-1"), "above 0"),
        (("revoke", "nobody"), "There is no key 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_told(run, arguments, said):
    done = run("keys", *arguments)
    assert done.code in (1, 2)
    assert said in done.err


class NewDetector:
    """A detector that finds everything likely synthetic."""

    def __init__(self, *, settings):
        self.name = settings.audio_model

    def scan(self, path, *, name=None):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        model = ModelReference(name=self.name, version="1", sha256="1" * 64)
        return cli_fakes.make_result(name, "spoof", 0.99, sha256=digest, model=model)


def test_changed_verdicts_are_listed(run, session, tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(b"some bytes")
    before = cli_fakes.make_result(path, sha256=hashlib.sha256(b"some bytes").hexdigest())
    context = Context(load_settings(), Database.of(load_settings()), None)
    record(context, LOCAL, before, "a name.wav", kept=path)
    context.database.close()
    monkeypatch.setattr("assay.line.Detector", NewDetector)
    done = run("jobs", "rescore")
    assert done.code == 0
    assert re.search(r"audio +bona_fide +spoof .* scanned +a name.wav", done.out)
    assert "1 verdicts would change, 0 would not" in done.err
    found = json.loads(run("jobs", "rescore", "--audio-model", "newer", "--format", "json").out)
    (change,) = found["changes"]
    assert (change["before"], change["after"], change["model_after"]) == ("bona_fide", "spoof", "newer")


def test_jobs_are_listed(run):
    pytest.importorskip("assay.serve.jobs.store", reason="the room of jobs is not there yet")
    assert run("jobs", "list", "--format", "json").out.strip() == "[]"
    assert run("jobs", "list", "--state", "done").code == 0
