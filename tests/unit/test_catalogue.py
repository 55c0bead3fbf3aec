"""Catalogues: what is read, that nothing leads out of its folder, and that a draw is even and reproducible."""

import gzip
import hashlib
import re
from collections import Counter

import pytest
from toy_repositories import write_catalogue

from assay.data.catalogue import Row, draw, read_catalogue
from assay.errors import ProtocolError


@pytest.fixture
def catalogue(tmp_path):
    return lambda *rows: write_catalogue(tmp_path / "c.csv", rows)


def test_a_packed_catalogue_reads_like_a_plain_one(catalogue, tmp_path):
    path = catalogue({"repo": "o/n", "path": "a b/ü.wav"}, {"repo": "debian:pack-age", "path": "c.gsm", "key": "spoof"})
    packed = tmp_path / "c.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    first, second = read_catalogue(packed)
    assert [first, second] == read_catalogue(path)
    assert (first.path, first.key, second.repo, second.key) == ("a b/ü.wav", "bona_fide", "debian:pack-age", "spoof")


def test_partition_and_repositories_are_picked_in_order(catalogue):
    path = catalogue(
        {"repo": "o/a", "path": "1"},
        {"repo": "o/b", "path": "2", "partition": "eval"},
        {"repo": "o/a", "path": "3", "partition": "eval"},
    )
    assert [row.path for row in read_catalogue(path, partition="eval")] == ["2", "3"]
    assert [row.path for row in read_catalogue(path, repos={"o/a"})] == ["1", "3"]


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/a", "a//b", "", ".", "a/..", "..\\a", "c:/a", "a\\b"])
def test_a_path_that_leads_out_is_refused_with_its_line(catalogue, path):
    with pytest.raises(ProtocolError, match=r"line 3: path .* leads out of its repository"):
        read_catalogue(catalogue({"repo": "o/n", "path": "good"}, {"repo": "o/n", "path": path}))


@pytest.mark.parametrize(
    "repo", ["", "n", "../n", "o/..", "o/n/m", "-o/n", "o/.", "o_p/n", "debian:", "debian:-x", "debian:A"]
)
def test_a_name_that_is_no_repository_is_refused(catalogue, repo):
    with pytest.raises(ProtocolError, match=r"line 2: repo .* is neither OWNER/NAME nor debian:PACKAGE"):
        read_catalogue(catalogue({"repo": repo, "path": "a"}))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"key": "fake"}, "key 'fake' is neither"),
        ({"commit": "HEAD"}, "commit 'HEAD' is not 40 or 64 hexadecimal digits"),
        ({"commit": "--upload-pack=x"}, "is not 40 or 64"),
    ],
)
def test_a_malformed_row_is_refused(catalogue, row, message):
    with pytest.raises(ProtocolError, match=message):
        read_catalogue(catalogue({"repo": "o/n", "path": "a", **row}))


def test_a_file_that_stands_twice_is_refused(catalogue):
    row = {"repo": "o/n", "path": "a"}
    with pytest.raises(ProtocolError, match="lists 'a' of o/n twice"):
        read_catalogue(catalogue(row, row))


def test_what_leaves_nothing_over_is_an_error_that_says_what_there_is(catalogue):
    path = catalogue({"repo": "o/n", "path": "a"})
    with pytest.raises(ProtocolError, match=r"no rows of partition 'eval' .* partitions \['train'\]"):
        read_catalogue(path, partition="eval")
    with pytest.raises(ProtocolError, match=r"no rows of \['o/m'\]"):
        read_catalogue(path, repos={"o/m"})


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("c.csv", b"repo,path\n", r"has no column \['key'\]"),
        ("c.csv", b"repo,path,key\n\xff", "cannot be read"),
        ("c.csv.gz", b"repo,path,key\n", "cannot be read"),
        ("c.csv.gz", gzip.compress(b"repo,path,key\n" * 99)[:-12], "cannot be read"),
        ("c.csv.gz", gzip.compress(b"repo,path,key\n")[:10] + b"\xff" * 20, "cannot be read"),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ProtocolError, match=message):
        read_catalogue(tmp_path / name)


def test_names_on_disk_are_safe_and_tell_kinds_apart():
    digest = hashlib.sha256("ü ?/b.WAV".encode()).hexdigest()[:12]
    assert Row("o/n.github.io", "ü ?/b.WAV", "spoof").target == f"o__n.github.io/{digest}.flac"
    assert Row("debian:p", "b.PNG", "spoof").target.startswith("debian__p/")
    assert Row("o/n", "b.PNG", "spoof").target.endswith(".png")
    assert re.fullmatch(r"o__n/[0-9a-f]{12}", Row("o/n", "b.p g", "spoof").target)
    assert Row("o/n", "b.mp4", "spoof", style="face").target.endswith(".mp4")
    assert Row("o/n", "b.mp4", "spoof", style="speech").target.endswith(".flac")


def rows(repo="o/n", **counts):
    return [
        Row(repo, f"{generator}/{n}", "spoof", generator=generator)
        for generator, many in counts.items()
        for n in range(many)
    ]


def test_a_draw_is_even_over_generators_and_takes_small_ones_whole():
    drawn = draw(rows(a=50, b=50, c=3), most=23)
    assert Counter(row.generator for row in drawn) == {"a": 10, "b": 10, "c": 3}


def test_a_draw_depends_on_its_seed_and_on_nothing_else():
    given = rows(a=50, b=50)
    drawn = draw(given, most=10)
    assert drawn == [row for row in given if row in drawn]
    assert set(draw([*rows("x/y", a=9), *reversed(given)], most=10)) >= set(drawn)
    assert set(draw(given, most=10, seed=1)) != set(drawn)
    assert set(draw(given, most=12)) > set(drawn)


def test_a_draw_leaves_small_repositories_alone():
    given = rows(a=3, b=2)
    assert draw(given, most=5) == given
