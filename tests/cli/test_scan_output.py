import csv
import io
import json
import os
import sys
from pathlib import Path

import pytest

from assay.cli.rows import COLUMNS
from assay.cli.sinks import open_sink


def read_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_text_is_one_plain_line_a_file_with_the_verdict_in_plain_words(run, fake_detector, make_wav):
    make_wav("a.wav", "spoof.wav", "mixed.wav", "unsure.wav")
    done = run("scan", "a.wav", "spoof.wav", "mixed.wav", "unsure.wav")
    lines = done.out.splitlines()
    assert [line.split(". ")[0] for line in lines] == [
        "a.wav: no sign of synthesis found",
        "spoof.wav: likely synthetic",
        "mixed.wav: partly synthetic",
        "unsure.wav: cannot tell",
    ]
    assert "\x1b" not in done.out + done.err


def test_json_is_one_array_in_the_order_given(run, fake_detector, make_wav):
    make_wav("b.wav", "a.wav")
    done = run("scan", "b.wav", "a.wav", "missing.wav", "--format", "json")
    assert [item["path"] for item in json.loads(done.out)] == ["b.wav", "a.wav", "missing.wav"]


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_a_failed_input_stands_in_the_data_with_its_code(run, fake_detector, make_wav, form):
    make_wav("a.wav", "broken.wav")
    done = run("scan", "broken.wav", "a.wav", "--format", form)
    if form == "csv":
        first, second = read_csv(done.out)
        assert (first["path"], first["error_code"], first["verdict"]) == ("broken.wav", "decode_failed", "")
        assert second["verdict"] == "bona_fide"
    else:
        first, second = json.loads(done.out) if form == "json" else map(json.loads, done.out.splitlines())
        assert first["error"]["code"] == "decode_failed"
        assert second["verdict"] == "bona_fide"


def test_json_of_a_run_that_had_nothing_to_say_is_an_empty_array(capsys):
    with open_sink("json", None):
        pass
    assert json.loads(capsys.readouterr().out) == []


def test_jsonl_lines_are_the_result_as_the_library_gives_it(run, fake_detector, make_wav):
    from assay.result import ScanResult

    make_wav("mixed.wav")
    line = run("scan", "mixed.wav", "--format", "jsonl").out
    assert ScanResult.model_validate_json(line).verdict == "mixed"


def test_csv_has_the_documented_columns_and_flat_values(run, fake_detector, make_wav):
    make_wav("mixed.wav")
    done = run("scan", "mixed.wav", "--format", "csv")
    (row,) = read_csv(done.out)
    assert tuple(row) == COLUMNS
    assert row["suspicious_spans"] == "12.400-15.200"
    assert row["reasons"] == 'The score, "so to speak", decided.'
    assert float(row["interval_high"]) == 0.96


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "csv"])
def test_output_file_holds_what_standard_output_would(run, fake_detector, make_wav, form, tmp_path):
    make_wav("a.wav", "spoof.wav")
    shown = run("scan", "a.wav", "spoof.wav", "missing.wav", "--format", form)
    written = run("scan", "a.wav", "spoof.wav", "missing.wav", "--format", form, "--output", "out")
    assert written.out == ""
    assert (tmp_path / "out").read_text(encoding="utf-8") == shown.out


