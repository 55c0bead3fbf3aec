"""Enrolment, verification and identification with the real networks, and what they refuse."""

from datetime import date, timedelta

import numpy as np
import pytest
import soundfile
from speaker_cases import CONSENT, Clock, make_profile, make_store

from assay.errors import DecodeError, EnrolmentRefused, MediaUnreadable, ProfileNotFound, ProfileOutdated
from assay.line import Detector
from assay.models.registry import speaker_card
from assay.settings import Settings
from assay.speaker import NO_PROOF, Consent, Recogniser
from assay.speaker.encoder import MODEL
from assay.speaker.scoring import Scorer
from assay.speaker.voice import Voice, VoiceReader


@pytest.fixture(scope="module")
def reader():
    return VoiceReader(Settings())


@pytest.fixture(scope="module")
def pieces(examples):
    """Four stretches of one person reading, as arrays with their rate."""
    samples, rate = soundfile.read(examples / "human-long.flac", dtype="float32")
    return [(part, rate) for part in np.array_split(samples, 4)]


@pytest.fixture
def recogniser(tmp_path, reader):
    return Recogniser(Settings(), store=make_store(tmp_path / "speakers"), reader=reader)


@pytest.fixture
def enrolled(recogniser, pieces):
    return recogniser.enroll(pieces[:3], name="A. Reader", consent=CONSENT)


def test_enrolment_keeps_what_it_was_made_from_and_not_the_recordings(recogniser, enrolled):
    profile = recogniser.store.load(enrolled.profile.id)
    assert enrolled.profile.recordings == 3
    assert enrolled.profile.consent == CONSENT
    assert profile.encoder.sha256 == speaker_card(MODEL).sha256
    assert len({recording.sha256 for recording in profile.recordings}) == 3
    assert len(profile.to_bytes()) < 4_000
    assert enrolled.notes == ()


def test_the_same_person_matches_and_rules_alone_do_not(recogniser, enrolled, examples):
    found = recogniser.verify(examples / "human.wav", enrolled.profile.id)
    assert found.decision == "match"
    assert found.speaker.llr >= found.operating_point.threshold_llr
    assert found.speaker.chance <= 0.01
    other = recogniser.verify(examples / "espeak.wav", "A. Reader")
    assert other.decision == "no_match"
    assert other.speaker.llr < found.speaker.llr


def test_a_copy_of_the_voice_matches_too_which_is_why_a_match_is_no_proof(recogniser, enrolled, examples):
    found = recogniser.verify(examples / "vocoded.wav", enrolled.profile.id)
    assert found.decision == "match"
    assert found.statement == NO_PROOF
    assert found.spoof is None
    assert "not scanned" in found.no_spoof


