"""Networks that were trained here judge files through the line: by path and by name, with the scores of their run."""

import asyncio
import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

import av
import lab_toys
import soundfile
from PIL import Image
from training_toys import RATE, READING

from assay import Detector, ScanFailure
from assay.cli import main
from assay.data import read_protocol
from assay.errors import CardError
from assay.evaluate import evaluate_protocol
from assay.models.registry import weights_folder
from assay.models.runs import read_run
from assay.report import describe
from assay.selftest import run_self_tests
from assay.settings import load_settings
from assay.training.lab.config import load_run
from assay.training.lab.run import train
from assay.training.measure import score_trials
from assay.training.trained import read_trained
from assay.views import Network

lab_toys.register_toys()
QUICK = ("optimisation.epochs=1", "data.batch_size=4", "data.augment=false", "machine.workers=0", "data.windows=8")
MODELS = {"audio": "toy-audio", "image": "toy-picture", "video": "toy-video", "features": "toy-features"}


def sounds(folder):
    """A person reading, with a tone in spoofs, and their protocol."""
    folder.mkdir()
    reading, _ = soundfile.read(READING, dtype="float32")
    rows = []
    for number in range(8):
        start = 30_000 * number
        seconds = 3 if number else 1
        samples = reading[start : start + seconds * RATE]
        spoof = number % 2 == 1
        samples = samples + (0.05 * np.sin(0.9 * np.arange(len(samples))) if spoof else 0)
        soundfile.write(folder / f"{number}.wav", samples, RATE)
        rows.append((f"{number}.wav", "spoof" if spoof else "bona_fide", "train", f"s{number // 2}", "", ""))
    return lab_toys.write_rows(folder / "protocol.csv", rows)


def faces(folder):
    """A drawn face that sways, striped in spoofs, and a protocol."""
    folder.mkdir()
    drawn = np.asarray(Image.open(weights_folder() / "drawn-face.png").convert("RGB").resize((140, 140)))
    rows = []
    for number in range(6):
        spoof = number % 2 == 1
        with av.open(str(folder / f"{number}.mp4"), "w") as container:
            stream = container.add_stream("mpeg4", rate=5)
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 320, 240, "yuv420p", 2_000_000
            for step in range(6):
                pixels = np.full((240, 320, 3), 90 + 10 * number, np.uint8)
                pixels[30:210, 70:250] = (60, 120, 200)
                left = 90 + (step + number) % 5
                pixels[50:190, left : left + 140] = drawn
                if spoof:
                    pixels[::2] = pixels[::2] // 2 + 60
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
        rows.append((f"{number}.mp4", "spoof" if spoof else "bona_fide", "train", f"s{number // 2}", "", ""))
    return lab_toys.write_rows(folder / "protocol.csv", rows)


@pytest.fixture(scope="module")
def protocols(tmp_path_factory):
    """A protocol for each model."""
    root = tmp_path_factory.mktemp("media")
    moving = faces(root / "video")
    return {
        "audio": sounds(root / "audio"),
        "image": lab_toys.pictures(root / "image"),
        "video": moving,
        "features": moving,
    }


@pytest.fixture(scope="module")
def models(protocols, tmp_path_factory):
    """A folder of models with a run for each of `MODELS`."""
    out = tmp_path_factory.mktemp("models")
    caches = tmp_path_factory.mktemp("caches")
    for kind, model in MODELS.items():
        train(load_run(model, None, [*QUICK]), [protocols[kind]], out, caches=caches)
    return out


def folder_of(models, kind):
    (folder,) = models.glob(f"{MODELS[kind]}-2*")
    return folder


def field_of(kind):
    return {"audio": "audio_model", "image": "image_model"}.get(kind, "video_model")


def scores_of(folder, column="llr"):
    with (folder / "scores.csv").open() as stream:
        return {row["path"]: float(row[column]) for row in csv.DictReader(stream)}


