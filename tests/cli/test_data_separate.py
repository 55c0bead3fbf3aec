"""`assay data separate` through the public door."""

import numpy as np
import pytest
import soundfile


@pytest.fixture
def protocols(tmp_path):
    """Two folders with a protocol each, `a` with a copy and something short, and one with an evaluation partition."""
    rng = np.random.default_rng(0)
    syllables = 10 ** (np.repeat(rng.uniform(-40, 0, (3, 40)), 1_600, axis=1) / 20)
    sounds = (0.1 * syllables * rng.standard_normal((3, 64_000))).astype(np.float32)
    for folder, partition, files in (
        ("a", "train", {"copy": 0.1 * sounds[0][3_000:], "short": sounds[0][:16_000], "other": sounds[1]}),
        ("b", "train", {"other": sounds[2]}),
        ("eval", "test", {"original": sounds[0]}),
    ):
        (tmp_path / folder).mkdir()
        for name, samples in files.items():
            soundfile.write(tmp_path / folder / f"{name}.flac", samples, 16_000)
        lines = [f"{name}.flac,spoof,{partition}\n" for name in files]
        (tmp_path / folder / "protocol.csv").write_text("path,key,partition\n" + "".join(lines))
    return "a/protocol.csv", "b/protocol.csv", "--from", "eval/protocol.csv", "--partition", "test"


def test_what_is_written_is_printed_and_the_summary_goes_to_standard_error(run, protocols, tmp_path):
    done = run("data", "separate", *protocols, "--jobs", "2")
    assert done.code == 0
    assert done.out == "a/separate.csv\nb/separate.csv\n"
    assert done.err == "1 of 3 overlap, 1 too short\n0 of 1 overlap\n"
    assert "copy.flac,spoof,overlap" in (tmp_path / "a" / "separate.csv").read_text()
    assert (tmp_path / "a" / "overlap.csv").read_text().split()[1].startswith("copy.flac,spoof,original.flac,spoof,")


def test_name_and_threshold_can_be_given(run, protocols, tmp_path):
    done = run("data", "separate", *protocols, "--out-name", "mine.csv", "--threshold", "1")
    assert done.out.splitlines()[0] == "a/mine.csv"
    assert done.err.startswith("0 of 3")


def test_a_partition_that_is_not_there_is_exit_2(run, protocols):
    done = run("data", "separate", *protocols[:-1], "nowhere")
    assert done.code == 2
    assert done.err.endswith("[bad_protocol]\n")


def test_writing_over_a_protocol_is_exit_1(run, protocols):
    done = run("data", "separate", *protocols, "--out-name", "protocol.csv")
    assert done.code == 1
    assert done.err.endswith("[data_failed]\n")


@pytest.mark.parametrize("wrong", [("--threshold", "0.4"), ("--threshold", "1.1"), ("--from", "absent.csv")])
def test_an_argument_out_of_range_is_exit_2(run, protocols, wrong):
    assert run("data", "separate", *protocols, *wrong).code == 2