def test_output_is_replaced_without_resume(run, fake_detector, make_wav, tmp_path):
    make_wav("a.wav", "b.wav")
    run("scan", "a.wav", "--format", "jsonl", "-o", "out.jsonl")
    run("scan", "b.wav", "--format", "jsonl", "-o", "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text())["path"] == "b.wav"


def test_a_recording_is_never_overwritten_by_a_report(run, fake_detector, make_wav):
    path = make_wav("a.wav")
    before = path.read_bytes()
    done = run("scan", "a.wav", "-o", "a.wav")
    assert done.code == 2
    assert "is a recording" in done.err
    assert path.read_bytes() == before


def test_output_in_a_folder_that_does_not_exist_is_a_clear_error(run, fake_detector, make_wav):
    make_wav("a.wav")
    done = run("scan", "a.wav", "-o", "no/such/out.txt")
    assert done.code == 2
    assert done.err.startswith("error: --output: 'no/such/out.txt' cannot be written (No such file")


def test_failures_are_told_on_standard_error_on_one_line_each(run, fake_detector, make_wav):
    make_wav("broken.wav", "a.wav")
    done = run("scan", "broken.wav", "a.wav", "--quiet")
    assert done.err == "error: 'broken.wav' breaks off after 1.0 s. Give the whole file. [decode_failed]\n"
    assert "broken.wav: could not be analysed." in done.out


def test_summary_stands_on_standard_error_for_several_files_only(run, fake_detector, make_wav):
    make_wav("a.wav", "spoof.wav", "unsure.wav", "broken.wav")
    several = run("scan", "a.wav", "spoof.wav", "unsure.wav", "broken.wav").err.splitlines()[-1]
    assert several.startswith(
        "4 inputs: 1 no sign of synthesis found, 1 likely synthetic, 1 cannot tell,"
        " 1 could not be analysed (1 decode_failed). Decided: 2 of 3 (67%). 0:46 of sound in "
    )
    assert run("scan", "a.wav").err == ""
    assert run("scan", "a.wav", "spoof.wav", "--quiet").err == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names of any bytes")
@pytest.mark.parametrize("form", ["text", "json", "jsonl", "csv"])
def test_a_file_name_that_is_not_utf8_is_written_and_does_not_stop_the_batch(run, fake_detector, make_wav, form):
    make_wav("a.wav")
    name = os.fsdecode(b"\xff.wav")
    Path("a.wav").rename(name)
    done = run("scan", name, "--format", form, "-o", "out")
    assert done.code == 0
    text = Path("out").read_text(encoding="utf-8", errors="surrogateescape")
    readers = {
        "text": lambda: text.split(":")[0].replace("\\udcff", "\udcff"),
        "json": lambda: json.loads(text)[0]["path"],
        "jsonl": lambda: json.loads(text)["path"],
        "csv": lambda: read_csv(text)[0]["path"],
    }
    assert readers[form]() == name


def test_control_characters_of_a_name_do_not_reach_the_terminal(run, fake_detector, make_wav):
    make_wav("\x1b[31mred.wav")
    done = run("scan", "\x1b[31mred.wav")
    assert done.out.startswith("\\x1b[31mred.wav: no sign")


def test_settings_of_the_command_line_reach_the_detector(run, fake_detector, make_wav):
    make_wav("a.wav")
    options = "--jobs 3 --threads 2 --max-false-alarm 0.001 --prior 0.2 --channels each --model other"
    run("scan", "a.wav", *options.split())
    settings = fake_detector.settings
    found = (settings.jobs, settings.threads, settings.max_false_alarm, settings.prior, settings.channels)
    assert found == (3, 2, 0.001, 0.2, "each")
    assert settings.audio_model == "other"


@pytest.mark.parametrize("name", ["stability", "denoise"])
@pytest.mark.parametrize(
    ("option", "variable", "expected"),
    [(None, None, False), ("--", None, True), (None, "true", True), ("--no-", "true", False)],
)
def test_options_that_are_off_can_be_put_on_and_off_again(
    run, fake_detector, make_wav, monkeypatch, name, option, variable, expected
):
    if variable:
        monkeypatch.setenv(f"ASSAY_{name.upper()}", variable)
    done = run("scan", make_wav("a.wav"), *([f"{option}{name}"] if option else []))
    assert done.code == 0
    assert getattr(fake_detector.settings, name) is expected


def test_folders_are_searched_and_recursive_reaches_subfolders(run, fake_detector, make_wav):
    make_wav("d/a.wav", "d/e/b.wav")
    flat, deep = (run("scan", "d", *more, "--format", "jsonl").out for more in ((), ("--recursive",)))
    assert (len(flat.splitlines()), len(deep.splitlines())) == (1, 2)