def test_a_probe_without_enough_speech_is_not_decided(recogniser, enrolled, examples, pieces):
    for probe in (examples / "noise.ogg", (pieces[3][0][: 16_000 // 4], 16_000)):
        found = recogniser.verify(probe, enrolled.profile.id)
        assert found.decision == "not_enough_speech"
        assert (found.speaker.score, found.speaker.llr, found.speaker.match) == (None, None, False)
        assert found.probe.speech_s < found.probe.needed_s == speaker_card(MODEL).min_probe_speech_s
        assert recogniser.identify(probe).decision == "not_enough_speech"


def test_an_enrolled_recording_as_probe_is_told(recogniser, enrolled, pieces):
    (note,) = recogniser.verify(pieces[0], enrolled.profile.id).notes
    assert "used to enrol A. Reader" in note


def test_answers_are_frozen_and_go_through_json(recogniser, enrolled, examples):
    found = recogniser.verify(examples / "human.wav", enrolled.profile.id)
    assert type(found).model_validate_json(found.model_dump_json()) == found
    with pytest.raises(ValueError, match="frozen"):
        found.decision = "no_match"


# Beside the match: the scan


@pytest.fixture(scope="module")
def detector():
    return Detector(settings=Settings())


def test_the_verdict_of_the_scan_stands_beside_the_match(recogniser, enrolled, examples, reader, detector):
    seeing = Recogniser(Settings(), store=recogniser.store, reader=reader, scan=detector.scan)
    found = seeing.verify(examples / "vocoded.wav", enrolled.profile.id)
    assert found.decision == "match"
    assert found.spoof.llr == detector.scan(examples / "vocoded.wav").llr
    assert found.no_spoof is None
    with (examples / "vocoded.wav").open("rb") as stream:  # can be read only once
        again = seeing.identify(stream, name="stream")
    assert again.spoof == found.spoof
    assert again.probe.sha256 == found.probe.sha256


def test_a_scan_that_fails_does_not_hide_the_match(recogniser, enrolled, examples, reader):
    def broken(source, *, name=None):
        raise DecodeError("it is broken")

    found = Recogniser(Settings(), store=recogniser.store, reader=reader, scan=broken).verify(
        examples / "human.wav", enrolled.profile.id
    )
    assert found.decision == "match"
    assert found.no_spoof == "the scan failed: it is broken"


def test_a_file_that_changed_between_match_and_scan_is_refused(recogniser, enrolled, examples, reader, detector):
    def another(source, *, name=None):
        return detector.scan(examples / "espeak.wav")

    with pytest.raises(MediaUnreadable, match="changed while it was read"):
        Recogniser(Settings(), store=recogniser.store, reader=reader, scan=another).verify(
            examples / "human.wav", enrolled.profile.id
        )


# Identification


def voice(embedding, path="probe", sha="c" * 64, speech_s=30.0):
    return Voice(embedding, speech_s, speech_s, path, sha, ())


class Fixed:
    """A reader that hears what it was told."""

    def __init__(self, found):
        self.found = found

    def read(self, source, *, name=None):
        return self.found


def encoder_of(recogniser):
    return recogniser._encoder()


def test_candidates_are_ranked_and_the_threshold_rises_with_their_number(tmp_path, reader):
    store = make_store(tmp_path)
    real = Recogniser(Settings(), store=store, reader=reader)
    profiles = [make_profile(f"Speaker {n}", seed=n, encoder=encoder_of(real)) for n in range(5)]
    for profile in profiles:
        store.save(profile)
    found = Recogniser(Settings(), store=store, reader=Fixed(voice(profiles[3].embedding))).identify("x")
    assert found.candidates[0].id == profiles[3].id
    assert [c.score for c in found.candidates] == sorted((c.score for c in found.candidates), reverse=True)
    assert found.decision == "match"
    point = found.operating_point
    assert point.comparisons == 5
    assert 1 - (1 - point.per_comparison) ** 5 == pytest.approx(point.max_false_match)
    assert point.threshold_llr > Scorer(speaker_card(MODEL)).point(0.01).threshold_llr


def test_profiles_that_cannot_be_used_are_left_out_and_told(tmp_path, reader):
    clock = Clock()
    store = make_store(tmp_path, clock=clock)
    real = Recogniser(Settings(), store=store, reader=reader)
    mine = encoder_of(real)
    good = make_profile("Good", seed=1, encoder=mine)
    old = make_profile("Old", seed=2, encoder=mine, retain_until=date(2026, 11, 9))
    foreign = make_profile("Foreign", seed=3)
    damaged = make_profile("Damaged", seed=4, encoder=mine)
    for profile in (good, old, foreign, damaged):
        store.save(profile)
    (tmp_path / f"{damaged.id}.speaker").write_bytes(b"ASSAYSPK")
    found = Recogniser(Settings(), store=store, reader=Fixed(voice(good.embedding))).identify("x")
    assert [candidate.id for candidate in found.candidates] == [good.id]
    assert set(found.left_out) == {old.id, foreign.id, damaged.id}
    assert "2026-11-09" in found.left_out[old.id]
    assert "Enrol the speaker anew" in found.left_out[foreign.id]
    with pytest.raises(ProfileOutdated, match="cannot be compared"):
        real.verify("x", foreign.id)


def test_among_nobody_nobody_is_found(tmp_path):
    embedding = make_profile().embedding
    found = Recogniser(Settings(), store=make_store(tmp_path), reader=Fixed(voice(embedding))).identify("x")
    assert (found.decision, found.candidates) == ("no_match", ())
    assert "no profile could be compared" in found.notes


# What enrolment refuses


def test_consent_in_the_future_is_refused(recogniser, pieces):
    later = Consent(recorded_by="B. Clerk", recorded_on=date(2027, 1, 1), reference="form")
    with pytest.raises(EnrolmentRefused, match="yet to come"):
        recogniser.enroll(pieces[:3], name="A", consent=later)


@pytest.mark.parametrize("field", ["recorded_by", "reference"])
def test_consent_needs_words(field):
    with pytest.raises(ValueError, match=field):
        Consent(**(CONSENT.model_dump() | {field: "  "}))


@pytest.mark.parametrize("days", [-1, 366])
def test_retention_is_from_today_to_the_longest_that_is_set(recogniser, pieces, days):
    until = recogniser.store.now().date() + timedelta(days=days)
    with pytest.raises(EnrolmentRefused, match="speaker_retention_days is 365"):
        recogniser.enroll(pieces[:3], name="A", consent=CONSENT, retain_until=until)


def test_without_a_date_a_profile_is_kept_as_long_as_is_allowed(recogniser, enrolled):
    assert enrolled.profile.retain_until == recogniser.store.now().date() + timedelta(days=365)


@pytest.mark.parametrize("count", [0, 21])
def test_one_to_twenty_recordings_are_taken(recogniser, count):
    with pytest.raises(EnrolmentRefused, match="1 to 20 are accepted"):
        recogniser.enroll(["x.wav"] * count, name="A", consent=CONSENT)


def test_one_recording_is_taken_and_more_are_recommended(recogniser, pieces):
    assert "3 to 5" in recogniser.enroll(pieces[:1], name="A", consent=CONSENT).notes[-1]


def test_a_recording_given_twice_is_refused(recogniser, pieces):
    with pytest.raises(EnrolmentRefused, match="given twice"):
        recogniser.enroll([pieces[0], pieces[0]], name="A", consent=CONSENT)


def test_recordings_without_speech_are_refused_and_nothing_is_kept(recogniser, pieces, examples):
    with pytest.raises(EnrolmentRefused, match=r"Nobody speaks|s are needed"):
        recogniser.enroll([examples / "noise.ogg"], name="A", consent=CONSENT)
    short = (pieces[0][0][16_000 : 16_000 + 8_000], 16_000)
    with pytest.raises(EnrolmentRefused, match=r"s are needed|Nobody speaks"):
        recogniser.enroll([short], name="A", consent=CONSENT)
    assert recogniser.store.list().profiles == ()


def test_a_recording_of_somebody_else_is_told(recogniser, pieces, examples):
    found = recogniser.enroll([*pieces[:2], examples / "espeak.wav"], name="A", consent=CONSENT)
    assert any("espeak.wav does not sound like the other recordings" in note for note in found.notes)


def test_a_name_is_needed(recogniser, pieces):
    with pytest.raises(EnrolmentRefused, match="1 to 200 characters"):
        recogniser.enroll(pieces[:3], name=" ", consent=CONSENT)


def test_an_unknown_speaker_is_an_error_before_anything_is_heard(recogniser):
    with pytest.raises(ProfileNotFound):
        recogniser.verify("no-such-file.wav", "nobody")


# Thresholds


def test_thresholds_follow_from_the_card_and_from_the_number_of_comparisons():
    card = speaker_card(MODEL)
    scorer = Scorer(card)
    for promised in card.operating_points:
        assert scorer.point(promised.max_false_match).threshold_llr == pytest.approx(promised.threshold_llr)
    thresholds = [scorer.point(0.01, count).threshold_llr for count in (1, 2, 10, 1_000)]
    assert thresholds == sorted(thresholds)
    assert scorer.point(0.01, 1_000).extrapolated
    assert scorer.chance(thresholds[0]) == pytest.approx(0.01, rel=1e-6)
