"""Speakers over REST, with the real encoder and the real detector."""

import asyncio
import os
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from threading import Event

import curls
import pytest
from forms import error_of
from sqlalchemy.exc import OperationalError

pytest.importorskip("cryptography", reason="needs the extra 'speaker'")

from assay.serve import speakers
from assay.serve.operation.audit import AuditEntry

CONSENT = {"name": "A. Speaker", "consent": "signed form 17", "consent_by": "B. Clerk"}
NOBODY = "0" * 32


@pytest.fixture(scope="module")
def house(make_service, tmp_path_factory):
    """A service with profiles of its own."""
    folder = tmp_path_factory.mktemp("speakers")
    given = {"speakers_dir": folder / "profiles", "speaker_key_file": folder / "key"}
    return make_service(**given).until_ready()


@pytest.fixture(scope="module")
def reading(examples):
    return (examples / "human-long.flac").read_bytes()


@pytest.fixture
def enrolled(house, reading):
    """Id of a speaker, who is gone after the test."""
    answer = enroll(house, reading)
    assert answer.status_code == 201, answer.text
    identity = answer.json()["profile"]["id"]
    yield identity
    house.request("DELETE", f"/api/speakers/{identity}")


def enroll(house, *recordings, **fields):
    files = [("files", (f"take-{n}.flac", data)) for n, data in enumerate(recordings)]
    return house.post("/api/speakers", files=files, data={**CONSENT, **fields})


def test_a_speaker_is_enrolled_verified_identified_listed_and_deleted(house, examples, enrolled):
    (listed,) = house.get("/api/speakers").json()["profiles"]
    assert (listed["id"], listed["name"], listed["expired"]) == (enrolled, "A. Speaker", False)
    assert house.get(f"/api/speakers/{enrolled}").json() == listed
    probe = {"file": ("message.wav", (examples / "human.wav").read_bytes())}
    told = house.post(f"/api/speakers/{enrolled}/verify", files=probe).json()
    assert told["probe"]["path"] == "message.wav"
    assert told["decision"] in {"match", "no_match", "not_enough_speech"}
    assert told["no_spoof"] is None
    assert told["spoof"]["verdict"] == house.predict("audio", probe["file"][1]).json()["verdict"]
    found = house.post("/api/speakers/identify", files=probe).json()
    assert [one["id"] for one in found["candidates"]] == [enrolled]
    assert found["candidates"][0]["score"] == told["speaker"]["score"]
    assert house.request("DELETE", f"/api/speakers/{enrolled}").json() == {"deleted": [enrolled]}
    assert error_of(house.get(f"/api/speakers/{enrolled}"), 404)["code"] == "profile_not_found"
    assert house.get("/api/speakers").json() == {"profiles": [], "unreadable": []}


def test_the_same_recording_matches_and_the_answer_says_that_this_means_nothing(house, reading, enrolled):
    told = house.post(f"/api/speakers/{enrolled}/verify", files={"file": ("again.flac", reading)}).json()
    assert told["decision"] == "match"
    assert any("says nothing" in note for note in told["notes"])


def test_what_was_done_is_in_the_audit_log_without_names(house, enrolled, examples):
    house.post(f"/api/speakers/{enrolled}/verify", files={"file": ("m.wav", (examples / "human.wav").read_bytes())})
    with house.context.database.session() as session:
        entries = [one for one in session.query(AuditEntry).order_by(AuditEntry.seq) if one.target == enrolled]
        assert [one.action for one in entries] == ["speaker.enroll", "speaker.verify"]
        assert all("Speaker" not in one.detail and "form" not in one.detail for one in entries)


@pytest.fixture
def told(house):
    """What was written into the audit log since the test began: action, target, outcome."""
    with house.context.database.session() as session:
        before = session.query(AuditEntry).count()

    def entries():
        with house.context.database.session() as session:
            found = session.query(AuditEntry).order_by(AuditEntry.seq).offset(before)
            return [(one.action.removeprefix("speaker."), one.target, one.outcome) for one in found]

    return entries


def test_reading_is_in_the_audit_log_too(house, enrolled, told):
    house.get("/api/speakers")
    house.get(f"/api/speakers/{enrolled}")
    house.post("/api/speakers/expire")
    assert told() == [("list", "speakers", "done"), ("show", enrolled, "done")]


def test_what_was_refused_or_failed_is_in_the_audit_log(house, reading, examples, told, monkeypatch):
    file = {"file": ("m.flac", reading)}
    house.post(f"/api/speakers/{NOBODY}/verify", files=file)
    house.get(f"/api/speakers/{NOBODY}")
    house.request("DELETE", f"/api/speakers/{NOBODY}")
    house.post("/api/speakers/identify", files={"file": ("a.png", (examples / "tagged.png").read_bytes())})
    house.post("/api/speakers/identify", files={"file": ("a.txt", b"hello")})
    enroll(house, reading, retain_until="2001-01-01")
    enroll(house, reading, consent="")

    def broken(*_args):
        raise RuntimeError("a fault")

    monkeypatch.setattr(house.app.state.speakers.recogniser().store, "list", broken)
    assert error_of(house.get("/api/speakers"), 500)["code"] == "unexpected"
    assert told() == [
        ("verify", NOBODY, "profile_not_found"),
        ("show", NOBODY, "profile_not_found"),
        ("delete", NOBODY, "profile_not_found"),
        ("identify", "speakers", "unsupported"),
        ("identify", "speakers", "unsupported"),
        ("enroll", "speakers", "enrolment_refused"),
        ("enroll", "speakers", "bad_request"),
        ("list", "speakers", "unexpected"),
    ]


