"""From a recipe and a protocol to packed clips: what is refused, what is kept, what is made again."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from training_toys import ROOT

pytest.importorskip("torch")

from assay.data import Trial
from assay.errors import TrainingError
from assay.training import corpus
from assay.training.codecs import STORE, transcode
from assay.training.corpus import load_clip, pack, read_recipe_trials, recipe_fakes
from assay.training.parallel import each
from assay.training.recipe import load_recipe

WITHOUT_WORLD = ("world = 2\n", "")


def packed(trials, folder, **given):
    return pack(trials, folder, **{"versions": 1, "seed": 7, "jobs": 1, **given})


@pytest.fixture
def count_versions(monkeypatch):
    """Paths of the clips that were packed anew."""
    made = []
    original = corpus._versions

    def versions(clip, **given):
        made.append(clip[0].path)
        return original(clip, **given)

    monkeypatch.setattr(corpus, "_versions", versions)
    return made


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("steps = 4", "steps = 0"), "optimisation.steps: .*given: 0"),
        (("steps = 4\n", ""), "optimisation.steps: Field required"),
        (("batch_size = 8", "batch_size = 6"), "optimisation.batch_size"),
        (("lpc = 2", "lpc = -2"), "fakes.lpc"),
        (("lpc = 2", "lpc = 2\n[augmentation]\nnoise = 1.5"), "augmentation.noise"),
        (("seed = 7", "seed = 7\ncolour = 1"), "colour"),
        (('name = "toy"', 'name = "../toy"'), "name"),
        (("seed = 7", "seed = -7"), "seed"),
    ],
)
def test_a_wrong_recipe_names_the_field(recipe, change, field):
    with pytest.raises(TrainingError, match=field):
        recipe(change)


def test_a_recipe_that_is_not_there_or_not_toml_is_named(tmp_path):
    with pytest.raises(TrainingError, match=r"'.*none.toml' cannot be read: No such file"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("seed =")
    with pytest.raises(TrainingError, match=r"bad.toml' is not UTF-8 TOML"):
        load_recipe(tmp_path / "bad.toml")


def test_a_fingerprint_covers_what_the_weights_depend_on(recipe):
    first = recipe().fingerprint()
    assert recipe(('name = "toy"', 'name = "joy"'), ('"A toy."', '"Another."')).fingerprint() == first
    changed = (("seed = 7", "seed = 8"), ("1e-3", "2e-3"), ("lpc = 2", "lpc = 3"), ('"dev-a", ', ""))
    assert len({recipe(change).fingerprint() for change in changed} | {first}) == 5


def test_the_shipped_recipe_is_valid():
    plan = load_recipe(ROOT / "recipes" / "audio-resnet.toml")
    assert plan.name == "audio-resnet"
    assert set(plan.fakes) <= set(corpus.METHODS)


def test_sources_are_either_trained_on_or_held_out(protocol, recipe):
    train, development = read_recipe_trials([protocol], recipe())
    assert {trial.source for trial in train} == {"train-a", "train-b"}
    assert {trial.source for trial in development} == {"dev-a", "dev-b"}


def test_an_unknown_development_source_is_named(protocol, recipe):
    with pytest.raises(TrainingError, match=r"\['dev-c'\] of the recipe are not in"):
        read_recipe_trials([protocol], recipe(('"dev-b"', '"dev-c"')))


def test_protocols_are_read_together_and_must_not_share_a_path(protocol, write_protocol_of, recipe, tmp_path):
    other = write_protocol_of(tmp_path / "other", {"train-c": (2, 1, 1.2)})
    train, _ = read_recipe_trials([protocol, other], recipe())
    assert {trial.source for trial in train} == {"train-a", "train-b", "train-c"}
    assert all(trial.file.exists() for trial in train)
    with pytest.raises(TrainingError, match=r"name 'clips/.*' more than once"):
        read_recipe_trials([protocol, protocol], recipe())


def test_a_source_left_out_is_used_for_nothing(protocol, recipe):
    plan = recipe(("codec_versions = 1", 'left_out_sources = ["train-a"]\ncodec_versions = 1'))
    train, development = read_recipe_trials([protocol], plan)
    assert {trial.source for trial in [*train, *development]} == {"train-b", "dev-a", "dev-b"}


def test_spoofs_made_from_development_clips_are_used_for_nothing(protocol, recipe):
    _, before = read_recipe_trials([protocol], recipe())
    parent = next(trial for trial in before if trial.key == "bona_fide")
    row = f"{before[-1].path}x,spoof,train,WORLD(own),,{parent.source},,{parent.path}"
    header = "path,key,partition,generator,speaker,source,licence,parent"
    lines = protocol.read_text().splitlines()[1:]
    protocol.write_text("\n".join([header, *(line + "," for line in lines), row]))
    train, development = read_recipe_trials([protocol], recipe())
    assert len(development) == len(before)
    assert not any(trial.parent for trial in [*train, *development])


@pytest.mark.parametrize(("lost", "part"), [("train", "training"), ("dev", "development")])
def test_a_part_with_one_key_is_refused(protocol, recipe, lost, part):
    rows = protocol.read_text().splitlines()
    kept = [row for row in rows if not (row.startswith(f"clips/{lost}") and ",spoof," in row)]
    protocol.write_text("\n".join(kept))
    with pytest.raises(TrainingError, match=f"The {part} part needs bona fide and spoofed trials"):
        read_recipe_trials([protocol], recipe())


def test_an_unknown_method_is_named_with_those_known(protocol, recipe, tmp_path):
    plan = recipe(("lpc = 2", "wavenet = 2"))
    with pytest.raises(TrainingError, match=r"Unknown methods \['wavenet'\].*'griffin-lim'"):
        recipe_fakes(plan, read_recipe_trials([protocol], plan)[0], tmp_path, jobs=1)


def test_more_parents_than_there_are_is_refused(protocol, recipe, tmp_path):
    plan = recipe(("lpc = 2", "lpc = 6"))
    with pytest.raises(TrainingError, match="asks for 6 parents for 'lpc', but training holds 5"):
        recipe_fakes(plan, read_recipe_trials([protocol], plan)[0], tmp_path, jobs=1)


def test_fakes_are_spoofs_of_training_clips_in_the_source_of_their_parents(protocol, recipe, tmp_path):
    plan = recipe(WITHOUT_WORLD)
    train, _ = read_recipe_trials([protocol], plan)
    made = recipe_fakes(plan, train, tmp_path / "work", jobs=1)
    parents = {trial.path: trial for trial in train}
    assert [trial.generator for trial in made] == ["Griffin-Lim(own)"] * 2 + ["LPC(own)"] * 2
    assert {trial.source for trial in made[:2]} == {"train-a", "train-b"}  # drawn evenly over sources
    for trial in made:
        parent = parents[trial.parent]
        assert (trial.key, parent.key, trial.source) == ("spoof", "bona_fide", parent.source)
        assert load_clip(trial.file).shape == load_clip(parent.file).shape
    with (tmp_path / "work" / "fakes.csv").open(newline="") as stream:
        assert [row["path"] for row in csv.DictReader(stream)] == [trial.path for trial in made]


def test_fakes_of_another_seed_are_not_taken_for_ones_own(protocol, recipe, tmp_path):
    train, _ = read_recipe_trials([protocol], recipe())
    plan = recipe(WITHOUT_WORLD, ("griffin-lim = 2\n", ""))
    first = recipe_fakes(plan, train, tmp_path, jobs=1)
    assert recipe_fakes(plan, train, tmp_path, jobs=1) == first
    with pytest.raises(TrainingError, match=r"made with seed 7, the recipe has 8\. Use another work folder"):
        recipe_fakes(plan.model_copy(update={"seed": 8}), train, tmp_path, jobs=1)


def test_a_pack_holds_each_clip_plain_and_after_a_codec(protocol, recipe, tmp_path):
    trials, _ = read_recipe_trials([protocol], recipe())
    made = packed(trials, tmp_path, versions=2)
    assert made.starts.shape == (len(trials), 3)
    for index, trial in enumerate(trials):
        plain = load_clip(trial.file)
        np.testing.assert_allclose(made.clip(index), plain, atol=1 / 32768)
        assert all(made.clip(index, version).shape == plain.shape for version in (1, 2))
        assert not np.array_equal(made.clip(index, 1), made.clip(index))


def test_a_pack_is_found_again_and_does_not_depend_on_jobs(protocol, recipe, tmp_path, count_versions):
    trials = read_recipe_trials([protocol], recipe())[0][:3]
    first = packed(trials, tmp_path)
    assert len(count_versions) == 3
    again = packed(trials, tmp_path)
    assert len(count_versions) == 3
    np.testing.assert_array_equal(first.samples, again.samples)


@pytest.mark.parametrize("lost", ["index", "data", "end of data"])
def test_half_a_pack_is_made_again(protocol, recipe, tmp_path, count_versions, lost):
    trials = read_recipe_trials([protocol], recipe())[0][:2]
    whole = np.array(packed(trials, tmp_path).samples)
    (data,), (index,) = tmp_path.glob("pack-*.i16"), tmp_path.glob("pack-*.npz")
    if lost == "end of data":
        data.write_bytes(data.read_bytes()[:-1000])
    else:
        {"index": index, "data": data}[lost].unlink()
    np.testing.assert_array_equal(packed(trials, tmp_path).samples, whole)
    assert len(count_versions) == 4


def test_a_pack_that_was_interrupted_leaves_nothing_under_its_name(protocol, recipe, tmp_path, monkeypatch):
    def stop(clip, **given):
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus, "_versions", stop)
    with pytest.raises(KeyboardInterrupt):
        packed(read_recipe_trials([protocol], recipe())[0], tmp_path)
    assert [*tmp_path.glob("pack-*.i16"), *tmp_path.glob("pack-*.npz")] == []


def test_a_pack_is_made_again_when_a_clip_or_the_codecs_change(
    protocol, recipe, tmp_path, count_versions, monkeypatch, speech
):
    trials = read_recipe_trials([protocol], recipe())[0][:2]
    packed(trials, tmp_path)
    soundfile.write(trials[0].file, speech(1.5, seed=99), 16_000)
    changed = packed(trials, tmp_path)
    assert len(count_versions) == 4
    np.testing.assert_allclose(changed.clip(0), load_clip(trials[0].file), atol=1 / 32768)
    monkeypatch.setattr(corpus, "CODECS", corpus.CODECS[:3])
    packed(trials, tmp_path)
    assert len(count_versions) == 6


def test_a_pack_without_a_fingerprint_is_taken_as_it_is(protocol, recipe, tmp_path, count_versions):
    trials = read_recipe_trials([protocol], recipe())[0][:2]
    made = packed(trials, tmp_path)
    (index,) = tmp_path.glob("pack-*.npz")
    np.savez(index, lengths=made.lengths)
    packed(trials, tmp_path)
    assert len(count_versions) == 2


def test_spoofs_made_here_go_through_the_codec_that_their_parents_went_through(speech, tmp_path):
    soundfile.write(tmp_path / "parent.ogg", speech(1.0), 16_000, format="OGG", subtype="OPUS")
    soundfile.write(tmp_path / "parent.wav", speech(1.0), 16_000)
    soundfile.write(tmp_path / "fake.wav", speech(1.0, seed=3), 16_000)
    fake = Trial(path="fake.wav", key="spoof", generator="LPC(own)", root=tmp_path)
    wanted = {"parent.ogg": transcode(load_clip(fake.file), STORE), "parent.wav": load_clip(fake.file)}
    for name, samples in wanted.items():
        parent = Trial(path=name, key="bona_fide", root=tmp_path)
        made = packed([parent, replace(fake, parent=name)], tmp_path, versions=0)
        np.testing.assert_allclose(made.clip(1), samples, atol=1 / 32768)
    other = packed([parent, replace(fake, parent=name, generator="theirs")], tmp_path, versions=0)
    np.testing.assert_allclose(other.clip(1), load_clip(fake.file), atol=1 / 32768)


@pytest.mark.parametrize(("content", "words"), [(b"no sound", "cannot be read as sound"), (b"", "cannot be read")])
def test_a_clip_that_is_no_sound_is_named(protocol, recipe, tmp_path, content, words):
    trials, _ = read_recipe_trials([protocol], recipe())
    trials[1].file.write_bytes(content)
    with pytest.raises(TrainingError, match=f"{trials[1].path}' {words}"):
        packed(trials, tmp_path)


def test_a_clip_that_is_missing_is_named(protocol, recipe, tmp_path):
    trials, _ = read_recipe_trials([protocol], recipe())
    trials[1].file.unlink()
    with pytest.raises(TrainingError, match=f"{trials[1].path}' cannot be read: No such file"):
        packed(trials, tmp_path)


def test_processes_keep_the_order_and_hand_back_our_errors(protocol, recipe, tmp_path):
    files = [trial.file for trial in read_recipe_trials([protocol], recipe())[0]]
    loaded = each(load_clip, [*files, tmp_path / "none.wav"], jobs=2)
    for file, inline in zip(files, each(load_clip, files, jobs=1), strict=True):
        np.testing.assert_array_equal(next(loaded), inline, err_msg=str(file))
    with pytest.raises(TrainingError, match=r"none.wav' cannot be read as sound"):
        next(loaded)


def test_a_recipe_extends_another_key_by_key(recipe, tmp_path):
    base = recipe()
    (tmp_path / "more.toml").write_text(
        'extends = "toy.toml"\nseed = 99\nlimits = ["one"]\n[optimisation]\nsteps = 77\n[network]\nviews = ["mels"]\n',
        encoding="utf-8",
    )
    more = load_recipe(tmp_path / "more.toml")
    expected = base.model_copy(
        update={
            "seed": 99,
            "limits": ("one",),
            "optimisation": base.optimisation.model_copy(update={"steps": 77}),
            "network": base.network.model_copy(update={"views": ("mels",)}),
        }
    )
    assert more == expected
    assert more.fingerprint() != base.fingerprint()


@pytest.mark.parametrize("named", ['"more.toml"', '"round.toml"', "3"])
def test_a_recipe_that_extends_itself_or_no_name_is_refused(tmp_path, named):
    (tmp_path / "more.toml").write_text(f"extends = {named}\n", encoding="utf-8")
    (tmp_path / "round.toml").write_text('extends = "more.toml"\n', encoding="utf-8")
    with pytest.raises(TrainingError, match="extends"):
        load_recipe(tmp_path / "more.toml")


def test_the_recipes_of_the_shipped_detector_differ_in_what_they_say():
    names = ("audio-resnet", "audio-resnet-1", "audio-resnet-mels", "audio-resnet-mels-1")
    plans = {name: load_recipe(ROOT / "recipes" / f"{name}.toml") for name in names}
    assert len({plan.fingerprint() for plan in plans.values()}) == 4
    assert len({plan.development_sources for plan in plans.values()}) == 1
    assert [plan.network.views for plan in plans.values()] == [("pulses-phase",)] * 2 + [("mels",)] * 2
