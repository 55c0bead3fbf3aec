"""What `assay serve` costs over the same scans in process, and what a plain handler costs instead.

    python benchmarks/service.py              # 7 turns of 320 requests, then 5,000 for memory and errors
    python benchmarks/service.py --quick      # 3 turns of 96, then 500
    python benchmarks/service.py --write      # and put the table on benchmarks/README.md

32 clients on the loopback send wav files of 8 s. Three subjects take turns on the same cores: the service, the plain
handler of `service_plain.py`, and `Detector.scan_many` in process, with as many jobs as cores and with one more,
whichever is faster in the turn. Clients run on these cores, too, and take what they
take from the servers. Ratios are taken within a turn and the median is told: a machine that slows down slows all.

Where other work takes turns on the machine, wall time measures that work, too. So beside it stands the processor time
of a subject for one file, which does not.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import machine
import page

HERE = Path(__file__).parent
README = HERE / "README.md"
CLIENTS, FILES = 32, 24
TARGET = 0.85
Turn = dict[str, dict[str, Any]]


class Partner:
    """A process that answers a line with a line."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._line()

    def _line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, number: int) -> Any:
        """One question, one answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{number}\n")
        return self._line()

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


class Server:
    """A server on a port of its own, and the clients that speak to it."""

    def __init__(self, command: list[str], port: int, files: list[str], folder: Path) -> None:
        environment = {**os.environ, "ASSAY_SERVE_QUEUE_SIZE": "64"}
        self.process = subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=environment, stderr=subprocess.DEVNULL
        )
        self._until_ready(port)
        self.clients = Partner(str(HERE / "service_clients.py"), str(port), str(CLIENTS), *files)

    def _until_ready(self, port: int) -> None:
        while not answers(port):
            if self.process.poll() is not None:
                raise SystemExit("a server ended instead of starting")
            time.sleep(0.2)

    def load(self, count: int) -> dict[str, Any]:
        """So many requests."""
        before = self.cpu_s()
        found: dict[str, Any] = self.clients.ask(count)
        return {**found, "server_cpu_s": self.cpu_s() - before, "resident_mb": self.resident_mb()}

    def cpu_s(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        """Memory now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024 / 1e6

    def close(self) -> None:
        """End it."""
        self.clients.close()
        self.process.terminate()
        self.process.wait()


def answers(port: int) -> bool:
    """Whether a service is ready there."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz").close()
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


def free_port() -> int:
    """A port that nobody has right now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def per_file(spent: dict[str, Any], count: int) -> dict[str, float]:
    """Figures of one subject in one turn."""
    cpu_s = spent.get("server_cpu_s", 0.0) + spent["cpu_s"]
    figures = {"files_s": count / spent["wall_s"], "cpu_ms": 1e3 * cpu_s / count}
    if "latencies_s" in spent:
        figures["server_cpu_ms"] = 1e3 * spent["server_cpu_s"] / count
        figures["p50_s"] = statistics.median(spent["latencies_s"])
        figures["p95_s"] = statistics.quantiles(spent["latencies_s"], n=20)[-1]
        figures["failed"] = count - spent["statuses"].get("200", 0)
    return figures


