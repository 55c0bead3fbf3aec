"""Batches: half of each key, couples that share what they can, and nothing but seed and step decides."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")

import torch

from assay.data import Trial
from assay.training.augment import Channel
from assay.training.batches import CoupledBatches, Drawer, couples_of, repeat_pad
from assay.training.corpus import Corpus, pack
from assay.training.recipe import Augmentation, Mixture

WINDOW = 65_536
LENGTH = 40_000


def trial(name, key, source="s", generator="", parent=""):
    return Trial(path=name, key=key, source=source, generator=generator, parent=parent)


def corpus_of(trials, versions=3):
    """Every clip is a ramp that tells clip (thousands), version (hundreds) and place; a spoof has its parent's."""
    names = [t.path for t in trials]
    clips = []
    for index, t in enumerate(trials):
        like = names.index(t.parent) if t.parent in names else index
        place = np.arange(LENGTH) % 100
        clips += [1000 * like + 100 * version + place for version in range(versions)]
    lengths = np.full(len(trials), LENGTH)
    starts = np.arange(len(trials) * versions).reshape(len(trials), versions) * LENGTH
    return Corpus(tuple(trials), starts, lengths, np.concatenate(clips).astype(np.int16))


@pytest.fixture
def trials():
    bona_fide = [trial(f"b{i}", "bona_fide", f"s{i % 2}") for i in range(6)]
    spoof = [trial(f"s{i}", "spoof", "s0" if i < 3 else "alone", f"g{i % 2}") for i in range(4)]
    made = [trial(f"m{i}", "spoof", "s0", "own", parent=f"b{i}") for i in range(3)]
    return [*bona_fide, *spoof, *made]


def batches(recipe, trials, **given):
    return CoupledBatches(corpus_of(trials, **given), recipe(), WINDOW, 0, 5)


def test_a_batch_is_decided_by_seed_and_step_alone(recipe, trials):
    first, again = batches(recipe, trials), batches(recipe, trials)
    for step in (4, 0, 2):  # whatever was drawn before
        for one, other in zip(first.batch(step), again.batch(step), strict=True):
            assert torch.equal(one, other)
    assert not torch.equal(first.batch(0)[0], first.batch(1)[0])
    later = CoupledBatches(first.corpus, recipe(), WINDOW, 3, 5)
    assert torch.equal(next(iter(later))[0], first.batch(3)[0])
    other_seed = CoupledBatches(first.corpus, recipe(("seed = 7", "seed = 8")), WINDOW, 0, 5)
    assert not torch.equal(other_seed.batch(0)[0], first.batch(0)[0])


def test_half_of_a_batch_is_of_each_key_and_groups_hold_one_of_each(recipe, trials):
    waves, keys, groups = batches(recipe, trials).batch(0)
    assert waves.shape == (8, WINDOW)
    assert waves.dtype == torch.float32
    assert keys.tolist() == [0] * 4 + [1] * 4
    assert groups.tolist() == [0, 1, 2, 3] * 2


def clips_of(waves):
    """Number of the clip that each wave was cut from; a spoof that we made has its parent's."""
    return ((waves[:, 0] * 32768).round().int() // 1000).tolist()


def only(kind, recipe, trials, **given):
    """Batches of one kind of couple."""
    shares = {name: float(name == kind) for name in ("content", "source", "any")}
    chosen = recipe().model_copy(update={"mixture": Mixture(**shares)})
    return CoupledBatches(corpus_of(trials, **given), chosen, WINDOW, 0, 5)


def test_a_spoof_and_its_parent_share_clip_cut_and_codec_version(recipe, trials):
    made = only("content", recipe, trials)
    for step in range(20):
        waves, _, _ = made.batch(step)
        assert torch.equal(waves[:4], waves[4:])  # ramps tell clip, version and place


def test_a_spoof_and_its_parent_share_the_channel(recipe, trials):
    waves, _, groups = only("content", recipe, trials).batch(0)
    everything = Augmentation(room=1, noise=1, band=1, clip=1)
    channel = Channel(everything, samples=WINDOW, noises=None, rooms=None, seed=1)
    treated = channel(waves, groups, torch.Generator().manual_seed(1))
    torch.testing.assert_close(treated[:4], treated[4:], atol=1e-6, rtol=0)


def test_another_speed_moves_the_pitch_of_both_alike(recipe, trials):
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(LENGTH) / 16_000)).astype(np.int16)
    corpus = corpus_of(trials, versions=1)
    corpus = replace(corpus, samples=np.tile(tone, len(trials)))
    plan = recipe().model_copy(update={"augmentation": Augmentation(speed=1)})
    waves, _, _ = CoupledBatches(corpus, plan, WINDOW, 0, 5).batch(0)
    hertz = np.abs(np.fft.rfft(waves.numpy()[:, :16_000])).argmax(1)
    assert len(set(hertz[:4])) > 1
    assert ((hertz >= 900) & (hertz <= 1100)).all()
    assert np.abs(hertz[:4] - hertz[4:]).max() <= 1