def promising(source, target, *, shift=0.0):
    """A copy of a run whose card promises rates; `shift` is added to every llr."""
    shutil.copytree(source, target)
    card = json.loads((target / "card.json").read_text())
    card["calibration"] |= {"slope": 0.01, "offset": shift, "lowest": -20.0, "highest": 20.0}
    card["decision"] |= {
        "file": {"values": [-1.0, 0.0, 1.0], "survival": [1.0, 0.5, 0.02], "scale": 0.5},
        "bona_fide_below_llr": -1.0,
        "operating_points": [
            {
                "max_false_alarm": rate,
                "threshold_llr": 1.0,
                "threshold_interval": [0, 2],
                "false_alarm": rate,
                "false_alarm_interval": [0, 1],
                "detection_rate": 0.5,
                "detection_interval": [0, 1],
                "extrapolated": False,
            }
            for rate in (0.05, 0.001)
        ],
    }
    (target / "card.json").write_text(json.dumps(card))
    return target


@pytest.mark.parametrize("kind", MODELS)
def test_a_scan_gives_the_score_of_the_run_by_path_and_by_name(models, protocols, kind):
    folder = folder_of(models, kind)
    expected = scores_of(folder)
    by_path = Detector(**{field_of(kind): str(folder)})
    by_name = Detector(**{field_of(kind): MODELS[kind]}, models_dir=models)
    card = json.loads((folder / "card.json").read_text())
    assert expected
    for name, llr in expected.items():
        found = by_path.scan(protocols[kind].parent / name)
        assert found.llr == pytest.approx(llr, abs=1e-4)
        assert found.model.model_dump() == {
            "name": MODELS[kind],
            "version": card["version"],
            "sha256": card["sha256"],
            "provider": "CPUExecutionProvider",
        }
    again = by_name.scan(protocols[kind].parent / name)
    assert (again.llr, again.model) == (found.llr, found.model)
    assert "below_threshold" not in [reason.code for reason in found.reasons]
    parts = (found.segments, found.timeline, found.faces, found.pieces, found.persons, found.fusion)
    assert not any(parts)
    assert "parts" in [gap.code for gap in found.not_analysed]


@pytest.mark.parametrize("kind", MODELS)
def test_files_are_read_as_they_were_in_training(models, protocols, kind):
    folder = folder_of(models, kind)
    expected = scores_of(folder, "logit")
    network = Network(read_run(folder), load_settings())
    found = {path: network.logit(network.reader.read(protocols[kind].parent / path)) for path in expected}
    assert found == {path: pytest.approx(logit, abs=1e-4) for path, logit in expected.items()}
    assert max(expected.values()) - min(expected.values()) > 2e-3  # or any reading would do


@pytest.mark.parametrize("kind", ["audio", "image", "video"])
def test_a_card_without_promise_is_no_verdict(models, protocols, kind):
    found = Detector(**{field_of(kind): str(folder_of(models, kind))}).scan(
        next(protocols[kind].parent.glob("2.*")) if kind != "image" else protocols[kind].parent / "p1-0.png"
    )
    assert (found.verdict, found.reasons[0].code, found.operating_point) == ("inconclusive", "no_promise", None)


@pytest.mark.parametrize(("shift", "verdict"), [(5.0, "spoof"), (0.0, "inconclusive"), (-5.0, "bona_fide")])
def test_a_promise_is_kept_for_recordings_as_they_come_and_in_other_deliveries(
    models, protocols, tmp_path, shift, verdict
):
    run = promising(folder_of(models, "audio"), tmp_path / "run", shift=shift)
    found = Detector(audio_model=str(run), stability=True).scan(protocols["audio"].parent / "2.wav")
    assert (found.verdict, found.operating_point.max_false_alarm) == (verdict, 0.01)
    assert found.speech_s > 1.5
    assert {"speech", "snr"} <= {finding.name for finding in found.findings}
    assert {one.verdict for one in found.stability.deliveries} == {verdict}
    assert found.provenance is not None


