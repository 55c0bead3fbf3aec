"""A set larger than the memory that a training may have."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

import lab_toys

TRAIN = """
    import resource, sys
    from pathlib import Path

    import lab_toys
    import numpy as np
    import torch
    from assay.training.lab.config import load_run
    from assay.training.lab.fit import fit
    from assay.training.lab.setting import ready
    from assay.training.lab.weights import begin

    EACH = 16 * 2**20  # bytes of an array

    def status(name):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024

    protocol, out, held_at_once = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "at once"
    lab_toys.register_toys()
    torch.set_num_threads(1)
    changes = ["optimisation.epochs=1", "data.batch_size=2", "data.augment=false", "machine.workers=0"]
    run = load_run("toy-audio", None, changes)
    setting = ready(run, [protocol], out / "cache", jobs=1)
    reader, held = setting.reader("train"), []
    for item in reader.items:  # as if they were recordings of nine minutes; holes take no place on a disk
        place = setting.cache.place(item.content)
        with place.open("r+b") as stream:
            stream.truncate(EACH)
    before, limit = status("VmRSS"), status("VmSize") + 200 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if held_at_once:
        held += [reader.cache.array(*item.file) for item in reader.items]
    told = fit(begin(setting.architecture, run), run, reader, setting.reader("validation"), out, fingerprint="",
               resume=False)
    sizes = sum(setting.cache.place(item.content).stat().st_size for item in reader.items)
    print(told.history[-1]["step"], sizes, max(0, status("VmHWM") - before))
"""


def train(folder, how):
    protocol = lab_toys.sounds(folder / "data", sources=8, each=2, partitions=("train", "train", "train", "dev"))
    paths = [str(Path(lab_toys.__file__).parent), *(path for path in sys.path if path)]
    command = [sys.executable, "-c", textwrap.dedent(TRAIN), str(protocol), str(folder / "run"), how]
    told = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=told)


@pytest.mark.skipif(sys.platform != "linux", reason="limits and sizes as Linux has them")
def test_a_set_larger_than_the_memory_allowed_is_learnt_from_in_flat_memory(tmp_path):
    done = train(tmp_path, "as it comes")
    assert done.returncode == 0, done.stderr
    steps, decoded, grown = map(int, done.stdout.split())
    assert (steps, decoded) == (12, 24 * 16 * 2**20)
    assert grown < 150 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="limits and sizes as Linux has them")
def test_the_same_limit_does_not_allow_to_hold_the_set_at_once(tmp_path):
    done = train(tmp_path, "at once")
    assert done.returncode != 0
    assert "Cannot allocate memory" in done.stderr
