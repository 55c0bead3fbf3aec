"""A toy corpus: real and made "speech" in four sources, written where a test wants it, and a recipe for it.

"Bona fide" are cuts of the reading person in examples/media; "spoof" have a made voice faintly behind them. Nothing is
to be learnt from either: these tests ask whether training does what it says, not whether it detects.
"""

import sys

import numpy as np
import pytest
import soundfile
from training_toys import RATE, READING, RECIPE, voiced


@pytest.fixture(scope="session")
def speech():
    """Cuts of a real reading: ``speech(seconds, seed)``, shape (samples,)."""
    reading, rate = soundfile.read(READING, dtype="float32")
    assert rate == RATE

    def cut(seconds, seed=0):
        rng = np.random.default_rng(seed)
        length = int(seconds * RATE)
        start = int(rng.integers(len(reading) - length))
        return reading[start : start + length]

    return cut


@pytest.fixture(scope="session")
def write_protocol_of(speech):
    """Write clips and their protocol: ``write(folder, {source: (bona_fide, spoof, seconds)})``; gives its path."""

    def write(folder, sources):
        (folder / "clips").mkdir(parents=True)
        rows = ["path,key,partition,generator,speaker,source,licence"]
        for source, (bona_fide, spoof, seconds) in sources.items():
            for number in range(bona_fide + spoof):
                seed = sum(source.encode()) + 100 * number
                key = "bona_fide" if number < bona_fide else "spoof"
                # The keys overlap: separated ones would drive every score to the calibration's limits.
                samples = speech(seconds, seed) + (0 if key == "bona_fide" else 0.3 * voiced(seconds, seed))
                path = f"clips/{source}-{number}.wav"
                soundfile.write(folder / path, samples, RATE)
                generator = "" if key == "bona_fide" else f"maker-{number % 2}"
                rows.append(f"{path},{key},train,{generator},{source}-person,{source},CC0-1.0")
        (folder / "protocol.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        return folder / "protocol.csv"

    return write


@pytest.fixture
def protocol(write_protocol_of, tmp_path):
    """Four small sources with both keys; too little to write a card from."""
    sizes = {"train-a": (3, 2, 1.5), "train-b": (2, 2, 1.2), "dev-a": (2, 2, 1.5), "dev-b": (2, 2, 1.2)}
    return write_protocol_of(tmp_path / "data", sizes)


@pytest.fixture
def recipe(tmp_path):
    """The toy recipe, with replacements: ``recipe(("steps = 4", "steps = 6"))``."""
    from assay.training.recipe import load_recipe

    def make(*changes):
        text = RECIPE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "toy.toml").write_text(text, encoding="utf-8")
        return load_recipe(tmp_path / "toy.toml")

    return make


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tests share the machine, and exact comparisons want one number of threads."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session", autouse=True)
def _few_batches_to_refresh():
    """Two batches are enough to see that the norms are measured anew."""
    fit = sys.modules.get("assay.training.fit")  # absent where torch is: the tests skip there
    if fit is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "REFRESH_BATCHES", 2)
        yield
