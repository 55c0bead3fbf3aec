"""`assay report`: results and media in, one file out; what fits nothing is refused before anything is written."""

import json

import pytest

from assay.cli import main
from assay.errors import DecodeError
from assay.result import ScanFailure


@pytest.fixture
def run(capsys):
    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["report", *map(str, words)])
        return ended.value.code or 0, capsys.readouterr().err

    return run


@pytest.fixture
def results(make, tmp_path):
    path = tmp_path / "results.jsonl"
    failure = ScanFailure.of("bad.wav", DecodeError("'bad.wav' breaks off."))
    path.write_text("\n".join(one.model_dump_json() for one in (make("audio"), failure)) + "\n")
    return path


def test_results_become_one_page(run, results, tmp_path):
    code, _ = run(results, "--output", tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert code == 0
    assert text.count("<article>") == 2
    assert "the medium was not at hand" in text


def test_results_become_one_pdf(run, results, tmp_path):
    pytest.importorskip("reportlab")
    assert run(results, "--output", tmp_path / "report.pdf")[0] == 0
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_medium_of_a_result_is_found_by_its_digest(run, make, examples, tmp_path):
    import hashlib

    digest = hashlib.sha256((examples / "human.wav").read_bytes()).hexdigest()
    (tmp_path / "one.json").write_text(f"[{make('audio', sha256=digest).model_dump_json()}]")
    output = tmp_path / "report.html"
    assert run(tmp_path / "one.json", "--media", examples / "human.wav", "--output", output)[0] == 0
    assert "the medium was not at hand" not in output.read_text()


def test_a_medium_of_no_result_is_refused_and_nothing_is_written(run, results, examples, tmp_path):
    code, said = run(results, "--media", examples / "human.wav", "--output", tmp_path / "report.html")
    assert code == 2
    assert "no result is of" in said
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("text", ["{", "[1]", '[{"explanation": {}}]', '[{"sha256": "a", "explanation": {}}]'])
def test_what_holds_no_explanations_is_refused(run, results, tmp_path, text):
    (tmp_path / "explained.json").write_text(text)
    output = tmp_path / "report.html"
    code, said = run(results, "--explanation", tmp_path / "explained.json", "--output", output)
    assert code != 0
    assert "explanation" in said
    assert not output.exists()


def test_an_explanation_of_another_file_is_refused(run, results, tmp_path):
    from assay.explain import Explanation

    empty = Explanation("audio", "occlusion", "toy", (), (), (), (), 0.0, None, ())
    (tmp_path / "explained.json").write_text(json.dumps([{"sha256": "0" * 64, "explanation": empty.as_dict()}]))
    code, said = run(results, "--explanation", tmp_path / "explained.json", "--output", tmp_path / "report.html")
    assert code == 2
    assert "begins with 000000000000" in said


def test_an_input_that_fails_is_reported_and_ends_with_1(run, tmp_path):
    code, said = run(tmp_path / "nothing.wav", "--output", tmp_path / "report.html")
    assert code == 1
    assert "not_found" in said
    assert "Could not be analysed" in (tmp_path / "report.html").read_text()


def test_a_recording_is_scanned_and_drawn(run, examples, tmp_path):
    assert run(examples / "human-telephone.mp3", "--output", tmp_path / "report.html")[0] == 0
    text = (tmp_path / "report.html").read_text()
    assert "data:image/png" in text
    assert "audio-resnet" in text
    assert "<dt>deep</dt>" in text


@pytest.mark.parametrize("name", ["report.doc", "report", "no/folder/report.html"])
def test_a_name_that_cannot_be_written_is_refused(run, results, tmp_path, name):
    assert run(results, "--output", tmp_path / name)[0] == 2


def test_a_recording_is_never_overwritten(run, results, examples, tmp_path):
    target = tmp_path / "voice.html"
    target.write_bytes((examples / "human-telephone.mp3").read_bytes())
    code, said = run(results, "--output", target)
    assert code == 2
    assert "stays as it is" in said
    assert target.read_bytes() == (examples / "human-telephone.mp3").read_bytes()
