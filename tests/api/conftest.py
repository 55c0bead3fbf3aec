"""A real application over real models; the client is httpx's, in the same process."""

import asyncio

import httpx
import pytest
from forms import BOUNDARY

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

from assay.selftest import run_self_tests
from assay.serve import readiness
from assay.serve.app import create_app
from assay.settings import Settings


class Service:
    """An application that runs for the length of a test module, and calls to it from plain tests."""

    def __init__(self, settings):
        self.settings = settings
        self.loop = asyncio.new_event_loop()
        self.app = create_app(settings)
        self._lifespan = self.app.router.lifespan_context(self.app)
        self.run(self._lifespan.__aenter__())
        self.context = self.app.state.context
        self.scorer = self.context.scorer

    def run(self, work):
        """The result of a coroutine."""
        return self.loop.run_until_complete(work)

    def until_ready(self):
        """Wait for the models."""
        self.run(self._until_ready())
        return self

    async def _until_ready(self):
        async with asyncio.timeout(300), self.client() as client:
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)

    def client(self, **more):
        """An asynchronous client."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=120, **more)

    async def _request(self, method, path, given):
        async with self.client() as client:
            return await client.request(method, path, **given)

    def request(self, method, path, **given):
        """One response."""
        return self.run(self._request(method, path, given))

    def get(self, path, **given):
        return self.request("GET", path, **given)

    def post(self, path, **given):
        return self.request("POST", path, **given)

    def predict(self, kind, data, name="it.bin", **fields):
        """Send one file."""
        return self.post(f"/api/predict/{kind}", files={"file": (name, data)}, data=fields)

    def raw(self, path, body, content_type=f"multipart/form-data; boundary={BOUNDARY}", **headers):
        """Send bytes as they are."""
        return self.post(path, content=body, headers={"Content-Type": content_type, **headers})

    def uploads(self):
        """Files that lie in the folders of uploads now, locks left out."""
        found = (self.settings.serve_folder / "uploads").rglob("*")
        return sorted(path for path in found if path.is_file() and path.name != "lock")

    def close(self):
        self.run(self._lifespan.__aexit__(None, None, None))
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@pytest.fixture(scope="session")
def make_service(tmp_path_factory):
    """Make applications with settings of their own; closed at the end of the session."""
    made = []

    def make(**settings):
        folder = tmp_path_factory.mktemp("service")
        speakers = {"speakers_dir": folder / "speakers", "speaker_key_file": folder / "speaker.key"}
        given = {"serve_folder": folder, "serve_jobs": 2, "close_s": 0, **speakers, **settings}
        made.append(Service(Settings(**given)))
        return made[-1]

    tested = []

    def tested_once(settings):
        """The real self-test, once a session: it takes seconds, and the models stay the same."""
        tested[:] = tested or run_self_tests(settings)
        return tested

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readiness, "run_self_tests", tested_once)
        yield make
    for service in made:
        service.close()


@pytest.fixture(scope="session")
def service(make_service):
    """One with ordinary limits, ready."""
    return make_service(serve_memory_bytes=100_000).until_ready()  # so that examples come both ways


@pytest.fixture(autouse=True)
def nothing_left(request):
    """No upload outlives its request."""
    yield
    if "service" in request.fixturenames:
        assert request.getfixturevalue("service").uploads() == []
