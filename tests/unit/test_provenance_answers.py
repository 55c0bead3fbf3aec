"""The library's answer is taken for nothing: what it should never say must do no harm either."""

import json
import sys

import pytest

from assay.provenance import guard, read_provenance, reader
from assay.provenance.answers import provenance
from assay.provenance.words import failure

BARE = {"active_manifest": "m", "manifests": {"m": {"label": "m"}}, "validation_state": "Valid"}


def told(report, details=None, anchors_given=True):
    texts = json.dumps(report), json.dumps(details or {})
    return provenance(*texts, anchors_given=anchors_given, library="0")


def failing(*codes):
    return {"activeManifest": {"failure": [{"code": code} for code in codes]}}


def test_a_bare_report_is_a_valid_one_by_nobody():
    found = told(BARE)
    assert (found.state, found.signer, found.actions) == ("valid", None, ())
    assert "an unnamed signer" in found.findings[0]


def test_nothing_is_trusted_without_anchors_whatever_the_library_says():
    report = BARE | {"validation_state": "Trusted"}
    assert told(report).state == "trusted"
    assert told(report, anchors_given=False).state == "valid"


def test_a_failure_counts_even_if_the_library_calls_the_file_valid():
    found = told(BARE | {"validation_results": failing("assertion.dataHash.mismatch")})
    assert (found.state, found.failures[0].where) == ("invalid", "content")


def test_a_certificate_that_no_anchor_vouches_for_is_no_failure():
    found = told(BARE | {"validation_results": failing("signingCredential.untrusted")})
    assert (found.state, found.failures) == ("valid", ())


@pytest.mark.parametrize(
    "report",
    [
        [],
        {},
        BARE | {"validation_state": "Splendid"},
        BARE | {"active_manifest": "other"},
        BARE | {"manifests": []},
    ],
)
def test_a_report_of_another_shape_is_none(report):
    assert told(report) is None


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "nul"])
def test_a_report_that_is_no_json_is_none(text):
    assert provenance(text, "{}", anchors_given=True, library="0") is None
    assert provenance(json.dumps(BARE), text, anchors_given=True, library="0") is None


@pytest.mark.parametrize("odd", [None, 1, "text", [], {}, [1, "a", None, [[]]], {"a": 1}])
def test_fields_of_another_type_are_passed_over(odd):
    names = ("title", "assertions", "ingredients", "signature_info", "claim_generator_info", "claim_generator")
    active = dict.fromkeys(names, odd)
    report = BARE | {"manifests": {"m": active, "other": odd}, "validation_results": odd}
    details = {"manifests": [{"label": "m", "signature": {"certificateInfo": odd, "timeStampInfo": odd}}]}
    assert told(report, details).state == "valid"
    active["assertions"] = [{"label": "c2pa.actions", "data": {"actions": [{"action": odd, "softwareAgent": odd}]}}]
    active["ingredients"] = [{"title": odd, "validation_results": odd, "active_manifest": odd, "label": odd}]
    assert len(told(report, details).actions) == 1


def test_source_types_are_found_at_a_depth_that_recursion_would_not_reach():
    deep = {"digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"}
    for _ in range(300):
        deep = {"a": [deep]}
    active = {"assertions": [{"label": "org.example", "data": deep}]}
    limit = sys.getrecursionlimit()
    found = told(BARE | {"manifests": {"m": active}})
    assert found.declares_ai
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize(
    ("code", "where"),
    [
        ("assertion.bmffHash.mismatch", "content"),
        ("assertion.action.malformed", "assertion"),
        ("assertion.unheardOf", "assertion"),
        ("claim.missing", "claim"),
        ("claimSignature.mismatch", "signature"),
        ("claimSignature.unheardOf", "signature"),
        ("signingCredential.ocsp.revoked", "certificate"),
        ("timeStamp.mismatch", "time_stamp"),
        ("ingredient.manifest.mismatch", "ingredient"),
        ("unheardOf", "manifest"),
    ],
)
def test_the_longest_fitting_beginning_of_a_code_says_what_it_is_about(code, where):
    told = failure(code, None)
    assert (told.where, told.code) == (where, code)
    assert told.words.endswith(".")


def test_an_answer_that_is_no_object_is_a_crash(monkeypatch, tmp_path):
    (tmp_path / "child.py").write_text("print('[1]')")
    monkeypatch.setattr(guard, "_CHILD", tmp_path / "child.py")
    assert guard.ask(b"", "image/jpeg", None)["error"] == "crash"


def test_no_interpreter_is_a_failure_that_is_told(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert guard.ask(b"", "image/jpeg", None)["error"] == "library"


def test_without_the_library_files_are_absent_or_say_what_to_install(monkeypatch):
    monkeypatch.setattr(reader, "find_spec", lambda _: None)
    assert read_provenance(b"\xff\xd8\xff picture").state == "absent"
    found = read_provenance(b"\xff\xd8\xff picture" + reader.STORE)
    assert (found.state, found.reason) == ("unreadable", "missing_extra")
    assert "pip install 'assay[provenance]'" in found.findings[1]
