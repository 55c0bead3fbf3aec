import logging
import threading
from concurrent.futures import Future
from contextlib import suppress

import pytest
import service_toys as toys
from job_servers import new_database
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from assay.errors import SettingsError
from assay.serve.access.principal import LOCAL
from assay.serve.operation import audit, recording
from assay.serve.operation.audit import AuditEntry, AuditHead, append, purge_audit, seal_of, verify


@pytest.fixture
def context(tmp_path):
    return toys.make_context(tmp_path)


def write(context, count, seal=b"", **more):
    for number in range(count):
        with context.database.session() as session:
            append(session, seal, LOCAL, "toy", f"thing-{number}", **more)


def state_of(context, seal=b"", **more):
    with context.database.session() as session:
        return verify(session, seal, **more)


def change(context, statement):
    with context.database.session() as session:
        session.execute(statement)


def test_entries_follow_each_other_and_the_chain_holds(context):
    assert state_of(context).intact
    write(context, 5)
    found = state_of(context)
    assert (found.intact, found.entries, found.head_seq) == (True, 5, 5)


@pytest.mark.parametrize(
    "field", ["at", "actor", "actor_name", "action", "target", "outcome", "detail", "request_id", "previous", "digest"]
)
def test_any_field_that_is_altered_shows(context, field):
    write(context, 5)
    value = 1.0 if field == "at" else "0" * 64
    change(context, update(AuditEntry).where(AuditEntry.seq == 3).values({field: value}))
    found = state_of(context)
    assert not found.intact
    assert found.broken_at in (3, 4)


@pytest.mark.parametrize(("gone", "broken"), [(1, 1), (3, 3), (5, 5)])
def test_an_entry_that_is_removed_shows(context, gone, broken):
    write(context, 5)
    change(context, delete(AuditEntry).where(AuditEntry.seq == gone))
    assert state_of(context).broken_at == broken


def test_a_log_that_is_emptied_shows(context):
    write(context, 3)
    change(context, delete(AuditEntry))
    assert not state_of(context).intact


def test_an_end_cut_off_with_its_head_shows_by_an_entry_that_is_known(context):
    write(context, 5)
    known = state_of(context).head_seq, state_of(context).head_digest
    with context.database.session() as session:
        third = session.get(AuditEntry, 3)
        session.execute(delete(AuditEntry).where(AuditEntry.seq > 3))
        session.execute(update(AuditHead).values(seq=3, digest=third.digest))
    assert state_of(context).intact
    assert not state_of(context, known=known).intact
    write(context, 2)
    assert state_of(context, known=known).broken_at == 5


def test_whoever_lacks_the_seal_cannot_write_the_chain_anew(tmp_path):
    secret = tmp_path / "seal"
    secret.write_bytes(b"s" * 32 + b"\n")
    context = toys.make_context(tmp_path, serve_audit_key_file=secret)
    seal = seal_of(context.settings)
    assert seal == b"s" * 32
    write(context, 3, seal)
    assert state_of(context, seal).intact
    write(context, 1, b"guess" * 8)
    assert state_of(context, seal).broken_at == 4


@pytest.mark.parametrize("content", [b"", b"short", None])
def test_a_seal_that_is_too_short_or_missing_is_refused(tmp_path, content):
    path = tmp_path / "seal"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match="serve_audit_key_file"):
        seal_of(toys.make_context(tmp_path, serve_audit_key_file=path).settings)


def test_what_is_rolled_back_leaves_no_entry(context):
    write(context, 1)
    with suppress(ZeroDivisionError), context.database.session() as session:
        append(session, b"", LOCAL, "toy", "never")
        raise ZeroDivisionError
    write(context, 1)
    assert state_of(context).entries == 2
    assert state_of(context).intact


def told(caplog):
    return [(line.audit_seq, line.audit_digest) for line in caplog.records if line.name == "assay.serve.audit"]


