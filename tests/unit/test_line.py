"""The whole line through the public door, with the shipped weight: relations that hold whatever it says."""

import io
import math
import os
import shutil
import threading

import numpy as np
import pytest
import soundfile

from assay import Detector, ScanFailure, ScanResult, open_media, scan
from assay.audio.detector import STRETCH_WINDOWS
from assay.errors import InvalidArray, MediaError, MediaNotFound, ModelNotFound, SettingsError
from assay.settings import Settings

RATE = 16_000
SAME = 1e-3  # llr; the calibration multiplies what rounding does to a logit


@pytest.fixture(scope="module")
def detector():
    return Detector(jobs=1)


@pytest.fixture(scope="module")
def llr(detector):
    """llr of a source."""
    return lambda source, **options: detector.scan(source, **options).llr


def answer(outcome):
    """What must not change from run to run."""
    return outcome.model_dump(exclude={"timings_ms"}) if isinstance(outcome, ScanResult) else outcome.model_dump()


def reason(result):
    return result.reasons[0].code


def noise(seconds, level=0.05, seed=0):
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


# One file, many ways in


def test_path_bytes_file_and_array_give_one_answer(detector, examples, speech):
    path = examples / "human.wav"
    with path.open("rb") as file:
        found = [detector.scan(s) for s in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), file)]
    assert len({(r.llr, r.sha256, r.verdict, r.segments) for r in found}) == 1
    assert detector.scan(speech).llr == found[0].llr
    whole_numbers = soundfile.read(path, dtype="int16")[0]
    assert detector.scan((whole_numbers, RATE)).llr == found[0].llr


def test_the_same_file_twice_gives_the_same_answer(detector, examples):
    path = examples / "spliced.flac"
    assert answer(detector.scan(path)) == answer(detector.scan(path))


def test_the_one_call_gives_what_a_detector_gives(detector, examples):
    path = examples / "human.wav"
    assert answer(scan(path)) == answer(detector.scan(path))


def test_a_name_replaces_the_path(detector, speech):
    assert detector.scan(speech, name="call 7").path == "call 7"
    assert detector.scan(speech).path == "<array>"


def test_a_lossless_copy_gives_the_same_llr(llr, examples, tmp_path, speech):
    samples, rate = speech
    soundfile.write(tmp_path / "copy.flac", samples, rate, subtype="PCM_16")
    assert llr(tmp_path / "copy.flac") == llr(examples / "human.wav")


def test_the_name_of_a_file_means_nothing(llr, examples, tmp_path):
    shutil.copy(examples / "vocoded.wav", tmp_path / "human.mp3")
    assert llr(tmp_path / "human.mp3") == llr(examples / "vocoded.wav")


def test_mono_is_the_mean_of_stereo(llr, speech):
    samples, rate = speech
    left, right = samples, np.roll(samples, 4_000) / 2
    assert llr((np.stack([left, right], 1), rate)) == llr(((left + right) / 2, rate))


@pytest.mark.parametrize("gain_db", [-12, -6, 6, 12])
def test_gain_does_not_matter(llr, speech, gain_db):
    samples, rate = speech
    louder = (samples * 10 ** (gain_db / 20)).astype(np.float32)
    assert llr((louder, rate)) == pytest.approx(llr(speech), abs=0.05)


def test_polarity_does_not_matter(llr, speech):
    samples, rate = speech
    # The faint noise that zeros are filled with is not turned round with them.
    assert llr((-samples, rate)) == pytest.approx(llr(speech), abs=0.02)


def test_threads_do_not_matter(llr, examples):
    several = Detector(threads=3)
    assert several.scan(examples / "human-long.flac").llr == pytest.approx(llr(examples / "human-long.flac"), abs=SAME)


# What a result says


