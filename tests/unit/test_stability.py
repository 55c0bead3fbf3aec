"""Whether a verdict holds over deliveries: with judgements by hand, with a network by hand, with the shipped weight."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from policy_cases import CLEAN, judge, make_card, spliced

from assay import Detector, ScanResult
from assay.audio.deliveries import DELIVERIES
from assay.audio.detector import AudioDetector
from assay.report import describe
from assay.stability import check_stability

RATE = 16_000
NAMES = list(DELIVERIES)
TELEPHONE = "telephone (µ-law, 8 kHz)"
SPOOF, BONA_FIDE, UNSURE = judge([7.0]), judge([-6.0]), judge([1.0])
MIXED = judge(spliced(60, 20, 30))


def checked(judgement, **others):
    """The check where deliveries, named by their number, give these judgements and the rest give the first one."""
    queue = [others.get(f"_{number}", judgement) for number in range(len(NAMES))]
    return check_stability(None, judgement, lambda _: queue.pop(0))


@pytest.mark.parametrize("first", [SPOOF, MIXED, BONA_FIDE, UNSURE])
def test_a_verdict_that_holds_is_left_as_it_is(first):
    found, stability = checked(first)
    assert found is first
    assert stability.verdict == first.verdict
    assert [one.delivery for one in stability.deliveries] == NAMES
    assert stability.llr_spread == 0


@pytest.mark.parametrize(
    ("first", "other"), [(SPOOF, BONA_FIDE), (MIXED, BONA_FIDE), (BONA_FIDE, SPOOF), (BONA_FIDE, MIXED)]
)
def test_a_verdict_that_turns_round_is_inconclusive_and_names_the_delivery(first, other):
    found, stability = checked(first, _2=other)
    assert (found.verdict, found.reasons[0].code) == ("inconclusive", "unstable")
    assert TELEPHONE in found.reasons[0].text
    assert NAMES[0] not in found.reasons[0].text
    assert found.reasons[1:] == first.reasons
    assert (found.llr, found.spoof_probability) == (first.llr, first.spoof_probability)
    assert not any(segment.suspicious for segment in found.segments)
    assert (stability.verdict, stability.deliveries[2].verdict) == (first.verdict, other.verdict)
    assert stability.llr_spread == pytest.approx(abs(first.llr - other.llr))


@pytest.mark.parametrize(
    ("first", "other"),
    [(SPOOF, UNSURE), (UNSURE, SPOOF), (BONA_FIDE, UNSURE), (UNSURE, BONA_FIDE), (SPOOF, MIXED), (MIXED, SPOOF)],
)
def test_other_moves_are_listed_and_change_nothing(first, other):
    found, stability = checked(first, _1=other)
    assert found is first
    assert stability.deliveries[1].verdict == other.verdict


def test_a_delivery_without_a_score_does_not_count_in_the_spread():
    nothing = replace(UNSURE, llr=None, spoof_probability=None, interval=None)
    assert checked(SPOOF, _1=nothing)[1].llr_spread == 0
    assert checked(nothing)[1].llr_spread is None


# With a network that can be worked out by hand


class ByBand:
    """A session that says `with_` for windows with sound above `hz`, and `without` for others."""

    def __init__(self, hz, *, with_, without):
        self._hz, self._answers = hz, (without, with_)

    def run(self, names, feed):
        samples = feed["samples"][0]
        window, hop = make_card().window_samples, make_card().hop_samples
        logits = [self._answer(samples[k : k + window]) for k in range(0, samples.size - window + 1, hop)]
        return [np.array([logits], np.float32)] * len(names)

    def _answer(self, window):
        power = np.abs(np.fft.rfft(window)) ** 2
        hertz = np.fft.rfftfreq(window.size, 1 / RATE)
        return self._answers[int(power[hertz > self._hz].sum() > 1e-5 * power.sum())]


def detector(session, *, stability=True, **settings):
    model = AudioDetector("audio-resnet", session=session)
    model.card = make_card()
    return Detector(model=model, stability=stability, **settings)


@pytest.fixture(scope="module")
def bright(speech):
    """Speech with something up to the end of the band."""
    samples, rate = speech
    return samples + (0.003 * np.random.default_rng(0).standard_normal(samples.size)).astype(np.float32), rate


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("hz", "turning"), [(4_500, [TELEPHONE]), (6_000, [TELEPHONE, "sample rate 11.025 kHz"]), (0, [])]
)
def test_a_detector_that_goes_by_bandwidth_does_not_hold(bright, hz, turning, jobs):
    by_band = detector(ByBand(hz, with_=7.0, without=-6.0), jobs=jobs)
    for found in by_band.scan_many([bright] * jobs):
        assert found.stability.verdict == "spoof"
        assert [d.delivery for d in found.stability.deliveries if d.verdict == "bona_fide"] == turning
        assert found.verdict == ("inconclusive" if turning else "spoof")
        assert (found.reasons[0].code == "unstable") == bool(turning)
        assert all(name in found.reasons[0].text for name in turning)
        assert found.stability.llr_spread == pytest.approx(13 if turning else 0)
        assert ScanResult.model_validate_json(found.model_dump_json()) == found


def test_bona_fide_turns_round_as_spoof_does(bright):
    found = detector(ByBand(4_500, with_=-6.0, without=7.0)).scan(bright)
    assert (found.verdict, found.stability.verdict) == ("inconclusive", "bona_fide")


def test_evidence_that_only_gets_weak_does_not_take_a_verdict_back(bright):
    found = detector(ByBand(4_500, with_=7.0, without=0.0)).scan(bright)
    assert found.verdict == "spoof"
    assert {d.delivery: d.verdict for d in found.stability.deliveries}[TELEPHONE] == "inconclusive"


def test_each_channel_apart_goes_through_the_deliveries(bright):
    samples, rate = bright
    both = (np.stack([np.zeros_like(samples), samples], 1), rate)
    found = detector(ByBand(4_500, with_=7.0, without=-6.0), channels="each").scan(both)
    assert (found.verdict, found.stability.verdict) == ("inconclusive", "spoof")


def test_without_the_option_nothing_is_rescored(bright):
    found = detector(ByBand(4_500, with_=7.0, without=-6.0), stability=False).scan(bright)
    assert (found.verdict, found.stability) == ("spoof", None)
    assert "stability" not in found.timings_ms


# With the shipped weight


def of(result, name):
    return next(one for one in result.stability.deliveries if one.delivery == name)


def test_gain_gives_the_same_llr(speech):
    found = Detector(stability=True).scan(speech)
    assert of(found, "gain -12 dB").llr == pytest.approx(found.llr, abs=0.05)


def test_a_cut_gives_what_the_cut_recording_gives(speech):
    samples, rate = speech
    found, cut = Detector(stability=True).scan(speech), Detector().scan((samples[rate // 2 :], rate))
    assert of(found, "first 0.5 s cut off").llr == pytest.approx(cut.llr, abs=1e-3)


@pytest.mark.parametrize("name", ["human.wav", "spliced.flac", "human-telephone.mp3"])
def test_the_check_changes_nothing_but_the_verdict(examples, name):
    plain, checked = Detector().scan(examples / name), Detector(stability=True).scan(examples / name)
    assert (checked.llr, checked.interval, checked.timeline) == (plain.llr, plain.interval, plain.timeline)
    assert checked.stability.verdict == plain.verdict
    assert checked.timings_ms["total"] > checked.timings_ms["stability"] > 0
    sides = {"spoof": 1, "mixed": 1, "bona_fide": -1, "inconclusive": 0}
    turned = any(sides[d.verdict] * sides[plain.verdict] < 0 for d in checked.stability.deliveries)
    assert checked.verdict == ("inconclusive" if turned else plain.verdict)


@pytest.mark.parametrize("seconds", [1 / RATE, 0.2, 5])
def test_nothing_turns_round_for_silence(seconds):
    found = Detector(stability=True).scan((np.zeros(round(seconds * RATE), np.float32), RATE))
    assert {(d.verdict, d.llr) for d in found.stability.deliveries} == {("inconclusive", None)}
    assert found.reasons[0].code == "silence"
    assert found.stability.llr_spread is None


def test_noise_reduction_comes_after_a_delivery(speech):
    pytest.importorskip("noisereduce")
    found = Detector(stability=True, denoise=True).scan(speech)
    assert of(found, "gain -12 dB").llr == pytest.approx(found.llr, abs=0.05)
    assert found.reasons[-1].code == "denoised"


def open_files():
    return len([*Path("/proc/self/fd").iterdir()])


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
def test_no_file_stays_open(examples, tmp_path):
    shutil.copy(examples / "human-telephone.mp3", tmp_path / "a.mp3")
    several = Detector(stability=True)
    several.scan(tmp_path / "a.mp3")
    before = open_files()
    several.scan(tmp_path / "a.mp3")
    with (tmp_path / "a.mp3").open("rb") as file:
        several.scan(file)
    assert open_files() == before


# In words


def shown(first, **others):
    result = Detector().scan((np.zeros(RATE, np.float32), RATE))
    judgement, stability = checked(first, **others)
    return describe(result.model_copy(update={**vars(judgement), "stability": stability}))


def test_the_text_says_in_one_sentence_whether_the_verdict_held():
    assert "The verdict held in all 6 other deliveries; the scores differ by up to 0.00." in shown(SPOOF)
    assert "held in 5 of 6 other deliveries and did not turn round in the rest." in shown(SPOOF, _0=UNSURE)
    assert f"The verdict does not hold: “likely synthetic” as the recording came, but {TELEPHONE}: “no sign" in shown(
        SPOOF, _2=BONA_FIDE
    )
    assert "The answer was the same in all 6 other deliveries" in shown(UNSURE)
    assert f"Delivered otherwise, 1 of 6 would get a verdict: {TELEPHONE}: likely synthetic." in shown(UNSURE, _2=SPOOF)
    assert "deliver" not in describe(Detector().scan((np.zeros(RATE, np.float32), RATE)))


def test_quality_is_judged_anew_in_each_delivery():
    narrow = judge([7.0], quality=replace(CLEAN, bandwidth_hz=2_000.0))
    assert checked(SPOOF, _2=narrow)[1].deliveries[2].verdict == "inconclusive"
