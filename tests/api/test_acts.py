"""Acts in threads: bounded, given up when nobody waits, and counted until their threads are free."""

import asyncio
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

from assay.errors import Overloaded, Stopped, TimedOut
from assay.explain.parallel import asked
from assay.serve.acts import Acts
from assay.serve.crossing import from_thread
from assay.stopping import check_stop, stopped_by


class Readiness:
    def require(self):
        pass


class Scorer:
    jobs = 1

    def __init__(self):
        self.cancelled = threading.Event()

    def require_room(self):
        pass

    async def scan(self, source, *, name, changes):
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


class Request:
    """Of a client that stays."""

    async def receive(self):
        await asyncio.sleep(60)


def make_acts(limit_s=0.3, queue_size=2):
    settings = SimpleNamespace(serve_timeout_s=limit_s, serve_queue_size=queue_size)
    return Acts(SimpleNamespace(settings=settings, scorer=Scorer()), Readiness())


def busy(begun, seconds=5.0):
    def act():
        begun.append(1)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.01)
            check_stop()

    return act


async def gone(acts):
    while acts.running:
        await asyncio.sleep(0.01)


def test_what_waits_for_its_turn_in_vain_never_runs():
    async def story():
        acts, begun = make_acts(), []
        found = await asyncio.gather(*(acts.run(Request(), busy(begun)) for _ in range(4)), return_exceptions=True)
        assert [type(error) for error in found] == [TimedOut] * 4
        await asyncio.wait_for(gone(acts), 5)
        await asyncio.sleep(0.2)
        assert begun == [1]

    asyncio.run(story())


def test_no_more_wait_than_may():
    async def story():
        acts = make_acts(limit_s=2.0, queue_size=2)
        waiting = [asyncio.create_task(acts.run(Request(), busy([], 0.3))) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert acts.running == 1
        with pytest.raises(Overloaded):
            acts.require_room()
        await asyncio.gather(*waiting)
        acts.require_room()

    asyncio.run(story())


def test_the_scan_of_an_act_that_is_given_up_is_stopped():
    async def story():
        acts = make_acts()
        with pytest.raises(TimedOut):
            await acts.run(Request(), lambda: acts.scan(b"", name="x"))
        await asyncio.wait_for(gone(acts), 5)
        assert acts.scorer.cancelled.is_set()

    asyncio.run(story())


def test_a_thread_gets_what_a_coroutine_answers_and_what_it_raises():
    async def story():
        loop = asyncio.get_running_loop()
        assert await asyncio.to_thread(from_thread, asyncio.sleep(0.01, 7), loop) == 7

        async def fails():
            raise OSError("away")

        with pytest.raises(OSError, match="away"):
            await asyncio.to_thread(from_thread, fails(), loop)

    asyncio.run(story())


def test_an_explanation_is_stopped_between_two_questions():
    event, count = threading.Event(), []

    def work(number):
        count.append(number)
        if number == 3:
            event.set()
        return float(number)

    with stopped_by(event), pytest.raises(Stopped):
        asked(work, range(1000), threads=2)
    assert len(count) < 20
    assert np.array_equal(asked(float, range(3), threads=1), [0.0, 1.0, 2.0])
