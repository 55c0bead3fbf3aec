"""What people do on the page, in a real browser against a real service."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from browsing import keyed_service, until

from assay import scan

PLAIN = ("No sign of synthesis found", "Likely synthetic", "Partly synthetic", "Cannot tell")


def test_it_is_painted_within_a_second(visit):
    one = visit()
    painted = []
    for _ in range(4):  # the best of some, since tests share the machine with others
        one.open()
        painted.append(one.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    assert min(painted) < 1000


def test_a_newcomer_sees_a_genuine_a_synthetic_and_a_mixed_case(visit):
    one = visit()
    began = one.page.evaluate("performance.now()")
    told = []
    for number in range(3):
        one.page.locator(".sample").nth(number).click()
        until(one.page, "n => document.querySelectorAll('#cases li').length === n", number + 1)
        told.append(one.outcome())
    assert told == ["No sign of synthesis found", "Likely synthetic", "Partly synthetic"]
    assert one.page.evaluate("performance.now()") - began < 10_000


def test_a_recording_is_told_in_words_and_drawn(visit, samples):
    one = visit()
    assert one.give(samples / "one-sentence-replaced.flac") == "Partly synthetic"
    page = one.page
    until(page, "document.querySelector('#result .words').textContent.includes('Suspicious: 0:07–0:12.')")
    assert "over 99.9" in page.get_attribute(".gauge", "aria-label")
    until(page, "!document.querySelector('.sound').textContent.includes('Reading')")
    shades = "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    assert page.eval_on_selector(".heat", shades) > 50
    assert page.eval_on_selector(".wave", shades) > 20
    assert "Marked: 0:07–0:12." in page.get_attribute(".wave", "aria-label")


def test_a_click_plays_that_stretch_and_stops_at_its_end(visit, samples):
    one = visit()
    one.give(samples / "one-sentence-replaced.flac")
    one.page.click(".stretches > ul button")
    until(one.page, "!document.querySelector('audio').paused && document.querySelector('audio').currentTime > 7.6")
    one.page.evaluate("document.querySelector('audio').playbackRate = 8")
    until(one.page, "document.querySelector('audio').paused")
    assert 11.5 < one.page.evaluate("document.querySelector('audio').currentTime") < 14
    one.page.locator(".plot").click(position={"x": 10, "y": 30})
    until(one.page, "!document.querySelector('audio').paused && document.querySelector('audio').currentTime < 4")


def test_a_picture_shows_faces_parts_and_evidence(visit, samples):
    one = visit()
    assert one.give(samples / "generator-mark.png") == "Cannot tell"
    page = one.page
    until(page, "document.querySelector('.frame img').naturalWidth === 320")
    page.get_by_text("Parts that were looked at").click()
    assert page.locator(".boxes:not([hidden]) .box").count() >= 1
    assert page.locator(".trace.clear").inner_text().startswith("Generator tag")
    assert "Stable Diffusion web UI" in page.inner_text(".trace.clear")


def test_a_picture_shows_each_face_with_its_score_and_where_a_trace_lies(visit, samples, tmp_path):
    import av

    with av.open(samples / "talking-drawing.mp4") as video:
        next(video.decode(video=0)).to_image().save(tmp_path / "face.png")
    one = visit()
    one.give(tmp_path / "face.png")
    result = scan(tmp_path / "face.png")
    (face,) = result.faces
    box, frame = one.page.locator(".box:not(.place):visible").bounding_box(), one.page.locator(".frame").bounding_box()
    assert (box["x"] - frame["x"]) / frame["width"] == pytest.approx(face.box[0] / 640, abs=0.01)
    assert (box["y"] - frame["y"]) / frame["height"] == pytest.approx(face.box[1] / 480, abs=0.01)
    told = f"{100 * face.spoof_probability:.0f}\u00a0%"
    assert one.page.inner_text(".box:not(.place):visible") == f"1 · {told}"
    assert one.page.locator(".sight tbody td").first.inner_text() == told
    placed = [each for each in result.evidence if each.strength and each.strength >= 0.5 and "left" in each.measured]
    assert one.page.locator(".box.place").count() == len(placed) > 0
    one.page.get_by_text("Faces", exact=True).click()
    assert one.page.locator(".box:not(.place):visible").count() == 0


def test_a_video_shows_persons_their_faces_and_its_sound(visit, samples):
    one = visit()
    assert one.give(samples / "talking-drawing.mp4") in PLAIN
    page = one.page
    page.get_by_role("button", name=re.compile("Show the face")).click()
    page.wait_for_selector(".box:visible")
    box, frame = page.locator(".box").bounding_box(), page.locator(".frame").bounding_box()
    assert frame["x"] < box["x"] < box["x"] + box["width"] < frame["x"] + frame["width"]
    assert page.locator(".persons .person").count() == 1
    assert page.locator(".sight table.facts tbody tr").count() == 3
    page.wait_for_selector(".sound .wave")


def test_several_files_and_one_that_is_no_media(visit, samples, tmp_path):
    wrong = tmp_path / "notes.txt"
    wrong.write_text("nothing to hear")
    (tmp_path / "empty.wav").touch()
    one = visit()
    one.page.set_input_files(
        "#files", [samples / "person-reading.flac", wrong, tmp_path / "empty.wav", samples / "generator-mark.png"]
    )
    until(one.page, "!document.querySelector('#cases .spinner')")
    names, told = (one.page.locator(f"#cases {part}").all_inner_texts() for part in (".name", ".state"))
    states = dict(zip(names, told, strict=True))
    assert states == {
        "person-reading.flac": "No sign of synthesis found",
        "notes.txt": "Could not be analysed",
        "empty.wav": "Could not be analysed",
        "generator-mark.png": "Cannot tell",
    }
    one.page.get_by_role("button", name="notes.txt").click()
    assert "seems to be a text file" in one.page.inner_text("#result .words")
    assert "Code unsupported, request " in one.page.inner_text("#result")


def test_limits_are_told_before_anything_is_sent(serve, visit, samples):
    small = serve(serve_max_upload_bytes=150_000, serve_max_files=2)
    one = visit(url=small.url)
    assert "Up to 146\u00a0KiB a file, 2 files at once" in one.page.inner_text("#limits")
    sent = []
    one.page.on("request", lambda request: sent.append(request.url) if "predict" in request.url else None)
    assert one.give(samples / "one-sentence-replaced.flac") == "Could not be analysed"
    assert "306\u00a0KiB, and this service accepts 146\u00a0KiB" in one.page.inner_text("#result .words")
    assert sent == []
    one.page.set_input_files("#files", [samples / "machine-copy.flac"] * 3)
    assert "3 files at once are too many" in one.page.inner_text("#banner")
    until(one.page, "document.querySelectorAll('#cases .case.spoof').length === 2")


def test_what_takes_too_long_is_scored_in_the_background(serve, visit, samples):
    slow = serve(serve_timeout_s=0.001)
    one = visit(url=slow.url)
    assert one.give(samples / "machine-copy.flac") == "Could not be analysed"
    one.page.get_by_role("button", name="Score it in the background").click()
    one.page.wait_for_selector("#result.spoof .verdict")
    assert one.outcome() == "Likely synthetic"


def test_a_busy_service_is_asked_again_and_waiting_can_be_cancelled(visit, samples):
    one = visit()
    refusal = {"error": {"code": "overloaded", "message": "Too many.", "context": {}, "request_id": "a"}}
    answers = [lambda route: route.fulfill(status=503, json=refusal), lambda route: route.continue_()]
    one.page.route("**/api/predict/**", lambda route: answers.pop(0)(route))
    one.page.set_input_files("#files", samples / "machine-copy.flac")
    until(one.page, "document.querySelector('#cases .state').textContent === 'The service is busy, waiting'")
    assert one.outcome() == "Likely synthetic"
    answers[:] = [lambda route: None]  # no answer at all
    one.page.set_input_files("#files", samples / "person-reading.flac")
    one.page.get_by_role("button", name="Cancel person-reading.flac").click()
    until(one.page, "document.querySelector('#cases .state').textContent === 'Cancelled'")
    assert "Nothing was recorded" in one.page.inner_text("#result")


def test_what_is_dropped_is_taken(visit, samples):
    one = visit()
    content = list((samples / "machine-copy.flac").read_bytes())
    one.page.evaluate(
        """content => {
            const brought = new DataTransfer();
            brought.items.add(new File([new Uint8Array(content)], "dropped.flac"));
            for (const type of ["dragenter", "drop"]) {
                const event = new DragEvent(type, { bubbles: true, dataTransfer: brought });
                document.querySelector("#drop").dispatchEvent(event);
            }
        }""",
        content,
    )
    assert one.outcome() == "Likely synthetic"
    assert one.page.inner_text("#cases .name") == "dropped.flac"


def test_a_recording_from_the_microphone_is_judged(visit):
    one = visit(permissions=["microphone"])
    one.page.get_by_role("button", name="Record", exact=True).click()
    until(one.page, "document.querySelector('#record-time').textContent === '0:02'")
    assert one.page.evaluate("document.activeElement.id") == "record-stop"
    one.page.click("#record-stop")
    assert one.outcome() == "Cannot tell"  # the fake device beeps; nobody speaks
    name = one.page.inner_text("#cases .name")
    assert re.fullmatch(r"recording-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.wav", name)
    assert one.page.inner_text("#result .hint").startswith("0:02 · wav pcm_16")
    assert one.page.is_hidden("#recorder")
    until(one.page, "document.querySelector('audio').duration > 1.9")


def test_the_answer_is_held_against_other_deliveries(visit, samples):
    one = visit()
    one.give(samples / "person-reading.flac")
    one.page.get_by_role("button", name="Check whether it holds").click()
    one.page.wait_for_selector(".steady table")
    rows = one.page.locator(".steady tbody tr").all_inner_texts()
    assert len(rows) == 6
    assert any(row.startswith("MP3 64 kbit/s") for row in rows)
    one.page.locator("label[for=stability]").click()
    one.page.set_input_files("#files", samples / "generator-mark.png")
    until(one.page, "document.querySelector('.steady tbody')?.textContent.includes('JPEG 75')")


def test_the_result_can_be_taken_away(visit, samples):
    one = visit()
    one.give(samples / "machine-copy.flac")
    with one.page.expect_download() as saving:
        one.page.get_by_role("button", name="Result (JSON)").click()
    assert saving.value.suggested_filename == "assay-machine-copy.json"
    result = json.loads(Path(saving.value.path()).read_text())
    assert (result["verdict"], result["path"]) == ("spoof", "machine-copy.flac")


def test_history_is_searched(visit, samples, tmp_path):
    one = visit()
    for number, name in enumerate(("interview-17.flac", "other_100%.flac")):
        path = tmp_path / name
        path.write_bytes((samples / ("person-reading.flac", "machine-copy.flac")[number]).read_bytes())
        one.give(path)
    page = one.page
    page.click("[data-view=history]")
    page.wait_for_selector(".entry")
    assert page.title() == "History – Assay"

    def found(**fields):
        for name, value in fields.items():
            element = page.locator(f"#search [name={name}]")
            element.select_option(value) if name in ("verdict", "media") else element.fill(value)
        page.get_by_role("button", name="Search").click()
        until(page, "document.querySelector('#history-state').textContent !== 'Asking …'")
        return page.locator("#history-list .name").all_inner_texts()

    assert set(found(label="interview-17")) == {"interview-17.flac"}
    assert set(found(label="0%.fl")) == {"other_100%.flac"}
    assert found(label="other_100", verdict="bona_fide") == []
    assert page.inner_text("#history-state") == "Nothing was found."
    assert set(found(label="", verdict="spoof", media="audio")) >= {"other_100%.flac"}
    assert found(verdict="", media="", until="2020-01-01") == []


def test_an_appeal_and_its_answer_stand_beside_the_verdict(visit, samples, tmp_path):
    path = tmp_path / "questioned.flac"
    path.write_bytes((samples / "machine-copy.flac").read_bytes())
    one = visit()
    one.give(path)
    page = one.page
    page.get_by_text("Question this answer").click()
    page.locator(".act summary", has_text="Appeal").click()
    page.locator(".act[open] textarea").fill("I <b>recorded</b> this myself.")
    page.get_by_role("button", name="Send the appeal").click()
    until(page, "document.querySelector('.done')?.textContent === 'Your appeal is recorded.'")
    assert "I <b>recorded</b> this myself." in page.inner_text(".reviews")
    assert page.evaluate("document.activeElement.className") == "done"

    page.click("[data-view=history]")
    page.wait_for_selector(".entry")
    first = page.locator(".entry").first
    assert "appeal open" in first.inner_text()
    first.click()
    dialog = page.locator("#entry")
    dialog.locator(".act summary", has_text="Override").click()
    dialog.get_by_label("Your verdict").select_option("bona_fide")
    dialog.get_by_label("Reason").fill("The original was shown to us.")
    dialog.get_by_role("button", name="Record the verdict").click()
    until(page, "document.querySelector('#entry .done')?.textContent === 'Your verdict is recorded.'")
    assert "It answers the appeal" not in dialog.inner_text()
    page.keyboard.press("Escape")
    assert "No sign of synthesis found" in first.inner_text()
    assert "decided by a person" in first.inner_text()
    told = page.evaluate("fetch('/api/history?label=questioned').then(answer => answer.json())")["items"][0]
    assert (told["verdict"], told["standing"], told["appeal_open"]) == ("spoof", "bona_fide", False)


def test_models_are_listed(visit):
    one = visit("/#models")
    one.page.wait_for_selector(".model.used")
    assert one.page.locator(".model.used").count() == 3
    assert "audio-resnet" in one.page.inner_text("#models-list")


def test_a_hostile_name_stays_a_name(visit, samples, tmp_path):
    name = "<img src=x onerror=alert(1)>\u202egnp.<b>'\"&.flac"
    path = tmp_path / name
    path.write_bytes((samples / "machine-copy.flac").read_bytes())
    one = visit()
    one.page.on("dialog", lambda dialog: one.faults.append(f"dialog: {dialog.message}"))
    one.give(path)
    assert one.page.locator("main :is(img, b)").count() == 0
    assert one.page.inner_text("#cases .name") == name.replace("\u202e", "\\u202e")
    one.page.click("[data-view=history]")
    one.page.wait_for_selector(".entry")
    assert one.page.locator(".entry .name").first.inner_text().startswith("<img src=x onerror=alert(1)>")


def test_results_with_hostile_texts_stay_texts(visit, samples):
    """As if a file had put markup into every text of its result."""
    one = visit()
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"

    def poison(value):
        if isinstance(value, dict):
            kept = ("verdict", "media", "state", "sha256")
            return {key: each if key in kept else poison(each) for key, each in value.items()}
        if isinstance(value, list):
            return [poison(each) for each in value]
        return evil if isinstance(value, str) else value

    found = json.loads(scan(samples / "generator-mark.png").model_dump_json())
    one.page.on("dialog", lambda dialog: one.faults.append(f"dialog: {dialog.message}"))
    one.page.route("**/api/predict/**", lambda route: route.fulfill(json=poison(found)))
    assert one.give(samples / "generator-mark.png") == "Cannot tell"
    one.page.evaluate("document.querySelectorAll('#result details').forEach(one => one.open = true)")
    assert one.page.locator("#result").inner_text().count(evil) > 10
    assert one.page.locator("#result img:not(.frame img), #result script").count() == 0


def test_without_a_key_the_page_asks_for_one_and_forgets_it_with_the_tab(serve, visit, samples, tmp_path):
    keyed, key = keyed_service(serve, tmp_path)
    one = visit(url=keyed.url)
    page = one.page
    page.set_input_files("#files", samples / "machine-copy.flac")
    page.wait_for_selector("#key-dialog[open]")
    page.fill("#key", "assay_wrong_key")
    page.keyboard.press("Enter")
    page.wait_for_selector("#key-wrong:visible")
    page.fill("#key", key)
    page.keyboard.press("Enter")
    assert one.outcome() == "Likely synthetic"
    assert key in page.evaluate("JSON.stringify(sessionStorage)")
    assert key not in page.evaluate("JSON.stringify(localStorage) + document.cookie + location.href")
    page.get_by_text("Question this answer").click()
    page.locator(".act summary", has_text="Override").click()
    page.locator(".act[open] textarea").fill("no right to")
    page.get_by_role("button", name="Record the verdict").click()
    page.wait_for_selector(".act[open] .error:visible")
    assert "review" in page.inner_text(".act[open] .error")
    another = one.context.new_page()
    another.goto(keyed.url)
    assert another.evaluate("sessionStorage.length") == 0
    page.click("#key-button")
    page.click("#key-forget")
    assert page.evaluate("sessionStorage.length") == 0


def without_rooms(route):
    """The description of a service that neither explains nor reports."""
    answer = route.fetch()
    told = answer.json()
    for path in ("/api/explain", "/api/report"):
        del told["paths"][path]
    route.fulfill(response=answer, json=told)


def test_rooms_that_are_not_there_are_not_offered(visit, samples):
    one = visit(opened=False)
    one.page.route("**/api/openapi.json", without_rooms)
    one.open()
    one.give(samples / "machine-copy.flac")
    one.page.wait_for_load_state("networkidle")
    assert one.page.get_by_text("Show what the network reacted to").count() == 0
    assert one.page.get_by_role("button", name="Report").count() == 0


def made_up(route):
    """An explanation whose map has one row: the fourth of sixteen."""
    sound = ".flac" in route.request.post_data_buffer[:400].decode("latin-1")
    times = {"start_s": 0.0, "end_s": 6.05, "low_hz": 0.0, "high_hz": 8000.0, "width": None, "height": None}
    pixels = {"start_s": None, "end_s": None, "low_hz": None, "high_hz": None, "width": 320, "height": 240}
    kind, place = ("spectrogram", times) if sound else ("picture", pixels)
    values = [[0.0] * 40 for _ in range(16)]
    values[4] = [1.0] * 40
    told = {
        "schema_version": 1, "media": "audio" if sound else "image", "method": "occlusion", "model": "toy",
        "saliency": [{"kind": kind, "values": values, "label": "", **place}],
        "ranges": [{"start_s": 1.0, "end_s": 2.0, "llr": 1.2}], "bands": [], "regions": [], "coverage": 0.1,
        "faithfulness": {"share": 0.1, "llr": 2.9, "marked": 0.4, "random": 2.5, "trials": 5},
        "sentences": ["It reacted to a band around 2 kHz."],
    }  # fmt: skip
    route.fulfill(json=told)


COLUMN = """canvas => {
    const pixels = canvas.getContext("2d").getImageData(canvas.width >> 1, 0, 1, canvas.height).data;
    return [...pixels].filter((_, i) => i % 4 === 3);
}"""


def test_a_map_lies_where_it_belongs(visit, samples):
    one = visit()
    page = one.page
    page.route("**/api/explain", made_up)
    one.give(samples / "machine-copy.flac")
    page.get_by_text("Show what the network reacted to").click()
    page.wait_for_selector(".explained p:has-text('around 2 kHz')")
    page.wait_for_selector("canvas.overlay:visible")
    veil = page.eval_on_selector("canvas.overlay", COLUMN)
    assert 0.6 < veil.index(min(veil)) / len(veil) < 0.8  # row 4 of 16 from below
    page.get_by_text("Show what the network reacted to").click()
    page.wait_for_selector("canvas.overlay", state="hidden")
    page.set_input_files("#files", samples / "generator-mark.png")
    page.wait_for_selector(".frame img")
    page.get_by_text("Show what the network reacted to").click()
    page.wait_for_selector("canvas.overlay:visible")
    veil = page.eval_on_selector("canvas.overlay", COLUMN)
    assert 0.2 < veil.index(min(veil)) / len(veil) < 0.4  # row 4 of 16 from above


def test_a_file_is_explained_and_reported_on(visit, samples):
    one = visit()
    page = one.page
    one.give(samples / "machine-copy.flac")
    page.get_by_text("Show what the network reacted to").click()
    page.wait_for_selector(".explained p:has-text('random')")  # the check of the map
    page.wait_for_selector("canvas.overlay:visible")
    assert len(set(page.eval_on_selector("canvas.overlay", COLUMN))) > 1
    begins = {"PDF": b"%PDF-", "HTML": b"<!doctype html"}
    if importlib.util.find_spec("reportlab") is None:
        del begins["PDF"]
    for form, begin in begins.items():
        with page.expect_download() as saving:
            page.get_by_role("button", name=f"Report ({form})").click()
        assert saving.value.suggested_filename == f"assay-machine-copy.{form.lower()}"
        assert Path(saving.value.path()).read_bytes().lower().startswith(begin.lower())
