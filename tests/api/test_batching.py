"""Calls that are put together and taken apart again."""

import threading

import numpy as np
import pytest

from assay.serve.batching import BatchingSession


class Sums:
    """A network whose outputs tell what went in; the first call waits until it may go on."""

    def __init__(self):
        self.shapes = []

    def get_providers(self):
        return ["CPUExecutionProvider"]

    def run(self, outputs, feed):
        samples = feed["samples"]
        self.shapes.append(samples.shape)
        if np.isnan(samples).any():
            raise ValueError("nan")
        return [samples.sum(axis=1, keepdims=True) * (n + 1) for n in range(len(outputs))]


def together(session, inputs):
    """Run each input in a thread of its own; what came back or was raised, in their order."""
    found = [None] * len(inputs)
    start = threading.Barrier(len(inputs))

    def ask(at):
        start.wait()
        try:
            found[at] = session.run(["a", "b"], {"samples": inputs[at]})
        except ValueError as error:
            found[at] = error

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def rows(*lengths):
    return [np.full((1, length), at + 1, np.float32) for at, length in enumerate(lengths)]


def test_a_full_group_is_one_call_and_everybody_gets_their_own_row():
    network = Sums()
    inputs = rows(8, 8, 8, 8)
    found = together(BatchingSession(network, most=4, wait_s=60), inputs)
    assert network.shapes == [(4, 8)]
    for mine, answer in zip(inputs, found, strict=True):
        assert [array.shape for array in answer] == [(1, 1), (1, 1)]
        assert [array[0, 0] for array in answer] == [mine.sum(), 2 * mine.sum()]


def test_more_than_one_group_of_the_same_length():
    network = Sums()
    inputs = rows(*[8] * 6)
    found = together(BatchingSession(network, most=3, wait_s=60), inputs)
    assert network.shapes == [(3, 8), (3, 8)]
    assert [answer[0][0, 0] for answer in found] == [mine.sum() for mine in inputs]


def test_other_lengths_are_other_calls_and_nobody_waits_for_ever():
    network = Sums()
    inputs = rows(8, 9, 8)
    found = together(BatchingSession(network, most=8, wait_s=0.5), inputs)
    assert (1, 9) in network.shapes
    assert [answer[0][0, 0] for answer in found] == [mine.sum() for mine in inputs]


def test_an_error_reaches_everybody_who_shared_the_call():
    inputs = rows(8, 8)
    inputs[0][0, 3] = np.nan
    found = together(BatchingSession(Sums(), most=2, wait_s=60), inputs)
    assert [str(each) for each in found] == ["nan", "nan"]


def test_it_says_where_it_computes():
    assert BatchingSession(Sums(), most=2, wait_s=0).get_providers() == ["CPUExecutionProvider"]


def test_one_alone_is_not_copied():
    network, mine = Sums(), rows(8)[0]
    assert BatchingSession(network, most=4, wait_s=0).run(["a"], {"samples": mine})[0] == pytest.approx(8)
