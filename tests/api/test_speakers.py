"""Speakers over REST, with the real encoder and the real detector."""

import asyncio

import curls
import pytest
from forms import error_of

pytest.importorskip("cryptography", reason="needs the extra 'speaker'")

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
    from datetime import datetime, timezone

    store = house.app.state.speakers.recogniser().store
    monkeypatch.setattr(store, "now", lambda: datetime(2999, 1, 1, tzinfo=timezone.utc))
    assert house.get("/api/speakers").json()["profiles"][0]["expired"] is True
    assert error_of(house.get(f"/api/speakers/{enrolled}"), 410)["code"] == "profile_expired"
    assert house.post("/api/speakers/expire").json() == {"deleted": [enrolled]}
    assert house.post("/api/speakers/expire").json() == {"deleted": []}


def test_the_service_removes_expired_profiles_by_itself(house, enrolled, monkeypatch):
    from datetime import datetime, timezone

    from assay.serve.operation import purge
    from assay.speaker.store import ProfileStore

    assert purge(house.context).speakers == 0
    later = house.app.state.speakers.recogniser().store
    monkeypatch.setattr(later, "now", lambda: datetime(2999, 1, 1, tzinfo=timezone.utc))
    monkeypatch.setattr(ProfileStore, "from_settings", classmethod(lambda cls, settings: later))
    assert purge(house.context).speakers == 1
    assert house.get("/api/speakers").json()["profiles"] == []
    with house.context.database.session() as session:
        newest = session.query(AuditEntry).order_by(AuditEntry.seq.desc()).first()
        assert (newest.action, newest.target, newest.actor) == ("speaker.expire", enrolled, "retention")


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