@contextmanager
def no_database(house):
    """While it lasts the database takes no entries of acts on speakers."""

    def away(*_args, **_more):
        raise OperationalError("INSERT", {}, Exception("the database is away"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speakers, "append", away)
        yield


def test_nobody_is_enrolled_whose_enrolment_cannot_be_told(house, reading, told):
    with no_database(house):
        answer = enroll(house, reading)
    assert error_of(answer, 503)["code"] == "unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    assert list(house.settings.speakers_dir.glob("*")) == []
    assert told() == []


def test_nothing_is_said_that_cannot_be_told(house, enrolled, reading):
    with no_database(house):
        for answer in (
            house.get("/api/speakers"),
            house.get(f"/api/speakers/{enrolled}"),
            house.post(f"/api/speakers/{enrolled}/verify", files={"file": ("m.flac", reading)}),
            house.post("/api/speakers/identify", files={"file": ("m.flac", reading)}),
        ):
            assert error_of(answer, 503)["code"] == "unavailable"
            assert "Speaker" not in answer.text


def test_an_enrolment_that_nobody_waits_for_is_taken_back(house, reading, monkeypatch, told):
    recogniser = house.app.state.speakers.recogniser()
    real, ended = recogniser.store.save, Event()

    def slow(profile):
        real(profile)
        time.sleep(0.4)
        ended.set()

    monkeypatch.setattr(recogniser.store, "save", slow)
    house.app.state.acts.limit_s, before = 0.2, house.app.state.acts.limit_s
    monkeypatch.setattr(recogniser, "_reader", Quick(recogniser._reader, reading))
    try:
        answer = enroll(house, reading)
    finally:
        house.app.state.acts.limit_s = before
    assert error_of(answer, 504)["code"] == "timed_out"
    assert ended.wait(10)
    until = time.monotonic() + 10
    while list(house.settings.speakers_dir.glob("*")) and time.monotonic() < until:
        time.sleep(0.02)
    assert list(house.settings.speakers_dir.glob("*")) == []
    assert told() == [("enroll", "speakers", "timed_out")]


class Quick:
    """A reader that has heard the recording before, so that time passes where the test says."""

    def __init__(self, reader, data):
        self._voice = reader.read(data, name="take-0.flac")

    def read(self, _source, *, name=None):
        return self._voice


def break_file(house, identity):
    path = house.settings.speakers_dir / f"{identity}.speaker"
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def make_outdated(house, identity):
    store = house.app.state.speakers.recogniser().store
    profile = store.load(identity)
    store.save(profile.model_copy(update={"encoder": profile.encoder.model_copy(update={"version": "0"})}))


def open_key(house, _identity):
    house.settings.speaker_key_file.chmod(0o644)


@pytest.fixture
def key_mended(house):
    yield
    house.settings.speaker_key_file.chmod(0o600)


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.parametrize(
    ("spoil", "status", "code"),
    [(break_file, 500, "profile_damaged"), (make_outdated, 409, "profile_outdated"), (open_key, 500, "profile_key")],
)
def test_callers_hear_of_no_path_and_no_command(house, enrolled, reading, key_mended, spoil, status, code):
    """Not in errors, and not where a list or an answer says why a profile was left out."""
    spoil(house, enrolled)
    file = {"file": ("m.flac", reading)}
    answers = [house.post(f"/api/speakers/{enrolled}/verify", files=file)]
    assert error_of(answers[0], status)["code"] == code
    answers += [house.get("/api/speakers"), house.post("/api/speakers/identify", files=file)]
    assert list(answers[2].json()["left_out"]) == [enrolled]
    for answer in answers:
        assert "assay speaker" not in answer.text
        assert str(house.settings.speakers_dir.parent) not in answer.text


def test_who_asks_for_nobody_hears_where_the_list_is(house, enrolled, monkeypatch):
    missing = error_of(house.get(f"/api/speakers/{NOBODY}"), 404)
    assert missing["message"] == f"There is no profile '{NOBODY}'. GET /api/speakers lists ids and names."
    store = house.app.state.speakers.recogniser().store
    monkeypatch.setattr(store, "now", lambda: datetime(2999, 1, 1, tzinfo=timezone.utc))
    expired = error_of(house.get(f"/api/speakers/{enrolled}"), 410)
    assert "POST /api/speakers/expire" in expired["message"]
    assert expired["context"]["profile"] == enrolled


def test_a_profile_lies_sealed(house, enrolled):
    (path,) = house.settings.speakers_dir.glob("*.speaker")
    assert path.stem == enrolled
    assert b"Speaker" not in path.read_bytes()


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"consent": " "}, 400, "bad_request"),
        ({"consent_by": "x" * 300}, 400, "bad_request"),
        ({"consent_on": "yesterday"}, 400, "bad_request"),
        ({"consent_on": "2999-01-01"}, 422, "enrolment_refused"),
        ({"retain_until": "20270131"}, 400, "bad_request"),
        ({"retain_until": "2001-01-01"}, 422, "enrolment_refused"),
        ({"name": "x" * 300}, 422, "enrolment_refused"),
        ({"other": "field"}, 400, "bad_request"),
    ],
)
def test_no_one_is_enrolled_without_consent_and_an_end(house, reading, fields, status, code):
    assert error_of(enroll(house, reading, **fields), status)["code"] == code
    assert house.get("/api/speakers").json()["profiles"] == []


