"""A real service on a free port, and a real Chromium that looks at it; without one of them these tests are skipped."""

import os
import shutil

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")
pytest.importorskip("uvicorn", reason="needs the extra 'serve'")

from browsing import SAMPLES, Served, Visit

from assay.serve import readiness
from assay.settings import Settings

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
FAKE_SOUND = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Start services with settings of their own; closed at the end.

    The self-test of the models takes seconds and has tests of its own, so here it is left out.
    """
    made = []

    def start(**settings):
        folder = tmp_path_factory.mktemp("page")
        given = {"serve_folder": folder, "serve_jobs": 2, "close_s": 0, "speakers_dir": folder / "speakers"}
        made.append(Served(Settings(**{**given, **settings})))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readiness, "run_self_tests", lambda settings: [])
        yield start
        for one in made:
            one.close()


@pytest.fixture(scope="session")
def served(serve):
    """A service as `assay serve` starts it."""
    return serve()


@pytest.fixture(scope="module")  # its event loop would stand in the way of other tests
def chromium(tmp_path_factory):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, of the extra 'test'")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with pytest.MonkeyPatch.context() as patch, playwright.sync_playwright() as running:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        browser = running.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *FAKE_SOUND])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, served):
    """Open the page; at the end it must have had no fault, nothing against its policy, and asked no other host."""
    made = []

    def begin(path="/", url=None, opened=True, **more):
        made.append(Visit(chromium, url or served.url, **more))
        if opened:
            made[-1].open(path)
        return made[-1]

    yield begin
    for one in made:
        one.context.close()
        assert one.faults == []
        assert one.elsewhere == []


@pytest.fixture(scope="session")
def samples():
    """The folder of the samples that the page offers."""
    return SAMPLES
