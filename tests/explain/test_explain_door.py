"""Explanations through the public doors: library and command line, all media, and what cannot be explained."""

import json

import numpy as np
import pytest
from PIL import Image

import assay
from assay.cli import main
from assay.cli.explain import EPILOG
from assay.errors import MediaNotFound, SettingsError
from assay.explain import Explanation
from assay.explain.door import Explainer
from assay.explain.draw import drawn, overlaid
from assay.explain.explanation import Saliency


@pytest.fixture(scope="module")
def explainer():
    return Explainer(jobs=1)


def run(capsys, *arguments):
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return ended.value.code or 0, out, err


def test_a_recording_is_explained_by_the_function_of_the_package(examples):
    found = assay.explain(examples / "vocoded.wav")
    assert isinstance(found, Explanation)
    assert (found.media, found.method, found.model) == ("audio", "occlusion", "audio-resnet")
    assert found.saliency[0].kind == "spectrogram"
    assert found.ranges
    assert found.faithfulness.holds
    assert "speaks for synthesis" in found.sentences[0]
    from assay import explain

    assert callable(explain)


def test_the_llr_that_is_explained_is_that_of_the_scan(explainer, examples):
    found = explainer.explain(examples / "vocoded.wav")
    scanned = explainer.detector.scan(examples / "vocoded.wav")
    assert found.result.llr == scanned.llr
    assert found.explanation.faithfulness.llr == pytest.approx(scanned.llr, abs=1e-3)
    given = explainer.explain(examples / "vocoded.wav", result=scanned)
    assert given.result is scanned
    assert given.explanation.as_dict() == found.explanation.as_dict()


def test_a_picture_is_explained_in_its_own_pixels(explainer, examples):
    found = explainer.explain(examples / "twice-saved.jpg")
    (only,) = found.explanation.saliency
    assert (only.width, only.height) == (found.result.width, found.result.height)
    assert found.explanation.faithfulness.llr == pytest.approx(found.result.llr, abs=1e-4)
    for region in found.explanation.regions:
        assert 0 <= region.x < region.x + region.width <= only.width
        assert 0 <= region.y < region.y + region.height <= only.height
    assert drawn(found.media, only).size == (only.width, only.height)


def test_a_video_is_explained_by_frames_and_by_its_sound(examples):
    found = Explainer(jobs=1, fps=2.0, close_s=0.0).explain(examples / "talking-drawing.mp4")
    kinds = [one.kind for one in found.explanation.saliency]
    assert kinds == ["frame", "frame", "spectrogram"]
    first, second, sound = found.explanation.saliency
    assert abs(first.start_s - second.start_s) >= 0.3
    assert (first.width, first.height) == (found.result.width, found.result.height)
    assert sound.label == "sound"
    assert [drawn(found.media, one).mode for one in (first, sound)] == ["RGB", "RGB"]


def test_where_nothing_is_scored_there_is_no_map(explainer, examples):
    found = explainer.explain(examples / "noise.ogg").explanation
    assert (found.saliency, found.ranges, found.coverage, found.faithfulness) == ((), (), 0.0, None)
    assert len(found.sentences) == 1
    small = explainer.explain(_png(np.zeros((40, 40, 3), np.uint8))).explanation
    assert small.saliency == ()


def _png(pixels):
    import io

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_gradients_of_a_shipped_detector_are_refused(explainer, examples):
    with pytest.raises(SettingsError, match="run folder"):
        explainer.explain(examples / "vocoded.wav", method="grad_cam")


def test_a_missing_file_is_told(explainer):
    with pytest.raises(MediaNotFound):
        explainer.explain("nowhere.wav")


def test_a_map_is_drawn_orange_for_spoof_and_blue_for_bona_fide():
    saliency = Saliency("picture", np.array([[1.0, 0.0], [-1.0, 0.0]], np.float32), width=20, height=20)
    shown = np.asarray(overlaid(np.full((20, 20, 3), 100, np.uint8), saliency)).astype(int)
    red, green, blue = shown[2, 2]
    assert red > green > blue
    red, green, blue = shown[17, 2]
    assert blue > green > red
    assert shown[10, 19].tolist() == [100, 100, 100]
    turned = np.asarray(overlaid(np.full((20, 20, 3), 100, np.uint8), saliency, upwards=True)).astype(int)
    assert turned[17, 2].tolist() == shown[2, 2].tolist()


def test_the_command_line_tells_and_draws(capsys, examples, tmp_path):
    code, out, err = run(capsys, "explain", examples / "vocoded.wav", "--output", tmp_path / "maps")
    assert (code, err) == (0, "")
    assert "likely synthetic" in out
    assert "not how the recording was made" in out
    (file,) = (tmp_path / "maps").iterdir()
    assert file.name.startswith("vocoded.wav-")
    assert str(file) in out
    with Image.open(file) as image:
        assert image.size == (960, 384)


def test_the_command_line_gives_json_and_goes_on_past_a_bad_file(capsys, examples):
    code, out, err = run(
        capsys, "explain", "nowhere.wav", examples / "noise.ogg", examples / "twice-saved.jpg", "-f", "json"
    )
    bad, noise, picture = json.loads(out)
    assert code == 1
    assert "nowhere.wav" in err
    assert bad["error"]["code"] == "not_found"
    assert noise["explanation"]["saliency"] == []
    again = Explanation.from_dict(picture["explanation"])
    assert again.as_dict() == picture["explanation"]


def test_a_model_that_is_not_there_ends_with_3_and_a_wrong_method_with_2(capsys, examples):
    assert run(capsys, "explain", examples / "noise.ogg", "--model", "nobody")[0] == 3
    assert run(capsys, "explain", examples / "noise.ogg", "--method", "grad_cam")[0] == 2
    assert run(capsys, "explain", examples / "noise.ogg", "--method", "magic")[0] == 2


def test_examples_name_options_that_exist(capsys):
    _, text, _ = run(capsys, "explain", "--help")
    for line in EPILOG.splitlines():
        for word in line.partition(" | ")[0].split():
            assert not (line.startswith("  assay") and word.startswith("--")) or word in text
