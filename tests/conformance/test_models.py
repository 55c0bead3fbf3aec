"""Every shipped model keeps the promises of its card."""

import hashlib
import json
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from assay.models import DetectorCard, list_cards, load_session
from assay.models.card import FaceCard, VideoCard
from assay.models.registry import weights_folder
from assay.selftest import check_known_answer

CARDS = {card.name: card for card in list_cards()}
DETECTORS = {name: card for name, card in CARDS.items() if isinstance(card, DetectorCard)}
FACES = {name: card for name, card in CARDS.items() if isinstance(card, FaceCard)}
SAME = 1e-4  # logits
# Sums in another order can tip a value into the next of 256 steps.
SAME_INTEGERS = 5e-3
LONG_WINDOWS = 40


@pytest.fixture(params=CARDS)
def card(request):
    return CARDS[request.param]


@pytest.fixture(params=DETECTORS)
def detector(request):
    return DETECTORS[request.param]


@pytest.fixture(scope="module")
def sessions():
    return {name: load_session(name) for name in DETECTORS}


@pytest.fixture
def run(detector, sessions):
    """Logits of a batch: (n, samples) to (n, windows), or to (n, parts)."""

    def run(samples, output="logit"):
        batch = np.atleast_2d(np.asarray(samples, np.float32))
        (logits,) = sessions[detector.name].run([output], {"samples": batch})
        length = {"logit": detector.window_samples, "part_logit": detector.part_samples}[output]
        assert logits.dtype == np.float32
        assert logits.shape == (len(batch), (batch.shape[1] - length) // detector.hop_samples + 1)
        return logits

    return run


@pytest.fixture
def stretch(detector, examples):
    """Real speech, a whole number of hops."""
    samples, rate = soundfile.read(examples / "human-long.flac", dtype="float32")
    assert rate == detector.sample_rate_hz
    return samples[: detector.window_samples + (LONG_WINDOWS - 1) * detector.hop_samples]


# Every model


def test_the_weight_is_the_one_on_the_card(card):
    weight = (weights_folder() / card.file).read_bytes()
    assert hashlib.sha256(weight).hexdigest() == card.sha256
    assert len(weight) == card.size_bytes


def test_the_card_lies_beside_its_weight_under_its_name(card):
    assert card.file == f"{card.name}.onnx"
    assert (weights_folder() / f"{card.name}.json").is_file()


def test_the_card_says_what_a_user_must_know(card):
    for field in ("version", "summary", "licence_weights", "origin"):
        assert getattr(card, field).strip()
    assert card.limits
    assert all(limit.strip() for limit in card.limits)


def test_a_foreign_weight_comes_with_its_licence(card):
    foreign = not isinstance(card, DetectorCard | VideoCard)  # those were trained here, from nothing
    assert (weights_folder() / f"{card.name}.LICENSE").is_file() == foreign


def test_the_known_answer_is_reproduced(card):
    assert check_known_answer(card) <= card.known_answer.tolerance
    assert check_known_answer(card, threads=2) <= card.known_answer.tolerance


def test_the_known_answer_has_content(card):
    assert np.ptp(card.known_answer.values) > card.known_answer.tolerance


def test_a_session_runs_on_the_processor_alone(card):
    assert load_session(card.name).get_providers() == ["CPUExecutionProvider"]


# Networks that look at faces


@pytest.fixture(params=FACES)
def face_network(request):
    card, session = FACES[request.param], load_session(request.param)

    def run(pixels):
        return session.run(None, {"pixels": np.asarray(pixels, np.float32)})

    return card, session, run


def test_a_face_network_takes_what_its_card_says(face_network):
    card, session, _ = face_network
    (given,) = session.get_inputs()
    assert given.shape[1:] == [3, card.input_pixels, card.input_pixels]
    assert {output.name for output in session.get_outputs()} == set(card.parity)


def test_a_batch_of_squares_is_its_squares(face_network):
    card, _, run = face_network
    low, high = card.input_range
    batch = np.random.default_rng(0).uniform(low, high, (5, 3, card.input_pixels, card.input_pixels))
    together, alone = run(batch), [run(item[None]) for item in batch]
    for index, output in enumerate(together):
        assert np.array_equal(output, np.concatenate([item[index] for item in alone]))


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0, 1e4])
def test_odd_squares_give_finite_answers(face_network, value):
    card, _, run = face_network
    assert all(np.isfinite(o).all() for o in run(np.full((1, 3, card.input_pixels, card.input_pixels), value)))


# Detectors: the network


def test_the_card_is_also_in_the_weight(detector, sessions):
    inside = json.loads(sessions[detector.name].get_modelmeta().custom_metadata_map["assay_card"])
    beside = json.loads(detector.model_dump_json())
    # What is only known once the weight is written cannot be in it.
    for name in ("sha256", "size_bytes", "measured", "schema_version"):
        beside.pop(name)
        inside.pop(name, None)
    assert inside == beside


