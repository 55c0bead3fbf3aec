"""Explanations and reports over REST."""

import pytest
from forms import error_of

from assay.serve.operation.audit import AuditEntry


@pytest.mark.parametrize("name", ["vocoded.wav", "twice-saved.jpg"])
def test_an_explanation_is_of_the_file_that_was_sent(service, examples, name):
    answer = service.post("/api/explain", files={"file": (name, (examples / name).read_bytes())})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["media"] == ("audio" if name.endswith("wav") else "image")
    assert told["method"] == "occlusion"
    assert told["saliency"]
    assert told["sentences"]


def test_what_holds_no_speech_is_explained_by_words_alone(service, examples):
    told = service.post("/api/explain", files={"file": ("n.ogg", (examples / "noise.ogg").read_bytes())}).json()
    assert told["saliency"] == []
    assert told["sentences"]


@pytest.mark.parametrize(("form", "begin"), [("pdf", b"%PDF"), ("html", b"<!doctype html"), ("", b"%PDF")])
def test_a_report_comes_in_the_form_that_was_asked_for(service, examples, form, begin):
    if form != "html":
        pytest.importorskip("reportlab", reason="needs the extra 'report'")
    data = (examples / "human.wav").read_bytes()
    answer = service.post("/api/report", files={"file": ("it's <b>.wav", data)}, data={"format": form} if form else {})
    assert answer.status_code == 200, answer.text
    assert answer.content.lower().startswith(begin.lower())
    assert answer.headers["content-disposition"].startswith('attachment; filename="assay-')
    assert answer.headers["content-disposition"].endswith(f'.{form or "pdf"}"')
    assert form != "html" or b"<b>.wav" not in answer.content


def test_a_report_may_hold_an_explanation_and_is_audited(service, examples):
    data = (examples / "vocoded.wav").read_bytes()
    plain, explained = (
        service.post("/api/report", files={"file": ("v.wav", data)}, data={"format": "html", "explain": explain})
        for explain in ("false", "true")
    )
    assert len(explained.content) > len(plain.content)
    with service.context.database.session() as session:
        newest = session.query(AuditEntry).order_by(AuditEntry.seq.desc()).first()
        assert (newest.action, newest.detail) == ("report", '{"format": "html"}')


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("report", {"format": "docx"}, 400),
        ("report", {"explain": "perhaps"}, 400),
        ("report", {"num_frames": "0"}, 422),
        ("explain", {"format": "pdf"}, 400),
        ("explain", {"confidence_threshold": "2"}, 422),
    ],
)
def test_wrong_fields_are_refused(service, examples, path, fields, status):
    files = {"file": ("h.wav", (examples / "human.wav").read_bytes())}
    error_of(service.post(f"/api/{path}", files=files, data=fields), status)


@pytest.mark.parametrize("path", ["report", "explain"])
def test_what_cannot_be_scanned_is_an_error_of_its_own(service, path):
    assert error_of(service.post(f"/api/{path}", files={"file": ("x.wav", b"hello")}), 415)["code"] == "unsupported"