@pytest.mark.parametrize(("shift", "verdict"), [(5.0, "spoof"), (-5.0, "bona_fide")])
def test_pictures_are_judged_again_in_other_deliveries(models, tmp_path, shift, verdict):
    run = promising(folder_of(models, "image"), tmp_path / "run", shift=shift)
    pixels = np.random.default_rng(1).integers(0, 255, (300, 300, 3), np.uint8)
    Image.fromarray(pixels).resize((600, 600), Image.Resampling.BICUBIC).save(tmp_path / "textured.png")
    found = Detector(image_model=str(run), stability=True).scan(tmp_path / "textured.png")
    assert found.verdict == found.stability.verdict == verdict
    assert {one.verdict for one in found.stability.deliveries} == {verdict}
    assert len({one.llr for one in found.stability.deliveries}) > 1
    assert found.timings_ms["stability"] > 0


def test_other_settings_for_one_file_are_judged_by_the_same_model(models, protocols):
    """In the line, in a worker, and in the service."""
    pytest.importorskip("fastapi")
    from assay.serve.jobs.options import JobOptions
    from assay.serve.jobs.scanning import DetectorScan
    from assay.serve.scoring import Scorer

    run, file = str(folder_of(models, "audio")), protocols["audio"].parent / "2.wav"
    settings = load_settings(audio_model=run)
    plain = Detector(settings=settings)
    wanted = plain.scan(file).model.sha256
    assert plain.varied(settings.model_copy(update={"prior": 0.1})).scan(file).model.sha256 == wanted
    worker = DetectorScan(settings)
    for options in (JobOptions(), JobOptions(prior=0.1)):
        assert worker(file, "2.wav", options).model.sha256 == wanted
    scorer = Scorer(settings)
    for changes in ({}, {"prior": 0.1}):
        assert scorer.detector_with(changes).scan(file).model.sha256 == wanted
    asyncio.run(scorer.close())


def test_silence_and_music_stay_what_they_are(models, tmp_path):
    run = promising(folder_of(models, "audio"), tmp_path / "run", shift=5.0)
    detector = Detector(audio_model=str(run))
    rng = np.random.default_rng(0)
    for samples, code in ((np.zeros(48_000), "silence"), (0.1 * rng.standard_normal(48_000), "no_speech")):
        found = detector.scan((samples.astype(np.float32), RATE))
        assert (found.verdict, found.reasons[0].code, found.llr) == ("inconclusive", code, None)


def test_drawings_small_pictures_and_short_videos_stay_what_they_are(models, protocols, tmp_path):
    picture = promising(folder_of(models, "image"), tmp_path / "picture", shift=5.0)
    detector = Detector(image_model=str(picture))
    for side, code in ((128, "graphic"), (90, "too_small")):
        Image.new("RGB", (side, side), (9, 99, 200)).save(tmp_path / "plain.png")
        found = detector.scan(tmp_path / "plain.png")
        assert found.verdict == "inconclusive"
        assert code in [reason.code for reason in found.reasons]
        assert (found.llr is None) == (code == "too_small")
    video = promising(folder_of(models, "video"), tmp_path / "video", shift=5.0)
    (short, *_) = sorted(Path(lab_toys.videos(tmp_path / "short", sources=1)).parent.glob("*.mp4"))
    found = Detector(video_model=str(video), stability=True).scan(short)
    assert [reason.code for reason in found.reasons] == ["too_short"]
    assert (found.duration_s, found.width) == (pytest.approx(0.6, abs=0.01), 128)
    assert {"no_sound", "no_stability"} <= {gap.code for gap in found.not_analysed}
    assert "followed" not in describe(found)
    unseen = Detector(video_model=str(folder_of(models, "features"))).scan(short)
    assert (unseen.reasons[-1].code, unseen.llr) == ("no_face", None)