def test_a_window_alone_is_the_window_within_a_long_stretch(detector, run, stretch):
    within = run(stretch)[0]
    for k in range(0, LONG_WINDOWS, 7):
        first = k * detector.hop_samples
        assert run(stretch[first : first + detector.window_samples])[0, 0] == pytest.approx(
            within[k], abs=SAME_INTEGERS
        )


def test_parts_of_a_window_do_not_depend_on_what_follows(detector, run, stretch):
    within = run(stretch, "part_logit")[0]
    for k in range(0, LONG_WINDOWS, 7):
        first = k * detector.hop_samples
        alone = run(stretch[first : first + detector.window_samples], "part_logit")[0]
        assert alone == pytest.approx(within[k : k + alone.size], abs=SAME_INTEGERS)


def test_a_batch_is_its_items(detector, run, stretch):
    items = np.stack([stretch[k * 5_000 :][: detector.window_samples] for k in range(5)])
    assert run(items) == pytest.approx(np.concatenate([run(item) for item in items]), abs=SAME_INTEGERS)


def test_the_same_samples_give_the_same_logits(run, stretch):
    assert np.array_equal(run(stretch), run(stretch))


@pytest.mark.parametrize("gain_db", [-12, 12])
def test_gain_does_not_matter(detector, run, stretch, gain_db):
    moved = np.mean(run(stretch * np.float32(10 ** (gain_db / 20)))) - np.mean(run(stretch))
    assert abs(moved) * detector.calibration.slope < 0.1  # in llr


@pytest.mark.parametrize("kind", ["zeros", "full scale", "alternating", "tiny", "huge", "click", "offset"])
def test_odd_input_gives_finite_logits(detector, run, kind):
    size = detector.window_samples + 3 * detector.hop_samples
    noise = np.random.default_rng(0).standard_normal(size)
    samples = {
        "zeros": np.zeros(size),
        "full scale": np.sign(noise),
        "alternating": np.resize([1.0, -1.0], size),
        "tiny": noise * 1e-30,
        "huge": noise * 2.0**30,
        "click": np.eye(1, size, size // 2)[0],
        "offset": np.ones(size),
    }[kind]
    assert np.isfinite(run(samples)).all()
    assert np.isfinite(run(samples, "part_logit")).all()


def test_noise_shifted_by_a_hop_gives_logits_shifted_by_one(detector, run):
    noise = np.random.default_rng(1).standard_normal(detector.window_samples + 9 * detector.hop_samples) * 0.1
    assert run(noise[detector.hop_samples :])[0] == pytest.approx(run(noise)[0, 1:], abs=SAME)


# Detectors: the numbers on the card


def test_windows_are_whole_hops_and_hold_the_speech_they_need(detector):
    assert detector.window_samples % detector.hop_samples == 0
    assert detector.min_speech_s * detector.sample_rate_hz <= detector.window_samples


def test_operating_points_are_ordered(detector):
    points = sorted(detector.decision.operating_points, key=lambda point: -point.max_false_alarm)
    assert points
    for looser, stricter in pairwise(points):
        assert stricter.threshold_llr >= looser.threshold_llr
        assert stricter.detection_rate <= looser.detection_rate
        assert stricter.false_alarm <= looser.false_alarm


def test_operating_points_follow_from_the_tail(detector):
    for point in detector.decision.operating_points:
        assert point.threshold_llr == pytest.approx(detector.decision.file.threshold(point.max_false_alarm))
        assert point.extrapolated == (point.max_false_alarm < detector.decision.file.survival[-1])


def test_operating_points_have_intervals_around_them(detector):
    for point in detector.decision.operating_points:
        for value, (low, high) in (
            (point.false_alarm, point.false_alarm_interval),
            (point.detection_rate, point.detection_interval),
        ):
            assert 0 <= low <= value <= high <= 1
        low, high = point.threshold_interval
        assert low <= high


def test_thresholds_are_llrs_the_calibration_can_give_or_say_that_they_are_not(detector):
    calibration = detector.calibration
    for point in detector.decision.operating_points:
        assert calibration.lowest < point.threshold_llr < calibration.highest or point.extrapolated
    assert calibration.lowest <= detector.decision.bona_fide_below_llr <= calibration.highest


def test_a_compared_recording_holds_at_least_two_stretches(detector):
    decision = detector.decision
    assert decision.min_contrast_duration_s >= 2 * decision.stretch_s
    assert decision.contrast.threshold(0.01) > 0


def test_the_training_data_are_listed_with_both_keys(detector):
    assert detector.data
    assert all(row["source"] and row["licence"] for row in detector.data)
    assert sum(row["bona_fide"] for row in detector.data) > 0
    assert sum(row["spoof"] for row in detector.data) > 0
