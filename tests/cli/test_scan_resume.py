import csv
import json

import pytest

NAMES = ["a.wav", 'spoof, or "not".wav', "line\nend.wav", "broken.wav", "b.wav"]
FORMS = ["jsonl", "csv"]


@pytest.fixture
def finished(run, fake_detector, make_wav, tmp_path):
    """A whole output over NAMES in a format: the command, the path, the bytes."""
    make_wav(*NAMES)

    def finish(form):
        command = ["scan", *NAMES, "--format", form, "--output", f"out.{form}"]
        run(*command)
        path = tmp_path / f"out.{form}"
        fake_detector.scanned.clear()
        return command, path, path.read_bytes()

    return finish


def paths_in(path, form):
    with path.open(newline="") as file:
        return [row["path"] for row in csv.DictReader(file)] if form == "csv" else [json.loads(x)["path"] for x in file]


@pytest.mark.parametrize("form", FORMS)
def test_resume_leaves_out_what_has_a_result_and_tries_failures_again(finished, run, fake_detector, form):
    command, path, _ = finished(form)
    done = run(*command, "--resume")
    assert fake_detector.scanned == ["broken.wav"]
    assert sorted(paths_in(path, form)) == sorted(NAMES)
    assert done.code == 1
    assert f"4 files had a result in out.{form} already" in done.err


@pytest.mark.parametrize("form", FORMS)
def test_an_output_cut_at_any_byte_is_made_whole_by_resuming(finished, run, form):
    command, path, whole = finished(form)
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        run(*command, "--resume")
        assert sorted(paths_in(path, form)) == sorted(NAMES), length
        assert sorted(path.read_bytes().split(b"\n")) == sorted(whole.split(b"\n")), length


@pytest.mark.parametrize("form", FORMS)
def test_a_torn_last_line_is_dropped_and_its_file_done_again(finished, run, fake_detector, form):
    command, path, whole = finished(form)
    path.write_bytes(whole[:-1])  # only the line end of b.wav is missing
    run(*command, "--resume")
    assert fake_detector.scanned == ["broken.wav", "b.wav"]
    assert sorted(paths_in(path, form)) == sorted(NAMES)


def test_resuming_without_an_earlier_output_is_a_first_run(run, fake_detector, make_wav, tmp_path):
    make_wav("a.wav")
    assert run("scan", "a.wav", "--format", "csv", "-o", "out.csv", "--resume").code == 0
    assert paths_in(tmp_path / "out.csv", "csv") == ["a.wav"]


def test_verdicts_of_the_earlier_run_count_for_fail_on(run, fake_detector, make_wav):
    make_wav("spoof.wav", "a.wav")
    command = ["scan", "spoof.wav", "a.wav", "--format", "jsonl", "-o", "out.jsonl"]
    run(*command)
    assert run(*command, "--resume", "--fail-on", "spoof").code == 4


@pytest.mark.parametrize(
    "options", [(), ("--output", "x.jsonl"), ("--format", "jsonl"), ("--format", "json", "-o", "x.json")]
)
def test_resume_without_a_resumable_output_is_a_usage_error(run, fake_detector, options):
    done = run("scan", "a.wav", "--resume", *options)
    assert done.code == 2
    assert "needs --output FILE and --format jsonl or csv" in done.err


def test_standard_input_cannot_be_resumed(run, fake_detector):
    done = run("scan", "-", "--resume", "--format", "csv", "-o", "x.csv")
    assert done.code == 2
    assert "standard input cannot be resumed" in done.err


@pytest.mark.parametrize(("written", "read"), [("csv", "jsonl"), ("jsonl", "csv")])
def test_resuming_in_another_format_is_refused_and_changes_nothing(finished, run, written, read):
    _, path, whole = finished(written)
    done = run("scan", *NAMES, "--format", read, "--output", path.name, "--resume")
    assert done.code == 2
    assert "record 1" in done.err
    assert path.read_bytes() == whole


def test_a_record_broken_in_the_middle_is_refused_and_nothing_is_lost(finished, run):
    command, path, whole = finished("jsonl")
    damaged = whole.replace(b"{", b"<", 1)
    path.write_bytes(damaged)
    done = run(*command, "--resume")
    assert done.code == 2
    assert path.read_bytes() == damaged


def test_a_lone_quote_in_a_csv_does_not_swallow_the_rows_after_it(finished, run):
    command, path, whole = finished("csv")
    damaged = whole.replace(b"a.wav", b'"a.wav', 1)
    path.write_bytes(damaged)
    done = run(*command, "--resume")
    assert done.code == 2
    assert path.read_bytes() == damaged