@pytest.mark.parametrize("name", ["human.wav", "human-long.flac", "human-telephone.mp3", "spliced.flac", "espeak.wav"])
def test_a_result_is_consistent_in_itself(detector, examples, name):
    found = detector.scan(examples / name)
    low, high = found.interval
    assert 0 <= low <= found.spoof_probability <= high <= 1
    assert found.spoof_probability == pytest.approx(1 / (1 + math.exp(-found.llr)))
    assert found.model.sha256 == detector.model.card.sha256
    assert found.duration_s == pytest.approx(soundfile.info(examples / name).duration, abs=0.1)
    assert 1 < found.speech_s <= found.duration_s
    assert found.segments[0].start_s == 0
    assert found.segments[-1].end_s == pytest.approx(found.duration_s, abs=1e-3)
    assert ScanResult.model_validate_json(found.model_dump_json()) == found
    assert {"open", "decode", "speech", "network", "decide", "total"} <= set(found.timings_ms)


def test_settings_reach_the_verdict(examples):
    path = examples / "human.wav"
    base, moved = scan(path), scan(path, prior=0.1, max_false_alarm=0.05)
    assert moved.operating_point.max_false_alarm == 0.05
    assert moved.operating_point.threshold_llr < base.operating_point.threshold_llr
    assert moved.spoof_probability < base.spoof_probability
    assert moved.llr == base.llr


# Cannot tell


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        (np.zeros(5 * RATE, np.float32), "silence"),
        (np.zeros(RATE // 5, np.float32), "silence"),
        (noise(5), "no_speech"),
        (noise(0.2), "no_speech"),
        (noise(60), "no_speech"),
        (np.zeros(1, np.float32), "silence"),
        (np.ones(RATE, np.float32), "no_speech"),
    ],
)
def test_without_speech_nothing_is_judged(detector, samples, code):
    found = detector.scan((samples, RATE))
    assert (found.verdict, reason(found)) == ("inconclusive", code)
    assert (found.llr, found.spoof_probability, found.interval, found.segments) == (None, None, None, ())
    assert found.not_analysed[0].end_s == pytest.approx(found.duration_s, abs=1e-3)


@pytest.mark.parametrize("seconds", [0.2, 0.5, 0.9])
def test_too_little_speech_is_not_judged(detector, speech, seconds):
    samples, rate = speech
    found = detector.scan((samples[rate : rate + round(seconds * rate)], rate))
    assert (found.verdict, reason(found)) == ("inconclusive", "too_little_speech")


