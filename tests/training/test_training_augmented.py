"""Augmented copies: listed with their parents, replayable, alike for a spoof and what it was made from."""

import numpy as np
import pytest
import soundfile
from PIL import Image

from assay.data import Trial, read_protocol
from assay.errors import TrainingError
from assay.training.augmented import Order, augment_folder, treated_picture, treated_sound
from assay.training.recipe import Augmentation

RATE = 16_000
NOTHING = Augmentation(codec=0, room=0, noise=0, band=0, clip=0, mask=0)


def tone(seconds=1.0, hertz=440):
    """Rounded to 16 bits, so that every lossless file holds the same."""
    wave = 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return (np.round(wave * 2**15) / 2**15).astype(np.float32)


@pytest.fixture
def trials(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    soundfile.write(folder / "a.wav", tone(), RATE)
    soundfile.write(folder / "b.flac", tone(), RATE)
    pixels = np.random.default_rng(0).integers(0, 256, (120, 150, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "c.png")
    return [
        Trial("a.wav", "bona_fide", "train", speaker="ann", source="s", root=folder),
        Trial("b.flac", "spoof", "train", "vocoder", speaker="ann", source="s", parent="a.wav", root=folder),
        Trial("c.png", "spoof", "train", "gan", source="t", root=folder),
    ]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_copy_has_its_row_that_names_its_parent(trials, tmp_path):
    made = augment_folder(trials, Order(tmp_path / "to", copies=2))
    read = read_protocol(tmp_path / "to" / "protocol.csv")
    assert read == list(made.trials)
    assert [trial.parent for trial in read] == ["a.wav", "a.wav", "b.flac", "b.flac", "c.png", "c.png"]
    kept = [(t.key, t.generator, t.speaker, t.source, t.partition) for t in read[::2]]
    assert kept == [(t.key, t.generator, t.speaker, t.source, t.partition) for t in trials]
    header, first, *_ = (tmp_path / "to" / "protocol.csv").read_text().splitlines()
    assert header.endswith("parent,parent_root,augmentation")
    assert first.endswith("a.wav,data,0/0")
    assert all(trial.file.is_file() for trial in read)
    for trial in read[:4]:
        samples, rate = soundfile.read(trial.file)
        assert (rate, np.isfinite(samples).all(), trial.path.endswith(".flac")) == (RATE, True, True)
    with Image.open(read[4].file) as image:
        assert image.size == (80, 80)  # the largest multiple of 16 that leaves 32 pixels to cut from


def test_the_same_seed_gives_the_same_files_and_another_one_others(trials, tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        augment_folder(trials, Order(tmp_path / name, seed=seed))
    assert contents(tmp_path / "one") == contents(tmp_path / "again")
    assert not set(contents(tmp_path / "one")) & set(contents(tmp_path / "other")) - {"protocol.csv"}


def test_what_is_there_is_not_made_again(trials, tmp_path):
    order = Order(tmp_path / "to")
    first = augment_folder(trials, order).trials[0].file
    first.write_bytes(b"kept")
    augment_folder(trials, order)
    assert first.read_bytes() == b"kept"


def test_a_spoof_and_its_parent_are_treated_alike(trials, tmp_path):
    """Here both hold the same tone, so their copies must be the same, too."""
    settings = Augmentation(codec=1, room=1, noise=1, band=1, clip=1)
    made = augment_folder(trials[:2], Order(tmp_path / "to", copies=3, settings=settings)).trials
    sounds = [soundfile.read(trial.file)[0] for trial in made]
    for copy in range(3):
        np.testing.assert_array_equal(sounds[copy], sounds[3 + copy])
    assert np.abs(sounds[0] - sounds[1]).max() > 0.01


def test_copies_can_be_copied_and_paths_must_be_different(trials, tmp_path):
    with pytest.raises(TrainingError, match="more than once"):
        augment_folder([*trials, trials[0]], Order(tmp_path / "to"))


def test_what_cannot_be_read_stops_or_is_counted(trials, tmp_path):
    (trials[0].file).write_bytes(b"no sound")
    with pytest.raises(TrainingError, match="--on-error skip"):
        augment_folder(trials, Order(tmp_path / "to"))
    made = augment_folder(trials, Order(tmp_path / "to"), on_error="skip")
    assert (len(made.trials), len(made.failures)) == (2, 1)


def test_with_all_chances_at_zero_a_tone_stays_a_tone():
    out = treated_sound(tone(), NOTHING, 0, 5)
    assert out.shape == (RATE,)
    assert np.abs(out).max() == pytest.approx(0.5, abs=0.01)
    assert np.corrcoef(out, tone())[0, 1] > 0.999


def test_a_recording_longer_than_a_window_is_treated_whole():
    assert treated_sound(tone(3.1), NOTHING, 0, 5).shape == (round(3.1 * RATE),)


def test_speed_changes_length_and_pitch_together():
    out = treated_sound(tone(2.0), NOTHING.model_copy(update={"speed": 1.0}), 0, 7)
    peak_hz = np.abs(np.fft.rfft(out * np.hanning(len(out)))).argmax() * RATE / len(out)
    assert len(out) != 2 * RATE
    assert peak_hz == pytest.approx(440 * 2 * RATE / len(out), rel=0.01)


def test_a_picture_that_is_too_small_is_an_error():
    with pytest.raises(TrainingError, match="'x' has a side of 90 pixels; at least 96"):
        treated_picture(np.zeros((90, 300, 3), np.uint8), 0, "x")