def chain(context):
    with context.database.session() as session:
        return [(entry.seq, entry.digest) for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.seq))]


def test_the_log_tells_digests_once_their_entries_are_committed(context, caplog):
    caplog.set_level(logging.INFO, "assay.serve.audit")
    with context.database.session() as session:
        append(session, b"", LOCAL, "toy", "thing")
        with session.begin_nested():
            session.execute(select(AuditEntry.seq))
        append(session, b"", LOCAL, "toy", "thing")
        assert told(caplog) == []
    assert told(caplog) == chain(context)
    assert len(chain(context)) == 2


def test_the_log_tells_no_digest_of_what_was_rolled_back(context, caplog):
    caplog.set_level(logging.INFO, "assay.serve.audit")
    with suppress(ZeroDivisionError), context.database.session() as session:
        append(session, b"", LOCAL, "toy", "never")
        raise ZeroDivisionError
    with Session(context.database.engine) as session:  # one that goes on after it was rolled back
        append(session, b"", LOCAL, "toy", "never")
        session.rollback()
        append(session, b"", LOCAL, "toy", "thing")
        session.commit()
    write(context, 1)
    assert told(caplog) == chain(context)
    assert len(chain(context)) == 2


def test_a_batch_that_fails_and_is_written_one_by_one_leaves_no_other_digests_in_the_log(context, caplog, monkeypatch):
    """One of three results is refused by the database, after the entries of all of them were added."""
    caplog.set_level(logging.INFO, "assay.serve.audit")

    def refuse(session, rows):
        if any(row["label"] == "bad" for row in rows):
            raise OperationalError("insert", {}, Exception("no"))
        real(session, rows)

    real = recording._tell_fresh
    monkeypatch.setattr(recording, "_tell_fresh", refuse)
    recorder = recording.Recorder(context)
    findings = [recording.Finding(LOCAL, toys.make_result(), label) for label in ("good", "bad", "fine")]
    together = [(finding, Future()) for finding in findings]
    recorder._write(together)
    recorder.close()
    assert [done.exception() is None for _, done in together] == [True, False, True]
    assert told(caplog) == chain(context)
    assert len(chain(context)) == 2


def test_many_at_once_make_one_chain(context):
    threads = [threading.Thread(target=write, args=(context, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = state_of(context)
    assert (found.intact, found.entries) == (True, 40)


def test_a_purge_leaves_a_chain_that_holds_and_says_what_it_removed(context):
    for now in (10.0, 20.0, 30.0):
        write(context, 2, now=now)
    for before, gone in ((25.0, 4), (25.0, 0), (35.0, 2)):
        with context.database.session() as session:
            assert purge_audit(session, b"", LOCAL, before) == gone
        assert state_of(context).intact
    with context.database.session() as session:
        actions = [entry.action for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.seq))]
    assert actions == ["audit.purge", "audit.purge"]
    change(context, delete(AuditEntry).where(AuditEntry.seq == 7))
    assert not state_of(context).intact


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_two_purges_at_once_leave_a_chain_that_holds(tmp_path, monkeypatch, backend):
    """The second begins, and would end, between what the first one has read and what it writes."""
    context = toys.make_context(tmp_path, **({} if backend == "sqlite" else {"serve_database": new_database()}))
    for now in (10.0, 20.0, 30.0):
        write(context, 2, now=now)
    gone = {}

    def purge(before):
        with context.database.session() as session:
            gone[before] = purge_audit(session, b"", LOCAL, before)

    def let_in(*given, **more):
        monkeypatch.setattr(audit, "append", append)
        second.start()
        second.join(0.5)
        append(*given, **more)

    second = threading.Thread(target=purge, args=(25.0,))
    monkeypatch.setattr(audit, "append", let_in)
    purge(15.0)
    second.join()
    found = state_of(context)
    assert (found.intact, found.why) == (True, "")
    assert gone == {15.0: 2, 25.0: 2}
    context.database.close()
