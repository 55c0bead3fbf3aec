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

    protocol, out = map(Path, sys.argv[1:])
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
    told = fit(begin(setting.architecture, run), run, reader, setting.reader("validation"), out, fingerprint="",
               resume=False)
    sizes = sum(setting.cache.place(item.content).stat().st_size for item in reader.items)
    grown = max(0, status("VmHWM") - before)
    try:
        for item in reader.items:
            held.append(reader.cache.array(*item.file))
    except OSError as error:
        print(told.history[-1]["step"], sizes, grown, len(held), error.strerror, sep="\\n")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits and sizes as Linux has them")
def test_a_set_that_memory_does_not_hold_at_once_is_learnt_from_in_flat_memory(tmp_path):
    protocol = lab_toys.sounds(tmp_path / "data", sources=8, each=2, partitions=("train", "train", "train", "dev"))
    paths = [str(Path(lab_toys.__file__).parent), *(path for path in sys.path if path)]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(TRAIN), str(protocol), str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    steps, decoded, grown, held, told = done.stdout.splitlines()
    assert (int(steps), int(decoded)) == (12, 24 * 16 * 2**20)
    assert int(grown) < 150 * 2**20
    assert int(held) < 24
    assert told == "Cannot allocate memory"
