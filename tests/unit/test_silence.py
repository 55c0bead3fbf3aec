"""Zeros are filled with faint noise, the same for the same place, and nothing else is touched."""

import numpy as np

from assay.audio.silence import PERIOD, STEP, SilenceFiller


def test_only_zeros_are_replaced():
    samples = np.where(np.arange(1000) % 3 == 0, 0, 0.25).astype(np.float32)
    filled = SilenceFiller().push(samples)
    assert filled.dtype == np.float32
    assert (filled[samples != 0] == 0.25).all()
    assert 0.5 * STEP < filled[samples == 0].std() < 2 * STEP
    assert (samples[::3] == 0).all()  # the given array stays as it was


def test_sound_without_zeros_is_handed_on_as_it_is():
    samples = np.full(1000, 0.1, np.float32)
    assert SilenceFiller().push(samples) is samples


def test_blocks_make_no_difference():
    samples = np.zeros(3 * PERIOD + 7, np.float32)
    samples[5_000:90_000] = 0.1
    whole = SilenceFiller().push(samples)
    filler, at, pieces = SilenceFiller(), 0, []
    for size in (1, 70_000, 3, PERIOD, samples.size):
        pieces.append(filler.push(samples[at : at + size]))
        at += size
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_nothing_gives_nothing():
    assert SilenceFiller().push(np.empty(0, np.float32)).size == 0
