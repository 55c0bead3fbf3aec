"""`assay scan --format parquet`: the CSV with types, whole or not there."""

import csv
import io
import os
import sys
from pathlib import Path

import cli_fakes
import pytest

from assay.cli.rows import COLUMNS
from assay.cli.sinks import open_sink

NUMBERS = {"duration_s", "speech_s", "width", "height", "spoof_probability", "llr", "interval_low", "interval_high"}


@pytest.fixture
def parquet():
    return pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def table(run, parquet):
    """Scan files into a table and read it."""

    def scanned(*names, code=0):
        done = run("scan", *names, "--format", "parquet", "--output", "out.parquet")
        assert (done.code, done.out) == (code, "")
        return parquet.read_table("out.parquet")

    return scanned


def test_the_table_holds_what_the_csv_holds(run, fake_detector, make_wav, table):
    names = ["a.wav", "spoof.wav", "mixed.wav", 'line\nend, "quoted".wav', "broken.wav", "missing.wav"]
    make_wav(*names[:-1])
    read = csv.DictReader(io.StringIO(run("scan", *names, "--format", "csv").out, newline=""))
    rows = [{name: value or None for name, value in row.items()} for row in read]
    for row in rows:
        row.update({name: row[name] and float(row[name]) for name in NUMBERS})
    found = table(*names, code=1)
    assert tuple(found.column_names) == COLUMNS
    assert found.to_pylist() == rows
    assert [one["path"] for one in rows] == names
    assert rows[2]["suspicious_spans"] == "12.400-15.200"


def test_numbers_are_numbers_and_the_rest_is_text(fake_detector, make_wav, table):
    make_wav("a.wav")
    types = {field.name: str(field.type) for field in table("a.wav").schema}
    assert {name for name, kind in types.items() if kind in ("double", "int32")} == NUMBERS
    assert {kind for name, kind in types.items() if name not in NUMBERS} == {"string"}


def test_no_more_than_a_group_of_rows_is_held(parquet, monkeypatch, tmp_path):
    monkeypatch.setattr("assay.cli.parquet.GROUP_ROWS", 10)
    with open_sink("parquet", tmp_path / "t.parquet") as sink:
        for k in range(37):
            sink.write(cli_fakes.make_result(f"{k}.wav"))
            assert len(sink._rows) < 10
    file = parquet.ParquetFile(tmp_path / "t.parquet")
    assert [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)] == [10, 10, 10, 7]
    assert file.read().column("path").to_pylist() == [f"{k}.wav" for k in range(37)]


def test_a_run_without_inputs_leaves_an_empty_table(parquet, tmp_path):
    with open_sink("parquet", tmp_path / "t.parquet"):
        pass
    assert parquet.read_table(tmp_path / "t.parquet").num_rows == 0


def test_a_table_is_whole_or_the_old_one(parquet, tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"what was there")
    with open_sink("parquet", path) as sink:
        sink.write(cli_fakes.make_result("a.wav"))
        assert path.read_bytes() == b"what was there"
    assert parquet.read_table(path).num_rows == 1
    assert [one.name for one in tmp_path.iterdir()] == ["t.parquet"]


def test_an_interrupted_run_keeps_what_it_has(run, fake_detector, make_wav, parquet):
    make_wav("a.wav", "interrupt.wav", "b.wav")
    done = run("scan", "a.wav", "interrupt.wav", "b.wav", "-f", "parquet", "-o", "out.parquet")
    assert done.code == 130
    assert "what was written is kept" in done.err
    assert parquet.read_table("out.parquet").column("path").to_pylist() == ["a.wav"]


def test_it_needs_a_file(run, fake_detector):
    done = run("scan", "a.wav", "--format", "parquet")
    assert done.code == 2
    assert "parquet is written to a file; name one with --output" in done.err
    assert fake_detector.scanned == []


def test_it_cannot_be_resumed(run, fake_detector):
    done = run("scan", "a.wav", "--format", "parquet", "-o", "out.parquet", "--resume")
    assert done.code == 2
    assert "cannot be continued; resume with --format jsonl or csv" in done.err


def test_a_recording_is_not_overwritten_and_a_folder_that_is_not_there_is_told(run, fake_detector, make_wav, parquet):
    path = make_wav("a.wav")
    before = path.read_bytes()
    done = run("scan", "a.wav", "-f", "parquet", "-o", "a.wav")
    assert (done.code, path.read_bytes()) == (2, before)
    assert "is a recording" in done.err
    done = run("scan", "a.wav", "-f", "parquet", "-o", "no/such.parquet")
    assert done.code == 2
    assert done.err.startswith("error: --output: 'no/such.parquet' cannot be written (No such file")


def test_without_pyarrow_the_extra_is_named(run, fake_detector, make_wav, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = run("scan", make_wav("a.wav"), "-f", "parquet", "-o", "out.parquet")
    assert done.code == 2
    assert "assay[parquet]" in done.err
    assert not Path("out.parquet").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names of any bytes")
def test_a_file_name_that_is_not_utf8_is_spelt_out(fake_detector, make_wav, table):
    make_wav("a.wav")
    Path("a.wav").rename(os.fsdecode(b"\xff.wav"))
    assert table(os.fsdecode(b"\xff.wav")).column("path").to_pylist() == ["\\udcff.wav"]
