"""Whether a verdict on a picture holds: with judgements by hand, with networks by hand, with the shipped weight."""

import io

import numpy as np
import pytest
from forensic_pictures import textured
from PIL import Image

from assay import Detector, ScanResult
from assay.image.deliveries import DELIVERIES
from assay.image.detector import LookScore, PictureDetector, PictureScores
from assay.image.looks import LOOKS, Square
from assay.models import picture_card
from assay.models.registry import weights_folder
from assay.picture_policy import decide_picture
from assay.picture_stability import Rescoring
from assay.report import describe
from assay.settings import load_settings

NAMES = list(DELIVERIES)
SETTINGS = load_settings()
PIXELS = textured(1, 240, 320)
SQUARE = Square(0, 0, 224)


def scores(llr, *, faces=()):
    looks = [LookScore("face", SQUARE, one, one, place) for place, one in enumerate(faces)]
    return PictureScores((*looks, LookScore("whole", SQUARE, 0.0, 0.0)), llr, 5.0, 0.05, ())


def judge(found):
    return decide_picture(found, picture_card("picture-lite"), SETTINGS, quality=None)


def checked(first, pixels=PIXELS, **others):
    """The check where deliveries, named by their number, get these scores and the rest those of the picture."""
    queue = [others.get(f"_{number}", first) for number in range(len(NAMES))]
    return Rescoring(lambda _: queue.pop(0), judge, SETTINGS).check(pixels, first, judge(first))


SPOOF, BONA_FIDE, UNSURE = scores(9.0), scores(-3.0), scores(1.0)


@pytest.mark.parametrize("first", [SPOOF, BONA_FIDE, UNSURE])
def test_a_verdict_that_holds_is_left_as_it_is(first):
    found = checked(first)
    assert found.judgement == judge(first)
    assert found.stability.verdict == judge(first).verdict
    assert [one.delivery for one in found.stability.deliveries] == NAMES
    assert (found.stability.llr_spread, found.gaps) == (0, ())


@pytest.mark.parametrize(("first", "other"), [(SPOOF, BONA_FIDE), (BONA_FIDE, SPOOF)])
def test_a_verdict_that_turns_round_is_inconclusive_and_names_the_delivery(first, other):
    found, plain = checked(first, _1=other), judge(first)
    assert (found.judgement.verdict, found.judgement.reasons[0].code) == ("inconclusive", "unstable")
    assert NAMES[1] in found.judgement.reasons[0].text
    assert "as the picture came" in found.judgement.reasons[0].text
    assert NAMES[0] not in found.judgement.reasons[0].text
    assert found.judgement.reasons[1:] == plain.reasons
    assert (found.judgement.llr, found.judgement.interval) == (plain.llr, plain.interval)
    assert (found.stability.verdict, found.stability.llr_spread) == (plain.verdict, 12)


@pytest.mark.parametrize(("first", "other"), [(SPOOF, UNSURE), (UNSURE, SPOOF), (BONA_FIDE, UNSURE)])
def test_other_moves_are_listed_and_change_nothing(first, other):
    found = checked(first, _0=other)
    assert found.judgement == judge(first)
    assert found.stability.deliveries[0].verdict == judge(other).verdict


def test_a_face_that_can_no_longer_be_scored_clears_nobody():
    changed = scores(-3.0, faces=[9.0])
    assert judge(changed).verdict == "mixed"
    found = checked(changed, _2=scores(-3.0))  # too small at half the size
    assert found.judgement == judge(changed)
    assert found.stability.deliveries[2].verdict == "inconclusive"
    turned = checked(changed, _2=scores(-3.0, faces=[-3.0]))  # still seen, and free of signs
    assert turned.judgement.verdict == "inconclusive"
    assert turned.stability.deliveries[2].verdict == "bona_fide"


def test_a_picture_too_large_for_a_format_is_delivered_in_the_others():
    found = checked(SPOOF, np.zeros((16, 17_000, 3), np.uint8))
    assert [one.delivery for one in found.stability.deliveries] == [name for name in NAMES if "WebP" not in name]
    (gap,) = found.gaps
    assert gap.code == "no_stability"
    assert "WebP 75: A picture of 17000 × 16 pixels cannot be saved as WEBP" in gap.text


