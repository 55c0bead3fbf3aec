"""For every test: nobody's home, nobody's settings; and the two inputs that many tests share."""

import os
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "media"
SHARED = ROOT.parent / "shared"
WHY_SKIPPED = f"needs the shared data folder {SHARED}"

# A loaded machine is slow now and then; that is no reason to fail.
hypothesis.settings.register_profile("assay", deadline=None)
hypothesis.settings.load_profile("assay")

# Some tests build settings when they are imported, before any fixture.
for _name in [name for name in os.environ if name.upper().startswith("ASSAY_")]:
    del os.environ[_name]


@pytest.fixture(autouse=True)
def nobodys_home(tmp_path_factory, monkeypatch):
    """An empty home; the working folder stays."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith("XDG_") or name.upper().startswith("ASSAY_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture(scope="session")
def examples():
    """The folder of sample media."""
    return EXAMPLES


@pytest.fixture(scope="session")
def speech(examples):
    """A person reading: float32 samples (n,), which nobody may change, and their rate in hertz."""
    import soundfile

    samples, rate = soundfile.read(examples / "human.wav", dtype="float32")
    samples.flags.writeable = False
    return samples, rate


@pytest.fixture(scope="session")
def shared():
    """The shared data folder; without it the test is skipped."""
    if not SHARED.is_dir():
        pytest.skip(WHY_SKIPPED)
    return SHARED


def pytest_collection_modifyitems(items):
    """Mark what uses the fixture `shared`, and skip what is marked where the folder is missing."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared)
        if item.get_closest_marker("shared") and not SHARED.is_dir():
            item.add_marker(pytest.mark.skip(reason=WHY_SKIPPED))
