"""A sample of a protocol: as even as it can be, and the same each time."""

from collections import Counter

import pytest

from assay.data import Trial
from assay.evaluate.trials import drawn


def trials_of(*piles):
    """Trials of (key, source, generator, count)."""
    return [
        Trial(path=f"{source}-{generator}-{number}", key=key, source=source, generator=generator)
        for key, source, generator, count in piles
        for number in range(count)
    ]


PILES = (("bona_fide", "a", "", 50), ("bona_fide", "b", "", 4), ("spoof", "a", "x", 30), ("spoof", "a", "y", 30))


def test_sources_and_generators_have_equal_shares_as_far_as_they_last():
    found = Counter((one.key, one.source, one.generator) for one in drawn(trials_of(*PILES), 12))
    assert found == {
        ("bona_fide", "a", ""): 8,
        ("bona_fide", "b", ""): 4,
        ("spoof", "a", "x"): 6,
        ("spoof", "a", "y"): 6,
    }


def test_the_order_stays_and_the_seed_decides():
    trials = trials_of(*PILES)
    found = drawn(trials, 10)
    assert found == drawn(trials, 10) != drawn(trials, 10, seed=1)
    assert found == [one for one in trials if one in found]


@pytest.mark.parametrize("count", [54, 1000])
def test_a_large_sample_is_all_that_there_are(count):
    trials = trials_of(*PILES)
    assert Counter(one.key for one in drawn(trials, count)) == {"bona_fide": 54, "spoof": min(60, count)}
