"""Everybody can use the page: themes, phones, keyboard, screen readers (axe), and people whom motion makes ill."""

from importlib import resources

import pytest
from browsing import until

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def axe():
    """Deque's checks, as the package axe-playwright-python holds them (MPL-2.0)."""
    pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python, of the extra 'test'")
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def faults(page, axe):
    """What axe finds serious; everything that is folded is unfolded first."""
    page.evaluate("document.querySelectorAll('#main details').forEach(one => one.open = true)")
    page.wait_for_timeout(150)
    page.evaluate(axe)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [
        (one["id"], one["impact"], [node["html"][:120] for node in one["nodes"]][:3], one["nodes"][0]["failureSummary"])
        for one in found
        if one["impact"] in ("serious", "critical", "moderate")
    ]


@pytest.mark.parametrize(("theme", "wide"), [("light", True), ("dark", False)], ids=["light desktop", "dark phone"])
def test_axe_finds_nothing_serious(visit, samples, axe, theme, wide):
    one = visit(color_scheme=theme, **({"viewport": {"width": 1440, "height": 900}} if wide else PHONE))
    page = one.page
    assert faults(page, axe) == []
    given = ("one-sentence-replaced.flac", "generator-mark.png", "talking-drawing.mp4")
    for name in given if wide else given[2:]:
        one.give(samples / name)
        until(page, "n => document.querySelector('#result .file')?.textContent === n", name)
        page.wait_for_selector(".sound, .frame img")
        assert faults(page, axe) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    page.goto(f"{one.url}/#history")
    page.wait_for_selector(".entry")
    assert faults(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".entry").first.click()
    page.evaluate("document.querySelectorAll('#entry details').forEach(one => one.open = true)")
    assert faults(page, axe) == []
    page.keyboard.press("Escape")
    page.goto(f"{one.url}/#models")
    page.wait_for_selector(".model")
    assert faults(page, axe) == []
    page.emulate_media(color_scheme="dark" if theme == "light" else "light")  # contrast in the other one
    assert faults(page, axe) == []
    page.goto(f"{one.url}/#check")
    assert faults(page, axe) == []


def ground(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_the_theme_follows_the_system_until_somebody_chooses(visit):
    one = visit(color_scheme="dark")
    dark = ground(one.page)
    one.page.emulate_media(color_scheme="light")
    light = ground(one.page)
    assert dark != light
    button = one.page.get_by_role("button", name="Colours")
    button.click()
    assert button.get_attribute("aria-label") == "Colours: light"
    button.click()
    assert (button.get_attribute("aria-label"), ground(one.page)) == ("Colours: dark", dark)
    one.open()
    assert ground(one.page) == dark
    button.click()
    assert ground(one.page) == light


def test_a_phone_shows_everything_in_its_width_and_with_room_for_fingers(visit, samples):
    one = visit(**PHONE)
    one.give(samples / "one-sentence-replaced.flac")
    page = one.page
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    boxes = page.evaluate(
        """[...document.querySelectorAll('button')]
            .filter(one => one.offsetParent)
            .map(one => [one.textContent, one.offsetHeight])"""
    )
    assert [one for one in boxes if one[1] < 36] == []


def pressed_until(page, reached, most=60):
    """Press Tab until something has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches({reached!r})"):
            return
    raise AssertionError(f"Tab never reaches {reached}: {page.evaluate('document.activeElement.outerHTML')[:200]}")


def test_all_of_it_works_by_keyboard(visit):
    one = visit()
    page = one.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    pressed_until(page, "#choose")
    page.evaluate("document.querySelector('#files').addEventListener('click', () => (window.asked = true))")
    page.keyboard.press("Enter")
    until(page, "window.asked")  # the browser's dialog for files, which is not ours
    pressed_until(page, "#stability")
    page.keyboard.press("Space")
    assert page.is_checked("#stability")
    page.keyboard.press("Space")
    pressed_until(page, ".sample:nth-child(1)")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert one.outcome() == "Partly synthetic"
    assert "partly synthetic" in page.inner_text("#announce")
    pressed_until(page, ".stretch.marked")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('audio').currentTime > 7.5")
    pressed_until(page, ".more summary")
    page.keyboard.press("Enter")
    assert page.locator(".more[open]").count() >= 1
    pressed_until(page, ".more:last-child summary")
    page.keyboard.press("Enter")
    pressed_until(page, ".act summary")
    page.keyboard.press("Enter")
    pressed_until(page, "textarea")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".done:has-text('recorded')")


def test_landmarks_headings_and_the_way_of_the_focus(visit):
    one = visit()
    page = one.page
    for landmark in ("header", "nav[aria-label]", "main", "footer"):
        assert page.locator(landmark).count() == 1
    page.click("[data-view=history]")
    until(page, "document.activeElement.id === 'history-title'")
    assert page.evaluate("scrollY") == 0
    assert page.get_attribute("[data-view=history]", "aria-current") == "page"
    assert page.locator("h1:visible").count() == 1
    page.go_back()
    page.wait_for_selector("#view-check:visible")


def test_motion_is_left_out_for_whom_it_makes_ill(visit):
    one = visit(reduced_motion="reduce")
    assert one.page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    two = visit(reduced_motion="no-preference")
    assert two.page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "smooth"