def test_files_of_other_media_go_through_the_shipped_detectors(models, protocols):
    detector = Detector(audio_model=str(folder_of(models, "audio")), video_model=str(folder_of(models, "video")))
    names = [
        detector.scan(protocols[kind].parent / name).model.name
        for kind, name in (("audio", "2.wav"), ("image", "p0-0.png"), ("video", "0.mp4"))
    ]
    assert names == ["toy-audio", "picture-lite", "toy-video"]
    sees = Detector(image_model=str(folder_of(models, "image")))
    assert sees.scan(protocols["audio"].parent / "2.wav").model.name == "audio-resnet"
    assert sees.scan(protocols["video"].parent / "0.mp4").model.name == "video-lite"


def test_channels_are_scored_apart_as_they_would_be_alone(models, protocols):
    left, _ = soundfile.read(protocols["audio"].parent / "2.wav", dtype="float32")
    right, _ = soundfile.read(protocols["audio"].parent / "3.wav", dtype="float32")
    model = str(folder_of(models, "audio"))
    alone = [Detector(audio_model=model).scan((one, RATE)).llr for one in (left, right)]
    apart = Detector(audio_model=model, channels="each").scan((np.stack([left, right], 1), RATE))
    assert apart.llr == pytest.approx(max(alone), abs=1e-6)


def test_what_comes_late_is_neither_heard_nor_missed(models, protocols):
    samples, _ = soundfile.read(protocols["audio"].parent / "2.wav", dtype="float32")
    late = np.concatenate([np.resize(samples, 30 * RATE), np.zeros(5 * RATE, np.float32)])
    detector = Detector(audio_model=str(folder_of(models, "audio")))
    found, first = detector.scan((late, RATE)), detector.scan((late[: 30 * RATE], RATE))
    assert (found.llr, found.speech_s, found.duration_s) == (first.llr, first.speech_s, 35.0)
    (rest,) = [gap for gap in found.not_analysed if gap.code == "rest"]
    assert (rest.start_s, rest.end_s) == (30.0, 35.0)


def test_a_card_of_another_graph_is_refused(models, tmp_path):
    shutil.copytree(folder_of(models, "audio"), tmp_path / "run")
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    for change in ({"shape": [5_000]}, {"input": "pixels"}):
        (tmp_path / "run" / "card.json").write_text(json.dumps(card | change))
        with pytest.raises(CardError, match="its weight takes"):
            Detector(audio_model=str(tmp_path / "run"))


@pytest.mark.parametrize("kind", MODELS)
def test_measuring_a_run_folder_reads_files_as_its_training_did(models, protocols, kind):
    folder = folder_of(models, kind)
    expected = scores_of(folder)
    card = json.loads((folder / "card.json").read_text())["calibration"]
    trials = [trial for trial in read_protocol(protocols[kind]) if trial.path in expected]
    for trial, found in zip(trials, score_trials(read_trained(folder), trials), strict=True):
        llr = np.clip(card["slope"] * found.score + card["offset"], card["lowest"], card["highest"])
        assert llr == pytest.approx(expected[trial.path], abs=1e-4)


def test_a_protocol_is_measured_through_the_line_by_name(models, protocols):
    settings = load_settings(models_dir=models, audio_model="toy-audio")
    found = evaluate_protocol(protocols["audio"], settings=settings)
    assert found.model["name"] == "toy-audio"
    expected = scores_of(folder_of(models, "audio"))
    rows = {row["path"]: row["llr"] for row in found.rows}
    assert rows == {**rows, **{path: pytest.approx(llr, abs=1e-4) for path, llr in expected.items()}}
    card = json.loads((folder_of(models, "audio") / "card.json").read_text())
    assert found.threshold_llr == card["decision"]["eer_llr"]


