import json
from contextlib import suppress

import pytest
import service_toys as toys
from fastapi import FastAPI
from job_servers import new_database
from sqlalchemy import func, select, update

from assay.errors import LimitExceeded
from assay.result import ScanFailure
from assay.serve import answers
from assay.serve.access import LOCAL, Principal, install
from assay.serve.jobs.tables import Delivery, Job, JobResult
from assay.serve.operation import install as install_operation
from assay.serve.operation import purge, record, stats
from assay.serve.operation.audit import AuditEntry, verify
from assay.serve.operation.tables import HistoryEntry, Review

DAY = 86_400.0
ANN = Principal("ann", "Ann", frozenset({"history"}))


@pytest.fixture
def context(tmp_path):
    return toys.make_context(tmp_path, serve_require_key=True)


@pytest.fixture
def client(context):
    toys.make_key(context)
    app = FastAPI()
    install(app, context)
    install_operation(app, context)
    return toys.client_of(app)


@pytest.fixture
def user(context):
    key, text = toys.make_key(context, "user")
    return key.principal(), toys.bearer(text)


@pytest.fixture
def reviewer(context):
    return toys.bearer(toys.make_key(context, "reviewer")[1])


@pytest.fixture
def admin(context):
    return toys.bearer(toys.make_key(context, "admin")[1])


def audited(context):
    with context.database.session() as session:
        assert verify(session, b"").intact
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.seq))
        return [(entry.actor, entry.action, entry.target, entry.outcome) for entry in entries]


def count_of(context, table):
    with context.database.session() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_result_is_written_down_counted_and_audited(context):
    found = record(context, ANN, toys.make_result(3.0), "holiday.wav", request_id="r1")
    assert found == 1
    with context.database.session() as session:
        entry = session.get(HistoryEntry, found)
        told = (entry.owner, entry.label, entry.media, entry.verdict, entry.llr, entry.model, entry.threshold_llr)
    assert told == ("ann", "holiday.wav", "audio", "spoof", 3.0, "toy-model", 2.0)
    assert audited(context) == [("ann", "predict", "a" * 64, "spoof")]
    assert stats(context)["scans"] == {"audio": {"spoof": 1}}


def test_neither_label_nor_path_goes_into_the_audit_log(context):
    record(context, ANN, toys.make_result(), "secret-label.wav")
    with context.database.session() as session:
        entry = session.get(AuditEntry, 1)
        text = " ".join(str(getattr(entry, column.name)) for column in AuditEntry.__table__.columns)
    assert "secret" not in text


def test_a_failure_is_audited_and_counted_and_no_result(context):
    failure = ScanFailure.of("x.wav", LimitExceeded("too long"))
    assert record(context, ANN, failure, "x.wav") is None
    assert audited(context) == [("ann", "predict", "", "limit_exceeded")]
    assert stats(context)["scans"] == {"unknown": {"failed": 1}}
    assert count_of(context, HistoryEntry) == 0


def test_a_job_is_recorded_once(context):
    first = record(context, ANN, toys.make_result(), "a.wav", job="j1")
    assert record(context, ANN, toys.make_result(), "a.wav", job="j1") == first
    assert count_of(context, HistoryEntry) == count_of(context, AuditEntry) == 1


def test_a_record_stands_or_falls_with_the_transaction_it_is_in(context):
    with suppress(ZeroDivisionError), context.database.session() as session:
        record(context, ANN, toys.make_result(), "a.wav", session=session)
        raise ZeroDivisionError
    assert count_of(context, HistoryEntry) == count_of(context, AuditEntry) == 0
    assert stats(context)["scans"] == {}


def test_no_history_is_kept_where_none_is_wanted(tmp_path):
    context = toys.make_context(tmp_path, serve_keep_history_days=0)
    assert record(context, ANN, toys.make_result(), "a.wav") is None
    assert (count_of(context, HistoryEntry), count_of(context, AuditEntry)) == (0, 1)


def test_control_characters_of_a_label_are_spelt_out(context):
    record(context, ANN, toys.make_result(), "a\0b\x1b[31m\n" + "x" * 500)
    with context.database.session() as session:
        label = session.get(HistoryEntry, 1).label
    assert label.startswith("a\\x00b\\x1b[31m\\x0a")
    assert len(label) == 255


def test_a_file_counts_for_drift_once_for_each_model(context):
    for model, digest in (("m", "1" * 64), ("m", "1" * 64), ("m", "2" * 64)):
        record(context, ANN, toys.make_result(model=model, sha256=digest), "a.wav")
    with context.database.session() as session:
        assert list(session.scalars(select(HistoryEntry.fresh).order_by(HistoryEntry.id))) == [True, False, True]


