"""`assay data fetch` through the public door."""

import pytest
from toy_repositories import Repository, git, noise, read_csv, sound_file, write_catalogue

FILES = {"a.wav": sound_file(noise(seed=1)), "b.wav": sound_file(noise(3.0, seed=2))}


@pytest.fixture
def catalogue(tmp_path):
    """A catalogue of two repositories, both in the folder ``mirror``; one is also in ``remote``."""
    remote = Repository(tmp_path / "remote" / "owner" / "name")
    remote.commit(FILES)
    for name in ("owner+name", "owner+other"):
        git(tmp_path, "clone", "--quiet", "--mirror", remote.folder.as_uri(), tmp_path / "mirror" / name / "repo")
    rows = [
        {"repo": "owner/name", "path": "a.wav"},
        {"repo": "owner/other", "path": "b.wav", "key": "spoof"},
        {"repo": "owner/name", "path": "none.wav", "partition": "eval"},
    ]
    write_catalogue(tmp_path / "c.csv", rows)
    return "c.csv"


def test_the_protocol_is_printed_and_the_summary_goes_to_standard_error(run, catalogue, tmp_path):
    done = run("data", "fetch", catalogue, "--to", "data", "--mirror", "mirror", "--jobs", "2", "--max-seconds", "2")
    assert done.code == 0
    assert done.out.strip() == "data/protocol.csv"
    assert done.err == "2 fetched, 1 gone\n"
    assert [row["duration_s"] for row in read_csv(tmp_path / "data" / "protocol.csv")] == ["1.0", "2.0"]


def test_partition_repositories_and_number_can_be_limited(run, catalogue, tmp_path):
    (tmp_path / "wanted.txt").write_text("owner/name\n")
    common = ("data", "fetch", catalogue, "--mirror", "mirror", "--partition", "train")
    assert run(*common, "--to", "1", "--only-repos", "wanted.txt").err == "1 fetched\n"
    assert run(*common, "--to", "2", "--only-repos", "owner/name", "--only-repos", "owner/other").err == "2 fetched\n"
    assert run(*common, "--to", "3", "--max-per-source", "1").err == "2 fetched\n"


def test_a_list_of_repositories_that_is_no_text_is_exit_2(run, catalogue, tmp_path):
    (tmp_path / "wanted.txt").write_bytes(b"\xff\xfe")
    done = run("data", "fetch", catalogue, "--to", "data", "--only-repos", "wanted.txt")
    assert done.code == 2
    assert "wanted.txt" in done.err


def test_without_a_mirror_repositories_are_cloned_from_the_base(run, catalogue, tmp_path):
    base = f"file://{tmp_path / 'remote'}"
    done = run("data", "fetch", catalogue, "--to", "data", "--base", base, "--partition", "train")
    assert done.err == "1 fetched, 1 gone\n"
    assert read_csv(tmp_path / "data" / "report.csv")[1]["reason"] == "repository cannot be cloned"


def test_a_catalogue_that_cannot_be_read_is_exit_2(run, tmp_path):
    done = run("data", "fetch", "missing.csv", "--to", "data")
    assert done.code == 2
    assert done.err.endswith("[bad_protocol]\n")
    assert not (tmp_path / "data").exists()


def test_a_run_that_keeps_nothing_is_exit_1(run, catalogue):
    done = run("data", "fetch", catalogue, "--to", "data", "--mirror", "mirror", "--partition", "eval")
    assert done.code == 1
    assert done.err.endswith("[data_failed]\n")


@pytest.mark.parametrize("wrong", [("--max-seconds", "0.5"), ("--max-per-source", "0"), ("--mirror", "absent")])
def test_an_argument_out_of_range_is_exit_2(run, catalogue, wrong):
    assert run("data", "fetch", catalogue, "--to", "data", *wrong).code == 2