def test_where_nothing_can_be_delivered_nothing_is_checked(monkeypatch):
    def lacking(*args, **options):
        raise KeyError("WEBP")

    monkeypatch.setattr(Image.Image, "save", lacking)
    found = checked(SPOOF)
    assert (found.judgement, found.stability) == (judge(SPOOF), None)
    assert len(found.gaps) == len(NAMES)
    assert "Pillow lacks its encoder" in found.gaps[0].text


# Through the public door


class ByDetail:
    """A network that says `sharp` of looks with much detail, and `soft` of others."""

    def __init__(self, sharp, soft):
        self._answers = (soft, sharp)

    def run(self, names, feeds):
        pixels = feeds["pixels"].astype(float)
        detail = np.abs(np.diff(pixels, axis=2)).mean((1, 2, 3))
        logits = np.array([[self._answers[int(one > 12)]] * 3 for one in detail], np.float32)
        return [logits] * len(names)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def noisy():
    return png(np.random.default_rng(0).integers(60, 200, (480, 640, 3), dtype=np.uint8))


def scanning(session=None, **settings):
    found = Detector(**settings)
    if session is not None:
        found._picture_model = PictureDetector("picture-lite", session=session)
    return found


def test_every_delivery_is_scored_by_the_same_line():
    steady = ByDetail(9.0, 9.0)
    found = scanning(steady, stability=True).scan(noisy())
    plain = scanning(steady).scan(noisy())
    assert (found.verdict, found.llr, found.pieces) == (plain.verdict, plain.llr, plain.pieces)
    assert (plain.stability, "stability" in plain.timings_ms) == (None, False)
    assert [one.delivery for one in found.stability.deliveries] == NAMES
    assert found.stability.verdict == found.verdict == "spoof"
    assert found.timings_ms["total"] > found.timings_ms["stability"] > 0
    assert ScanResult.model_validate_json(found.model_dump_json()) == found
    assert f"The verdict held in all {len(NAMES)} other deliveries" in describe(found)


def test_a_detector_that_goes_by_detail_does_not_hold():
    found = scanning(ByDetail(9.0, -9.0), stability=True).scan(noisy())
    assert (found.verdict, found.stability.verdict, found.reasons[0].code) == ("inconclusive", "spoof", "unstable")
    turned = [one.delivery for one in found.stability.deliveries if one.verdict == "bona_fide"]
    assert turned == ["half the size, JPEG 75"]
    assert f"but {turned[0]}: “no sign" in found.reasons[0].text
    assert "The verdict does not hold" in describe(found)


@pytest.fixture(scope="module")
def drawn():
    """A drawn face before a scene; at half the size it is too small to be scored."""
    pixels = textured(2, 420, 560)
    face = Image.open(weights_folder() / "drawn-face.png").convert("RGB").resize((170, 170))
    pixels[110:280, 190:360] = np.asarray(face)
    return pixels


def test_with_the_shipped_weight_deliveries_are_what_their_files_give(drawn):
    plain, checked = Detector().scan(png(drawn)), Detector(stability=True).scan(png(drawn))
    for name in ("llr", "interval", "faces", "pieces", "findings", "evidence", "operating_point"):
        assert getattr(plain, name) == getattr(checked, name), name
    assert checked.stability.verdict == plain.verdict
    llrs = {one.delivery: one.llr for one in checked.stability.deliveries}
    for name in ("WebP 75", "half the size, JPEG 75"):
        assert Detector().scan(DELIVERIES[name](drawn)).llr == pytest.approx(llrs[name]), name


class FaceOnly:
    """A network to which faces are synthetic and nothing else is."""

    def run(self, names, feeds):
        row = [9.0 if look == "face" else -9.0 for look in LOOKS]
        return [np.array([row] * len(feeds["pixels"]), np.float32)] * len(names)


def test_a_face_too_small_at_half_the_size_takes_nothing_back(drawn):
    found = scanning(FaceOnly(), stability=True).scan(png(drawn))
    assert (found.verdict, len(found.faces)) == ("mixed", 1)
    assert [one.verdict for one in found.stability.deliveries] == [
        "inconclusive" if "half" in name else "mixed" for name in NAMES
    ]