def test_history_is_paged_and_searched(context, client, user):
    principal, headers = user
    for number in range(7):
        verdict_llr = 3.0 if number % 2 else -1.0
        record(context, principal, toys.make_result(verdict_llr, sha256=f"{number:064x}"), f"take_{number}%.wav")
    record(context, LOCAL, toys.make_result(), "of somebody else.wav")
    seen, before = [], None
    while True:
        more = {} if before is None else {"before": before}
        page = client.get("/api/history", params={"limit": 3, **more}, headers=headers).json()
        seen += [item["label"] for item in page["items"]]
        before = page["next"]
        if before is None:
            break
    assert seen == [f"take_{number}%.wav" for number in reversed(range(7))]

    def labels(**query):
        items = client.get("/api/history", params=query, headers=headers).json()["items"]
        return [item["label"][5] for item in items]

    assert labels(verdict="spoof") == ["5", "3", "1"]
    assert labels(sha256=f"{4:064x}") == ["4"]
    assert labels(label="2%") == ["2"]
    assert labels(label="%_") == []
    assert labels(label="somebody") == []
    assert labels(media="image") == []
    assert labels(since="2020-01-01T00:00:00Z", until="2021-01-01T00:00:00Z") == []
    assert len(labels(since="2020-01-01T00:00:00")) == 7
    assert client.get("/api/history", params={"limit": 0}, headers=headers).status_code == 422


@pytest.mark.parametrize("path", ["history?model=", "history?owner=", "audit?actor=", "audit?action=", "audit?target="])
def test_control_characters_are_no_filter(client, admin, path):
    """PostgreSQL refuses a NUL, SQLite takes it."""
    for text in ("%00", "a%00b", "a%0A", "%7F"):
        assert client.get(f"/api/{path}{text}", headers=admin).status_code == 422
    for text in ("", "ann", "a%20b", "Zo%C3%AB"):
        assert client.get(f"/api/{path}{text}", headers=admin).status_code == 200


@pytest.mark.parametrize("text", ["a\0b", "a\n\x1b[31m", "\ud800"])
def test_whatever_stands_in_a_search_or_a_reason_is_an_answer(tmp_path, text):
    context = toys.make_context(tmp_path, serve_database=new_database())
    app = FastAPI()
    install(app, context)
    install_operation(app, context)
    answers.install(app)
    client = toys.client_of(app)
    number = record(context, LOCAL, toys.make_result(), f"{text}.wav")
    body = json.dumps({"reason": text})
    said = client.post(f"/api/history/{number}/appeal", content=body, headers={"Content-Type": "application/json"})
    assert said.status_code == (422 if text == "\ud800" else 200)
    if text != "\ud800":
        assert client.get("/api/history", params={"label": text}).json()["items"][0]["id"] == number
    context.database.close()


def test_results_of_others_are_not_there_unless_one_reviews(context, client, user, reviewer):
    number = record(context, LOCAL, toys.make_result(), "a.wav")
    for response in (
        client.get(f"/api/history/{number}", headers=user[1]),
        client.post(f"/api/history/{number}/appeal", json={"reason": "no"}, headers=user[1]),
        client.get("/api/history/999", headers=reviewer),
    ):
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "record_not_found"
    assert client.get(f"/api/history/{number}", headers=reviewer).json()["owner"] == "local"


def test_an_appeal_and_its_answer_leave_the_machines_verdict_visible(context, client, user, reviewer):
    principal, headers = user
    number = record(context, principal, toys.make_result(3.0), "a.wav")
    path = f"/api/history/{number}"
    appealed = client.post(f"{path}/appeal", json={"reason": "It is me."}, headers=headers).json()
    assert (appealed["standing"], appealed["appeal_open"]) == ("spoof", True)
    appeal = appealed["reviews"][0]["id"]
    body = {"verdict": "bona_fide", "reason": "Original shown.", "answers": appeal}
    found = client.post(f"{path}/override", json=body, headers=reviewer).json()
    assert (found["verdict"], found["standing"], found["appeal_open"]) == ("spoof", "bona_fide", False)
    client.post(f"{path}/override", json={"verdict": "spoof", "reason": "It was edited."}, headers=reviewer)
    found = client.get(path, headers=headers).json()
    assert (found["verdict"], found["standing"]) == ("spoof", "spoof")
    assert [(one["kind"], one["verdict"], one["reason"]) for one in found["reviews"]] == [
        ("appeal", None, "It is me."),
        ("override", "bona_fide", "Original shown."),
        ("override", "spoof", "It was edited."),
    ]
    assert [entry[1:] for entry in audited(context)][1:] == [
        ("history.appeal", "a" * 64, "open"),
        ("history.override", "a" * 64, "bona_fide"),
        ("history.override", "a" * 64, "spoof"),
    ]


def test_only_reviewers_override_and_only_with_a_reason(context, client, user, reviewer):
    principal, headers = user
    number = record(context, principal, toys.make_result(), "a.wav")
    path, body = f"/api/history/{number}/override", {"verdict": "spoof", "reason": "so"}
    assert client.post(path, json=body, headers=headers).status_code == 403
    for wrong in ({"verdict": "spoof"}, {**body, "reason": ""}, {**body, "verdict": "fake"}, {**body, "more": 1}):
        assert client.post(path, json=wrong, headers=reviewer).status_code == 422
    assert client.post(path, json={**body, "answers": 77}, headers=reviewer).status_code == 404
    assert count_of(context, Review) == 0


