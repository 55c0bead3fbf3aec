"""Live sound: what is said about a stream is what a scan says about the recording, however it comes in."""

import gc
import io
import math
import tracemalloc
import wave

import numpy as np
import pytest
import soundfile
from live_cases import UNLIKE, MadeDetector, listen, lively, pcm16
from policy_cases import CLEAN, HOP_S, STRETCH_S, make_card

from assay import Detector
from assay.audio.rolling_memory import LlrMemory, Newest, RollingQuality
from assay.audio.statistics import Statistics
from assay.errors import EmptyMedia
from assay.live.judge import RECENT_S, Judge
from assay.media.pcm import PcmFormat
from assay.settings import Settings

RATE = 16_000
SAME = 1e-3  # llr; windows scored alone differ so much from windows scored together, by rounding
LEVEL_DB = 0.02  # a step of the histogram of levels
MEDIA = ("human.wav", "espeak.wav", "spliced.flac", "vocoded.wav")


@pytest.fixture(scope="module")
def line():
    return Detector(jobs=1)


@pytest.fixture(scope="module")
def sounds(examples):
    """Samples as 16-bit integers, and their rate, by name."""
    return {name: soundfile.read(examples / name, dtype="int16") for name in MEDIA}


def assert_same(result, scanned):
    """A result equals that of a scan but for what is about the file."""
    got, want = result.model_dump(exclude=UNLIKE), scanned.model_dump(exclude=UNLIKE)
    for name in ("llr", "spoof_probability", "interval"):
        assert got.pop(name) == pytest.approx(want.pop(name), abs=SAME)
    for one, other in zip(got.pop("segments"), want.pop("segments"), strict=True):
        assert one == pytest.approx(other, abs=SAME)
    for one, other in zip(got.pop("timeline"), want.pop("timeline"), strict=True):
        assert one.pop("spoof_probability") == pytest.approx(other.pop("spoof_probability"), abs=SAME)
        assert one == other
    got["reasons"], want["reasons"] = ([one["code"] for one in each["reasons"]] for each in (got, want))
    assert got == want
    for finding, other in zip(result.findings, scanned.findings, strict=True):
        assert finding.value == pytest.approx(other.value, abs=LEVEL_DB), finding.name


# The same as a scan


@pytest.mark.parametrize("name", MEDIA)
def test_the_result_is_that_of_a_scan(line, sounds, name):
    samples, rate = sounds[name]
    data, form = samples.tobytes(), PcmFormat("pcm16", rate)
    *_, last = listen(line.model, data, form, chunk=7_001)
    assert_same(last.result, line.scan((samples, rate)))
    assert last.result.model.sha256 == line.model.card.sha256


@pytest.mark.parametrize(("name", "rate"), [("human.wav", 8_000), ("espeak.wav", 48_000), ("vocoded.wav", 44_100)])
def test_the_result_is_that_of_a_scan_at_other_rates(line, sounds, name, rate):
    samples, _ = sounds[name]  # played at another speed: any sound will do
    data, form = np.tile(samples, 3).tobytes(), PcmFormat("pcm16", rate)
    *_, last = listen(line.model, data, form, chunk=20_011)
    assert_same(last.result, line.scan((np.tile(samples, 3), rate)))


def test_mulaw_is_heard_as_a_scan_hears_the_file(line, sounds):
    import soxr

    samples, rate = sounds["human.wav"]
    file = io.BytesIO()
    soundfile.write(file, soxr.resample(samples, rate, 8_000), 8_000, format="WAV", subtype="ULAW")
    with soundfile.SoundFile(io.BytesIO(file.getvalue())) as opened:
        count = opened.frames
    *_, last = listen(line.model, file.getvalue()[-count:], PcmFormat("mulaw", 8_000), chunk=160)
    assert_same(last.result, line.scan(file.getvalue()))
    assert last.result.codec == "ulaw"


@pytest.mark.parametrize("seconds", [0.3, 2.0, 4.0, 4.096, 4.2, 5.0, 5.12, 16.384, 20.0])
def test_the_result_is_that_of_a_scan_at_any_length(line, sounds, seconds):
    samples = np.tile(sounds["human.wav"][0], 3)[: round(seconds * RATE)]
    *_, last = listen(line.model, samples.tobytes(), PcmFormat("pcm16", RATE))
    assert_same(last.result, line.scan((samples, RATE)))


def test_the_llr_hardly_depends_on_encoding_and_rate(line, sounds):
    import soxr

    samples, _ = sounds["human.wav"]
    found = {}
    for rate in (16_000, 24_000, 48_000):
        data, form = pcm16(soxr.resample(samples / 32768, RATE, rate, quality="VHQ"), rate)
        found[rate] = listen(line.model, data, form)[-1].result
    # Resampling to and fro leaves what is below its pass band of 91 %; above, the score may notice.
    assert max(abs(found[rate].llr - found[16_000].llr) for rate in found) < 0.3
    assert len({one.verdict for one in found.values()}) == 1


