"""Hiding boxes coarse to fine, and what a map marks."""

import numpy as np
import pytest

from assay.explain.adaptive import Box, occlude, tiles
from assay.explain.deletion import deletion_test
from assay.explain.places import coverage, holding, overlaps, patches, respread, stretches


def asking(truth):
    """A network to which places count on their own."""

    def ask(boxes):
        return np.array([truth[box.where].sum() for box in boxes])

    return ask


def test_tiles_cover_every_cell_once():
    covered = np.zeros((5, 7), int)
    for box in tiles(5, 7, 2, 3):
        covered[box.where] += 1
    assert (covered == 1).all()


def test_parts_of_a_box_cover_it_once_and_a_cell_is_its_own_part():
    covered = np.zeros((8, 8), int)
    for part in Box(1, 4, 2, 7).parts():
        covered[part.where] += 1
    assert covered.sum() == 15
    assert covered.max() == 1
    assert Box(3, 4, 5, 6).parts() == [Box(3, 4, 5, 6)]


def test_where_places_add_up_the_strongest_is_found_and_nothing_is_lost():
    truth = np.zeros((16, 32))
    truth[5, 9], truth[12, 20] = 3.0, -2.0
    found = occlude(16, 32, (4, 4), (2, 2), asking(truth))
    assert found.sum() == pytest.approx(1.0)
    assert np.unravel_index(found.argmax(), found.shape) == (5, 9)
    assert found[5, 9] == pytest.approx(3.0)
    assert found[12, 20] == pytest.approx(-2.0)


def test_parts_that_tell_the_same_share_what_their_whole_told():
    # The network needs either half of the box, so hiding one of them changes nothing.
    def ask(boxes):
        return np.array([1.0 if box.area == 16 and box.top == box.left == 0 else 0.0 for box in boxes])

    found = occlude(4, 8, (4, 4), (1,), ask)
    assert found[:, :4] == pytest.approx(1 / 16)
    assert found[:, 4:] == pytest.approx(0.0)


def test_half_of_the_evidence_lies_in_the_fewest_places():
    values = np.array([[4.0, 1.0], [3.0, -9.0]])
    assert holding(values).tolist() == [[True, False], [False, False]]
    assert holding(np.array([3.0, 3.0, 1.0, 1.0])).tolist() == [True, True, False, False]
    assert coverage(values) == 0.25
    assert coverage(-np.ones((2, 2))) == 0.0


def test_stretches_are_the_strongest_in_order_of_time():
    profile = np.array([0.0, 5.0, 5.0, 0.0, 0.5, 0.0, 6.0, -3.0])
    assert stretches(profile, 3) == [(1, 2), (6, 7)]
    assert stretches(profile, 1) == [(6, 7)]


def test_patches_are_boxes_around_connected_places_the_strongest_first():
    values = np.zeros((6, 6))
    values[0, 0] = 2.1
    values[3, 3] = values[4, 3] = values[4, 4] = 2.0
    values[1, 5] = 5.0  # half of all is 6.55: the strongest and one more
    assert patches(values, 3) == [(1, 2, 5, 6), (0, 1, 0, 1)]
    values[0, 0] = 1.9
    values[1, 5] = 1.0  # half is 4.45: three that touch, with a corner of their box that is not set
    assert patches(values, 3) == [(3, 5, 3, 5)]


def test_another_grid_keeps_the_sum():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(7, 5))
    edges = np.linspace(0, 1, 8), np.linspace(0, 1, 6)
    found = respread(values, (edges[0], np.linspace(0, 1, 4)), (edges[1], np.linspace(0, 1, 12)))
    assert found.shape == (3, 11)
    assert found.sum() == pytest.approx(values.sum())
    assert overlaps([0, 2, 4], [0, 1, 4]).tolist() == [[0.5, 0.0], [0.5, 1.0]]


def test_the_deletion_test_holds_for_the_truth_and_fails_for_its_opposite():
    truth = np.zeros((10, 10))
    truth[2, :] = 1.0

    def ask(marks):
        return np.array([10.0 - truth[marked].sum() for marked in marks])

    right, wrong = deletion_test(truth, ask, 10.0), deletion_test(-truth, ask, 10.0)
    assert (right.marked, right.share, right.trials) == (0.0, 0.1, 5)
    assert right.holds
    assert not wrong.holds
    assert right.random == wrong.random  # drawn from a fixed seed


def test_the_deletion_test_hides_nothing_that_the_network_does_not_see():
    seen = np.zeros((4, 5), bool)
    seen[1:3] = True
    asked = []

    def ask(marks):
        asked.extend(marks)
        return np.zeros(len(marks))

    found = deletion_test(np.arange(20.0).reshape(4, 5), ask, 0.0, seen=seen)
    assert found.share == 0.1
    assert all((seen | ~marked).all() for marked in asked)
    assert deletion_test(np.ones(1), ask, 0.0) is None
