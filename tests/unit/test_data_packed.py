"""Packs: what goes in comes out, stale ones are made again, and reading one larger than memory stays flat."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from assay.data import packed
from assay.data.packed import code_version, content_of, pack_arrays
from assay.errors import DataError

ARRAYS = [np.arange(6, dtype=np.int16).reshape(3, 2), np.zeros((0, 2), np.int16), np.full((1, 2), 9, np.int16)]


def pack(folder, content="x", arrays=ARRAYS):
    return pack_arrays(folder, "p", lambda: iter(arrays), content=content, dtype=np.int16, tail=(2,))


def test_arrays_come_back_read_only(tmp_path):
    made = pack(tmp_path)
    assert len(made) == 3
    for got, given in zip(made, ARRAYS, strict=True):
        np.testing.assert_array_equal(got, given)
    np.testing.assert_array_equal(made.values, np.concatenate(ARRAYS))
    with pytest.raises(ValueError, match="read-only"):
        made[0][0, 0] = 1
    with pytest.raises(IndexError):
        made[3]


def test_an_empty_pack_is_empty(tmp_path):
    made = pack(tmp_path, arrays=[])
    assert (len(made), made.values.shape) == (0, (0, 2))


def test_a_pack_is_made_once_and_again_if_its_content_changed_or_half_of_it_is_gone(tmp_path):
    made = []

    def arrays():
        made.append(1)
        return iter(ARRAYS)

    def once(content):
        return pack_arrays(tmp_path, "p", arrays, content=content, dtype=np.int16, tail=(2,))

    once("x"), once("x")
    assert len(made) == 1
    once("y")
    assert len(made) == 2
    (tmp_path / "p.bin").write_bytes(b"half")
    np.testing.assert_array_equal(once("y")[0], ARRAYS[0])
    assert len(made) == 3
    (tmp_path / "p.npz").unlink()
    once("y")
    assert len(made) == 4


def test_a_pack_that_was_interrupted_leaves_none(tmp_path):
    def broken():
        yield ARRAYS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack_arrays(tmp_path, "p", broken, content="x", dtype=np.int16, tail=(2,))
    assert not (tmp_path / "p.bin").exists()
    assert not (tmp_path / "p.npz").exists()


@pytest.mark.parametrize("array", [np.zeros((2, 2)), np.zeros((2, 3), np.int16), np.zeros((), np.int16)])
def test_an_array_that_does_not_fit_is_an_error(tmp_path, array):
    with pytest.raises(DataError, match="does not belong into a pack of int16"):
        pack(tmp_path, arrays=[array])


def test_content_depends_on_bytes_order_and_what_else_is_said(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)
    a, b = tmp_path / "a", tmp_path / "b"
    digests = {content_of([a, b]), content_of([b, a]), content_of([a, b], 1), content_of([a])}
    assert len(digests) == 4
    before = content_of([a, b])
    (tmp_path / "c").write_text("a")
    assert content_of([tmp_path / "c", b]) == before  # the name says nothing
    a.write_text("other")
    assert content_of([a, b]) != before


def test_a_code_version_changes_with_the_code():
    def one(x):
        return x + 1

    def other(x):
        return x + 2

    assert code_version(one) == code_version(one) != code_version(other)
    assert code_version(packed, one) != code_version(packed)


def test_code_without_a_file_has_a_version_too():
    one, same, other = (code_version(eval(f"lambda x: [y + {n} for y in x]")) for n in (1, 1, 2))
    assert one == same != other


READ = """
    import resource, sys
    from pathlib import Path
    import numpy as np
    from assay.data.packed import pack_arrays

    def status(name):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024

    folder, mapped_at_once = Path(sys.argv[1]), sys.argv[2] == "whole"
    pack = pack_arrays(folder, "p", lambda: None, content="x", dtype=np.float32, tail=())
    total = float(pack[0][:8].sum())  # what is loaded once is loaded
    before = status("VmRSS")
    limit = status("VmSize") + 60 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if mapped_at_once:
        pack.values
    for array in pack:
        total += float(array.sum())
    print(total, max(0, status("VmHWM") - before))
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A pack of 200 MB, 100 arrays of ones."""
    folder = tmp_path_factory.mktemp("large")
    ones = np.ones(500_000, np.float32)
    pack_arrays(folder, "p", lambda: (ones for _ in range(100)), content="x", dtype=np.float32)
    assert (folder / "p.bin").stat().st_size == 200_000_000
    yield folder
    (folder / "p.bin").unlink()


def read(folder, how):
    command = [sys.executable, "-c", textwrap.dedent(READ), str(folder), how]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="limits and sizes as Linux has them")
def test_a_set_larger_than_the_memory_allowed_is_read_in_flat_memory(large):
    done = read(large, "one by one")
    assert done.returncode == 0, done.stderr
    total, grown = done.stdout.split()
    assert float(total) == 50_000_008.0
    assert int(grown) < 60 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="limits and sizes as Linux has them")
def test_the_same_limit_does_not_allow_to_map_the_set_as_a_whole(large):
    done = read(large, "whole")
    assert done.returncode != 0
    assert "Cannot allocate memory" in done.stderr