def test_recordings_are_named_as_the_client_named_them(house, reading, examples):
    twice = error_of(enroll(house, reading, reading), 422)
    assert twice["code"] == "enrolment_refused"
    noise = error_of(enroll(house, (examples / "noise.ogg").read_bytes()), 422)
    assert "take-0.flac" in noise["message"]
    picture = error_of(enroll(house, (examples / "tagged.png").read_bytes()), 415)
    assert "take-0.flac" in picture["message"]
    assert error_of(enroll(house, b"hello"), 415)["code"] == "unsupported"
    assert error_of(house.post("/api/speakers", data=CONSENT, files={"files": ("x", b"")}), 422)["code"] == "empty"


def test_a_name_is_no_address_even_where_it_looks_like_one(house, reading):
    disguised = enroll(house, reading, name=NOBODY).json()["profile"]["id"]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/verify")):
        files = {"files": {"file": ("m.flac", reading)}} if method == "POST" else {}
        answer = house.request(method, f"/api/speakers/{NOBODY}{path}", **files)
        assert error_of(answer, 404)["code"] == "profile_not_found"
    assert error_of(house.get("/api/speakers/A. Speaker"), 422)["code"] == "bad_request"
    assert house.request("DELETE", f"/api/speakers/{disguised}").status_code == 200


def test_expired_profiles_are_removed(house, enrolled, monkeypatch):
    store = house.app.state.speakers.recogniser().store
    monkeypatch.setattr(store, "now", lambda: datetime(2999, 1, 1, tzinfo=timezone.utc))
    assert house.get("/api/speakers").json()["profiles"][0]["expired"] is True
    assert error_of(house.get(f"/api/speakers/{enrolled}"), 410)["code"] == "profile_expired"
    assert house.post("/api/speakers/expire").json() == {"deleted": [enrolled]}
    assert house.post("/api/speakers/expire").json() == {"deleted": []}


def test_the_service_removes_expired_profiles_by_itself(house, enrolled, monkeypatch):
    from assay.serve.operation import purge
    from assay.speaker.store import ProfileStore

    assert purge(house.context).speakers == 0
    later = house.app.state.speakers.recogniser().store
    monkeypatch.setattr(later, "now", lambda: datetime(2999, 1, 1, tzinfo=timezone.utc))
    monkeypatch.setattr(ProfileStore, "from_settings", classmethod(lambda cls, settings: later))
    assert purge(house.context).speakers == 1
    with house.context.database.session() as session:
        newest = session.query(AuditEntry).order_by(AuditEntry.seq.desc()).first()
        assert (newest.action, newest.target, newest.actor) == ("speaker.expire", enrolled, "retention")
    assert house.get("/api/speakers").json()["profiles"] == []


def test_an_act_that_takes_too_long_is_stopped(house, enrolled, reading, monkeypatch):
    from assay.errors import Stopped
    from assay.stopping import check_stop

    ended = []

    def slow(source, who, *, name=None):
        import time

        try:
            for _ in range(200):
                time.sleep(0.02)
                check_stop()
        except Stopped:
            ended.append(True)
            raise

    recogniser = house.app.state.speakers.recogniser()
    monkeypatch.setattr(recogniser, "verify", slow)
    monkeypatch.setattr(house.app.state.acts, "limit_s", 0.2)
    answer = house.post(f"/api/speakers/{enrolled}/verify", files={"file": ("m.flac", reading)})
    assert error_of(answer, 504)["code"] == "timed_out"
    house.run(asyncio.sleep(0.2))
    assert ended == [True]


def test_the_examples_of_the_page_run(house):
    examples = curls.examples("speaker.md")
    assert len(examples) == 7
    identity = ""
    for example in examples:
        answer = curls.run(house, example.replace("$ID", identity))
        assert answer.status_code == (201 if "consent=" in example else 200), answer.text
        identity = identity or answer.json()["profile"]["id"]
    assert house.get("/api/speakers").json()["profiles"] == []
