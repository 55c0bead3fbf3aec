"""Killed and resumed, or on two processes: the same weights."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

import lab_toys
import torch
from safetensors.torch import load_file

from assay.errors import TrainingError
from assay.training.lab.config import load_run
from assay.training.lab.run import train
from assay.training.tensors import read_plain

lab_toys.register_toys()
# Dropout, batch norm, treatment and plateau: all that has a state, or would draw at random.
KILLED = [
    "optimisation.epochs=20",
    "data.batch_size=4",
    "optimisation.learning_rate=0.02",
    "data.epoch_batches=12",
    "machine.workers=0",
]
KILLED += ["optimisation.scheduler=plateau", "optimisation.plateau_patience=1", "optimisation.keep=last"]


@pytest.mark.slow
def test_a_run_that_was_killed_ends_with_the_weights_of_one_that_was_not(tmp_path):
    protocol = lab_toys.sounds(tmp_path / "data", partitions=("train", "dev"))
    whole = train(load_run("toy-audio", None, KILLED), [protocol], tmp_path / "whole")
    out = tmp_path / "killed"
    paths = [str(Path(lab_toys.__file__).parent), *(path for path in sys.path if path)]
    child = subprocess.Popen(
        [
            sys.executable,
            lab_toys.__file__,
            str(protocol),
            str(out),
            *KILLED,
            "machine.workers=1",
        ],  # who reads does not matter
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not list(out.glob("toy-audio-*/checkpoints/last.ckpt")):
            assert child.poll() is None, "the process ended before its first checkpoint"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(0.2)  # into a later epoch
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    (folder,) = out.glob("toy-audio-*")
    assert not (folder / "metrics.json").exists()
    stopped = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["epoch"]
    assert stopped < 19
    assert train(load_run("toy-audio", None, KILLED), [protocol], out, resume=True) == folder
    first, second = load_file(whole / "weights.safetensors"), load_file(folder / "weights.safetensors")
    assert all(torch.equal(first[name], second[name]) for name in first)
    histories = [json.loads((one / "metrics.json").read_text())["history"] for one in (whole, folder)]
    told = [[{k: v for k, v in row.items() if k not in ("seconds", "network_share")} for row in h] for h in histories]
    assert told[0] == told[1]


@pytest.mark.slow
def test_a_checkpoint_that_is_damaged_or_none_is_told(tmp_path):
    file = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"weight": torch.zeros(1000)}}, file)
    whole = file.read_bytes()
    for data in (whole[:1000], b"no checkpoint", b""):
        file.write_bytes(data)
        with pytest.raises(TrainingError, match=r"last\.ckpt' cannot be read as weights"):
            read_plain(file)
    torch.save([1], file)
    with pytest.raises(TrainingError, match="holds list"):
        read_plain(file)


def test_two_processes_follow_the_curve_of_one_with_batches_of_double_size(tmp_path):
    protocol = lab_toys.sounds(tmp_path / "data", partitions=("train", "dev"))
    # What a process draws or measures for its own half of a batch would differ: dropout, norms and treatment.
    alike = ["optimisation.epochs=3", "options.dropout=0.0", "options.norm=false", "data.augment=false"]
    alike += ["optimisation.learning_rate=0.02", "machine.accelerator=cpu", "optimisation.precision=32"]
    histories = []
    for devices, size in ((1, 8), (2, 4)):
        changes = [*alike, f"data.batch_size={size}", f"machine.devices={devices}"]
        folder = train(load_run("toy-audio", None, changes), [protocol], tmp_path / f"runs-{devices}")
        histories.append(json.loads((folder / "metrics.json").read_text())["history"])
    one, two = histories
    assert [row["step"] for row in two] == [row["step"] for row in one]
    assert [row["val_loss"] for row in two] == pytest.approx([row["val_loss"] for row in one], rel=1e-4)
    assert len({round(row["val_loss"], 6) for row in one}) == 3  # it did learn
