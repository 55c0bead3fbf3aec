"""What training costs: speed against the usual loop, share of the network, memory, forms; part of `make bench`.

    python benchmarks/training.py              # 14 minutes on 2 cores; writes README.md and training.json here
    python benchmarks/training.py --quick      # one turn of little; prints, writes nothing

What is measured is in training_subjects.py, on what in training_data.py, how in measure.py and worker.py, how it is
told in training_report.py. Needs Linux, the extras ``[train,test]`` (PyTorch, librosa) and 3 GB
of disk, which are free again afterwards.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from machine import facts
from measure import HERE, Entry, take_turns
from report import write_between
from training_report import BEGIN, END, Groups, markdown
from training_subjects import COMPARED, SHARES

PACKAGES = ("lightning", "onnx", "safetensors")
CORES = 2


@dataclass(frozen=True)
class Plan:
    """How much to measure.

    Attributes:
        train: Recordings that are learnt from.
        dev: Those that are measured on.
        many: Recordings of a minute in the set that is larger than memory.
        turns: Of everything that is compared.
        cases: What is compared: data, architecture, and which of `training_subjects.KINDS`.
        shares: Architectures whose network share is measured, and which are exported.
    """

    train: int = 128
    dev: int = 32
    many: int = 1024
    turns: int = 3
    cases: tuple[tuple[str, str, str], ...] = (
        *(("sounds", model, "") for model in COMPARED),
        ("sounds-wav", "mel-cnn", ""),
        ("sounds", "mel-cnn", "-augmented"),
        ("sounds", "mel-cnn", "-few"),
    )
    shares: tuple[str, ...] = tuple(SHARES)


QUICK = Plan(train=16, dev=8, many=16, turns=1, cases=(("sounds", "mel-cnn", "-few"),), shares=("mel-cnn",))


def measure(plan: Plan, protocols: dict[str, str]) -> Groups:
    """Comparisons in turns; then everything else, one process after the other."""

    def entry(subject: str, data: str, *, turns: int = 1, threads: int = CORES) -> Entry:
        return Entry(subject, [protocols[data]], plan.train, turns, threads=threads, cold=True)

    groups: Groups = {}
    for data, model, kind in plan.cases:
        named = {name: f"{name}{kind}:{model}" for name in ("lab", "loop", "single")} | {"steps": f"steps:{model}"}
        entries = {name: entry(subject, data, turns=plan.turns) for name, subject in named.items()}
        groups[f"{data}, {model}{kind}"] = _told(f"{data}, {model}{kind}", entries)
    # One after the other: a process that waits would hold its memory meanwhile.
    groups["shares"] = {}
    for model in plan.shares:
        groups["shares"] |= _told(f"share, {model}", {model: entry(f"train:{model}", SHARES[model])})
    groups["memory"] = {}
    for data in ("fewer", "many"):
        groups["memory"] |= _told(f"memory, {data}", {data: entry("memory:mel-cnn", data)})
    groups["forms"] = {}
    for model in plan.shares:
        one = entry(f"export:{model}", SHARES[model], turns=plan.turns, threads=1)
        groups["forms"] |= _told(f"forms, {model}", {model: one})
    return groups


def _told(what: str, entries: dict[str, Entry]) -> Any:
    print(what, file=sys.stderr, flush=True)
    return take_turns(entries, at_least_s=0.0, with_facts=True)


def run(*, quick: bool) -> None:
    """Measure, print, and keep it unless this is only a smoke test."""
    plan = QUICK if quick else Plan()
    found = facts()
    found["packages"] |= {name: version(name) for name in PACKAGES}
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        print("making data", file=sys.stderr, flush=True)
        command = [sys.executable, str(HERE / "training_data.py"), folder]
        command += ["--train", str(plan.train), "--dev", str(plan.dev), "--many", str(plan.many)]
        made = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        groups = measure(plan, made["protocols"])
    found |= {"kinds": made["kinds"], "made": made["made"], "train": plan.train, "dev": plan.dev}
    text = markdown(groups, found)
    print(text)
    if not quick:
        write_between(HERE / "README.md", BEGIN, END, text)
        kept = {name: {key: one.as_dict() for key, one in group.items()} for name, group in groups.items()}
        kept_text = json.dumps({"facts": found, "groups": kept}, indent=1)
        (HERE / "training.json").write_text(kept_text + "\n", encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one turn of little; nothing is written")
    arguments = parser.parse_args()
    if sys.platform != "linux":
        raise SystemExit("the benchmarks read /proc and pin processes to cores; they run on Linux only")
    run(quick=arguments.quick)


if __name__ == "__main__":
    main()