def test_an_admin_deletes_a_result_with_its_reviews_and_file_and_the_log_keeps_that(
    context, client, user, reviewer, admin, tmp_path
):
    file = tmp_path / "kept.wav"
    file.write_bytes(b"x")
    number = record(context, user[0], toys.make_result(), "a.wav", kept=file)
    client.post(f"/api/history/{number}/appeal", json={"reason": "no"}, headers=user[1])
    assert client.delete(f"/api/history/{number}", headers=reviewer).status_code == 403
    assert client.delete(f"/api/history/{number}", headers=admin).status_code == 204
    assert (count_of(context, HistoryEntry), count_of(context, Review), file.exists()) == (0, 0, False)
    assert audited(context)[-1][1:] == ("history.delete", "a" * 64, "done")


def test_a_result_that_is_deleted_takes_its_job_along(context, client, user, admin):
    for name in ("mine", "another"):
        with context.database.session() as session:
            more = {"media": "m", "sha256": "a" * 64, "size_bytes": 1, "options": "{}", "keep": False}
            session.add(Job(id=name, state="done", owner="ann", label="", request_hash="", submitted=0.0, **more))
            session.flush()
            session.add(JobResult(job_id=name, lease="", body="{}"))
            told = {"url": "https://a.example", "body": "{}", "state": "pending", "next_at": 0.0}
            session.add(Delivery(id=name, job_id=name, **told))
    number = record(context, user[0], toys.make_result(), "a.wav", job="mine")
    assert client.delete(f"/api/history/{number}", headers=admin).status_code == 204
    with context.database.session() as session:
        left = [list(session.scalars(select(column))) for column in (Job.id, JobResult.job_id, Delivery.job_id)]
    assert left == [["another"]] * 3


def test_the_number_of_a_result_that_is_gone_is_given_to_no_other(context, client, user, admin):
    for expected in (1, 2):
        number = record(context, user[0], toys.make_result(), "a.wav")
        path = f"/api/history/{number}"
        said = client.post(f"{path}/appeal", json={"reason": "no"}, headers=user[1]).json()
        assert (number, said["reviews"][0]["id"]) == (expected, expected)
        assert client.delete(path, headers=admin).status_code == 204
    with context.database.session() as session:
        session.get(HistoryEntry, record(context, user[0], toys.make_result(), "a.wav")).at = 0.0
    assert purge(context).history == 1
    assert record(context, user[0], toys.make_result(), "a.wav") == 4


def test_the_audit_log_is_for_admins_and_can_be_checked(context, client, user, admin):
    for number in range(5):
        record(context, ANN, toys.make_result(sha256=f"{number:064x}"), "a.wav", request_id=f"r{number}")
    assert client.get("/api/audit", headers=user[1]).status_code == 403
    page = client.get("/api/audit", params={"limit": 2, "actor": "ann"}, headers=admin).json()
    assert [item["request_id"] for item in page["items"]] == ["r4", "r3"]
    page = client.get("/api/audit", params={"before": page["next"], "target": f"{1:064x}"}, headers=admin).json()
    assert ([item["seq"] for item in page["items"]], page["next"]) == ([2], None)
    assert client.get("/api/audit/verify", headers=admin).json()["intact"]
    with context.database.session() as session:
        session.execute(update(AuditEntry).where(AuditEntry.seq == 2).values(outcome="bona_fide"))
    assert client.get("/api/audit/verify", headers=admin).json()["broken_at"] == 2


def test_retention_removes_what_is_too_old_and_nothing_else(tmp_path):
    context = toys.make_context(tmp_path, serve_keep_history_days=10, serve_keep_media_days=5, serve_keep_audit_days=20)
    files = [tmp_path / f"{number}.wav" for number in range(3)]
    for file, age in zip(files, (1, 6, 11), strict=True):
        file.write_bytes(b"x")
        number = record(context, ANN, toys.make_result(sha256=f"{age:064x}"), "a.wav", kept=file)
        with context.database.session() as session:
            entry = session.get(HistoryEntry, number)
            entry.at -= age * DAY
            session.add(Review(entry=number, at=0.0, kind="appeal", by="ann", by_name="Ann", reason="no"))
    done = purge(context)
    assert (done.history, done.media, done.audit) == (1, 2, 0)
    assert [file.exists() for file in files] == [True, False, False]
    assert (count_of(context, HistoryEntry), count_of(context, Review)) == (2, 2)
    assert audited(context)[-1][:2] == ("retention", "history.purge")
    with context.database.session() as session:
        now = session.get(AuditEntry, 1).at + 20 * DAY + 3600
    assert purge(context, now=now).audit == 4
    assert audited(context)
    assert purge(context, now=now) == type(done)(0, 0, 0)


def test_retention_runs_while_the_service_does(context, client):
    number = record(context, ANN, toys.make_result(), "a.wav")
    with context.database.session() as session:
        session.get(HistoryEntry, number).at = 0.0
    with client:
        for _ in range(100):
            if count_of(context, HistoryEntry) == 0:
                break
            client.get("/livez")
    assert count_of(context, HistoryEntry) == 0
