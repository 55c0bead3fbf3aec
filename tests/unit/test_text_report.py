import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DecodeError, MediaNotFound
from assay.report import describe, describe_failure, describe_summary, summarise
from assay.report.text import clock, percent, printable, span, words
from assay.result import (
    ModelReference,
    NotAnalysed,
    OperatingPointInForce,
    Reason,
    ScanFailure,
    ScanResult,
    Segment,
)

POINT = {"max_false_alarm": 0.01, "threshold_llr": 2.0, "bona_fide_below_llr": -1.0, "prior": 0.5}
VERDICTS = {
    "bona_fide": "no sign of synthesis found",
    "spoof": "likely synthetic",
    "mixed": "partly synthetic",
    "inconclusive": "cannot tell",
}


def segment(start_s, end_s, llr=0.0, **more):
    return Segment(start_s=start_s, end_s=end_s, spoof_probability=0.5, llr=llr, **more)


def result(verdict="spoof", prior=0.5, extrapolated=False, **changes):
    given = {
        "path": "talks/one.wav",
        "sha256": "0" * 64,
        "container": "wav",
        "codec": "pcm_s16",
        "sample_rate_hz": 16_000,
        "channels": 1,
        "duration_s": 60.0,
        "speech_s": 40.0,
        "verdict": verdict,
        "spoof_probability": 0.93,
        "llr": 2.6,
        "interval": (0.81, 0.9999),
        "segments": (),
        "timeline": (),
        "findings": (),
        "reasons": (Reason(code="a", text="The score is high."), Reason(code="b", text="It stays so")),
        "not_analysed": (),
        "model": ModelReference(name="m", version="1", sha256="0" * 64),
        "operating_point": OperatingPointInForce(**{**POINT, "prior": prior}, extrapolated=extrapolated),
        "timings_ms": {"total": 10.0, "decode": 4.0},
    }
    return ScanResult(**(given | changes))


def failure(path="a.wav", error=None):
    return ScanFailure.of(path, error or DecodeError("'a.wav' breaks off."))


@pytest.mark.parametrize(("verdict", "plain"), VERDICTS.items())
def test_every_verdict_is_told_in_plain_words_with_probability_interval_and_reasons(verdict, plain):
    text = describe(result(verdict))
    assert text.startswith(f"talks/one.wav: {plain}. ")
    assert "93 % (90 % interval: 81 % to over 99.9 %)" in text
    assert "The score is high. It stays so." in text
    assert "\n" not in text


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_no_text_claims_more_than_was_measured(verdict, probability):
    text = describe(result(verdict, spoof_probability=probability)).lower()
    for claim in (
        "is fake",
        "is genuine",
        "is real",
        "is authentic",
        "is synthetic",
        "proves",
        "certain",
        " 0 %",
        " 100 %",
    ):
        assert claim not in text


def test_finding_no_sign_is_said_to_be_no_proof_and_only_then():
    assert [v for v in VERDICTS if "not proof" in describe(result(v))] == ["bona_fide"]


def test_an_inconclusive_probability_is_said_not_to_be_a_verdict():
    assert "that is not a verdict" in describe(result("inconclusive"))


def test_nothing_scored_has_no_probability():
    text = describe(result("inconclusive", spoof_probability=None, llr=None, interval=None))
    assert "Nothing in it could be scored." in text
    assert "%" not in text


def test_a_prior_of_the_user_is_named_and_an_even_one_is_not():
    assert "given a prior of 5 %" in describe(result(prior=0.05))
    assert "prior" not in describe(result())


def test_a_flagged_file_tells_the_accepted_false_alarms_and_whether_they_were_checked():
    assert "at most 1 % of bona fide recordings." in describe(result())
    assert "more than the development data could check" in describe(result(extrapolated=True))
    assert "bona fide recordings" not in describe(result("bona_fide"))


def test_suspicious_stretches_are_listed_outwards_rounded_and_those_alone():
    text = describe(
        result("mixed", segments=(segment(0, 12.4), segment(12.4, 15.2, suspicious=True), segment(15.2, 60)))
    )
    assert "Suspicious: 0:12–0:16." in text


def test_many_stretches_are_cut_off_with_their_number():
    parts = tuple(segment(10 * i, 10 * i + 2, suspicious=True) for i in range(8))
    text = describe(result("mixed", segments=parts))
    assert "0:40–0:42 and 3 more." in text
    assert "0:50" not in text


def test_a_channel_is_named_as_in_the_json():
    text = describe(result("mixed", segments=(segment(1, 2, suspicious=True, channel=1),)))
    assert "0:01–0:02 (channel 1)" in text


