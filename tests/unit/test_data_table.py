"""Tables: the same cells in CSV and Parquet, and what cannot be read is told."""

import sys

import pytest

from assay.data import Trial, read_protocol, write_protocol
from assay.data.table import read_table, relative_to, write_table
from assay.errors import MissingExtra, ProtocolError

TRIALS = [
    Trial("a.wav", "bona_fide", "eval", speaker="Ann, the first", identity="ann;bob", licence='"CC0"'),
    Trial("b/ü.wav", "spoof", generator="espeak", parent="a.wav", source="s"),
]


def test_parquet_holds_what_csv_holds(tmp_path):
    pytest.importorskip("pyarrow")
    for name in ("p.csv", "p.parquet"):
        write_protocol(tmp_path / name, TRIALS)
    assert read_protocol(tmp_path / "p.parquet") == read_protocol(tmp_path / "p.csv")
    assert [trial.identity for trial in read_protocol(tmp_path / "p.parquet")] == ["ann;bob", ""]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.csv", "p.parquet"]


def test_numbers_and_nulls_of_a_foreign_parquet_become_text(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"path": ["a", "b"], "key": ["spoof", "spoof"], "speaker": [7, None], "source": [None, "x"]}
    parquet.write_table(arrow.table(columns), tmp_path / "p.parquet")
    first, second = read_protocol(tmp_path / "p.parquet")
    assert (first.speaker, first.source, second.speaker, second.source) == ("7", "", "", "x")


def test_what_is_no_parquet_is_an_error(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "p.parquet").write_text("path,key\n")
    for path in (tmp_path / "p.parquet", tmp_path / "none.parquet"):
        with pytest.raises(ProtocolError, match="cannot be read"):
            read_protocol(path)


def test_a_wrong_key_in_parquet_is_told_with_its_row(tmp_path):
    pytest.importorskip("pyarrow")
    write_table(tmp_path / "p.parquet", ("path", "key"), [("a", "spoof"), ("b", "fake")])
    with pytest.raises(ProtocolError, match="line 2: key 'fake'"):
        read_protocol(tmp_path / "p.parquet")


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    for act in (lambda: read_table(tmp_path / "p.parquet"), lambda: write_protocol(tmp_path / "p.parquet", TRIALS)):
        with pytest.raises(MissingExtra, match=r"assay\[parquet\]"):
            act()
    assert list(tmp_path.iterdir()) == []


def test_a_column_is_put_where_it_is_or_behind_the_others(tmp_path):
    (tmp_path / "p.csv").write_text("path,partition,odd\na,,1\nb\n\nc,eval,3,4\n")
    table = read_table(tmp_path / "p.csv")
    assert table.lines == [2, 3, 5]
    table.put("partition", ["x", "y", "z"])
    table.put("speaker", ["p", "q", "r"])
    assert table.columns == ["path", "partition", "odd", "speaker"]
    assert table.rows == [["a", "x", "1", "p"], ["b", "y", "", "q"], ["c", "z", "3", "r"]]
    assert table.cells("nothing") == ["", "", ""]


def test_paths_lead_from_a_folder_to_a_file(tmp_path):
    assert relative_to(tmp_path / "a" / "b.wav", tmp_path / "lists") == "../a/b.wav"
    assert relative_to(tmp_path / "b.wav", tmp_path) == "b.wav"
