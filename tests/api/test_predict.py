"""Files in, results out: the same results that the library gives."""

import json

import pytest
from forms import error_of

from assay import Detector, ScanResult
from assay.result import ScanFailure

VOLATILE = {"timings_ms", "path"}


def fixed(result):
    return {name: value for name, value in result.items() if name not in VOLATILE}


@pytest.fixture(scope="module")
def detector(service):
    return service.scorer.detector


@pytest.mark.parametrize(
    ("kind", "name"), [("audio", "human.wav"), ("audio", "human-telephone.mp3"), ("image", "tagged.png")]
)
def test_a_file_gets_the_result_that_the_library_gives(service, detector, examples, kind, name):
    response = service.predict(kind, (examples / name).read_bytes(), name)
    assert response.status_code == 200
    assert ScanResult.model_validate_json(response.text).path == name
    expected = json.loads(detector.scan(examples / name).model_dump_json())
    assert fixed(response.json()) == fixed(expected)


def test_a_video_looks_at_as_many_frames_as_asked_for(service, examples):
    data = (examples / "talking-drawing.mp4").read_bytes()
    response = service.predict("video", data, "talk.mp4", num_frames="3")
    found = response.json()
    assert found["media"] == "video"
    frames = [each["value"] for each in found["findings"] if each["name"] == "frames"]
    expected = Detector(num_frames=3, close_s=0).scan(data)
    assert frames == [each.value for each in expected.findings if each.name == "frames"]
    assert found["llr"] == expected.llr


@pytest.mark.parametrize("name", ["noise.ogg", "twice-saved.jpg"])
def test_multimodal_takes_any_kind_and_goes_by_content(service, examples, name):
    response = service.predict("multimodal", (examples / name).read_bytes(), "document.pdf")
    assert response.json()["media"] == {"noise.ogg": "audio", "twice-saved.jpg": "image"}[name]
    assert response.json()["path"] == "document.pdf"


@pytest.mark.parametrize(
    ("asked", "name", "found"), [("audio", "tagged.png", "image"), ("image", "human.wav", "audio")]
)
def test_another_kind_than_asked_for_is_unsupported(service, examples, asked, name, found):
    # The name says what was asked for; the content does not.
    error = error_of(service.predict(asked, (examples / name).read_bytes(), "recording.wav"), 415)
    assert error["code"] == "unsupported"
    assert error["context"] == {"found": found, "accepted": [asked]}


def test_the_threshold_moves_the_decision_and_no_score(service, examples):
    data = (examples / "vocoded.wav").read_bytes()
    plain = service.predict("audio", data).json()
    found = {t: service.predict("audio", data, confidence_threshold=t).json() for t in ("0.01", "0.5", "0.999")}
    points = {t: each["operating_point"] for t, each in found.items()}
    assert {each["llr"] for each in found.values()} == {plain["llr"]}
    assert points["0.01"]["threshold_llr"] < points["0.5"]["threshold_llr"] < points["0.999"]["threshold_llr"]
    assert points["0.01"]["max_false_alarm"] > points["0.5"]["max_false_alarm"] > points["0.999"]["max_false_alarm"]
    by_cost = Detector(false_alarm_cost=0.5 / 0.5).scan(data)
    assert points["0.5"]["threshold_llr"] == by_cost.operating_point.threshold_llr
    assert found["0.5"]["verdict"] == by_cost.verdict


def test_empty_fields_count_as_none(service, examples):
    data = (examples / "human.wav").read_bytes()
    with_empty = service.predict("audio", data, confidence_threshold="", num_frames=" ").json()
    assert with_empty["operating_point"] == service.predict("audio", data).json()["operating_point"]


@pytest.mark.parametrize(
    "fields",
    [
        {"confidence_threshold": "0"},
        {"confidence_threshold": "1"},
        {"confidence_threshold": "nan"},
        {"confidence_threshold": "-inf"},
        {"confidence_threshold": "much"},
        {"confidence_threshold": "1e-400"},
        {"confidence_threshold": "0.9999999999999999999999"},
        {"num_frames": "0"},
        {"num_frames": "2.5"},
        {"num_frames": "10001"},
        {"num_frames": "1_0"},
        {"num_frames": "９"},
        {"num_frames": "9" * 50},
    ],
)
def test_fields_out_of_range_are_refused(service, examples, fields):
    error = error_of(service.predict("multimodal", (examples / "human.wav").read_bytes(), **fields), 422)
    assert error["code"] == "bad_setting"
    assert error["context"]["field"] in fields


def test_a_batch_keeps_its_order_and_gives_each_file_its_own_outcome(service, examples):
    names = ["human.wav", "broken.wav", "tagged.png", "empty.wav", "noise.ogg"]
    contents = [
        (examples / "human.wav").read_bytes(),
        b"RIFF\x24\x00\x00\x00WAVE" + b"no header" * 50,
        (examples / "tagged.png").read_bytes(),
        b"",
        (examples / "noise.ogg").read_bytes(),
    ]
    files = [("files", pair) for pair in zip(names, contents, strict=True)]
    response = service.post("/api/batch-predict", files=files)
    assert response.status_code == 200
    outcomes = response.json()["results"]
    assert [each["path"] for each in outcomes] == names
    assert [each.get("error", {}).get("code") for each in outcomes] == [None, "decode_failed", None, "empty", None]
    for each in outcomes:
        (ScanFailure if "error" in each else ScanResult).model_validate(each)


def test_a_batch_waits_for_room_instead_of_failing(make_service, examples):
    service = make_service(serve_jobs=1, serve_queue_size=1).until_ready()
    data = (examples / "human.wav").read_bytes()
    response = service.post("/api/batch-predict", files=[("files", (f"{n}.wav", data)) for n in range(4)])
    assert [each.get("error") for each in response.json()["results"]] == [None] * 4
    assert len({each["llr"] for each in response.json()["results"]}) == 1


def test_shared_calls_of_the_network_change_no_answer(make_service, examples):
    service = make_service(serve_jobs=4, serve_batch=4, serve_batch_wait_ms=300).until_ready()
    names = ["human.wav", "vocoded.wav", "human.wav", "spliced.flac", "human.wav", "human.wav"]
    files = [("files", (name, (examples / name).read_bytes())) for name in names]
    found = service.post("/api/batch-predict", files=files).json()["results"]
    plain = Detector(device="cpu")
    assert [each["llr"] for each in found] == [plain.scan(examples / name).llr for name in names]
