"""Our own vocoders: what the networks and the loop promise on toys, and what the shipped weights do."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")

import soundfile
import torch
from training_toys import READING, ROOT
from typer.testing import CliRunner

from assay.cli import app
from assay.errors import TrainingError
from assay.training.fakes import METHODS, copy_synthesise, own
from assay.training.fakes.pitch import pitch_hz
from assay.training.fakes.spectra import stft
from assay.training.recipe import load_recipe
from assay.training.vocoders import fit as vocoder_fit
from assay.training.vocoders.clips import Clips, read_clips
from assay.training.vocoders.excitation import PITCH_HOP, excitation
from assay.training.vocoders.fit import VocoderTraining, fit_vocoder
from assay.training.vocoders.generator import FrameGenerator, make_generator, polar_istft
from assay.training.vocoders.losses import mel_of, spectral_loss
from assay.training.vocoders.recipe import HEAD_HOP, HEAD_N_FFT, load_vocoder_recipe
from assay.training.vocoders.run import train_vocoder
from assay.training.vocoders.weights import SHIPPED, load_vocoder

RECIPES = sorted((ROOT / "recipes").glob("vocoder-*.toml"))
SHIPPED_NAMES = ("vocoder-istft", "vocoder-upsample")
TOY = """
name = "toy"
version = "0.1"
kind = "istft"
seed = 5
clips = 5
held_out_clips = 1
left_out_sources = ["dev-a"]
[features]
n_fft = 256
hop = 64
n_mels = 20
fmax_hz = 8000.0
[layers]
channels = 16
hidden = 24
blocks = 2
[training]
steps = 6
batch_size = 2
segment_frames = 16
warm_up = 0.4
checkpoint_every = 3
[critics]
n_ffts = [256, 128]
channels = 4
segments = 2
"""
UPSAMPLE = (('kind = "istft"', 'kind = "upsample"'), ("hidden = 24\nblocks = 2", "upsamplings = [2, 8]"))


@pytest.fixture
def toy(tmp_path):
    """Write the toy recipe with replacements; gives its path."""

    def write(*changes):
        text = TOY
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "toy.toml").write_text(text, encoding="utf-8")
        return tmp_path / "toy.toml"

    return write


@pytest.fixture
def clips(speech):
    waves = [speech(0.5, seed) for seed in range(3)]
    pitches = tuple(pitch_hz(wave)[0].astype(np.float32) for wave in waves)
    return Clips((), tuple((wave * 32768).astype(np.int16) for wave in waves), pitches)


@pytest.fixture(params=[(), UPSAMPLE], ids=["istft", "upsample"])
def plan(request, toy):
    return load_vocoder_recipe(toy(*request.param))


def excited(length, size=1, f0=120.0):
    rng = np.random.default_rng(0)
    rows = [excitation(np.full(length // PITCH_HOP + 1, f0), length, rng) for _ in range(size)]
    return torch.from_numpy(np.stack(rows))


def weights(module):
    return torch.cat([value.detach().flatten() for value in module.parameters()])


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
@pytest.mark.parametrize("length", [8192, 8001, 1033])
def test_a_generator_makes_as_many_samples_as_asked_for(path, length):
    recipe = load_vocoder_recipe(path)
    with torch.inference_mode():
        wave = make_generator(recipe)(mel_of(torch.randn(2, length), recipe.features), excited(length, 2))
    assert wave.shape == (2, length)
    assert wave.dtype == torch.float32
    assert torch.isfinite(wave).all()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_weight_gets_a_gradient(path):
    recipe = load_vocoder_recipe(path)
    generator, wave = make_generator(recipe), torch.randn(1, 2 * recipe.features.n_fft)
    spectral_loss(generator(mel_of(wave, recipe.features), excited(wave.shape[1])), wave).backward()
    grads = {name: value.grad for name, value in generator.named_parameters()}
    assert [name for name, grad in grads.items() if grad is None or not grad.abs().sum() > 0] == []


@pytest.mark.parametrize(("n_fft", "hop"), [(1024, 256), (HEAD_N_FFT, HEAD_HOP)])
def test_the_head_gives_back_a_wave_from_its_magnitudes_and_phases(n_fft, hop):
    wave = torch.randn(2, 16 * 256, generator=torch.Generator().manual_seed(1))
    spectrum = stft(wave, n_fft, hop)
    x = torch.cat([spectrum.abs().clamp_min(1e-9).log(), spectrum.angle()], dim=1)
    torch.testing.assert_close(polar_istft(x, n_fft, hop, wave.shape[1]), wave, atol=1e-4, rtol=0)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_what_a_frame_says_is_heard_at_its_place(path):
    # A generator without bias of place: a change of one mel frame changes the wave around that frame alone.
    recipe = load_vocoder_recipe(path)
    hop, frames, changed = recipe.features.hop, 101, 50
    mel = torch.full((1, recipe.features.n_mels, frames), -3.0)
    other = mel.clone()
    other[:, :, changed] += 4
    with torch.inference_mode():
        generator = make_generator(recipe)
        length = (frames - 1) * hop
        given = excited(length)
        moved = (generator(other, given) - generator(mel, given))[0].square()
    centre = float((moved * torch.arange(length)).sum() / moved.sum()) / hop
    assert centre == pytest.approx(changed, abs=2.5)


def test_two_steps_change_the_weights_and_a_checkpoint_is_written(plan, clips, tmp_path):
    plan = plan.model_copy(update={"training": plan.training.model_copy(update={"steps": 2, "warm_up": 0.0})})
    before = VocoderTraining(plan)
    training = VocoderTraining(plan)
    losses = training.step(*clips.batch(2, plan.segment_samples, np.random.default_rng(0)))
    assert {"loss", "spectra", "mel", "adversarial", "matching", "critics"} == set(losses)
    for part in ("generator", "critics"):
        assert not torch.equal(weights(getattr(training, part)), weights(getattr(before, part)))
    averaged = fit_vocoder(plan, clips, tmp_path, resume=False)
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    assert state["done"] == 2
    assert not torch.equal(weights(averaged), weights(before.average))


def test_critics_get_no_gradient_from_the_generators_loss(plan, clips):
    training = VocoderTraining(plan.model_copy(update={"training": plan.training.model_copy(update={"warm_up": 0.0})}))
    seen = []
    training.judges.step = lambda: seen.append([value.grad.clone() for value in training.critics.parameters()])
    training.step(*clips.batch(2, plan.segment_samples, np.random.default_rng(0)))
    after = [value.grad for value in training.critics.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(seen[0], after, strict=True))


def test_training_makes_the_loss_smaller(plan, clips, monkeypatch):
    monkeypatch.setattr(vocoder_fit, "RISE_STEPS", 10)
    training = VocoderTraining(plan.model_copy(update={"training": plan.training.model_copy(update={"steps": 200})}))
    batch = clips.batch(2, plan.segment_samples, np.random.default_rng(0))
    losses = [training.step(*batch)["mel"] for _ in range(60)]
    assert losses[-1] < 0.8 * losses[0]


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(plan, clips, tmp_path, monkeypatch):
    whole = fit_vocoder(plan, clips, tmp_path, resume=False)

    class Cut(Exception):
        pass

    step = VocoderTraining.step

    def broken(self, *batch):
        if self.done == 4:  # after a checkpoint at 3, and in the adversarial part
            raise Cut
        return step(self, *batch)

    (tmp_path / "cut").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(VocoderTraining, "step", broken)
        with pytest.raises(Cut):
            fit_vocoder(plan, clips, tmp_path / "cut", resume=False)
    resumed = fit_vocoder(plan, clips, tmp_path / "cut", resume=True)
    assert torch.equal(weights(whole), weights(resumed))


def test_a_checkpoint_of_another_recipe_is_refused(plan, clips, tmp_path):
    fit_vocoder(plan, clips, tmp_path, resume=False)
    with pytest.raises(TrainingError, match="another recipe"):
        fit_vocoder(plan.model_copy(update={"seed": 6}), clips, tmp_path, resume=True)


def test_a_loss_that_is_no_number_ends_the_run(plan, clips, tmp_path, monkeypatch):
    monkeypatch.setattr(vocoder_fit, "spectral_loss", lambda made, wanted: made.sum() * float("nan"))
    with pytest.raises(TrainingError, match="learning_rate"):
        fit_vocoder(plan, clips, tmp_path, resume=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("seed = 5", "seeds = 5"), "seeds"),
        (('kind = "istft"', 'kind = "wavenet"'), "kind"),
        (("hop = 64", "hop = 200"), "half of n_fft"),
        (('kind = "istft"', 'kind = "upsample"'), "upsamplings"),
        (("segment_frames = 16", "segment_frames = 8\ncheckpoint_every = 3"), "wrong|TOML"),
        (("n_ffts = [256, 128]", "n_ffts = [1024]"), "segment_frames"),
        (("held_out_clips = 1", "held_out_clips = 5"), "held_out_clips"),
    ],
)
def test_a_wrong_recipe_is_refused_by_the_name_of_what_is_wrong(toy, change, said):
    with pytest.raises(TrainingError, match=said):
        load_vocoder_recipe(toy(change))


def test_clips_are_bona_fide_and_of_no_source_left_out(toy, protocol):
    learnt, held_out = read_clips([protocol], load_vocoder_recipe(toy()))
    both = [*learnt.trials, *held_out.trials]
    assert len(held_out.trials) == 1
    assert len({trial.path for trial in both}) == 5
    assert all(trial.key == "bona_fide" and trial.source != "dev-a" for trial in both)


def test_segments_are_as_long_as_asked_for_and_within_full_scale(clips):
    waves, given = clips.batch(5, 1000, np.random.default_rng(3))
    assert waves.shape == (5, 1000)
    assert given.shape == (5, 2, 1000)
    assert waves.abs().max() <= 1
    again = clips.batch(5, 1000, np.random.default_rng(3))
    assert torch.equal(waves, again[0])
    assert torch.equal(given, again[1])


def test_the_pitch_of_a_segment_is_the_pitch_of_its_place():
    # A clip whose samples name their own place.
    samples = np.arange(0, 32_000, dtype=np.int16)
    pitch = 100 + np.arange(401, dtype=np.float32)
    clips = Clips((), (samples,), (pitch,))
    for seed in range(5):
        wave, f0 = clips._segment(1600, np.random.default_rng(seed))
        assert len(wave) == 1600
        assert f0[0] == 100 + wave[0] / PITCH_HOP


def test_pulses_come_at_the_pitch_and_only_where_there_is_one():
    f0 = np.zeros(201)
    f0[50:150] = 125.0
    pulses, noise = excitation(f0, 16_000, np.random.default_rng(0))
    edges = slice(50 * PITCH_HOP - PITCH_HOP // 2, 150 * PITCH_HOP - PITCH_HOP // 2)
    voiced = pulses[edges]
    assert np.abs(pulses).sum() == np.abs(voiced).sum()
    assert np.sqrt(np.mean(voiced**2)) == pytest.approx(1, abs=0.05)
    spectrum = np.abs(np.fft.rfft(voiced * np.hanning(len(voiced)))) ** 2
    hz = np.fft.rfftfreq(len(voiced), 1 / 16_000)
    near = np.abs(hz - 125 * np.round(hz / 125)) < 10
    assert spectrum[near & (hz > 60)].sum() > 0.99 * spectrum.sum()
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1, abs=0.05)


def test_pulses_are_finite_where_a_period_begins():
    f0 = np.full(201, 100.0)

    class Zero:
        def standard_normal(self, length):
            return np.zeros(length)

        def uniform(self, low, high):
            return 0.0

    pulses, _ = excitation(f0, 16_000, Zero())
    assert np.isfinite(pulses).all()
    assert pulses.max() == pytest.approx(np.sqrt(2 * 76), rel=0.02)  # 76 harmonics in phase


@pytest.mark.parametrize(
    ("change", "said"),
    [(("clips = 5\n", "clips = 50\n"), "50 clips"), (('"dev-a"', '"nowhere"'), "nowhere")],
)
def test_data_that_do_not_fit_the_recipe_are_refused(toy, protocol, change, said):
    with pytest.raises(TrainingError, match=said):
        read_clips([protocol], load_vocoder_recipe(toy(change)))


def test_the_command_writes_weights_that_their_card_knows(toy, protocol, tmp_path):
    given = ["train", "vocoder", "--recipe", str(toy()), "--data", str(protocol), "--work", str(tmp_path / "work")]
    done = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert done.exit_code == 0
    generator, card = load_vocoder("toy", tmp_path / "out")
    assert isinstance(generator, FrameGenerator)
    assert card.steps == 6
    assert sum(source.clips for source in card.data) == 4
    assert {source.licence for source in card.data} == {"CC0-1.0"}
    assert card.mel_error > 0


def test_a_file_that_its_card_does_not_know_is_refused(toy, protocol, tmp_path):
    card = train_vocoder(toy(), [protocol], tmp_path / "work")
    file = card.with_suffix(".safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(TrainingError, match="SHA-256"):
        load_vocoder("toy", card.parent)
    file.unlink()
    with pytest.raises(TrainingError, match="cannot be read"):
        load_vocoder("toy", card.parent)
    card.write_text(json.dumps({"name": "toy"}), encoding="utf-8")
    with pytest.raises(TrainingError, match="not the card"):
        load_vocoder("toy", card.parent)


def test_weights_of_another_network_are_refused(toy, protocol, tmp_path):
    card = train_vocoder(toy(), [protocol], tmp_path / "work")
    other = json.loads(card.read_text(encoding="utf-8"))
    other["recipe"]["layers"]["channels"] = 18
    card.write_text(json.dumps(other), encoding="utf-8")
    with pytest.raises(TrainingError, match="do not fit"):
        load_vocoder("toy", card.parent)


def reading():
    samples, rate = soundfile.read(READING, dtype="float32", frames=3 * 16_000 + 77)
    assert rate == 16_000
    return samples


# Measured: 0.263 and 0.350 nepers.
@pytest.mark.parametrize(("name", "bound"), [("vocoder-istft", 0.29), ("vocoder-upsample", 0.38)])
def test_a_shipped_vocoder_copies_speech(name, bound):
    generator, card = load_vocoder(name)
    wave = torch.from_numpy(reading())[None]
    with torch.inference_mode():
        mel = mel_of(wave, card.features)
        given = excitation(pitch_hz(reading())[0], wave.shape[1], np.random.default_rng(0))
        made = generator(mel, torch.from_numpy(given)[None])
        error = float((mel_of(made, card.features) - mel).abs().mean())
    assert 0.01 < error < bound
    assert abs(np.corrcoef(made[0].numpy(), wave[0].numpy())[0, 1]) < 0.9


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_a_shipped_card_belongs_to_its_recipe(name):
    _, card = load_vocoder(name)
    assert card.recipe == load_vocoder_recipe(ROOT / "recipes" / f"{name}.toml")
    assert (SHIPPED / f"{name}.safetensors").stat().st_size <= 2_500_000
    assert card.sample_rate_hz == 16_000
    assert not {source.source for source in card.data} & set(card.recipe.left_out_sources)


@pytest.mark.parametrize("name", ["own-istft", "own-upsample"])
def test_some_copies_are_of_a_drawn_spectrogram(name, monkeypatch):
    asked = []
    monkeypatch.setattr(own, "as_drawn", lambda mel, rng: asked.append(1) or mel)
    for n in range(12):
        copy_synthesise(METHODS[name], reading()[:8000], parent=str(n), seed=1)
    assert 1 <= len(asked) <= 10  # 0.4 of them


@pytest.mark.parametrize("name", ["own-istft", "own-upsample"])
@pytest.mark.parametrize("length", [1, 200, 1025])
def test_short_clips_keep_their_length(name, length):
    made = copy_synthesise(METHODS[name], reading()[16_000 : 16_000 + length], parent="a", seed=1)
    assert made.shape == (length,)
    assert np.isfinite(made).all()


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_vocoders_know_nothing_of_the_detectors_development_sources(name):
    detector = load_recipe(ROOT / "recipes" / "audio-resnet.toml")
    vocoder = load_vocoder_recipe(ROOT / "recipes" / f"{name}.toml")
    assert {*detector.development_sources, *detector.left_out_sources} <= set(vocoder.left_out_sources)
