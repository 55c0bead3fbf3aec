"""Calibrating the speaker encoder: who is one person, what is compared with what, figures by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import TrainingError
from assay.metrics import cllr, equal_error_rate, min_dcf
from assay.models.registry import weights_folder
from assay.speaker.encoder import unit
from assay.training.speaker.comparing import Clip, compare, divided, enrolment, fit, group_of, mean_voice, scores
from assay.training.speaker.corpus import Utterance, chosen, person_of, read_protocols
from assay.training.speaker.figures import (
    Comparisons,
    cost_of_llr,
    curve,
    equal_error,
    min_cost,
    rates,
    summary,
)
from assay.training.speaker.folds import Folds, Study
from assay.training.speaker.hearing import NOISE_DB, in_room, with_noise
from assay.training.speaker.page import figures, write_figures
from assay.training.speaker.run import development, operating_points

SCORES = st.lists(st.integers(-5, 5), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("label", "person"),
    [
        ("LJ", "LJ"),
        ("lj", "LJ"),
        ("VCTK", None),
        ("LibriSpeech/LibriTTS", None),
        ("", None),
        ("LibriSpeech-1089", "Libri-1089"),
        ("LibriTTS-1089", "Libri-1089"),
        ("LibriSpeech-1089-134686-0004", "Libri-1089"),
        ("VCTK-p225", "VCTK-p225"),
        ("VCTK_p225", "VCTK-p225"),
        ("RAVDESS-07", "RAVDESS-07"),
    ],
)
def test_labels_are_persons_or_nobody(label, person):
    assert person_of(label, "some/source") == person


def test_sources_whose_labels_are_languages_name_nobody():
    assert person_of("klettres-de", "debian:klettres-data") is None


def test_protocols_give_persons_and_each_source_once(tmp_path):
    head = "path,key,partition,generator,speaker,source,parent\n"
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(f"{head}a.flac,bona_fide,train,,S1,one,\nb.flac,spoof,train,WORLD(own),S1,one,a.flac\n")
    second.write_text(
        f"{head}c.flac,bona_fide,train,,S1,one,\nd.flac,spoof,eval,VITS,S1,two,\n"
        "e.flac,bona_fide,eval,,VCTK,two,\nf.flac,spoof,train,WORLD-VC(own),S1,three,a.flac\n"
    )
    found = read_protocols([first, second])
    assert [(one.row, one.spoof, one.method) for one in found] == [
        ("a.flac", False, ""),
        ("b.flac", True, "copy-synthesis"),
        ("d.flac", True, "clone"),
    ]
    assert found[1].parent == "a.flac"


def comparisons(own, others, weights=None):
    llr = np.array([*own, *others], float)
    target = np.arange(llr.size) < len(own)
    people = np.arange(llr.size)
    weight = np.ones(llr.size) if weights is None else np.asarray(weights, float)
    return Comparisons(llr, llr, target, weight, people, np.where(target, people, people + 1_000))


@settings(max_examples=80, deadline=None)
@given(own=SCORES, others=SCORES)
def test_without_weights_the_figures_are_those_of_the_metrics(own, others):
    found = comparisons(own, others)
    own, others = np.array(own, float), np.array(others, float)
    assert equal_error(*curve(found)) == pytest.approx(equal_error_rate(others, own).rate, abs=1e-9)
    assert cost_of_llr(found) == pytest.approx(cllr(others, own))
    assert min_cost(*curve(found)) == pytest.approx(min_dcf(others, own, prior=0.01, cost_miss=1, cost_false_alarm=1))


def test_a_weight_of_two_is_the_same_comparison_twice():
    once = comparisons([3, 1], [2, 0], [2, 1, 2, 1])
    twice = comparisons([3, 3, 1], [2, 2, 0])
    for figure in (lambda one: equal_error(*curve(one)), cost_of_llr, lambda one: rates(one, 1.5)):
        assert figure(once) == pytest.approx(figure(twice))
    assert rates(once, 1.5) == pytest.approx((2 / 3, 1 / 3))


def test_perfect_reversed_and_constant_scores():
    for own, others, rate in (([2, 3], [0, 1], 0), ([0, 1], [2, 3], 1), ([1, 1], [1, 1], 0.5)):
        assert equal_error(*curve(comparisons(own, others))) == pytest.approx(rate)


def test_persons_drawn_together_count_on_both_sides():
    found = comparisons([1.0, 2.0], [0.0])
    for one in found.resampled(0, 50):
        assert (one.weight >= 0).all()
        assert one.weight[~one.target].sum() > 0
        assert one.weight[one.target].sum() > 0


def made_clips(persons=12, files=7, sources=4, spread=0.35, seed=0):
    """Persons as directions with noise, in sources that have a direction of their own."""
    rng = np.random.default_rng(seed)
    places = rng.standard_normal((sources, 256)) * 0.3 + 0.5
    clips = []
    for person in range(persons):
        centre = places[person % sources] + rng.standard_normal(256) * 0.5
        for number in range(files):
            one = Utterance(
                path=f"{person}/{number}",
                person=f"P{person:02}",
                source=f"source {person % sources}",
                language=("en", "de")[person % 2],
                licence="CC0",
                partition="train",
                row=f"{person}/{number}",
            )
            clips.append(Clip(one, unit(centre + rng.standard_normal(256) * spread * 2), 3.0))
    return clips


def test_a_person_is_enrolled_with_three_and_probed_with_the_others():
    clips = made_clips(persons=3)
    enrolled, probes = divided([*clips, *made_clips(persons=4, files=3)[9:12]])
    assert [len(one.files) for one in enrolled] == [3, 3, 3]
    assert not {row for one in enrolled for row in one.files} & {clip.utterance.row for clip in probes[:12]}
    assert sum(clip.utterance.person == "P03" for clip in probes) == 2  # too few to be enrolled: others' probes only


def test_impostors_of_the_same_source_weigh_as_much_as_all_others():
    clips = made_clips(persons=12)
    enrolled, probes = divided(clips)
    numbers = {f"P{n:02}": n for n in range(12)}
    found = compare(enrolled, probes, scores(enrolled, probes, None), numbers)
    first = found.enrolled == 0
    alike = first & ~found.target & (found.probed % 4 == 0)
    assert found.weight[first & found.target].sum() == pytest.approx(1)
    assert found.weight[alike].sum() == pytest.approx(0.5)
    assert found.weight[first & ~found.target].sum() == pytest.approx(1)


def test_an_enrolment_is_the_mean_of_its_recordings_as_a_profile_is():
    clips = made_clips(persons=1)[:3]
    assert enrolment(clips).embedding == pytest.approx(unit(np.mean([c.embedding for c in clips], axis=0)))


def test_the_centre_is_the_mean_over_persons_however_many_files_each_has():
    clips = made_clips(persons=2)
    uneven = [*clips[:7], *clips[7:9]]
    expected = (
        np.mean([c.embedding for c in uneven[:7]], axis=0) + np.mean([c.embedding for c in uneven[7:]], axis=0)
    ) / 2
    assert mean_voice(uneven) == pytest.approx(expected)


def test_files_of_a_person_are_drawn_the_same_way_each_time():
    utterances = [clip.utterance for clip in made_clips(persons=3)]
    first = chosen(utterances, 2, 0)
    assert len(first) == 6
    assert first == chosen(list(reversed(utterances)), 2, 0)
    assert first != chosen(utterances, 2, 1)


def test_readers_of_one_library_are_one_group():
    one = Utterance("x", "Libri-1", "a", "en", "", "train")
    other = Utterance("x", "VCTK-p225", "b", "en", "", "train")
    assert group_of(one) == group_of(other)
    assert group_of(Utterance("x", "RAVDESS-1", "c", "en", "", "train")) == "c"


@pytest.fixture(scope="module")
def folds():
    return Folds(Study(made_clips(persons=64, sources=16)), centred=True)


def test_no_fold_is_judged_by_itself(folds):
    study = folds.study
    one = study.enrolled[0]
    fold = folds.of_group[one.group]
    without = [clip for clip in study.clips if folds.of_group[group_of(clip.utterance)] != fold]
    assert folds.fitted[fold].centre == pytest.approx(mean_voice(without))
    assert one.person not in {clip.utterance.person for clip in without}


def test_what_is_fitted_separates_made_persons_and_keeps_its_promise(folds):
    figures = development(folds)["all"]
    assert figures["speakers"] == 64
    assert figures["eer"] < 0.05
    assert figures["cllr"] < 0.3
    low, high = figures["false_match_interval"]
    assert low <= 0.02
    assert low <= figures["false_match"] <= high
    assert set(development(folds)["by_language"]) == {"de", "en"}


def test_operating_points_are_ordered_and_follow_from_the_impostors(folds):
    study = folds.study
    final = fit(study.clips, study.enrolled, study.probes, study.numbers, centred=True)
    points = operating_points(folds, final)
    assert [p["max_false_match"] for p in points] == sorted((p["max_false_match"] for p in points), reverse=True)
    thresholds = [p["threshold_llr"] for p in points]
    assert thresholds == sorted(thresholds)
    assert thresholds[1] == pytest.approx(final.impostor.threshold(0.01))


def test_a_summary_without_comparisons_is_a_count():
    assert summary(comparisons([1.0], []), 0.0) == {"speakers": 1, "own_probes": 1, "others_probes": 0}


def test_noise_and_room_do_what_they_say():
    voice = np.sin(np.arange(32_000) / 9).astype(np.float32) * np.float32(0.1)
    noise = with_noise(voice) - voice
    assert 10 * np.log10(np.mean(voice**2) / np.mean(noise**2)) == pytest.approx(NOISE_DB, abs=0.01)
    click = np.zeros(16_000, np.float32)
    click[100] = 1
    wet = in_room(click)
    assert wet[:100] == pytest.approx(0, abs=1e-6)
    assert wet[100] == pytest.approx(1, abs=0.01)
    assert 0 < np.abs(wet[6_000:8_000]).mean() < np.abs(wet[200:2_000]).mean()


def test_the_page_shows_what_stands_on_the_card():
    card = json.loads((weights_folder() / "resemblyzer.json").read_text(encoding="utf-8"))
    page = (Path(__file__).parents[2] / "docs" / "speaker.md").read_text(encoding="utf-8")
    assert figures(card) in page


def test_a_page_without_its_marks_is_an_error(tmp_path):
    (tmp_path / "page.md").write_text("nothing")
    with pytest.raises(TrainingError, match="no lines"):
        write_figures(tmp_path / "page.md", {})
