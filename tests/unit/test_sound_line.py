"""What the file of a recording shows stands beside its score: evidence, Content Credentials, declared generators."""

import io
import re

import forensic_sounds as made
import numpy as np
import pytest

from assay import Detector, ScanResult
from assay.evidence import declares_generator
from assay.forensics import sound
from assay.forensics.trace import Trace
from assay.media.source import open_bytes
from assay.provenance import Provenance, guard, read_provenance
from assay.provenance.reader import STORE
from assay.report.text import describe
from assay.settings import Settings

pytest.importorskip("c2pa", reason="needs the extra 'provenance'")
pytest.importorskip("cryptography")

import provenance_chain as chain

SIGNED = ("wav", "mp3", "m4a", "flac")
GENERATED = [{"action": "c2pa.created", "digitalSourceType": f"{chain.SOURCE}trainedAlgorithmicMedia"}]
LARGE = 2**24 + 2**20  # bytes; more than what is held in memory


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    anchors = tmp_path_factory.mktemp("anchors") / "root.pem"
    anchors.write_bytes(chain.ROOT.pem)
    return Detector(jobs=1, trust_anchors=anchors)


@pytest.fixture(scope="module")
def human(examples):
    return (examples / "human.wav").read_bytes()


def codes(result):
    return [reason.code for reason in result.reasons]


def named(result, name):
    return next(each for each in result.evidence if each.name == name)


def with_tag(data, **texts):
    """A WAV file with an INFO list behind its sound."""
    longer = data + made.info(**texts)
    return longer[:4] + (len(longer) - 8).to_bytes(4, "little") + longer[8:]


def test_a_plain_recording_has_evidence_and_no_credentials(detector, human):
    found = detector.scan(human)
    assert [each.name for each in found.evidence] == ["container_layout"]
    assert (found.provenance.state, found.provenance.present) == ("absent", False)
    assert {"forensics", "provenance"} <= set(found.timings_ms)
    assert ScanResult.model_validate_json(found.model_dump_json()) == found


def test_an_array_has_neither(detector, speech):
    found = detector.scan(speech)
    assert (found.evidence, found.provenance) == ((), None)


def test_a_tag_moves_no_score(detector, human):
    plain, tagged = detector.scan(human), detector.scan(with_tag(human, ISFT="Lavf60.16.100"))
    assert (plain.verdict, plain.llr) == (tagged.verdict, tagged.llr)
    assert named(tagged, "encoder").measured["program"] == "FFmpeg"


def test_a_recording_that_names_its_generator_is_not_called_clean(detector, human):
    plain = detector.scan(human)
    found = detector.scan(with_tag(human, ICMT="Generated with ElevenLabs"))
    assert plain.verdict == "bona_fide"
    assert (found.verdict, codes(found)) == ("inconclusive", ["declared_synthetic"])
    assert (found.llr, found.interval, found.segments) == (plain.llr, plain.interval, plain.segments)
    assert "generator tag (ElevenLabs)" in describe(found)


def test_a_declaration_does_not_weaken_a_verdict(detector, examples):
    plain = (examples / "espeak.wav").read_bytes()
    found = detector.scan(with_tag(plain, ISFT="eSpeak NG"))
    assert (found.verdict, codes(found)) == ("spoof", ["above_threshold"])


def test_a_label_of_doubt_is_evidence_and_no_declaration(detector, human):
    label = made.id3(made.frame("TXXX", b'\x03AIGC\x00{"Label":"2"}'))
    longer = human + made.chunk(b"id3 ", label)
    found = detector.scan(longer[:4] + (len(longer) - 8).to_bytes(4, "little") + longer[8:])
    assert found.verdict == "bona_fide"
    assert named(found, "generator_tag").strength < 0.5


@pytest.mark.parametrize("kind", SIGNED)
def test_signed_and_tampered_recordings_are_told(detector, kind):
    original = chain.media(kind)
    signed = chain.sign(original, chain.MIMES[kind])
    found = detector.scan(signed)
    assert found.provenance.state == "trusted"
    assert found.provenance.signer.common_name == "Test Signer"
    assert named(found, "c2pa_present").measured["bytes"] > 1_000
    altered = detector.scan(chain.alter(signed, original)).provenance
    assert altered.state == "invalid"
    assert altered.failures[0].where == "content"