def test_self_tests_cover_the_folder_of_models_and_named_runs(models, tmp_path):
    named = tmp_path / "named"
    shutil.copytree(folder_of(models, "image"), named)
    broken = tmp_path / "models"
    shutil.copytree(folder_of(models, "audio"), broken / "good")
    shutil.copytree(folder_of(models, "audio"), broken / "altered")
    with (broken / "altered" / "model.onnx").open("ab") as stream:
        stream.write(b"!")
    (broken / "cardless").mkdir()
    (broken / "odd").mkdir()
    (broken / "odd" / "card.json").write_text("{}")
    tests = run_self_tests(load_settings(models_dir=broken, image_model=str(named)))
    found = {test.name: test for test in tests}
    passed = {name: found[name].passed for name in ("good", "altered", "odd", str(named), "audio-resnet")}
    assert passed == {"good": True, "altered": False, "odd": False, str(named): True, "audio-resnet": True}
    assert "1 value agree" in found["good"].detail
    lost = run_self_tests(load_settings(models_dir=tmp_path / "absent"))
    assert [test.name for test in lost if not test.passed] == ["models_dir"]


def test_a_wrong_known_answer_is_told(models, tmp_path):
    shutil.copytree(folder_of(models, "audio"), tmp_path / "run")
    path = tmp_path / "run" / "card.json"
    card = json.loads(path.read_text())
    cases = (({"values": [99.0]}, "differs from its known answer"), ({"sample": "x.flac"}, "states an answer to"))
    for answer, match in cases:
        path.write_text(json.dumps(card | {"known_answer": card["known_answer"] | answer}))
        tests = run_self_tests(load_settings(audio_model=str(tmp_path / "run")))
        assert match in tests[-1].detail


def command(capsys, *arguments):
    """Exit code, output and errors of a command."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0, *capsys.readouterr()


def test_the_command_line_takes_names_and_paths(models, protocols, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    file = protocols["image"].parent / "p1-0.png"
    monkeypatch.setenv("ASSAY_MODELS_DIR", str(models))
    results = []
    for model in ("toy-picture", folder_of(models, "image").name, folder_of(models, "image")):
        code, out, _ = command(capsys, "scan", file, "--model", model, "--format", "jsonl")
        assert code == 0
        results.append(json.loads(out))
    assert len({(one["llr"], one["model"]["sha256"]) for one in results}) == 1
    code, _, err = command(capsys, "scan", file, "--model", "no-such")
    assert (code, folder_of(models, "audio").name in err) == (3, True)
    code, out, _ = command(capsys, "models")
    assert code == 0
    assert all(f"\n{folder_of(models, kind).name} " in out for kind in MODELS)
    code, out, _ = command(capsys, "models", "--format", "json")
    assert [one["run"] for one in json.loads(out) if "run" in one] == sorted(p.name for p in models.glob("toy-*"))
    for model in ("toy-features", folder_of(models, "features")):
        code, out, _ = command(capsys, "models", model, "--format", "json")
        assert json.loads(out)["architecture"] == "toy-features"
    code, out, _ = command(capsys, "doctor", "--format", "json")
    assert (code, folder_of(models, "video").name in [one["name"] for one in json.loads(out)["checks"]]) == (0, True)
    code, out, _ = command(
        capsys, "evaluate", "toy-picture", protocols["image"], "--format", "json", "--resamples", "0"
    )
    told = json.loads(out)
    assert (code, told["model"]["name"], told["model"]["kind"]) == (0, "toy-picture", "detector")


def test_a_broken_run_does_not_hide_the_others(models, monkeypatch, capsys, tmp_path):
    shutil.copytree(folder_of(models, "audio"), tmp_path / "good")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "card.json").write_text("{}")
    monkeypatch.setenv("ASSAY_MODELS_DIR", str(tmp_path))
    code, out, err = command(capsys, "models")
    assert (code, "\ngood " in out, "odd" in out, "[bad_card]" in err) == (0, True, False, True)


def test_a_batch_goes_on_where_a_network_fails(models, protocols, monkeypatch):
    detector = Detector(audio_model=str(folder_of(models, "audio")))
    network = detector.networks["audio"]
    monkeypatch.setattr(network, "logits", lambda views: np.full(len(views), np.nan))
    files = [protocols["audio"].parent / "2.wav", protocols["image"].parent / "p0-0.png"]
    first, second = detector.scan_many(files)
    assert isinstance(first, ScanFailure)
    assert first.error.code == "model_error"
    assert second.model.name == "picture-lite"
