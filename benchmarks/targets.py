"""What Assay promises about speed, memory and start, held against the numbers of one run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from measure import Series, median_of, ratios

SPEED = 400.0
GOAL = 1_000.0
OVER_USUAL = 10.0
OF_NETWORK = 0.6
LONG_S = 10_800
LONG_BYTES = 400e6
GROWTH = 1.05  # exponent of time against length; 1 is proportional, the rest is allowed for noise
HELP_S = 0.25
SCAN_S = 1.0

Groups = dict[str, dict[str, Series]]


@dataclass(frozen=True)
class Target:
    """One promise: in words, what was measured, and whether it was kept (None: not measured)."""

    promise: str
    measured: str
    met: bool | None


def targets(groups: Groups, middle: str) -> list[Target]:
    """All promises, in the order of the README.

    Args:
        groups: The measurements.
        middle: The middle length in words.
    """
    return [
        *_speed(groups["short, threads 1"], "8 s files"),
        *_speed(groups["middle, threads 1"], middle),
        *_long(groups),
        *_start(groups["cold start"]),
    ]


def _speed(group: dict[str, Series], what: str) -> list[Target]:
    speed = median_of(group["scan"].speeds)
    over_usual = median_of(ratios(group["scan"], group["usual"]))
    of_network = median_of(ratios(group["scan"], group["network"]))
    goal = f" (the goal of {GOAL:g} is {'reached' if speed >= GOAL else 'not reached'})"
    return [
        Target(
            f"{what}, wav: at least {SPEED:g} s of sound per second on one core", f"{speed:.0f}{goal}", speed >= SPEED
        ),
        Target(
            f"{what}: at least {OVER_USUAL:g} times the usual way at the same hop",
            f"{over_usual:.1f} times",
            over_usual >= OVER_USUAL,
        ),
        Target(
            f"{what}: at least {OF_NETWORK:.0%} of the speed of the network alone",
            f"{of_network:.0%}",
            of_network >= OF_NETWORK,
        ),
    ]


def growth(lengths: dict[str, Series], shorter: str, longer: str) -> float:
    """Exponent e in time ~ length^e between two lengths."""
    first, last = lengths[shorter], lengths[longer]
    return math.log(median_of(last.wall_s) / median_of(first.wall_s)) / math.log(last.audio_s / first.audio_s)


def _long(groups: Groups) -> list[Target]:
    lengths, longest = groups["lengths"], str(LONG_S)
    memory = f"3 h: at most {LONG_BYTES / 1e6:g} MB resident, everything included"
    linear = f"3 h: time grows in proportion to length (exponent from 10 min on at most {GROWTH:g})"
    if longest not in lengths:
        return [Target(memory, "not measured", None), Target(linear, "not measured", None)]
    several = [lengths[longest], *groups["longest, threads 2"].values(), *groups["longest, command line"].values()]
    peak = max(value for series in several for value in series.peak_bytes)
    exponent = growth(lengths, "600", longest)
    return [
        Target(memory, f"{peak / 1e6:.0f} MB", peak < LONG_BYTES),
        Target(linear, f"{exponent:.3f}", exponent <= GROWTH),
    ]


def _start(group: dict[str, Series]) -> list[Target]:
    helped, scanned = median_of(group["help"].wall_s), median_of(group["scan"].wall_s)
    return [
        Target(f"`assay --help` in less than {HELP_S:g} s", f"{helped:.2f} s", helped < HELP_S),
        Target(f"`assay scan` of one 8 s wav, cold, in less than {SCAN_S:g} s", f"{scanned:.2f} s", scanned < SCAN_S),
    ]
