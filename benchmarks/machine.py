"""On what, when and with which versions a benchmark runs. No host names, no paths."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assay import __version__

PACKAGES = ("numpy", "onnxruntime", "soundfile", "soxr", "av", "torch", "librosa")
MADE = tuple(
    f":!benchmarks/{name}"
    for name in ("README.md", "last.json", "pictures.json", "videos.json", "training.json", "service.json")
)


def processor() -> str:
    """Model name of the processor."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def vector_instructions() -> str:
    """The widest instructions that matter for speed here."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    return next((name for name in ("avx512f", "avx2", "asimd") if name in flags), "none known")


def memory_bytes(field: str) -> int:
    """A line of /proc/meminfo."""
    return 1024 * int(Path("/proc/meminfo").read_text(encoding="ascii").split(f"{field}:")[1].split()[0])


def available_bytes() -> int:
    """Memory that may be used without swapping."""
    return memory_bytes("MemAvailable")


def commit() -> str:
    """Commit of this checkout, and whether the code differs from it."""
    here = Path(__file__).parent.parent
    try:
        name = _git(here, "rev-parse", "--short=12", "HEAD")
        changed = _git(here, "status", "--porcelain", "--", "src", "benchmarks", *MADE)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name} with uncommitted changes" if changed else name


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def facts() -> dict[str, Any]:
    """Everything a reader needs to judge the numbers; to be asked before anything is measured."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "processor": processor(),
        "instructions": vector_instructions(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory_bytes("MemTotal") / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {"assay": __version__, **{name: version(name) for name in PACKAGES}},
        "load_before": round(os.getloadavg()[0], 2),
    }
