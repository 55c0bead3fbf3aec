"""`assay doctor`: is this installation whole? Versions, weights against their cards, known answers."""

from __future__ import annotations

import platform
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli import exits

if TYPE_CHECKING:
    from assay.selftest import SelfTest
    from assay.settings import Settings

EPILOG = """\b
Examples:
  assay doctor
  assay doctor --format json

It ends with 3 if a weight is altered or missing, or a known answer differs.
"""

_DISTRIBUTIONS = (
    "numpy",
    "onnxruntime",
    "soundfile",
    "soxr",
    "av",
    "pydantic",
    "pydantic-settings",
    "typer",
    "rich",
)


def doctor(
    form: Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="For people or programs.")] = "text",
) -> None:
    """Check the installation: versions, weights against their cards, the known answer of each model."""
    from assay.cli.terminal import prepare, say_json

    settings = prepare()
    found = versions()
    checks = check_models(settings)
    if form == "json":
        passed = all(check["passed"] for check in checks)
        say_json({"versions": found, "checks": checks, "passed": passed})
    else:
        _print(found, checks)
    raise typer.Exit(exits.OK if all(check["passed"] for check in checks) else exits.MODEL)


def versions() -> dict[str, Any]:
    """Versions of Assay, Python and the libraries that do the work; one that is missing or broken says so."""
    from assay._version import __version__

    found: dict[str, Any] = {
        "assay": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    return found | {name: _version_of(name) for name in _DISTRIBUTIONS} | _native_libraries()


def _version_of(distribution: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return "missing"


def _native_libraries() -> dict[str, Any]:
    """What lies behind the Python packages."""
    found: dict[str, Any] = {}
    try:
        import soundfile

        found["libsndfile"] = soundfile.__libsndfile_version__
        import av

        found["ffmpeg"] = {name: ".".join(map(str, number)) for name, number in av.library_versions.items()}
        import onnxruntime

        found["providers"] = onnxruntime.get_available_providers()
    except (ImportError, OSError) as error:  # a library that cannot be loaded
        found["broken"] = str(error)
    return found


def check_models(settings: Settings) -> list[dict[str, Any]]:
    """Whether each weight is the one on its card and gives the answer that the card states."""
    from assay.errors import ModelError

    try:
        from assay.selftest import run_self_tests

        tests: list[SelfTest] = run_self_tests(settings)
    except (ModelError, ImportError) as error:  # a broken card, a library that cannot be loaded
        return [{"name": "models", "passed": False, "detail": str(error)}]
    return [asdict(test) for test in tests]


def _print(found: dict[str, Any], checks: list[dict[str, Any]]) -> None:
    import sys

    from assay.cli.terminal import paint, say

    for name, value in found.items():
        if isinstance(value, dict):
            value = ", ".join(f"{part} {number}" for part, number in value.items())
        elif isinstance(value, list):
            value = ", ".join(value)
        say(f"{name}: {value}")
    say("")
    for check in checks:
        mark = (
            paint("ok  ", sys.stdout, fg="green") if check["passed"] else paint("FAIL", sys.stdout, fg="red", bold=True)
        )
        duration = f" ({check['duration_ms']:.0f} ms)" if "duration_ms" in check else ""
        say(f"{mark} {check['name']}: {check['detail']}{duration}")