def measure(turns: int, count: int, long: int, cores: int) -> dict[str, Any]:
    """Everything, as one object."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        command = [sys.executable, str(HERE / "sounds.py"), name, "--files", str(FILES)]
        files = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["short"]
        ports = free_port(), free_port()
        serve = ["-m", "assay", "serve", "--port", str(ports[0])]
        service = Server(serve, ports[0], files, folder)
        stack.callback(service.close)
        plain = Server([str(HERE / "service_plain.py"), str(ports[1])], ports[1], files, folder)
        stack.callback(plain.close)
        batches = {jobs: Partner(str(HERE / "service_batch.py"), str(jobs), *files) for jobs in (cores, cores + 1)}
        for batch in batches.values():
            stack.callback(batch.close)
        for server in (service, plain):
            server.load(2 * CLIENTS)
        found = [turn(service, plain, batches, count) for _ in range(turns)]
        memory = [further(service, step) for step in steps(long)]
    return {"turns": found, "memory": memory}


def turn(service: Server, plain: Server, batches: dict[int, Partner], count: int) -> Turn:
    """Each subject once; of the two ways in process the faster one counts."""
    batch = max((per_file(batch.ask(count), count) for batch in batches.values()), key=lambda one: one["files_s"])
    found = {
        "scan_many": batch,
        "service": per_file(service.load(count), count),
        "plain": per_file(plain.load(count), count),
    }
    print({who: {name: round(value, 3) for name, value in each.items()} for who, each in found.items()}, flush=True)
    return found


def steps(total: int) -> list[int]:
    """Ten parts of a long run."""
    return [total // 10] * 10


def further(service: Server, count: int) -> dict[str, float]:
    """A part of the long run: memory at its end, and how many answers were none."""
    spent = service.load(count)
    failed = count - spent["statuses"].get("200", 0)
    print(f"{count} more: {spent['resident_mb']:.0f} MB, {failed} failed", flush=True)
    return {"requests": count, "resident_mb": spent["resident_mb"], "failed": failed}


def middle(turns: list[Turn], who: str, figure: str) -> str:
    """Median over turns, and in brackets the smallest and the largest."""
    values = [turn[who][figure] for turn in turns]
    digits = 2 if figure.endswith("_s") and figure != "files_s" else 1
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def ratio(turns: list[Turn], figure: str, who: str) -> list[float]:
    """Speed over scan_many within each turn."""
    if figure == "files_s":
        return [turn[who][figure] / turn["scan_many"][figure] for turn in turns]
    return [turn["scan_many"][figure] / turn[who][figure] for turn in turns]


def spread(ratios: list[float]) -> str:
    """Median, and in brackets the smallest and the largest."""
    return f"{statistics.median(ratios):.1%} ({min(ratios):.1%}–{max(ratios):.1%})"


def table(found: dict[str, Any], facts: dict[str, Any]) -> str:
    """The section of benchmarks/README.md."""
    turns, memory = found["turns"], found["memory"]
    rows = [
        "| 32 clients, wav files of 8 s | files/s | of scan_many | processor ms per file, clients included |"
        " of scan_many | p50, s | p95, s | failed |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    names = {"scan_many": "`Detector.scan_many`, in process", "service": "**`assay serve`**", "plain": "plain handler"}
    for who, name in names.items():
        served = who != "scan_many"
        cells = [name, middle(turns, who, "files_s"), "", middle(turns, who, "cpu_ms"), "", "", "", ""]
        if served:
            cells[2], cells[4] = (f"{statistics.median(ratio(turns, each, who)):.0%}" for each in ("files_s", "cpu_ms"))
            cells[5:7] = middle(turns, who, "p50_s"), middle(turns, who, "p95_s")
            cells[7] = str(int(sum(turn[who]["failed"] for turn in turns)))
        rows.append("| " + " | ".join(cells) + " |")
    duty, spent = (ratio(turns, each, "service") for each in ("files_s", "cpu_ms"))
    total = sum(int(each["requests"]) for each in memory)
    resident = [each["resident_mb"] for each in memory]
    return "\n".join(
        [
            f"{facts['date']}, commit {facts['commit']}. {facts['processor']} ({facts['instructions']}),"
            f" {facts['cores']} cores. Load average before: {facts['load_before']}. {len(turns)} turns.",
            "",
            *rows,
            "",
            f"Throughput: {spread(duty)} of `scan_many` (median of turns, smallest and largest; at least {TARGET:.0%}:"
            f" {'met' if statistics.median(duty) >= TARGET else '**missed**'} by the median, by"
            f" {sum(each >= TARGET for each in duty)} of {len(duty)} turns);"
            f" by processor time, which does not count what else ran: {spread(spent)}.",
            f"Memory over {total:,} further requests: {resident[0]:.0f} MB after the first tenth,"
            f" {max(resident):.0f} MB at most, {resident[-1]:.0f} MB at the end;"
            f" {int(sum(each['failed'] for each in memory))} failed.",
        ]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 turns of 96 requests, then 500")
    parser.add_argument("--write", action="store_true", help="put the table on benchmarks/README.md")
    arguments = parser.parse_args()
    facts = machine.facts()
    turns, count, long = (3, 96, 500) if arguments.quick else (7, 320, 5_000)
    found = measure(turns, count, long, facts["cores"])
    body = table(found, facts)
    print(body)
    if arguments.write:
        (HERE / "service.json").write_text(json.dumps({"facts": facts, **found}, indent=1) + "\n", encoding="utf-8")
        page.write_page({"service": body}, README)


if __name__ == "__main__":
    main()
