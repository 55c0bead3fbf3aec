"""A real service in a thread, and a page in a real browser that is watched."""

import asyncio
import socket
import sys
import threading
import time
from pathlib import Path

import uvicorn

from assay.serve.app import create_app

SAMPLES = Path(__file__).parents[2] / "src" / "assay" / "serve" / "page" / "media"
PATIENCE_S = 30


def until(page, told, *given):
    """Wait until an expression, or a function of what is given, is true.

    Playwright's own way evaluates text within the page, which the policy of the page forbids.
    """
    ended = time.monotonic() + PATIENCE_S
    while time.monotonic() < ended:
        if page.evaluate(told, *given):
            return
        time.sleep(0.03)
    raise AssertionError(f"never true: {told} {given}")


class Served:
    """An application under uvicorn, in a thread of its own."""

    def __init__(self, settings):
        self.app = create_app(settings)
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(self.app, log_level="critical", timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)

    def _run(self):
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def close(self):
        self._server.should_exit = True
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._socket.close()


class Visit:
    """One page in a browser profile of its own, and what went wrong or elsewhere in it."""

    def __init__(self, browser, url, **more):
        self.url, self.faults, self.elsewhere = url, [], []
        usual = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
        self.context = browser.new_context(**{**usual, **more})
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: self.faults.append(said.text) if self._counts(said) else None)
        self.page.on("request", lambda request: self._look(request.url))
        self.page.on("websocket", lambda opened: self._look(opened.url))

    @staticmethod
    def _counts(said):
        # A refusal that the page asked for and shows is no fault; Chromium logs every status of 400 and more.
        return said.type in ("error", "warning") and not said.text.startswith("Failed to load resource")

    def _look(self, url):
        if not url.startswith((self.url, f"blob:{self.url}")):
            self.elsewhere.append(url)

    def open(self, path="/"):
        self.page.goto(self.url + path)
        self.page.wait_for_selector("html[data-ready]")
        return self.page

    def give(self, *paths):
        """Choose files, and wait for what becomes of the last one."""
        self.page.set_input_files("#files", [str(path) for path in paths])
        return self.outcome()

    def outcome(self):
        self.page.wait_for_selector("#result .verdict h2")
        return self.page.inner_text("#result .verdict h2")


def keyed_service(serve, folder):
    """A service that asks for keys, and a key of the role user."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "api"))
    import service_toys

    context = service_toys.make_context(folder)
    _, text = service_toys.make_key(context, "user")
    context.database.close()
    return serve(serve_folder=folder / "service", serve_require_key=True), text
