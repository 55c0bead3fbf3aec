"""Batches: half of each key, pairs that share everything but the synthesis, and nothing but seed and step decides."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")

import torch

from assay.data import Trial
from assay.training.augment import Channel
from assay.training.batches import Drawer, PairedBatches, repeat_pad
from assay.training.corpus import Corpus, pack
from assay.training.recipe import Augmentation

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
    spoof = [trial(f"s{i}", "spoof", "s0", f"g{i % 2}") for i in range(4)]
    made = [trial(f"m{i}", "spoof", "s0", "own", parent=f"b{i}") for i in range(3)]
    return [*bona_fide, *spoof, *made]


def batches(recipe, trials, **given):
    return PairedBatches(corpus_of(trials, **given), recipe(), WINDOW, 0, 5)


def test_a_batch_is_decided_by_seed_and_step_alone(recipe, trials):
    first, again = batches(recipe, trials), batches(recipe, trials)
    for step in (4, 0, 2):  # whatever was drawn before
        for one, other in zip(first.batch(step), again.batch(step), strict=True):
            assert torch.equal(one, other)
    assert not torch.equal(first.batch(0)[0], first.batch(1)[0])
    later = PairedBatches(first.corpus, recipe(), WINDOW, 3, 5)
    assert torch.equal(next(iter(later))[0], first.batch(3)[0])
    other_seed = PairedBatches(first.corpus, recipe(("seed = 7", "seed = 8")), WINDOW, 0, 5)
    assert not torch.equal(other_seed.batch(0)[0], first.batch(0)[0])


def test_half_of_a_batch_is_of_each_key_and_groups_hold_one_of_each(recipe, trials):
    waves, keys, groups = batches(recipe, trials).batch(0)
    assert waves.shape == (8, WINDOW)
    assert waves.dtype == torch.float32
    assert keys.tolist() == [0] * 4 + [1] * 4
    assert groups.tolist() == [0, 1, 2, 3] * 2


def test_pairs_share_clip_cut_and_codec_version(recipe, trials):
    made = batches(recipe, trials)
    for step in range(20):
        waves, _, _ = made.batch(step)
        assert torch.equal(waves[:2], waves[4:6])  # a quarter of the batch; ramps tell clip, version and place
        assert not torch.equal(waves[2:4], waves[6:])


def test_pairs_share_the_channel(recipe, trials):
    waves, _, groups = batches(recipe, trials).batch(0)
    everything = Augmentation(room=1, noise=1, band=1, clip=1)
    channel = Channel(everything, samples=WINDOW, noises=None, rooms=None, seed=1)
    treated = channel(waves, groups, torch.Generator().manual_seed(1))
    torch.testing.assert_close(treated[:2], treated[4:6], atol=1e-6, rtol=0)


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


def test_where_every_spoof_has_its_parent_all_are_pairs(recipe, trials):
    only_made = [t for t in trials if t.key == "bona_fide" or t.parent]
    waves, _, _ = batches(recipe, only_made).batch(0)
    assert torch.equal(waves[:4], waves[4:])


def test_a_bona_fide_trial_with_a_parent_stays_bona_fide(recipe, trials):
    odd = [*trials, trial("cut", "bona_fide", "s1", parent="b0"), trial("odd", "spoof", "s1", "g0", parent="s0")]
    made = batches(recipe, odd)
    assert set(made.parent) == {10, 11, 12}
    assert 13 in np.concatenate(made.drawers["bona_fide"].members)
    assert 14 in np.concatenate(made.drawers["spoof"].members)


def test_groups_are_drawn_with_the_root_of_their_size():
    drawn = Drawer({"small": [0], "large": list(range(1, 10))}).draw(8000, np.random.default_rng(0))
    assert drawn.count(0) / 8000 == pytest.approx(0.25, abs=0.02)  # 1 : 3


def test_padding_repeats_forwards_and_longer_input_is_cut():
    samples = np.arange(3, dtype=np.float32)
    assert repeat_pad(samples, 7).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert repeat_pad(samples, 2).tolist() == [0, 1]
