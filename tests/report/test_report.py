"""A report: the same bytes, text that can be selected, nothing that a hostile file could add, nothing left unsaid."""

import builtins
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args
from unittest.mock import patch

import numpy as np
import pytest

import assay
from assay.errors import DecodeError, MissingExtra, ReportError
from assay.explain import Band, Explanation, Faithfulness, Range, Region, Saliency
from assay.models.registry import load_card
from assay.report import html_report, pdf_report, report_on, write_report
from assay.report.document import MOST_CHARACTERS
from assay.report.html import html_page
from assay.report.make import as_pdf
from assay.report.reading import holds_results, read_outcomes
from assay.result import PLAIN_VERDICTS, Face, ModelReference, Reason, ScanFailure, Verdict

pypdf = pytest.importorskip("pypdf")
pytest.importorskip("reportlab")

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202egnp.exe &amp; \"'<!-- "
CHAPTERS = (
    "Why",
    "Traces in the file",
    "Content Credentials",
    "The file",
    "The model",
    "Settings and versions",
    "Limits",
)


class Page(HTMLParser):
    """Tags, addresses and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.texts, self.styles = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "action", "srcset", "data")]
        self.styles += [value for name, value in attributes if name == "style" or name.startswith("on")]

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def pages(data):
    return pypdf.PdfReader(io.BytesIO(data)).pages


def text_of(data):
    return " ".join(" ".join(page.extract_text() for page in pages(data)).split())


def fonts_of(data):
    """Name of each font, and whether it is embedded."""
    found = {}
    for page in pages(data):
        for font in page["/Resources"].get("/Font", {}).values():
            made = font.get_object()
            descriptor = made.get("/FontDescriptor")
            found[made["/BaseFont"]] = descriptor is not None and "/FontFile2" in descriptor.get_object()
    return found


@pytest.mark.parametrize("media", ["audio", "image", "video"])
@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_every_medium_and_verdict_is_reported_in_both_forms(make, media, verdict):
    result = make(media, verdict)
    on_paper, page = text_of(pdf_report(result)), Page(html_report(result)).text
    plain = PLAIN_VERDICTS[verdict]
    for text in (on_paper, page):
        assert plain[0].upper() + plain[1:] in text
        assert result.sha256 in text.replace(" ", "")
        assert "The score 2.60 reaches the threshold." in text
        assert "93 %" in text
        assert "Opus 24 kbit/s" in text
        assert "no expert opinion" in text
        for chapter in CHAPTERS:
            assert chapter in text


def test_the_same_result_gives_the_same_bytes(make):
    result = make("video", "mixed")
    assert pdf_report(result) == pdf_report(result.model_copy())
    assert html_report(result) == html_report(result.model_copy())


def test_another_process_gives_the_same_bytes(make, tmp_path):
    result = make("image", "spoof")
    (tmp_path / "result.json").write_text(result.model_dump_json())
    code = (
        "import sys, hashlib, pathlib; from assay.report import pdf_report\n"
        "from assay.report.reading import read_outcomes\n"
        "print(hashlib.sha256(pdf_report(read_outcomes(pathlib.Path(sys.argv[1]))[0])).hexdigest())"
    )
    found = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": str(Path(assay.__file__).parents[1]), "PYTHONHASHSEED": seed}
        run = [sys.executable, "-c", code, str(tmp_path / "result.json")]
        found.add(subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(found) == 1


def test_fonts_are_embedded_and_nothing_tells_of_the_machine(make):
    data = pdf_report(make("audio", "spoof"))
    fonts = fonts_of(data)
    assert fonts
    assert all(fonts.values()), fonts
    reader = pypdf.PdfReader(io.BytesIO(data))
    assert reader.metadata.title == "Report: folder/one.audio"
    assert reader.metadata.creation_date.year == 2000
    assert [entry.title for entry in reader.outline if not isinstance(entry, list)] == ["folder/one.audio"]


def test_pages_are_numbered_with_their_total(make):
    found = pages(pdf_report(make("video", "spoof")))
    assert len(found) > 1
    for number, page in enumerate(found, 1):
        assert re.search(rf"\b{number}\s+of\s+{len(found)}\b", " ".join(page.extract_text().split()))


def test_a_page_loads_nothing_and_runs_nothing(make):
    text = html_report(make("audio", "mixed"), explanation=explanation("audio"))
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(page.tags)
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert page.addresses
    assert page.styles == []
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src 'none'" in policy.replace("&#x27;", "'")
    assert "unsafe" not in policy


def test_a_hostile_file_adds_nothing_to_a_page(make):
    clean, hostile = make("image", "spoof"), make("image", "spoof", path=HOSTILE)
    changes = {
        "reasons": (Reason(code="x", text=HOSTILE),),
        "container": HOSTILE,
        "evidence": tuple(
            each.model_copy(update={"text": HOSTILE, "measured": {HOSTILE: HOSTILE}, "name": HOSTILE})
            for each in clean.evidence
        ),
        "model": ModelReference(name=HOSTILE, version=HOSTILE, sha256="0" * 64),
        "provenance": clean.provenance.model_copy(update={"state": "valid", "title": HOSTILE, "findings": (HOSTILE,)}),
    }
    page, reference = Page(html_report(hostile.model_copy(update=changes))), Page(html_report(clean))
    assert set(page.tags) <= {*reference.tags, "dl", "dt", "dd"}
    assert page.styles == []
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert "\\u202e" in page.text
    on_paper = text_of(pdf_report(hostile.model_copy(update=changes)))
    assert "<script>alert(1)</script>" in on_paper


def test_names_that_run_from_right_to_left_are_joined_and_in_order(make):
    name = "מסמך (גרסה 2) صورة.jpg"
    data = pdf_report(make("image", "spoof", path=name))
    reader = pypdf.PdfReader(io.BytesIO(data))
    assert reader.metadata.title == f"Report: {name}"
    drawn = "\n".join(page.extract_text() for page in reader.pages)
    assert "\ufebb\ufeee\ufead\ufe93"[::-1] in drawn or "\ufebb\ufeee\ufead\ufe93" in drawn  # sad waw ra ta, joined
    assert f"<bdi>{name}</bdi>" in html_report(make("image", "spoof", path=name))


def test_what_the_font_lacks_is_spelt_out_and_the_page_shows_it(make):
    result = make("audio", "spoof", path="会议 Ελληνικά Кириллица.wav")
    assert "\\u4f1a\\u8bae Ελληνικά Кириллица.wav" in text_of(pdf_report(result))
    assert "会议" in html_report(result)


@pytest.mark.parametrize("path", ["x" * 5000, "a b " * 1500, "/".join(["folder"] * 300), "\udcff.wav", ""])
def test_names_of_any_length_fit(make, path):
    result = make("audio", "spoof", path=path)
    data = pdf_report(result)
    assert len(pages(data)) < 12
    assert len(html_report(result).encode("utf-8")) < 200_000


def test_a_long_text_is_cut_and_says_so(make):
    result = make("audio", "spoof", reasons=(Reason(code="x", text="word " * 2 * MOST_CHARACTERS),))
    assert "characters more" in Page(html_report(result)).text


def test_many_faces_and_persons_stay_readable_and_small(make):
    faces = tuple(
        Face(
            box=(k % 40 * 10, k // 40 * 10, k % 40 * 10 + 9, k // 40 * 10 + 9),
            score=0.9,
            spoof_probability=0.5,
            llr=0.0,
        )
        for k in range(1000)
    )
    result = make("image", "inconclusive", faces=faces)
    text = text_of(pdf_report(result))
    assert "and 975 more" in text
    assert len(pdf_report(result)) < 2_000_000
    persons = tuple(
        make("video").persons[1].model_copy(update={"id": k, "start_s": 0.0, "end_s": 4.0}) for k in range(60)
    )
    shown = Page(html_report(make("video", "inconclusive", persons=persons))).text
    assert "and 48 persons more" in shown


def test_without_the_medium_it_says_what_is_missing(make):
    for media, missing in (("audio", "waveform and spectrogram"), ("image", "the picture itself"), ("video", "faces,")):
        text = Page(html_report(make(media, "spoof", stability=None))).text
        assert f"{missing}" in text
        assert "the medium was not at hand" in text
        assert "a map of what the network reacted to: none was asked for." in text
        assert "a check whether the verdict holds" in text
        assert "it is not installed here, or its weight is another one" in text


def test_with_the_medium_it_is_drawn(examples, make):
    from assay.media import open_moving
    from assay.settings import Settings

    for name, media in (("human.wav", "audio"), ("twice-saved.jpg", "image"), ("talking-drawing.mp4", "video")):
        opened = open_moving(str(examples / name), settings=Settings())
        changes = {"duration_s": 8.0} if media == "video" else {}
        result = make(media, "spoof", sha256=opened.sha256, **changes)
        bare, drawn = html_report(result), html_report(result, medium=examples / name)
        assert drawn.count("<image ") > bare.count("<image ")
        assert "the medium was not at hand" not in drawn
        assert len(drawn) < 2_000_000
        assert len(pdf_report(result, medium=examples / name)) < 2_000_000


def test_another_medium_is_refused(examples, make):
    with pytest.raises(ReportError, match="not the file that was scanned"):
        html_report(make("audio"), medium=examples / "human.wav")


def explanation(media, **changes):
    values = np.zeros((4, 6), np.float32)
    values[1, 2] = 1.0
    saliency = {
        "audio": Saliency("spectrogram", values, 0.0, 10.0, 0.0, 8000.0),
        "image": Saliency("picture", values, width=640, height=480),
        "video": Saliency("frame", values, 1.0, 1.0, width=640, height=360, label="person 0"),
    }[media]
    given = {
        "media": media,
        "method": "occlusion",
        "model": "toy",
        "saliency": (saliency,),
        "ranges": (Range(1.0, 2.0, 1.5),),
        "bands": (Band(4000.0, 6000.0, 0.5),),
        "regions": (Region(10, 20, 30, 40, 0.25),),
        "coverage": 0.1,
        "faithfulness": Faithfulness(0.1, 3.0, 1.0, 2.5, 10),
        "sentences": ("It reacted to one place.",),
    }
    return Explanation(**(given | changes))


@pytest.mark.parametrize("media", ["audio", "image", "video"])
def test_an_explanation_is_shown_with_its_test_and_without_overclaiming(make, media):
    text = Page(html_report(make(media, "spoof"), explanation=explanation(media))).text
    for part in ("It reacted to one place.", "not what was done to the file", "4000 Hz to 6000 Hz", "30 × 40 pixels"):
        assert part in text
    assert "from +3.00 to +1.00" in text
    assert "none was asked for" not in text
    unfaithful = explanation(media, faithfulness=Faithfulness(0.1, 3.0, 2.8, 2.5, 10))
    assert "not to be trusted" in text_of(pdf_report(make(media, "spoof"), explanation=unfaithful))


def test_an_explanation_of_another_medium_is_refused(make):
    with pytest.raises(ReportError, match="same file"):
        html_report(make("image"), explanation=explanation("audio"))


@pytest.mark.parametrize(("media", "model"), [("audio", "audio-resnet"), ("image", "picture-lite")])
def test_the_card_of_the_very_weight_is_told(make, media, model):
    card = load_card(model)
    reference = ModelReference(name=card.name, version=card.version, sha256=card.sha256)
    text = Page(html_report(make(media, "spoof", model=reference))).text
    assert card.limits[0] in text
    assert "of the bona fide files of development score at least as high" in text
    other = Page(html_report(make(media, "spoof", model=reference.model_copy(update={"sha256": "0" * 64})))).text
    assert card.limits[0] not in other


def test_the_score_of_a_part_is_not_held_against_whole_files(make):
    card = load_card("audio-resnet")
    reference = ModelReference(name=card.name, version=card.version, sha256=card.sha256)
    text = Page(html_report(make("audio", "mixed", model=reference))).text
    assert "thresholds of whole files do not concern it" in text
    assert "score at least as high" not in text


def test_a_result_without_a_score_is_reported(make):
    bare = make("audio", "inconclusive", spoof_probability=None, llr=None, interval=None, timeline=(), segments=())
    nobody = bare.model_copy(update={"model": None, "operating_point": None, "provenance": None, "evidence": ()})
    for result in (bare, nobody):
        assert "Nothing in it could be scored." in Page(html_report(result)).text
        assert "Cannot tell" in text_of(pdf_report(result))


def test_an_input_that_failed_gets_a_page(tmp_path, make):
    failure = ScanFailure.of("bad.wav", DecodeError("'bad.wav' breaks off.", at=3))
    documents = [report_on(failure), report_on(make("audio"))]
    text = text_of(as_pdf(documents))
    assert "Could not be analysed" in text
    assert "'bad.wav' breaks off." in text
    assert "Likely synthetic" in text
    assert Page(html_page(documents)).tags.count("article") == 2


@pytest.mark.parametrize("form", ["object", "array", "lines"])
def test_results_are_read_as_scan_writes_them(make, tmp_path, form):
    written = [make("audio").model_dump_json(), ScanFailure.of("a", DecodeError("broken")).model_dump_json()]
    path = tmp_path / "results.json"
    texts = {"object": written[0], "array": f"[{','.join(written)}]", "lines": "\n".join(written) + "\n"}
    path.write_text(texts[form])
    assert holds_results(path)
    found = read_outcomes(path)
    assert found[0] == make("audio")
    assert len(found) == (1 if form == "object" else 2)


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"schema_version": 1}', '[{"path": "a"}]', "[NaN]", "[1e999]", "[" * 100_000]
)
def test_what_holds_no_results_is_refused(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(ReportError, match="assay scan"):
        read_outcomes(path)


def test_numbers_that_are_none_are_refused(make, tmp_path):
    told = json.loads(make("audio").model_dump_json())
    told["llr"] = float("inf")
    (tmp_path / "results.json").write_text(json.dumps(told))
    with pytest.raises(ReportError, match="infinite"):
        read_outcomes(tmp_path / "results.json")


def test_the_form_follows_the_name_of_the_file(make, tmp_path):
    documents = [report_on(make("audio"))]
    write_report(documents, tmp_path / "one.pdf")
    write_report(documents, tmp_path / "one.HTML")
    assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "one.HTML").read_text().startswith("<!doctype html>")
    with pytest.raises(ReportError, match=r"neither .pdf nor .html"):
        write_report(documents, tmp_path / "one.doc")
    with pytest.raises(ReportError, match="nothing to report"):
        write_report([], tmp_path / "two.pdf")


def test_without_reportlab_the_extra_is_named_and_the_page_still_works(make, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "reportlab"]:
        monkeypatch.delitem(sys.modules, name)
    real = builtins.__import__

    def refuse(name, *given, **named):
        if name.split(".")[0] == "reportlab":
            raise ModuleNotFoundError("No module named 'reportlab'", name="reportlab")
        return real(name, *given, **named)

    monkeypatch.setitem(sys.modules, "reportlab", None)
    with patch.object(builtins, "__import__", refuse), pytest.raises(MissingExtra, match=r"assay\[report\]"):
        pdf_report(make("audio"))
    assert "<svg" in html_report(make("audio"))


def test_importing_the_room_loads_no_reportlab_and_no_pillow():
    code = "import sys, assay.report; print([n for n in ('reportlab', 'PIL', 'av', 'onnxruntime') if n in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(Path(assay.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
