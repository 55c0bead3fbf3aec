"""Content Credentials: who vouches, trusted or not, altered or not. Signed, altered and broken here."""

import contextlib
import datetime
import http.server
import io
import json
import os
import subprocess
import sys
import threading
import time
import typing
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

import assay
from assay.credentials import Reason, State
from assay.errors import SettingsError
from assay.provenance import Provenance, guard, read_provenance, reader

c2pa = pytest.importorskip("c2pa", reason="needs the extra 'provenance'")
pytest.importorskip("cryptography")

import provenance_chain as chain  # noqa: E402
from provenance_clock import clock  # noqa: E402

ANCHOR = chain.ROOT.pem
AI = f"{chain.SOURCE}trainedAlgorithmicMedia"
PARENT = {"title": "parent.jpg", "relationship": "parentOf", "label": "parent"}
OPENED = [
    {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parent"]}},
    {"action": "c2pa.edited", "softwareAgent": {"name": "an editor"}, "when": "2026-11-01T10:00:00Z"},
]


@pytest.fixture(scope="module")
def plain():
    return chain.picture()


@pytest.fixture(scope="module")
def signed(plain):
    return chain.sign(plain, "image/jpeg")


def said(found, words):
    return any(words in sentence for sentence in found.findings)


@pytest.mark.parametrize("kind", chain.MIMES)
def test_a_signed_file_is_trusted_with_its_root_and_invalid_once_its_content_is_altered(kind):
    original = chain.media(kind)
    signed = chain.sign(original, chain.MIMES[kind])
    found = read_provenance(signed, trust_anchors=ANCHOR)
    assert (found.state, found.present, found.failures) == ("trusted", True, ())
    altered = read_provenance(chain.alter(signed, original), trust_anchors=ANCHOR)
    assert altered.state == "invalid"
    assert {failure.where for failure in altered.failures} == {"content"}
    assert said(altered, "The file was altered after signing")
    assert read_provenance(original) == read_provenance(b"")


def test_the_kind_may_be_given_by_name_or_as_a_mime_type(signed):
    told = {read_provenance(signed, kind, trust_anchors=ANCHOR) for kind in (None, "jpeg", "image/jpeg")}
    assert len(told) == 1


def test_the_signer_is_named_from_the_certificate(signed):
    signer = read_provenance(signed).signer
    assert (signer.common_name, signer.organisation) == ("Test Signer", "Assay tests")
    assert signer.issuer == "Test Intermediate, Assay tests"
    assert int(signer.serial, 16) == chain.SIGNER.certificate.serial_number
    assert datetime.datetime.fromisoformat(signer.not_after) == chain.SIGNER.certificate.not_valid_after_utc
    assert (signer.algorithm, signer.signed_at, signer.self_issued) == ("es256", None, False)


def test_what_the_signer_declares_is_told(signed):
    found = read_provenance(signed)
    assert (found.title, found.claim_generator) == ("a title", "test-camera 1.2")
    (action,) = found.actions
    assert (action.name, action.source_type) == ("c2pa.created", "digitalCapture")
    assert (found.source_types, found.declares_ai) == (("digitalCapture",), False)
    assert found.library == c2pa.__version__


def test_without_anchors_a_signature_is_valid_and_nobody_is_trusted(signed):
    found = read_provenance(signed)
    assert found.state == "valid"
    assert said(found, "No trust anchors were given")
    assert said(found, "not that what it shows or says is true")


def test_an_anchor_of_somebody_else_trusts_nobody(signed):
    other = chain.Certificate("Test Root", authority=True)  # the same name, another key
    found = read_provenance(signed, trust_anchors=other.pem)
    assert found.state == "valid"
    assert said(found, "may be anybody's")


def test_several_anchors_with_remarks_between_them_are_read(signed):
    other = chain.Certificate("Other Root", authority=True)
    assert read_provenance(signed, trust_anchors=other.pem + b"\n## ours\n" + ANCHOR).state == "trusted"


def test_a_self_signed_certificate_proves_integrity_only(plain):
    own = chain.Certificate("Reuters")
    data = chain.sign(plain, "image/jpeg", chain=(own,))
    found = read_provenance(data, trust_anchors=ANCHOR)
    assert (found.state, found.signer.common_name, found.signer.self_issued) == ("valid", "Reuters", True)
    assert said(found, "integrity only")
    assert read_provenance(chain.alter(data, plain)).state == "invalid"


def test_an_altered_statement_is_named(signed):
    at = signed.index(b"digitalCapture")
    found = read_provenance(chain.flip(signed, at), trust_anchors=ANCHOR)
    assert found.state == "invalid"
    (failure,) = found.failures
    assert (failure.where, failure.part) == ("assertion", "c2pa.actions.v2")
    assert said(found, "must not be relied on")
    assert not said(found, "holds")


def test_an_altered_claim_breaks_the_signature(signed):
    at = signed.index(b"a title")
    found = read_provenance(chain.flip(signed, at), trust_anchors=ANCHOR)
    assert (found.state, [each.code for each in found.failures]) == ("invalid", ["claimSignature.mismatch"])
    assert found.failures[0].where == "signature"


def test_another_name_in_the_certificate_is_neither_trusted_nor_valid(signed):
    at = signed.index(b"Test Signer")
    assert read_provenance(chain.flip(signed, at), trust_anchors=ANCHOR).state == "invalid"


def test_appended_bytes_are_an_alteration(signed):
    found = read_provenance(signed + b"more", trust_anchors=ANCHOR)
    assert (found.state, found.failures[0].where) == ("invalid", "content")


def test_a_file_cut_off_in_its_credentials_is_unreadable_and_later_it_is_altered(signed):
    inside = read_provenance(signed[: signed.index(b"a title")])
    assert (inside.state, inside.reason, inside.present) == ("unreadable", "damaged", True)
    behind = read_provenance(signed[:-300])
    assert (behind.state, behind.failures[0].where) == ("invalid", "content")


def test_saving_again_strips_the_credentials_and_that_proves_nothing(signed):
    again = io.BytesIO()
    Image.open(io.BytesIO(signed)).save(again, "JPEG")
    found = read_provenance(again.getvalue(), trust_anchors=ANCHOR)
    assert (found.state, found.present, found.signer) == ("absent", False, None)
    assert said(found, "proves nothing")


def test_credentials_of_another_picture_do_not_fit(signed, plain):
    other = chain.picture(seed=1)
    start = signed.index(b"\xff\xeb")  # APP11
    end = start + 2 + int.from_bytes(signed[start + 2 : start + 4], "big")
    found = read_provenance(other[:20] + signed[start:end] + other[20:], trust_anchors=ANCHOR)
    assert (found.state, found.failures[0].where) == ("invalid", "content")


HOUR_AGO = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(hours=1)


def test_a_time_stamp_tells_when_it_was_signed_and_is_trusted_with_its_root(plain):
    with clock(chain.CLOCK, HOUR_AGO) as address:
        data = chain.sign(plain, "image/jpeg", clock=address)
    signer = read_provenance(data, trust_anchors=ANCHOR).signer
    assert datetime.datetime.fromisoformat(signer.signed_at) == HOUR_AGO
    assert (signer.time_authority, signer.time_trusted) == ("Test Clock", True)
    found = read_provenance(data)
    assert (found.state, found.signer.time_trusted) == ("valid", False)
    assert said(found, "nothing vouches for Test Clock")


def test_an_altered_time_stamp_tells_no_time(plain):
    with clock(chain.CLOCK, HOUR_AGO) as address:
        data = chain.sign(plain, "image/jpeg", clock=address)
    stamp = HOUR_AGO.strftime("%Y%m%d%H%M%SZ").encode()
    earlier = HOUR_AGO.replace(year=2020).strftime("%Y%m%d%H%M%SZ").encode()
    found = read_provenance(data.replace(stamp, earlier), trust_anchors=ANCHOR)
    assert found.state != "absent"
    assert found.signer.signed_at is None
    assert found.signer.time_trusted is None


@pytest.fixture(scope="module")
def outlived(plain):
    """Signed with a certificate that has expired since: without a time stamp, by a trusted clock, by one's own."""
    now = datetime.datetime.now(datetime.timezone.utc)
    # Nobody signs with a certificate that has expired already, so this one is outlived.
    end = now.replace(microsecond=0) + datetime.timedelta(seconds=4)
    brief = chain.Certificate("Brief Signer", chain.INTERMEDIATE, valid=(now - datetime.timedelta(days=1), end))
    pair = (brief, chain.INTERMEDIATE)
    files = {"none": chain.sign(plain, "image/jpeg", chain=pair)}
    own = chain.Certificate("My Clock", purpose=chain.CLOCK_PURPOSE)
    for name, authority in (("trusted", chain.CLOCK), ("own", own)):
        with clock(authority, HOUR_AGO) as address:
            files[name] = chain.sign(plain, "image/jpeg", chain=pair, clock=address)
    time.sleep(max((end - datetime.datetime.now(datetime.timezone.utc)).total_seconds(), 0) + 1.1)
    return files


@pytest.mark.parametrize("stamp", ["none", "own"])  # one's own clock says whatever suits
def test_an_expired_certificate_without_a_trusted_time_stamp_is_invalid(outlived, stamp):
    found = read_provenance(outlived[stamp], trust_anchors=ANCHOR)
    assert (found.state, [each.code for each in found.failures]) == ("invalid", ["signingCredential.expired"])
    assert said(found, "has expired")


def test_an_expired_certificate_is_good_for_what_a_trusted_clock_saw_earlier(outlived):
    assert read_provenance(outlived["trusted"], trust_anchors=ANCHOR).state == "trusted"


def test_a_declaration_of_generative_models_is_found(plain):
    data = chain.sign(
        plain, "image/jpeg", chain.manifest(actions=[{"action": "c2pa.created", "digitalSourceType": AI}])
    )
    found = read_provenance(data, trust_anchors=ANCHOR)
    assert (found.declares_ai, found.source_types) == (True, ("trainedAlgorithmicMedia",))
    assert said(found, "made by a trained model")


def test_a_declaration_in_another_assertion_than_actions_is_found(plain):
    what = chain.manifest()
    where = {
        "label": "org.example.thing",
        "data": {"a": [{"digitalSourceType": AI.replace("trained", "compositeWithTrained")}]},
    }
    what["assertions"].append(where)
    found = read_provenance(chain.sign(plain, "image/jpeg", what))
    assert found.declares_ai
    assert "compositeWithTrainedAlgorithmicMedia" in found.source_types


def edited(parent, plain, **more):
    ingredients = [(PARENT, "image/jpeg", parent)]
    return chain.sign(plain, "image/jpeg", chain.manifest("edited", OPENED), ingredients=ingredients, **more)


@pytest.fixture(scope="module")
def second():
    return chain.picture(seed=2)


def test_an_edited_file_tells_what_it_was_made_from(second, plain):
    made = chain.manifest("made", [{"action": "c2pa.created", "digitalSourceType": AI}])
    found = read_provenance(edited(chain.sign(plain, "image/jpeg", made), second), trust_anchors=ANCHOR)
    assert (found.state, found.title) == ("trusted", "edited")
    (parent,) = found.ingredients
    assert (parent.title, parent.relationship, parent.state) == ("parent.jpg", "parentOf", "trusted")
    assert (parent.signer, parent.failures) == ("Test Signer", ())
    assert [action.name for action in found.actions] == ["c2pa.opened", "c2pa.edited"]
    assert (found.actions[1].software, found.actions[1].when) == ("an editor", "2026-11-01T10:00:00Z")
    assert found.declares_ai  # of the ingredient


def test_an_ingredient_is_trusted_by_the_anchors_of_the_caller_not_of_its_adder(second, signed):
    other = chain.Certificate("Other Root", authority=True)
    data = edited(signed, second, trusts=ANCHOR)
    states = [read_provenance(data, trust_anchors=given).ingredients[0].state for given in (ANCHOR, other.pem, None)]
    assert states == ["trusted", "valid", "valid"]
    assert read_provenance(edited(signed, second)).ingredients[0].state == "valid"


def test_what_is_wrong_with_an_ingredient_of_an_ingredient_is_not_told_of_the_wrong_one(second, plain):
    inner = chain.sign(plain, "image/jpeg", chain.manifest("inner title"))
    twice = edited(edited(inner, second), chain.picture(seed=3))
    assert read_provenance(twice, trust_anchors=ANCHOR).ingredients[0].state == "trusted"
    found = read_provenance(chain.flip(twice, twice.index(b"inner title")), trust_anchors=ANCHOR)
    assert (found.state, found.ingredients[0].signer) == ("invalid", "Test Signer")
    assert {failure.where for failure in found.failures} & {"ingredient", "signature", "claim"}


def test_an_ingredient_that_was_altered_before_it_was_added_is_told(second, signed, plain):
    found = read_provenance(edited(chain.alter(signed, plain), second), trust_anchors=ANCHOR)
    (parent,) = found.ingredients
    assert (parent.state, parent.failures[0].where) == ("invalid", "content")
    assert found.state == "trusted"  # the edited file itself is as its signer left it
    assert said(found, "Ingredient 'parent.jpg': The file was altered")


def test_an_ingredient_without_credentials_is_absent(second, plain):
    found = read_provenance(edited(plain, second), trust_anchors=ANCHOR)
    assert [each.state for each in found.ingredients] == ["absent"]
    assert said(found, "came without Content Credentials")


def test_credentials_of_an_ingredient_altered_afterwards_are_told(second, plain):
    inner = chain.sign(plain, "image/jpeg", chain.manifest("inner title"))
    data = edited(inner, second)
    found = read_provenance(chain.flip(data, data.index(b"inner title")), trust_anchors=ANCHOR)
    assert found.state == "invalid"
    assert found.ingredients[0].state == "invalid"
    assert found.failures


@pytest.mark.parametrize("kind", [kind for kind in chain.MIMES if kind != "gif"])
def test_a_manifest_that_is_only_referred_to_is_not_fetched(kind):
    data = chain.sign(chain.media(kind), chain.MIMES[kind], remote="https://example.org/m.c2pa", embed=False)
    found = read_provenance(data)
    assert (found.state, found.reason, found.present) == ("unreadable", "remote_only", False)
    assert found.remote_url == "https://example.org/m.c2pa"
    assert said(found, "not fetched")


def test_a_mention_before_the_packet_hides_no_address(plain):
    data = chain.sign(plain, "image/jpeg", remote="https://example.org/m.c2pa", embed=False)
    words = b"dcterms:provenance <rdf:RDF"
    comment = b"\xff\xfe" + (len(words) + 2).to_bytes(2, "big") + words
    assert read_provenance(data[:2] + comment + data[2:]).reason == "remote_only"


def test_the_brand_of_an_mp4_is_outside_its_hash():  # a limit that the page states; C2PA leaves ftyp out
    data = chain.sign(chain.media("mp4"), "video/mp4")
    at = data.index(b"ftyp") + 12
    assert read_provenance(chain.flip(data, at), trust_anchors=ANCHOR).state == "trusted"


def test_an_address_beside_an_embedded_manifest_is_told_and_the_manifest_read(plain):
    data = chain.sign(plain, "image/jpeg", remote="https://example.org/m.c2pa")
    found = read_provenance(data, trust_anchors=ANCHOR)
    assert (found.state, found.remote_url) == ("trusted", "https://example.org/m.c2pa")


@pytest.fixture
def server():
    """A server that counts who calls."""
    calls = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            calls.append(self.path)
            self.send_error(404)

        do_POST = do_GET

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as place:
        threading.Thread(target=place.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{place.server_port}", calls
        place.shutdown()


def test_nothing_is_asked_over_the_network(plain, server):
    address, calls = server
    asks = chain.Certificate("Test Signer", chain.INTERMEDIATE, ocsp=address)
    with_ocsp = chain.sign(plain, "image/jpeg", chain=(asks, chain.INTERMEDIATE), remote=f"{address}/m.c2pa")
    referring = chain.sign(plain, "image/jpeg", remote=f"{address}/m.c2pa", embed=False)
    assert read_provenance(with_ocsp, trust_anchors=ANCHOR).state == "trusted"
    assert read_provenance(referring).reason == "remote_only"
    assert guard.ask(referring, "image/jpeg", None)["error"] == "damaged"  # the library, asked all the same
    assert calls == []
    # The same files do call when the library is let.
    let = {"verify": {"ocsp_fetch": True, "remote_manifest_fetch": True}}
    for number, data in enumerate((with_ocsp, referring), 1):
        with c2pa.Context.from_dict(let) as context, contextlib.suppress(c2pa.C2paError):
            c2pa.Reader("image/jpeg", io.BytesIO(data), context=context).close()
        assert len(calls) == number
    assert calls[1] == "/m.c2pa"


def no_library(*_):
    raise AssertionError("the library was asked")


def test_the_word_c2pa_is_no_credential_and_the_library_is_not_asked(monkeypatch):
    monkeypatch.setattr(guard, "ask", no_library)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("comment", "c2pa c2pa.signature jumbf dcterms:provenance='https://example.org'")
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=texts)
    found = read_provenance(buffer.getvalue())
    assert (found.state, found.remote_url) == ("absent", None)


def test_the_mark_of_a_store_outside_its_place_is_no_credential(plain, signed):
    start = signed.index(chain.STORE) - 16
    found = read_provenance(plain + signed[start : start + 2_000])
    assert (found.state, found.reason) == ("unreadable", "misplaced")


def test_credentials_in_a_kind_that_cannot_hold_them_are_unsupported(signed):
    found = read_provenance(b"just text " + chain.STORE)
    assert (found.state, found.reason) == ("unreadable", "unsupported")
    assert said(found, "jpeg, png")
    assert read_provenance(signed, "ogg") == found  # a name of ours, of a kind that the library does not read


def test_without_the_extra_a_scan_goes_on_and_is_told_what_to_install(signed, plain, monkeypatch):
    monkeypatch.setattr(reader, "find_spec", lambda _: None)
    monkeypatch.setattr(guard, "ask", no_library)
    found = read_provenance(signed)
    assert (found.state, found.reason, found.present) == ("unreadable", "missing_extra", True)
    assert said(found, "pip install 'assay[provenance]'")
    assert read_provenance(plain).state == "absent"


def test_reading_loads_the_library_in_no_process_of_the_callers(signed, tmp_path):
    (tmp_path / "signed.jpg").write_bytes(signed)
    code = (
        "import sys, assay.provenance as p; "
        "print(p.read_provenance(open('signed.jpg', 'rb').read()).state, 'c2pa' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(assay.__file__).parents[1])}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["valid", "False"]


def test_a_module_in_the_working_folder_is_not_run(signed, tmp_path, monkeypatch):
    (tmp_path / "c2pa.py").write_text("open('run', 'w').close()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    assert read_provenance(signed).state == "valid"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("anchors", "words"),
    [
        (b"\xff\xfe", "not text"),
        (b"", "hold no PEM certificate"),
        (b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----", "1 of 1"),
        (ANCHOR + ANCHOR.replace(b"MII", b"AAA", 1), "2 of 2"),
        (b"-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----", "1 of 1"),  # a byte too many
    ],
)
def test_anchors_that_are_none_are_refused(signed, anchors, words):
    with pytest.raises(SettingsError, match=words):
        read_provenance(signed, trust_anchors=anchors)


def test_a_library_that_takes_too_long_is_given_up(signed, monkeypatch, tmp_path):
    (tmp_path / "child.py").write_text("import time; time.sleep(60)")
    monkeypatch.setattr(guard, "_CHILD", tmp_path / "child.py")
    monkeypatch.setattr(guard, "TIMEOUT_S", 0.5)
    began = time.monotonic()
    assert read_provenance(signed).reason == "took_too_long"
    assert time.monotonic() - began < 30


def test_a_library_that_aborts_takes_nothing_down(signed, monkeypatch, tmp_path):
    (tmp_path / "child.py").write_text("import os, sys; sys.stdin.buffer.read(); os.abort()")
    monkeypatch.setattr(guard, "_CHILD", tmp_path / "child.py")
    found = read_provenance(signed)
    assert (found.state, found.reason) == ("unreadable", "library_failed")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_memory_is_limited(signed, monkeypatch):
    monkeypatch.setattr(guard, "MEMORY_BYTES", 2**20)
    monkeypatch.setattr(guard, "COPIES", 0)
    assert read_provenance(signed).reason == "library_failed"


def test_texts_out_of_a_manifest_are_cut_and_hold_no_control_characters(plain):
    title = "red \x1b[31m left \u202e" + "x" * 5_000
    found = read_provenance(chain.sign(plain, "image/jpeg", chain.manifest(title)))
    assert found.title.startswith("red  [31m left")
    assert len(found.title) <= 300
    assert found.title.isprintable()


def test_many_actions_are_cut_and_counted(plain):
    steps = [{"action": "c2pa.created", "digitalSourceType": AI}, *({"action": "c2pa.edited"} for _ in range(149))]
    found = read_provenance(chain.sign(plain, "image/jpeg", chain.manifest(actions=steps)))
    assert len(found.actions) == 100
    assert said(found, "50 further entries")


def test_the_page_shows_what_is_told_and_names_every_state_and_reason(plain):
    page = (Path(__file__).parents[2] / "docs" / "provenance.md").read_text(encoding="utf-8")
    made = chain.manifest("A generated picture", [{"action": "c2pa.created", "digitalSourceType": AI}])
    data = chain.sign(plain, "image/jpeg", made)
    for file in (data, chain.alter(data, plain)):
        found = read_provenance(file, trust_anchors=ANCHOR)
        shown = "\n".join([f"state: {found.state}", *(f"- {sentence}" for sentence in found.findings)])
        assert f"```text\n{shown}\n```" in page
    for word in (*typing.get_args(State), *typing.get_args(Reason)):
        assert f"| `{word}` |" in page


def test_the_result_survives_json(signed):
    found = read_provenance(signed, trust_anchors=ANCHOR)
    assert Provenance.model_validate_json(found.model_dump_json()) == found
    assert json.loads(found.model_dump_json())["state"] == "trusted"