def test_two_channels_are_their_mean_or_the_first(line, sounds):
    samples, rate = sounds["human.wav"]
    both = np.stack([samples, np.zeros_like(samples)], 1)
    mono = listen(line.model, samples.tobytes(), PcmFormat("pcm16", rate))[-1].result
    first = listen(line.model, both.tobytes(), PcmFormat("pcm16", rate, 2, "first"))[-1].result
    assert first.llr == mono.llr
    mean = listen(line.model, both.tobytes(), PcmFormat("pcm16", rate, 2))[-1].result
    assert_same(mean, line.scan((both, rate)))


# However it is cut


@pytest.mark.parametrize("chunk", [1_601, 32_000, 100_001])
def test_messages_do_not_depend_on_how_the_bytes_are_cut(line, sounds, chunk):
    samples, rate = sounds["spliced.flac"]
    data, form = samples.tobytes(), PcmFormat("pcm16", rate)
    whole, cut = listen(line.model, data, form), listen(line.model, data, form, chunk=chunk)
    assert len(whole) == len(cut) == math.ceil(len(data) / 32_000)
    for one, other in zip(whole[:-1], cut[:-1], strict=True):
        assert (one.time_s, one.verdict, one.state, one.speech_s) == (
            other.time_s,
            other.verdict,
            other.state,
            other.speech_s,
        )
        for name in ("recent", "overall"):
            scores = [getattr(message, name) for message in (one, other)]
            assert (scores[0] is None) == (scores[1] is None)
            if scores[0] is not None:
                assert scores[0].model_dump() == pytest.approx(scores[1].model_dump(), abs=SAME)


def test_a_byte_at_a_time_is_as_good_as_any(sounds):
    samples, rate = sounds["human.wav"]
    data, form = samples[:9_000].tobytes() + b"\x01", PcmFormat("pcm16", rate)
    found = [listen(MadeDetector(), data, form, chunk=chunk) for chunk in (1, None)]
    assert found[0][-1].result.sha256 == found[1][-1].result.sha256
    assert found[0][-1].result.duration_s == 9_000 / rate
    assert next(gap.code for gap in found[0][-1].result.not_analysed) == "odd_bytes"


# Second by second


def test_there_is_a_message_for_each_second_of_sound(sounds):
    for rate in (8_000, 16_000, 22_050):
        messages = listen(MadeDetector(), bytes(2 * rate * 7), PcmFormat("pcm16", rate), chunk=rate)
        assert [message.time_s for message in messages] == [1, 2, 3, 4, 5, 6, 7, 7]


def test_a_verdict_is_what_a_scan_says_of_the_sound_so_far(line, sounds):
    samples, rate = sounds["vocoded.wav"]
    messages = listen(line.model, samples.tobytes(), PcmFormat("pcm16", rate))
    so_far = line.scan((samples[: 6 * rate], rate))
    told = messages[5]
    assert told.time_s == 6
    assert told.verdict == so_far.verdict == "spoof"
    # Whole windows only: a scan fills the last one up.
    assert told.overall.llr == pytest.approx(so_far.llr, abs=0.5)
    assert told.alarm.verdict == "spoof"
    assert told.alarm.since_s <= 6


def test_before_there_is_enough_the_stream_waits_and_says_why(line, sounds):
    samples, rate = sounds["human.wav"]
    messages = listen(line.model, samples.tobytes(), PcmFormat("pcm16", rate))
    assert [message.state for message in messages[:-1]] == ["waiting"] * 4 + ["scoring"] * 3
    assert {message.reasons[0].code for message in messages[:4]} == {"too_early"}
    assert messages[3].overall is None
    assert messages[3].verdict == "inconclusive"


@pytest.mark.parametrize(("level", "code"), [(0.0, "silence"), (0.05, "no_speech")])
def test_silence_and_noise_are_not_judged(line, level, code):
    data, form = pcm16(level * np.random.default_rng(0).standard_normal(8 * RATE))
    messages = listen(line.model, data, form)
    assert {(message.state, message.recent, message.alarm) for message in messages[:-1]} == {("waiting", None, None)}
    assert {message.reasons[0].code for message in messages[5:-1]} == {code}
    assert [reason.code for reason in messages[-1].result.reasons] == [code]