def test_a_spoof_as_a_whole_names_its_strongest_stretch():
    text = describe(result("spoof", segments=(segment(0, 4, 1.0), segment(4, 8, 3.0), segment(8, 12, 2.0))))
    assert "The strongest signs are at 0:04–0:08." in text
    assert "strongest" not in describe(result("spoof", segments=(segment(0, 4),)))


def test_what_was_left_out_is_grouped_by_its_reason():
    gaps = [NotAnalysed(code="s", text="too little speech", start_s=10 * i, end_s=10 * i + 3) for i in range(5)]
    whole = NotAnalysed(code="d", text="The container claims more than it holds.")
    text = describe(result(not_analysed=(gaps[0], whole, *gaps[1:])))
    assert (
        "Not analysed: too little speech (0:00–0:03, 0:10–0:13, 0:20–0:23 and 2 more);"
        " The container claims more than it holds." in text
    )
    assert "Not analysed" not in describe(result())


def test_the_parts_make_up_the_whole():
    subject, verdict, rest = words(result())
    assert describe(result()) == f"{subject}: {verdict}. {rest}"


def test_a_failure_is_one_line_with_message_and_code():
    broken = failure(error=DecodeError("'a.wav' breaks off.\nGive the whole file"))
    text = "a.wav: could not be analysed. 'a.wav' breaks off. Give the whole file. [decode_failed]"
    assert describe_failure(broken) == text


def test_a_failure_without_a_path_starts_with_what_happened():
    text = describe_failure(failure("", MediaNotFound("The folder 'd' holds no sound file.")))
    assert text == "could not be analysed. The folder 'd' holds no sound file. [not_found]"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3_661.2, "1:01:01")])
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.0, "under 0.1 %"),
        (0.004, "0.4 %"),
        (0.05, "5 %"),
        (0.5, "50 %"),
        (0.984, "98 %"),
        (0.99, "99.0 %"),
        (0.9989, "99.9 %"),
        (1.0, "over 99.9 %"),
    ],
)
def test_percent(probability, text):
    assert percent(probability) == text


@given(st.floats(0, 1), st.floats(0, 1))
def test_percent_is_never_certain_and_never_turns_the_order_round(a, b):
    def number(p):
        return float(percent(p).split()[-2])

    low, high = sorted((a, b))
    assert number(low) <= number(high)
    assert percent(a) not in ("0 %", "0.0 %", "100 %", "100.0 %")


@given(st.floats(0, 1e5), st.floats(0, 1e3))
def test_a_span_covers_what_it_names(start, length):
    def seconds(text):
        total = 0
        for part in text.split(":"):
            total = 60 * total + int(part)
        return total

    first, last = map(seconds, span(start, start + length).split("–"))
    assert first <= start
    assert start + length <= last


@given(st.text())
def test_shown_text_holds_no_control_characters(text):
    assert printable(text).isprintable()


@given(st.text().filter(str.isprintable))
def test_ordinary_text_is_shown_as_it_is(text):
    assert printable(text) == text


def test_summary_counts_by_hand():
    outcomes = [
        result("spoof"),
        result("bona_fide", duration_s=30.0, speech_s=20.0),
        result("inconclusive"),
        result("inconclusive"),
        failure(),
        failure(error=MediaNotFound("no")),
        failure(),
    ]
    summary = summarise(iter(outcomes))
    assert summary.verdicts == {"bona_fide": 1, "spoof": 1, "mixed": 0, "inconclusive": 2}
    assert summary.failures == {"decode_failed": 2, "not_found": 1}
    assert (summary.inputs, summary.analysed, summary.failed, summary.decided) == (7, 4, 3, 2)
    assert summary.coverage == 0.5
    assert (summary.audio_s, summary.speech_s) == (210.0, 140.0)
    assert summary.stages_ms == {"total": 40.0, "decode": 16.0}


def test_summary_of_nothing_has_no_coverage():
    assert summarise([]).coverage is None
    assert summarise([failure()]).coverage is None


def test_summary_takes_outcomes_one_by_one():
    alive = []

    def outcomes():
        for index in range(3):
            alive.append(index)
            yield result()

    assert summarise(outcomes()).analysed == len(alive) == 3


def test_summary_in_words_gives_counts_coverage_and_speed():
    text = describe_summary(summarise([result("spoof"), result("inconclusive"), failure()]), wall_s=2.0)
    assert text == (
        "3 inputs: 1 likely synthetic, 1 cannot tell, 1 could not be analysed (1 decode_failed)."
        " Decided: 1 of 2 (50%). 2:00 of sound in 2.0 s, 60 s per second."
    )
    assert describe_summary(summarise([]), wall_s=1.0) == "0 inputs: nothing to do."