def test_credentials_that_declare_a_generator_count_like_a_tag(detector, human):
    signed = chain.sign(human, "audio/wav", chain.manifest(actions=GENERATED))
    found = detector.scan(signed)
    assert found.provenance.declares_ai
    assert (found.verdict, codes(found)) == ("inconclusive", ["declared_synthetic"])
    captured = detector.scan(chain.sign(human, "audio/wav"))
    assert captured.verdict == "bona_fide"


def test_credentials_that_declare_a_generator_count_in_pictures_too(detector, examples):
    plain = chain.picture()
    signed = chain.sign(plain, "image/jpeg", chain.manifest(actions=GENERATED))
    assert detector.scan(signed).provenance.declares_ai  # this picture is too small for a verdict
    trace = Trace(name="generator_tag", measured={}, strength=1.0, note="")
    assert declares_generator([], Provenance(present=True, state="valid", declares_ai=True))
    assert declares_generator([trace], None)
    assert not declares_generator([trace.model_copy(update={"strength": 0.25})], Provenance())


def test_no_process_is_started_without_credentials(detector, human, monkeypatch):
    def never(*_):
        raise AssertionError("the library was asked")

    monkeypatch.setattr(guard, "ask", never)
    assert detector.scan(human).provenance.state == "absent"
    assert detector.scan(human + b"the word c2pa").provenance.state == "absent"


def test_path_bytes_and_stream_give_one_answer(detector, tmp_path):
    data = chain.sign(chain.media("wav"), "audio/wav")
    path = tmp_path / "signed.wav"
    path.write_bytes(data)
    found = [detector.scan(source) for source in (path, data, io.BytesIO(data))]
    assert len({(one.evidence[0].text, one.provenance.state, one.sha256) for one in found}) == 1


@pytest.fixture(scope="module")
def large():
    """A signed WAV of nine minutes that stays on disk."""
    samples = np.tile(made.noise(8), 68)
    data = chain.sign(made.wav(made.info(ISFT="Lavf60"), samples=samples), "audio/wav")
    assert len(data) > LARGE - 2**19
    return data


def test_large_files_and_streams_are_read_where_they_lie(detector, large, tmp_path, monkeypatch):
    path = tmp_path / "large.wav"
    path.write_bytes(large)
    whole = read_provenance(large, "wav", trust_anchors=chain.ROOT.pem)
    assert whole.state == "trusted"
    copies = []
    ask = guard._ask
    monkeypatch.setattr(
        guard, "_ask", lambda data, file, *rest: copies.append((len(data), file)) or ask(data, file, *rest)
    )
    for source in (path, io.BytesIO(large)):
        found = detector.scan(source)
        assert found.provenance == whole
        assert named(found, "encoder").measured["program"] == "FFmpeg"
    assert [held for held, _ in copies] == [0, 0]  # the library reads a copy on disk
    assert all(not tmp_path.joinpath(file).exists() for _, file in copies)
    altered = bytearray(large)
    altered[len(altered) // 2] ^= 1
    path.write_bytes(altered)
    assert detector.scan(path).provenance.state == "invalid"


@pytest.mark.parametrize("at", [2**20 - 8, 2**20, 3 * 2**20 - 1])
def test_a_store_on_the_edge_of_two_pieces_is_seen(tmp_path, at):
    path = tmp_path / "edge"
    path.write_bytes(bytes(at) + STORE + bytes(LARGE - at))
    _, held = open_bytes(path, Settings())
    assert read_provenance(held, "ogg").reason == "unsupported"
    packet = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description dcterms:provenance='
    packet += b'"https://example.org/m" xmlns:dcterms="http://purl.org/dc/terms/"/></rdf:RDF>'
    path.write_bytes(bytes(at - 100) + b"<x:xmpmeta>" + packet + bytes(LARGE - at))
    _, held = open_bytes(path, Settings())
    assert read_provenance(held).remote_url == "https://example.org/m"


def test_a_parser_that_fails_is_noted_and_the_scan_goes_on(detector, human, monkeypatch):
    def broken(pieces, blocks):
        raise ValueError("a slip")

    plain = detector.scan(human)
    monkeypatch.setitem(sound._READERS, "wav", broken)
    found = detector.scan(human)
    assert (found.verdict, found.llr, found.evidence) == (plain.verdict, plain.llr, ())
    assert [(gap.code, gap.text) for gap in found.not_analysed if gap.code == "no_container"] == [
        ("no_container", "container: the container could not be read to its end")
    ]


def test_the_notes_of_evidence_quote_bona_fide_recordings(detector, human):
    text = named(detector.scan(human), "container_layout").text
    assert re.search(r"Seen in about \d+ % of \d+ bona fide wav files from \d+ sources", text)