def test_the_recent_score_is_of_the_last_seconds_only():
    class Turning(MadeDetector):
        def logits_of(self, stretches):
            self._mean = -5.0 if sum(shape[0] for shape in self.calls) < 30 else 5.0
            return super().logits_of(stretches)

    data, form = lively(60)
    messages = listen(Turning(), data, form, chunk=2 * RATE)
    early, late = messages[20], messages[55]
    assert early.recent.llr < -4 < 4 < late.recent.llr
    assert (early.verdict, late.verdict) == ("bona_fide", "mixed")  # it was not synthetic before
    assert late.recent.start_s >= late.time_s - RECENT_S
    assert late.recent.end_s <= late.time_s


def test_no_sound_is_an_error():
    with pytest.raises(EmptyMedia, match="without a sample"):
        listen(MadeDetector(), b"\x01", PcmFormat("pcm16", RATE))


def test_settings_for_files_are_not_applied():
    settings = Settings(stability=True, denoise=True)
    data, form = lively(6)
    result = listen(MadeDetector(), data, form, settings=settings)[-1].result
    assert (result.stability, result.operating_point.denoised) == (None, False)


# Without end


@pytest.mark.slow
def test_a_stream_of_hours_takes_no_more_memory_than_one_of_minutes():
    from assay.live import Stream, score_now

    detector = MadeDetector()
    stream = Stream(detector, Settings(), PcmFormat("mulaw", 8_000), keep_s=60.0)
    noise = np.random.default_rng(1).integers(0, 256, 15 * 8_000).astype(np.uint8).tobytes()

    def hear(minutes):
        for _ in range(minutes * 4):
            stream.feed(noise)
            last = score_now(stream, detector.logits)[-1]
            detector.calls.clear()
        return last

    def held_here():
        """Bytes of what a stream is made of; threads of services of other tests may live in this process."""
        rooms = [tracemalloc.Filter(True, f"*/assay/{room}/*", all_frames=True) for room in ("live", "audio", "media")]
        return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(rooms).traces)

    def traced():
        """Bytes that a minute leaves behind, all else replaced, and the most that were in use."""
        tracemalloc.start()
        try:
            hear(1)
            gc.collect()
            before = held_here()
            hear(1)
            gc.collect()
            return held_here() - before, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    hear(2)
    _, early_peak = traced()
    last = hear(120)
    grown, late_peak = traced()
    assert last.time_s == 124 * 60
    assert stream._lane.windows.newest.values.size == round(60 / 0.256)
    assert grown < 20_000
    assert late_peak < 1.1 * early_peak
    assert len(last.model_dump_json()) < 8_000
    held = {name: getattr(stream._lane, name) for name in ("_flags", "windows", "parts", "_quality")}
    assert all(_bytes(value) < 600_000 for value in held.values())


def _bytes(value, seen=None):
    """Bytes of the arrays that an object holds."""
    seen = set() if seen is None else seen
    if isinstance(value, np.ndarray):
        return value.nbytes
    if not hasattr(value, "__dict__") or id(value) in seen:
        return 0
    seen.add(id(value))
    return sum(_bytes(one, seen) for one in vars(value).values())


def test_of_a_long_stream_the_newest_segments_are_kept_and_all_of_it_counts():
    data, form = lively(180)
    result = listen(MadeDetector(), data, form, keep_s=60.0)[-1].result
    assert result.segments[0].start_s == pytest.approx(120, abs=3)
    assert result.timeline[0].start_s == pytest.approx(120, abs=3)
    gap = next(gap for gap in result.not_analysed if gap.code == "forgotten")
    assert gap.end_s == result.segments[0].start_s
    whole = listen(MadeDetector(), data, form)[-1].result
    assert result.llr == pytest.approx(whole.llr, abs=1e-9)
    assert (result.verdict, result.interval) == (whole.verdict, pytest.approx(whole.interval))


def test_a_part_that_stood_out_is_known_when_its_scores_are_forgotten():
    class Spliced(MadeDetector):
        """Bona fide, but for the calls of the network from the fortieth second on to the fiftieth."""

        def logits_of(self, stretches):
            self._mean = 7.5 if 40 <= len(self.calls) < 50 else -3.0
            return super().logits_of(stretches)

    data, form = lively(200)
    messages = listen(Spliced(), data, form, chunk=2 * RATE, keep_s=60.0)
    assert messages[60].verdict == "mixed"
    assert messages[60].alarm.verdict == "mixed"
    last = messages[-1]
    assert last.result.verdict == "mixed"
    whole = listen(Spliced(), data, form, chunk=2 * RATE).pop()
    spans = [[(one.start_s, one.end_s) for one in each.result.suspicious] for each in (last, whole)]
    assert spans[0] == spans[1] == [(43.008, 52.736)]
    assert last.alarm == whole.alarm == messages[60].alarm


# Figures of all, without keeping all


def test_the_newest_values_are_kept_in_order():
    newest, everything = Newest(5), np.empty(0)
    for size in (3, 0, 4, 11, 1, 2, 5, 5):
        values = everything.size + np.arange(size, dtype=float)
        newest.push(values)
        everything = np.concatenate([everything, values])
        assert newest.values.tolist() == everything[-5:].tolist()
        assert newest.first == everything.size - newest.values.size


