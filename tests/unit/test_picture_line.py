"""Pictures through the public door: the same result object, evidence instead of a score, and nothing lost."""

import io

import numpy as np
import pytest
from forensic_pictures import jpeg, textured
from PIL import Image

from assay import Detector, ScanResult
from assay.errors import LimitExceeded, SettingsError, UnsupportedMedia
from assay.models.registry import picture_card, weights_folder
from assay.report.summary import summarise
from assay.report.text import describe, describe_summary

FORMATS = {"JPEG": "jpeg", "PNG": "png", "WEBP": "webp", "TIFF": "tiff", "BMP": "bmp", "GIF": "gif", "AVIF": "avif"}

SIDE = picture_card("picture-lite").input_pixels


@pytest.fixture(scope="module")
def detector():
    return Detector(jobs=1)


@pytest.fixture(scope="module")
def pixels():
    return textured(1, 160, 224)


def named(result, name):
    return next(each for each in result.evidence if each.name == name)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_a_scored_result(detector, pixels, form):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    found = detector.scan(file.getvalue())
    assert (found.media, found.container, found.width, found.height) == ("image", FORMATS[form], 224, 160)
    assert found.llr is not None
    assert 0 <= found.interval[0] <= found.spoof_probability <= found.interval[1] <= 1
    assert (found.model.name, found.duration_s, found.sample_rate_hz) == ("picture-lite", None, None)
    assert found.evidence
    assert ScanResult.model_validate_json(found.model_dump_json()) == found


def test_a_picture_too_small_to_look_at_is_said_to_be(detector):
    found = detector.scan(jpeg(textured(1, 64, 80), 90))
    assert (found.verdict, found.llr, found.spoof_probability, found.interval) == ("inconclusive", None, None, None)
    assert [reason.code for reason in found.reasons] == ["too_small"]


def test_a_graphic_is_not_judged(detector):
    drawn = np.full((300, 300, 3), 240, np.uint8)
    drawn[50:120, 40:200] = (200, 30, 30)
    file = io.BytesIO()
    Image.fromarray(drawn).save(file, "PNG")
    found = detector.scan(file.getvalue())
    assert found.verdict == "inconclusive"
    assert "graphic" in [reason.code for reason in found.reasons]


def test_a_page_without_detail_is_not_judged(detector):
    file = io.BytesIO()
    Image.fromarray(np.linspace(90, 120, 300 * 300).astype(np.uint8).reshape(300, 300)).save(file, "PNG")
    found = detector.scan(file.getvalue())
    assert (found.verdict, found.reasons[0].code) == ("inconclusive", "no_detail")


def test_heavy_compression_is_not_judged(detector, pixels):
    found = detector.scan(jpeg(pixels, 12))
    assert (found.verdict, [reason.code for reason in found.reasons]) == ("inconclusive", ["heavy_compression"])


