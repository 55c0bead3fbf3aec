"""Makes the pictures of docs/page.md: the page in both themes, on a desk and on a phone, with the bundled samples.

    apt-get install chromium && pip install -e '.[serve]' playwright
    python scripts/make_screenshots.py

It starts `assay demo` on a free port and looks at it with Chromium.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent.parent / "docs" / "images"
DESK = {"viewport": {"width": 1280, "height": 860}}
WIDE = {"viewport": {"width": 1440, "height": 1160}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
MOST_BYTES = 200_000
QUALITY = 82


def main() -> None:
    """Write every picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with _service() as address, sync_playwright() as running:
        browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        _start(browser, address)
        _sample(browser, address, "one-sentence-replaced.flac", "page-mixed", color_scheme="light", **WIDE)
        _sample(browser, address, "generator-mark.png", "page-picture", color_scheme="light", **WIDE)
        _sample(browser, address, "talking-drawing.mp4", "page-video", color_scheme="dark", **WIDE)
        _sample(browser, address, "machine-copy.flac", "page-phone", color_scheme="dark", **PHONE)
        _history(browser, address)
        browser.close()


@contextmanager
def _service() -> Iterator[str]:
    command = [sys.executable, "-m", "assay", "demo", "--no-browser"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        address = next(found[0] for line in process.stderr if (found := re.search(r"http://\S+", line)))
        while not _ready(address):
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def _ready(address: str) -> bool:
    try:
        with urlopen(f"{address}/readyz", timeout=5):
            return True
    except OSError:
        return False


def _open(browser: Browser, address: str, **look: Any) -> Page:
    page = browser.new_context(reduced_motion="reduce", **look).new_page()
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    return page


def _start(browser: Browser, address: str) -> None:
    page = _open(browser, address, color_scheme="light", **DESK)
    _keep(page, "page-start")


def _sample(browser: Browser, address: str, name: str, picture: str, **look: Any) -> None:
    page = _open(browser, address, **look)
    _give(page, name)
    page.locator("#work" if look is not PHONE else "#result").scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.querySelector('#work').getBoundingClientRect().top + scrollY - 76)")
    page.wait_for_timeout(500)
    _keep(page, picture)


def _history(browser: Browser, address: str) -> None:
    page = _open(browser, address, color_scheme="dark", **DESK)
    _give(page, "person-reading.flac")
    page.click("[data-view=history]")
    page.locator(".entry", has_text="machine-copy").first.click()
    dialog = page.locator("#entry")
    dialog.locator("summary", has_text="Appeal").click()
    dialog.locator("textarea").first.fill("I recorded this myself on 3 May; the studio has the original.")
    dialog.get_by_role("button", name="Send the appeal").click()
    dialog.locator(".reviews").wait_for()
    dialog.locator("summary", has_text="Override").click()
    page.wait_for_timeout(200)
    _keep(page, "page-history")


def _give(page: Page, name: str) -> None:
    number = page.evaluate(
        "async name => (await (await fetch('/page/start.json')).json()).samples.findIndex(one => one.file === name)",
        name,
    )
    page.locator(".sample").nth(number).click()
    page.wait_for_selector("#result .verdict h2", timeout=120_000)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)


def _keep(page: Page, name: str) -> None:
    picture = Image.open(io.BytesIO(page.screenshot()))
    path = IMAGES / f"{name}.webp"
    picture.save(path, quality=QUALITY, method=6)
    assert path.stat().st_size <= MOST_BYTES, path
    print(f"{path.name}: {picture.width} × {picture.height}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