def test_figures_of_llrs_are_those_of_all_of_them():
    llrs = np.random.default_rng(4).normal(-1, 2, 4_001).clip(-7, 8)
    llrs[::7] = np.nan
    memory = LlrMemory(-7.0, 8.0, keep=100)
    for first in range(0, llrs.size, 130):
        memory.push(llrs[first : first + 130])
    scored = llrs[~np.isnan(llrs)]
    assert (memory.count, memory.highest) == (scored.size, scored.max())
    assert (memory.mean, memory.variance) == pytest.approx((scored.mean(), scored.var()))
    assert memory.median == pytest.approx(np.median(scored), abs=2 * 15 / 8191)
    nothing = LlrMemory(-7.0, 8.0, keep=100)
    assert all(math.isnan(figure) for figure in (nothing.mean, nothing.median, nothing.variance))


def test_quality_of_a_stream_is_that_of_a_recording(speech):
    from assay.audio.quality import QualityMeter

    samples, _ = speech
    flags = np.arange(samples.size // 512 + 1) % 3 > 0
    whole = QualityMeter()
    whole.push(samples)
    rolling = RollingQuality()
    for first in range(0, samples.size, 16_000):
        last = first + 16_000 >= samples.size
        until = flags.size if last else (first + 16_000) // 512
        rolling.push(samples[first : first + 16_000], flags[first // 512 : until], last=last)
    want, got = whole.finish(flags), rolling.figures()
    assert got.snr_db == pytest.approx(want.snr_db, abs=LEVEL_DB)
    assert (got.level_db, got.clipped, got.silent) == pytest.approx((want.level_db, want.clipped, want.silent))
    assert got.bandwidth_hz == want.bandwidth_hz


# Alarms


class MadeLane:
    """A bona fide stream by the card of `policy_cases`: P(x or more) = exp(-x) of a window's llr, and of a part's above
    the median. Half of the variance of windows is the stream's own."""

    def __init__(self, random):
        self.windows, self.parts = (LlrMemory(-20.0, 20.0, 4_000) for _ in range(2))
        self._random, self._own = random, random.standard_normal()
        self.duration_s = 0.0

    @property
    def statistics(self):
        return Statistics(
            windows=self.windows.count,
            mean_llr=self.windows.mean,
            variance=self.windows.variance,
            highest_part=self.parts.highest,
            median_part=self.parts.median,
            speech_s=self.duration_s,
            quality=CLEAN,
        )

    def go_on(self):
        """Another independent stretch."""
        normal = (self._own + self._random.standard_normal()) / math.sqrt(2)
        llr = -math.log(0.5 * math.erfc(normal / math.sqrt(2)))
        count = STRETCH_S // HOP_S
        self.windows.push(np.full(count, llr))
        parts = np.full(count, 0.001)
        parts[3] += self._random.exponential()
        self.parts.push(parts)
        self.duration_s += STRETCH_S


def test_the_rate_of_alarms_does_not_rise_with_the_length_of_streams():
    card, settings, rate = make_card(), Settings(max_false_alarm=0.1), 0.1
    random, flagged, alarmed, streams = np.random.default_rng(3), 0, 0, 120
    for _ in range(streams):
        lane, judge, seen = MadeLane(random), Judge(card, settings), False
        for _ in range(75):  # ten minutes
            lane.go_on()
            judge._raise(lane, lane.statistics, lane.duration_s)
            seen = seen or judge._judged(lane, lane.statistics).verdict in ("spoof", "mixed")
        flagged += seen
        alarmed += judge.alarm is not None
    # Who acts at the first flag is wrong far more often than was accepted; who waits for the alarm is not.
    assert flagged / streams > 1.5 * rate
    assert alarmed / streams < rate


def test_an_alarm_stays():
    card, lane = make_card(), MadeLane(np.random.default_rng(0))
    judge = Judge(card, Settings())
    lane.windows.push(np.full(8, 8.0))
    lane.parts.push(np.full(8, 8.0))
    lane.duration_s = 11.0
    judge._raise(lane, lane.statistics, 11.0)
    raised = judge.alarm
    assert (raised.since_s, raised.verdict) == (11.0, "spoof")
    lane.windows.push(np.full(800, -8.0))
    judge._raise(lane, lane.statistics, 811.0)
    assert judge.alarm is raised


def test_a_wave_of_the_standard_library_is_heard(tmp_path, sounds):
    samples, rate = sounds["human.wav"]
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())
    data = (tmp_path / "a.wav").read_bytes()[44:]
    assert listen(MadeDetector(), data, PcmFormat("pcm16", rate))[-1].time_s == samples.size / rate