def test_pieces_lie_edge_to_edge_and_all_of_them_in_a_deep_look(detector):
    large = jpeg(textured(2, 700, 920), 92)
    few, all_of_them = detector.scan(large).pieces, Detector(deep=True).scan(large).pieces
    assert len(few) == 4
    assert len(all_of_them) == (700 // SIDE) * (920 // SIDE)
    assert {piece.box for piece in few} <= {piece.box for piece in all_of_them}
    assert all(right - left == bottom - top == SIDE for left, top, right, bottom in (p.box for p in all_of_them))


def test_path_bytes_and_file_give_one_answer(detector, pixels, tmp_path):
    path = tmp_path / "it.jpg"
    path.write_bytes(jpeg(pixels, 80))
    with path.open("rb") as file:
        found = [detector.scan(source) for source in (path, path.read_bytes(), file)]
    assert all((one.sha256, one.evidence) == (found[0].sha256, found[0].evidence) for one in found)


def test_a_history_is_told(detector, pixels):
    twice = jpeg(np.asarray(Image.open(io.BytesIO(jpeg(pixels, 60)))), 90)
    trace = named(detector.scan(twice), "double_jpeg")
    assert trace.strength == 1.0
    assert trace.measured["first_quality"] == pytest.approx(60, abs=2)
    assert named(detector.scan(jpeg(pixels, 90)), "double_jpeg").strength < 0.5


def test_samples_show_what_they_were_made_to_show(examples):
    deep = Detector(deep=True)
    copied = deep.scan(examples / "twice-saved.jpg")
    found = named(copied, "copy_move")
    assert found.strength > 0.5
    corners = sorted((found.measured[f"{end}_left"], found.measured[f"{end}_top"]) for end in ("source", "target"))
    assert np.abs(np.subtract(corners, [(64, 304), (392, 280)])).max() <= 16
    text = describe(copied)
    assert "double jpeg" in text
    assert "pixels at" in text
    tagged = deep.scan(examples / "tagged.png")
    assert "generator tag (Stable Diffusion" in describe(tagged)


def test_only_a_deep_look_looks_for_copies(detector, examples):
    names = {each.name for each in detector.scan(examples / "twice-saved.jpg").evidence}
    assert "double_jpeg" in names
    assert not names & {"copy_move", "error_level"}


def test_a_picture_without_clear_traces_proves_nothing(detector, pixels):
    text = describe(detector.scan(jpeg(pixels, 90)))
    assert "which proves nothing" in text
    assert "probability" in text


def test_sound_and_pictures_in_one_folder(detector, examples, tmp_path, pixels):
    (tmp_path / "a.wav").write_bytes((examples / "human.wav").read_bytes())
    (tmp_path / "b.jpg").write_bytes(jpeg(pixels, 80))
    (tmp_path / "c.txt").write_text("neither")
    (tmp_path / "d.png").write_bytes(b"\x89PNG\r\n\x1a\n cut off")
    found = list(detector.scan_many([tmp_path]))
    assert [type(one).__name__ for one in found] == ["ScanResult", "ScanResult", "ScanFailure"]
    assert [one.media for one in found[:2]] == ["audio", "image"]
    assert found[2].error.code == "decode_failed"
    told = describe_summary(summarise(found), wall_s=1.0)
    assert "of sound and 1 picture in 1.0 s." in told
    assert "1 picture in" in describe_summary(summarise(found[1:2]), wall_s=1.0)


def test_limits_hold_for_pictures(pixels):
    small = Detector(max_picture_pixels=1000)
    with pytest.raises(LimitExceeded):
        small.scan(jpeg(pixels, 80))


def test_a_picture_of_another_kind_says_what_to_do(detector):
    with pytest.raises(UnsupportedMedia, match="Convert it to PNG or TIFF first"):
        detector.scan(b"8BPS" + bytes(100))


def test_credentials_stand_beside_the_evidence(detector, pixels, tmp_path):
    pytest.importorskip("c2pa")
    pytest.importorskip("cryptography")
    from provenance_chain import ROOT, sign

    plain = jpeg(pixels, 90)
    assert detector.scan(plain).provenance.state == "absent"
    assert "Content Credentials" not in describe(detector.scan(plain))
    vouched = sign(plain, "image/jpeg")
    found = detector.scan(vouched)
    assert found.provenance.state == "valid"
    assert "holds: nothing that it covers was altered" in describe(found)
    (tmp_path / "root.pem").write_bytes(ROOT.pem)
    assert Detector(trust_anchors=tmp_path / "root.pem").scan(vouched).provenance.state == "trusted"


def test_anchors_that_cannot_be_read_end_the_run_at_once(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        Detector(trust_anchors=tmp_path / "none.pem")
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match="certificate"):
        Detector(trust_anchors=tmp_path / "bad.pem")


def test_faces_are_told_and_scored(detector, pixels):
    with (weights_folder() / "drawn-face.png").open("rb") as file:
        found = detector.scan(file)
    (face,) = found.faces
    left, top, right, bottom = face.box
    assert 0 <= left < right <= found.width
    assert 0 <= top < bottom <= found.height
    assert face.score > 0.5
    assert 0 < face.spoof_probability < 1
    assert face.llr is not None
    assert "1 face in it." in describe(found)
    assert detector.scan(jpeg(pixels, 90)).faces == ()
