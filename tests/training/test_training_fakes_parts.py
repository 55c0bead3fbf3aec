"""What the fake factory is built of: archives read without unpickling, drawn spectrograms, minimum phase, texts."""

import io
import pickle
import zipfile

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from assay.errors import TrainingError
from assay.training.fakes.acoustic import as_drawn
from assay.training.fakes.spectra import MEL_FLOOR, frames_of, minimum_phase, overlap_add
from assay.training.fakes.texts import draw, read_texts
from assay.training.fakes.torch_archive import read_modules


def test_a_module_saved_whole_gives_its_state_dict(tmp_path):
    module = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 5), torch.nn.Sequential(torch.nn.BatchNorm1d(3)))
    torch.save(module, tmp_path / "whole.pt")
    state, expected = read_modules(tmp_path / "whole.pt"), module.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)


class Hostile:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (self.target, "w"))


def test_nothing_in_an_archive_is_run(tmp_path):
    with zipfile.ZipFile(tmp_path / "hostile.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Hostile(str(tmp_path / "written")), 2))
    with pytest.raises(TrainingError, match="no PyTorch archive of a module"):
        read_modules(tmp_path / "hostile.pt")
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize("content", [b"", b"not a zip", "an empty zip"])
def test_what_is_no_archive_is_refused(content, tmp_path):
    if isinstance(content, str):
        buffer = io.BytesIO()
        zipfile.ZipFile(buffer, "w").close()
        content = buffer.getvalue()
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"x\.pt"):
        read_modules(tmp_path / "x.pt")


def test_an_archive_that_lies_about_its_tensors_is_refused(tmp_path):
    torch.save(torch.nn.Linear(64, 64), tmp_path / "whole.pt")
    with zipfile.ZipFile(tmp_path / "whole.pt") as whole, zipfile.ZipFile(tmp_path / "short.pt", "w") as short:
        for name in whole.namelist():
            short.writestr(name, whole.read(name)[: 64 if "/data/" in name else None])
    with pytest.raises(TrainingError, match="no PyTorch archive of a module"):
        read_modules(tmp_path / "short.pt")


def test_a_drawn_mel_is_smoother_and_keeps_silence_and_shape():
    rng = np.random.default_rng(0)
    mel = torch.from_numpy(rng.normal(-4, 2, (80, 101)).astype(np.float32))
    mel[:, 40:50] = float(np.log(MEL_FLOOR))
    for seed in range(5):
        drawn = as_drawn(mel, np.random.default_rng(seed))
        assert drawn.shape == mel.shape
        assert torch.equal(drawn[:, 40:50], mel[:, 40:50])
        assert drawn[:, :40].diff(dim=1).abs().mean() < 0.8 * mel[:, :40].diff(dim=1).abs().mean()


def test_minimum_phase_keeps_the_magnitude_and_comes_early():
    magnitude = 1 + 0.8 * np.cos(np.linspace(0, np.pi, 257))[None]
    spectrum = minimum_phase(np.log(magnitude))
    np.testing.assert_allclose(np.abs(spectrum), magnitude, rtol=1e-6)
    energy = np.cumsum(np.fft.irfft(spectrum)[0] ** 2)
    assert energy[4] > 0.99 * energy[-1]


def test_overlap_add_of_hann_frames_gives_the_signal_back():
    x = np.random.default_rng(1).standard_normal(1000)
    pieces = frames_of(x, 160, 80) * np.hanning(161)[:-1]
    np.testing.assert_allclose(overlap_add(pieces, 80)[80 : 80 + 880], x[:880], atol=1e-12)


def test_our_sentences_are_many_and_no_slot_stays_empty():
    texts = read_texts()
    assert sum(map(len, texts.values())) >= 200
    assert len(texts) >= 20
    assert all(len(set(lines)) == len(lines) for lines in texts.values())
    rng = np.random.default_rng(0)
    drawn = [draw(texts, language, rng) for language in texts for _ in range(60)]
    assert not any("{" in text or "}" in text for text in drawn)


def test_texts_of_ones_own_replace_ours(tmp_path):
    (tmp_path / "t.tsv").write_text("# a comment\n\nen\tGood evening.\n", encoding="utf-8")
    assert read_texts(tmp_path / "t.tsv") == {"en": ["Good evening."]}


@pytest.mark.parametrize(
    ("text", "said"), [("Good evening.", "line 1"), ("en\t", "line 1"), ("\tGood.", "line 1"), ("", "no sentences")]
)
def test_texts_without_language_or_sentence_are_refused(text, said, tmp_path):
    (tmp_path / "t.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(TrainingError, match=said):
        read_texts(tmp_path / "t.tsv")


def test_texts_that_are_not_there_are_named(tmp_path):
    with pytest.raises(TrainingError, match=r"none\.tsv"):
        read_texts(tmp_path / "none.tsv")