def test_too_little_speech_in_a_long_file_is_not_judged(detector, speech):
    samples, rate = speech
    padded = np.concatenate([noise(15, 1e-4), samples[rate : rate + rate // 2], noise(15, 1e-4)])
    found = detector.scan((padded, rate))
    assert (found.verdict, reason(found), found.llr) == ("inconclusive", "too_little_speech", None)


def test_parts_of_a_long_recording_come_once_each_and_in_order(detector, examples):
    whole, rate = soundfile.read(examples / "human-long.flac", dtype="float32")
    card, samples = detector.model.card, np.resize(whole, 50 * rate)
    scores = detector.model.score(open_media((samples, rate), settings=detector.settings)).channels[0]
    assert scores.llrs.size > 2 * STRETCH_WINDOWS  # three stretches
    assert scores.part_llrs.size - scores.llrs.size == (card.window_samples - card.part_samples) // card.hop_samples
    for k in (0, STRETCH_WINDOWS - 1, STRETCH_WINDOWS, STRETCH_WINDOWS + 3, 2 * STRETCH_WINDOWS + 1):
        logit = detector.model.logits(samples[k * card.hop_samples :][: card.window_samples])[1][0]
        assert scores.part_llrs[k] == pytest.approx(card.calibration.apply(logit), abs=0.05)


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_around_the_length_of_a_window_nothing_jumps(detector, speech, extra):
    samples, rate = speech
    card = detector.model.card
    found = detector.scan((samples[: card.window_samples + extra], rate))
    exact = detector.scan((samples[: card.window_samples], rate))
    # One more window may appear, made of the same samples but for a hop.
    cells = card.window_samples // card.hop_samples
    assert len(found.timeline[0].spoof_probability) == cells + (extra > 0)
    assert abs(found.llr - exact.llr) < 0.5 * (card.calibration.highest - card.calibration.lowest)
    assert found.segments[-1].end_s == pytest.approx(found.duration_s, abs=1e-3)


def test_speech_long_after_silence_is_still_found(detector, speech):
    samples, rate = speech
    found = detector.scan((np.concatenate([noise(40, 1e-4), samples]), rate))
    assert found.llr is not None
    assert found.segments[0].start_s > 30
    assert found.not_analysed[0].start_s == 0


# Channels apart


def test_speech_in_one_channel_is_judged_in_that_channel(detector, speech):
    samples, rate = speech
    apart = Detector(channels="each").scan((np.stack([np.zeros_like(samples), samples], 1), rate))
    assert apart.llr == pytest.approx(detector.scan(speech).llr, abs=SAME)
    assert {segment.channel for segment in apart.segments} == {1}
    assert [line.channel for line in apart.timeline] == [0, 1]
    assert [gap.text for gap in apart.not_analysed] == ["too little speech in channel 0"]


def test_channels_apart_are_channels_alone(llr, speech):
    samples, rate = speech
    other = np.roll(samples, 30_000)
    apart = Detector(channels="each").scan((np.stack([samples, other], 1), rate))
    alone = [llr(speech), llr((other, rate))]
    assert min(abs(apart.llr - one) for one in alone) < SAME
    assert {segment.channel for segment in apart.segments} == {0, 1}


def test_one_channel_apart_is_the_file(detector, speech):
    apart, mixed = Detector(channels="each").scan(speech), detector.scan(speech)
    assert answer(apart) == answer(mixed)


# Errors


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_array_with_values_that_are_no_sound_is_refused(detector, speech, bad):
    broken = speech[0].copy()
    broken[100] = bad
    with pytest.raises(InvalidArray, match="not finite"):
        detector.scan((broken, RATE))


def test_an_array_without_a_rate_is_refused(detector, speech):
    with pytest.raises(InvalidArray, match="sample rate"):
        detector.scan(speech[0])


def test_an_unknown_model_is_refused_before_any_file():
    with pytest.raises(ModelNotFound, match="no-such"):
        Detector(audio_model="no-such")


def test_an_unknown_setting_is_refused(examples):
    with pytest.raises(SettingsError, match="no_such_setting"):
        scan(examples / "human.wav", no_such_setting=1)


def test_settings_and_single_settings_together_are_refused():
    with pytest.raises(SettingsError, match="jobs"):
        Detector(settings=Settings(), jobs=4)


# Many files


@pytest.fixture
def batch(examples, tmp_path, speech):
    """Good, bad, absent, empty and in-memory inputs."""
    (tmp_path / "broken.wav").write_bytes((examples / "human.wav").read_bytes()[:30])
    (tmp_path / "text.wav").write_text("no sound at all")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "folder").mkdir()
    return [
        examples / "human.wav",
        tmp_path / "broken.wav",
        tmp_path / "text.wav",
        tmp_path / "absent.wav",
        examples / "noise.ogg",
        (np.full(100, np.nan), RATE),
        b"",
        speech,
        tmp_path / "empty.wav",
        tmp_path / "folder",
        io.BytesIO(b"nothing"),
        str(examples / "espeak.wav"),
    ]


def test_a_bad_input_is_a_failure_in_its_place_and_the_batch_goes_on(detector, batch):
    found = list(detector.scan_many(batch))
    codes = [outcome.error.code if isinstance(outcome, ScanFailure) else "" for outcome in found]
    good = {0, 4, 7, 11}
    assert {n for n, code in enumerate(codes) if not code} == good
    assert codes[3] == "not_found"
    assert codes[5] == "invalid_array"
    assert codes[6] == codes[8] == "empty"
    assert codes[9] == "not_found"
    names = [outcome.path for outcome in found]
    assert names[1:4] == [str(path) for path in batch[1:4]]
    assert names[5:8] == ["<array>", "<bytes>", "<array>"]
    assert names[9] == str(batch[9])
    assert names[10] == "<file>"
    assert all(outcome.error.message for n, outcome in enumerate(found) if n not in good)


def test_several_jobs_give_the_same_outcomes_in_the_same_order(detector, batch):
    def fresh():
        return [io.BytesIO(b"nothing") if isinstance(source, io.BytesIO) else source for source in batch]

    several = Detector(jobs=4)
    assert [answer(o) for o in several.scan_many(fresh())] == [answer(o) for o in detector.scan_many(fresh())]


def test_jobs_share_a_detector_safely(detector, examples):
    several = Detector(jobs=4)
    names = ["human.wav", "vocoded.wav", "human-long.flac", "espeak.wav"] * 3
    found = [o.llr for o in several.scan_many([examples / name for name in names], expanded=True)]
    assert found == [detector.scan(examples / name).llr for name in names]


def test_folders_and_patterns_are_expanded_and_nothing_is_scanned_twice(detector, examples, tmp_path):
    for name in ("b.wav", "a.wav", "c.txt"):
        shutil.copy(examples / "noise.ogg", tmp_path / name)
    (tmp_path / "c.txt").write_text("no sound")
    found = list(detector.scan_many([tmp_path, tmp_path / "a.wav", str(tmp_path / "*.wav")]))
    assert [outcome.path for outcome in found] == [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")]


def test_what_is_done_is_left_out(detector, examples):
    paths = [str(examples / name) for name in ("human.wav", "noise.ogg", "espeak.wav")]
    assert [o.path for o in detector.scan_many(paths, done={paths[0], paths[2]})] == [paths[1]]


def test_a_single_path_is_a_list_of_one(detector, examples):
    for source in (examples / "noise.ogg", str(examples / "noise.ogg")):
        assert [outcome.path for outcome in detector.scan_many(source)] == [str(source)]


def test_expanded_sources_give_exactly_one_outcome_each(detector, examples, tmp_path):
    path = examples / "noise.ogg"
    sources = [path, path, tmp_path, tmp_path / "*.wav"]
    kinds = [type(outcome) for outcome in detector.scan_many(sources, expanded=True)]
    assert kinds == [ScanResult, ScanResult, ScanFailure, ScanFailure]


@pytest.mark.parametrize("jobs", [1, 3])
def test_sources_are_taken_lazily(examples, jobs):
    taken = []

    def sources():
        for n in range(100):
            taken.append(n)
            yield examples / "noise.ogg"

    outcomes = Detector(jobs=jobs).scan_many(sources(), expanded=True)
    assert taken == []
    next(outcomes)
    outcomes.close()
    assert len(taken) <= 2 * jobs


def test_an_abandoned_batch_leaves_no_threads(examples):
    before = threading.active_count()
    outcomes = Detector(jobs=3).scan_many([examples / "noise.ogg"] * 20, expanded=True)
    next(outcomes)
    outcomes.close()
    assert threading.active_count() == before


def test_a_result_comes_as_soon_as_it_is_there(examples):
    """A slow list of inputs does not hold back what is already known."""
    first_is_out = threading.Event()

    def sources():
        yield examples / "noise.ogg"
        for _ in range(3):
            threading.Event().wait(0.2)  # the first is scanned by now
            yield examples / "noise.ogg"
        assert first_is_out.is_set()

    outcomes = Detector(jobs=4).scan_many(sources(), expanded=True)
    next(outcomes)
    first_is_out.set()
    assert len(list(outcomes)) == 3


@pytest.mark.skipif(os.name != "posix", reason="names of files are text here")
def test_a_file_name_that_is_no_text_is_scanned(detector, examples, tmp_path):
    odd = os.fsencode(tmp_path) + b"/\xff.ogg"
    shutil.copy(examples / "noise.ogg", odd)
    (outcome,) = detector.scan_many([tmp_path])
    assert os.fsencode(outcome.path) == odd


def test_only_errors_of_media_leave_a_scan(detector, batch):
    for source in [*batch[1:4], batch[5], b"", b"RIFF", object(), None, 3]:
        with pytest.raises(MediaError):
            detector.scan(source)
    with pytest.raises(MediaNotFound):
        detector.scan(batch[3])