def test_couples_of_a_source_are_of_one_source(recipe, trials):
    made = only("source", recipe, trials)
    for step in range(20):
        waves, _, _ = made.batch(step)
        bona_fide, spoof = clips_of(waves[:4]), clips_of(waves[4:])
        assert {trials[i].source for i in bona_fide + spoof} == {"s0"}
        assert {trials[i].key for i in spoof} == {"spoof"}


def test_couples_of_any_kind_reach_what_has_no_counterpart(recipe, trials):
    made = only("any", recipe, trials)
    drawn = {clip for step in range(40) for clip in clips_of(made.batch(step)[0])}
    assert drawn == set(range(10))  # every genuine clip and every spoof of others


def test_couples_are_mixed_as_the_recipe_says(recipe, trials):
    chosen = recipe().model_copy(update={"mixture": Mixture(content=0.5, source=0.5, any=0)})
    made = CoupledBatches(corpus_of(trials), chosen, WINDOW, 0, 5)
    spoofs = [spoof for step in range(500) for _, spoof in made.couples(np.random.default_rng(step))]
    assert np.mean([spoof >= 10 for spoof in spoofs]) == pytest.approx(0.5, abs=0.04)  # 10 to 12 were made here


def test_pairs_share_the_codec_itself(tmp_path, speech):
    soundfile.write(tmp_path / "b.wav", speech(1.0), 16_000)
    soundfile.write(tmp_path / "m.wav", speech(1.0), 16_000)
    parent = replace(trial("b.wav", "bona_fide"), root=tmp_path)
    child = replace(trial("m.wav", "spoof", generator="g", parent="b.wav"), root=tmp_path)
    for seed in range(3):
        made = pack([parent, child], tmp_path, versions=2, seed=seed, jobs=1)
        assert all(np.array_equal(made.clip(0, version), made.clip(1, version)) for version in (1, 2))


def test_codec_versions_are_used_as_often_as_the_recipe_says(recipe, trials):
    made = batches(recipe, trials)
    waves = torch.cat([made.batch(step)[0] for step in range(50)])
    versions = (waves[:, 0] * 32768).round().int() % 1000 // 100
    shares = torch.bincount(versions, minlength=3) / len(versions)
    assert shares.tolist() == pytest.approx([0.4, 0.3, 0.3], abs=0.08)
    plain = batches(recipe, trials, versions=1).batch(0)[0]
    assert ((plain[:, 0] * 32768).round().int() % 1000 // 100 == 0).all()


def test_a_cut_is_at_least_a_second_and_fills_the_window_forwards(recipe, trials):
    made = batches(recipe, trials)
    for step in range(10):
        for wave in made.batch(step)[0]:
            place = (wave * 32768).round().int() % 100
            jumps = torch.nonzero((place.diff() % 100) != 1).flatten() + 1
            assert not len(jumps) or jumps[0] >= 16_000


def test_a_kind_that_the_corpus_lacks_gives_its_share_to_the_others(recipe, trials):
    only_made = [t for t in trials if t.key == "bona_fide" or t.parent]
    waves, _, _ = batches(recipe, only_made).batch(0)
    assert torch.equal(waves[:4], waves[4:])
    assert set(couples_of(corpus_of([t for t in trials if not t.parent]))) == {"source", "any"}


def test_a_bona_fide_trial_with_a_parent_stays_bona_fide(recipe, trials):
    odd = [*trials, trial("cut", "bona_fide", "s1", parent="b0"), trial("odd", "spoof", "s1", "g0", parent="s0")]
    kinds = couples_of(corpus_of(odd))
    assert set(kinds["content"].parents) == {10, 11, 12}
    assert 13 in np.concatenate(kinds["any"].bona_fide.members)
    assert 14 in np.concatenate(kinds["any"].spoofs.members)


def test_groups_are_drawn_with_the_root_of_their_size():
    drawer, rng = Drawer({"small": [0], "large": list(range(1, 10))}), np.random.default_rng(0)
    drawn = [drawer.draw(rng) for _ in range(8000)]
    assert drawn.count(0) / 8000 == pytest.approx(0.25, abs=0.02)  # 1 : 3


def test_padding_repeats_forwards_and_longer_input_is_cut():
    samples = np.arange(3, dtype=np.float32)
    assert repeat_pad(samples, 7).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert repeat_pad(samples, 2).tolist() == [0, 1]


def test_a_paused_clip_stands_between_zeros_and_its_couple_alike(recipe, trials):
    chosen = recipe()
    paused = chosen.augmentation.model_copy(update={"pause": 1.0, "speed": 0.0})
    plan = chosen.model_copy(update={"augmentation": paused, "mixture": Mixture(content=1, source=0, any=0)})
    waves, _, _ = CoupledBatches(corpus_of(trials), plan, WINDOW, 0, 1).batch(0)
    heard = waves != 0
    assert 0 < heard.float().mean() < LENGTH / WINDOW + 0.01  # never repeated
    starts = heard.int().argmax(1)
    assert len(set(starts.tolist())) > 2
    assert starts[: len(waves) // 2].tolist() == starts[len(waves) // 2 :].tolist()
